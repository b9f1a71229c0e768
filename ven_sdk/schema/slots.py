"""How an element of the schema is declared: one slot for each field of a record, with its path on
the wire.

A path names elements by prefix, outermost first; the ones before the last are wrappers that records
do not show. ``?`` after a wrapper says that it may be left out (what is required inside it is then
required only where it stands). Slots say what; :mod:`ven_sdk.oadr20b.codec` knows how. Pure
declarations, made at import.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

MISSING: Any = type(
    "MISSING", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False}
)()
"""No default: the field has to be given, the element has to be there."""

UINT32 = 2**32 - 1


class Slot:
    """The declaration of one field.

    ``optional``: the element itself may be absent. ``default``: what a record made without it
    holds. ``otherwise``: what tolerant reading takes for a required element that is not there
    (``MISSING``: that is an error). ``vital``: one that is there and cannot be read spoils the
    record, because leaving it out would change what the record means; unless declared, what may be
    absent is not vital. ``hidden`` fields are no keys; fields with ``compare`` False do not count
    for equality.
    """

    __slots__ = (
        "at_least",
        "compare",
        "companion",
        "default",
        "extensible",
        "filled",
        "hidden",
        "high",
        "kind",
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
        default: Any = MISSING,
        otherwise: Any = MISSING,
        hidden: bool = False,
        compare: bool = True,
        record: Any = None,
        at_least: int = 0,
        values: Optional[Iterable[str]] = None,
        extensible: bool = False,
        refused: bool = False,
        pattern: str = "",
        low: int = 0,
        high: int = UINT32,
        negative: bool = False,
        companion: str = "",
        filled: bool = True,
        vital: Optional[bool] = None,
    ) -> None:
        self.kind: str = kind
        self.path: str = path
        self.optional: bool = optional
        absent = optional or "?" in path
        self.default: Any = None if absent and default is MISSING and filled else default
        self.otherwise: Any = otherwise
        self.hidden: bool = hidden
        self.compare: bool = compare
        self.record: Any = record
        self.at_least: int = at_least
        self.values: Optional[frozenset[str]] = None if values is None else frozenset(values)
        self.extensible: bool = extensible
        self.refused: bool = refused
        self.pattern: str = pattern
        self.low: int = low
        self.high: int = high
        self.negative: bool = negative
        self.companion: str = companion
        self.filled: bool = filled
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


def text(
    path: str,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    pattern: str = "",
    refused: bool = False,
) -> Any:
    """A string, kept as it is. ``pattern``: what it has to match as a whole; ``refused``: or it is
    an error.
    """
    return Slot(
        "text",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        pattern=pattern,
        refused=refused,
    )


def texts(path: str, *, at_least: int = 0) -> Any:
    """Strings, one element each."""
    return Slot("texts", path, at_least=at_least, filled=False)


def token(
    path: str,
    values: Optional[Iterable[str]],
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    extensible: bool = False,
    refused: bool = False,
) -> Any:
    """One word of a vocabulary. ``extensible``: or any ``x-`` token; ``refused``: an unknown one is
    an error.
    """
    return Slot(
        "token",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        values=values,
        extensible=extensible,
        refused=refused,
    )


def boolean(
    path: str, *, optional: bool = False, default: Any = MISSING, otherwise: Any = MISSING
) -> Any:
    """``true`` or ``false`` (xs:boolean)."""
    return Slot("boolean", path, optional=optional, default=default, otherwise=otherwise)


def integer(
    path: str,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    low: int = 0,
    high: int = UINT32,
) -> Any:
    """A whole number between ``low`` and ``high`` (xs:unsignedInt)."""
    return Slot(
        "integer", path, optional=optional, default=default, otherwise=otherwise, low=low, high=high
    )


def number(
    path: str,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    vital: Optional[bool] = None,
) -> Any:
    """A finite xs:float: ``int`` when written without fraction and exponent, ``float``
    otherwise.
    """
    return Slot(
        "number", path, optional=optional, default=default, otherwise=otherwise, vital=vital
    )


def numbers(path: str) -> Any:
    """A list of doubles in one element, separated by blanks (gml:posList)."""
    return Slot("numbers", path, filled=False)


def decimal(path: str, *, default: Any = MISSING, otherwise: Any = MISSING) -> Any:
    """A finite xs:decimal, which has no exponent on the wire."""
    return Slot("decimal", path, default=default, otherwise=otherwise)


def date_time(
    path: str,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    vital: Optional[bool] = None,
) -> Any:
    """A moment: an aware ``datetime`` in UTC (rule G1)."""
    return Slot(
        "date_time", path, optional=optional, default=default, otherwise=otherwise, vital=vital
    )


def duration(
    path: str,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    negative: bool = False,
    vital: Optional[bool] = None,
) -> Any:
    """A ``timedelta``; ``negative`` where the profile allows a sign (ramp-up and recovery)."""
    return Slot(
        "duration",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        negative=negative,
        vital=vital,
    )


def attribute(path: str, *, default: Any, pattern: str = "") -> Any:
    """An optional attribute of the element itself; it says nothing about meaning and is not
    compared.
    """
    return Slot("attribute", path, optional=True, default=default, compare=False, pattern=pattern)


def child(
    path: str,
    record: Any,
    *,
    optional: bool = False,
    default: Any = MISSING,
    otherwise: Any = MISSING,
    vital: Optional[bool] = None,
) -> Any:
    """One nested record."""
    return Slot(
        "child",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        record=record,
        vital=vital,
    )


def children(
    path: str,
    record: Any,
    *,
    at_least: int = 0,
    default: Any = MISSING,
    faulty: str = "",
    vital: bool = True,
) -> Any:
    """Nested records. With ``faulty`` one that cannot be read spoils only itself; that field tells
    of it. One that is not ``vital`` is left out then.
    """
    return Slot(
        "children",
        path,
        record=record,
        at_least=at_least,
        default=default,
        companion=faulty,
        filled=False,
        vital=vital,
    )


def targets(path: str, record: Any) -> Any:
    """Targets, of any kind, in one element (ei:EiTargetType): a record of one field for each."""
    return Slot("targets", path, record=record, filled=False)


def measurement(record: Any) -> Any:
    """The unit: whichever element substitutes for ``emix:itemBase``."""
    return Slot("measurement", "emix:itemBase", optional=True, record=record)


def markup(path: str, *, optional: bool = True) -> Any:
    """A foreign element (an Atom feed), kept as text in exclusive canonical form."""
    return Slot("markup", path, optional=optional)


def test_flag(path: str, *, text_in: str) -> Any:
    """``testEvent``: a string of which only ``false`` means no (rule E41). The string itself is
    kept in ``text_in``.
    """
    return Slot("test_flag", path, optional=True, default=False, companion=text_in)


def constant(path: str) -> Any:
    """An empty element that always stands there, whatever a peer puts into it. Records do not show
    it.
    """
    return Slot("constant", path, filled=False)


def unwired(
    *, default: Any = None, hidden: bool = True, compare: bool = False, sequence: bool = False
) -> Any:
    """A field that has no element of its own."""
    return Slot(
        "sequence" if sequence else "unwired",
        default=default,
        hidden=hidden,
        compare=compare,
        filled=False,
    )
