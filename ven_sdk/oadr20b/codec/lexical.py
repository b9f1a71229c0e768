"""What peers write for a value, type by type: the forms that XML Schema allows and those that have
only one meaning all the same.

Each function takes a text and gives its value with what was odd about it, or raises a
``ValueError`` that says why the text makes no sense. Pure functions.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Callable, NamedTuple, Optional, Union

from ...schema.common import URI
from ...schema.declaration import Declaration
from . import scalars
from .scalars import LONGEST, UTC

WRONG_FORM = "does not have the form that the schema wants"
SPACE = "has white space around it, which does not count"
_WHITE = re.compile("[ \t\r\n]+")
Match = Optional[Callable[[str], object]]


class Lenient(NamedTuple):
    """A value read tolerantly. ``deviation``: what breaks the schema; ``remark``: what is legal but
    was interpreted.
    """

    value: object
    deviation: str = ""
    remark: str = ""


def _collapse(text: str) -> tuple[str, str]:
    """A text as types see it that collapse white space, and the remark for it."""
    word = " ".join(part for part in _WHITE.split(text) if part)
    return word, SPACE if word != text else ""


# --- durations ------------------------------------------------------------------------------------

_DURATION = re.compile(
    r"([+-])?P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(T)?(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:[.,][0-9]+)?)S)?"
)
_WEEKS = re.compile(r"[0-9]+W")


def duration(text: str, negative: bool = False) -> Lenient:
    """A duration in any of the shapes that are seen. ``ValueError`` says why it is none.

    A year counts as 365 days and a month as 30, since the profile says of neither when it begins.
    """
    word, space = _collapse(text)
    upper = word.upper()
    if _WEEKS.fullmatch(upper):
        return Lenient(_bound_duration(days=7 * int(upper[:-1][:12])), _case(word, upper), space)
    found = _DURATION.fullmatch(upper)
    if found is None or upper.endswith("PT"):
        raise ValueError("is no duration such as PT15M")
    sign, years, months, weeks, days, _, hours, minutes, seconds = found.groups()
    value = _bound_duration(
        days=_int(years) * 365 + _int(months) * 30 + _int(weeks) * 7 + _int(days),
        minutes=_int(hours) * 60 + _int(minutes),
        seconds=Decimal((seconds or "0")[:30].replace(",", ".")),
    )
    if sign == "-" and value and not negative:
        raise ValueError("is negative, which only ramp-up and recovery may be")
    odd = _case(word, upper)
    if weeks:
        odd = "has weeks, which are written like 2W"
    elif seconds and not seconds.isdigit():
        odd = "has fractions of seconds"
    guess = f"was taken as {value.days} days" if years or months else space
    if upper[-1] == "P":
        guess = "says no length and was taken as none"
    return Lenient(-value if sign == "-" else value, odd, guess)


def _case(word: str, right: str) -> str:
    return "" if word == right else "is not written in upper case"


def _int(digits: Optional[str]) -> int:
    return int(digits[:12]) if digits else 0


def _bound_duration(days: int, minutes: int = 0, seconds: Union[int, Decimal] = 0) -> timedelta:
    if days > LONGEST.days or minutes > LONGEST.days * 1440 or seconds > LONGEST.days * 86400:
        raise ValueError("is longer than a thousand years")
    value = timedelta(days=days, minutes=minutes, microseconds=int(seconds * 1000000))
    if value > LONGEST:
        raise ValueError("is longer than a thousand years")
    return value


# --- moments --------------------------------------------------------------------------------------

_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})([Tt ])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?(?:[.,]([0-9]*))?"
    r" ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_LEGAL_ZONE = re.compile(r"Z|[+-][0-9]{2}:[0-9]{2}")


def date_time(text: str) -> Lenient:
    """A moment with any offset or none (then it is UTC), in UTC. ``ValueError`` says why it is
    none.
    """
    word, space = _collapse(text)
    found = _MOMENT.fullmatch(word)
    if found is None:
        raise ValueError("is no date and time such as 2030-01-31T12:00:00Z")
    return Lenient(_moment(found), *_oddities(word, found, space))


def _moment(found: re.Match[str]) -> datetime:
    year, month, day, _, hour, minute, second, fraction, zone = found.groups()
    midnight = hour == "24" and not f"{minute}{second or ''}{fraction or ''}".strip("0")
    try:
        value = datetime(
            int(year),
            int(month),
            int(day),
            0 if midnight else int(hour),
            int(minute),
            int(second or 0),
            int(((fraction or "") + "000000")[:6]),
            UTC,
        )
        if midnight:
            value += timedelta(days=1)
        return value - _offset(zone) if zone else value
    except (ValueError, OverflowError) as cause:
        raise ValueError("is not a date that exists between the years 1 and 9999") from cause


def _oddities(word: str, found: re.Match[str], space: str) -> tuple[str, str]:
    """What deviates from the schema, and what is legal but was interpreted."""
    _, _, _, separator, hour, _, second, fraction, zone = found.groups()
    if zone and zone not in "Zz" and _LEGAL_ZONE.fullmatch(zone):
        deviation = "has an offset, where UTC with a Z is wanted"
    elif zone and zone != "Z":
        deviation = "has a zone that is not written as Z"
    elif separator != "T":
        deviation = "has no T between date and time"
    elif second is None:
        deviation = "has no seconds"
    elif fraction == "" or "," in word or " " in word:
        deviation = "is not written as the schema wants it"
    else:
        deviation = ""
    if not zone:
        return deviation, "has no zone and was taken as UTC"
    if fraction and len(fraction) > 6 and fraction[6:].strip("0"):
        return deviation, "was cut to microseconds"
    if hour == "24":
        return deviation, "was taken as the beginning of the next day"
    return deviation, space


def _offset(zone: str) -> timedelta:
    if zone in "Zz":
        return timedelta(0)
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]) if len(zone) > 3 else 0)
    if size > timedelta(hours=14):
        raise ValueError(zone)
    return -size if zone[0] == "-" else size


# --- numbers, truth, words ------------------------------------------------------------------------


def boolean(text: str) -> Lenient:
    """xs:boolean; other cases of the words are read too. ``ValueError`` for anything else."""
    word, space = _collapse(text)
    if word in scalars.BOOLEANS:
        return Lenient(scalars.BOOLEANS[word], "", space)
    if word.lower() in scalars.BOOLEANS:
        return Lenient(scalars.BOOLEANS[word.lower()], "is not written in lower case", space)
    raise ValueError("is neither true nor false")


def number(text: str) -> Lenient:
    """A finite number."""
    word, space = _collapse(text[: scalars.LONGEST_NUMBER + 2])
    return Lenient(scalars.parse_number(word), "", space)


def integer(declaration: Declaration, text: str) -> Lenient:
    """A whole number in the declared range; some peers add a fraction of zero. ``ValueError`` for
    anything else.
    """
    word, space = _collapse(text[: scalars.LONGEST_NUMBER + 2])
    whole, point, fraction = word.partition(".")
    odd = ""
    if point and not fraction.strip("0"):
        word, odd = whole, "has a fraction, where a whole number belongs"
    value = scalars.parse_integer(word)
    if not declaration.low <= value <= declaration.high:
        raise ValueError(f"is not between {declaration.low} and {declaration.high}")
    return Lenient(value, odd, space)


def _numbers(text: str) -> Lenient:
    return Lenient([scalars.parse_number(part) for part in text.split()])


def token(declaration: Declaration, text: str) -> Lenient:
    """A word of the declared vocabulary, in other cases and spellings too. ``ValueError`` for what
    cannot be read.
    """
    word, space = _collapse(text)
    if declaration.values is None or word in declaration.values:
        return Lenient(word, "", space)
    if declaration.extensible and word[:2] == "x-" and len(word) > 2:
        return Lenient(word, "", space)
    known = _spellings(declaration.values).get(_spelling(word))
    if known is not None:
        return Lenient(known, f"is taken for {known!r}", space)
    if declaration.refused:
        raise ValueError(f"is none of {', '.join(sorted(declaration.values))}")
    return Lenient(word, "is not in the schema's vocabulary", space)


@cache
def _spellings(values: frozenset[str]) -> dict[str, str]:
    """The words of a vocabulary by what all their spellings have in common; not those that only
    their spelling tells apart.
    """
    found: dict[str, list[str]] = {}
    for value in values:
        found.setdefault(_spelling(value), []).append(value)
    return {common: words[0] for common, words in found.items() if len(words) == 1}


def _spelling(word: str) -> str:
    common = re.sub("[ _-]", "", word).lower()
    return "cancelled" if common == "canceled" else common


def _text(declaration: Declaration, match: Match, text: str) -> Lenient:
    """A string, kept as it is. URIs collapse white space; what only white space keeps from its
    form, such as a response code, is read without it.
    """
    if match is None or match(text):
        return Lenient(text)
    word, space = _collapse(text)
    if space and match(word):
        return Lenient(word, "", space) if declaration.pattern == URI else Lenient(word, space)
    if declaration.refused:
        raise ValueError("has a form that makes no sense")
    return Lenient(text, WRONG_FORM)


def _test_flag(text: str) -> Lenient:
    """Anything but ``false`` means a test (rule E41)."""
    is_told = text in ("true", "false")
    return Lenient(
        text != "false", "", "" if is_told else "is not 'false', so that this is a test event"
    )


KINDS: dict[str, Callable[[Declaration, Match, str], Lenient]] = {
    "text": _text,
    "token": lambda declaration, match, text: token(declaration, text),
    "boolean": lambda declaration, match, text: boolean(text),
    "integer": lambda declaration, match, text: integer(declaration, text),
    "number": lambda declaration, match, text: number(text),
    "numbers": lambda declaration, match, text: _numbers(text),
    "decimal": lambda declaration, match, text: number(text),
    "date_time": lambda declaration, match, text: date_time(text),
    "duration": lambda declaration, match, text: duration(text, declaration.negative),
    "test_flag": lambda declaration, match, text: _test_flag(text),
}
"""How the text of each kind of declaration is read."""
