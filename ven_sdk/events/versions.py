"""What a new version, a cancellation, the user's word or the end of the registration make of an
event's row, whatever protocol brought it.

The criteria are the profile's: which message means what, which event is for this VEN, what is
answered. Each function gives the row as it is to be; ``execution`` then does what is due. Pure
functions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ..instants import ZERO, shift
from ..schema.events import Event, EventSignal
from ..state.events import EventState
from ..state.replacement import replace
from . import timing
from .calls import add_call, bind_calls
from .execution import decide
from .runs import end_run, past_leads

if TYPE_CHECKING:
    from ..state.book import Book


def create_row(
    book: "Book", before: Optional[EventState], event: Event, request_id: str
) -> EventState:
    """Rules E2, E10: the row of an event that was not known; ``before`` is the end of an earlier
    one of that ID, whose run ends.
    """
    pending = bind_calls(end_run(book, before)) if before is not None else ()
    offset = draw_offset(book, event)
    return EventState(event=event, request_id=request_id, pending=pending, offset=offset)


def replace_version(
    book: "Book", held: EventState, event: Event, request_id: str, now: datetime
) -> EventState:
    """Rule E3: the row with another version in the place of the one held; what runs goes on, if its
    new period is now.

    The offset is kept unless startafter changes (E30). The opt held stands until the new decision.
    An interval that is the same as before is not announced again; a lead that lies in the future
    again is.
    """
    same = event.active_period.tolerance == held.event.active_period.tolerance
    state = replace(
        held,
        event=event,
        request_id=request_id,
        offset=held.offset if same else draw_offset(book, event),
        pending=bind_calls(held),
        over=False,
        code="200",
        unread=None,
    )
    if state.started and not _is_within(state, now):
        state = end_run(book, state)
    if state.started:
        marks = (_announced_before(held, state, signal, now) for signal in event.event_signals)
        state = replace(state, announced=tuple(marks))
    return replace(state, leads=past_leads(book, state, now))


def _is_within(state: EventState, now: datetime) -> bool:
    return state.start <= now and (state.end is None or now < state.end)


def _announced_before(
    held: EventState, state: EventState, signal: EventSignal, now: datetime
) -> int:
    """What counts as announced of a modified signal: its running interval, if the same one was
    announced before.
    """
    span = timing.current_span(state, signal, now)
    if span is None:
        return -1
    for position, old in enumerate(held.event.event_signals):
        if (old.signal_id, old.signal_name, old.signal_type) == (
            signal.signal_id,
            signal.signal_name,
            signal.signal_type,
        ):
            mark = held.announced[position]
            same = (
                mark == span.position
                and mark < len(old.intervals)
                and (old.intervals[mark].signal_payload == signal.intervals[mark].signal_payload)
            )
            return mark if same else span.position - 1
    return span.position - 1


def ask_handler(book: "Book", state: EventState, now: datetime) -> EventState:
    """The row with a decision handler called, and the time until which it has to decide (E18);
    without a handler the event is opted out of.
    """
    name = "on_update_event" if state.delivered else "on_event"
    handler = name if book.has_handler(name) else "on_event"
    if not book.has_handler(handler):
        return replace(state, delivered=True, opt="optOut")
    state = add_call(book, state, handler)
    return replace(
        state,
        delivered=True,
        waiting=True,
        decision=state.pending[-1].number,
        deadline=shift(now, book.settings.opt_timeout),
    )


def stop(book: "Book", state: EventState, now: datetime, how: str) -> EventState:
    """The row cancelled, ``how`` by ``vtn`` or by its ``list``: what runs ends at once, or at
    random within startafter (E31). What is gone from a list is owed no answer (E6).
    """
    if state.delivered:
        state = call_cancel_handler(book, state, implied=how == "list")
    state = replace(
        state,
        cancelled=how,
        owed=state.owed and how != "list",
        waiting=False,
        decision=None,
        deadline=None,
        end_at=None,
    )
    limit = timing.start_after(state.event.active_period)
    if state.started and limit:
        return replace(state, end_at=shift(now, draw(book, limit)))  # E31
    return state


def stop_missing(book: "Book", held: EventState, now: datetime) -> EventState:
    """Rules E6, E7: missing from a complete list is cancelled without an answer; completed ones are
    simply forgotten.

    A cancelled one that the VTN lists no more counts as acknowledged (E25).
    """
    if held.cancelled is not None:
        return replace(held, owed=False)
    if timing.status(held, now) == "completed":
        return replace(end_run(book, held), cancelled="list", owed=False)
    return stop(book, held, now, "list")


def call_cancel_handler(book: "Book", state: EventState, *, implied: bool) -> EventState:
    """``on_cancel_event``; without one ``on_update_event``, whose return decides nothing; never
    ``on_event``.
    """
    handler = "on_cancel_event" if book.has_handler("on_cancel_event") else "on_update_event"
    return add_call(book, state, handler, implied=implied)


def choose(held: EventState, opt: str, reason: Optional[str]) -> EventState:
    """Rule E23: the user's own word; what a handler still running returns later no longer
    decides.
    """
    return decide(replace(held, decision=None, delivered=True), opt, reason)


def drop_missing(book: "Book", held: EventState, now: datetime) -> EventState:
    """The VTN is another one, which does not have it: dropped, and who knows of it is told."""
    is_over = held.cancelled is not None or timing.status(held, now) == "completed"
    if held.delivered and not is_over:
        held = call_cancel_handler(book, held, implied=True)
    return drop(book, held, now)


def drop(book: "Book", held: EventState, now: datetime) -> EventState:
    """The registration is gone: what runs ends at once, nothing is owed."""
    state = end_run(book, held)
    return replace(
        state,
        cancelled="list",
        owed=False,
        waiting=False,
        decision=None,
        deadline=None,
        end_at=None,
    )


def draw_offset(book: "Book", event: Event) -> timedelta:
    """Rule E29: the random offset of the start, in [0, startafter]."""
    limit = timing.start_after(event.active_period)
    return draw(book, limit) if limit else ZERO


def draw(book: "Book", limit: timedelta) -> timedelta:
    """A random duration in [0, ``limit``]."""
    return limit * book.chance.random()
