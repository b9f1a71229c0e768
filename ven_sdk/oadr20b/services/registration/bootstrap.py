"""What follows a registration: the catalogue and the list of events (rules R1, R8, T1, T8, H6).

Neither holds up the other, nor polls: where the VTN does not take them, the bootstrap goes on, and
they are sent later, as their back-off allows. Steps and tasks; pure functions of the book.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional

from ....errors import ConfigurationError, ProtocolError, StateError, VenError
from ....schema.common import Payload
from ....state.change import Change
from ....state.outcome import NOTHING, Outcome, Step
from ....state.registration import MADE
from ....state.replacement import replace
from ....tasks import Task
from ...schema.events import DistributeEvent
from ...schema.registration import Response
from ...schema.reports import RegisteredReport
from .. import events, reports
from ..task import confirmed_by, is_refusal
from .cancellation import cancel_registration
from .creation import begin, query, register
from .other_vtn import is_elsewhere, is_unexpected, learn_vtn, start_anew
from .phases import after_reports, change_phase, phase_after
from .standing import joining_phase

if TYPE_CHECKING:
    from ....state.registration import RegistrationFacts
    from ...state.book import Book

FOREIGN = "452"
"""The code of a list of events from another VTN."""


# --- the catalogue --------------------------------------------------------------------------------


def register_reports(book: Book) -> Task:
    """T1: the catalogue goes out after a registration, also when it is empty."""
    digest, created = book.catalogue.digest(), reports.catalogue_created(book)
    return reports.registration_task(
        book, lambda reply: _take_confirmation(reply, digest, created), _postpone_catalogue
    )


def is_catalogue_due(book: Book) -> bool:
    """Whether the VTN has to be sent the catalogue: it changed, or the VTN asked (R8, T8)."""
    state = book.registration
    return state.catalogue_request is not None or book.catalogue.digest() != state.catalogue


def _take_confirmation(reply: Optional[Payload], digest: str, created: Optional[datetime]) -> Step:
    def step(book: Book, now: datetime) -> Outcome:
        if book.registration.phase not in MADE:
            return NOTHING  # it was of a registration that is over
        outcome = change_phase(
            book,
            now,
            phase_after(book, "reports", after_reports(book)),
            catalogue=digest,
            catalogue_created=created,
            catalogue_request=None,
            refused_catalogue=None,
            known=True,
        )
        return outcome + reports.take_registered(
            book, reply if isinstance(reply, RegisteredReport) else None, now
        )

    return step


def _postpone_catalogue(error: VenError) -> Step:
    """One that the VTN did not take comes again; events do not wait for it (H5)."""

    def step(book: Book, now: datetime) -> Outcome:
        facts: RegistrationFacts = {}
        if is_refusal(error) or isinstance(error, ConfigurationError):
            facts["refused_catalogue"] = book.catalogue.digest()
        phase = phase_after(book, "reports", after_reports(book))
        outcome = change_phase(book, now, phase, facts)
        return outcome if outcome.changes else NOTHING

    return step


# --- the list of events ---------------------------------------------------------------------------

LIST_CAME = Outcome(changes=(Change("list_due", "", None),))
"""Nothing is left to be made good by a list of events."""


def owe_event_request(book: Book, now: datetime) -> Outcome:
    """The user asks for the list of events; where the VEN has just registered, it is asked for
    anyway. StateError while the VEN is not registered, and for one that takes no events.
    """
    if book.settings.report_only:
        raise StateError("request_events(): this VEN is report_only, it takes no events.")
    phase = book.registration.phase
    if phase not in MADE:
        raise StateError("request_events(): this VEN is not registered.")
    return change_phase(book, now, phase, resync=True) if phase == "registered" else NOTHING


def resync(book: Book, now: datetime) -> Outcome:
    """H6: what was lost may have been an event: the list of events is owed."""
    state = book.registration
    if state.phase != "registered" or state.resync or book.settings.report_only:
        return NOTHING
    return change_phase(book, now, "registered", resync=True)


def request_events(book: Book) -> Task:
    """R1: the complete list ends the bootstrap; H6: it is asked for again after a poll whose reply
    was lost.
    """
    task = events.request_task(book, _take_list, _postpone_list)
    ven_id = book.registration.ven_id
    confirm = confirmed_by(task.name, DistributeEvent, Response, ven_id=ven_id)
    return replace(
        task,
        request_name=events.LIST_REQUEST,
        postpone=_postpone_list,
        confirms=lambda reply: confirm(reply) or _refuse_foreign_list(book, reply),
        insists=True,
    )


def _refuse_foreign_list(book: Book, reply: Optional[Payload]) -> Optional[ProtocolError]:
    """G11: the error that a list from another VTN is to a VEN that registered with one; None where
    it may be this one's, or the VEN has moved and begins anew.
    """
    known = book.registration.vtn_id
    vtn_id = reply.vtn_id if isinstance(reply, DistributeEvent) else known
    if not known or vtn_id == known or is_unexpected(book, vtn_id) or is_elsewhere(book, vtn_id):
        return None
    return ProtocolError(
        f"The VTN sent the event list of VTN {vtn_id!r}; this VEN is registered with {known!r}.",
        response_code=FOREIGN,
        received=DistributeEvent.wire_name,
    )


def is_list_due(book: Book, now: datetime) -> bool:
    """Whether a registered VEN asks for the list of events: a reply was lost (H6), or the list
    itself, or it may have been when the VEN moved.
    """
    return book.registration.resync or (book.list_due is not None and book.list_due <= now)


def _take_list(reply: Optional[Payload]) -> Step:
    """The list; an ``oadrResponse`` says that there are no events, for some VTNs have no other way
    (O 19, E12). An empty body says nothing, and is refused.
    """

    def step(book: Book, now: datetime) -> Outcome:
        if book.registration.phase == "cancelled":
            return NOTHING  # it was of a registration that is over
        vtn_id = reply.vtn_id if isinstance(reply, DistributeEvent) else None
        if is_unexpected(book, vtn_id):
            return start_anew(book, now, vtn_id)
        if is_elsewhere(book, vtn_id):
            return begin(book, now)
        phase = phase_after(book, "events", "registered")
        facts = learn_vtn(book, vtn_id)
        if phase in MADE:
            facts |= {"known": True}  # whatever becomes of the catalogue
        outcome = change_phase(book, now, phase, facts, resync=False) + LIST_CAME
        if isinstance(reply, DistributeEvent):
            return outcome + events.receive(book, reply, now)
        return outcome + events.receive_none(book, now)

    return step


def _postpone_list(error: VenError) -> Step:
    """Events come by polling until the list can be had. One from another VTN is answered 452."""

    def step(book: Book, now: datetime) -> Outcome:
        is_foreign = isinstance(error, ProtocolError) and error.response_code == FOREIGN
        outcome = events.answer_foreign_list(book, "", now) if is_foreign else NOTHING
        if book.registration.phase != "events":
            return outcome
        if is_unexpected(book, None):
            return start_anew(book, now, None)
        return outcome + change_phase(book, now, "registered", resync=True)

    return step


# --- the machine ----------------------------------------------------------------------------------

STEPS: Mapping[str, Callable[[Book], Task]] = {
    "query": query,
    "register": register,
    "reports": register_reports,
    "events": request_events,
    "cancelling": cancel_registration,
}


def is_step_due(book: Book) -> bool:
    """Whether the machine has something to send."""
    state = book.registration
    return state.renewal if state.phase == "registered" else state.phase in STEPS


def next_task(book: Book) -> Optional[Task]:
    """What the machine sends next; None when it rests."""
    state = book.registration
    phase = joining_phase(book)
    if phase == "registered" and state.renewal:
        return register(book)
    build = STEPS.get(phase)
    return build(book) if build else None
