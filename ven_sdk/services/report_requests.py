"""Requests for reports: accepted all or none (T11 to T15), cancelled (T28 to T31), forgotten with a registration (R7).

A request that ends while it has samples that nobody acknowledged keeps its row, marked ``ended``: the samples stay where
they are, and go out under the next request that names their data points (``report_delivery``).
"""
from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from ..schema.reports import CanceledReport, CancelReport, CreatedReport, CreateReport, RegisteredReport, ReportRequest
from ..state.outcome import NOTHING, Change, Note, Outcome
from ..state.reports import ASKED, BLOCK, CHANGE, ONCE, PERIODIC, RequestState
from . import answers
from .report_ledger import forgotten, row_key, running, soon, thawed
from .report_points import DataPoint
from .report_raster import EPOCH, NONE, following

if TYPE_CHECKING:
    from ..state.book import Book

METADATA = "METADATA"
JITTER, JITTER_CAP = 0.1, timedelta(minutes=5)
Bad = Tuple[str, str]


# --- requests come ------------------------------------------------------------------------------------------------

def requested(book: Book, message: CreateReport, now: datetime) -> Outcome:
    """T8, T9, T11: the answer first; a METADATA request among them has the catalogue sent again after it."""
    outcome, accepted = accept(book, message.report_requests, message.request_id, now)
    wanted = [request.report_request_id for request in message.report_requests if is_metadata(request)]
    if not wanted or not accepted:
        return outcome
    from . import registration
    return outcome + registration.catalogue_wanted(book, wanted[-1])


def registered(book: Book, reply: Optional[RegisteredReport], now: datetime) -> Outcome:
    """T10, T12: the VTN has the catalogue; requests that came with its answer get one oadrCreatedReport.

    A catalogue that is not the one it had ends the requests of before. The VTN may ask for METADATA in the very answer to
    it: that is fulfilled already.
    """
    renewed = book.registration.catalogue != book.catalogue.digest()
    ended = frozenset(key for key, _ in running(book)) if renewed else frozenset()
    outcome = end(book, ended, now)
    if reply is None or not reply.report_requests:
        return outcome
    request_id = reply.response.request_id or book.request_ids.get("register report", "")
    return outcome + accept(book, reply.report_requests, request_id, now, ended)[0]


def accept(book: Book, requests: Sequence[ReportRequest], request_id: str, now: datetime,
           ended: FrozenSet[str] = frozenset()) -> Tuple[Outcome, bool]:
    """T13: start all of ``requests``, or none if one is bad; owe the oadrCreatedReport either way (T11, G6, G10).

    ``ended`` are keys of requests that end in the same step.
    """
    bad = next((found for found in (check(book, request, now) for request in requests) if found), None)
    ran = {key: request.report_request_id for key, request in running(book) if key not in ended}
    if bad is not None:
        code, why = bad
        note = Note(f"The VTN asked for a report that this VEN cannot give; it was answered with code {code}: {why}.",
                    logging.WARNING, once=f"request refused {why}")
        return _answer(book, request_id, tuple(ran.values()), now, code, why) + Outcome(notes=(note,)), False
    made = {request.report_request_id: started(book, request, now) for request in requests if not is_metadata(request)}
    replaced = frozenset(key for key, running_id in ran.items() if running_id in made)               # T15
    pending = (*(running_id for key, running_id in ran.items() if key not in replaced), *made)
    changes = tuple(Change("requests", _free_key(book, state.report_request_id), state) for state in made.values())
    return (end(book, replaced, now) + Outcome(changes=changes) + _answer(book, request_id, pending, now)
            + (soon(now) if made else NOTHING)), True


def _answer(book: Book, request_id: str, pending: Tuple[str, ...], now: datetime, code: str = "200",
            why: Optional[str] = None) -> Outcome:
    record = CreatedReport(response=answers.response(code, request_id, why), pending_reports=pending,
                           ven_id=book.registration.ven_id)
    return answers.owe(book, record, now)


