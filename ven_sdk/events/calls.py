"""Handler calls of an event: which are to be made, and with what. They stand in the row until they
returned, so that a crash repeats them instead of losing them. Pure functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..state.events import EventState, PendingCall
from ..state.replacement import replace

if TYPE_CHECKING:
    from ..state.book import Book

KEPT_FOR = frozenset({"on_event_start", "on_event_end", "on_cancel_event"})
"""Calls that a row is kept for until they returned. An event that is over needs no decision any
more.
"""


def add_call(
    book: "Book",
    state: EventState,
    handler: str,
    *,
    signal: Optional[int] = None,
    interval: Optional[int] = None,
    implied: Optional[bool] = None,
) -> EventState:
    """The row with one more call to make, if the user set that handler."""
    if not book.has_handler(handler) and handler not in {name for name, _ in book.leads()}:
        return state
    call = PendingCall(int(book.next_key()), handler, signal, interval, implied)
    return replace(state, pending=(*state.pending, call))


def bind_calls(state: EventState) -> tuple[PendingCall, ...]:
    """The pending calls, each with the version it is about, for a row whose event is about to be
    replaced.
    """
    return tuple(
        call if call.event is not None else replace(call, event=state.event)
        for call in state.pending
    )


def arguments_of(state: EventState, call: PendingCall) -> tuple[object, ...]:
    """What the handler is called with."""
    event = call.event or state.event
    if call.signal is not None and call.interval is not None:
        signal = event.event_signals[call.signal]
        return (event, signal, signal.intervals[call.interval])
    if call.implied is not None and call.handler == "on_cancel_event":
        return (event, call.implied)
    return (event,)
