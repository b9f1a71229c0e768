"""Delivery: samples that are due become one message, which is sent again identically until it is
acknowledged (T26). Steps only.

One message is under way at a time. What becomes due meanwhile waits as rows, so that after an
outage many intervals, of several requests, share a message (T24), oldest first (T23), within
``MOST_VALUES``. Rows are taken from the front of the book's index: the work grows with what goes
into the message, not with what waits.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Optional

from ....points.dated import sent_moments
from ....points.entries import is_value, pack, unpack
from ....points.placeholders import fill, has_spans
from ....points.range_queries import ranged_points, waits_for
from ....points.sampling import spacing_of
from ....points.tables import (
    collecting,
    dated_key,
    forget_request,
    open_samplings,
    row_key,
    running,
    runs_of,
)
from ....points.timing import INSTANT, begin_of, boundary, floor, next_due
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome
from ....state.reports import BLOCK, CATALOGUE, CHANGE, ONCE, RequestState, SampleRow
from ...state.book import Book
from ...state.deliveries import Delivery, Part
from .endings import successors

MOST_INTERVALS, MOST_VALUES = 1000, 5000
"""How much one message holds, at most; one interval always fits. That is below 1 MB, which many
servers take for a limit.
"""


class Ready(NamedTuple):
    """A request whose delivery is due, and the moment before which samples belong to it."""

    key: str
    request: RequestState
    until: datetime


class Source(NamedTuple):
    """A stored row, and the data points of it that a request takes."""

    at: datetime
    order: int
    key: str
    row: SampleRow
    points: tuple[str, ...]


Moment = tuple[datetime, list[Source]]


# --- what is due ----------------------------------------------------------------------------------


def due_requests(book: Book, now: datetime) -> list[Ready]:
    """The requests whose delivery time has come, the longest due first."""
    found = [
        Ready(key, request, boundary(request, now))
        for key, request in running(book)
        if request.kind != CATALOGUE
        and request.due is not None
        and request.due + request.jitter <= now
    ]
    return sorted(found, key=lambda ready: ready.request.due or now)


def ready_requests(book: Book, now: datetime) -> list[Ready]:
    """Those of them that wait for nothing any more."""
    awaited = collecting(book)
    return [
        one
        for one in due_requests(book, now)
        if not (_takes_all(one.request) and one.key in awaited)
        and not waits_for(book, one.key, one.request, now)
    ]


def _takes_all(request: RequestState) -> bool:
    """Whether its report holds what is being collected, and waits for it."""
    return request.prompt or request.kind in (ONCE, BLOCK)


def unwritten(book: Book, found: Iterable[Ready]) -> frozenset[str]:
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


def is_under_way(book: Book) -> bool:
    """Whether a message waits for its acknowledgement (parked ones do not count)."""
    return any(not delivery.parked for delivery in book.deliveries.values())


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
        moments = _oldest(book, one, inherited.get(one.key, {}), most + 1, now)
        taken, is_rest = moments[:most], len(moments) > most
        part, last = _part(book, one, taken)
        changes += _without(book, taken)
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


# --- rows -----------------------------------------------------------------------------------------


def _oldest(
    book: Book, one: Ready, inherited: dict[str, tuple[str, ...]], most: int, now: datetime
) -> list[Moment]:
    """Up to ``most`` moments of a request with their rows, oldest first: its own, and those that it
    takes over from requests that ended.
    """
    streams = [_own_rows(book, one, now)]
    streams += [
        _rows(book, key, points, order + 1) for order, (key, points) in enumerate(inherited.items())
    ]
    found: list[Moment] = []
    for source in heapq.merge(*streams):
        if found and found[-1][0] == source.at:
            found[-1][1].append(source)
        elif len(found) == most:
            break
        else:
            found.append((source.at, [source]))
    return found


def _rows(book: Book, key: str, points: tuple[str, ...], order: int) -> Iterator[Source]:
    for name in book.sample_rows.keys(key):
        row = book.samples[name]
        yield Source(row.at, order, name, row, points)


def _own_rows(book: Book, one: Ready, now: datetime) -> Iterator[Source]:
    """The rows of before the boundary. One whose time is yet to come (a device's clock is ahead, or
    ours was) belongs to no later delivery either; those between have the next.
    """
    newest = book.sample_rows.newest(one.key)
    is_ahead = newest is not None and book.samples[newest].at > now
    for source in _rows(book, one.key, one.request.r_ids, 0):
        if source.at < one.until or source.at > now or one.request.kind == ONCE:
            yield source
        elif not is_ahead:
            return


def _without(book: Book, taken: list[Moment]) -> list[Change]:
    """Remove what was taken from the stored rows. Other data points of a row move to a request of
    their own that ended as well: they wait for their own successor.
    """
    changes: list[Change] = []
    holders: dict[tuple[str, tuple[str, ...]], str] = {}
    for _, sources in taken:
        for source in sources:
            changes.append(Change("samples", source.key, None))
            left = _left_over(book, source)
            if left is not None:
                key = (source.row.request, source.points)
                if key not in holders:
                    holders[key], change = _holder_of_rest(book, *key)
                    changes.append(change)
                row = replace(left, request=holders[key])
                changes.append(Change("samples", row_key(row.request, row.at), row))
    return changes


def _left_over(book: Book, source: Source) -> Optional[SampleRow]:
    """What a request does not take of a row, in the order of the rIDs that are left."""
    pairs = zip(book.requests[source.row.request].r_ids, unpack(source.row.entries))
    left = [entry for r_id, entry in pairs if r_id not in source.points]
    return replace(source.row, entries=pack(left)) if any(left) else None


def _holder_of_rest(book: Book, key: str, points: tuple[str, ...]) -> tuple[str, Change]:
    """The request, ended too, that holds the data points of ``key`` which are not in ``points``."""
    ended = book.requests[key]
    r_ids = tuple(r_id for r_id in ended.r_ids if r_id not in points)
    name, number = f"{key}#rest", 1
    while name in book.requests and book.requests[name].r_ids != r_ids:
        number += 1
        name = f"{key}#rest{number}"
    return name, Change("requests", name, book.requests.get(name) or replace(ended, r_ids=r_ids))


# --- one report -----------------------------------------------------------------------------------


def _part(book: Book, one: Ready, moments: list[Moment]) -> tuple[Optional[Part], dict[str, str]]:
    """T19: the moments with a value or a placeholder for every data point; and the last value of
    each. A report that is due goes out, be it with placeholders only.
    """
    request = one.request
    last = dict(request.last)
    rows = []
    for at, sources in moments:
        values = _values(book, sources)
        last.update((r_id, value) for r_id, value in values.items() if is_value(value))
        row = fill(book, request, values, last)
        if any(values.values()) or all(source.row.request == one.key for source in sources):
            rows += [(at, row)] if row.strip("\t") else []
    if not moments:
        rows = _without_samples(book, one, last)
    if not rows:
        return None, last
    part = Part(
        one.key,
        request.report_request_id,
        request.specifier,
        _report_name(book, request),
        request.r_ids,
        request.granularity,
        tuple(rows),
        spans=has_spans(book, request),
    )
    return part, last


def _without_samples(book: Book, one: Ready, last: dict[str, str]) -> list[tuple[datetime, str]]:
    """The only interval of a report for which nothing was sampled; none where all gaps are left
    out.
    """
    moment = _moment_of(book, one)
    row = fill(book, one.request, {}, last, is_quiet=one.request.kind == CHANGE)
    return [] if moment is None or not row.strip("\t") else [(moment, row)]


def _moment_of(book: Book, one: Ready) -> Optional[datetime]:
    """The moment of a report without samples: the last one of its period that was to be sampled;
    None where that was before the request began.
    """
    request = one.request
    if request.kind in (ONCE, BLOCK):
        return request.origin
    spacing = request.granularity or spacing_of(book, request) or request.back
    moment = floor(request.origin, spacing, one.until - INSTANT)
    return moment if moment >= begin_of(request) else None


def _values(book: Book, sources: list[Source]) -> dict[str, str]:
    """What is known of one moment; the request's own row goes before one that it takes over."""
    values: dict[str, str] = {}
    for source in sources:
        r_ids = book.requests[source.row.request].r_ids
        for r_id, entry in zip(r_ids, unpack(source.row.entries)):
            if entry and r_id in source.points:
                values.setdefault(r_id, entry)
    return values


def _report_name(book: Book, request: RequestState) -> str:
    """T20: the name of the data report."""
    return next(
        (
            point.report_name
            for key, point in book.catalogue.by_key.items()
            if key[0] == request.specifier
        ),
        "TELEMETRY_USAGE",
    )


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
        covered=_covered(book, one, part),
    )
    return (Change("requests", one.key, planned),)


def _is_in_outbox(book: Book, key: str) -> bool:
    return any(
        part.request == key for delivery in book.deliveries.values() for part in delivery.parts
    )


def _dated_points(book: Book, one: Ready) -> list[str]:
    """The data points of a request that gave samples with times of their own."""
    return [r_id for r_id in one.request.r_ids if dated_key(one.key, r_id) in book.dated]


def _covered(book: Book, one: Ready, part: Optional[Part]) -> dict[str, datetime]:
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
