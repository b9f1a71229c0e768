"""When things happen in an event (rules E27 to E39): status, intervals, the next moment. Pure
functions of a row and a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from ..instants import ZERO, shift, shift_back
from ..schema.events import ActivePeriod, Event, EventSignal
from ..state.events import EventState


class Span(NamedTuple):
    """When one interval of a signal really runs; ``end`` None lasts as long as the event does."""

    position: int
    start: datetime
    end: Optional[datetime]


def status(state: EventState, now: datetime) -> str:
    """Rule E27: ``far`` until start - ramp-up, ``near`` until the start, ``active`` until the end,
    then ``completed``.

    A negative or absent ramp-up leaves ``near`` without extent (E38: honouring it is the device's).
    A received status counts only where it is ``cancelled``; an event without end never completes
    (E33).
    """
    if state.cancelled is not None:
        return "cancelled"
    if now < state.start:
        ramp_up = state.event.active_period.ramp_up_period or ZERO
        return "far" if now < shift_back(state.start, ramp_up) else "near"
    return "active" if state.end is None or now < state.end else "completed"


def is_past(event: Event, now: datetime) -> bool:
    """Rule E26: the active period lies wholly in the past; one without end never does (E33)."""
    period = event.active_period
    return bool(period.duration) and shift(period.dtstart, period.duration) <= now


def listed_until(state: EventState) -> Optional[datetime]:
    """Rule E32: an event stays known until dtstart + duration + startafter; one without end has no
    such moment.
    """
    period = state.event.active_period
    if not period.duration:
        return None
    return shift(shift(period.dtstart, period.duration), start_after(period))


def start_after(period: ActivePeriod) -> timedelta:
    """Rule E29: by how much the start may be put off at random; never less than nothing."""
    return max(period.tolerance or ZERO, ZERO)


def end_of_run(state: EventState) -> Optional[datetime]:
    """When a running event ends: its end, or the random end after a cancellation if that comes
    first (E31).
    """
    if state.end_at is None:
        return state.end
    return state.end_at if state.end is None else min(state.end, state.end_at)


def interval_spans(state: EventState, signal: EventSignal) -> Iterator[Span]:
    """When the intervals of ``signal`` run, in order; those without extent are left out.

    Each begins where the one before ends (E36), counted from the real start, so that a random
    offset shifts them all (E29). The last is cut or extended to the event's end (E34), and lasts as
    long as the event where that has no end (E33). Their order, not their ``uid``, decides (E35).
    """
    begin, last = state.start, len(signal.intervals) - 1
    for index, interval in enumerate(signal.intervals):
        end = state.end if index == last else shift(begin, interval.duration or ZERO)
        if end is not None and state.end is not None:
            end = min(end, state.end)
        if end is None or begin < end:
            yield Span(index, begin, end)
        if end is not None:
            begin = end


def current_span(state: EventState, signal: EventSignal, now: datetime) -> Optional[Span]:
    """The interval of ``signal`` that runs now by the clock, or None outside the active period."""
    for span in interval_spans(state, signal):
        if span.start <= now and (span.end is None or now < span.end):
            return span
    return None


def next_interval_start(state: EventState, now: datetime) -> Optional[datetime]:
    """When the next interval of any signal begins."""
    starts = [
        span.start
        for signal in state.event.event_signals
        for span in interval_spans(state, signal)
        if span.start > now
    ]
    return min(starts, default=None)
