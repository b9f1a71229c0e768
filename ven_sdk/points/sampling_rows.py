"""A moment that was sampled becomes rows, one for each request that wanted it, with its gaps
counted. Steps only; ``sampling.py`` tells the whole story.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..schema.points import DataPoint
from ..state.book import Book
from ..state.change import Change
from ..state.outcome import NOTHING, Outcome
from ..state.replacement import replace
from ..state.reports import CHANGE, RequestState, Sampling
from .tables import Rows, count, points_of


def sampled_points(book: Book, request: RequestState) -> list[DataPoint]:
    """The data points of a request whose callback gives the value of now."""
    return [point for point in points_of(book, request) if point.is_sampled]


def write_samplings(book: Book, now: datetime, needed: frozenset[str]) -> Outcome:
    """Write the moments whose time is over, and those that the requests ``needed`` are about to
    deliver.
    """
    rows, gaps = Rows(book), 0
    changes: list[Change] = []
    for name, sampling in book.samplings.items():
        early = sampling.waiting and now < sampling.deadline
        if sampling.is_written or (early and not needed.intersection(sampling.requests)):
            continue
        sampling, missing, seen = write_sampling(book, rows, sampling)
        gaps += missing
        changes += [Change("samplings", name, sampling if sampling.waiting else None), *seen]
    if not changes:
        return NOTHING
    return Outcome(changes=(*changes, *rows.changes(), *count(book, gaps=gaps)))


def write_sampling(
    book: Book, rows: Rows, sampling: Sampling
) -> tuple[Sampling, int, tuple[Change, ...]]:
    """Enter its values into one row for each request; also how many gaps there are, and what was
    seen last.
    """
    gaps = 0
    written: list[str] = []
    seen: list[Change] = []
    for key in sampling.requests:
        request = book.requests.get(key)
        if request is None:
            continue
        values = {
            r_id: sampling.values.get((request.specifier, r_id), "") for r_id in request.r_ids
        }
        if request.kind == CHANGE and not _is_news(book, key, request, values):
            continue
        gaps += sum(not values[point.r_id] for point in sampled_points(book, request))
        if not rows.put(key, request, sampling.moment, values):
            rows.mark(key, request, sampling.moment)  # a late value replaces the placeholder
            continue
        written.append(key)
        if request.kind == CHANGE:
            seen.append(Change("seen", key, values))
    return replace(sampling, is_written=True, written=frozenset(written)), gaps, tuple(seen)


def _is_news(book: Book, key: str, request: RequestState, values: Mapping[str, str]) -> bool:
    """On change: whether a value differs from the last one."""
    seen = book.seen.get(key, request.last)
    return any(entry and entry != seen.get(r_id) for r_id, entry in values.items())
