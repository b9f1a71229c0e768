"""Delivery: samples that are due become one message, which is sent again identically until it is
acknowledged (T26). Steps only.

One message is under way at a time. What becomes due meanwhile waits as rows, so that after an
outage many intervals, of several requests, share a message (T24), oldest first (T23), within
``MOST_VALUES``. A message that was refused waits to be sent again, and with it the request that it
is about; others go on. Rows are taken from the front of the book's index: the work grows with what
goes into the message, not with what waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Optional

from ....points.dated_samples import sent_moments
from ....points.range_queries import ranged_points, waits_for
from ....points.tables import (
    collecting_requests,
    dated_key,
    forget_request,
    open_samplings,
    running_requests,
    runs_of,
)
from ....points.timing import boundary, next_due
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome
from ....state.replacement import replace
from ....state.reports import BLOCK, CATALOGUE, ONCE, RequestState
from ...state.book import Book
from ...state.deliveries import Delivery, Part
from .endings import successors
from .report_part import report_part
from .waiting_rows import Ready, oldest_moments, without_taken

MOST_INTERVALS, MOST_VALUES = 1000, 5000
"""How much one message holds, at most; one interval always fits. That is below 1 MB, which many
servers take for a limit.
"""


# --- what is due ----------------------------------------------------------------------------------


def due_requests(book: Book, now: datetime) -> list[Ready]:
    """The requests whose delivery time has come, the longest due first. One whose acknowledgement
    is still owed waits for that (T16), one of which a message was refused for that message to be
    sent again; neither holds up another.
    """
    owed = {key for answer in book.answers.values() for key in answer.requests}
    refused = _refused_requests(book, now)
    found = [
        Ready(key, request, boundary(request, now))
        for key, request in running_requests(book)
        if request.kind != CATALOGUE
        and request.due is not None
        and request.due + request.jitter <= now
        and key not in owed
        and key not in refused
    ]
    return sorted(found, key=lambda ready: ready.request.due or now)


def ready_requests(book: Book, now: datetime) -> list[Ready]:
    """Those of them that wait for nothing any more."""
    awaited = collecting_requests(book)
    return [
        one
        for one in due_requests(book, now)
        if not (_takes_all(one.request) and one.key in awaited)
        and not waits_for(book, one.key, one.request, now)
    ]


def _takes_all(request: RequestState) -> bool:
    """Whether its report holds what is being collected, and waits for it."""
    return request.prompt or request.kind in (ONCE, BLOCK)


def find_unwritten(book: Book, found: Iterable[Ready]) -> frozenset[str]:
    """The periodic requests among ``found`` that have values of before their boundary not yet in a
    row.
    """
    samplings = open_samplings(book)
    return frozenset(
        one.key
        for one in found
        if not _takes_all(one.request)
        and any(one.key in each.requests and each.moment < one.until for each in samplings)
    )


def is_under_way(book: Book, now: datetime) -> bool:
    """Whether a message waits for its acknowledgement (those that were refused do not count until
    they are sent again, parked ones never).
    """
    return any(
        not delivery.parked and not _is_waiting(delivery, now)
        for delivery in book.deliveries.values()
    )


def _refused_requests(book: Book, now: datetime) -> set[str]:
    """The requests of which a message was refused, and waits to be sent again."""
    return {
        part.request
        for delivery in book.deliveries.values()
        if not delivery.parked and _is_waiting(delivery, now)
        for part in delivery.parts
    }


def _is_waiting(delivery: Delivery, now: datetime) -> bool:
    """Whether it was refused, and is not to be sent again yet."""
    return delivery.retry_at is not None and delivery.retry_at > now


# --- the next message -----------------------------------------------------------------------------


def compose_message(book: Book, now: datetime, found: list[Ready]) -> Outcome:
    """Make the next message of what is due, and plan the next deliveries of its requests."""
    if not found:
        return NOTHING
    inherited = successors(book)
    parts: list[Part] = []
    changes: list[Change] = []
    silent: list[str] = []
    for one in found:
        most = _share(one, len(found))
        moments = oldest_moments(book, one, inherited.get(one.key, {}), most + 1, now)
        taken, is_rest = moments[:most], len(moments) > most
        part, last = report_part(book, one, taken)
        changes += without_taken(book, taken)
        if part is not None:
            parts.append(part)
            changes += _note_sent(book, one, part)
        elif not is_rest:
            silent.append(one.request.report_request_id)
        changes += _plan(book, one, part, last, is_rest)
    if parts:
        changes.append(_message(book, found, parts, now))
    return Outcome(changes=tuple(changes), notes=_note_silence(found, silent))


def _share(one: Ready, requests: int) -> int:
    """How many intervals of a request fit into its share of a message."""
    values = max(1, MOST_VALUES // requests) // max(1, len(one.request.r_ids))
    return max(1, min(max(1, MOST_INTERVALS // requests), values))


def _message(book: Book, found: list[Ready], parts: list[Part], now: datetime) -> Change:
    key = book.next_key()
    delivery = Delivery(
        book.request_id(f"delivery {key}"),
        now.replace(microsecond=0),
        book.registration.ven_id,
        tuple(parts),
        singly=any(one.request.singly for one in found),
    )
    return Change("deliveries", key, delivery)


# --- the request afterwards -----------------------------------------------------------------------


def _plan(
    book: Book, one: Ready, part: Optional[Part], last: dict[str, str], is_rest: bool
) -> tuple[Change, ...]:
    """The request with its next delivery; gone when the last one had nothing to send."""
    following = one.request.due if is_rest else next_due(one.request, one.until)
    if following is None and part is None and not _is_in_outbox(book, one.key):
        return forget_request(book, one.key)
    planned = replace(
        one.request,
        due=following,
        last=last,
        runs=runs_of(book, one.key, one.request),
        covered=_next_covered(book, one, part),
    )
    return (Change("requests", one.key, planned),)


def _is_in_outbox(book: Book, key: str) -> bool:
    return any(
        part.request == key for delivery in book.deliveries.values() for part in delivery.parts
    )


def _dated_points(book: Book, one: Ready) -> list[str]:
    """The data points of a request that gave samples with times of their own."""
    return [r_id for r_id in one.request.r_ids if dated_key(one.key, r_id) in book.dated]


def _next_covered(book: Book, one: Ready, part: Optional[Part]) -> dict[str, datetime]:
    """Also how far data points with times of their own have been sent, for the time after a
    restart.
    """
    if part is None:
        return one.request.covered
    ranged = {point.r_id for point in ranged_points(book, one.request)}
    dated = [r_id for r_id in _dated_points(book, one) if r_id not in ranged]
    return {**one.request.covered, **dict.fromkeys(dated, part.rows[-1][0])}


def _note_sent(book: Book, one: Ready, part: Part) -> tuple[Change, ...]:
    """Which moments were sent, where samples may come with times of their own or from a range."""
    mixed = len(part.r_ids) > 1 and ranged_points(book, one.request)
    if not mixed and not _dated_points(book, one):
        return ()
    sent = sent_moments(book, one.key).with_all(at for at, _ in part.rows)
    return (Change("sent", one.key, sent),)


def _note_silence(found: list[Ready], silent: list[str]) -> tuple[Note, ...]:
    names = [
        one.request.report_request_id
        for one in found
        if one.request.kind in (ONCE, BLOCK) and one.request.report_request_id in silent
    ]
    return tuple(
        Note(
            f"Report request {name} ends without a report: none of its callbacks had a value.",
            logging.WARNING,
        )
        for name in names
    )
