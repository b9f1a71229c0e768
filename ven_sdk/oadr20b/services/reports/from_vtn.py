"""Reports of the VTN's: what it offers (T2), what this VEN asks it for (T32, T33, T35), and the
data that comes (T34).

Our own requests stand in the table ``requests`` with kind ``asked``; received data is kept in
memory, bounded. Steps only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Callable, Optional, Union

from ....errors import StateError, VenError
from ....instants import EPOCH, shift
from ....points.data_points import moment
from ....points.timing import NONE
from ....schema.common import Payload
from ....state.change import Change
from ....state.outcome import NOTHING, Call, Note, Outcome, Step
from ....state.registration import MADE
from ....state.replacement import replace
from ....state.reports import ASKED, RequestState
from ....tasks import Task
from ...schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    RegisteredReport,
    RegisterReport,
    Report,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
    UpdateReport,
)
from ...state.book import Book
from .. import answers
from ..task import confirmed_by, list_alone
from .request_meaning import METADATA

WANTED, RUNNING, UNWANTED = "wanted", "running", "unwanted"
KEPT_REPORTS = 100
FAILURES = 5
"""How often the VTN may fail over what we ask for (HTTP 500) before it is given up."""
HANDLER = "on_report"
REQUEST, CANCELLATION = "report request", "report cancel"
"""The names of the messages that ask for a report, and that end one."""
MOST_NAMED = 5
"""Unreadable reports of one message that get a line of their own."""


# --- what the VTN sends ---------------------------------------------------------------------------


def take_offer(book: Book, message: RegisterReport, now: datetime) -> Outcome:
    """T2: the VTN's catalogue, usually empty, is acknowledged; it is kept for ``offers``."""
    code, why, notes = _describe_unread(message)
    reply = RegisteredReport(
        response=answers.response(code, message.request_id, why), ven_id=book.registration.ven_id
    )
    changes = (Change("offers", "", tuple(message.reports)),)
    return Outcome(changes=changes, notes=notes) + answers.owe(book, reply, now)


def _describe_unread(
    message: Union[RegisterReport, UpdateReport],
) -> tuple[str, Optional[str], tuple[Note, ...]]:
    """Code, description and log lines for reports that could not be read, beside which the others
    stand.
    """
    notes = tuple(
        Note(
            f"A report of the VTN's could not be read: {faulty.error}",
            logging.WARNING,
            once=f"faulty report {faulty.report_specifier_id!r} {faulty.error.path}",
            error=faulty.error,
        )
        for faulty in message.faulty
    )
    if not notes:
        return "200", None, ()
    return "454", f"{len(notes)} report(s) could not be read", notes[:MOST_NAMED]


def offers(book: Book) -> tuple[Report, ...]:
    """The metadata reports that the VTN offered since the start of the process."""
    return book.offers


def take_data(book: Book, message: UpdateReport, now: datetime) -> Outcome:
    """T32, T34: data for our requests is kept and given to ``on_report``; a report that we did not
    ask for is answered 452.
    """
    ours = {request.report_request_id for _, request in own_requests(book)}
    unknown = [
        report.report_request_id
        for report in message.reports
        if report.report_request_id not in ours
    ]
    known = [report for report in message.reports if report.report_request_id in ours]
    code, why, notes = _describe_unread(message)
    if unknown:
        code, why = "452", f"reportRequestID {', '.join(unknown)} is not known"
    reply = UpdatedReport(
        response=answers.response(code, message.request_id, why),
        ven_id=book.registration.ven_id,
    )
    calls = (
        tuple(Call("reports", HANDLER, (report,)) for report in known)
        if book.has_handler(HANDLER)
        else ()
    )
    kept = (*book.received, *known)[-KEPT_REPORTS:]
    changes = (Change("received", "", kept),) if known else ()
    return Outcome(changes=changes, calls=calls, notes=notes) + answers.owe(book, reply, now)


# --- what this VEN asks for -----------------------------------------------------------------------


def own_requests(book: Book) -> tuple[tuple[str, RequestState], ...]:
    """Our own requests, with their keys."""
    return tuple((key, request) for key, request in book.requests.items() if request.kind == ASKED)


def ask(
    book: Book,
    now: datetime,
    *,
    report_request_id: str,
    report_specifier_id: str,
    r_ids: Union[str, Iterable[str], None] = None,
    granularity: timedelta = NONE,
    report_back_duration: timedelta = NONE,
    dtstart: Optional[datetime] = None,
    report_duration: Optional[timedelta] = None,
) -> Outcome:
    """T32: ask the VTN for a report. 'METADATA' as specifier asks for its catalogue (T33).

    Without ``r_ids`` all that the VTN offers in that report are meant. Raises StateError where the
    ID is in use, nothing is known about the report and no rID given, or the VEN is not registered:
    requests belong to a registration.
    """
    if book.registration.phase not in MADE:
        raise StateError("request_report(): this VEN is not registered.")
    key = f"own {report_request_id}"
    if key in book.requests:
        raise StateError(
            f"There is a request {report_request_id!r} already. Give another report_request_id."
        )
    wanted = (
        (r_ids,)
        if isinstance(r_ids, str)
        else tuple(r_ids or ()) or _offered_r_ids(book, report_specifier_id)
    )
    if not wanted:
        names = (
            ", ".join(repr(report.report_specifier_id) for report in offers(book))
            or "nothing so far"
        )
        raise StateError(
            f"The VTN has not offered a report {report_specifier_id!r} (it offered {names}). "
            f"Give r_ids, or ask for {METADATA!r} first."
        )
    start = (
        None if dtstart is None and report_duration is None else moment("dtstart", dtstart) or now
    )
    state = RequestState(
        report_request_id,
        report_specifier_id,
        wanted,
        ASKED,
        granularity,
        report_back_duration,
        now,
        start or EPOCH,
        start=start,
        end=None if start is None else shift(start, report_duration or NONE),
        phase=WANTED,
    )
    return Outcome(changes=(Change("requests", key, state),))


