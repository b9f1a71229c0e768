"""Dates and delays in HTTP headers, believed only as far as they make sense. Pure functions."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_tz
from typing import Optional

from .backoff import RETRY_AFTER_CAP

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_IMF_FIXDATE = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
_DELTA = re.compile(r"\d+", re.ASCII)
_YEARS = range(1970, 2200)
_LONGEST = 64


def http_date(text: Optional[str]) -> Optional[datetime]:
    """The moment that a ``Date`` or ``Retry-After`` header names, in UTC; None for anything that is
    no such date.

    RFC 9110 section 5.6.7: the fixed format that everybody sends, and the two obsolete ones that
    must be understood.
    """
    if not text or len(text) > _LONGEST or not text.isascii():
        return None
    match = _IMF_FIXDATE.fullmatch(text)
    try:
        if match is None:
            return _obsolete(text)
        day, month, year, hour, minute, second = match.groups()
        return _moment(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        return None


def retry_after(text: Optional[str], now: datetime) -> Optional[float]:
    """Seconds that a ``Retry-After`` header asks for (a number, or a date later than ``now``),
    within 0 to 3,600.

    None when there is no such header or it cannot be understood. RFC 9110 section 10.2.3.
    """
    if text is None:
        return None
    text = text.strip()
    if _DELTA.fullmatch(text):
        return min(float(text), RETRY_AFTER_CAP)
    moment = http_date(text)
    if moment is None:
        return None
    return min(max((moment - now).total_seconds(), 0.0), RETRY_AFTER_CAP)


def _obsolete(text: str) -> Optional[datetime]:
    fields = parsedate_tz(text)  # None for rubbish; some rubbish raises instead
    if fields is None or fields[9]:
        return None  # another zone than GMT is no HTTP date
    return _moment(*fields[:6])


def _moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> Optional[datetime]:
    if year not in _YEARS:
        return None
    # :60 is a leap second
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
