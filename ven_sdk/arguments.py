"""Checks of what users pass: one function for each kind of value, used by every call that takes
such a value. Pure functions.

A value either comes back in the form that the SDK works with, or is a ConfigurationError that names
the argument, what was given and what would be right. Where a secret may stand in a value, the error
does not show it.
"""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Optional, Union

from .errors import ConfigurationError
from .instants import to_utc
from .near_names import did_you_mean
from .text import class_name, is_xml, repr_of, text_of, without_secrets

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

Duration = Union[timedelta, float, str]
"""A timedelta, a number of seconds, or a text such as ``'10 s'``, ``'15 min'``, ``'PT15M'``."""

File = Union[str, bytes, "os.PathLike[str]"]
"""The path of a file, or its bytes."""

LONGEST = timedelta(days=36525)
"""The longest duration that is taken anywhere: a century. More overflows the calendar."""
LONGEST_WAIT = timedelta(days=7)
"""The longest time that a call or an exchange may wait. Operating systems end at 24 days."""
MOST_THREADS = 1000
SMALLEST_RESPONSE = 1000
"""Bytes that an answer of a VTN has at least, more or less."""
LARGEST_MESSAGE = 16 * 2**20
"""Bytes that a message of a VTN may have, unless the user says otherwise."""
LONGEST_TEXT = 2000
"""Characters of a name or an ID."""
EXPECTED_DURATION = "a timedelta, a number of seconds, or a text such as '10 s', '15 min' or 'PT2H'"

_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_SPOKEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*")
_ISO = re.compile(
    r"P(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_ISO_UNITS = (604800.0, 86400.0, 3600.0, 60.0, 1.0)
_CONTROL = re.compile("[\t\n\r\x7f-\x9f\u2028\u2029]")


# --- durations ------------------------------------------------------------------------------------


def duration(
    name: str, value: object, minimum: float = 0.0, maximum: timedelta = LONGEST
) -> timedelta:
    """``value`` as a timedelta of at least ``minimum`` seconds and at most ``maximum``.
    ``ConfigurationError`` for anything else.
    """
    result = any_duration(name, value)
    if result < timedelta(seconds=minimum):
        raise ConfigurationError(
            f"{name} must be at least {minimum:g} s, not {_show_value(value)}."
        )
    if result > maximum:
        raise ConfigurationError(
            f"{name} must be at most {maximum.days} days, not {_show_value(value)}."
        )
    return result


def waiting_seconds(name: str, value: object, minimum: float = 0.0) -> float:
    """``value``, a duration for which a thread may wait, in seconds; ``minimum`` is in seconds too.
    ``ConfigurationError`` for anything else.
    """
    return duration(name, value, minimum, LONGEST_WAIT).total_seconds()


def any_duration(name: str, value: object) -> timedelta:
    """``value`` as a timedelta, also a negative one. ``ConfigurationError`` for anything else."""
    if isinstance(value, timedelta):  # a plain one, also of what other libraries make of it
        return timedelta(value.days, value.seconds, value.microseconds)
    seconds: object = _seconds_of_text(value) if isinstance(value, str) else scalar(value)
    if isinstance(seconds, timedelta):
        return seconds
    if not is_number(seconds):
        hint = ""
        if isinstance(value, str) and value.strip().isdigit():
            hint = f" A number alone is seconds: {value.strip()}, without quotes."
        raise ConfigurationError(
            f"{name} must be {EXPECTED_DURATION}, not {_show_value(value)}.{hint}"
        )
    try:
        found = timedelta(seconds=float(seconds))
    except (OverflowError, ValueError) as cause:
        raise ConfigurationError(f"{name}={_show_value(value)} is no usable duration.") from cause
    if seconds and not found:  # zero has a meaning of its own in many places
        raise ConfigurationError(f"{name}={_show_value(value)} is less than a microsecond.")
    return found


def _seconds_of_text(text: str) -> Optional[float]:
    parts = _SPOKEN.findall(text.strip().lower())
    if parts and _SPOKEN.sub("", text.strip().lower()) == "":
        known = all(unit in _UNITS for _, unit in parts)
        return sum(float(count) * _UNITS[unit] for count, unit in parts) if known else None
    iso = _ISO.fullmatch(text.strip().upper())
    if iso is None or not any(iso.groups()):
        return None
    return sum(float(part) * unit for part, unit in zip(iso.groups(), _ISO_UNITS) if part)


def moment(name: str, value: object) -> datetime:
    """``value``, a datetime, in UTC; a naive one counts as UTC.
    ``ConfigurationError`` for anything else.
    """
    if not isinstance(value, datetime):
        raise ConfigurationError(f"{name} must be a datetime, not {_show_value(value)}.")
    try:
        return to_utc(value)
    except OverflowError as cause:
        raise ConfigurationError(
            f"{name}={_show_value(value)} lies outside the calendar in UTC."
        ) from cause
    except Exception as cause:  # a time zone is code of others
        raise ConfigurationError(
            f"{name} has a time zone that does not tell its offset: {text_of(cause)}."
        ) from cause


# --- files ----------------------------------------------------------------------------------------


def file_or_bytes(name: str, value: object) -> Optional[File]:
    """``value``, the path of a file or the file's bytes; None stays None.
    ``ConfigurationError`` for anything else.
    """
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, (str, os.PathLike)):
        # what was given may hold a key, so it is not shown
        raise ConfigurationError(
            f"{name} must be the path of a file, or its bytes, not a {class_name(value)}."
        )
    sendable(name, os.fsdecode(value))
    if not os.fspath(value):
        raise ConfigurationError(f"{name} must be the path of a file, not an empty text.")
    return value