def is_unanswered(book: Book, report_request_id: str) -> bool:
    """Whether the VTN has not yet answered our request."""
    request = book.requests.get(f"own {report_request_id}")
    return request is not None and request.phase == WANTED


def _offered_r_ids(book: Book, specifier: str) -> tuple[str, ...]:
    if specifier == METADATA:
        return ("0",)
    return tuple(
        description.r_id
        for report in offers(book)
        if report.report_specifier_id == specifier
        for description in report.report_descriptions
    )


def stop_report(book: Book, report_request_id: str, now: datetime) -> Outcome:
    """T35: the VTN is to stop a report that we asked for. Raises StateError for one that we did
    not.
    """
    key = f"own {report_request_id}"
    request = book.requests.get(key)
    if request is None:
        known = ", ".join(repr(one.report_request_id) for _, one in own_requests(book)) or "none"
        raise StateError(
            f"There is no report request {report_request_id!r} of ours; there are: {known}."
        )
    left = None if request.phase == WANTED else replace(request, phase=UNWANTED)
    return Outcome(changes=(Change("requests", key, left),))


def ask_tasks(book: Book) -> Iterator[Task]:
    """The requests, and the cancels of such, that the VTN has not answered. One that it fails over
    holds up no other.
    """
    for key, request in own_requests(book) if book.requests else ():
        if request.phase == WANTED:
            yield from _list_one(book, key, request, REQUEST, _request_task)
        elif request.phase == UNWANTED:
            yield from _list_one(book, key, request, CANCELLATION, _cancellation_task)


def _list_one(
    book: Book,
    key: str,
    request: RequestState,
    name: str,
    build: Callable[[Book, str, RequestState], Task],
) -> Iterator[Task]:
    return list_alone(
        name,
        CreateReport.service,
        lambda: (build(book, key, request),),
        request.report_request_id,
        _drop_refused(key),
    )


def _request_task(book: Book, key: str, request: RequestState) -> Task:
    record = CreateReport(
        request_id=book.request_id(f"ask {key}"),
        report_requests=(_record(request),),
        ven_id=book.registration.ven_id,
    )
    return Task(
        REQUEST,
        record,
        (CreatedReport,),
        _set_phase(key, RUNNING),
        _drop_refused(key),
        give_up=FAILURES,
        key=request.report_request_id,
        request_name=f"ask {key}",
        needs_service=True,
        confirms=confirmed_by(REQUEST, CreatedReport, ven_id=book.registration.ven_id),
    )


def _cancellation_task(book: Book, key: str, request: RequestState) -> Task:
    record = CancelReport(
        request_id=book.request_id(f"stop {key}"),
        report_request_ids=(request.report_request_id,),
        report_to_follow=False,
        ven_id=book.registration.ven_id,
    )
    return Task(
        CANCELLATION,
        record,
        (CanceledReport,),
        _set_phase(key, None),
        _drop_refused(key),
        give_up=FAILURES,
        key=request.report_request_id,
        request_name=f"stop {key}",
        needs_service=True,
    )


def _record(request: RequestState) -> ReportRequest:
    period = None
    if request.start is not None and request.end is not None:
        period = ReportPeriod(dtstart=request.start, duration=request.end - request.start)
    specifier = ReportSpecifier(
        report_specifier_id=request.specifier,
        granularity=request.granularity,
        report_back_duration=request.back,
        report_interval=period,
        specifier_payloads=tuple(SpecifierPayload(r_id=r_id) for r_id in request.r_ids),
    )
    return ReportRequest(report_request_id=request.report_request_id, report_specifier=specifier)


def _set_phase(key: str, phase: Optional[str]) -> Callable[[Optional[Payload]], Step]:
    def accept(_reply: Optional[Payload]) -> Step:
        def step(book: Book, now: datetime) -> Outcome:
            request = book.requests.get(key)
            if request is None:
                return NOTHING
            # a request for the catalogue is over with its reply: the catalogue comes by itself
            over = phase is None or request.specifier == METADATA
            left = None if over else replace(request, phase=phase or "")
            return Outcome(changes=(Change("requests", key, left),))

        return step

    return accept


def _drop_refused(key: str) -> Callable[[VenError], Step]:
    def refuse(error: VenError) -> Step:
        def step(book: Book, now: datetime) -> Outcome:
            request = book.requests.get(key)
            if request is None:
                return NOTHING
            note = Note(
                f"{error} Our report request {request.report_request_id} is dropped.",
                logging.WARNING,
                error=error,
            )
            return Outcome(changes=(Change("requests", key, None),), notes=(note,))

        return step

    return refuse
