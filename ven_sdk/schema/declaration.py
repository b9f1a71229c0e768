"""What is declared about one field of a record, with its path on the wire. Pure values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Optional, Union

Number = Union[int, float]


class Missing:
    """The type of ``MISSING``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()
"""No default: the field has to be given, the element has to be there."""

UINT32 = 2**32 - 1


class Declaration:
    """The declaration of one field.

    ``optional``: the element itself may be absent. ``default``: what a record made without it
    holds. ``otherwise``: what tolerant reading takes for a required element that is not there
    (``MISSING``: that is an error). ``vital``: one that is there and cannot be read spoils the
    record, because leaving it out would change what the record means; unless declared, what may be
    absent is not vital. ``hidden`` fields are no keys; fields with ``compare`` False do not count
    for equality. Fields without ``kw_only`` may be given by position.
    """

    __slots__ = (
        "at_least",
        "compare",
        "companion",
        "default",
        "extensible",
        "hidden",
        "high",
        "kind",
        "kw_only",
        "low",
        "negative",
        "optional",
        "otherwise",
        "path",
        "pattern",
        "record",
        "refused",
        "values",
        "vital",
    )

    def __init__(
        self,
        kind: str,
        path: str = "",
        *,
        optional: bool = False,
        default: object = MISSING,
        otherwise: object = MISSING,
        hidden: bool = False,
        compare: bool = True,
        kw_only: bool = True,
        record: Optional[type] = None,
        at_least: int = 0,
        values: Optional[Iterable[str]] = None,
        extensible: bool = False,
        refused: bool = False,
        pattern: str = "",
        low: int = 0,
        high: int = UINT32,
        negative: bool = False,
        companion: str = "",
        vital: Optional[bool] = None,
    ) -> None:
        self.kind: str = kind
        self.path: str = path
        self.optional: bool = optional
        absent = optional or "?" in path
        self.default: object = default
        self.otherwise: object = otherwise
        self.hidden: bool = hidden
        self.compare: bool = compare
        self.kw_only: bool = kw_only
        self.record: Optional[type] = record
        self.at_least: int = at_least
        self.values: Optional[frozenset[str]] = None if values is None else frozenset(values)
        self.extensible: bool = extensible
        self.refused: bool = refused
        self.pattern: str = pattern
        self.low: int = low
        self.high: int = high
        self.negative: bool = negative
        self.companion: str = companion
        self.vital: bool = (not absent and otherwise is MISSING) if vital is None else vital

    @property
    def repeated(self) -> bool:
        """Whether the field holds a sequence."""
        return self.kind in _SEQUENCES

    @property
    def stored(self) -> bool:
        """Whether records have a field for it."""
        return self.kind != "constant"


_SEQUENCES = frozenset(("texts", "children", "targets", "numbers", "sequence"))
