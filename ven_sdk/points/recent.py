"""The newest values of every data point that is sampled or pushed: a VTN that missed a report can
ask for them (T41), and of summed data the last one answers a one-shot (T42). Steps only.

Summed data points are sampled all the time, at their fastest rate; others while a request runs. How
many values are kept, and so promised in the catalogue, is in ``DataPoint.kept_values``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..instants import EPOCH
from ..schema.points import DataPoint, Key
from ..state.book import Book
from ..state.change import Change
from ..state.recent import RecentValues
from ..state.reports import LastValue, RequestState, SampleRow
from .tables import Rows, point_key, points_of
from .timing import LATEST, floor, moment_after

_NONE = RecentValues()


def keep_values(
    book: Book, point: Key, samples: Iterable[tuple[datetime, str]]
) -> tuple[Change, ...]:
    """Keep what is newer than all that is kept of a data point, and let the oldest go."""
    offered, key = book.catalogue.by_key.get(point), point_key(point)
    kept = book.recent.get(key, _NONE)
    newest = kept.newest.at if kept else EPOCH
    new = [LastValue(at, entry) for at, entry in samples if at > newest]
    if offered is None or not new:
        return ()
    return (Change("recent", key, kept.with_values(new, offered.kept_values)),)


def is_summed_due(book: Book, point: DataPoint, now: datetime) -> bool:
    """Whether a summed data point is to be read now for its own sake."""
    spacing, key = point.sampling_rate.min_period, point_key(point.key)
    moment = floor(EPOCH, spacing, now)
    if now - moment > min(LATEST, spacing / 2) or key in book.busy:
        return False
    read = book.looks.get(key)
    return read is None or not moment <= read <= now


def next_moments_of_sums(book: Book, now: datetime) -> list[datetime]:
    """When summed data points are to be read next."""
    return [
        moment_after(EPOCH, point.sampling_rate.min_period, now)
        for point in book.catalogue.summed_points
    ]


def rows_on_hand(book: Book, key: str, request: RequestState) -> tuple[SampleRow, ...]:
    """What is kept of the span that a request is about, at its spacing."""
    rows = Rows(book)
    for point in points_of(book, request):
        earliest = request.origin
        for at, entry in book.recent.get(point_key(point.key), _NONE):
            if earliest <= at and (request.end is None or at < request.end):
                rows.put(key, request, at, {point.r_id: entry})
                earliest = at + max(request.granularity, timedelta(microseconds=1))
    return tuple(rows.edited.values())
