"""Texts and their values: times, durations, numbers, booleans (docs/protocol/messages.rst).
Pure functions, cached.

``parse_*`` takes the usual form and raises ``ValueError`` otherwise, also where the schema allows
more: :mod:`.lexical` knows all that peers send. ``format_*`` writes what the schema allows and
raises ``ValueError`` or ``TypeError``.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache, lru_cache
from math import isfinite
from typing import SupportsFloat, Union

Number = Union[int, float]
UTC = timezone.utc
LONGEST = timedelta(days=365250)
"""A thousand years. Longer durations are no plan but a mistake or an attack, and break the
arithmetic of dates.
"""

_CACHED = 4096


# --- durations ------------------------------------------------------------------------------------

_DAYS = re.compile(
    r"P(?:([0-9]{1,6})D)?(?:T(?=[0-9])(?:([0-9]{1,7})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,10})S)?)?"
)


@lru_cache(maxsize=_CACHED)
def parse_duration(text: str) -> timedelta:
    """The usual durations: no sign, no years, months or weeks. ``ValueError`` for all others, which
    may be legal too.
    """
    found = _DAYS.fullmatch(text)
    if found is None or text == "P":
        raise ValueError(text)
    days, hours, minutes, seconds = (int(digits or 0) for digits in found.groups())
    value = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if value > LONGEST:
        raise ValueError(text)
    return value


@lru_cache(maxsize=_CACHED)
def parse_signed_duration(text: str) -> timedelta:
    """The same with an optional sign, for ramp-up and recovery."""
    return -parse_duration(text[1:]) if text[:1] == "-" else parse_duration(text)


@lru_cache(maxsize=_CACHED)
def format_duration(value: object) -> str:
    """The shortest usual form; zero is ``PT0S``. The schema has no fractions: they are a
    ``ValueError``. ``TypeError`` for a value of another type.
    """
    if not isinstance(value, timedelta):
        raise TypeError("a timedelta is expected")
    if value.microseconds:
        raise ValueError("the schema has no fractions of seconds")
    if abs(value) > LONGEST:
        raise ValueError("is longer than a thousand years")
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    time = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes) + f"{seconds}S" * bool(seconds)
    day = f"{value.days}D" * bool(value.days)
    return f"{sign}P{day}{'T' + time if time else ''}" if day or time else "PT0S"


@lru_cache(maxsize=_CACHED)
def format_positive_duration(value: object) -> str:
    """The same for places where a sign is not allowed. ``ValueError`` for what is none, or is out
    of range.
    """
    written = format_duration(value)
    if written[0] == "-":
        raise ValueError("is negative, which only ramp-up and recovery may be")
    return written


# --- moments --------------------------------------------------------------------------------------

# no fraction, milliseconds, microseconds: what Python 3.9 reads by itself
_SHAPES = frozenset((20, 24, 27))


@lru_cache(maxsize=_CACHED)
def parse_date_time(text: str) -> datetime:
    """A moment as G1 wants it: UTC with a ``Z``. ``ValueError`` for everything else, also where it
    is legal.
    """
    if (
        len(text) not in _SHAPES
        or text[-1] != "Z"
        or text[10] != "T"
        or not text[4] == text[7] == "-"
    ):
        raise ValueError(text)
    if text[19] not in ".Z":
        raise ValueError(text)
    return datetime.fromisoformat(text[:-1] + "+00:00")


_WITH_FRACTION = "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ"
_WHOLE_SECONDS = "%04d-%02d-%02dT%02d:%02d:%02d%.0sZ"  # the fraction is cut to no characters


def format_date_time(value: object) -> str:
    """UTC with a ``Z``. A naive datetime is a ``ValueError``: nobody knows which moment it is.
    ``TypeError`` for a value of another type.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return _format_usual(value)
    if not isinstance(value, datetime):
        raise TypeError("an aware datetime is expected")
    if value.tzinfo is not UTC:
        if value.tzinfo is None or value.utcoffset() is None:
            raise ValueError("has no time zone. Use datetime.now(timezone.utc) or set tzinfo")
        value = value.astimezone(UTC)
    return value.isoformat()[:-6] + "Z"


def _format_usual(moment: datetime) -> str:
    """``isoformat`` of a moment in UTC, in two thirds of its time, as no time zone is asked."""
    return (_WITH_FRACTION if moment.microsecond else _WHOLE_SECONDS) % (
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
    )


# --- numbers --------------------------------------------------------------------------------------

_FLOAT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_BIGGEST = 10**308
LONGEST_NUMBER = 1000
"""Characters. What is read is kept in a cache, which a sender of longer ones could fill with
memory.
"""


@lru_cache(maxsize=_CACHED)
def parse_number(text: str) -> Number:
    """A finite xs:float: an ``int`` where it is written as one. NaN, INF and what overflows are
    ``ValueError``s.
    """
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"has more than {LONGEST_NUMBER} characters, and is no number")
    if _WHOLE.fullmatch(text) and len(text) < 310:
        whole = int(text)
        if -_BIGGEST <= whole <= _BIGGEST:
            return whole
    elif _FLOAT.fullmatch(text):
        value = float(text)
        if isfinite(value):
            return value
    raise ValueError("is no finite number")


def format_number(value: object) -> str:
    """The shortest text that reads as the same value. Takes ints, floats, Decimals, bools and what
    ``float()`` takes. ``ValueError`` for what is none, or is out of range.
    """
    if type(value) is float:
        if not isfinite(value):
            raise ValueError("is no finite number")
        return repr(value)
    if type(value) is int:
        if not -_BIGGEST <= value <= _BIGGEST:
            raise ValueError("is too large for xs:float")
        return str(value)
    return _format_other(value)


def _format_other(value: object) -> str:
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError("a number is expected")
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value) > _BIGGEST:
            raise ValueError("is no finite number")
        return str(value)
    if hasattr(value, "__index__"):
        return format_number(int(value))
    if not isinstance(value, SupportsFloat):
        raise TypeError("a number is expected")
    return format_number(float(value))


def format_decimal(value: object) -> str:
    """xs:decimal: no exponent, at most 24 digits, which is what validators can hold. ``ValueError``
    for what is none, or is out of range.
    """
    written = format(Decimal(format_number(value)), "f")
    if len(written.lstrip("-").replace(".", "")) > 24:
        raise ValueError("has more than 24 digits")
    return written


@lru_cache(maxsize=_CACHED)
def parse_integer(text: str) -> int:
    """A whole number of at most 20 digits; its range is the declaration's matter. ``ValueError``
    for what is none, or is out of range.
    """
    if len(text) > LONGEST_NUMBER:
        raise ValueError("is no whole number")
    if not _WHOLE.fullmatch(text) or len(text) > 20:
        raise ValueError("is no whole number")
    return int(text)


BOOLEANS: dict[str, bool] = {"true": True, "false": False, "1": True, "0": False}
BOOLEAN_TEXT: dict[bool, str] = {True: "true", False: "false"}


@cache
def _illegal() -> "re.Pattern[str]":
    """Made at need: it takes ten times as long to compile as all others here together."""
    return re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_text(value: object) -> str:
    """The text itself. ``TypeError`` if it is none, ``ValueError`` if it holds characters that XML
    does not have.
    """
    if not isinstance(value, str):
        raise TypeError("a str is expected")
    # what is printable, XML can carry
    found = None if value.isprintable() else _illegal().search(value)
    if found is not None:
        raise ValueError(f"holds {found.group()!r}, which XML cannot carry")
    return str.__str__(value)