def _free_key(book: Book, report_request_id: str) -> str:
    """A key for a request; ended ones of the same reportRequestID may still have samples (T15, G7)."""
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
    offered = {key[1]: point for key, point in book.catalogue.by_key.items() if key[0] == wanted.report_specifier_id}
    if not offered:
        return "452", f"reportSpecifierID {wanted.report_specifier_id} is not offered"
    if not request.report_request_id:
        return "452", "a request has no reportRequestID"
    for payload in wanted.specifier_payloads:
        point = offered.get(payload.r_id)
        if point is None:
            return "452", f"rID {payload.r_id} is not in {wanted.report_specifier_id}"
        if book.settings.strict and payload.reading_type != point.reading_type:
            return "461", f"rID {payload.r_id} is offered as {point.reading_type}, not as {payload.reading_type}"
        unfit = _unfit(point, wanted.granularity or NONE, book.settings.strict)
        if not unfit and is_past(request, now) and not point.ranged:
            unfit = f"rID {point.r_id} has no values of the past"
        if unfit:
            return "461", unfit
    return None


def is_past(request: ReportRequest, now: datetime) -> bool:
    """Whether the wanted span lies wholly in the past: history, which only a range callback can give."""
    span = request.report_specifier.report_interval
    return span is not None and bool(span.duration) and span.dtstart + span.duration <= now


def _unfit(point: DataPoint, granularity: timedelta, strict: bool) -> str:
    """Zero means as available; coarser than offered is served, except in strict mode."""
    rate = point.sampling_rate
    if granularity and granularity < rate.min_period:
        return f"rID {point.r_id} is offered every {rate.min_period} at the fastest, not every {granularity}"
    if strict and granularity > rate.max_period:
        return f"rID {point.r_id} is offered every {rate.max_period} at the slowest, not every {granularity}"
    return ""


def started(book: Book, request: ReportRequest, now: datetime) -> RequestState:
    """What a request means: the table of rules.md ('What to deliver'), as a state."""
    wanted = request.report_specifier
    step, back = wanted.granularity or NONE, wanted.report_back_duration or NONE
    r_ids = tuple(dict.fromkeys(payload.r_id for payload in wanted.specifier_payloads)) or tuple(
        r_id for specifier, r_id in book.catalogue.by_key if specifier == wanted.report_specifier_id)
    span = wanted.report_interval
    start = span.dtstart if span is not None else None
    end = span.dtstart + span.duration if span is not None and span.duration else None
    if span is not None and end is None and not back and step:
        back = step                                                          # the row that is 'not meaningful'
    kind = _kind(span is not None, start, end, step, back, now)
    state = RequestState(
        report_request_id=request.report_request_id, specifier=wanted.report_specifier_id, r_ids=r_ids, kind=kind,
        granularity=step, back=back, created=now, origin=start or EPOCH, end=end if kind != ONCE else None,
        start=start if start is not None and start > now else None)
    return _planned(book, state, now)


def _kind(spanned: bool, start: Optional[datetime], end: Optional[datetime], step: timedelta, back: timedelta,
          now: datetime) -> str:
    if end is not None and (not back or end <= now):
        return BLOCK
    if not back:
        return ONCE
    return PERIODIC if step else CHANGE


def _planned(book: Book, state: RequestState, now: datetime) -> RequestState:
    """With the first delivery: right away, at the end of a block, or at the first delivery time of the raster (T17)."""
    if state.kind == ONCE:
        moment = state.start or now
        whole = moment.replace(microsecond=0)
        return replace(state, origin=moment if row_key(state.report_request_id, whole) in book.samples else whole, due=moment)
    if state.kind == BLOCK:
        return replace(state, due=state.end)
    due = following(state.origin, state.back, max(now, state.start or now))
    spread = min(state.back * JITTER, JITTER_CAP) * book.chance.random() if book.settings.allow_jitter else NONE
    asked_from = max(state.start, due - state.back) if state.start is not None else due - state.back
    return replace(state, due=due if state.end is None else min(due, state.end), jitter=spread,
                   covered=dict.fromkeys(_ranged(book, state), asked_from))


def _ranged(book: Book, state: RequestState) -> Iterable[str]:
    points = ((r_id, book.catalogue.by_key.get((state.specifier, r_id))) for r_id in state.r_ids)
    return (r_id for r_id, point in points if point is not None and point.ranged)


# --- requests end -------------------------------------------------------------------------------------------------

