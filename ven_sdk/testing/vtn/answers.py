"""How the VTN answers a message: one function for each payload, of the state and the message
(docs/protocol/messages.rst).

Runs on connection threads, under the state's lock. Reports are in :mod:`.report_answers`.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from ...oadr20b.schema.events import CreatedEvent, DistributeEvent, RequestEvent
from ...oadr20b.schema.opt import CanceledOpt, CancelOpt, CreatedOpt, CreateOpt
from ...oadr20b.schema.registration import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    CreatedPartyRegistration,
    CreatePartyRegistration,
    Poll,
    QueryRegistration,
    Response,
)
from ...oadr20b.schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    RegisteredReport,
    RegisterReport,
    UpdatedReport,
    UpdateReport,
)
from ...schema.common import Payload
from . import report_answers as reports
from .events import EventAnswer
from .journal import Received
from .state import REFUSED, State, ok
from .vens import Ven


class GivenAnswer(NamedTuple):
    """An answer: a record, or whatever a test queued. ``lost`` takes it back where it could not be
    sent.
    """

    answer: Any
    lost: Optional[Callable[[], None]] = None


def answer(state: State, received: Received) -> GivenAnswer:
    """The VTN's answer to a message that could be read. The lock is held."""
    record = received.record
    assert record is not None
    if record.service and record.service != received.service:
        return GivenAnswer(
            refuse(
                state, record, "459", f"{record.wire_name} belongs to {record.service}", bare=True
            )
        )
    if isinstance(record, QueryRegistration):
        return GivenAnswer(_query(state, record, received))
    if isinstance(record, CreatePartyRegistration):
        return GivenAnswer(_register(state, record, received))
    ven = state.vens.find(
        ven_id=getattr(record, "ven_id", None) or received.ven_id, fingerprint=received.fingerprint
    )
    if ven is None or not ven.registered:
        return GivenAnswer(refuse(state, record, "463", "not registered"))
    if ven.fingerprint and received.fingerprint and ven.fingerprint != received.fingerprint:
        return GivenAnswer(refuse(state, record, "463", "the certificate belongs to another VEN"))
    received.ven_id = ven.ven_id
    if isinstance(record, Poll):
        return _poll(state, ven)
    return GivenAnswer(_ANSWERS[type(record)](state, record, ven, received))


# --- registration (rules R) -----------------------------------------------------------------------


def _query(state: State, record: QueryRegistration, received: Received) -> Payload:
    """What the VTN offers; the IDs only to a VEN that its certificate identifies (R3, R16)."""
    ven = state.vens.find(fingerprint=received.fingerprint) if received.fingerprint else None
    return _describe_registration(
        state, record.request_id, ven if ven is not None and ven.registered else None
    )


def _describe_registration(
    state: State, request_id: str, ven: Optional[Ven]
) -> CreatedPartyRegistration:
    return CreatedPartyRegistration(
        response=ok(request_id),
        registration_id=ven.registration_id if ven is not None else None,
        ven_id=ven.ven_id if ven is not None else None,
        vtn_id=state.vtn_id,
        requested_oadr_poll_freq=state.poll_frequency,
    )


def _register(state: State, record: CreatePartyRegistration, received: Received) -> Payload:
    code = _refusal_of(state, record, received)
    if code:
        return refuse(state, record, code, "registration refused")
    found = state.vens.find(
        ven_id=record.ven_id, fingerprint=received.fingerprint, ven_name=record.ven_name
    )
    ven = found or state.vens.add(record.ven_name or "", record.ven_id)
    before = ven.registration_id if ven.registered else None
    state.vens.register(ven, record)
    ven.fingerprint = ven.fingerprint or received.fingerprint
    ven.news = state.has_events(ven)
    if state.offers is not None and ven.registration_id != before:
        ven.queue.append(reports.catalogue(state, ven))
    received.ven_id = ven.ven_id
    return _describe_registration(state, record.request_id, ven)


def _refusal_of(state: State, record: CreatePartyRegistration, received: Received) -> str:
    """The code that refuses a registration, or nothing. ``accept='known'`` takes only VENs that
    were made known.
    """
    said = state.accept(record) if callable(state.accept) else state.accept
    if said == "known":
        known = state.vens.find(
            ven_id=record.ven_id, fingerprint=received.fingerprint, ven_name=record.ven_name
        )
        return "" if known is not None else REFUSED
    return REFUSED if said is False else said if isinstance(said, str) else ""


