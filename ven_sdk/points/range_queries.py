"""Range callbacks: mode ``full`` is asked once a delivery for what is new, history once for all
(docs/protocol/reports.rst, 'What a request asks for').

What a callback gives becomes rows in pieces, ``covered`` moves on with them in the same step, so a
crash loses nothing: the callback is asked again from there. One that failed or was late is asked
again, from the same moment. Steps only.
"""

from __future__ import annotations

import functools
import logging
from datetime import datetime, timedelta

from ..schema.points import DataPoint
from ..state.book import Book
from ..state.change import Change
from ..state.outcome import NOTHING, Call, NotCalled, Note, Outcome, Step
from ..state.replacement import replace
from ..state.reports import BLOCK, ONCE, RangeQuery, RequestState
from ..text import write_count
from .callbacks import Reader, gather
from .data_points import GREEN_BUTTON, STATUS
from .dated_samples import note_naive, sent_moments
from .entries import SampleBatch, read_feed, read_numbers, read_statuses
from .sampling import PATIENCE, Result
from .tables import (
    Rows,
    count,
    look_now,
    note_failure,
    point_key,
    points_of,
    query_key,
    running_requests,
)
from .timing import boundary

PIECE = 1000
"""Moments that one step writes down."""
AGAIN, MOST_TRIES = timedelta(minutes=1), 5
_READERS: dict[str, Reader] = {GREEN_BUTTON: read_feed, STATUS: read_statuses}


def ranged_points(book: Book, request: RequestState) -> list[DataPoint]:
    """The data points of a request whose callback is asked for a span."""
    return [point for point in points_of(book, request) if point.is_ranged]


def ask_due(book: Book, now: datetime) -> Outcome:
    """Ask the range callbacks of every request whose delivery is due."""
    outcome = NOTHING
    for key, request in running_requests(book):
        if request.due is None or request.due + request.jitter > now:
            continue
        until = request.origin if request.kind == ONCE else boundary(request, now)
        for point in ranged_points(book, request):
            outcome += _ask(book, key, request, point, until, now)
    return outcome


def _ask(
    book: Book, key: str, request: RequestState, point: DataPoint, until: datetime, now: datetime
) -> Outcome:
    start = _start(request, point, until)
    name = query_key(key, point.r_id)
    before = book.queries.get(name)
    if before is not None and not _may_retry(before, request, until, now):
        return NOTHING
    answered_once = request.kind == ONCE and point.r_id in request.covered
    if answered_once or start >= until or point_key(point.key) in book.busy:
        return NOTHING
    tries = before.tries + 1 if before is not None else 1
    query = RangeQuery(key, point.key, start, until, now, tries=tries)
    return Outcome(
        changes=(Change("queries", name, query), Change("busy", point_key(point.key), now)),
        calls=(_call(point, request, query, name),),
    )


def _may_retry(before: RangeQuery, request: RequestState, until: datetime, now: datetime) -> bool:
    """Whether a query that failed is due again, and may be."""
    given_up = before.tries >= MOST_TRIES and request.kind in (ONCE, BLOCK)
    return before.failed and not given_up and (now >= before.since + AGAIN or until > before.stop)


def _start(request: RequestState, point: DataPoint, until: datetime) -> datetime:
    """From where: how far it was asked before (periodic ones begin with that), else from the begin
    of the span.
    """
    start = request.covered.get(point.r_id, request.origin)
    if request.kind == ONCE:
        start = until - (
            point.report_duration
            if point.is_history
            else request.granularity or point.sampling_rate.max_period
        )
    return start if point.report_dtstart is None else max(start, point.report_dtstart)


def _call(point: DataPoint, request: RequestState, query: RangeQuery, name: str) -> Call:
    assert point.callback is not None
    about = f"{point.report_specifier_id}/{point.r_id}"
    read = _READERS.get(point.report_name, read_numbers)
    keywords = {
        "date_from": query.start,
        "date_to": query.stop,
        "sampling_interval": request.granularity or point.sampling_rate.min_period,
    }
    return Call(
        lane=point.lane,
        handler=f"report callback of {about}",
        pool="report",
        function=functools.partial(gather, point.callback, read, about, keywords),
        done=lambda result: take_answer(name, query, result),
    )


