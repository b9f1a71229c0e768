"""What the VTN's messages make of one event: new, modified, cancelled, refused (rules E2 to E11,
E44 to E48).

The criteria of 2.0b, on the rows of ``ven_sdk.events.versions``. Each function gives the row as it
is to be; ``events.execution`` then does what is due. Pure functions.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....events import versions
from ....events.calls import bind_calls
from ....schema.events import Event
from ....state.events import EventState
from ....state.replacement import replace
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
    return ask_decision(book, versions.create_row(book, before, event, request_id), now)


def modify(
    book: "Book", held: EventState, event: Event, request_id: str, now: datetime
) -> EventState:
    """Rule E3: a higher number replaces the event entirely, and is decided about anew."""
    state = versions.replace_version(book, held, event, request_id, now)
    return ask_decision(book, state, now)


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
    return versions.ask_handler(book, state, now)


def _refuse(book: "Book", state: EventState, code: str, text: str) -> EventState:
    """E11, E47, E48: no handler sees it, and it is not carried out; one that was carried out so far
    is withdrawn.
    """
    if state.delivered:
        state = versions.call_cancel_handler(book, state, implied=True)
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
        described = held.event.replace(
            event_descriptor=event.event_descriptor, response_required=event.response_required
        )
        held = replace(held, event=described, pending=bind_calls(held))
    state = replace(held, request_id=request_id, owed=event.response_required != "never")
    return state if held.cancelled is not None else versions.stop(book, state, now, "vtn")


def keep_unread(
    held: EventState, number: Optional[int], request_id: str, required: bool
) -> EventState:
    """A newer version cannot be read: the one held goes on, and the VTN is told just that: code
    454, with the opt held (E11).
    """
    unread = held.event.modification_number if number is None else number
    return replace(held, unread=unread, request_id=request_id, owed=required)