def cancel(book: Book, message: CancelReport, now: datetime, piggybacked: bool = False) -> Outcome:
    """T28 to T31: several IDs, all or none; with reportToFollow one last report at its time; piggy-backed: no answer."""
    known = {request.report_request_id: key for key, request in running(book)}
    unknown = [wanted for wanted in message.report_request_ids if wanted not in known]
    keys = () if unknown else tuple(known[wanted] for wanted in message.report_request_ids)
    outcome = (_last_report(book, keys) if message.report_to_follow else dropped(book, keys)) + soon(now)
    gone = frozenset() if message.report_to_follow else frozenset(keys)
    left = tuple(request_id for request_id, key in known.items() if key not in gone)
    if unknown and piggybacked:
        outcome += Outcome(notes=(Note(f"The VTN cancelled reports that do not run: {', '.join(unknown)}.", logging.WARNING),))
    if piggybacked:
        return outcome
    why = f"reportRequestID {', '.join(unknown)} is not known" if unknown else None
    record = CanceledReport(response=answers.response("452" if unknown else "200", message.request_id, why),
                            pending_reports=left, ven_id=book.registration.ven_id)
    return outcome + answers.owe(book, record, now)


def _last_report(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: the request ends with its next delivery; it stays pending until that is out."""
    found = ((key, book.requests[key]) for key in keys)
    return Outcome(changes=tuple(Change("requests", key, replace(request, end=request.due)) for key, request in found
                                 if request.due is not None and request.kind in (PERIODIC, CHANGE)))


def dropped(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: nothing of these requests is sent any more; what was collected for them alone goes."""
    gone = frozenset(keys)
    if not gone:
        return NOTHING
    changes: List[Change] = []
    for key in gone:
        changes += forgotten(book, key)
    changes += [Change("samples", key, None) for key, row in book.samples.items() if row.request in gone]
    return Outcome(changes=(*changes, *stripped(book, gone)))


def stripped(book: Book, gone: FrozenSet[str]) -> Tuple[Change, ...]:
    """The messages in the outbox without the reports of ``gone``."""
    changes = []
    for key, delivery in book.deliveries.items():
        parts = tuple(part for part in delivery.parts if part.request not in gone)
        if len(parts) < len(delivery.parts):
            changes.append(Change("deliveries", key, replace(delivery, parts=parts) if parts else None))
    return tuple(changes)


def forget_requests(book: Book, now: datetime) -> Outcome:
    """R7: the requests ran under a registration that is gone. Their samples wait for requests of the new one."""
    own = Outcome(changes=tuple(Change("requests", key, None) for key, request in book.requests.items()
                                if request.kind == ASKED))
    return own + end(book, frozenset(key for key, _ in running(book)), now)


def end(book: Book, keys: FrozenSet[str], now: datetime) -> Outcome:
    """End requests and keep their samples, those in messages not acknowledged included."""
    if not keys:
        return NOTHING
    rows = list(thawed(book.deliveries.values(), keys))
    holders = {row.request for row in rows} | {row.request for row in book.samples.values() if row.request in keys}
    changes: List[Change] = [*stripped(book, keys), *(Change("samples", row_key(row.request, row.at), row) for row in rows)]
    for key in keys:
        if key in holders or _is_pushed(book, book.requests[key]):
            changes.append(Change("requests", key, replace(book.requests[key], ended=now, due=None)))
        else:
            changes += forgotten(book, key)
    return Outcome(changes=tuple(changes)) + soon(now)


def _is_pushed(book: Book, request: RequestState) -> bool:
    """Whether values are pushed for it, also while no request runs."""
    found = (book.catalogue.by_key.get((request.specifier, r_id)) for r_id in request.r_ids)
    return any(point is not None and point.callback is None for point in found)


def heirs(book: Book) -> Dict[str, Dict[str, str]]:
    """For every ended request: the running request that takes over each of its data points.

    One with the same spacing goes first, then the one that came first; so several requests at different rates each find
    their own again.
    """
    found: Dict[str, Dict[str, str]] = {}
    for old_key, old in book.requests.items():
        if old.ended is None or old.kind == ASKED:
            continue
        ranked = sorted((item for item in running(book) if item[1].specifier == old.specifier),
                        key=lambda item: (item[1].granularity != old.granularity, item[1].back != old.back,
                                          item[1].r_ids != old.r_ids, item[1].kind in (ONCE, BLOCK)))
        found[old_key] = {r_id: key for key, request in reversed(ranked) for r_id in request.r_ids if r_id in old.r_ids}
    return found
