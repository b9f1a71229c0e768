"""The one step that the reports' timer runs: it looks at the book and at the clock, does what is
due, and sets the timer.

What one part of a step changes, another part cannot see; so the pump does work that touches the
same rows one kind a run, and runs again at once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....state.outcome import Change, Note, Outcome, Timer
from ....state.reports import ASKED, SampleRow
from .delivery import freeze
from .due import due, ready, under_way, unwritten
from .message import values_of
from .moments import flush
from .range_queries import ask_due, store, wake_times
from .sampling import start_ticks, step_of
from .tables import TIMER, counted, forgotten, running, size, soon, ticks
from .timing import corrected_due, next_moment

if TYPE_CHECKING:
    from ....state.book import Book


def pump(book: Book, now: datetime) -> Outcome:
    """Sample, write down, ask, deliver and forget: whatever has become due."""
    for work in (start_ticks, expire, set_back, store, ask_due, deliver):
        done = work(book, now)
        if done.changes or done.calls:
            return done + soon(now)
    return Outcome(timers=(Timer(TIMER, next_at(book, now), pump),))


def deliver(book: Book, now: datetime) -> Outcome:
    """Write down what is needed for a delivery, then make it, unless one is under way."""
    waiting = [] if under_way(book) else due(book, now)
    written = flush(book, now, unwritten(book, waiting))
    if written.changes or not waiting:
        return written
    return freeze(book, now, ready(book, now))


def next_at(book: Book, now: datetime) -> Optional[datetime]:
    """When there will be something to do next."""
    times: list[datetime] = [tick.deadline for _, tick in ticks(book) if not tick.flushed]
    for _, request in running(book):
        moment = next_moment(request, step_of(book, request), now)
        if moment is not None:
            times.append(moment)
        if request.due is not None:
            times.append(request.due + request.jitter)
    times += wake_times(book, now)
    times += [
        delivery.retry_at for delivery in book.deliveries.values() if delivery.retry_at is not None
    ]
    return min((time for time in times if time > now), default=None)


def set_back(book: Book, now: datetime) -> Outcome:
    """Delivery times after the clock was set back."""
    corrected = [(key, request, corrected_due(request, now)) for key, request in running(book)]
    return Outcome(
        changes=tuple(
            Change("requests", key, replace(request, due=at))
            for key, request, at in corrected
            if at != request.due
        )
    )


# --- too old --------------------------------------------------------------------------------------


def expire(book: Book, now: datetime) -> Outcome:
    """Drop what is older than ``max_backlog``, oldest first; it is counted and said."""
    limit = now - book.settings.max_backlog
    gone = _old_rows(book, limit)
    late = [
        (key, delivery)
        for key, delivery in book.deliveries.items()
        if max(part.rows[-1][0] for part in delivery.parts) < limit
    ]
    lost = sum(size(row.entries) for _, row in gone) + sum(
        values_of(delivery) for _, delivery in late
    )
    changes: tuple[Change, ...] = tuple(Change("samples", key, None) for key, _ in gone)
    changes += tuple(Change("deliveries", key, None) for key, _ in late)
    changes += _empty_requests(book, limit, frozenset(key for key, _ in gone))
    if not lost:
        return Outcome(changes=changes)
    note = Note(
        f"{lost} samples are older than max_backlog ({book.settings.max_backlog}) and were "
        f"dropped undelivered.",
        logging.ERROR,
        once="backlog",
    )
    return Outcome(changes=(*changes, *counted(book, dropped=lost)), notes=(note,))


def _old_rows(book: Book, limit: datetime) -> list[tuple[str, SampleRow]]:
    """Rows are kept in the order in which they were taken, so the first one tells whether there is
    anything to look for.
    """
    first = next(iter(book.samples.values()), None)
    if first is None or first.at >= limit:
        return []
    return [(key, row) for key, row in book.samples.items() if row.at < limit]


def _empty_requests(book: Book, limit: datetime, gone: frozenset[str]) -> tuple[Change, ...]:
    """Requests that ended, once none of their samples is left; those of pushed values wait for
    more, within the backlog.
    """
    over = [
        key
        for key, request in book.requests.items()
        if request.ended is not None and request.kind != ASKED
    ]
    if not over:
        return ()
    holders = {row.request for key, row in book.samples.items() if key not in gone}
    holders.update(key for _, tick in ticks(book) if not tick.flushed for key in tick.requests)
    wanted = {(request.specifier, r_id) for _, request in running(book) for r_id in request.r_ids}
    changes: list[Change] = []
    for key in over:
        request = book.requests[key]
        pushed = any(
            point is not None
            and point.callback is None
            and (request.specifier, point.r_id) not in wanted
            for point in (
                book.catalogue.by_key.get((request.specifier, r_id)) for r_id in request.r_ids
            )
        )
        if key not in holders and not (
            pushed and request.ended is not None and request.ended >= limit
        ):
            changes += forgotten(book, key)
    return tuple(changes)
