"""Sums of moments and spans that stay inside the calendar. Pure functions.

A VTN or a user may give any date that the calendar has, the years 1 and 9999 included. What would
lie behind an end of the calendar happens at that end: no date spoils what stands beside it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

ZERO = timedelta(0)
FIRST = datetime.min.replace(tzinfo=timezone.utc)
LAST = datetime.max.replace(tzinfo=timezone.utc)


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
