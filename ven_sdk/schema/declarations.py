"""How an element of the schema is declared: one declaration for each field of a record, with its
path on the wire.

A path names elements by prefix, outermost first; the ones before the last are wrappers that records
do not show. ``?`` after a wrapper says that it may be left out (what is required inside it is then
required only where it stands). Declarations say what; :mod:`ven_sdk.oadr20b.codec` knows how. Pure
declarations, made at import.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Optional, TypeVar, Union, cast

from .declaration import MISSING, UINT32, Declaration, Missing, Number
from .items import Items

T = TypeVar("T")


# --- one function for each kind of field ----------------------------------------------------------
# For type checkers each gives what the field holds, as ``dataclasses.field`` does, and a field with
# ``default`` may be left out when a record is made.


def text(
    path: str,
    *,
    optional: bool = False,
    default: Union[str, Missing, None] = MISSING,
    otherwise: Union[str, Missing, None] = MISSING,
    pattern: str = "",
    refused: bool = False,
    kw_only: bool = True,
) -> str:
    """A string, kept as it is. ``pattern``: what it has to match as a whole; ``refused``: or it is
    an error.
    """
    declaration = Declaration(
        "text",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        pattern=pattern,
        refused=refused,
        kw_only=kw_only,
    )
    return cast(str, declaration)


def texts(path: str, *, default: tuple[str, ...], at_least: int = 0) -> Items[str]:
    """Strings, one element each."""
    return cast(Items[str], Declaration("texts", path, default=Items(default), at_least=at_least))


def token(
    path: str,
    values: Optional[Iterable[str]],
    *,
    optional: bool = False,
    default: Union[str, Missing, None] = MISSING,
    otherwise: Union[str, Missing, None] = MISSING,
    extensible: bool = False,
    refused: bool = False,
    vital: Optional[bool] = None,
    kw_only: bool = True,
) -> str:
    """One word of a vocabulary. ``extensible``: or any ``x-`` token; ``refused``: an unknown one is
    an error.
    """
    declaration = Declaration(
        "token",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        values=values,
        extensible=extensible,
        refused=refused,
        vital=vital,
        kw_only=kw_only,
    )
    return cast(str, declaration)


def boolean(
    path: str,
    *,
    optional: bool = False,
    default: Union[bool, Missing, None] = MISSING,
    otherwise: Union[bool, Missing, None] = MISSING,
    kw_only: bool = True,
) -> bool:
    """``true`` or ``false`` (xs:boolean)."""
    declaration = Declaration(
        "boolean", path, optional=optional, default=default, otherwise=otherwise, kw_only=kw_only
    )
    return cast(bool, declaration)


def integer(
    path: str,
    *,
    optional: bool = False,
    default: Union[int, Missing, None] = MISSING,
    otherwise: Union[int, Missing, None] = MISSING,
    low: int = 0,
    high: int = UINT32,
) -> int:
    """A whole number between ``low`` and ``high`` (xs:unsignedInt)."""
    declaration = Declaration(
        "integer", path, optional=optional, default=default, otherwise=otherwise, low=low, high=high
    )
    return cast(int, declaration)


def number(
    path: str,
    *,
    optional: bool = False,
    default: Union[Number, Missing, None] = MISSING,
    otherwise: Union[Number, Missing, None] = MISSING,
    vital: Optional[bool] = None,
    kw_only: bool = True,
) -> Number:
    """A finite xs:float: ``int`` when written without fraction and exponent, ``float``
    otherwise.
    """
    declaration = Declaration(
        "number",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        vital=vital,
        kw_only=kw_only,
    )
    return cast(Number, declaration)


def numbers(path: str, *, default: tuple[float, ...]) -> Items[float]:
    """A list of doubles in one element, separated by blanks (gml:posList). ``default`` values
    stand in for it where it is left out.
    """
    return cast(Items[float], Declaration("numbers", path, default=Items(default)))


def decimal(
    path: str,
    *,
    default: Union[Number, Missing] = MISSING,
    otherwise: Union[Number, Missing] = MISSING,
    kw_only: bool = True,
) -> Number:
    """A finite xs:decimal, which has no exponent on the wire."""
    declaration = Declaration(
        "decimal", path, default=default, otherwise=otherwise, kw_only=kw_only
    )
    return cast(Number, declaration)


def date_time(
    path: str,
    *,
    optional: bool = False,
    default: Union[datetime, Missing, None] = MISSING,
    otherwise: Union[datetime, Missing, None] = MISSING,
    vital: Optional[bool] = None,
) -> datetime:
    """A moment: an aware ``datetime`` in UTC (rule G1)."""
    declaration = Declaration(
        "date_time", path, optional=optional, default=default, otherwise=otherwise, vital=vital
    )
    return cast(datetime, declaration)


def duration(
    path: str,
    *,
    optional: bool = False,
    default: Union[timedelta, Missing, None] = MISSING,
    otherwise: Union[timedelta, Missing, None] = MISSING,
    negative: bool = False,
    vital: Optional[bool] = None,
    kw_only: bool = True,
) -> timedelta:
    """A ``timedelta``; ``negative`` where the profile allows a sign (ramp-up and recovery)."""
    declaration = Declaration(
        "duration",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        negative=negative,
        vital=vital,
        kw_only=kw_only,
    )
    return cast(timedelta, declaration)


def attribute(path: str, *, default: Optional[str], pattern: str = "") -> str:
    """An optional attribute of the element itself; it says nothing about meaning and is not
    compared.
    """
    declaration = Declaration(
        "attribute", path, optional=True, default=default, compare=False, pattern=pattern
    )
    return cast(str, declaration)


def child(
    path: str,
    record: type[T],
    *,
    optional: bool = False,
    default: Union[T, Missing, None] = MISSING,
    otherwise: Union[T, Missing, None] = MISSING,
    vital: Optional[bool] = None,
    kw_only: bool = True,
) -> T:
    """One nested record."""
    declaration = Declaration(
        "child",
        path,
        optional=optional,
        default=default,
        otherwise=otherwise,
        record=record,
        vital=vital,
        kw_only=kw_only,
    )
    return cast(T, declaration)


def children(
    path: str,
    record: type[T],
    *,
    default: tuple[T, ...],
    at_least: int = 0,
    faulty: str = "",
    vital: bool = True,
) -> Items[T]:
    """Nested records. With ``faulty`` one that cannot be read spoils only itself; that field tells
    of it. One that is not ``vital`` is left out then.
    """
    declaration = Declaration(
        "children",
        path,
        record=record,
        at_least=at_least,
        default=Items(default),
        companion=faulty,
        vital=vital,
    )
    return cast(Items[T], declaration)


def targets(path: str, record: type[T], *, default: tuple[T, ...]) -> Items[T]:
    """Targets, of any kind, in one element (ei:EiTargetType): a record of one field for each."""
    return cast(Items[T], Declaration("targets", path, default=Items(default), record=record))


def measurement(record: type[T], *, default: Optional[T]) -> T:
    """The unit: whichever element substitutes for ``emix:itemBase``."""
    declaration = Declaration(
        "measurement", "emix:itemBase", optional=True, default=default, record=record
    )
    return cast(T, declaration)


def markup(path: str, *, default: Optional[str], optional: bool = True) -> str:
    """A foreign element (an Atom feed), kept as text in exclusive canonical form."""
    return cast(str, Declaration("markup", path, optional=optional, default=default))


def test_flag(path: str, *, default: bool, text_in: str) -> bool:
    """``testEvent``: a string of which only ``false`` means no (rule E41). The string itself is
    kept in ``text_in``.
    """
    declaration = Declaration("test_flag", path, optional=True, default=default, companion=text_in)
    return cast(bool, declaration)


def constant(path: str) -> Declaration:
    """An empty element that always stands there, whatever a peer puts into it. Records do not show
    it.
    """
    return Declaration("constant", path)


def unwired_field(
    *, default: T, hidden: bool = True, compare: bool = False, kw_only: bool = True
) -> T:
    """A field that has no element of its own."""
    declaration = Declaration(
        "unwired", default=default, hidden=hidden, compare=compare, kw_only=kw_only
    )
    return cast(T, declaration)


def unwired_items(record: type[T], *, default: tuple[T, ...]) -> Items[T]:
    """A sequence of records that has no element of its own, but is a key."""
    return cast(
        Items[T], Declaration("sequence", default=Items(default), hidden=False, compare=False)
    )


def unwired_value(kind: type[T], *, compare: bool = False, kw_only: bool = True) -> T:
    """A field of that type without an element of its own, which has to be given, and is a key."""
    return cast(T, Declaration("unwired", hidden=False, compare=compare, kw_only=kw_only))
