"""What stands in a report for a value that is missing (T19), and whether its intervals have a
duration (T21). Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Optional

from ..schema.points import DataPoint
from ..state.book import Book
from ..state.reports import CHANGE, RequestState
from .data_points import GREEN_BUTTON, STATUS
from .entries import GAP, UNCHANGED, pack, placeholder
from .tables import point_key, point_of, points_of


def fill(
    book: Book,
    request: RequestState,
    values: Mapping[str, str],
    last: Mapping[str, str],
    is_quiet: bool = False,
) -> str:
    """An entry for each data point: its value, or what stands in for it. ``is_quiet``: nothing
    changed, so that the last values hold still.
    """
    return pack(
        [
            values.get(r_id) or _stand_in(book, request, r_id, last.get(r_id), is_quiet)
            for r_id in request.r_ids
        ]
    )


def _stand_in(
    book: Book, request: RequestState, r_id: str, last: Optional[str], is_quiet: bool
) -> str:
    """The last value, marked as unchanged or as of bad quality; or 0, of bad quality."""
    point = point_of(book, request, r_id)
    if point is not None and (point.report_name == GREEN_BUTTON or point.gaps == "omit"):
        holds = last is not None and request.kind == CHANGE and _holds(book, point, is_quiet)
        return UNCHANGED + last if holds and last is not None else ""
    if last is None:
        return placeholder(point is not None and point.report_name == STATUS)
    if point is not None and request.kind == CHANGE and _holds(book, point, is_quiet):
        return UNCHANGED + last
    return GAP + last


def _holds(book: Book, point: DataPoint, is_quiet: bool) -> bool:
    """On change: whether no new value means that the last one holds, or that its source is gone."""
    return (is_quiet or point.callback is None) and point_key(point.key) not in book.failing


def span_of(book: Book, request: RequestState) -> timedelta:
    """What a summed value is about where the request names no spacing: the offered one."""
    periods = [
        point.sampling_rate.min_period for point in points_of(book, request) if point.is_summed
    ]
    return max(periods, default=timedelta(0))


def has_spans(book: Book, request: RequestState) -> bool:
    """T21: whether intervals have a duration: where a data point is summed, or its user says so."""
    return any(
        point.is_summed if point.interval_duration is None else point.interval_duration
        for point in points_of(book, request)
    )
