"""Requests end: cancelled (T28 to T31), refused by the VTN (T25), or with their registration (R7,
T10). Steps only.

A request that ends while it has samples that nobody acknowledged keeps its row, marked ``ended``:
the samples stay where they are, and go out under the next request that names their data points.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Optional

from ....points.entries import GAP, pack, unpack
from ....points.tables import (
    collecting_requests,
    forget_request,
    look_now,
    points_of,
    row_key,
    running_requests,
)
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome
from ....state.replacement import replace
from ....state.reports import ASKED, CHANGE, PERIODIC, RequestState, SampleRow
from ...schema.reports import CanceledReport, CancelReport
from ...state.book import Book
from ...state.deliveries import Delivery
from .. import answers


def cancel(book: Book, message: CancelReport, now: datetime, piggybacked: bool = False) -> Outcome:
    """T28 to T31: several IDs, all or none; with reportToFollow one last report at its time;
    piggy-backed: no answer.
    """
    known = {request.report_request_id: key for key, request in running_requests(book)}
    unknown = [wanted for wanted in message.report_request_ids if wanted not in known]
    keys = () if unknown else tuple(known[wanted] for wanted in message.report_request_ids)
    outcome = _last_report(book, keys) if message.report_to_follow else drop(book, keys)
    outcome += look_now(now)
    gone = frozenset() if message.report_to_follow else frozenset(keys)
    left = tuple(request_id for request_id, key in known.items() if key not in gone)
    if unknown and piggybacked:
        outcome += Outcome(
            notes=(
                Note(
                    f"The VTN cancelled reports that do not run: {', '.join(unknown)}.",
                    logging.WARNING,
                ),
            )
        )
    if piggybacked:
        return outcome
    why = f"reportRequestID {', '.join(unknown)} is not known" if unknown else None
    record = CanceledReport(
        response=answers.response("452" if unknown else "200", message.request_id, why),
        pending_reports=left,
        ven_id=book.registration.ven_id,
    )
    return outcome + answers.owe(book, record, now, requests=keys)


def _last_report(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: the request ends with its next delivery; it stays pending until that is out."""
    found = ((key, book.requests[key]) for key in keys)
    return Outcome(
        changes=tuple(
            Change("requests", key, replace(request, end=request.due, final=True))
            for key, request in found
            if request.due is not None and request.kind in (PERIODIC, CHANGE)
        )
    )


def drop(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: nothing of these requests is sent any more; what was collected for them alone goes."""
    gone = frozenset(keys)
    if not gone:
        return NOTHING
    changes: list[Change] = []
    for key in gone:
        changes += forget_request(book, key)
        changes += [Change("samples", name, None) for name in book.sample_rows.keys(key)]
    return Outcome(changes=(*changes, *without_reports(book, gone)))


def without_reports(book: Book, gone: frozenset[str]) -> tuple[Change, ...]:
    """The messages in the outbox without the reports of ``gone``."""
    changes = []
    for key, delivery in book.deliveries.items():
        parts = tuple(part for part in delivery.parts if part.request not in gone)
        if len(parts) < len(delivery.parts):
            changes.append(
                Change("deliveries", key, replace(delivery, parts=parts) if parts else None)
            )
    return tuple(changes)


def forget_requests(book: Book, now: datetime) -> Outcome:
    """R7: the requests ran under a registration that is gone. Their samples wait for requests of
    the new one.
    """
    own = Outcome(
        changes=tuple(
            Change("requests", key, None)
            for key, request in book.requests.items()
            if request.kind == ASKED
        )
    )
    return own + end_requests(book, frozenset(key for key, _ in running_requests(book)), now)


def end_requests(book: Book, keys: frozenset[str], now: datetime) -> Outcome:
    """End requests and keep their samples, those in messages not acknowledged included."""
    if not keys:
        return NOTHING
    rows = list(samples_in(book.deliveries.values(), keys))
    holders = {row.request for row in rows} | {key for key in keys if key in book.sample_rows}
    holders |= collecting_requests(book)
    changes: list[Change] = [
        *without_reports(book, keys),
        *(Change("samples", row_key(row.request, row.at), row) for row in rows),
    ]
    for key in keys:
        if key in holders or _is_pushed(book, book.requests[key]):
            changes.append(
                Change("requests", key, replace(book.requests[key], ended=now, due=None))
            )
        else:
            changes += forget_request(book, key)
    return Outcome(changes=tuple(changes)) + look_now(now)


def _is_pushed(book: Book, request: RequestState) -> bool:
    """Whether values are pushed for it, also while no request runs."""
    return any(point.callback is None for point in points_of(book, request))


def samples_in(deliveries: Iterable[Delivery], requests: frozenset[str]) -> Iterator[SampleRow]:
    """The samples of ``requests`` in messages that were made, without what was filled in for
    gaps.
    """
    for delivery in deliveries:
        for part in delivery.parts:
            if part.request in requests:
                for at, entries in part.rows:
                    real = ["" if entry.startswith(GAP) else entry for entry in unpack(entries)]
                    if any(real):
                        yield SampleRow(part.request, at, pack(real))


def successors(book: Book) -> dict[str, dict[str, tuple[str, ...]]]:
    """For every running request: the requests that ended whose samples it takes over, and of which
    data points.

    One with the same spacing goes first, then the one that came first; so several requests at
    different rates each find their own again.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for old_key, old in book.requests.items():
        if old.ended is None or old.kind == ASKED or old_key not in book.sample_rows:
            continue
        for r_id in old.r_ids:
            key = _successor(book, old, r_id)
            if key is not None:
                taken = found.setdefault(key, {})
                taken[old_key] = (*taken.get(old_key, ()), r_id)
    return found


def _successor(book: Book, old: RequestState, r_id: str) -> Optional[str]:
    """The running request that takes over a data point of one that ended."""
    fitting = [
        (key, request)
        for key, request in running_requests(book)
        if r_id in request.r_ids and _may_inherit(request, old)
    ]
    best = min(
        fitting,
        key=lambda item: (
            item[1].granularity != old.granularity,
            item[1].back != old.back,
            item[1].r_ids != old.r_ids,
        ),
        default=None,
    )
    return None if best is None else best[0]


def _may_inherit(request: RequestState, old: RequestState) -> bool:
    """A one-shot or a block has a time of its own, so samples of other times have no place in
    it.
    """
    return request.specifier == old.specifier and (
        request.kind in (PERIODIC, CHANGE) or request.kind == old.kind
    )
