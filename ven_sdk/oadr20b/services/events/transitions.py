"""What the VTN's messages make of one event: new, modified, cancelled, refused (rules E2 to E10,
E29 to E31, E44 to E48).

Each function gives the row as it is to be; ``events.execution`` then does what is due. Pure
functions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ....events import timing
from ....events.execution import add_call, bind_calls, decide, end_run, past_leads
from ....instants import shift
from ....schema.events import Event, EventSignal
from ....state.events import EventState
from .. import opts
from .eligibility import find_other_devices, find_refusal

if TYPE_CHECKING:
    from ...state.book import Book


def is_gone(state: EventState) -> bool:
    """Whether the ID counts as unknown though its row is there: implicitly cancelled (E10), or
    acknowledged (E5, E8).
    """
    return state.cancelled == "list" or (state.cancelled == "vtn" and not state.owed)


def is_cancelled(event: Event) -> bool:
    """The one received status that decides (E8, E27)."""
    return event.event_status == "cancelled"


def create(
    book: "Book", before: Optional[EventState], event: Event, request_id: str, now: datetime
) -> EventState:
    """Rules E2, E10: an event that was not known, whatever its number; ``before`` is the end of an
    earlier one of that ID.
    """
    pending = bind_calls(end_run(book, before)) if before is not None else ()
    state = EventState(
        event=event, request_id=request_id, pending=pending, offset=draw_offset(book, event)
    )
    return ask_decision(book, state, now)


def modify(
    book: "Book", held: EventState, event: Event, request_id: str, now: datetime
) -> EventState:
    """Rule E3: a higher number replaces the event entirely; what runs goes on, if its new period is
    now.

    The offset is kept unless startafter changes (E30). The opt held stands until the new decision.
    An interval that is the same as before is not announced again; a lead that lies in the future
    again is.
    """
    offset = (
        held.offset
        if event.active_period.tolerance == held.event.active_period.tolerance
        else draw_offset(book, event)
    )
    state = replace(
        held,
        event=event,
        request_id=request_id,
        offset=offset,
        pending=bind_calls(held),
        over=False,
        code="200",
        unread=None,
    )
    if state.started and not _is_within(state, now):
        state = end_run(book, state)
    if state.started:
        state = replace(
            state,
            announced=tuple(
                _announced_before(held, state, signal, now) for signal in event.event_signals
            ),
        )
    past = past_leads(book, state, now)
    state = replace(state, leads=tuple(name for name in state.leads if name in past))
    return ask_decision(book, state, now)


def _is_within(state: EventState, now: datetime) -> bool:
    return state.start <= now and (state.end is None or now < state.end)


def _announced_before(
    held: EventState, state: EventState, signal: EventSignal, now: datetime
) -> int:
    """What counts as announced of a modified signal: its running interval, if the same one was
    announced before.
    """
    piece = timing.current_span(state, signal, now)
    if piece is None:
        return -1
    for position, old in enumerate(held.event.event_signals):
        if (old.signal_id, old.signal_name, old.signal_type) == (
            signal.signal_id,
            signal.signal_name,
            signal.signal_type,
        ):
            mark = held.announced[position]
            same = (
                mark == piece.position
                and mark < len(old.intervals)
                and (old.intervals[mark].signal_payload == signal.intervals[mark].signal_payload)
            )
            return mark if same else piece.position - 1
    return piece.position - 1


def ask_decision(book: "Book", state: EventState, now: datetime) -> EventState:
    """The row with the decision about its version under way: refused, opted out by a schedule
    (O1.9), or a handler's.
    """
    refusal = find_refusal(book, state.event)
    if refusal is not None:
        return _refuse(book, state, refusal.code, refusal.text)
    state = replace(
        state,
        owed=state.event.response_required != "never",
        waiting=False,
        decision=None,
        deadline=None,
        reason=None,
        other_devices=find_other_devices(book.settings, state.event),
    )
    if not state.delivered and opts.is_opted_out(book, state.event):
        return replace(state, opt="optOut", reason="opted out by an availability schedule")
    handler = (
        "on_update_event" if state.delivered and book.has_handler("on_update_event") else "on_event"
    )
    state = add_call(book, replace(state, delivered=True), handler)
    if not book.has_handler(handler):
        return replace(state, opt="optOut")
    return replace(
        state,
        waiting=True,
        decision=state.pending[-1].number,
        deadline=shift(now, book.settings.opt_timeout),
    )


def _refuse(book: "Book", state: EventState, code: str, text: str) -> EventState:
    """E11, E47, E48: no handler sees it, and it is not carried out; one that was carried out so far
    is withdrawn.
    """
    if state.delivered:
        state = call_cancel_handler(book, state, implied=True)
    return replace(
        state,
        code=code,
        reason=text,
        opt="optOut",
        waiting=False,
        decision=None,
        deadline=None,
        delivered=False,
        owed=state.event.response_required != "never",
    )


def cancel(
    book: "Book", held: EventState, event: Event, request_id: str, now: datetime
) -> EventState:
    """Rule E8: stopped by the VTN; acknowledged at once, whatever E31 lets run on (E24, E25: also
    when repeated).
    """
    if (
        held.event.event_descriptor != event.event_descriptor
        or held.event.response_required != event.response_required
    ):
        shown = held.event.replace(
            event_descriptor=event.event_descriptor, response_required=event.response_required
        )
        held = replace(held, event=shown, pending=bind_calls(held))
    state = replace(held, request_id=request_id, owed=event.response_required != "never")
    return state if held.cancelled is not None else _stop(book, state, now, "vtn")


def cancel_missing(book: "Book", held: EventState, now: datetime) -> EventState:
    """Rules E6, E7: missing from a complete list is cancelled without an answer; completed ones are
    simply forgotten.

    A cancelled one that the VTN lists no more counts as acknowledged (E25).
    """
    if held.cancelled is not None:
        return replace(held, owed=False)
    state = replace(held, owed=False)
    if timing.status(held, now) == "completed":
        return replace(end_run(book, state), cancelled="list")
    return _stop(book, state, now, "list")


def _stop(book: "Book", state: EventState, now: datetime, how: str) -> EventState:
    if state.delivered:
        state = call_cancel_handler(book, state, implied=how == "list")
    state = replace(state, cancelled=how, waiting=False, decision=None, deadline=None, end_at=None)
    tolerance = state.event.active_period.tolerance
    if state.started and tolerance and tolerance > timedelta(0):
        return replace(state, end_at=shift(now, draw(book, tolerance)))  # E31
    return state


def keep_unread(
    held: EventState, number: Optional[int], request_id: str, required: bool
) -> EventState:
    """A newer version cannot be read: the one held goes on, and the VTN is told just that: code
    454, with the opt held (E11).
    """
    unread = held.event.modification_number if number is None else number
    return replace(held, unread=unread, request_id=request_id, owed=required)


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


def drop(book: "Book", held: EventState) -> EventState:
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
    tolerance = event.active_period.tolerance
    return draw(book, tolerance) if tolerance and tolerance > timedelta(0) else timedelta(0)


def draw(book: "Book", limit: timedelta) -> timedelta:
    """A random duration in [0, ``limit``]."""
    return limit * book.chance.random()
