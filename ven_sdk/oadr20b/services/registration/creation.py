"""Registering: the query, the registration, and what a VTN that does not know the VEN means (rules
R1 to R9, R13). Steps and tasks; pure functions of the book.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....errors import VenError
from ....schema.common import Payload
from ....state.outcome import NOTHING, Call, Note, Outcome, Step
from ....tasks import Task
from ....text import shorten
from ...schema.registration import (
    CreatedPartyRegistration,
    CreatePartyRegistration,
    QueryRegistration,
)
from .. import answers
from ..task import confirmed_by, is_blank, is_refusal
from .cancellation import forget_running, lose_cancellation
from .other_vtn import NO_CATALOGUE, forget_other_vtn, is_another_vtn, learn_vtn
from .phases import after_registering, change_phase, frequency, terms_of
from .standing import go_on_meanwhile, joining_phase, stands

if TYPE_CHECKING:
    from ....state.registration import RegistrationFacts
    from ...state.book import Book

QUERY, REGISTRATION = "query registration", "registration"
"""The names of the two messages."""
FAILURES = 3
"""How often the VTN may fail over the query (HTTP 500) before the registration follows without."""


def begin(book: Book, now: datetime, *, new: bool = False) -> Outcome:
    """Run the bootstrap from its first step (R1, R15: with what is remembered); ``new`` leaves the
    old IDs out (R6).
    """
    settings, state = book.settings, book.registration
    if not settings.register:
        return _begin_provisioned(book, now)
    return change_phase(
        book,
        now,
        "query",
        ven_id=state.ven_id or settings.ven_id,
        fresh=new or state.fresh,
        registration_id=state.registration_id or settings.registration_id,
        reason=None,
        renewal=False,
        refused_catalogue=None,
        stands="query" if stands(book) else "",
    )


def _begin_provisioned(book: Book, now: datetime) -> Outcome:
    """A pre-provisioned VEN begins after the registration. Requests and opts belong to the IDs that
    it was given then. Which VTN answers, a list of events will tell; one that gets no lists goes by
    the address.
    """
    settings, state = book.settings, book.registration
    registration_id = settings.registration_id or state.registration_id
    facts: RegistrationFacts = {"reason": None, "renewal": False, "known": True}
    facts |= {"refused_catalogue": None, "terms": terms_of(settings)}
    outcome, is_new = NOTHING, False
    if settings.report_only:
        facts |= learn_vtn(book, None)
        is_new = is_another_vtn(book, None)
    if is_new:
        outcome, registration_id = forget_other_vtn(book, now, None), settings.registration_id
        facts["vtn_id"] = None
    elif state.ven_id and (state.ven_id, state.registration_id) != (
        settings.ven_id,
        registration_id,
    ):
        outcome, is_new = forget_running(book, now), True
    phase = "reports" if is_new else after_registering(book)
    if is_new:
        facts |= NO_CATALOGUE
    facts |= {"ven_id": settings.ven_id, "registration_id": registration_id}
    return outcome + change_phase(book, now, phase, facts)


def resume(book: Book, now: datetime) -> Outcome:
    """A start: the bootstrap; but a cancellation that the user asked for before is sent first. It
    was meant for the VTN of that time: at another address the VEN begins as at any other start.
    """
    state = book.registration
    if state.phase != "cancelling":
        return begin(book, now)
    if not is_another_vtn(book, None):
        return lose_cancellation(book, now)
    note = Note(
        f"The registration with the VTN at {state.vtn_url} was to be cancelled, and was not: the "
        f"address of the VTN is {book.settings.vtn_url} now.",
        logging.WARNING,
    )
    return begin(book, now) + Outcome(notes=(note,))


def lose(book: Book, now: datetime, reason: str) -> Outcome:
    """Rule R13: the VTN does not know this VEN; the bootstrap runs again. But a registration that
    ends or has ended stays so, and such a VTN gets no answers.
    """
    if book.registration.phase in ("cancelling", "cancelled"):
        return answers.forget_all(book)
    if book.registration.phase in ("new", "query"):
        return NOTHING
    reason = shorten(reason)  # the VTN's words stand in it, and users log it
    note = Note(
        f"Registration lost: {reason}. The VEN registers again.",
        logging.WARNING,
        once="registration lost",
    )
    call = Call("client", "on_registration_lost", (reason,))
    phase = "query" if book.settings.register else "reports"
    change = change_phase(
        book,
        now,
        phase,
        reason=reason,
        known=False,
        catalogue=None,
        renewal=False,
        stands="",
    )
    return change + Outcome(calls=(call,), notes=(note,))


# --- the query ------------------------------------------------------------------------------------


def query(book: Book) -> Task:
    """R1: the query comes first at every start."""
    return Task(
        QUERY,
        QueryRegistration(request_id=book.request_id("query")),
        (CreatedPartyRegistration,),
        take_query_reply,
        _pass_query,
        request_name="query",
        registers=True,
        give_up=FAILURES,
        postpone=lambda _error: go_on_meanwhile,
    )


def take_query_reply(reply: Optional[Payload]) -> Step:
    """What the VTN offers; IDs that it has for us are taken over, empty ones are absent (R2, R3,
    R16).
    """

    def step(book: Book, now: datetime) -> Outcome:
        if joining_phase(book) != "query":
            return NOTHING
        if not isinstance(reply, CreatedPartyRegistration):
            return change_phase(book, now, "register")
        return _take_offer(book, now, _without_blanks(reply))

    return step


def _without_blanks(reply: CreatedPartyRegistration) -> CreatedPartyRegistration:
    """An ID of nothing but blanks identifies nothing: it is absent (R3)."""
    given = {name: getattr(reply, name) for name in ("registration_id", "ven_id", "vtn_id")}
    blank = dict.fromkeys((name for name, one in given.items() if is_blank(one)), None)
    return reply.replace(**blank)


def _take_offer(book: Book, now: datetime, reply: CreatedPartyRegistration) -> Outcome:
    state = book.registration
    if reply.vtn_id and is_another_vtn(book, reply.vtn_id):
        return _begin_with_other_vtn(book, now, reply)
    registration_id = (
        None if state.fresh else state.registration_id or reply.registration_id or None
    )
    return change_phase(
        book,
        now,
        "register",
        registration_id=registration_id,
        ven_id=state.ven_id or reply.ven_id or None,
        vtn_id=reply.vtn_id or state.vtn_id,
        poll_frequency=frequency(reply) or state.poll_frequency,
    ) + _check_profiles(reply)


def _begin_with_other_vtn(book: Book, now: datetime, reply: CreatedPartyRegistration) -> Outcome:
    """None of the IDs of the VTN before are shown to this one, unless the user gave them."""
    settings = book.settings
    return (
        forget_other_vtn(book, now, reply.vtn_id)
        + change_phase(
            book,
            now,
            "register",
            registration_id=settings.registration_id or reply.registration_id or None,
            ven_id=settings.ven_id or reply.ven_id or None,
            vtn_id=reply.vtn_id,
            vtn_url=settings.vtn_url,
            poll_frequency=frequency(reply),
            known=False,
            catalogue=None,
            catalogue_created=None,
            stands="",
        )
        + _check_profiles(reply)
    )


def _check_profiles(reply: CreatedPartyRegistration) -> Outcome:
    """R18: a VTN that does not offer our profile is tried all the same."""
    offered = {profile.profile_name for profile in reply.profiles}
    if not offered or "2.0b" in offered:
        return NOTHING
    note = Note(
        f"The VTN offers the profiles {', '.join(sorted(offered))}, not 2.0b. The VEN tries 2.0b "
        "all the same.",
        logging.WARNING,
        once="profile",
    )
    return Outcome(notes=(note,))


def _pass_query(error: VenError) -> Step:
    """A refused query does not hinder the registration itself (R2)."""
    note = Note(f"{error} The VEN registers all the same.", logging.WARNING, once="query refused")

    def step(book: Book, now: datetime) -> Outcome:
        phase = "register" if joining_phase(book) == "query" else book.registration.phase
        return change_phase(book, now, phase) + Outcome(notes=(note,))

    return step


# --- the registration -----------------------------------------------------------------------------


def register(book: Book) -> Task:
    """R4: no registrationID the first time; R5: the current IDs when registering again; R6: none
    when forced new.
    """
    state, settings = book.registration, book.settings
    record = CreatePartyRegistration(
        request_id=book.request_id("register"),
        registration_id=None if state.fresh else state.registration_id,
        ven_id=_ven_id_to_send(book),
        profile_name="2.0b",
        transport_name="simpleHttp",
        report_only=settings.report_only,
        xml_signature=settings.xml_signature,
        ven_name=settings.ven_name,
        transport_address=None if settings.push is None else settings.push.address,
        http_pull_model=settings.push is None,
    )
    needed = ("registration_id",) if state.ven_id else ("registration_id", "ven_id")
    return Task(
        REGISTRATION,
        record,
        (CreatedPartyRegistration,),
        take_registration,
        refuse_registration,
        patient=True,
        registers=True,
        renews=True,
        request_name="register",
        postpone=lambda _error: go_on_meanwhile,
        confirms=confirmed_by(REGISTRATION, CreatedPartyRegistration, needs=needed),
    )


def _ven_id_to_send(book: Book) -> Optional[str]:
    """R5, R6: the venID of now; a forced new registration names none but an assigned one."""
    return book.settings.ven_id if book.registration.fresh else book.registration.ven_id


def take_registration(reply: Optional[Payload]) -> Step:
    """R7: other IDs, or the old ones where none were sent, forget what ran under the old ones; R8:
    the same ones keep it.
    """

    def step(book: Book, now: datetime) -> Outcome:
        assert isinstance(reply, CreatedPartyRegistration)
        return _begin_registration(book, now, _without_blanks(reply))

    return step


def _begin_registration(book: Book, now: datetime, reply: CreatedPartyRegistration) -> Outcome:
    state = book.registration
    ven_id = reply.ven_id or state.ven_id
    is_other = is_another_vtn(book, reply.vtn_id)
    before, after = (state.ven_id, state.registration_id), (ven_id, reply.registration_id)
    is_new = is_other or before != after or state.fresh or not state.known
    outcome = forget_running(book, now) if is_new else NOTHING
    if is_other:
        outcome = forget_other_vtn(book, now, reply.vtn_id)
    facts: RegistrationFacts = {}
    if is_new:
        facts = {"catalogue": None, "catalogue_created": None}
    outcome += change_phase(
        book,
        now,
        _phase_after_registration(book, is_new),
        facts,
        ven_id=ven_id,
        registration_id=reply.registration_id,
        vtn_id=reply.vtn_id or (None if is_other else state.vtn_id),
        vtn_url=book.settings.vtn_url,
        terms=terms_of(book.settings),
        fresh=False,
        known=True,
        renewal=False,
        stands="",
        reason=None,
        refused_catalogue=None,
        poll_frequency=frequency(reply) or state.poll_frequency,
    )
    outcome += _compare_ven_ids(book, ven_id)
    return outcome + Outcome(calls=(Call("client", "on_registered"),))


def _compare_ven_ids(book: Book, ven_id: Optional[str]) -> Outcome:
    """R4: a VTN gives another venID only where none was sent. The VEN goes on as what it is given,
    and says so: its certificate or its configuration may be another's.
    """
    sent = _ven_id_to_send(book)
    if sent is None or sent == ven_id:
        return NOTHING
    note = Note(
        f"The VEN registered as {sent!r}, and the VTN calls it {ven_id!r}. It goes on as "
        f"{ven_id!r}: check ven_id, and which VEN the VTN knows by this certificate.",
        logging.WARNING,
    )
    return Outcome(notes=(note,))


def _phase_after_registration(book: Book, is_new: bool) -> str:
    """R8: after a mere renewal neither the catalogue nor the list of events is required. One that
    the user has asked to cancel meanwhile is cancelled all the same.
    """
    if book.registration.phase == "cancelling":
        return "cancelling"
    if is_new:
        return "reports"
    return "registered" if book.registration.renewal else after_registering(book)


def refuse_registration(error: VenError) -> Step:
    """R9: not registered; the bootstrap begins again, without IDs that the VTN would not have. A
    reply that is no answer, or a VTN that failed (5xx), says nothing of a registration that stands.
    """
    is_refused = _is_refused(error)

    def step(book: Book, now: datetime) -> Outcome:
        state = book.registration
        if not is_refused and (state.stands or (state.phase == "registered" and state.renewal)):
            return go_on_meanwhile(book, now) + _note_refusal(error, "registered as before")
        had_ids = state.registration_id or state.ven_id != book.settings.ven_id
        fresh = bool(state.fresh or (had_ids and is_refused))
        facts: RegistrationFacts = {"fresh": fresh, "renewal": False, "reason": str(error)}
        facts["stands"] = ""
        phase = state.phase if state.phase in ("cancelling", "cancelled") else "query"
        return change_phase(book, now, phase, facts) + _note_refusal(error, "not registered")

    return step


def _is_refused(error: VenError) -> bool:
    """Whether the VTN said that the VEN is not registered: by a code, or by an answer without a
    registrationID (R3).
    """
    kind = getattr(error, "received", None)
    is_answer = is_refusal(error) or kind == CreatedPartyRegistration.wire_name
    return is_answer and not (error.response_code or "").startswith("5")


def _note_refusal(error: VenError, state: str) -> Outcome:
    text = f"{error} The VEN is {state} and tries again later."
    note = Note(text, logging.ERROR, once=f"registration refused, {state}", error=error)
    return Outcome(notes=(note,))
