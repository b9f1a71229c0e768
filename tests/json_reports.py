"""The reports of the JSON protocol of :mod:`tests.json_profile`: what a request means, when it is
delivered, and what a message holds. Sampling itself is ``ven_sdk.points``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Callable, Optional

from ven_sdk.instants import EPOCH
from ven_sdk.points.entries import Entry, unpack
from ven_sdk.points.sampling import spacing_of, start_samplings
from ven_sdk.points.sampling_rows import write_samplings
from ven_sdk.points.tables import (
    TIMER,
    collecting_requests,
    look_now,
    open_samplings,
    running_requests,
)
from ven_sdk.points.timing import boundary, moment_after, next_due, next_moment
from ven_sdk.state.book import Book
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import NOTHING, Outcome, Timer
from ven_sdk.state.reports import PERIODIC, RequestState

Step = Callable[[Any, datetime], Outcome]


@dataclass(frozen=True)
class Upload:
    """One message with samples that the VTN has not acknowledged: a row of ``uploads``."""

    report: str
    r_ids: tuple[str, ...]
    samples: tuple[tuple[datetime, str], ...]

    def content(self) -> dict[str, Any]:
        """What JSON has of it."""
        return {
            "report": self.report,
            "samples": [
                {"at": at.isoformat(), "values": self._values(entries)}
                for at, entries in self.samples
            ],
        }

    def _values(self, entries: str) -> dict[str, float]:
        numbers = (Entry.parse(entry).number for entry in unpack(entries))
        return {r_id: float(number) for r_id, number in zip(self.r_ids, numbers) if number}


def take_requests(book: Book, given: list[dict[str, Any]], now: datetime) -> Outcome:
    """The reports that the VTN wants: each is a series with a sample in each delivery."""
    changes = tuple(
        Change("requests", wanted["id"], _series(wanted, now))
        for wanted in given
        if wanted["id"] not in book.requests
    )
    return Outcome(changes=changes) + look_now(now) if changes else NOTHING


def _series(wanted: dict[str, Any], now: datetime) -> RequestState:
    every = timedelta(seconds=wanted["every"])
    return RequestState(
        report_request_id=wanted["id"],
        specifier=wanted["of"],
        r_ids=tuple(wanted["points"]),
        kind=PERIODIC,
        granularity=every,
        back=every,
        created=now,
        origin=EPOCH,
        due=moment_after(EPOCH, every, now),
        prompt=True,
    )


def look(book: Book, now: datetime) -> Outcome:
    """The step of the reports' timer: sample, write, deliver, and look again in time."""
    for work in (start_samplings, _write, _deliver):
        done = work(book, now)
        if done.changes or done.calls:
            return done + look_now(now)
    return Outcome(timers=(Timer(TIMER, _next_at(book, now)),))


def _write(book: Book, now: datetime) -> Outcome:
    return write_samplings(book, now, frozenset())


def _deliver(book: Any, now: datetime) -> Outcome:
    """What is due becomes a message, and its rows are gone."""
    awaited, changes = collecting_requests(book), []
    for key, request in running_requests(book):
        if request.due is None or request.due > now or key in awaited:
            continue
        planned = replace(request, due=next_due(request, boundary(request, now)))
        changes.append(Change("requests", key, planned))
        names = tuple(book.sample_rows.keys(key))
        if names:
            samples = tuple((book.samples[name].at, book.samples[name].entries) for name in names)
            upload = Upload(request.report_request_id, request.r_ids, samples)
            changes += [Change("samples", name, None) for name in names]
            changes.append(Change("uploads", book.next_key(), upload))
    return Outcome(changes=tuple(changes))


def _next_at(book: Book, now: datetime) -> Optional[datetime]:
    times = [sampling.deadline for sampling in open_samplings(book)]
    for _, request in running_requests(book):
        times += filter(None, (request.due, next_moment(request, spacing_of(book, request), now)))
    return min((time for time in times if time > now), default=None)


def deliveries(book: Any) -> Iterator[tuple[str, dict[str, Any], Step]]:
    """Key, content and what follows of each message that is owed."""
    for key, upload in book.tables["uploads"].items():
        yield key, upload.content(), _acknowledged(key)


def _acknowledged(key: str) -> Step:
    return lambda book, now: Outcome(changes=(Change("uploads", key, None),))
