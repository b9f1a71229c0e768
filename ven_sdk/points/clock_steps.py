"""What happens to moments that lie in the future after the wall clock was set back. Pure functions.

The table ``looks`` has the latest time at which somebody looked; a look at an earlier time means
that the clock was set back (at a start: the newest moment that the store knows of). No wait is
longer than its own rule allows, counted from then, and every report samples and delivers again
within one period. Moment by moment:

=====================  =============================================================================
moment                 when it lies in the future
=====================  =============================================================================
request: created       is a period ago, and so is the begin (``first``) of a series
request: start         reached before: forgotten, the request has begun. To come: as far away as it
                       was when the request came
request: end           stays: the VTN named it. The request runs on until the clock has come there.
                       Of one whose next report is the last (T29): is when that is due
request: due           a report goes out at once, later ones by the series from now on. Where the
                       step is less than a tenth of the period: at the next moment of the series
request: covered       range callbacks are asked from now on
request: ended         is now: rows and pushed values are kept for ``max_backlog`` from now on
runs                   forgotten: these moments are sampled again when they come round again
sample row             belongs to the next report, as what a device with a fast clock gives
sampling: moment       its row is a sample row of the future; its deadline is within ``GRACE``
range query: since     is now
dated, sent            forgotten: a sample of such a time is a new one, and goes out
recent                 forgotten: what follows is newer than all that is kept
last value             stays the last value, but of no moment, so that none is taken from it
message: retry_at      is within the pause of its refusal (``oadr20b/services/reports/step.py``)
message: created       stays: it is the same message at each attempt
=====================  =============================================================================

A time that comes round again may be sent twice, with two values: the VTN keeps the later one (T26).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Optional

from ..config import JITTER, JITTER_CAP
from ..instants import EPOCH
from ..state.book import Book
from ..state.change import Change
from ..state.replacement import replace
from ..state.reports import BLOCK, ONCE, LastValue, RequestState, Run
from .sampling import GRACE, spacing_of
from .tables import running_requests, runs_of
from .timing import NONE, moment_after

NOTICED = timedelta(milliseconds=100)
"""Steps of less than this are none: NTP makes them all the time."""
SMALL, SMALL_CAP = JITTER, JITTER_CAP
"""Part of a period by which a report may be late: by as much as it is spread."""
LEAST_ATTENTION = timedelta(seconds=5)


def step_back(book: Book, now: datetime) -> timedelta:
    """By how much the clock was set back since somebody looked; zero where it was not."""
    looked = book.last_look
    return NONE if looked is None or looked - now < NOTICED else looked - now


def attention(request: RequestState) -> timedelta:
    """How long nobody needs to look at the clock: a step back is not seen that ends after the last
    look, and makes a report late by as much.
    """
    return max(LEAST_ATTENTION, min(request.back * SMALL, SMALL_CAP))


def newest_moment(book: Book) -> datetime:
    """The newest moment that has certainly been reached, by what the store holds."""
    moments = [EPOCH]
    for key, request in book.requests.items():
        moments += [request.created, *(last for _, last in request.runs)]
        if request.start is None and request.due is not None:
            moments.append(request.due - request.back)
        newest = book.sample_rows.newest(key)
        if newest is not None:
            moments.append(book.samples[newest].at)
    return max(moments)


def correct_moments(book: Book, now: datetime) -> tuple[Change, ...]:
    """What is to change because the clock was set back; nothing where it was not."""
    step = step_back(book, now)
    if not step:
        return ()
    return (
        Change("looks", "", now),
        *_requests(book, now, step),
        *_correct_samplings(book, now),
        *_values(book, now),
        *_correct_waiting(book, now),
    )


def _requests(book: Book, now: datetime, step: timedelta) -> Iterator[Change]:
    for key, request in running_requests(book):
        yield Change("requests", key, follow_clock(request, now, step))
    for key, request in book.requests.items():
        if request.ended is not None and request.ended > now:
            yield Change("requests", key, replace(request, ended=now))


def follow_clock(request: RequestState, now: datetime, step: timedelta) -> RequestState:
    """A running request after the clock was set back by ``step`` to ``now``."""
    covered = {r_id: min(at, now) for r_id, at in request.covered.items()}
    changed = replace(
        request, created=min(request.created, now - request.back), first=None, covered=covered
    )
    if request.kind in (ONCE, BLOCK):
        origin = min(request.origin, now.replace(microsecond=0))
        due = None if request.due is None else min(request.due, now)
        return replace(changed, origin=origin if request.kind == ONCE else request.origin, due=due)
    if request.start is not None and request.start > now + step:
        return _put_off(request, changed, now)
    due = _due(request, now, step)
    return replace(changed, start=None, due=due, end=due if request.final else request.end)


def _put_off(request: RequestState, changed: RequestState, now: datetime) -> RequestState:
    """One that had not begun: never further from its start than when it came."""
    assert request.start is not None
    start = request.start if now >= request.created else now + (request.start - request.created)
    due = None if request.due is None else request.due - (request.start - start)
    return replace(changed, start=start, due=due)


def _due(request: RequestState, now: datetime, step: timedelta) -> Optional[datetime]:
    if request.due is None:
        return None
    if step > min(request.back * SMALL, SMALL_CAP):
        return min(request.due, now - request.jitter)
    if request.final:
        return request.due
    due = moment_after(request.origin, request.back, now)
    return min(request.due, due if request.end is None else min(due, request.end))


def _correct_samplings(book: Book, now: datetime) -> Iterator[Change]:
    """The stretches of moments that were sampled. One that is about to come and was sampled a
    moment ago counts as sampled.
    """
    for key, request in running_requests(book):
        until = now + spacing_of(book, request) * SMALL
        runs = runs_of(book, key, request)
        if any(last > until for _, last in runs) and request.kind != ONCE:
            yield Change("runs", key, _cut(runs, now))


def _cut(runs: tuple[Run, ...], now: datetime) -> tuple[Run, ...]:
    return tuple((first, min(last, now)) for first, last in runs if first <= now)


def _values(book: Book, now: datetime) -> Iterator[Change]:
    for table in ("dated", "sent"):
        for key, moments in book.tables[table].items():
            yield Change(table, key, moments.cut_after(now))
    for key, recent in book.recent.items():
        if recent.newest.at > now:
            yield Change("recent", key, recent.cut_after(now) or None)
    for key, value in book.known.items():
        if value.at > now:
            yield Change("known", key, LastValue(EPOCH, value.entry))


def _correct_waiting(book: Book, now: datetime) -> Iterator[Change]:
    for name, sampling in book.samplings.items():
        if sampling.deadline > now + GRACE:
            yield Change("samplings", name, replace(sampling, deadline=now + GRACE))
    for name, query in book.queries.items():
        if query.since > now:
            yield Change("queries", name, replace(query, since=now))
