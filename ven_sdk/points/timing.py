"""When to sample and when to deliver: moments of a series, counted from its origin (T17). Pure
arithmetic of times.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional

from ..state.reports import BLOCK, ONCE, RequestState, Run

END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
NONE, INSTANT = timedelta(0), timedelta(microseconds=1)

LATEST = timedelta(seconds=10)
"""A moment that is noticed later than this, or than half the spacing, is over: no value is invented
for it.
"""
MOST_RUNS = 16


def floor(origin: datetime, step: timedelta, moment: datetime) -> datetime:
    """The last moment of the series that is not after ``moment``."""
    return origin + (moment - origin) // step * step


def moment_after(origin: datetime, step: timedelta, moment: datetime) -> datetime:
    """The first moment of the series after ``moment``; the end of the calendar where there is
    none.
    """
    try:
        return floor(origin, step, moment) + step
    except OverflowError:
        return END


def due_moment(
    request: RequestState, step: timedelta, now: datetime, runs: tuple[Run, ...]
) -> Optional[datetime]:
    """The moment to sample now: reached, not long ago, within the request's span and not sampled
    before (clock steps).
    """
    if request.kind == ONCE:
        return request.origin if not runs and now >= request.origin else None
    if not step or request.kind == BLOCK:
        return None
    moment = floor(request.origin, step, now)
    begun = begin_of(request)
    over = request.end is not None and moment >= request.end
    if over or moment < begun or now - moment > min(LATEST, step / 2):
        return None
    return None if any(first <= moment <= last for first, last in runs) else moment


def begin_of(request: RequestState) -> datetime:
    """The moment before which nothing belongs to a request."""
    begun = request.first or request.created
    return begun if request.start is None else max(begun, request.start)


def next_moment(request: RequestState, step: timedelta, now: datetime) -> Optional[datetime]:
    """When to look for the next sample of a request; None when there is none to come."""
    if request.kind == ONCE:
        return request.origin if request.origin > now else None
    if not step or request.kind == BLOCK:
        return None
    moment = moment_after(request.origin, step, now)
    if request.start is not None:
        moment = max(moment, request.start)
    return None if request.end is not None and moment >= request.end else moment


def extend_runs(runs: tuple[Run, ...], step: timedelta, moment: datetime) -> tuple[Run, ...]:
    """``runs`` with one more moment. They stay few: the oldest two become one."""
    if runs and runs[-1][1] + step == moment:
        return (*runs[:-1], (runs[-1][0], moment))
    longer = (*runs, (moment, moment))
    if len(longer) <= MOST_RUNS:
        return longer
    return ((min(longer[0][0], longer[1][0]), max(longer[0][1], longer[1][1])), *longer[2:])


def boundary(request: RequestState, now: datetime) -> datetime:
    """Samples before this moment may be delivered now: the latest delivery time that has been
    reached; of a prompt request all that there are.
    """
    reached = now - request.jitter
    if request.kind in (ONCE, BLOCK):
        return request.end or now + INSTANT
    if request.end is not None and reached >= request.end:
        return request.end
    if request.prompt:
        return now + INSTANT
    return floor(request.origin, request.back, reached)


def next_due(request: RequestState, delivered: datetime) -> Optional[datetime]:
    """The delivery after the one of what is before ``delivered``; None after the last."""
    if request.kind in (ONCE, BLOCK) or (request.end is not None and delivered >= request.end):
        return None
    due = moment_after(request.origin, request.back, delivered)
    return due if request.end is None else min(due, request.end)