def _cancel_registration(
    state: State, record: CancelPartyRegistration, ven: Ven, received: Received
) -> Payload:
    if record.registration_id != ven.registration_id:
        return refuse(
            state, record, "452", f"registrationID {record.registration_id!r} is not the VEN's"
        )
    reply = CanceledPartyRegistration(
        response=ok(record.request_id), registration_id=ven.registration_id, ven_id=ven.ven_id
    )
    state.vens.end(ven)
    return reply


def _registration_canceled(
    state: State, record: CanceledPartyRegistration, ven: Ven, received: Received
) -> Payload:
    if record.response.ok:
        state.vens.end(ven)
    return acknowledge(ven)


# --- polls and events (rules P, E) ----------------------------------------------------------------


def _poll(state: State, ven: Ven) -> GivenAnswer:
    """At most one message: what was queued, else the list of events if it changed (P2)."""
    ven.polls += 1
    ven.last_poll = state.clock.time()
    return _take(state, ven)


def take_for_push(state: State, ven: Ven) -> GivenAnswer:
    """The next message to push: what a poll would get; a pushed list has no eiResponse (CR 40)."""
    given = _take(state, ven)
    if isinstance(given.answer, DistributeEvent):
        return GivenAnswer(given.answer.replace(response=None), given.lost)
    return given


def is_anything_due(state: State, ven: Ven) -> bool:
    """Whether a push would bring the VEN anything."""
    return bool(ven.news or ven.queue or state.for_anyone or _repeats(state, ven))


def seconds_to_repeat(state: State, ven: Ven) -> Optional[float]:
    """Until the list of events is due again if nobody answers it; None where that is never."""
    if state.repeat_events is None or ven.ven_id not in state.given:
        return None
    if not state.events.owes_answer(ven.ven_id, state.now()):
        return None
    passed = state.clock.monotonic() - state.given[ven.ven_id]
    return max(0.0, state.repeat_events.total_seconds() - passed)


def _take(state: State, ven: Ven) -> GivenAnswer:
    queue = state.for_anyone or ven.queue
    if queue:
        item = queue.popleft()
        reports.note_given(ven, item)
        return GivenAnswer(item, lambda: queue.appendleft(item))
    if ven.news or _repeats(state, ven):
        given = _distribute(state, ven)
        return GivenAnswer(given, lambda: setattr(ven, "news", True))
    return GivenAnswer(acknowledge(ven))


def _repeats(state: State, ven: Ven) -> bool:
    """With ``repeat_events``, a list that is not wholly answered comes again after that time
    (E25).
    """
    if state.repeat_events is None or ven.ven_id not in state.given:
        return False
    since = state.clock.monotonic() - state.given[ven.ven_id]
    return since >= state.repeat_events.total_seconds() and state.events.owes_answer(
        ven.ven_id, state.now()
    )


def _distribute(
    state: State, ven: Ven, request_id: str = "", limit: Optional[int] = None
) -> DistributeEvent:
    events = state.events.list_for(ven.ven_id, state.now())[:limit]
    if limit is None:
        ven.news = False
        state.given[ven.ven_id] = state.clock.monotonic()
    state.events.mark_delivered(ven.ven_id, events)
    return DistributeEvent(
        response=ok(request_id),
        request_id=state.new_id("request"),
        vtn_id=state.vtn_id,
        events=tuple(events),
    )


def _request_event(state: State, record: RequestEvent, ven: Ven, received: Received) -> Payload:
    return _distribute(state, ven, record.request_id, record.reply_limit)


def _created_event(state: State, record: CreatedEvent, ven: Ven, received: Received) -> Payload:
    """Note the answers. The code is that of the worst of them (E22)."""
    codes = [
        state.events.note(
            EventAnswer(
                received.at,
                ven.ven_id,
                each.event_id,
                each.modification_number,
                each.opt_type,
                each.response_code,
                each.response_description,
                each.request_id,
            )
        )
        for each in record.event_responses
    ]
    code = max(codes, default="200")
    return acknowledge(
        ven, code, "OK" if code == "200" else "an eventID or modificationNumber is not known"
    )


# --- opts (rules O1) ------------------------------------------------------------------------------


