"""The wall clock was set back: nothing waits for longer than its own rule allows. Pure functions.

Moments that a row keeps, and what holds when the wall clock is set back and they lie ahead:

=============  ====================================================================================
``deadline``   moves with the clock while the process runs; after a restart it is never further
               away than ``opt_timeout``: it is cut to that
``end_at``     never further away than the event's startafter: it is cut to that (E31)
``started``    a run whose start lies ahead goes on for ``EARLY`` at most, in case the clock is put
               right; then it ends, and begins again at its time
``over``       counts no more when the start lies ahead by more than ``CLOCK_STEP``
``announced``  an interval that lies ahead by more than ``CLOCK_STEP`` counts as not announced: the
               one that rules now is announced
``leads``      forgotten where the run is to begin again; otherwise not repeated
``offset``     a span, not a moment: it stays (E30)
=============  ====================================================================================

A clock set forth makes due what lies before the new time, at once: intervals that were passed over
are skipped (E36). An undecided event keeps the time that was left for its decision (E18).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..instants import shift
from ..state.events import EventState
from ..state.replacement import replace
from . import timing
from .runs import CLOCK_STEP, end_run, past_leads

if TYPE_CHECKING:
    from ..state.book import Book

EARLY = timedelta(minutes=5)
"""How long a run goes on after the clock was set back to before its start."""


def heed_clock_set_back(book: "Book", state: EventState, now: datetime) -> EventState:
    """See the table at the top: nothing waits for longer than its own rule allows."""
    limit = shift(now, book.settings.opt_timeout)
    if state.waiting and state.deadline is not None and state.deadline > limit:
        state = replace(state, deadline=limit)
    if state.over and state.start > shift(now, CLOCK_STEP):
        state = replace(state, over=False, leads=past_leads(book, state, now))
    if state.started and state.cancelled is None:
        return _bound_early_run(book, state, now)
    limit = shift(now, timing.start_after(state.event.active_period))
    if state.end_at is not None and state.end_at > limit:
        state = replace(state, end_at=limit)  # E31
    return state


def _bound_early_run(book: "Book", state: EventState, now: datetime) -> EventState:
    """A run whose start lies ahead, for the clock was set back, ends soon unless that is mended."""
    if state.start <= now:
        return state if state.end_at is None else replace(state, end_at=None)
    limit = shift(now, EARLY)
    if state.end_at is None or state.end_at > limit:
        return replace(state, end_at=limit)
    if state.end_at <= now:
        return replace(end_run(book, state), leads=past_leads(book, state, now))
    return state
