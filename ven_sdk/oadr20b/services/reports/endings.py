"""Requests end: cancelled (T28 to T31), refused by the VTN (T25), or with their registration (R7,
T10). Steps only.

A request that ends while it has samples that nobody acknowledged keeps its row, marked ``ended``:
the samples stay where they are, and go out under the next request that names their data points.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ....state.outcome import NOTHING, Change, Note, Outcome
from ....state.reports import ASKED, CHANGE, PERIODIC, RequestState
from ...schema.reports import CanceledReport, CancelReport
from .. import answers
from .tables import forgotten, row_key, running, soon, thawed, ticks

if TYPE_CHECKING:
    from ....state.book import Book


def cancel(book: Book, message: CancelReport, now: datetime, piggybacked: bool = False) -> Outcome:
    """T28 to T31: several IDs, all or none; with reportToFollow one last report at its time;
    piggy-backed: no answer.
    """
    known = {request.report_request_id: key for key, request in running(book)}
    unknown = [wanted for wanted in message.report_request_ids if wanted not in known]
    keys = () if unknown else tuple(known[wanted] for wanted in message.report_request_ids)
    outcome = (
        _last_report(book, keys) if message.report_to_follow else dropped(book, keys)
    ) + soon(now)
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
    return outcome + answers.owe(book, record, now)


def _last_report(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: the request ends with its next delivery; it stays pending until that is out."""
    found = ((key, book.requests[key]) for key in keys)
    return Outcome(
        changes=tuple(
            Change("requests", key, replace(request, end=request.due))
            for key, request in found
            if request.due is not None and request.kind in (PERIODIC, CHANGE)
        )
    )


def dropped(book: Book, keys: Iterable[str]) -> Outcome:
    """T29: nothing of these requests is sent any more; what was collected for them alone goes."""
    gone = frozenset(keys)
    if not gone:
        return NOTHING
    changes: list[Change] = []
    for key in gone:
        changes += forgotten(book, key)
    changes += [
        Change("samples", key, None) for key, row in book.samples.items() if row.request in gone
    ]
    return Outcome(changes=(*changes, *stripped(book, gone)))


def stripped(book: Book, gone: frozenset[str]) -> tuple[Change, ...]:
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
    return own + end(book, frozenset(key for key, _ in running(book)), now)


def end(book: Book, keys: frozenset[str], now: datetime) -> Outcome:
    """End requests and keep their samples, those in messages not acknowledged included."""
    if not keys:
        return NOTHING
    rows = list(thawed(book.deliveries.values(), keys))
    holders = {row.request for row in rows} | {
        row.request for row in book.samples.values() if row.request in keys
    }
    holders.update(key for _, tick in ticks(book) if not tick.flushed for key in tick.requests)
    changes: list[Change] = [
        *stripped(book, keys),
        *(Change("samples", row_key(row.request, row.at), row) for row in rows),
    ]
    for key in keys:
        if key in holders or _is_pushed(book, book.requests[key]):
            changes.append(
                Change("requests", key, replace(book.requests[key], ended=now, due=None))
            )
        else:
            changes += forgotten(book, key)
    return Outcome(changes=tuple(changes)) + soon(now)


def _is_pushed(book: Book, request: RequestState) -> bool:
    """Whether values are pushed for it, also while no request runs."""
    found = (book.catalogue.by_key.get((request.specifier, r_id)) for r_id in request.r_ids)
    return any(point is not None and point.callback is None for point in found)


def heirs(book: Book) -> dict[str, dict[str, str]]:
    """For every ended request: the running request that takes over each of its data points.

    One with the same spacing goes first, then the one that came first; so several requests at
    different rates each find their own again.
    """
    found: dict[str, dict[str, str]] = {}
    for old_key, old in book.requests.items():
        if old.ended is None or old.kind == ASKED:
            continue
        ranked = sorted(
            (item for item in running(book) if _may_inherit(item[1], old)),
            key=lambda item: (
                item[1].granularity != old.granularity,
                item[1].back != old.back,
                item[1].r_ids != old.r_ids,
            ),
        )
        found[old_key] = {
            r_id: key
            for key, request in reversed(ranked)
            for r_id in request.r_ids
            if r_id in old.r_ids
        }
    return found


def _may_inherit(request: RequestState, old: RequestState) -> bool:
    """A one-shot or a block has a time of its own, so samples of other times have no place in
    it.
    """
    return request.specifier == old.specifier and (
        request.kind in (PERIODIC, CHANGE) or request.kind == old.kind
    )
