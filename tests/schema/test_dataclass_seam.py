"""Records look to ``dataclasses`` like dataclasses of its own: fails where its private side
changes.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Optional

from ven_sdk.schema import declarations as wire
from ven_sdk.schema.element import element
from ven_sdk.schema.record import Record


@element
class Ours(Record):
    """A record with a required field and an optional one."""

    name: str = wire.text("ei:name")
    pause: Optional[timedelta] = wire.duration("ei:pause", optional=True, default=None)


@dataclasses.dataclass(frozen=True)
class Theirs:
    name: str
    pause: Optional[timedelta] = None


def test_the_fields_of_a_record_are_those_of_a_dataclass_of_the_same_declaration() -> None:
    facts = ("name", "type", "default", "default_factory", "init", "repr", "compare", "_field_type")

    def described(cls: Any) -> list[tuple[Any, ...]]:
        return [tuple(getattr(f, fact) for fact in facts) for f in dataclasses.fields(cls)]

    assert described(Ours) == described(Theirs)


def test_dataclasses_reads_and_copies_records() -> None:
    record: Any = Ours(name="a", pause=timedelta(seconds=5))

    assert dataclasses.is_dataclass(record)
    assert dataclasses.asdict(record) == {"name": "a", "pause": timedelta(seconds=5)}
    assert dataclasses.replace(record, name="b") == record.replace(name="b")
