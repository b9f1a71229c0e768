"""What the letter of the specification wants of a VEN's messages, for ``LocalVTN(letter=True)``.

Each deviation names its conformance rule (``CR 42``) or section (``§9.1.9``). Pure functions of the
state and a message; the VTN's lock is held. Reports are in :mod:`.letter_reports`. What the schema
itself forbids is :mod:`.wire`'s business; whether a VEN did in time what it had to do is judged by
whoever waits for it (``ven-sdk certify``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Callable

from ...enums import SIGNAL_TARGET_MRID
from ...oadr20b.schema.events import CreatedEvent, DistributeEvent
from ...oadr20b.schema.opt import CancelOpt, CreateOpt
from ...oadr20b.schema.registration import CreatePartyRegistration, Poll, Response
from ...oadr20b.schema.reports import (
    CreateReport,
    RegisteredReport,
    RegisterReport,
    UpdateReport,
)
from ...schema.common import Payload, Target
from . import letter_reports
from .journal import Received
from .state import Notes, State
from .vens import Ven

CLOSE = timedelta(milliseconds=50)
"""What a measured interval may be off by the way to the VTN."""
CONTENT_TYPES = ("application/xml", "application/xml; charset=utf-8")


def notes_of(state: State, ven: Ven) -> Notes:
    """The notes of a VEN; new ones for a new registration."""
    key = f"{ven.ven_id} {ven.registration_id}"
    return state.letter_notes.setdefault(key, Notes())


def deviations_of_head(headers: Mapping[str, str]) -> list[str]:
    """What is wrong with the head of an HTTP request."""
    found = []
    kind = headers.get("content-type", "")
    if kind.lower().replace('"', "").replace("; ", ";") not in (
        each.replace("; ", ";") for each in CONTENT_TYPES
    ):
        found.append(f"Content-Type is {kind!r}, not application/xml (CR 53, §9.1.9.5)")
    accept = headers.get("accept")
    if accept not in (None, "", "application/xml"):
        found.append(f"Accept is {accept!r}: leave it out (§9.1.9.1)")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        found.append("the body came in chunks (§9.1.9.4)")
    if "expect" in headers:
        found.append("there is an Expect header (§9.1.9)")
    return found


def deviations(state: State, received: Received) -> list[str]:
    """What the letter does not allow in a message, before it is answered."""
    record = received.record
    if record is None:
        return []
    found = _version(record)
    ven = state.vens.find(ven_id=received.ven_id) if received.ven_id else None
    if isinstance(record, CreatePartyRegistration):
        return found + _registration(state, record)
    if not hasattr(record, "ven_id"):
        return found
    if not record.ven_id:
        found.append("there is no venID (CR 508)")
    elif ven is None:
        found.append(f"venID is {record.ven_id!r}, which the VTN gave to nobody (CR 512)")
    check = _CHECKS.get(type(record))
    if ven is not None and check is not None:
        found += check(state, record, ven, received)
    return found


def note(state: State, received: Received, answer: Any) -> None:
    """Remember what the next messages are judged by."""
    ven = state.vens.find(ven_id=received.ven_id) if received.ven_id else None
    if ven is None:
        return
    notes = notes_of(state, ven)
    if isinstance(received.record, Poll):
        if not notes.drains:
            notes.round_began = state.clock.monotonic()
        notes.drains = type(answer) is not Response
    if isinstance(answer, DistributeEvent):
        for event in answer.events:
            notes.lists.setdefault(event.event_id, []).append(answer.request_id)
            notes.listed[event.event_id] = event


# --- registration and polls -----------------------------------------------------------------------


def _version(record: Payload) -> list[str]:
    version = getattr(record, "schema_version", None)
    return [] if version in (None, "2.0b") else [f"schemaVersion is {version!r} (CR 509)"]


def _registration(state: State, record: CreatePartyRegistration) -> list[str]:
    found = []
    if record.profile_name != "2.0b":
        found.append(f"oadrProfileName is {record.profile_name!r} (CR 402)")
    if record.transport_name != "simpleHttp":
        found.append(f"oadrTransportName is {record.transport_name!r} over HTTP (CR 402)")
    if record.http_pull_model is None:
        found.append("oadrHttpPullModel is missing (CR 402)")
    if record.http_pull_model is False and not record.transport_address:
        found.append("a push VEN needs oadrTransportAddress (CR 402)")
    known = {ven.registration_id for ven in state.vens if ven.registered}
    if record.registration_id and record.registration_id not in known:
        found.append(
            f"registrationID {record.registration_id!r} is of no registration that stands (CR 402)"
        )
    return found


def _poll(state: State, record: Poll, ven: Ven, received: Received) -> list[str]:
    notes = notes_of(state, ven)
    wanted = state.poll_frequency
    if notes.round_began is None or notes.drains or wanted is None:
        return []
    passed = timedelta(seconds=state.clock.monotonic() - notes.round_began)
    if passed < wanted - CLOSE:
        return [
            f"polled {passed.total_seconds():.2f} s after the last round began; asked for were "
            f"{wanted.total_seconds():g} s (CR 500)"
        ]
    return []


# --- events ---------------------------------------------------------------------------------------


def _created_event(state: State, record: CreatedEvent, ven: Ven, received: Received) -> list[str]:
    notes, found = notes_of(state, ven), []
    if record.response.ok and record.event_responses and record.response.request_id:
        found.append("eiResponse has a requestID, although there are eventResponses (CR 42)")
    if record.response.ok and not record.event_responses:
        found.append("there are no eventResponses, and no error (CR 35)")
    for each in record.event_responses:
        event = notes.listed.get(each.event_id)
        about = f"event {each.event_id!r}"
        if event is None:
            found.append(f"{about} was never listed (CR 21)")
            continue
        if each.request_id not in notes.lists[each.event_id]:
            found.append(f"{about}: requestID {each.request_id!r} is of no list with it (CR 42)")
        if event.response_required == "never":
            found.append(f"{about} wants no response (CR 12)")
        refused = not each.response_code.startswith("2") and each.response_code != "450"
        if refused and each.opt_type != "optOut":
            found.append(f"{about}: {each.response_code} with {each.opt_type} (CR 48)")
    return found


# --- opts -----------------------------------------------------------------------------------------


def _create_opt(state: State, record: CreateOpt, ven: Ven, received: Received) -> list[str]:
    found = [] if record.opt_id else ["optID is missing (CR 204)"]
    if record.event_id is not None:
        found += _event_opt(state, record, ven)
    else:
        found += _schedule(record)
    return found + _device_classes(record.device_class)


def _event_opt(state: State, record: CreateOpt, ven: Ven) -> list[str]:
    notes, found = notes_of(state, ven), []
    notes.opted_events.add(record.opt_id)
    if record.market_context is not None:
        found.append("an opt of an event has a marketContext (CR 206)")
    if record.vavailability is not None:
        found.append("an opt of an event has a vavailability (CR 206)")
    event = notes.listed.get(record.event_id or "")
    if event is None:
        return [*found, f"event {record.event_id!r} was never listed (CR 206)"]
    if event.response_required == "never":
        found.append(f"event {record.event_id!r} wants no response (CR 206)")
    if event.targets and not _is_own(event.targets, ven):
        foreign = [
            target
            for target in record.targets
            if target not in event.targets and target.ven_id != ven.ven_id
        ]
        if foreign:
            found.append("the opt names targets that are not the event's (CR 206)")
    return found


def _is_own(targets: Iterable[Target], ven: Ven) -> bool:
    return all(target.ven_id == ven.ven_id for target in targets)


def _schedule(record: CreateOpt) -> list[str]:
    if record.vavailability is None:
        return ["neither an event nor a schedule (CR 206)"]
    more = [
        window
        for window in record.vavailability.components
        if (window.tolerance, window.notification, window.ramp_up, window.recovery) != (None,) * 4
    ]
    return ["a window of the schedule has more than start and duration (CR 200)"] if more else []


def _device_classes(targets: Iterable[Target]) -> list[str]:
    names = [each.end_device_asset.mrid for each in targets if each.end_device_asset is not None]
    return [
        f"oadrDeviceClass {name!r} is not of the list (CR 209)"
        for name in names
        if name not in SIGNAL_TARGET_MRID.values and not name.startswith("x-")
    ]


def _cancel_opt(state: State, record: CancelOpt, ven: Ven, received: Received) -> list[str]:
    if record.opt_id in notes_of(state, ven).opted_events:
        return [f"optID {record.opt_id!r} is the opt of an event: it is not cancelled (CR 211)"]
    return []


def _register_report(
    state: State, record: RegisterReport, ven: Ven, received: Received
) -> list[str]:
    return letter_reports.catalogue(record, ven)


def _registered_report(
    state: State, record: RegisteredReport, ven: Ven, received: Received
) -> list[str]:
    return letter_reports.requests(record.report_requests)


def _create_report(state: State, record: CreateReport, ven: Ven, received: Received) -> list[str]:
    return letter_reports.requests(record.report_requests)


def _update_report(state: State, record: UpdateReport, ven: Ven, received: Received) -> list[str]:
    return letter_reports.data(record, ven)


_CHECKS: dict[type[Payload], Callable[[State, Any, Ven, Received], list[str]]] = {
    Poll: _poll,
    CreatedEvent: _created_event,
    CreateOpt: _create_opt,
    CancelOpt: _cancel_opt,
    RegisterReport: _register_report,
    RegisteredReport: _registered_report,
    CreateReport: _create_report,
    UpdateReport: _update_report,
}
