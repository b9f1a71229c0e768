"""``oadrDistributeEvent``: the complete list of events, compared with what is held (rules E1 to
E16, E26, G11).

The work is linear in the length of the list, and small for what did not change: 10,000 unchanged
events write nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections import Counter as Counts
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....errors import ProtocolError
from ....events import timing
from ....events.execution import carry_out, combine
from ....schema.events import CreatedEvent, DistributeEvent, Event, EventResponse, FaultyEvent
from ....state.change import Change
from ....state.events import EventState
from ....state.outcome import Note, Outcome
from ....usercode.handlers import NOBODY_DECIDES
from ...state.event_list import EventList
from .. import answers
from ..task import is_success
from . import transitions
from .responses import build_response

if TYPE_CHECKING:
    from ...state.book import Book

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
    failure = _failure(book, message, now)
    if failure is not None:
        return failure
    intake = Intake(book, message, now)
    for event in message.events:
        intake.take(event)
    for faulty in message.faulty:
        intake.take_faulty(faulty)
    if complete and book.settings.implied_cancel:
        intake.miss()
    return intake.outcome(complete)


def _failure(book: "Book", message: DistributeEvent, now: datetime) -> Optional[Outcome]:
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
    reply = CreatedEvent(
        response=answers.response("452", message.request_id, "vtnID is not the registered one"),
        ven_id=book.registration.ven_id or "",
    )
    note = Note(
        f"An event list came from VTN {message.vtn_id!r}; this VEN is registered with {known!r}. "
        f"The list was answered "
        "with code 452 and not looked at.",
        logging.WARNING,
        once="foreign vtnID",
    )
    return answers.owe(book, reply, now) + Outcome(notes=(note,))


class Intake:
    """One list being taken in. ``rows`` holds what changes, so that an ID that comes twice meets
    its own first version.
    """

    def __init__(self, book: "Book", message: DistributeEvent, now: datetime) -> None:
        self.book, self.now, self.request_id = book, now, message.request_id
        self.present: set[str] = set()
        self.due: set[str] = set()
        self.rows: dict[str, EventState] = {}
        self.loose: list[EventResponse] = []
        self.notes: list[Note] = []
        self.counts: Counts[str] = Counter()

    def take(self, event: Event) -> None:
        """Judge one event of the list by its number and status (E2 to E5, E8, E9, E15, E26)."""
        descriptor = event.event_descriptor
        key, number = descriptor.event_id, descriptor.modification_number
        self.present.add(key)
        held = self.rows.get(key) or self.book.events.get(key)
        if held is None or transitions.is_gone(held):
            self._unknown(held, event)
        elif number < held.event.event_descriptor.modification_number:
            self._respond(
                event,
                "450",
                held.opt or "optOut",  # E5
                f"have modification {held.event.event_descriptor.modification_number}",
            )
        elif descriptor.event_status == "cancelled":
            self.counts["cancelled"] += held.cancelled is None
            self.rows[key] = transitions.cancel(self.book, held, event, self.request_id, self.now)
        elif number > held.event.event_descriptor.modification_number:
            self._modified(held, event)
        else:
            self._unchanged(held, event)

    def _unknown(self, held: Optional[EventState], event: Event) -> None:
        if transitions.is_cancelled(event):
            self._respond(event, "200", "optIn")  # E9
        elif event.event_status == "completed" or timing.is_past(event, self.now):
            self._respond(event, "200", "optOut")  # E26
        else:
            self.counts["new"] += 1
            self._keep(event, transitions.create(self.book, held, event, self.request_id, self.now))

    def _modified(self, held: EventState, event: Event) -> None:
        """E3; a cancelled event that comes back is a new one, for the handlers were told that it is
        gone.
        """
        make = transitions.modify if held.cancelled is None else transitions.create
        self.counts["modified"] += 1
        self._keep(event, make(self.book, held, event, self.request_id, self.now))

    def _keep(self, event: Event, state: EventState) -> None:
        self.rows[event.event_id] = state
        if state.code != "200":
            self.notes.append(
                Note(
                    f"Event {event.event_id!r} is refused with code {state.code}: {state.reason}.",
                    once=f"event refused with {state.code}",
                )
            )
        elif not state.waiting and not state.reason:
            self.notes.append(Note(NOBODY_DECIDES, logging.WARNING, once="no on_event handler"))

    def _unchanged(self, held: EventState, event: Event) -> None:
        """E4: nothing changes, whatever else differs; E15: the opt held is said again where a
        response is required.
        """
        if held.cancelled is None and held.event.response_required != event.response_required:
            self.rows[event.event_id] = replace(
                held,
                event=held.event.replace(response_required=event.response_required),
                owed=held.owed and event.response_required != "never",
            )
        if event.response_required != "never":
            self.due.add(event.event_id)

    def _respond(self, event: Event, code: str, opt: str, text: Optional[str] = None) -> None:
        """A response about what is not held; E16: none where none is wanted."""
        if event.response_required != "never":
            self.loose.append(build_response(event, self.request_id, code, opt, text))

    def take_faulty(self, faulty: FaultyEvent) -> None:
        """E11: an event that cannot be read is answered 454, counts as present, and keeps running
        as it was.
        """
        self.counts["unreadable"] += 1
        if (
            self.counts["unreadable"] <= MOST_NAMED
        ):  # a list may hold thousands; the count of all is said at the end
            self.notes.append(
                Note(
                    f"Event {faulty.event_id!r} could not be read: {faulty.error}",
                    logging.WARNING,
                    once=f"faulty event {faulty.event_id!r} {faulty.error.path}",
                    error=faulty.error,
                )
            )
        if faulty.event_id is None:
            return
        self.present.add(faulty.event_id)
        held = self.book.events.get(faulty.event_id)
        number = faulty.modification_number
        if number is None:
            number = held.event.modification_number if held is not None else 0
        if faulty.response_required != "never":
            self.loose.append(
                EventResponse(
                    response_code="454",
                    response_description=answers.TEXTS["454"],
                    request_id=self.request_id,
                    event_id=faulty.event_id,
                    modification_number=number,
                    opt_type="optOut",
                )
            )

    def miss(self) -> None:
        """Rules E6, E7: what a complete list does not hold is cancelled."""
        for key in self.book.events.keys() - self.present:
            held = self.book.events[key]
            state = transitions.cancel_missing(self.book, held, self.now)
            self.counts["gone"] += held.cancelled is None
            if state != held:
                self.rows[key] = state

    def outcome(self, complete: bool) -> Outcome:
        """Everything that the list asks for."""
        outcomes = [
            carry_out(self.book, key, self.book.events.get(key), state, self.now)
            for key, state in self.rows.items()
        ]
        row = Change("event_list", "", self._left_behind(complete))
        if self.counts:
            text = ", ".join(f"{count} {what}" for what, count in self.counts.items() if count)
            self.notes.insert(0, Note(f"Event list {self.request_id!r}: {text}."))
        return combine(outcomes) + Outcome(changes=(row,), notes=tuple(self.notes))

    def _left_behind(self, complete: bool) -> EventList:
        """The list as it is remembered: E23 wants the requestID of the last one that held an
        event.
        """
        before, known = self.book.event_list, self.book.events.keys()
        newer = {(one.event_id, one.modification_number) for one in self.loose}
        waiting = tuple(
            one
            for one in before.loose
            if (one.event_id, one.modification_number) not in newer
            and (not complete or one.event_id in self.present)
        )
        due = ((before.due - self.present) & known) | self.due
        fresh = frozenset(key for key, state in self.rows.items() if state.decision is not None)
        return EventList(
            request_id=self.request_id,
            present=frozenset(self.present),
            older=self._older(before),
            due=frozenset(due),
            fresh=fresh,
            loose=(*waiting, *self.loose),
        )

    def _older(self, before: EventList) -> dict[str, str]:
        """The IDs of earlier lists, for what is not in this one; the same dict where a short list
        changes nothing in it.
        """
        left, known = before.present - self.present, self.book.events.keys()
        if (
            not left
            and before.older.keys().isdisjoint(self.present)
            and len(before.older) <= len(known)
        ):
            return before.older
        older = {**before.older, **dict.fromkeys(left, before.request_id)}
        return {
            key: value for key, value in older.items() if key in known and key not in self.present
        }
