"""Requests for reports come, and are accepted all or none (T8 to T15). What each means is in
``request_meaning``, how they end in ``endings``. Steps only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Optional

from ....config import JITTER_CAP
from ....points.recent import rows_on_hand
from ....points.tables import look_now, row_key, running_requests
from ....points.timing import NONE, moment_after
from ....schema.points import DataPoint
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome
from ....state.replacement import replace
from ....state.reports import BLOCK, CATALOGUE, RequestState
from ...schema.reports import (
    CreatedReport,
    CreateReport,
    FaultyRequest,
    RegisteredReport,
    ReportRequest,
)
from ...state.book import Book
from .. import answers
from .endings import end_requests
from .request_meaning import is_metadata, is_repeated, start

MOST_REQUESTS = 1000
"""Requests that run at a time; a VTN that goes on asking is refused."""
MOST_NAMED = 5
"""Requests of one message that are named when they cannot be read."""
Bad = tuple[str, str]


# --- requests come --------------------------------------------------------------------------------


class Inquiry(NamedTuple):
    """What one message asks for. Of its ``requests`` all begin or none; what is ``unreadable`` is
    refused by itself. ``catalogue_request`` is the METADATA request among them, or None. ``ended``
    are keys of requests that end in the same step.
    """

    requests: Sequence[ReportRequest]
    unreadable: Sequence[FaultyRequest]
    request_id: str
    catalogue_request: Optional[str] = None
    ended: frozenset[str] = frozenset()


def take_request(book: Book, message: CreateReport, now: datetime) -> Outcome:
    """T8, T9, T11: the answer first; a METADATA request among them has the catalogue sent again
    after it, which does not end those that came with it.
    """
    wanted = [one.report_request_id for one in message.report_requests if is_metadata(one)]
    catalogue_request = wanted[-1] if wanted else None
    asked = Inquiry(message.report_requests, message.faulty, message.request_id, catalogue_request)
    return accept(book, asked, now)


def take_registered(book: Book, reply: Optional[RegisteredReport], now: datetime) -> Outcome:
    """T10, T12: the VTN has the catalogue, which ends the requests of before, changed or not, but
    for those of the catalogue itself; requests that came with its answer get one oadrCreatedReport.

    The VTN may ask for METADATA in the very answer to it: that is fulfilled already.
    """
    spared = {key: one for key, one in running_requests(book) if one.spared}
    ended = frozenset(
        key for key, one in running_requests(book) if key not in spared and one.kind != CATALOGUE
    )
    outcome = end_requests(book, ended, now) + Outcome(
        changes=tuple(
            Change("requests", key, replace(one, spared=False)) for key, one in spared.items()
        )
    )
    if reply is None or not (reply.report_requests or reply.faulty):
        return outcome
    request_id = reply.response.request_id or ""
    asked = Inquiry(reply.report_requests, reply.faulty, request_id, ended=ended)
    return outcome + accept(book, asked, now)


def announce_catalogue(book: Book, now: datetime) -> Outcome:
    """Periodic METADATA requests whose time has come: the catalogue is to be sent again (T8)."""
    changes: list[Change] = []
    for key, request in running_requests(book):
        if request.kind == CATALOGUE and request.due is not None and request.due <= now:
            due = moment_after(request.origin, request.back, now)
            state = book.registration.with_catalogue_request(request.report_request_id)
            changes = [
                *changes,
                Change("requests", key, replace(request, due=due)),
                Change("registration", "", state),
            ]
    return Outcome(changes=tuple(changes))


def accept(book: Book, asked: Inquiry, now: datetime) -> Outcome:
    """T13: start all requests, or none if one is bad; owe the oadrCreatedReport either way (T11,
    G6, G10). What is unreadable beside them has code 454 in it.
    """
    ran = {
        key: request.report_request_id
        for key, request in running_requests(book)
        if key not in asked.ended
    }
    bad = next(filter(None, (check(book, request, now) for request in asked.requests)), None)
    if bad is None and len(ran) + len(asked.requests) > MOST_REQUESTS:
        bad = "461", f"more than {MOST_REQUESTS} requests at a time"
    if bad is not None:
        return _refuse(book, asked.request_id, tuple(ran.values()), now, *bad)
    return _start_all(book, asked, ran, now)


def _start_all(book: Book, asked: Inquiry, ran: Mapping[str, str], now: datetime) -> Outcome:
    """``ran`` has the keys and reportRequestIDs of those that run. One that is repeated goes on, a
    new one of the same ID takes its place (T15).
    """
    spared = asked.catalogue_request is not None
    wanted = {
        request.report_request_id: replace(start(book, request, now), spared=spared)
        for request in asked.requests
        if not is_metadata(request) or request.report_specifier.report_back_duration
    }
    kept = {
        running_id: key
        for key, running_id in ran.items()
        if running_id in wanted and is_repeated(book.requests[key], wanted[running_id])
    }
    started = {running_id: one for running_id, one in wanted.items() if running_id not in kept}
    replaced = frozenset(key for key, running_id in ran.items() if running_id in started)  # T15
    pending = (*(running_id for key, running_id in ran.items() if key not in replaced), *started)
    keys = {
        _free_key(book, report_request_id): state for report_request_id, state in started.items()
    }
    return (
        end_requests(book, replaced, now)
        + Outcome(changes=tuple(_begin(book, keys)))
        + (_spare(book, kept.values()) if spared else NOTHING)
        + _answer(book, asked.request_id, pending, now, *_refusal(asked.unreadable), started=keys)
        + Outcome(notes=tuple(map(_unreadable_note, asked.unreadable[:MOST_NAMED])))
        + (look_now(now) if started else NOTHING)
        + _want_catalogue(book, asked.catalogue_request)
    )


def _want_catalogue(book: Book, report_request_id: Optional[str]) -> Outcome:
    """The catalogue goes out for a METADATA request, after the answer (T8)."""
    if report_request_id is None:
        return NOTHING
    state = book.registration.with_catalogue_request(report_request_id)
    return Outcome(changes=(Change("registration", "", state),))


def _spare(book: Book, keys: Iterable[str]) -> Outcome:
    """The next catalogue does not end these requests."""
    return Outcome(
        changes=tuple(
            Change("requests", key, replace(book.requests[key], spared=True)) for key in keys
        )
    )


def _refusal(unreadable: Sequence[FaultyRequest]) -> tuple[str, Optional[str]]:
    """The code of an answer, and why."""
    if not unreadable:
        return "200", None
    names = ", ".join(repr(each.report_request_id) for each in unreadable[:MOST_NAMED])
    return "454", f"request {names} could not be read: {unreadable[0].error}"


def _unreadable_note(request: FaultyRequest) -> Note:
    return Note(
        f"Report request {request.report_request_id!r} could not be read; it is answered with code "
        f"454, and others of its message are served: {request.error}",
        logging.WARNING,
        once=f"unreadable request {request.report_request_id!r} {request.error.path}",
        error=request.error,
    )


def _begin(book: Book, requests: Mapping[str, RequestState]) -> Iterator[Change]:
    """The rows of new requests; with what is on hand of a span that is past (T41)."""
    for key, state in requests.items():
        yield Change("requests", key, state)
        yield Change("seen", key, {})
        if state.kind == BLOCK:
            for row in rows_on_hand(book, key, state):
                yield Change("samples", row_key(row.request, row.at), row)


def _refuse(
    book: Book, request_id: str, pending: tuple[str, ...], now: datetime, code: str, why: str
) -> Outcome:
    note = Note(
        f"The VTN asked for a report that this VEN cannot give; it was answered with code "
        f"{code}: {why}.",
        logging.WARNING,
        once=f"request refused {why}",
    )
    return _answer(book, request_id, pending, now, code, why) + Outcome(notes=(note,))


def _answer(
    book: Book,
    request_id: str,
    pending: tuple[str, ...],
    now: datetime,
    code: str = "200",
    why: Optional[str] = None,
    started: Iterable[str] = (),
) -> Outcome:
    record = CreatedReport(
        response=answers.response(code, request_id, why),
        pending_reports=pending,
        ven_id=book.registration.ven_id,
    )
    return answers.owe(book, record, now, requests=started)


def _free_key(book: Book, report_request_id: str) -> str:
    """A key for a request; ended ones of the same reportRequestID may still have samples (T15,
    G7).
    """
    key, number = report_request_id, 1
    while key in book.requests:
        number += 1
        key = f"{report_request_id}#{number}"
    return key


def check(book: Book, request: ReportRequest, now: datetime) -> Optional[Bad]:
    """T14: the response code and the reason why a request cannot be served; None if it can. The
    readingType of a request means nothing.
    """
    wanted = request.report_specifier
    if not request.report_request_id.strip():
        return "452", "a request has no reportRequestID"
    if not _is_within_the_calendar(book, request, now):
        return "454", f"the times of {request.report_request_id} lie beyond the calendar"
    if is_metadata(request):
        return None
    offered = {
        key[1]: point
        for key, point in book.catalogue.by_key.items()
        if key[0] == wanted.report_specifier_id
    }
    if not offered:
        return "452", f"reportSpecifierID {wanted.report_specifier_id} is not offered"
    for payload in wanted.specifier_payloads:
        point = offered.get(payload.r_id)
        if point is None:
            return "452", f"rID {payload.r_id} is not in {wanted.report_specifier_id}"
        unfit = _find_unfit(point, request, book.settings.strict)
        if unfit:
            return "461", unfit
    return _more_than_kept(book, request, now) if book.settings.strict else None


def _more_than_kept(book: Book, request: ReportRequest, now: datetime) -> Optional[Bad]:
    """T40: 454 for more of the past than the catalogue offers."""
    state = start(book, request, now)
    if state.kind != BLOCK or state.end is None:
        return None
    storage = next(
        report.duration
        for report in book.catalogue.reports()
        if report.specifier == state.specifier
    )
    if state.end - state.origin <= storage:
        return None
    return "454", f"{state.specifier} is kept for {storage}, not for {state.end - state.origin}"


def _is_within_the_calendar(book: Book, request: ReportRequest, now: datetime) -> bool:
    """Whether the moments that a request leads to can be reckoned with at all."""
    try:
        state = start(book, request, now)
        latest = (state.due or now) + 2 * state.back + JITTER_CAP
        return latest.tzinfo is not None
    except OverflowError:
        return False


def _find_unfit(point: DataPoint, request: ReportRequest, strict: bool) -> str:
    """Zero means on change; coarser than offered is served, except in strict mode. A one-shot has
    no spacing.
    """
    wanted, rate = request.report_specifier, point.sampling_rate
    spacing = wanted.granularity if wanted.report_back_duration else NONE
    if spacing and spacing < rate.min_period:
        return (
            f"rID {point.r_id} is offered every {rate.min_period} at the fastest, not every "
            f"{spacing}"
        )
    if strict and spacing and spacing > rate.max_period:
        return (
            f"rID {point.r_id} is offered every {rate.max_period} at the slowest, not every "
            f"{spacing}"
        )
    return ""
