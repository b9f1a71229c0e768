"""Collection: at each moment of the raster every wanted data point is read once, for all requests that want it.

A moment is a :class:`Tick` until its callbacks have returned. Its values become one row a request when all are there, after
``GRACE`` (or ``PATIENCE`` for a one-shot), or when a delivery needs them. A later value still enters its row; after the row
has gone out it is dropped and counted, so that no data point ever has two values for one time. Steps only.
"""
from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Set, Tuple

from ..state.outcome import NOTHING, Call, Change, Note, Outcome, Step
from ..state.reports import CHANGE, ONCE, RequestState
from .report_callbacks import gather
from .report_ledger import (
    Rows,
    Tick,
    busy_key,
    counted,
    point_of,
    running,
    runs_of,
    soon,
    ticks,
)
from .report_points import STATUS, DataPoint, Key
from .report_raster import NONE, due_moment, extended
from .report_readings import Collected, read_numbers, read_statuses

if TYPE_CHECKING:
    from ..state.book import Book

GRACE, PATIENCE = timedelta(seconds=1), timedelta(seconds=10)
REMEMBERED_TIMES = 1024


# --- a moment begins ----------------------------------------------------------------------------------------------

def sampled_points(book: Book, request: RequestState) -> List[DataPoint]:
    """The data points of a request whose callback gives the value of now."""
    found = (point_of(book, request, r_id) for r_id in request.r_ids)
    return [point for point in found if point is not None and point.callback is not None and not point.ranged]


def step_of(book: Book, request: RequestState) -> timedelta:
    """How often a request samples; zero: never by itself (pushed values and ranges)."""
    points = sampled_points(book, request)
    if not points:
        return NONE
    return request.granularity or min(point.sampling_rate.min_period for point in points)


def start_ticks(book: Book, now: datetime) -> Outcome:
    """Read every data point whose moment has come."""
    wanted: Dict[datetime, List[str]] = {}
    changes: List[Change] = []
    for key, request in running(book):
        step, runs = step_of(book, request), runs_of(book, key, request)
        moment = due_moment(request, step, now, runs)
        if moment is not None:
            wanted.setdefault(moment, []).append(key)
            changes.append(Change("collecting", f"runs {key}", extended(runs, step, moment)))
    outcome = Outcome(changes=tuple(changes))
    taken: Set[Key] = set()
    for moment in sorted(wanted):
        outcome += _tick(book, moment, tuple(wanted[moment]), now, taken)
    return outcome


def _tick(book: Book, moment: datetime, keys: Tuple[str, ...], now: datetime, taken: Set[Key]) -> Outcome:
    """Call what is to be read for ``moment``; a callback that has not returned since the last time is left alone."""
    points: Dict[Key, DataPoint] = {}
    for key in keys:
        points.update((point.key, point) for point in sampled_points(book, book.requests[key]))
    known = {point: value for point in points for at, value in (book.collecting.get(known_key(point), (None, "")),)
             if at == moment}
    for key in keys:
        known.update(_pushed(book, book.requests[key]))
    free = [point for key, point in points.items()
            if key not in known and key not in taken and busy_key(key) not in book.collecting]
    taken.update(point.key for point in free)
    name = f"tick {moment.isoformat()}"
    while name in book.collecting:
        name += "+"
    once = all(book.requests[key].kind == ONCE for key in keys)
    tick = Tick(moment, now + (PATIENCE if once else GRACE), frozenset(point.key for point in free), known, keys)
    changes = [Change("collecting", busy_key(point.key), moment) for point in free]
    return Outcome(changes=(*changes, Change("collecting", name, tick)),
                   calls=tuple(_call(point, name) for point in free))


def _pushed(book: Book, request: RequestState) -> Dict[Key, str]:
    """What a one-shot tells of data points without a callback: the value that was pushed last."""
    if request.kind != ONCE:
        return {}
    points = (point_of(book, request, r_id) for r_id in request.r_ids)
    found = {point.key: book.collecting.get(known_key(point.key)) for point in points
             if point is not None and point.callback is None}
    return {key: value[1] for key, value in found.items() if value is not None}


def known_key(point: Key) -> str:
    """Where the newest value of a data point stands, with its moment: a one-shot in the same second shares it."""
    return "known {}\t{}".format(*point)


def _call(point: DataPoint, tick: str) -> Call:
    assert point.callback is not None
    about = f"{point.report_specifier_id}/{point.r_id}"
    read = read_statuses if point.report_name == STATUS else read_numbers
    return Call(lane=point.lane, handler=f"report callback of {about}", pool="report",
                function=functools.partial(gather, point.callback, read, about, {}),
                done=lambda result: returned(tick, point.key, result))


# --- a callback returned ------------------------------------------------------------------------------------------

def returned(name: str, point: Key, result: Any) -> Step:
    """The step for what a callback gave, or for the HandlerError that it did not (the engine has reported that)."""
    def step(book: Book, now: datetime) -> Outcome:
        free = Change("collecting", busy_key(point), None)
        tick = book.collecting.get(name)
        if not isinstance(tick, Tick):
            return Outcome(changes=(free,))
        given = result if isinstance(result, Collected) else Collected()
        mine = [entry for at, entry in given.samples if at is None or at == tick.moment]
        dated = [(at, entry) for at, entry in given.samples if at is not None and at != tick.moment]
        rows = Rows(book)
        late, changes = _dated(book, rows, tick.requests, point, dated)
        tick = replace(tick, waiting=tick.waiting - {point},
                       values={**tick.values, point: mine[-1]} if mine else tick.values)
        if mine:
            changes.append(Change("collecting", known_key(point), (tick.moment, mine[-1])))
        late += _enter(book, rows, tick, point, mine)
        outcome = _settled(book, rows, name, tick, late, taken=len(given.samples))
        return Outcome(changes=(free, *changes)) + outcome + naive_note(point, given) + _finish(book, tick, now)
    return step


