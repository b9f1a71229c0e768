"""A moment that was collected becomes rows, one for each request that wanted it, with its gaps
counted. Steps only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from ....points.data_points import STATUS, DataPoint
from ....state.outcome import NOTHING, Change, Outcome
from ....state.reports import CHANGE, RequestState
from .tables import Rows, Tick, counted, point_of, ticks

if TYPE_CHECKING:
    from ....state.book import Book


def sampled_points(book: Book, request: RequestState) -> list[DataPoint]:
    """The data points of a request whose callback gives the value of now."""
    found = (point_of(book, request, r_id) for r_id in request.r_ids)
    return [point for point in found if point is not None and point.sampled]


def written(book: Book, rows: Rows, tick: Tick) -> tuple[Tick, int, tuple[Change, ...]]:
    """Enter the tick's values into one row for each request; also how many gaps there are, and what
    was seen last.
    """
    gaps = 0
    done: list[str] = []
    seen: list[Change] = []
    for key in tick.requests:
        request = book.requests.get(key)
        if request is None:
            continue
        values = {r_id: tick.values.get((request.specifier, r_id), "") for r_id in request.r_ids}
        if request.kind == CHANGE and not _is_news(book, key, request, values):
            continue
        gaps += sum(not values[point.r_id] for point in sampled_points(book, request))
        if rows.put(key, request, tick.moment, values):
            done.append(key)
            if request.kind == CHANGE:
                seen.append(Change("collecting", f"seen {key}", values))
    return replace(tick, flushed=True, written=frozenset(done)), gaps, tuple(seen)


def _is_news(book: Book, key: str, request: RequestState, values: Mapping[str, str]) -> bool:
    """On change: whether a value differs from the last one; points that are not sampled on change
    always count.
    """
    seen = book.collecting.get(f"seen {key}", request.last)
    return any(
        entry and (entry != seen.get(point.r_id) or not _only_changes(point))
        for point in sampled_points(book, request)
        for entry in (values[point.r_id],)
    )


def _only_changes(point: DataPoint) -> bool:
    return point.sampling_rate.on_change or point.report_name == STATUS


def flush(book: Book, now: datetime, needed: frozenset[str]) -> Outcome:
    """Write the ticks whose time is over, and those that the requests ``needed`` are about to
    deliver.
    """
    rows, gaps = Rows(book), 0
    changes: list[Change] = []
    for name, tick in ticks(book):
        if tick.flushed or (
            tick.waiting and now < tick.deadline and not needed.intersection(tick.requests)
        ):
            continue
        tick, missing, seen = written(book, rows, tick)
        gaps += missing
        changes += [Change("collecting", name, tick if tick.waiting else None), *seen]
    return (
        Outcome(changes=(*changes, *rows.changes(), *counted(book, gaps=gaps)))
        if changes
        else NOTHING
    )
