"""Requests for reports: accepted all or none (T8 to T15), and what each of them means
(docs/protocol/reports.rst, 'What a request asks for').

How they end is in ``endings``. Steps only; the engine runs them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Optional

from ....points.tables import look_now, point_key, running
from ....points.timing import EPOCH, NONE, following
from ....schema.points import DataPoint
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome
from ....state.reports import BLOCK, CHANGE, ONCE, PERIODIC, RequestState
from ...schema.reports import CreatedReport, CreateReport, RegisteredReport, ReportRequest
from ...state.book import Book
from .. import answers
from .endings import end_requests

METADATA = "METADATA"
JITTER, JITTER_CAP = 0.1, timedelta(minutes=5)
SHORTEST_BACK = timedelta(seconds=1)
"""Deliveries are never closer together, whatever fraction of a second is asked for."""
MOST_REQUESTS = 1000
"""Requests that run at a time; a VTN that goes on asking is refused."""
Bad = tuple[str, str]


# --- requests come --------------------------------------------------------------------------------


def requested(book: Book, message: CreateReport, now: datetime) -> Outcome:
    """T8, T9, T11: the answer first; a METADATA request among them has the catalogue sent again
    after it.
    """
    outcome, accepted = accept(book, message.report_requests, message.request_id, now)
    wanted = [
        request.report_request_id for request in message.report_requests if is_metadata(request)
    ]
    if not wanted or not accepted:
        return outcome
    state = book.registration.with_catalogue_request(wanted[-1])
    return outcome + Outcome(changes=(Change("registration", "", state),))


def registered(book: Book, reply: Optional[RegisteredReport], now: datetime) -> Outcome:
    """T10, T12: the VTN has the catalogue; requests that came with its answer get one
    oadrCreatedReport.

    A catalogue that is not the one it had ends the requests of before. The VTN may ask for METADATA
    in the very answer to it: that is fulfilled already.
    """
    renewed = book.registration.catalogue != book.catalogue.digest()
    ended = frozenset(key for key, _ in running(book)) if renewed else frozenset()
    outcome = end_requests(book, ended, now)
    if reply is None or not reply.report_requests:
        return outcome
    request_id = reply.response.request_id or book.request_ids.get("register report", "")
    return outcome + accept(book, reply.report_requests, request_id, now, ended)[0]


def accept(
    book: Book,
    requests: Sequence[ReportRequest],
    request_id: str,
    now: datetime,
    ended: frozenset[str] = frozenset(),
) -> tuple[Outcome, bool]:
    """T13: start all of ``requests``, or none if one is bad; owe the oadrCreatedReport either way
    (T11, G6, G10).

    ``ended`` are keys of requests that end in the same step.
    """
    bad = next(
        (found for found in (check(book, request, now) for request in requests) if found), None
    )
    ran = {key: request.report_request_id for key, request in running(book) if key not in ended}
    if bad is None and len(ran) + len(requests) > MOST_REQUESTS:
        bad = "461", f"more than {MOST_REQUESTS} requests at a time"
    if bad is not None:
        code, why = bad
        note = Note(
            f"The VTN asked for a report that this VEN cannot give; it was answered with code "
            f"{code}: {why}.",
            logging.WARNING,
            once=f"request refused {why}",
        )
        return _answer(book, request_id, tuple(ran.values()), now, code, why) + Outcome(
            notes=(note,)
        ), False
    made = {
        request.report_request_id: started(book, request, now)
        for request in requests
        if not is_metadata(request)
    }
    replaced = frozenset(key for key, running_id in ran.items() if running_id in made)  # T15
    pending = (*(running_id for key, running_id in ran.items() if key not in replaced), *made)
    keys = [_free_key(book, report_request_id) for report_request_id in made]
    changes = (
        *(Change("requests", key, state) for key, state in zip(keys, made.values())),
        *(Change("seen", key, {}) for key in keys),
    )
    return (
        end_requests(book, replaced, now)
        + Outcome(changes=changes)
        + _answer(book, request_id, pending, now)
        + (look_now(now) if made else NOTHING)
    ), True


def _answer(
    book: Book,
    request_id: str,
    pending: tuple[str, ...],
    now: datetime,
    code: str = "200",
    why: Optional[str] = None,
) -> Outcome:
    record = CreatedReport(
        response=answers.response(code, request_id, why),
        pending_reports=pending,
        ven_id=book.registration.ven_id,
    )
    return answers.owe(book, record, now)


def _free_key(book: Book, report_request_id: str) -> str:
    """A key for a request; ended ones of the same reportRequestID may still have samples (T15,
    G7).
    """
    key, number = report_request_id, 1
    while key in book.requests:
        number += 1
        key = f"{report_request_id}#{number}"
    return key


def is_metadata(request: ReportRequest) -> bool:
    """Whether the catalogue itself is asked for."""
    return request.report_specifier.report_specifier_id == METADATA


def check(book: Book, request: ReportRequest, now: datetime) -> Optional[Bad]:
    """T14: the response code and the reason why a request cannot be served; None if it can."""
    if is_metadata(request):
        return None
    wanted = request.report_specifier
    offered = {
        key[1]: point
        for key, point in book.catalogue.by_key.items()
        if key[0] == wanted.report_specifier_id
    }
    if not offered:
        return "452", f"reportSpecifierID {wanted.report_specifier_id} is not offered"
    if not request.report_request_id:
        return "452", "a request has no reportRequestID"
    if not _within_the_calendar(book, request, now):
        return "454", f"the times of {request.report_request_id} lie beyond the calendar"
    for payload in wanted.specifier_payloads:
        point = offered.get(payload.r_id)
        if point is None:
            return "452", f"rID {payload.r_id} is not in {wanted.report_specifier_id}"
        if book.settings.strict and payload.reading_type != point.reading_type:
            return (
                "461",
                f"rID {payload.r_id} is offered as {point.reading_type}, not as "
                f"{payload.reading_type}",
            )
        unfit = _unfit(point, wanted.granularity or NONE, book.settings.strict)
        if not unfit and is_past(request, now) and not point.ranged:
            unfit = f"rID {point.r_id} has no values of the past"
        if unfit:
            return "461", unfit
    return None


def _within_the_calendar(book: Book, request: ReportRequest, now: datetime) -> bool:
    """Whether the moments that a request leads to can be reckoned with at all."""
    try:
        state = started(book, request, now)
        latest = (state.due or now) + 2 * state.back + JITTER_CAP
        return latest.tzinfo is not None
    except OverflowError:
        return False


def is_past(request: ReportRequest, now: datetime) -> bool:
    """Whether the wanted span lies wholly in the past: history, which only a range callback can
    give.
    """
    span = request.report_specifier.report_interval
    return span is not None and bool(span.duration) and span.dtstart + span.duration <= now


def _unfit(point: DataPoint, granularity: timedelta, strict: bool) -> str:
    """Zero means as available; coarser than offered is served, except in strict mode."""
    rate = point.sampling_rate
    if granularity and granularity < rate.min_period:
        return (
            f"rID {point.r_id} is offered every {rate.min_period} at the fastest, not every "
            f"{granularity}"
        )
    if strict and granularity > rate.max_period:
        return (
            f"rID {point.r_id} is offered every {rate.max_period} at the slowest, not every "
            f"{granularity}"
        )
    return ""


def started(book: Book, request: ReportRequest, now: datetime) -> RequestState:
    """What a request means: the table of docs/protocol/reports.rst, as a state."""
    wanted = request.report_specifier
    step, back = wanted.granularity or NONE, wanted.report_back_duration or NONE
    back = max(back, SHORTEST_BACK) if back else back
    r_ids = tuple(dict.fromkeys(payload.r_id for payload in wanted.specifier_payloads)) or tuple(
        r_id for specifier, r_id in book.catalogue.by_key if specifier == wanted.report_specifier_id
    )
    span = wanted.report_interval
    start = span.dtstart if span is not None else None
    end = span.dtstart + span.duration if span is not None and span.duration else None
    if span is not None and end is None and not back and step:
        back = step  # the row that is 'not meaningful'
    kind = _kind(end, step, back, now)
    state = RequestState(
        report_request_id=request.report_request_id,
        specifier=wanted.report_specifier_id,
        r_ids=r_ids,
        kind=kind,
        granularity=step,
        back=back,
        created=now,
        origin=start or EPOCH,
        end=end if kind != ONCE else None,
        start=start if start is not None and start > now else None,
        last=_known_values(book, wanted.report_specifier_id, r_ids),
    )
    return _planned(book, state, now)


def _known_values(book: Book, specifier: str, r_ids: Iterable[str]) -> dict[str, str]:
    """What is known of the data points already: the value that stands in for one that is missing
    (T19).
    """
    found = ((r_id, book.known.get(point_key((specifier, r_id)))) for r_id in r_ids)
    return {r_id: value.entry for r_id, value in found if value is not None}


def _kind(end: Optional[datetime], step: timedelta, back: timedelta, now: datetime) -> str:
    if end is not None and (not back or end <= now):
        return BLOCK
    if not back:
        return ONCE
    return PERIODIC if step else CHANGE


def _planned(book: Book, state: RequestState, now: datetime) -> RequestState:
    """With the first delivery: right away, at the end of a block, or at the first delivery time of
    the raster (T17).
    """
    if state.kind == ONCE:
        moment = state.start or now
        return replace(state, origin=moment.replace(microsecond=0), due=moment)
    if state.kind == BLOCK:
        return replace(state, due=state.end)
    due = following(state.origin, state.back, max(now, state.start or now))
    spread = (
        min(state.back * JITTER, JITTER_CAP) * book.chance.random()
        if book.settings.allow_jitter
        else NONE
    )
    asked_from = max(state.start, due - state.back) if state.start is not None else due - state.back
    return replace(
        state,
        due=due if state.end is None else min(due, state.end),
        jitter=spread,
        covered=dict.fromkeys(_ranged(book, state), asked_from),
    )


def _ranged(book: Book, state: RequestState) -> Iterable[str]:
    points = ((r_id, book.catalogue.by_key.get((state.specifier, r_id))) for r_id in state.r_ids)
    return (r_id for r_id, point in points if point is not None and point.ranged)
