"""What a callback gave, when it returned: into its tick, its row, or too late
(``report_collection`` tells the whole story).

A late value still enters its row; after the row has gone out it is dropped and counted, so that no
data point ever has two values for one time. Steps only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ....points.data_points import Key
from ....points.entries import Collected
from ....state.outcome import NOTHING, Change, Note, Outcome, Step
from ....state.reports import ONCE, RequestState
from .moments import written
from .tables import Rows, Tick, busy_key, counted, known_key, soon

if TYPE_CHECKING:
    from ....state.book import Book

REMEMBERED_TIMES = 1024


def returned(name: str, point: Key, result: Any) -> Step:
    """The step for what a callback gave, or for the HandlerError that it did not (the engine has
    reported that).
    """

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
        tick = replace(
            tick,
            waiting=tick.waiting - {point},
            values={**tick.values, point: mine[-1]} if mine else tick.values,
        )
        if mine:
            changes.append(Change("collecting", known_key(point), (tick.moment, mine[-1])))
        late += _enter(book, rows, tick, point, mine)
        outcome = _settled(book, rows, name, tick, late, taken=len(given.samples))
        return (
            Outcome(changes=(free, *changes))
            + outcome
            + naive_note(point, given)
            + _finish(book, tick, now)
        )

    return step


def _finish(book: Book, tick: Tick, now: datetime) -> Outcome:
    """A one-shot goes out as soon as it is complete."""
    once = any(book.requests[key].kind == ONCE for key in tick.requests if key in book.requests)
    return soon(now) if once and not tick.waiting else NOTHING


def _enter(book: Book, rows: Rows, tick: Tick, point: Key, mine: list[str]) -> int:
    """A value that comes after its tick was written: into the row if that is still here; 1 if it is
    too late for one.
    """
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
    seen: tuple[Change, ...] = ()
    if not tick.waiting and not tick.flushed:
        tick, gaps, seen = written(book, rows, tick)
    elif tick.flushed:
        tick = replace(
            tick,
            written=tick.written
            | {row.request for row in rows.edited.values() if row.at == tick.moment},
        )
    kept = None if tick.flushed and not tick.waiting else tick
    return Outcome(
        changes=(
            Change("collecting", name, kept),
            *rows.changes(),
            *seen,
            *counted(book, taken=taken, late=late, gaps=gaps),
        )
    )


def _takers(book: Book, keys: tuple[str, ...], point: Key) -> list[tuple[str, RequestState]]:
    found = ((key, book.requests.get(key)) for key in keys)
    return [
        (key, request)
        for key, request in found
        if request is not None and request.specifier == point[0] and point[1] in request.r_ids
    ]


def _dated(
    book: Book, rows: Rows, keys: tuple[str, ...], point: Key, samples: list[tuple[datetime, str]]
) -> tuple[int, list[Change]]:
    """Samples with a time of their own: entered once each, however often a callback returns
    them.
    """
    changes: list[Change] = []
    late = 0
    for key, request in _takers(book, keys, point) if samples else ():
        name, sent = f"times {key}", book.collecting.get(f"sent {key}", ())
        times: Mapping[str, tuple[datetime, ...]] = book.collecting.get(name, {})
        known, fresh = times.get(point[1], ()), []
        for at, entry in samples:
            if at in known or at in fresh:
                continue
            fresh.append(at)
            if at in sent:
                late += 1
            elif not _sent_before(request, point[1], at, times):
                rows.put(key, request, at, {point[1]: entry})
        changes.append(
            Change("collecting", name, {**times, point[1]: (*known, *fresh)[-REMEMBERED_TIMES:]})
        )
    return late, changes


def _sent_before(request: RequestState, r_id: str, at: datetime, times: Mapping[str, Any]) -> bool:
    """In the first return after a restart: what is not newer than what was sent then may have been
    sent.
    """
    until = request.covered.get(r_id)
    return r_id not in times and until is not None and at <= until


def naive_note(point: Key, given: Collected) -> Outcome:
    """Said once for each data point."""
    if not given.naive:
        return NOTHING
    text = "The callback of {}/{} gave datetimes without a time zone. They count as UTC.".format(
        *point
    )
    return Outcome(notes=(Note(text, logging.WARNING, once=f"naive {point}"),))
