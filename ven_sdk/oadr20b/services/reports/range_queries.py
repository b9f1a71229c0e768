"""Range callbacks: mode ``full`` is asked once a delivery for what is new, history once for all
(rules.md, 'What to deliver').

What a callback gives becomes rows in pieces, ``covered`` moves on with them in the same step, so a
crash loses nothing: the callback is asked again from there. One that failed or was late is asked
again, from the same moment. Steps only.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ....points.callbacks import gather
from ....points.data_points import GREEN_BUTTON, STATUS, DataPoint
from ....points.entries import Collected, read_feed, read_numbers, read_statuses
from ....state.outcome import NOTHING, Call, Change, Note, Outcome, Step
from ....state.reports import BLOCK, ONCE, RequestState
from .returned import naive_note
from .sampling import PATIENCE
from .tables import Ask, Rows, asks, busy_key, counted, point_of, running, soon
from .timing import boundary

if TYPE_CHECKING:
    from ....state.book import Book

PIECE = 1000
"""Moments that one step writes down."""
AGAIN, MOST_TRIES = timedelta(minutes=1), 5


def ranged_points(book: Book, request: RequestState) -> list[DataPoint]:
    """The data points of a request whose callback is asked for a span."""
    found = (point_of(book, request, r_id) for r_id in request.r_ids)
    return [point for point in found if point is not None and point.ranged]


def ask_key(request: str, r_id: str) -> str:
    """Where an :class:`Ask` stands."""
    return f"ask {request}\t{r_id}"


def ask_due(book: Book, now: datetime) -> Outcome:
    """Ask the range callbacks of every request whose delivery is due."""
    outcome = NOTHING
    for key, request in running(book):
        if request.due is None or request.due + request.jitter > now:
            continue
        until = request.origin if request.kind == ONCE else boundary(request, now)
        for point in ranged_points(book, request):
            outcome += _ask(book, key, request, point, until, now)
    return outcome


def _ask(
    book: Book, key: str, request: RequestState, point: DataPoint, until: datetime, now: datetime
) -> Outcome:
    start = _start(request, point, until)
    name = ask_key(key, point.r_id)
    before = book.collecting.get(name)
    if isinstance(before, Ask):
        retry = before.failed and (now >= before.since + AGAIN or until > before.stop)
        if not retry or (before.tries >= MOST_TRIES and request.kind in (ONCE, BLOCK)):
            return NOTHING
    answered_once = request.kind == ONCE and point.r_id in request.covered
    if answered_once or start >= until or busy_key(point.key) in book.collecting:
        return NOTHING
    tries = before.tries + 1 if isinstance(before, Ask) else 1
    ask = Ask(key, point.key, start, until, now, tries=tries)
    return Outcome(
        changes=(Change("collecting", name, ask), Change("collecting", busy_key(point.key), now)),
        calls=(_call(point, request, ask, name),),
    )


def _start(request: RequestState, point: DataPoint, until: datetime) -> datetime:
    """From where: how far it was asked before (periodic ones begin with that), else from the begin
    of the span.
    """
    start = request.covered.get(point.r_id, request.origin)
    if request.kind == ONCE:
        start = until - (
            point.report_duration
            if point.is_history
            else request.granularity or point.sampling_rate.max_period
        )
    return start if point.report_dtstart is None else max(start, point.report_dtstart)


def _call(point: DataPoint, request: RequestState, ask: Ask, name: str) -> Call:
    assert point.callback is not None
    about = f"{point.report_specifier_id}/{point.r_id}"
    read = (
        read_feed
        if point.report_name == GREEN_BUTTON
        else read_statuses
        if point.report_name == STATUS
        else read_numbers
    )
    keywords = {
        "date_from": ask.start,
        "date_to": ask.stop,
        "sampling_interval": request.granularity,
    }
    return Call(
        lane=point.lane,
        handler=f"report callback of {about}",
        pool="report",
        function=functools.partial(gather, point.callback, read, about, keywords),
        done=lambda result: answered(name, ask, result),
    )


def answered(name: str, ask: Ask, result: Any) -> Step:
    """The step for what a range callback gave: kept in memory until it has become rows, piece by
    piece.
    """

    def step(book: Book, now: datetime) -> Outcome:
        free = Change("collecting", busy_key(ask.point), None)
        if book.collecting.get(name) != ask or ask.request not in book.requests:
            return Outcome(changes=(free,)) + soon(now)
        if not isinstance(result, Collected):
            return Outcome(
                changes=(free, Change("collecting", name, replace(ask, failed=True)))
            ) + soon(now)
        once = book.requests[ask.request].kind == ONCE
        inside = [
            (at or ask.start, entry)
            for at, entry in result.samples
            if at is None or ask.start <= at < ask.stop or (once and at == ask.stop)
        ]
        if once and not book.catalogue.by_key[ask.point].is_history:
            inside = inside[-1:]
        outcome = naive_note(ask.point, result) + _outside(
            ask, len(result.samples) - len(inside), once
        )
        return (
            outcome
            + Outcome(
                changes=(
                    free,
                    Change("collecting", name, replace(ask, samples=tuple(inside))),
                    *counted(book, taken=len(inside)),
                )
            )
            + soon(now)
        )

    return step


def _outside(ask: Ask, number: int, once: bool) -> Outcome:
    if not number or once:
        return NOTHING
    text = (
        f"The callback of {'/'.join(ask.point)} gave {number} samples outside "
        f"[{ask.start.isoformat()}, "
        f"{ask.stop.isoformat()}); they are left out."
    )
    return Outcome(notes=(Note(text, logging.WARNING, once=f"outside {ask.point}"),))


# --- what was given becomes rows ------------------------------------------------------------------


def store(book: Book, now: datetime) -> Outcome:
    """Write a piece of what range callbacks gave; NOTHING when there is none."""
    for name, ask in asks(book):
        if ask.samples is not None:
            return _store(book, name, ask, now)
    return NOTHING


def _store(book: Book, name: str, ask: Ask, now: datetime) -> Outcome:
    request = book.requests.get(ask.request)
    assert ask.samples is not None
    if request is None or request.ended is not None:
        return Outcome(changes=(Change("collecting", name, None),)) + soon(now)
    piece, rest = ask.samples[:PIECE], ask.samples[PIECE:]
    while rest and rest[0][0] == piece[-1][0]:  # one moment is never cut in two
        piece, rest = (*piece, rest[0]), rest[1:]
    rows, late, sent = Rows(book), 0, book.collecting.get(f"sent {ask.request}", ())
    r_id = ask.point[1]
    for at, entry in piece:
        if at in sent:
            late += 1
        else:
            rows.put(ask.request, request, at, {r_id: entry})
    covered = rest[0][0] if rest else ask.stop
    return Outcome(
        changes=(
            Change(
                "requests",
                ask.request,
                replace(request, covered={**request.covered, r_id: covered}),
            ),
            Change("collecting", name, replace(ask, samples=rest) if rest else None),
            *rows.changes(),
            *counted(book, late=late),
        )
    ) + soon(now)


def waits_for(book: Book, key: str, request: RequestState, now: datetime) -> bool:
    """Whether a delivery waits for range callbacks: for those asked a moment ago, and for what is
    not yet written.

    A report of its own kind of history is nothing without them: it waits until they gave something,
    or failed for good.
    """
    mine = [ask for _, ask in asks(book) if ask.request == key]
    if any(
        ask.samples is not None or (not ask.failed and now < ask.since + PATIENCE) for ask in mine
    ):
        return True
    if request.kind not in (ONCE, BLOCK):
        return False
    over = {
        ask.point[1]
        for ask in mine
        if ask.tries >= MOST_TRIES or (request.kind == ONCE and ask.tries > 1)
    }
    return any(
        point.r_id not in request.covered and point.r_id not in over
        for point in ranged_points(book, request)
    )


def wake_times(book: Book, now: datetime) -> list[datetime]:
    """When to look again because of range callbacks."""
    times = [
        ask.since + (AGAIN if ask.failed else PATIENCE)
        for _, ask in asks(book)
        if ask.samples is None
    ]
    return [time for time in times if time > now]
