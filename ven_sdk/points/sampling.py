"""Sampling: at each moment of a series every wanted data point is read once, for all requests that
want it. Steps only.

A moment is a :class:`~ven_sdk.state.reports.Sampling` until its callbacks have returned. Its values
become one row a request when all are there, after ``GRACE`` (or ``PATIENCE`` for a one-shot), or
when a delivery needs them. A later value still enters its row; after the row has gone out it is
dropped and counted, so that no data point ever has two values for one time.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Union

from ..errors import HandlerError
from ..instants import EPOCH
from ..schema.points import DataPoint, Key
from ..state.book import Book
from ..state.change import Change
from ..state.outcome import NOTHING, Call, NotCalled, Outcome, Step
from ..state.replacement import replace
from ..state.reports import ONCE, LastValue, RequestState, Sampling
from .callbacks import gather
from .data_points import STATUS
from .dated_samples import enter_dated, note_naive
from .entries import SampleBatch, read_numbers, read_statuses
from .recent import is_summed_due, keep_values
from .sampling_rows import sampled_points, write_sampling, write_samplings
from .tables import (
    Rows,
    count,
    look_now,
    note_failure,
    point_key,
    points_of,
    running_requests,
    runs_of,
)
from .timing import NONE, due_moment, extend_runs, floor

GRACE, PATIENCE = timedelta(seconds=1), timedelta(seconds=10)


def spacing_of(book: Book, request: RequestState) -> timedelta:
    """How often a request samples; zero: never by itself (pushed values and ranges)."""
    sampled = sampled_points(book, request)
    if request.granularity:
        return request.granularity if sampled else NONE
    return min((point.sampling_rate.min_period for point in sampled), default=NONE)


# --- a moment begins ------------------------------------------------------------------------------


def start_samplings(book: Book, now: datetime) -> Outcome:
    """Read every data point whose moment has come."""
    wanted: dict[datetime, list[str]] = {}
    changes: list[Change] = []
    for key, request in running_requests(book):
        spacing, runs = spacing_of(book, request), runs_of(book, key, request)
        moment = due_moment(request, spacing, now, runs)
        if moment is not None:
            wanted.setdefault(moment, []).append(key)
            changes.append(Change("runs", key, extend_runs(runs, spacing, moment)))
    outcome = Outcome(changes=tuple(changes))
    read: set[Key] = set()
    for moment in sorted(wanted):
        points = {
            point.key: point
            for key in wanted[moment]
            for point in sampled_points(book, book.requests[key])
        }
        outcome += _start(book, moment, tuple(wanted[moment]), points, now, read)
    return outcome + _start_summed(book, now, read)


def _start_summed(book: Book, now: datetime, read: set[Key]) -> Outcome:
    """Read summed data points that no request reads at this moment (T42)."""
    wanted: dict[datetime, dict[Key, DataPoint]] = {}
    for point in book.catalogue.summed_points:
        if point.key not in read and is_summed_due(book, point, now):
            moment = floor(EPOCH, point.sampling_rate.min_period, now)
            wanted.setdefault(moment, {})[point.key] = point
    outcome = NOTHING
    for moment, points in wanted.items():
        outcome += _start(book, moment, (), points, now, read)
    return outcome


def _start(
    book: Book,
    moment: datetime,
    keys: tuple[str, ...],
    points: Mapping[Key, DataPoint],
    now: datetime,
    read: set[Key],
) -> Outcome:
    """Call what is to be read for ``moment``, but what is in ``read``; a callback that has not
    returned since the last time is left alone.
    """
    values = _known_values(book, moment, keys, points)
    free = [
        point
        for key, point in points.items()
        if key not in values and key not in read and point_key(key) not in book.busy
    ]
    read.update(point.key for point in free)
    once = bool(keys) and all(book.requests[key].kind == ONCE for key in keys)
    deadline = now + (PATIENCE if once else GRACE)
    name = _free_name(book, moment, keys)
    sampling = Sampling(moment, deadline, frozenset(point.key for point in free), values, keys)
    busy = [Change("busy", point_key(point.key), moment) for point in free]
    busy += [Change("looks", point_key(point.key), moment) for point in free if point.is_summed]
    return Outcome(
        changes=(*busy, Change("samplings", name, sampling)),
        calls=tuple(_call(point, name) for point in free),
    )


def _free_name(book: Book, moment: datetime, keys: tuple[str, ...]) -> str:
    name = moment.isoformat() if keys else f"summed {moment.isoformat()}"
    while name in book.samplings:
        name += "+"
    return name


def _known_values(
    book: Book, moment: datetime, keys: tuple[str, ...], points: Mapping[Key, DataPoint]
) -> dict[Key, str]:
    """What needs no call: values of this very moment, and for one-shots the values pushed last."""
    found = {key: book.known.get(point_key(key)) for key in points}
    values = {key: last.entry for key, last in found.items() if last and last.at == moment}
    for key in keys:
        if book.requests[key].kind == ONCE:
            values.update(_values_at_hand(book, book.requests[key]))
    return values


def _values_at_hand(book: Book, request: RequestState) -> dict[Key, str]:
    """Values that were pushed last, and the last complete samples of summed data (T42)."""
    found: dict[Key, str] = {}
    for point in points_of(book, request):
        key = point_key(point.key)
        last = book.recent[key].newest if point.is_summed and key in book.recent else None
        if point.callback is None:
            last = book.known.get(key)
        if last is not None:
            found[point.key] = last.entry
    return found


def _call(point: DataPoint, name: str) -> Call:
    assert point.callback is not None
    about = f"{point.report_specifier_id}/{point.r_id}"
    read = read_statuses if point.report_name == STATUS else read_numbers
    return Call(
        lane=point.lane,
        handler=f"report callback of {about}",
        pool="report",
        function=functools.partial(gather, point.callback, read, about, {}),
        done=lambda result: take_result(name, point.key, result),
    )


# --- a callback returns ---------------------------------------------------------------------------


Result = Union[SampleBatch, HandlerError, NotCalled]


def take_result(name: str, point: Key, result: Result) -> Step:
    """The step for what a callback gave, or for the HandlerError that it did not (which is reported
    by then).
    """

    def step(book: Book, now: datetime) -> Outcome:
        free = (Change("busy", point_key(point), None), *note_failure(book, point, result))
        sampling = book.samplings.get(name)
        if sampling is None:
            return Outcome(changes=free)
        if isinstance(result, NotCalled):
            return Outcome(changes=free) + _read_again(book, name, sampling, now)
        given = result if isinstance(result, SampleBatch) else SampleBatch()
        outcome = _take(book, name, sampling, point, given)
        return (
            Outcome(changes=free)
            + outcome
            + note_naive(point, given)
            + _look_if_awaited(book, sampling, point, now)
        )

    return step


def _read_again(book: Book, name: str, sampling: Sampling, now: datetime) -> Outcome:
    """What waited when the VEN stopped: a one-shot is read anew, other reports have a gap."""
    requests = {key: book.requests.get(key) for key in sampling.requests}
    once = [key for key, request in requests.items() if request and request.kind == ONCE]
    if not once:
        return NOTHING if sampling.is_written else write_samplings(book, now, frozenset(requests))
    return Outcome(
        changes=(Change("samplings", name, None), *(Change("runs", key, ()) for key in once))
    ) + look_now(now)


def _take(book: Book, name: str, sampling: Sampling, point: Key, given: SampleBatch) -> Outcome:
    """Values of the moment join the sampling, those with another time get rows of their own."""
    moment = sampling.moment
    own = [entry for at, entry in given.samples if at is None or at == moment]
    dated = [(at, entry) for at, entry in given.samples if at is not None and at != moment]
    rows = Rows(book)
    takers = _takers(book, sampling.requests, point)
    beside = {at for at, _ in given.samples if at == moment}
    late, changes = enter_dated(book, rows, takers, point, dated, beside)
    values = {**sampling.values, point: own[-1]} if own else sampling.values
    sampling = replace(sampling, waiting=sampling.waiting - {point}, values=values)
    kept = [*dated, *((moment, entry) for entry in own[-1:])]
    changes += keep_values(book, point, kept)
    if own:
        changes.append(Change("known", point_key(point), LastValue(moment, own[-1])))
        late += _join(rows, sampling, takers, point, own[-1])
    return Outcome(changes=tuple(changes)) + _settle(
        book, rows, name, sampling, late, taken=len(given.samples)
    )


def _takers(book: Book, keys: tuple[str, ...], point: Key) -> list[tuple[str, RequestState]]:
    found = ((key, book.requests.get(key)) for key in keys)
    return [
        (key, request)
        for key, request in found
        if request is not None and request.specifier == point[0] and point[1] in request.r_ids
    ]


def _join(
    rows: Rows,
    sampling: Sampling,
    takers: list[tuple[str, RequestState]],
    point: Key,
    entry: str,
) -> int:
    """A value that comes after its moment was written: into the row if that is still here; 1 if it
    is too late for one.
    """
    late = 0
    for key, request in takers if sampling.is_written else ():
        if rows.get(key, sampling.moment) is None and key in sampling.written:
            late = 1
        else:
            rows.put(key, request, sampling.moment, {point[1]: entry})
    return late


def _settle(
    book: Book, rows: Rows, name: str, sampling: Sampling, late: int, taken: int
) -> Outcome:
    """Write the moment when its last callback has returned; keep it while others have not."""
    gaps = 0
    seen: tuple[Change, ...] = ()
    if sampling.is_written:
        joined = {row.request for row in rows.edited.values() if row.at == sampling.moment}
        sampling = replace(sampling, written=sampling.written | joined)
    elif not sampling.waiting:
        sampling, gaps, seen = write_sampling(book, rows, sampling)
    kept = None if sampling.is_written and not sampling.waiting else sampling
    return Outcome(
        changes=(
            Change("samplings", name, kept),
            *rows.changes(),
            *seen,
            *count(book, taken=taken, late=late, gaps=gaps),
        )
    )


def _look_if_awaited(book: Book, sampling: Sampling, point: Key, now: datetime) -> Outcome:
    """What goes out with the sample of this moment goes as soon as it is complete."""
    requests = (book.requests.get(key) for key in sampling.requests)
    awaited = any(one is not None and (one.kind == ONCE or one.prompt) for one in requests)
    return look_now(now) if awaited and sampling.waiting <= {point} else NOTHING
