"""EiRegisterParty: the life of a registration (rules R), as one machine whose phases stand in
``STEPS``.

::

    new -> query -> register -> reports -> events -> registered        (R1: the bootstrap)
    registered -> register                                             (R10: the VTN asks for it)
    any -> query                                                       (R13: the VTN does not know
    us) any -> cancelled                                                   (R11, R12: cancelled by
    either side)

A phase is what is to be sent next, so a failure at any place is mended by sending the same again. A
pre-provisioned VEN (``register=False``) has neither query nor register and begins at ``reports``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional

from ...errors import PayloadError, ProtocolError, SecurityError, TransportError, VenError
from ...schema.common import Payload
from ...schema.events import DistributeEvent
from ...state.change import Change
from ...state.outcome import NOTHING, Call, Note, Outcome, Step
from ...state.registration import Registration
from ..schema.registration import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    CreatedPartyRegistration,
    CreatePartyRegistration,
    QueryRegistration,
    RequestReregistration,
)
from ..schema.reports import RegisteredReport
from . import answers, events, opts, reports
from .task import Task

if TYPE_CHECKING:
    from ..state.book import Book

PHASES = ("new", "query", "register", "reports", "events", "registered", "cancelling", "cancelled")
FAILURES = 5
"""How often the VTN may fail over the catalogue or the event request (HTTP 500) before the
bootstrap goes on without.
"""
CATALOGUE_AGAIN = timedelta(minutes=10)
"""How long a catalogue waits that the VTN failed over again and again."""
LIST_AGAIN = timedelta(minutes=2)
"""How long the event list waits that the VTN failed over again and again: one event in it may have
been sent nowhere else.
"""
SLOWEST_POLL, FASTEST_POLL, DEFAULT_POLL = (
    timedelta(hours=24),
    timedelta(seconds=1),
    timedelta(seconds=10),
)


def moved(book: Book, now: datetime, phase: str, **facts: Any) -> Outcome:
    """The registration in ``phase``, with other facts of it."""
    state = book.registration
    since = now if phase != state.phase else state.since
    return Outcome(
        changes=(Change("registration", "", replace(state, phase=phase, since=since, **facts)),)
    )


# --- what begins the machine ----------------------------------------------------------------------


def begin(book: Book, now: datetime, *, new: bool = False) -> Outcome:
    """Run the bootstrap from its first step (R1, R15: with what is remembered); ``new`` leaves the
    old IDs out (R6).
    """
    settings, state = book.settings, book.registration
    if not settings.register:
        facts = {
            "ven_id": settings.ven_id,
            "registration_id": settings.registration_id or state.registration_id,
        }
        return moved(book, now, after_registering(book), known=True, reason=None, **facts)
    return moved(
        book,
        now,
        "query",
        ven_id=state.ven_id or settings.ven_id,
        reason=None,
        fresh=new or state.fresh,
        registration_id=state.registration_id or settings.registration_id,
    )


def after_registering(book: Book) -> str:
    """The phase that follows a registration: the catalogue only if the VTN has not got it (R8)."""
    if book.registration.catalogue != book.catalogue.digest():
        return "reports"
    return after_reports(book)


def after_reports(book: Book) -> str:
    """The phase that follows the catalogue: events, which a report-only VEN does not have."""
    return "registered" if book.settings.report_only else "events"


def lost(book: Book, now: datetime, reason: str) -> Outcome:
    """Rule R13: the VTN does not know this VEN; the bootstrap runs again."""
    if book.registration.phase in ("new", "query", "cancelled"):
        return NOTHING
    note = Note(
        f"Registration lost: {reason}. The VEN registers again.",
        logging.WARNING,
        once="registration lost",
    )
    call = Call("client", "on_registration_lost", (reason,))
    phase = "query" if book.settings.register else "reports"
    return moved(book, now, phase, known=False, catalogue=None, reason=reason) + Outcome(
        calls=(call,), notes=(note,)
    )


# --- the steps ------------------------------------------------------------------------------------


def next_task(book: Book) -> Optional[Task]:
    """What the machine sends next; None when it rests."""
    build = STEPS.get(book.registration.phase)
    return build(book) if build else None


def query(book: Book) -> Task:
    """R1: the query comes first at every start."""
    return Task(
        "query registration",
        QueryRegistration(request_id=book.request_id("query")),
        (CreatedPartyRegistration,),
        queried,
        _past_query,
    )


def queried(reply: Optional[Payload]) -> Step:
    """What the VTN offers; IDs that it has for us are taken over, empty ones are absent (R2, R3,
    R16).
    """

    def step(book: Book, now: datetime) -> Outcome:
        state = book.registration
        if not isinstance(reply, CreatedPartyRegistration):
            return moved(book, now, "register")
        offered = {profile.profile_name for profile in reply.profiles}
        notes = (
            ()
            if not offered or "2.0b" in offered
            else (
                Note(
                    f"The VTN offers the profiles {', '.join(sorted(offered))}, not 2.0b. The "
                    f"VEN tries 2.0b all the same.",
                    logging.WARNING,
                    once="profile",
                ),
            )
        )  # R18
        registration_id = (
            None if state.fresh else state.registration_id or reply.registration_id or None
        )
        outcome = moved(
            book,
            now,
            "register",
            registration_id=registration_id,
            ven_id=state.ven_id or reply.ven_id or None,
            vtn_id=reply.vtn_id or state.vtn_id,
            poll_frequency=frequency(reply) or state.poll_frequency,
        )
        return outcome + Outcome(notes=notes)

    return step


def _past_query(error: VenError) -> Step:
    """A refused query does not hinder the registration itself (R2)."""
    return lambda book, now: (
        moved(book, now, "register")
        + Outcome(
            notes=(
                Note(
                    f"{error} The VEN registers all the same.",
                    logging.WARNING,
                    once="query refused",
                ),
            )
        )
    )


def register(book: Book) -> Task:
    """R4: no registrationID the first time; R5: the current IDs when registering again; R6: none
    when forced new.
    """
    state, settings = book.registration, book.settings
    record = CreatePartyRegistration(
        request_id=book.request_id("register"),
        registration_id=None if state.fresh else state.registration_id,
        ven_id=settings.ven_id if state.fresh else state.ven_id,
        profile_name="2.0b",
        transport_name="simpleHttp",
        report_only=settings.report_only,
        xml_signature=settings.xml_signature,
        ven_name=settings.ven_name,
        http_pull_model=True,
    )
    return Task(
        "registration", record, (CreatedPartyRegistration,), registered, refused, patient=True
    )


def registered(reply: Optional[Payload]) -> Step:
    """R7: a new registrationID forgets what ran under the old one; R8: the same one keeps it."""

    def step(book: Book, now: datetime) -> Outcome:
        state = book.registration
        if not isinstance(reply, CreatedPartyRegistration) or not reply.registration_id:
            return refused(
                ProtocolError(
                    "The VTN accepted the registration without a registrationID.",
                    response_code="454",
                )
            )(book, now)
        ven_id = reply.ven_id or state.ven_id
        if not ven_id:
            return refused(
                ProtocolError(
                    "The VTN accepted the registration without a venID.", response_code="454"
                )
            )(book, now)
        renewed = reply.registration_id != state.registration_id or not state.known
        outcome = forget_running(book, now) if renewed else NOTHING
        phase = "reports" if renewed else after_registering(book)
        facts = {"catalogue": None, "catalogue_created": None} if renewed else {}
        note = Note(
            f"Registered with {reply.vtn_id} as {ven_id} (registration {reply.registration_id})."
        )
        return (
            outcome
            + moved(
                book,
                now,
                phase,
                ven_id=ven_id,
                registration_id=reply.registration_id,
                vtn_id=reply.vtn_id or None,
                fresh=False,
                known=True,
                reason=None,
                poll_frequency=frequency(reply) or state.poll_frequency,
                **facts,
            )
            + Outcome(calls=(Call("client", "on_registered"),), notes=(note,))
        )

    return step


def refused(error: VenError) -> Step:
    """R9: not registered; the bootstrap begins again, without IDs that the VTN would not have."""

    def step(book: Book, now: datetime) -> Outcome:
        state = book.registration
        code = getattr(error, "response_code", "")
        had_ids = state.registration_id or state.ven_id != book.settings.ven_id
        fresh = bool(state.fresh or (had_ids and code.startswith("4")))
        note = Note(
            f"{error} The VEN is not registered and tries again later.",
            logging.ERROR,
            once="registration refused",
            error=error,
        )
        return moved(book, now, "query", fresh=fresh, reason=str(error)) + Outcome(notes=(note,))

    return step


def forget_running(book: Book, now: datetime) -> Outcome:
    """R7: requests and opts ran under the registration that is gone; so did answers not yet
    sent.
    """
    dropped = Outcome(changes=tuple(Change("answers", key, None) for key in book.answers))
    return dropped + reports.forget_requests(book, now) + opts.forget_all(book, now)


def register_reports(book: Book) -> Task:
    """T1: the catalogue goes out after a registration, also when it is empty."""
    digest, created = book.catalogue.digest(), reports.catalogue_created(book)
    task = reports.registration_task(
        book, lambda reply: _catalogue_sent(reply, digest, created), _catalogue_refused
    )
    return replace(task, give_up=FAILURES)


def catalogue_due(book: Book, now: Optional[datetime] = None) -> bool:
    """Whether the VTN has to be sent the catalogue: it changed, or the VTN asked (R8, T8); not
    while that just failed.
    """
    state = book.registration
    if now is not None and state.catalogue_again is not None:
        if (
            timedelta(0) < state.catalogue_again - now <= CATALOGUE_AGAIN
        ):  # more: the clock was set back
            return False
    return state.catalogue_request is not None or state.catalogue != book.catalogue.digest()


def _catalogue_sent(reply: Optional[Payload], digest: str, created: Optional[datetime]) -> Step:
    def step(book: Book, now: datetime) -> Outcome:
        phase = (
            after_reports(book) if book.registration.phase == "reports" else book.registration.phase
        )
        outcome = moved(
            book,
            now,
            phase,
            catalogue=digest,
            catalogue_created=created,
            catalogue_request=None,
            catalogue_again=None,
            known=True,
        )
        return outcome + reports.registered(
            book, reply if isinstance(reply, RegisteredReport) else None, now
        )

    return step


def _catalogue_refused(error: VenError) -> Step:
    """A catalogue that the VTN does not want is no reason to miss its events; one that it could not
    take comes again.
    """

    def step(book: Book, now: datetime) -> Outcome:
        phase = (
            after_reports(book) if book.registration.phase == "reports" else book.registration.phase
        )
        if isinstance(error, (TransportError, PayloadError, SecurityError)):
            again = Note(
                f"{error} The VEN goes on without reports, and offers them again in "
                f"{CATALOGUE_AGAIN}.",
                logging.ERROR,
                once="catalogue failed",
                error=error,
            )
            return moved(book, now, phase, catalogue_again=now + CATALOGUE_AGAIN) + Outcome(
                notes=(again,)
            )
        note = Note(
            f"{error} The VEN goes on without reports; they are offered again at the next "
            f"registration.",
            logging.ERROR,
            error=error,
        )
        return moved(
            book, now, phase, catalogue=book.catalogue.digest(), catalogue_request=None
        ) + Outcome(notes=(note,))

    return step


def request_events(book: Book) -> Task:
    """R1: the complete list ends the bootstrap; H6: it is asked for again after a poll whose reply
    was lost.
    """
    return replace(events.request_task(book, _events_received, _events_refused), give_up=FAILURES)


def list_due(book: Book, now: datetime) -> bool:
    """Whether a registered VEN asks for the event list: a reply was lost (H6), or the list
    itself.
    """
    state = book.registration
    return state.resync or (
        state.list_again is not None and not timedelta(0) < state.list_again - now <= LIST_AGAIN
    )


def _events_received(reply: Optional[Payload]) -> Step:
    def step(book: Book, now: datetime) -> Outcome:
        phase = "registered" if book.registration.phase == "events" else book.registration.phase
        outcome = moved(book, now, phase, resync=False, list_again=None)
        if isinstance(reply, DistributeEvent):
            outcome += events.receive(book, reply, now)
        return outcome  # oadrResponse: some VTNs say so that there are no events (rules O 19, E12)

    return step


def _events_refused(error: VenError) -> Step:
    def step(book: Book, now: datetime) -> Outcome:
        phase = "registered" if book.registration.phase == "events" else book.registration.phase
        failed = isinstance(error, (TransportError, PayloadError, SecurityError))
        later = f"; the list is asked for again in {LIST_AGAIN}" if failed else ""
        note = Note(
            f"{error} Events will come by polling{later}.",
            logging.WARNING,
            once="events refused",
            error=error,
        )
        return moved(
            book, now, phase, resync=False, list_again=now + LIST_AGAIN if failed else None
        ) + Outcome(notes=(note,))

    return step


def cancel_registration(book: Book) -> Task:
    """R12: the VEN ends its registration."""
    state = book.registration
    record = CancelPartyRegistration(
        request_id=book.request_id("cancel"),
        registration_id=state.registration_id or "",
        ven_id=state.ven_id,
    )
    return Task(
        "cancellation of the registration",
        record,
        (CanceledPartyRegistration,),
        lambda _reply: lambda book, now: cancelled(book, now, "cancelled by this VEN"),
        lambda _error: lambda book, now: moved(book, now, "registered"),
    )


STEPS: Mapping[str, Callable[[Book], Task]] = {
    "query": query,
    "register": register,
    "reports": register_reports,
    "events": request_events,
    "cancelling": cancel_registration,
}


# --- what the VTN asks ----------------------------------------------------------------------------


def cancelled_by_vtn(book: Book, message: CancelPartyRegistration, now: datetime) -> Outcome:
    """R11: with the right IDs the registration ends; with wrong ones 452 is answered and nothing
    changes.
    """
    state = book.registration
    right = message.registration_id == state.registration_id and message.ven_id in (
        None,
        "",
        state.ven_id,
    )
    code = "200" if right else "452"
    reply = CanceledPartyRegistration(
        response=answers.response(code, message.request_id),
        registration_id=message.registration_id,
        ven_id=state.ven_id,
    )
    if not right:
        return answers.owe(book, reply, now)
    outcome = cancelled(book, now, "cancelled by the VTN")
    return outcome + answers.owe(book, reply, now)


def cancelled(book: Book, now: datetime, reason: str) -> Outcome:
    """R11, R12: unregistered from now on; events end, requests, opts and the registrationID are
    forgotten.
    """
    note = Note(
        f"The registration was {reason}. The VEN stays unregistered until register() is called.",
        logging.WARNING,
    )
    return (
        forget_running(book, now)
        + events.drop_all(book, now, reason)
        + moved(
            book,
            now,
            "cancelled",
            registration_id=None,
            catalogue=None,
            resync=False,
            reason=reason,
        )
        + Outcome(calls=(Call("client", "on_registration_lost", (reason,)),), notes=(note,))
    )


def reregister(book: Book, message: RequestReregistration, now: datetime) -> Outcome:
    """R10: acknowledge, then register again with the current IDs in an exchange of its own."""
    acknowledgement = answers.owe_response(book, now, service=message.service)
    return (
        acknowledgement
        if not book.settings.register
        else acknowledgement + moved(book, now, "register")
    )


# --- values ---------------------------------------------------------------------------------------


def frequency(reply: CreatedPartyRegistration) -> Optional[timedelta]:
    """R14: the poll period that the VTN asks for, kept within 1 s and 24 h; None when it says
    none.
    """
    wanted = reply.requested_oadr_poll_freq
    return None if wanted is None else min(max(wanted, FASTEST_POLL), SLOWEST_POLL)


def poll_period(book: Book) -> timedelta:
    """The user's poll_frequency, else the VTN's, else 10 s (R14, P5)."""
    return book.settings.poll_frequency or book.registration.poll_frequency or DEFAULT_POLL


def is_registered(state: Registration) -> bool:
    """Whether the bootstrap is over and polling goes on."""
    return state.phase == "registered"
