"""What happens to all reports together when the VEN starts. Steps only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ....instants import EPOCH
from ....points.clock_steps import newest_moment
from ....points.entries import unpack
from ....points.tables import look_now, point_key
from ....state.change import Change
from ....state.outcome import NOTHING, Outcome
from ....state.reports import LastValue, SampleRow
from ...state.book import Book


def resume(book: Book, now: datetime) -> Outcome:
    """At a start: collection and delivery go on from what is remembered; what was sampled is not
    sampled again. A VEN that offers nothing and remembers nothing has nothing to look for: whatever
    begins later sets the timer.
    """
    ends = {
        key: [book.samples[name] for name in (next(book.sample_rows.keys(key)), newest)]
        for key in book.sample_rows
        for newest in (book.sample_rows.newest(key),)
        if newest is not None and key in book.requests
    }
    runs = tuple(
        Change("runs", key, (*book.requests[key].runs, (first.at, last.at)))
        for key, (first, last) in ends.items()
    )
    newest = {key: last for key, (_, last) in ends.items()}
    return Outcome(
        changes=(
            *runs,
            *_last_values(book, newest),
            Change("looks", "", max(now, newest_moment(book))),
        )
    ) + (look_now(now) if _has_work(book) else NOTHING)


def _has_work(book: Book) -> bool:
    return bool(book.catalogue.by_key or book.requests or book.samples or book.deliveries)


def _last_values(book: Book, newest: Mapping[str, SampleRow]) -> Iterator[Change]:
    """The last known values: those sent last, and then those of the newest rows."""
    for request in book.requests.values():
        for r_id, entry in request.last.items():
            key = point_key((request.specifier, r_id))
            yield Change("known", key, LastValue(EPOCH, entry))
    for name, row in newest.items():
        request = book.requests[name]
        for r_id, entry in zip(request.r_ids, unpack(row.entries)):
            if entry:
                key = point_key((request.specifier, r_id))
                yield Change("known", key, LastValue(row.at, entry))
