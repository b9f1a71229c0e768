"""OadrPoll, and the one place where a message of the VTN's finds the function that it is for (rules
P, G11).

``receive`` does not care whether the message was polled or will one day be pushed by a server.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Optional

from ...errors import SecurityError, VenError
from ...schema.common import Payload
from ...state.outcome import NOTHING, Note, Outcome, Step
from ...state.registration import MADE
from ...tasks import Task
from ..schema.events import DistributeEvent
from ..schema.payloads import PAYLOADS
from ..schema.registration import CancelPartyRegistration, Poll, RequestReregistration, Response
from ..schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    RegisteredReport,
    RegisterReport,
    UpdatedReport,
    UpdateReport,
)
from . import answers, events, registration, reports
from .task import code_of, is_blank, is_success

if TYPE_CHECKING:
    from ..state.book import Book


def _receive_list(book: Book, message: DistributeEvent, now: datetime) -> Outcome:
    """A list of events. Where it is from another VTN than a pre-provisioned VEN thinks, the list
    that it asks for will tell.
    """
    outcome = events.receive(book, message, now)
    if registration.is_unexpected(book, message.vtn_id):
        phase = book.registration.phase
        outcome += registration.change_phase(book, now, phase, resync=True)
    return outcome


RECEIVERS: Mapping[type[Payload], Callable[[Book, Any, datetime], Outcome]] = {
    DistributeEvent: _receive_list,
    CreateReport: reports.take_request,
    CancelReport: reports.cancel,
    RegisterReport: reports.take_offer,
    UpdateReport: reports.take_data,
    CancelPartyRegistration: registration.receive_cancellation,
    RequestReregistration: registration.reregister,
}
"""By the class of the message that a function takes in."""

REFUSALS: Mapping[type, type] = {
    CreateReport: CreatedReport,
    CancelReport: CanceledReport,
    RegisterReport: RegisteredReport,
    UpdateReport: UpdatedReport,
}


def task(ven_id: str) -> Task:
    """The poll itself, of the VEN ``ven_id``."""
    return Task(
        "poll",
        Poll(ven_id=ven_id),
        tuple(RECEIVERS),
        take_reply,
        take_refusal,
        service=Poll.service,
        poll=True,
    )


class Polls:
    """The poll of one VEN, which is the same as long as its venID is."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: tuple[Optional[str], Optional[Task]] = (None, None)

    def task(self, book: Book) -> Task:
        """The poll itself."""
        ven_id = book.registration.ven_id or ""
        known, found = self._known
        if found is None or known != ven_id:
            found = task(ven_id)
            self._known = (ven_id, found)
        return found


def take_reply(reply: Optional[Payload]) -> Step:
    """What to do with a poll's reply; an empty body or ``oadrResponse`` is an empty queue (P2,
    G12). What was polled under a registration that has ended meanwhile is for nobody (R12).
    """
    if reply is None or isinstance(reply, Response):
        return note_known

    def step(book: Book, now: datetime) -> Outcome:
        is_over = book.registration.phase == "cancelled"
        return NOTHING if is_over else note_known(book, now) + receive(book, reply, now)

    return step


def note_known(book: Book, now: datetime) -> Outcome:
    """A VTN that takes the polls of a pre-provisioned VEN knows it, whatever it says to the
    catalogue (R13).
    """
    state = book.registration
    if state.known or book.settings.register or state.phase not in MADE:
        return NOTHING
    return registration.change_phase(book, now, state.phase, known=True)


def take_refusal(error: VenError) -> Step:
    """P8: an error code to a poll (452 and 463 are R13's) is logged, and polling goes on."""
    return lambda book, now: Outcome(
        notes=(
            Note(f"{error} Polling goes on.", logging.WARNING, once="poll refused", error=error),
        )
    )


def receive(book: Book, message: Payload, now: datetime) -> Outcome:
    """Give ``message`` to its service; a payload that no VEN gets is answered 453."""
    receiver = RECEIVERS.get(type(message))
    if receiver is None:
        return NOTHING if isinstance(message, Response) else refuse_unexpected(book, message, now)
    if is_foreign(book, message):
        return refuse_foreign(book, message, now)
    return receiver(book, message, now)


def refuse_unexpected(book: Book, message: Payload, now: datetime) -> Outcome:
    """A payload that no VEN gets: 453, to the service that it belongs to."""
    note = Note(
        f"The VTN sent {message.wire_name}, which is not for a VEN. It was answered with code 453.",
        logging.WARNING,
        once=f"unexpected {message.wire_name}",
    )
    request_id = getattr(message, "request_id", None) or ""
    return answers.owe_response(book, now, "453", request_id, service=message.service) + Outcome(
        notes=(note,)
    )


def is_foreign(book: Book, message: Payload) -> bool:
    """Rule G11: the message names another VEN. (A cancelled registration checks both its IDs
    itself, R11.)
    """
    ven_id = getattr(message, "ven_id", None)
    return (
        not is_blank(ven_id)
        and ven_id != book.registration.ven_id
        and not isinstance(message, CancelPartyRegistration)
    )


def refuse_foreign(book: Book, message: Payload, now: datetime) -> Outcome:
    """Answer 452 in the payload that answers ``message``."""
    note = Note(
        f"The VTN sent {message.wire_name} for {getattr(message, 'ven_id', None)!r}; this VEN is "
        f"{book.registration.ven_id!r}. It was answered with code 452.",
        logging.WARNING,
        once="foreign venID",
    )
    answer = REFUSALS.get(type(message))
    request_id = getattr(message, "request_id", None) or ""
    if answer is None:
        return answers.owe_response(
            book, now, "452", request_id, service=message.service
        ) + Outcome(notes=(note,))
    facts: dict[str, object] = {
        "response": answers.response("452", request_id),
        "ven_id": book.registration.ven_id,
    }
    if answer in (CreatedReport, CanceledReport):
        facts["pending_reports"] = reports.pending_ids(book)
    return answers.owe(book, answer(**facts), now) + Outcome(notes=(note,))


def answer_unreadable(error: VenError) -> Step:
    """A polled message that was refused: told to the VTN as a courtesy, quoting nothing of it
    (rules G).
    """

    def step(book: Book, now: datetime) -> Outcome:
        code = "459" if isinstance(error, SecurityError) else error.response_code
        payload = PAYLOADS.get(getattr(error, "path", "").split("/")[0])
        return answers.owe_response(
            book, now, code, courtesy=True, service=payload.service if payload else ""
        )

    return step


def is_empty(reply: Optional[Payload]) -> bool:
    """Rule P3: whether the queue is empty, so that the next poll waits for its period."""
    return reply is None or isinstance(reply, Response) or not is_success(code_of(reply)[0])