# --- numbers and choices --------------------------------------------------------------------------


def scalar(value: object) -> object:
    """The plain value of what numpy calls a scalar (also an array without dimensions); anything
    else as it is. Its months and nanoseconds, of which it makes bare numbers, are texts.
    """
    item = getattr(value, "item", None)
    if getattr(value, "shape", None) == () and callable(item):
        found: object = item()
        is_time = getattr(getattr(value, "dtype", None), "kind", None) in ("m", "M")
        return str(value) if is_time and isinstance(found, int) else found
    return value


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a number, a ``Decimal`` too; True and False are none."""
    return isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, bool)


def as_float(number: float) -> float:
    """``number`` (a ``Decimal`` too) as a float: infinite where it is too large for one, and no
    number where it is none.
    """
    try:
        return float(number)
    except OverflowError:
        return math.inf
    except ValueError:  # a signalling NaN of decimal
        return math.nan


def flag(name: str, value: object) -> bool:
    """``value`` as True or False; a text such as ``'no'`` would count as True.
    ``ConfigurationError`` for anything else.
    """
    plain = scalar(value)
    if not isinstance(plain, (bool, int)) or plain not in (0, 1):
        raise ConfigurationError(f"{name} must be True or False, not {_show_value(value)}.")
    return bool(plain)


def whole_number(name: str, value: object, minimum: int = 1, maximum: int = 2**31 - 1) -> int:
    """``value`` if it is a whole number from ``minimum`` to ``maximum``.
    ``ConfigurationError`` for anything else.
    """
    plain = scalar(value)
    if isinstance(plain, bool) or not isinstance(plain, int) or not minimum <= plain <= maximum:
        raise ConfigurationError(
            f"{name} must be a whole number of at least {minimum} and at most {maximum}, "
            f"not {_show_value(value)}."
        )
    return int(plain)


def quantity(name: str, value: object) -> float:
    """``value`` as an int or a float, if it is a number from a millionth to a billion, as volts and
    hertz are: what the schema can carry. ``ConfigurationError`` for anything else.
    """
    plain = scalar(value)
    if not is_number(plain) or not 1e-6 <= as_float(plain) < 1e9:
        raise ConfigurationError(
            f"{name} must be a number of more than 0, from 0.000001 to 1000000000, not "
            f"{_show_value(value)}."
        )
    return plain if isinstance(plain, int) else as_float(plain)


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """``value`` if it is one of ``choices``; the error lists them.
    ``ConfigurationError`` for anything else.
    """
    if not isinstance(value, str) or value not in choices:
        raise ConfigurationError(
            f"{name} must be one of {', '.join(map(repr, choices))}, not {_show_value(value)}."
            f"{did_you_mean(value, choices)}"
        )
    return str.__str__(value)


# --- texts ----------------------------------------------------------------------------------------


def text(name: str, value: object) -> str:
    """``value`` as a name or an ID: one line that XML and a store can carry, without blanks at its
    ends. ``ConfigurationError`` for anything else.
    """
    value = str.__str__(value) if isinstance(value, str) else value  # whatever a subclass says
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name} must be a non-empty text, not {_show_value(value)}.")
    sendable(name, value)
    found = _CONTROL.search(value)
    if found is not None:
        raise ConfigurationError(
            f"{name} must be one line of text; {_show_value(value)} holds {found[0]!r}."
        )
    if value != value.strip():
        raise ConfigurationError(
            f"{name} must not begin or end with a blank, as {_show_value(value)} does: a VTN may "
            "cut it off."
        )
    if len(value) > LONGEST_TEXT:
        raise ConfigurationError(
            f"{name} must have at most {LONGEST_TEXT} characters, not {len(value)}."
        )
    return value


def optional_text(name: str, value: object) -> Optional[str]:
    """``value`` as :func:`text` takes it, or None.
    ``ConfigurationError`` for anything else.
    """
    return None if value is None else text(name, value)


def sendable(name: str, value: str) -> str:
    """``value`` if XML and a store can carry all of its characters.
    ``ConfigurationError`` for anything else.
    """
    if not is_xml(value):
        raise ConfigurationError(
            f"{name} holds a control character or a lone surrogate, which XML cannot carry: "
            f"{_show_value(value)}."
        )
    return value


def check_sendable(name: str, value: object) -> None:
    """``ConfigurationError`` for a record, mapping or sequence in which a text stands that XML
    cannot carry.
    """
    if isinstance(value, str):
        sendable(name, value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check_sendable(f"{name}[{key!r}]", item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            check_sendable(name, item)


def names(name: str, value: object) -> Optional[frozenset[str]]:
    """``value`` (an iterable of texts, or one text) as a set; None stays None.
    ``ConfigurationError`` for anything else.
    """
    return None if value is None else frozenset(name_list(name, value))


def name_list(name: str, value: object) -> tuple[str, ...]:
    """``value`` (an iterable of texts, or one text) in its order. ``ConfigurationError`` for
    anything else.
    """
    if isinstance(value, str):
        return (text(name, value),)
    if not isinstance(value, Iterable) or isinstance(value, (Mapping, bytes)):
        raise ConfigurationError(f"{name} must be a list of texts, not {_show_value(value)}.")
    items = items_of(name, value)
    if not all(isinstance(item, str) for item in items):
        raise ConfigurationError(f"{name} must be a list of texts, not {_show_value(value)}.")
    return tuple(text(f"an item of {name}", item) for item in items)


def items_of(name: str, value: Iterable[object]) -> list[object]:
    """What an iterable of the user's gives. ``ConfigurationError`` where it fails at that."""
    try:
        return list(value)
    except Exception as cause:  # code of others
        raise ConfigurationError(f"{name} cannot be read: {text_of(cause)}.") from cause


def _show_value(value: object) -> str:
    """``value`` in a message: short."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    shown = repr_of(without_secrets(value) if isinstance(value, str) and "://" in value else value)
    return shown if len(shown) <= 200 else f"{shown[:200]}..."