def _create_opt(state: State, record: CreateOpt, ven: Ven, received: Received) -> Payload:
    """One for an event must name it and its number (O1.4); without event and schedule it means
    nothing (O1.3).
    """
    known = state.events.numbers.get(record.event_id) if record.event_id is not None else None
    if record.event_id is not None and (known is None or known != record.modification_number):
        return refuse(
            state,
            record,
            "452",
            f"event {record.event_id!r}, number {record.modification_number}: unknown",
        )
    if record.event_id is None and record.vavailability is None:
        return refuse(state, record, "454", "neither an event nor a schedule")
    ven.opts[record.opt_id] = record
    return CreatedOpt(response=ok(record.request_id), opt_id=record.opt_id)


def _cancel_opt(state: State, record: CancelOpt, ven: Ven, received: Received) -> Payload:
    if ven.opts.pop(record.opt_id, None) is None:
        return refuse(state, record, "452", f"optID {record.opt_id!r} is not known")
    return CanceledOpt(response=ok(record.request_id), opt_id=record.opt_id)


# --- acknowledging and refusing -------------------------------------------------------------------


def acknowledge(ven: Ven, code: str = "200", description: str = "OK") -> Response:
    """An oadrResponse: to a poll, that there is nothing new. The usual ones of a VEN are one
    object.
    """
    if code == "200":
        if ven.acknowledgement is None or ven.acknowledgement.ven_id != ven.ven_id:
            ven.acknowledgement = Response(response=ok(), ven_id=ven.ven_id)
        return ven.acknowledgement
    return Response(response=ok("", code, description), ven_id=ven.ven_id)


def _just_acknowledge(state: State, record: Payload, ven: Ven, received: Received) -> Payload:
    return acknowledge(ven)


def refuse(
    state: State, record: Payload, code: str, description: str, *, bare: bool = False
) -> Payload:
    """The error answer that belongs to a message; with ``bare``, and for messages without one, an
    oadrResponse.
    """
    response = ok(getattr(record, "request_id", ""), code, description)
    ven_id = getattr(record, "ven_id", None)
    make = None if bare else _REFUSALS.get(type(record))
    return (
        make(state, record, response)
        if make is not None
        else Response(response=response, ven_id=ven_id)
    )


_REFUSALS: dict[type[Payload], Callable[[State, Any, Any], Payload]] = {
    QueryRegistration: lambda state, sent, response: CreatedPartyRegistration(
        response=response, vtn_id=state.vtn_id
    ),
    CreatePartyRegistration: lambda state, sent, response: CreatedPartyRegistration(
        response=response, vtn_id=state.vtn_id
    ),
    CancelPartyRegistration: lambda state, sent, response: CanceledPartyRegistration(
        response=response, registration_id=sent.registration_id, ven_id=sent.ven_id
    ),
    RequestEvent: lambda state, sent, response: DistributeEvent(
        response=response, request_id=state.new_id("request"), vtn_id=state.vtn_id
    ),
    RegisterReport: lambda state, sent, response: RegisteredReport(
        response=response, ven_id=sent.ven_id
    ),
    UpdateReport: lambda state, sent, response: UpdatedReport(
        response=response, ven_id=sent.ven_id
    ),
    CreateReport: lambda state, sent, response: CreatedReport(
        response=response, ven_id=sent.ven_id
    ),
    CancelReport: lambda state, sent, response: CanceledReport(
        response=response, ven_id=sent.ven_id
    ),
    CreateOpt: lambda state, sent, response: CreatedOpt(response=response, opt_id=sent.opt_id),
    CancelOpt: lambda state, sent, response: CanceledOpt(response=response, opt_id=sent.opt_id),
}

_ANSWERS: dict[type[Payload], Callable[[State, Any, Ven, Received], Payload]] = {
    CancelPartyRegistration: _cancel_registration,
    CanceledPartyRegistration: _registration_canceled,
    RequestEvent: _request_event,
    CreatedEvent: _created_event,
    CreateOpt: _create_opt,
    CancelOpt: _cancel_opt,
    RegisterReport: reports.register_report,
    UpdateReport: reports.update_report,
    CreatedReport: reports.created_report,
    CanceledReport: reports.canceled_report,
    CreateReport: reports.create_report,
    CancelReport: reports.cancel_report,
    RegisteredReport: reports.registered_report,
    UpdatedReport: _just_acknowledge,
    Response: _just_acknowledge,
}
