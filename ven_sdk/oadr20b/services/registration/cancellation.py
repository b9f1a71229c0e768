"""The end of a registration, by either side, and its renewal (rules R7, R10 to R12). Steps and
tasks; pure functions of the book.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from ....errors import StateError
from ....state.change import Change
from ....state.outcome import NOTHING, Call, Note, Outcome
from ....state.registration import MADE
from ....tasks import Task
from ...schema.registration import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    RequestReregistration,
)
from .. import answers, events, opts, reports
from ..task import CANCELLATION, confirmed_by, is_blank
from .phases import change_phase, phase_after

if TYPE_CHECKING:
    from ...state.book import Book


UNKNOWN_IDS = frozenset({"452"})
"""What the VTN says of IDs of a registration that it has ended."""


def forget_running(book: Book, now: datetime) -> Outcome:
    """R7: requests and opts ran under the registration that is gone; so did answers not yet
    sent. Opts that the VTN has not got yet stay owed.
    """
    return (
        answers.forget_all(book)
        + reports.forget_requests(book, now)
        + opts.forget_confirmed(book, now)
    )


def owe_cancellation(book: Book, now: datetime) -> Outcome:
    """The user asks for the end of the registration. StateError where there is none; nothing new
    while it is being cancelled.
    """
    phase = book.registration.phase
    if phase not in (*MADE, "cancelling"):
        raise StateError(
            "cancel_registration(): this VEN is not registered, there is no registration to cancel."
        )
    if phase == "cancelling":
        return NOTHING
    owes_list = book.registration.resync or phase != "registered"  # should the VTN refuse
    return change_phase(
        book, now, "cancelling", resync=owes_list, stands="", may_be_cancelled=False
    )


def cancel_registration(book: Book) -> Task:
    """R12: the VEN ends its registration. That the VTN does not know it any more (463) is what was
    wanted; so is that it does not know the IDs (452), where it may have ended it already.
    """
    state = book.registration
    record = CancelPartyRegistration(
        request_id=book.request_id("cancel"),
        registration_id=state.registration_id or "",
        ven_id=state.ven_id,
    )
    return Task(
        CANCELLATION,
        record,
        (CanceledPartyRegistration,),
        lambda _reply: _take_end,
        lambda _error: _keep_registration,
        request_name="cancel",
        needs_service=True,
        done_by=UNKNOWN_IDS if state.may_be_cancelled else frozenset(),
        confirms=confirmed_by(
            CANCELLATION,
            CanceledPartyRegistration,
            registration_id=state.registration_id,
            ven_id=state.ven_id,
        ),
    )


def lose_cancellation(book: Book, now: datetime) -> Outcome:
    """The answer to a cancellation was lost, or may have been with the process before."""
    phase = book.registration.phase
    if phase != "cancelling":
        return NOTHING
    return change_phase(book, now, phase, may_be_cancelled=True)


def _take_end(book: Book, now: datetime) -> Outcome:
    """The VTN has ended the registration. Where the user has asked for another one meanwhile, that
    will be a new one (R6); one that was made meanwhile stands.
    """
    phase = book.registration.phase
    if phase == "cancelling":
        return end_registration(book, now, "cancelled by this VEN")
    if phase == "cancelled" or phase in MADE:
        return NOTHING
    return change_phase(book, now, phase, known=False, fresh=True)


def _keep_registration(book: Book, now: datetime) -> Outcome:
    return change_phase(book, now, phase_after(book, "cancelling", "registered"))


def receive_cancellation(book: Book, message: CancelPartyRegistration, now: datetime) -> Outcome:
    """R11: with the right IDs the registration ends; with wrong ones 452 is answered and nothing
    changes.
    """
    state = book.registration
    is_right = message.registration_id == state.registration_id and (
        is_blank(message.ven_id) or message.ven_id == state.ven_id
    )
    code = "200" if is_right else "452"
    reply = CanceledPartyRegistration(
        response=answers.response(code, message.request_id),
        registration_id=message.registration_id,
        ven_id=state.ven_id,
    )
    if not is_right:
        return answers.owe(book, reply, now)
    return end_registration(book, now, "cancelled by the VTN") + answers.owe(book, reply, now)


def end_registration(book: Book, now: datetime, reason: str) -> Outcome:
    """R11, R12: unregistered from now on; events end, and all that the VTN gave is forgotten:
    requests, opts, its catalogue, the registrationID, and a venID that was not assigned beforehand.
    """
    note = Note(
        f"The registration was {reason}. The VEN stays unregistered until register() is called.",
        logging.WARNING,
    )
    return (
        forget_running(book, now)
        + opts.forget_all(book, now)
        + events.drop_all(book, now, reason)
        + change_phase(
            book,
            now,
            "cancelled",
            ven_id=book.settings.ven_id,
            registration_id=None,
            catalogue=None,
            resync=False,
            renewal=False,
            stands="",
            reason=reason,
        )
        + Outcome(
            changes=(Change("offers", "", ()), Change("received", "", ())),
            calls=(Call("client", "on_registration_lost", (reason,)),),
            notes=(note,),
        )
    )


def reregister(book: Book, message: RequestReregistration, now: datetime) -> Outcome:
    """R10: acknowledge, then register again with the current IDs in an exchange of its own. Polls
    go on meanwhile: a VTN that asks again and again is followed with growing distance, and one that
    asks in the middle of the bootstrap after it.
    """
    acknowledgement = answers.owe_response(book, now, service=message.service)
    phase = book.registration.phase
    if not book.settings.register or phase not in MADE:
        return acknowledgement
    return acknowledgement + change_phase(book, now, phase, renewal=True)
