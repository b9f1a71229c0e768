"""A VEN that goes on where another process left off: a member of a fleet has its rows now, and the
VTN knows nothing of it. Pure functions of the book.

**It is the same registered VEN, not one that was switched on.** IDs, poll frequency, events, opts,
report requests, samples and answers that are owed stand in the rows. So it sends no query and no
registration, for a registration makes VTNs throw away what waits for the VEN (R17), and it offers
no catalogue again that has not changed. Its first message is the poll, or what it owes.

What the rows do not have is what a reply carried that reached the process before and was not
committed. That is a lost reply as any VEN has it, and the same makes it good (H6): where the
process before broke off, the VEN requests the complete list of events, once, at a moment drawn from
the next poll period (:data:`LIST_WITHIN` at most), so that an event that was lost comes no later
than one that is new. A request for reports, a cancellation or a registration that was asked for,
lost in that way, has no answer at the VTN, which repeats it or asks again: no start would bring it
either. A VTN that has erased the VEN says so in its reply to the poll (R13), and the bootstrap
runs.

Where the process before ended in order, :func:`part` has left in the rows whatever is still to be
made good, and the list is requested only where events are held: under which requestID each was
listed last is known to the process alone (E23).

The whole bootstrap runs where there is no registration that stands (no phase but ``registered``,
and those of its end), and where the VEN says of itself what it did not say when it registered
(``phases.terms_of``). A catalogue that changed is offered, without the rest (R8). Where the address
of the VTN has changed, the list comes first: its vtnID tells whether it is the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ....state.change import Change
from ....state.outcome import NOTHING, Outcome, Timer
from .. import events
from .creation import resume
from .phases import change_phase, poll_period, terms_of

if TYPE_CHECKING:
    from ...state.book import Book

LIST_WITHIN = timedelta(minutes=1)
"""The longest time until the list of events is requested by a VEN whose process before broke
off.
"""
TIMER = "list after a move"


def go_on(book: Book, now: datetime, in_order: bool) -> Outcome:
    """The VEN goes on; ``in_order``: :func:`part` was the last step of the process before."""
    state = book.registration
    if state.phase == "cancelled":
        return NOTHING
    if not _is_intact(book):
        return resume(book, now)
    if state.resync or book.settings.report_only:
        return NOTHING
    if state.vtn_url != book.settings.vtn_url:
        return _want_list(now)
    if in_order and not book.events:
        return NOTHING
    period = min(poll_period(book), LIST_WITHIN)
    return _want_list(now + period * book.chance.random())


def _is_intact(book: Book) -> bool:
    """Whether the VTN knows the VEN as it is now. At another address it is known by its vtnID."""
    state, settings = book.registration, book.settings
    if state.phase != "registered" or state.terms != terms_of(settings):
        return False
    is_there = state.vtn_url == settings.vtn_url
    return is_there or (state.vtn_id is not None and not settings.report_only)


def _want_list(at: datetime) -> Outcome:
    """Not committed: a process that breaks off before the list came leaves it to the next."""
    wish = Change("list_due", "", at)
    return Outcome(changes=(wish,), timers=(Timer(TIMER, at, _look),))


def _look(book: Book, now: datetime) -> Outcome:
    """The moment has come: the lanes look at the book after every timer."""
    return NOTHING


def part(book: Book, now: datetime, is_exchanging: bool) -> Outcome:
    """The VEN ends here, and another process goes on with its rows. What the list of events has to
    make good is committed: a reply that is still under way (``is_exchanging``), a list that was
    wanted and has not come, answers about events that are not held.
    """
    state = book.registration
    if state.phase != "registered" or state.resync or book.settings.report_only:
        return NOTHING
    if is_exchanging or book.list_due is not None or events.owes_unheld(book):
        return change_phase(book, now, "registered", resync=True)
    return NOTHING
