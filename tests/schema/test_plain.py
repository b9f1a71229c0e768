"""Dataclasses as JSON-able data and back, exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Optional, Union

import pytest

from ven_sdk.errors import PayloadError, StateError
from ven_sdk.objects import DistributeEvent, FaultyEvent, Interval, Sample, Target
from ven_sdk.schema import plain

NOW = datetime(2030, 1, 1, 12, 0, 0, 5, tzinfo=timezone.utc)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    name: str
    parent: Optional["Inner"] = None


@dataclass(frozen=True)
class Everything:
    text: str
    number: float
    whole: int
    flag: bool
    moment: datetime
    span: timedelta
    exact: Decimal
    colour: Colour
    raw: bytes
    either: Union[int, float]
    inner: Inner
    target: Target
    maybe: Optional[datetime] = None
    texts: tuple[str, ...] = ()
    pair: tuple[int, str] = (0, "")
    table: Mapping[str, timedelta] = field(default_factory=dict)
    keyed: dict[tuple[str, int], Inner] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    anything: Any = None
    many: list[Optional[Target]] = field(default_factory=list)


FULL = Everything(
    text="t",
    number=0.1,
    whole=2**70,
    flag=True,
    moment=NOW,
    span=timedelta(days=3, microseconds=7),
    exact=Decimal("1.10"),
    colour=Colour.RED,
    raw=b"\x00\xff",
    either=412.0,
    inner=Inner("a", Inner("b")),
    target=Target(ven_id="v"),
    maybe=NOW,
    texts=("x", "y"),
    pair=(1, "one"),
    table={"k": timedelta(seconds=1)},
    keyed={("k", 1): Inner("c")},
    names=frozenset({"n"}),
    anything=[1, "x", None],
    many=[None, Target(group_id="g")],
)


def test_everything_survives_json() -> None:
    data = json.loads(json.dumps(plain.dump(FULL)))
    again = plain.load(Everything, data)
    assert again == FULL
    assert type(again.either) is float
    assert type(again.target) is Target


def test_defaults_are_left_out() -> None:
    assert plain.dump(Inner("a")) == {"name": "a"}
    assert plain.load(Inner, {"name": "a"}) == Inner("a")


def test_hidden_fields_of_records_are_kept() -> None:
    interval = Interval(
        dtstart=NOW, duration=timedelta(seconds=1), uid="0", signal_payload=1, derived=5
    )
    assert plain.load(Interval, plain.dump(interval)).derived == 5


def test_numbers_keep_their_type() -> None:
    for value in (412, 412.0):
        interval = Interval(signal_payload=value)
        assert type(
            plain.load(Interval, json.loads(json.dumps(plain.dump(interval)))).signal_payload
        ) is type(value)


def test_a_faulty_event_is_kept_with_its_error() -> None:
    record = DistributeEvent(
        request_id="r",
        vtn_id="v",
        faulty=(FaultyEvent(event_id="e", error=PayloadError("bad", path="a/b", value="x")),),
    )
    error = plain.load(DistributeEvent, plain.dump(record)).faulty[0].error
    assert (str(error), error.path, error.value) == ("bad", "a/b", "x")


def test_types_other_than_classes_are_loaded_too() -> None:
    data = plain.dump((Sample(1.5, NOW), Sample(2)))
    assert plain.load(tuple[Sample, ...], data) == (Sample(1.5, NOW), Sample(2))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Inner, {}),
        (Inner, {"name": "a", "other": 1}),
        (Inner, []),
        (datetime, "never"),
        (timedelta, "x"),
        (float, "1"),
        (tuple[Inner, ...], [1]),
        (Colour, "blue"),
    ],
)
def test_data_of_something_else_is_refused(kind: Any, data: Any) -> None:
    with pytest.raises(StateError, match="damaged, or was written by another version"):
        plain.load(kind, data)


def test_what_has_no_form_in_json_is_named() -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        plain.dump(object())
