"""How the VTN answers EiReport messages, in both roles: as the one that asks and as the one that
reports (rules T).

Runs on connection threads, under the state's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional

from ...oadr20b.schema.registration import Response
from ...oadr20b.schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    RegisteredReport,
    RegisterReport,
    ReportRequest,
    UpdatedReport,
    UpdateReport,
)
from ...schema.common import Payload
from .journal import Received
from .reports import METADATA, AskedReport, requests_for
from .state import State, ok
from .vens import Ven


def register_report(state: State, record: RegisterReport, ven: Ven, received: Received) -> Payload:
    """Keep the catalogue. It ends all requests (T10), but for those of the catalogue and those that
    came with the METADATA request that it answers (T9); wishes that are not running make new ones,
    in the answer or by poll (T12).
    """
    ven.offers = tuple(record.reports)
    answered = ven.asked.get(record.report_request_id or "")
    ven.asked = {
        request_id: asked
        for request_id, asked in ven.asked.items()
        if answered is not None
        and (asked.message == answered.message or _is_metadata(asked.request))
    }
    running = {asked.request.report_specifier.report_specifier_id for asked in ven.asked.values()}
    made = [
        (request, by_poll)
        for request, by_poll in requests_for(
            ven.offers, state.wishes, state.now(), lambda: state.new_id("report")
        )
        if request.report_specifier.report_specifier_id not in running
    ]
    here = [request for request, by_poll in made if not by_poll]
    note_asked(ven, here, record.request_id)
    later = [request for request, by_poll in made if by_poll]
    if later:
        ven.queue.append(
            CreateReport(
                request_id=state.new_id("request"), report_requests=tuple(later), ven_id=ven.ven_id
            )
        )
    return RegisteredReport(
        response=ok(record.request_id), report_requests=tuple(here), ven_id=ven.ven_id
    )


def _is_metadata(request: ReportRequest) -> bool:
    return request.report_specifier.report_specifier_id == METADATA


def note_asked(ven: Ven, requests: Iterable[ReportRequest], message: str) -> None:
    """These were asked for in the message of that requestID."""
    for request in requests:
        ven.asked[request.report_request_id] = AskedReport(request, ven.ven_id, message=message)


def note_given(ven: Ven, item: object) -> None:
    """A queued message goes out: remember what it asks for."""
    if isinstance(item, CreateReport):
        note_asked(ven, item.report_requests, item.request_id)
    elif isinstance(item, CancelReport):
        for request_id in item.report_request_ids:
            if request_id in ven.asked:
                ven.asked[request_id].state = "cancelling"


def created_report(state: State, record: CreatedReport, ven: Ven, received: Received) -> Payload:
    """The VEN took a set of requests or refused it as a whole (T13), and says what runs now
    (T11).
    """
    waiting = [asked for asked in ven.asked.values() if asked.state == "asked"]
    meant = [asked for asked in waiting if asked.message == record.response.request_id] or waiting
    for asked in meant:
        asked.state = "running" if record.response.ok else "refused"
        asked.code = record.response.response_code
    _note_pending(ven, record.pending_reports)
    return _acknowledgement(ven)


def canceled_report(state: State, record: CanceledReport, ven: Ven, received: Received) -> Payload:
    """Requests that were to be cancelled and are not pending any more are over (T28, T29)."""
    _note_pending(ven, record.pending_reports)
    return _acknowledgement(ven)


def _note_pending(ven: Ven, pending: Sequence[str]) -> None:
    ven.pending = tuple(pending)
    for request_id, asked in ven.asked.items():
        if asked.state in ("running", "cancelling") and request_id not in pending:
            asked.state = "over"


def update_report(state: State, record: UpdateReport, ven: Ven, received: Received) -> Payload:
    """Keep the samples; 452, and nothing kept, for a request that was never made (T25)."""
    unknown = [
        each.report_request_id for each in record.reports if each.report_request_id not in ven.asked
    ]
    if unknown:
        return UpdatedReport(
            response=ok(record.request_id, "452", f"reportRequestID {unknown[0]!r} is not known"),
            ven_id=ven.ven_id,
        )
    state.samples.note(record, ven.ven_id, received.number)
    rider = state.riders.pop(ven.ven_id, None)
    if rider is not None:
        note_given(ven, rider)
    return UpdatedReport(response=ok(record.request_id), cancel_report=rider, ven_id=ven.ven_id)


# --- the VTN as the one that reports (T32 to T35) -------------------------------------------------


def catalogue(state: State, ven: Ven, report_request_id: Optional[str] = None) -> RegisterReport:
    """The VTN's own catalogue (T1), often empty."""
    return RegisterReport(
        request_id=state.new_id("request"),
        reports=tuple(state.offers or ()),
        ven_id=ven.ven_id,
        report_request_id=report_request_id,
    )


def create_report(state: State, record: CreateReport, ven: Ven, received: Received) -> Payload:
    """The VEN asks for reports: what is on offer runs from now on; the test sends the data
    (``vtn.queue``).
    """
    offered = {offer.report_specifier_id for offer in state.offers or ()}
    wanted = [request.report_specifier.report_specifier_id for request in record.report_requests]
    unknown = [each for each in wanted if each != METADATA and each not in offered]
    if not unknown:
        _take(state, ven, record.report_requests)
    code, text = ("452", f"there is no report {unknown[0]!r}") if unknown else ("200", "OK")
    return CreatedReport(
        response=ok(record.request_id, code, text),
        pending_reports=_running_requests(state, ven),
        ven_id=ven.ven_id,
    )


def registered_report(
    state: State, record: RegisteredReport, ven: Ven, received: Received
) -> Payload:
    """The VEN has read the VTN's catalogue; it may ask for reports with the same message."""
    _take(state, ven, record.report_requests)
    return _acknowledgement(ven)


def cancel_report(state: State, record: CancelReport, ven: Ven, received: Received) -> Payload:
    """The VEN wants no more of the VTN's reports; none is cancelled where one is unknown (T30)."""
    keys = [(ven.ven_id, request_id) for request_id in record.report_request_ids]
    unknown = [key for key in keys if key not in state.asked_by_vens]
    if not unknown:
        for key in keys:
            del state.asked_by_vens[key]
    code, text = (
        ("452", f"reportRequestID {unknown[0][1]!r} is not known") if unknown else ("200", "OK")
    )
    return CanceledReport(
        response=ok(record.request_id, code, text),
        pending_reports=_running_requests(state, ven),
        ven_id=ven.ven_id,
    )


def _take(state: State, ven: Ven, requests: Iterable[ReportRequest]) -> None:
    for request in requests:
        if request.report_specifier.report_specifier_id == METADATA:
            ven.queue.append(catalogue(state, ven, request.report_request_id))
        else:
            state.asked_by_vens[ven.ven_id, request.report_request_id] = request


def _running_requests(state: State, ven: Ven) -> tuple[str, ...]:
    return tuple(request_id for ven_id, request_id in state.asked_by_vens if ven_id == ven.ven_id)


def _acknowledgement(ven: Ven) -> Response:
    return Response(response=ok(), ven_id=ven.ven_id)
