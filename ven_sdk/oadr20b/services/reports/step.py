"""The one step that the reports' timer runs: it looks at the book and at the clock, does what is
due, and sets the timer.

What one part of a step changes, another part cannot see; so this step does work that touches the
same rows one kind a run, and runs again at once.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Optional

from ....points.clock_steps import attention, correct_moments
from ....points.entries import count_values
from ....points.range_queries import ask_due, wake_times, write_answers
from ....points.recent import next_moments_of_sums
from ....points.sampling import spacing_of, start_samplings
from ....points.sampling_rows import write_samplings
from ....points.tables import (
    TIMER,
    collecting_requests,
    count,
    forget_request,
    look_now,
    open_samplings,
    points_of,
    running_requests,
)
from ....points.timing import next_moment
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome, Timer
from ....state.replacement import replace
from ....state.reports import ASKED, RequestState, SampleRow
from ....text import write_count
from ...state.book import Book
from .delivery import compose_message, due_requests, find_unwritten, is_under_way, ready_requests
from .outbox import pause_after, values_of
from .requests import announce_catalogue


def look(book: Book, now: datetime) -> Outcome:
    """Sample, write down, ask, deliver and forget: whatever has become due."""
    for work in (
        follow_clock,
        announce_catalogue,
        start_samplings,
        write_answers,
        ask_due,
        deliver,
        expire,
    ):
        done = work(book, now)
        if done.changes or done.calls:
            return done + look_now(now)
    looked = max(now, book.last_look or now)
    return Outcome(
        changes=(Change("looks", "", looked),), timers=(Timer(TIMER, next_at(book, now)),)
    )


def deliver(book: Book, now: datetime) -> Outcome:
    """Write down what is needed for a delivery, then make it, unless one is under way."""
    waiting = [] if is_under_way(book, now) else due_requests(book, now)
    written = write_samplings(book, now, find_unwritten(book, waiting))
    if written.changes or not waiting:
        return written
    return compose_message(book, now, ready_requests(book, now))


def next_at(book: Book, now: datetime) -> Optional[datetime]:
    """When there will be something to do next."""
    times: list[datetime] = [one.deadline for one in open_samplings(book)]
    for _, request in running_requests(book):
        moment = next_moment(request, spacing_of(book, request), now)
        if moment is not None:
            times.append(moment)
        if request.due is not None:
            times += [request.due + request.jitter, now + attention(request)]
    times += [*wake_times(book, now), *next_moments_of_sums(book, now)]
    times += [
        delivery.retry_at for delivery in book.deliveries.values() if delivery.retry_at is not None
    ]
    return min((time for time in times if time > now), default=None)


def follow_clock(book: Book, now: datetime) -> Outcome:
    """Correct what lies in the future since the clock was set back (``points/clock_steps.py``)."""
    changes = correct_moments(book, now)
    if not changes:
        return NOTHING
    retries = (
        Change("deliveries", key, replace(delivery, retry_at=now + pause_after(delivery)))
        for key, delivery in book.deliveries.items()
        if delivery.retry_at is not None and delivery.retry_at > now + pause_after(delivery)
    )
    return Outcome(changes=(*changes, *retries))


# --- too old --------------------------------------------------------------------------------------


def expire(book: Book, now: datetime) -> Outcome:
    """Drop what is older than ``max_backlog``, oldest first; it is counted and logged."""
    limit = now - book.settings.max_backlog
    gone = _old_rows(book, limit)
    late = [
        (key, delivery) for key, delivery in book.deliveries.items() if delivery.created < limit
    ]
    lost = sum(count_values(row.entries) for _, row in gone) + sum(
        values_of(delivery) for _, delivery in late
    )
    changes: tuple[Change, ...] = tuple(Change("samples", key, None) for key, _ in gone)
    changes += tuple(Change("deliveries", key, None) for key, _ in late)
    changes += _empty_requests(book, limit, frozenset(key for key, _ in gone))
    if not lost:
        return Outcome(changes=changes)
    older = write_count(
        lost, "sample is older than max_backlog", "samples are older than max_backlog"
    )
    note = Note(
        f"{older} ({book.settings.max_backlog}), dropped undelivered.",
        logging.ERROR,
        once="backlog",
    )
    return Outcome(changes=(*changes, *count(book, dropped=lost)), notes=(note,))


def _old_rows(book: Book, limit: datetime) -> list[tuple[str, SampleRow]]:
    """The rows of before ``limit``, from the front of each request's."""
    found = []
    for key in book.sample_rows:
        for name in book.sample_rows.keys(key):
            row = book.samples[name]
            if row.at >= limit:
                break
            found.append((name, row))
    return found


def _empty_requests(book: Book, limit: datetime, gone: frozenset[str]) -> tuple[Change, ...]:
    """Requests that ended, once none of their samples is left; those of pushed values wait for
    more, within the backlog.
    """
    over = {
        key: request
        for key, request in book.requests.items()
        if request.ended is not None and request.kind != ASKED
    }
    if not over:
        return ()
    awaited = collecting_requests(book)
    wanted = {
        (request.specifier, r_id) for _, request in running_requests(book) for r_id in request.r_ids
    }
    changes: list[Change] = []
    for key, request in over.items():
        waits = request.ended is not None and request.ended >= limit
        if key in awaited or not all(name in gone for name in book.sample_rows.keys(key)):
            continue
        if not (waits and _gets_pushed(book, request, wanted)):
            changes += forget_request(book, key)
    return tuple(changes)


def _gets_pushed(book: Book, request: RequestState, wanted: set[tuple[str, str]]) -> bool:
    """Whether values are pushed for a request that ended, since no other wants them."""
    return any(
        point.callback is None and point.key not in wanted for point in points_of(book, request)
    )