def _finish(book: Book, tick: Tick, now: datetime) -> Outcome:
    """A one-shot goes out as soon as it is complete."""
    once = any(book.requests[key].kind == ONCE for key in tick.requests if key in book.requests)
    return soon(now) if once and not tick.waiting else NOTHING


def _enter(book: Book, rows: Rows, tick: Tick, point: Key, mine: List[str]) -> int:
    """A value that comes after its tick was written: into the row if that is still here; 1 if it is too late for one."""
    if not tick.flushed or not mine:
        return 0
    late = 0
    for key, request in _takers(book, tick.requests, point):
        row = rows.get(key, tick.moment)
        if row is None and key in tick.written:
            late = 1
        else:
            rows.put(key, request, tick.moment, {point[1]: mine[-1]})
    return late


def _settled(book: Book, rows: Rows, name: str, tick: Tick, late: int, taken: int) -> Outcome:
    """Write the tick when its last callback has returned; keep it while others have not."""
    gaps = 0
    seen: Tuple[Change, ...] = ()
    if not tick.waiting and not tick.flushed:
        tick, gaps, seen = written(book, rows, tick)
    elif tick.flushed:
        tick = replace(tick, written=tick.written | {row.request for row in rows.edited.values() if row.at == tick.moment})
    kept = None if tick.flushed and not tick.waiting else tick
    return Outcome(changes=(Change("collecting", name, kept), *rows.changes(), *seen,
                            *counted(book, taken=taken, late=late, gaps=gaps)))


def _takers(book: Book, keys: Tuple[str, ...], point: Key) -> List[Tuple[str, RequestState]]:
    found = ((key, book.requests.get(key)) for key in keys)
    return [(key, request) for key, request in found if request is not None and request.specifier == point[0]
            and point[1] in request.r_ids]


def _dated(book: Book, rows: Rows, keys: Tuple[str, ...], point: Key,
           samples: List[Tuple[datetime, str]]) -> Tuple[int, List[Change]]:
    """Samples with a time of their own: entered once each, however often a callback returns them."""
    changes: List[Change] = []
    late = 0
    for key, request in _takers(book, keys, point) if samples else ():
        name, sent = f"times {key}", book.collecting.get(f"sent {key}", ())
        times: Mapping[str, Tuple[datetime, ...]] = book.collecting.get(name, {})
        known, fresh = times.get(point[1], ()), []
        for at, entry in samples:
            if at in known or at in fresh:
                continue
            fresh.append(at)
            if at in sent:
                late += 1
            elif not _sent_before(request, point[1], at, times):
                rows.put(key, request, at, {point[1]: entry})
        changes.append(Change("collecting", name, {**times, point[1]: (*known, *fresh)[-REMEMBERED_TIMES:]}))
    return late, changes


def _sent_before(request: RequestState, r_id: str, at: datetime, times: Mapping[str, Any]) -> bool:
    """In the first return after a restart: what is not newer than what was sent then may have been sent."""
    until = request.covered.get(r_id)
    return r_id not in times and until is not None and at <= until


def naive_note(point: Key, given: Collected) -> Outcome:
    """Said once for each data point."""
    if not given.naive:
        return NOTHING
    text = "The callback of {}/{} gave datetimes without a time zone. They count as UTC.".format(*point)
    return Outcome(notes=(Note(text, logging.WARNING, once=f"naive {point}"),))


# --- a moment is written ------------------------------------------------------------------------------------------

def written(book: Book, rows: Rows, tick: Tick) -> Tuple[Tick, int, Tuple[Change, ...]]:
    """Enter the tick's values into one row for each request; also how many gaps there are, and what was seen last."""
    gaps = 0
    done: List[str] = []
    seen: List[Change] = []
    for key in tick.requests:
        request = book.requests.get(key)
        if request is None or request.ended is not None:
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
    """On change: whether a value differs from the last one; points that are not sampled on change always count."""
    seen = book.collecting.get(f"seen {key}", request.last)
    return any(entry and (entry != seen.get(point.r_id) or not _only_changes(point))
               for point in sampled_points(book, request) for entry in (values[point.r_id],))


def _only_changes(point: DataPoint) -> bool:
    return point.sampling_rate.on_change or point.report_name == STATUS


def flush(book: Book, now: datetime, needed: FrozenSet[str]) -> Outcome:
    """Write the ticks whose time is over, and those that the requests ``needed`` are about to deliver."""
    rows, gaps = Rows(book), 0
    changes: List[Change] = []
    for name, tick in ticks(book):
        if tick.flushed or (tick.waiting and now < tick.deadline and not needed.intersection(tick.requests)):
            continue
        tick, missing, seen = written(book, rows, tick)
        gaps += missing
        changes += [Change("collecting", name, tick if tick.waiting else None), *seen]
    return Outcome(changes=(*changes, *rows.changes(), *counted(book, gaps=gaps))) if changes else NOTHING


