"""Collection: at each moment of the raster every wanted data point is read once, for all requests
that want it.

A moment is a :class:`Tick` until its callbacks have returned. Its values become one row a request
when all are there, after ``GRACE`` (or ``PATIENCE`` for a one-shot), or when a delivery needs them.
A later value still enters its row; after the row has gone out it is dropped and counted, so that no
data point ever has two values for one time. Steps only.
"""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ....points.callbacks import gather
from ....points.data_points import STATUS, DataPoint, Key
from ....points.entries import read_numbers, read_statuses
from ....state.outcome import Call, Change, Outcome
from ....state.reports import ONCE, RequestState
from .moments import sampled_points
from .returned import returned
from .tables import Tick, busy_key, known_key, point_of, running, runs_of
from .timing import NONE, due_moment, extended

if TYPE_CHECKING:
    from ....state.book import Book

GRACE, PATIENCE = timedelta(seconds=1), timedelta(seconds=10)


# --- a moment begins ------------------------------------------------------------------------------


def step_of(book: Book, request: RequestState) -> timedelta:
    """How often a request samples; zero: never by itself (pushed values and ranges)."""
    if request.granularity:
        found = (point_of(book, request, r_id) for r_id in request.r_ids)
        return (
            request.granularity
            if any(point is not None and point.sampled for point in found)
            else NONE
        )
    return min(
        (point.sampling_rate.min_period for point in sampled_points(book, request)), default=NONE
    )


def start_ticks(book: Book, now: datetime) -> Outcome:
    """Read every data point whose moment has come."""
    wanted: dict[datetime, list[str]] = {}
    changes: list[Change] = []
    for key, request in running(book):
        step, runs = step_of(book, request), runs_of(book, key, request)
        moment = due_moment(request, step, now, runs)
        if moment is not None:
            wanted.setdefault(moment, []).append(key)
            changes.append(Change("collecting", f"runs {key}", extended(runs, step, moment)))
    outcome = Outcome(changes=tuple(changes))
    taken: set[Key] = set()
    for moment in sorted(wanted):
        outcome += _tick(book, moment, tuple(wanted[moment]), now, taken)
    return outcome


def _tick(
    book: Book, moment: datetime, keys: tuple[str, ...], now: datetime, taken: set[Key]
) -> Outcome:
    """Call what is to be read for ``moment``; a callback that has not returned since the last time
    is left alone.
    """
    points: dict[Key, DataPoint] = {}
    for key in keys:
        points.update((point.key, point) for point in sampled_points(book, book.requests[key]))
    known = {
        point: value
        for point in points
        for at, value in (book.collecting.get(known_key(point), (None, "")),)
        if at == moment
    }
    for key in keys:
        known.update(_pushed(book, book.requests[key]))
    free = [
        point
        for key, point in points.items()
        if key not in known and key not in taken and busy_key(key) not in book.collecting
    ]
    taken.update(point.key for point in free)
    name = f"tick {moment.isoformat()}"
    while name in book.collecting:
        name += "+"
    once = all(book.requests[key].kind == ONCE for key in keys)
    tick = Tick(
        moment,
        now + (PATIENCE if once else GRACE),
        frozenset(point.key for point in free),
        known,
        keys,
    )
    changes = [Change("collecting", busy_key(point.key), moment) for point in free]
    return Outcome(
        changes=(*changes, Change("collecting", name, tick)),
        calls=tuple(_call(point, name) for point in free),
    )


def _pushed(book: Book, request: RequestState) -> dict[Key, str]:
    """What a one-shot tells of data points without a callback: the value that was pushed last."""
    if request.kind != ONCE:
        return {}
    points = (point_of(book, request, r_id) for r_id in request.r_ids)
    found = {
        point.key: book.collecting.get(known_key(point.key))
        for point in points
        if point is not None and point.callback is None
    }
    return {key: value[1] for key, value in found.items() if value is not None}


def _call(point: DataPoint, tick: str) -> Call:
    assert point.callback is not None
    about = f"{point.report_specifier_id}/{point.r_id}"
    read = read_statuses if point.report_name == STATUS else read_numbers
    return Call(
        lane=point.lane,
        handler=f"report callback of {about}",
        pool="report",
        function=functools.partial(gather, point.callback, read, about, {}),
        done=lambda result: returned(tick, point.key, result),
    )