def take_answer(name: str, query: RangeQuery, result: Result) -> Step:
    """The step for what a range callback gave: kept in memory until it has become rows, piece by
    piece.
    """

    def step(book: Book, now: datetime) -> Outcome:
        failure = note_failure(book, query.point, result)
        free = Outcome(changes=(Change("busy", point_key(query.point), None), *failure))
        request = book.requests.get(query.request)
        if book.queries.get(name) != query or request is None:
            return free + look_now(now)
        if isinstance(result, NotCalled):
            return free + Outcome(changes=(Change("queries", name, None),)) + look_now(now)
        if not isinstance(result, SampleBatch):
            failed = Change("queries", name, replace(query, failed=True))
            return free + Outcome(changes=(failed,)) + look_now(now)
        samples = _select_samples(book, query, request, result)
        given = Change("queries", name, replace(query, samples=samples))
        return (
            note_naive(query.point, result)
            + _note_outside(query, len(result.samples) - len(samples), request)
            + free
            + Outcome(changes=(given, *count(book, taken=len(samples))))
            + look_now(now)
        )

    return step


def _select_samples(
    book: Book, query: RangeQuery, request: RequestState, result: SampleBatch
) -> tuple[tuple[datetime, str], ...]:
    """The samples of the span that was asked for; of telemetry asked once, the newest."""
    once = request.kind == ONCE
    inside = tuple(
        (at or query.start, entry)
        for at, entry in result.samples
        if at is None or query.start <= at < query.stop or (once and at == query.stop)
    )
    point = book.catalogue.by_key.get(query.point)
    return inside[-1:] if once and point is not None and not point.is_history else inside


def _note_outside(query: RangeQuery, number: int, request: RequestState) -> Outcome:
    if not number or request.kind == ONCE:
        return NOTHING
    text = (
        f"The callback of {'/'.join(query.point)} gave {write_count(number, 'sample', 'samples')} "
        f"outside [{query.start.isoformat()}, {query.stop.isoformat()}), left out."
    )
    return Outcome(notes=(Note(text, logging.WARNING, once=f"outside {query.point}"),))


# --- what was given becomes rows ------------------------------------------------------------------


def write_answers(book: Book, now: datetime) -> Outcome:
    """Write a piece of what range callbacks gave; NOTHING when there is none."""
    for name, query in book.queries.items():
        if query.samples is not None:
            return _write(book, name, query, query.samples, now)
    return NOTHING


def _write(
    book: Book,
    name: str,
    query: RangeQuery,
    samples: tuple[tuple[datetime, str], ...],
    now: datetime,
) -> Outcome:
    request, key, r_id = book.requests.get(query.request), query.request, query.point[1]
    if request is None or request.ended is not None:
        return Outcome(changes=(Change("queries", name, None),)) + look_now(now)
    size = _piece_size(samples)
    piece, rest = samples[:size], samples[size:]
    rows, late, sent = Rows(book), 0, sent_moments(book, key)
    for at, entry in piece:
        if at in sent:
            late += 1
        else:
            rows.put(key, request, at, {r_id: entry})
    covered = {**request.covered, r_id: rest[0][0] if rest else query.stop}
    left = replace(query, samples=rest) if rest else None
    return Outcome(
        changes=(
            Change("requests", key, replace(request, covered=covered)),
            Change("queries", name, left),
            *rows.changes(),
            *count(book, late=late),
        )
    ) + look_now(now)


def _piece_size(samples: tuple[tuple[datetime, str], ...]) -> int:
    """How many samples one step writes: one moment is never cut in two."""
    size = PIECE
    while size < len(samples) and samples[size][0] == samples[size - 1][0]:
        size += 1
    return size


def waits_for(book: Book, key: str, request: RequestState, now: datetime) -> bool:
    """Whether a delivery waits for range callbacks: for those asked a moment ago, and for what is
    not yet written.

    A report of its own kind of history is nothing without them: it waits until they gave something,
    or failed for good.
    """
    mine = [query for query in book.queries.values() if query.request == key]
    if any(query.samples is not None or _is_awaited(query, now) for query in mine):
        return True
    if request.kind not in (ONCE, BLOCK):
        return False
    over = {
        query.point[1]
        for query in mine
        if query.tries >= MOST_TRIES or (request.kind == ONCE and query.tries > 1)
    }
    return any(
        point.r_id not in request.covered and point.r_id not in over
        for point in ranged_points(book, request)
    )


def _is_awaited(query: RangeQuery, now: datetime) -> bool:
    """Whether it was asked a moment ago."""
    return not query.failed and now < query.since + PATIENCE


def wake_times(book: Book, now: datetime) -> list[datetime]:
    """When to look again because of range callbacks."""
    times = [
        query.since + (AGAIN if query.failed else PATIENCE)
        for query in book.queries.values()
        if query.samples is None
    ]
    return [time for time in times if time > now]
