"""``oadrDistributeEvent``: the complete list of events, compared with what is held (rules E1 to
E16, E26, G11).

The work is linear in the length of the list, and small for what did not change: 10,000 unchanged
events write nothing.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....errors import ProtocolError
from ....events import timing, versions
from ....events.execution import carry_out, combine
from ....schema.events import Event
from ....state.change import Change
from ....state.events import EventState
from ....state.outcome import Note, Outcome
from ....state.replacement import replace
from ....usercode.handlers import NOBODY_DECIDES
from ...schema.events import CreatedEvent, DistributeEvent, EventResponse, FaultyEvent
from ...state.event_list import EventList
from .. import answers
from ..task import is_success
from . import transitions
from .list_memory import remember_list
from .responses import build_response
from .wording import describe_change, describe_missing, join_changes

if TYPE_CHECKING:
    from ...state.book import Book

OVER = ("cancelled", "completed")
MOST_NAMED = 5
"""Unreadable events of one list that get a line of their own."""


def receive(
    book: "Book", message: DistributeEvent, now: datetime, complete: bool = True
) -> Outcome:
    """Rules E1, E12: take in a list of events. ``complete`` is False for the answer to a request
    with a replyLimit.

    A failure of the whole message changes nothing. Otherwise each event is judged by itself (E11),
    in any order (E13).
    """
    failure = _refuse_list(book, message, now)
    if failure is not None:
        return failure
    intake = Intake(book, message, now)
    for event in message.events:
        intake.take(event)
    for faulty in message.faulty:
        intake.take_faulty(faulty)
    if complete and book.settings.implied_cancel:
        intake.stop_missing()
    return intake.outcome(complete)


def receive_none(book: "Book", now: datetime) -> Outcome:
    """An ``oadrResponse`` to a request for the list: there are no events (E12)."""
    vtn_id = book.registration.vtn_id or ""
    return receive(book, DistributeEvent(request_id="", vtn_id=vtn_id, events=()), now)


def _refuse_list(book: "Book", message: DistributeEvent, now: datetime) -> Optional[Outcome]:
    """Rule E12: an error code, or another VTN's ID (G11, answered 452 without eventResponses, E20,
    E21).
    """
    if message.response is not None and not is_success(message.response.response_code):
        error = ProtocolError(
            f"The VTN sent an event list with code {message.response.response_code}"
            f" ({message.response.response_description or 'no description'}). The events known "
            f"so far stand.",
            response_code=message.response.response_code,
            received="oadrDistributeEvent",
            response_description=message.response.response_description,
        )
        return Outcome(
            notes=(Note(str(error), logging.WARNING, once="event list with an error", error=error),)
        )
    known = book.registration.vtn_id
    if not known or message.vtn_id == known:
        return None
    note = Note(
        f"An event list came from VTN {message.vtn_id!r}; this VEN is registered with {known!r}. "
        f"The list was answered with code 452 and not looked at.",
        logging.WARNING,
        once="foreign vtnID",
    )
    return answer_foreign_list(book, message.request_id, now) + Outcome(notes=(note,))


def answer_foreign_list(book: "Book", request_id: str, now: datetime) -> Outcome:
    """G11: a list from another VTN is answered 452, without eventResponses (E20, E21)."""
    reply = CreatedEvent(
        response=answers.response("452", request_id, "vtnID is not the registered one"),
        ven_id=book.registration.ven_id or "",
    )
    return answers.owe(book, reply, now)


class Intake:
    """One list being taken in. ``rows`` holds what changes, so that an ID that comes twice meets
    its own first version.
    """

    def __init__(self, book: "Book", message: DistributeEvent, now: datetime) -> None:
        self.book: Book = book
        self.now: datetime = now
        self.request_id: str = message.request_id
        self.present: set[str] = set()
        self.due: set[str] = set()
        self.rows: dict[str, EventState] = {}
        self.others: list[EventResponse] = []
        self.notes: list[Note] = []
        self.changes: list[str] = []
        self.missing: list[str] = []
        self.unreadable: int = 0

    def take(self, event: Event) -> None:
        """Judge one event of the list by its number and status (E2 to E5, E8, E9, E15, E26)."""
        key, number = event.event_id, event.modification_number
        self.present.add(key)
        held = self._known_row(key)
        if held is None:
            self._take_unknown(event)
        elif number < held.event.modification_number:
            known = f"have modification {held.event.modification_number}"
            self._respond(event, "450", held.opt or "optOut", known)  # E5
        elif transitions.is_cancelled(event):
            self._cancel(held, event)
        elif number > held.event.modification_number:
            self._modify(held, event)
        else:
            self._repeat(held, event)

    def _known_row(self, key: str) -> Optional[EventState]:
        """The row of an event that is known; one that is gone counts as unknown (E5, E10)."""
        held = self._row(key)
        return None if held is None or transitions.is_gone(held) else held

    def _row(self, key: str) -> Optional[EventState]:
        return self.rows.get(key) or self.book.events.get(key)

    def _take_unknown(self, event: Event) -> None:
        if transitions.is_cancelled(event):
            self._respond(event, "200", "optIn")  # E9
        elif event.event_status == "completed" or timing.is_past(event, self.now):
            self._answer_past(event)
        else:
            before = self._row(event.event_id)
            state = transitions.create(self.book, before, event, self.request_id, self.now)
            self._keep(state, "new")

    def _answer_past(self, event: Event) -> None:
        """Rule E26: no handler sees it. The letter wants an error; real VTNs list such events."""
        if self.book.settings.strict:
            self._respond(event, "454", "optOut", "the event is over")
        else:
            self._respond(event, "200", "optOut")

    def _cancel(self, held: EventState, event: Event) -> None:
        state = transitions.cancel(self.book, held, event, self.request_id, self.now)
        self.rows[event.event_id] = state
        if held.cancelled is None:
            self.changes.append(f"{event.event_id!r} is cancelled by the VTN")

    def _modify(self, held: EventState, event: Event) -> None:
        """E3; a cancelled event that comes back is a new one, for the handlers were told that it is
        gone.
        """
        make = transitions.modify if held.cancelled is None else transitions.create
        state = make(self.book, held, event, self.request_id, self.now)
        self._keep(state, f"modification {event.modification_number}")

    def _keep(self, state: EventState, change: str) -> None:
        self.rows[state.event.event_id] = state
        self.changes.append(describe_change(state, change, self.now))
        if state.code == "200" and not state.waiting and not state.reason:
            note = Note(NOBODY_DECIDES, logging.WARNING, once="no on_event handler")
            self.notes.append(note)

    def _repeat(self, held: EventState, event: Event) -> None:
        """E4: nothing changes, whatever else differs; E15: the opt held is sent again where a
        response is required.
        """
        state = held if held.unread is None else replace(held, unread=None)
        if held.cancelled is None and held.event.response_required != event.response_required:
            state = replace(
                state,
                event=held.event.replace(response_required=event.response_required),
                owed=held.owed and event.response_required != "never",
            )
        if state is not held:
            self.rows[event.event_id] = state
        if event.response_required != "never":
            self.due.add(event.event_id)

    def _respond(self, event: Event, code: str, opt: str, text: Optional[str] = None) -> None:
        """A response about what is not held; E16: none where none is wanted."""
        if event.response_required != "never":
            self._add_response(event.event_id, event.modification_number, code, opt, text)

    def _add_response(
        self, key: str, number: int, code: str, opt: str, text: Optional[str] = None
    ) -> None:
        self.others.append(build_response(key, number, self.request_id, code, opt, text))

    # --- events that cannot be read ---------------------------------------------------------------

    def take_faulty(self, faulty: FaultyEvent) -> None:
        """E11: an event that cannot be read counts as present. A cancellation is obeyed all the
        same; a newer version of a known event leaves that going on, and is answered 454 with the
        opt that is held for it; any other is answered 454 optOut.
        """
        self._note_faulty(faulty)
        key, number = faulty.event_id, faulty.modification_number
        if key is None:
            return
        self.present.add(key)
        held = self._known_row(key)
        if faulty.is_cancellation and number is not None:
            self._cancel_faulty(held, key, number, faulty)
        elif held is None or held.cancelled is not None:
            if faulty.response_required != "never":
                self._add_response(key, number or 0, "454", "optOut")
        elif number is not None and number <= held.event.modification_number:
            self.take(_as_held(held, number, faulty))
        else:
            required = faulty.response_required != "never"
            self.rows[key] = transitions.keep_unread(held, number, self.request_id, required)

    def _cancel_faulty(
        self, held: Optional[EventState], key: str, number: int, faulty: FaultyEvent
    ) -> None:
        """E8, E9: a cancellation needs ID, number and status, nothing else."""
        if held is not None:
            self.take(_as_held(held, number, faulty, "cancelled"))
        elif faulty.response_required != "never":
            self._add_response(key, number, "200", "optIn")

    def _note_faulty(self, faulty: FaultyEvent) -> None:
        """A line each for the first few; a list may hold thousands."""
        self.unreadable += 1
        if self.unreadable > MOST_NAMED:
            return
        outcome = " It is cancelled all the same." if faulty.is_cancellation else ""
        text = f"Event {faulty.event_id!r} could not be read: {faulty.error}{outcome}"
        once = f"faulty event {faulty.event_id!r} {faulty.error.path}"
        self.notes.append(Note(text, logging.WARNING, once=once, error=faulty.error))

    # --- the whole list ---------------------------------------------------------------------------

    def stop_missing(self) -> None:
        """Rules E6, E7: what a complete list does not hold is cancelled."""
        for key in self.book.events.keys() - self.present:
            held = self.book.events[key]
            state = versions.stop_missing(self.book, held, self.now)
            if held.code == "200" and timing.status(held, self.now) not in OVER:
                self.missing.append(key)
            if state != held:
                self.rows[key] = state

    def outcome(self, complete: bool) -> Outcome:
        """Everything that the list asks for."""
        outcomes = [
            carry_out(self.book, key, self.book.events.get(key), state, self.now)
            for key, state in self.rows.items()
        ]
        row = Change("event_list", "", self._remember(complete))
        return combine(outcomes) + Outcome(changes=(row,), notes=(*self._lines(), *self.notes))

    def _lines(self) -> list[Note]:
        """What the list changed, for the operator."""
        unnamed = self.unreadable - MOST_NAMED
        if unnamed > 0:
            self.changes.append(f"{unnamed} more could not be read")
        lines = [Note(join_changes(self.changes))] if self.changes else []
        if self.missing:
            lines.append(Note(describe_missing(sorted(self.missing))))
        return lines

    def _remember(self, complete: bool) -> EventList:
        """What this list leaves behind."""
        decided = (key for key, state in self.rows.items() if state.decision is not None)
        return remember_list(
            self.book.event_list,
            EventList(
                request_id=self.request_id,
                present=frozenset(self.present),
                due=frozenset(self.due),
                fresh=frozenset(decided),
                others=tuple(self.others),
            ),
            self.book.events.keys(),
            complete,
        )


def _as_held(
    held: EventState, number: int, faulty: FaultyEvent, status: Optional[str] = None
) -> Event:
    """The event as it is held, under the number, status and wish for a response of one that could
    not be read.
    """
    descriptor = held.event.event_descriptor
    return held.event.replace(
        event_descriptor=descriptor.replace(
            modification_number=number, event_status=status or descriptor.event_status
        ),
        response_required=faulty.response_required or held.event.response_required,
    )
