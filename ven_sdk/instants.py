"""Sums of moments and spans that stay inside the calendar. Pure functions.

A VTN or a user may give any date that the calendar has, the years 1 and 9999 included. What would
lie behind an end of the calendar happens at that end: no date spoils what stands beside it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

ZERO = timedelta(0)
FIRST = datetime.min.replace(tzinfo=timezone.utc)
LAST = datetime.max.replace(tzinfo=timezone.utc)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def shift(moment: datetime, by: timedelta) -> datetime:
    """``moment + by``, cut at the ends of the calendar."""
    try:
        return moment + by
    except OverflowError:
        return LAST if by > ZERO else FIRST


def shift_back(moment: datetime, by: timedelta) -> datetime:
    """``moment - by``, cut at the ends of the calendar."""
    try:
        return moment - by
    except OverflowError:
        return FIRST if by > ZERO else LAST


def to_utc(moment: datetime) -> datetime:
    """``moment`` in UTC, where a naive one counts as UTC. A plain datetime comes back: those of
    other libraries (pandas) are written otherwise, and make sums of their own kind.
    """
    naive = moment.utcoffset() is None
    found = moment.replace(tzinfo=timezone.utc) if naive else moment.astimezone(timezone.utc)
    if type(found) is datetime:
        return found
    return datetime.combine(found.date(), found.time(), timezone.utc)


def to_local(moment: datetime) -> datetime:
    """``moment`` in the zone of this machine; as it is where that is beyond the calendar."""
    try:
        return moment.astimezone()
    except (OverflowError, ValueError, OSError):  # the last hours, or what the C library cannot
        return moment
