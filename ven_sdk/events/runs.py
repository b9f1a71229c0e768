"""The run of an event: begin, intervals, end, and the leads before it. Each function gives the row
with what has begun or ended, and the handler calls that say so. Pure functions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import shift, shift_back
from ..state.events import EventState
from ..state.replacement import replace
from . import timing
from .calls import add_call

if TYPE_CHECKING:
    from ..schema.events import EventSignal
    from ..state.book import Book

CLOCK_STEP = timedelta(minutes=1)
"""A clock set back by less than this repeats nothing."""


def begin_run(book: "Book", state: EventState) -> EventState:
    """The row with its run begun; no interval is announced yet."""
    none_yet = (-1,) * len(state.event.event_signals)
    return add_call(book, replace(state, started=True, announced=none_yet), "on_event_start")


def end_run(book: "Book", state: EventState) -> EventState:
    """The row with its run ended, whatever the time."""
    if not state.started:
        return state
    return add_call(book, replace(state, started=False, end_at=None), "on_event_end")


def run_ends(state: EventState, now: datetime) -> bool:
    """Whether a running event ends: opted out, its time is up, or cancelled and its random delay is
    over (E31).
    """
    last = timing.end_of_run(state)
    at_once = state.cancelled is not None and state.end_at is None
    return at_once or not state.participates or (last is not None and last <= now)


def announce_intervals(book: "Book", state: EventState, now: datetime) -> EventState:
    """Announce the interval that runs now, of each signal, once; those missed meanwhile are skipped
    (E36).
    """
    for position, signal in enumerate(state.event.event_signals):
        if position in state.other_devices:
            continue
        span = timing.current_span(state, signal, now)
        if span is None or _is_announced(state, signal, span, state.announced[position], now):
            continue
        marks = (*state.announced[:position], span.position, *state.announced[position + 1 :])
        state = add_call(
            book,
            replace(state, announced=marks),
            "on_interval_start",
            signal=position,
            interval=span.position,
        )
    return state


def _is_announced(
    state: EventState, signal: "EventSignal", span: timing.Span, mark: int, now: datetime
) -> bool:
    """Whether ``span``, which runs now, needs no call: it, or one about to begin, had its own."""
    if span.position >= mark:
        return span.position == mark
    limit = shift(now, CLOCK_STEP)
    return not any(
        other.position == mark and other.start > limit
        for other in timing.interval_spans(state, signal)
    )


def call_leads(book: "Book", state: EventState, now: datetime) -> EventState:
    """Call the ``before_event`` handlers whose lead has come; late rather than never, but not after
    the start.
    """
    for name, lead in book.leads():
        if name not in state.leads and shift_back(state.start, lead) <= now:
            state = add_call(book, replace(state, leads=(*state.leads, name)), name)
    return state


def past_leads(book: "Book", state: EventState, now: datetime) -> tuple[str, ...]:
    """The ``before_event`` handlers that were called and whose moment does not lie ahead again."""
    return tuple(
        name
        for name, lead in book.leads()
        if name in state.leads and shift_back(state.start, lead) <= now
    )
