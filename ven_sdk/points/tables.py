"""What sampling and reporting share: running requests, their rows, counters, and the timer that
drives them all.

One timer a VEN, ``reports``: the profile's step of that key does what is due and sets it again.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Optional

from ..errors import HandlerError
from ..schema.points import DataPoint, Key
from ..state.book import Book
from ..state.change import Change
from ..state.outcome import NotCalled, Outcome, Timer
from ..state.replacement import replace
from ..state.reports import ASKED, ONCE, RequestState, Run, SampleRow, Sampling
from .entries import SampleBatch, pack, unpack

TIMER = "reports"


def count(book: Book, **more: int) -> tuple[Change, ...]:
    """The change that adds to the counters; at most one in an Outcome."""
    if not any(more.values()):
        return ()
    now = book.counts
    sums = {name: getattr(now, name) + number for name, number in more.items()}
    return (Change("counts", "", replace(now, **sums)),)


def look_now(now: datetime) -> Outcome:
    """Look at once what is to be done next."""
    return Outcome(timers=(Timer(TIMER, now),))


# --- requests -------------------------------------------------------------------------------------


def running_requests(book: Book) -> Iterator[tuple[str, RequestState]]:
    """The VTN's requests that run, with their keys, oldest first."""
    return (
        (key, request)
        for key, request in book.requests.items()
        if request.ended is None and request.kind != ASKED
    )


def pending_ids(book: Book) -> tuple[str, ...]:
    """T11: the reportRequestIDs of all requests that run."""
    return tuple(request.report_request_id for _, request in running_requests(book))


def point_of(book: Book, request: RequestState, r_id: str) -> Optional[DataPoint]:
    """The data point, unless the user no longer offers it."""
    return book.catalogue.by_key.get((request.specifier, r_id))


def points_of(book: Book, request: RequestState) -> list[DataPoint]:
    """The data points of a request that the user still offers."""
    found = (point_of(book, request, r_id) for r_id in request.r_ids)
    return [point for point in found if point is not None]


def runs_of(book: Book, key: str, request: RequestState) -> tuple[Run, ...]:
    """The stretches that were sampled: what is remembered, and since the start of the process."""
    return book.runs.get(key, request.runs)


def forget_request(book: Book, key: str) -> tuple[Change, ...]:
    """The end of a request: its row, and what the process knows about it."""
    request = book.requests[key]
    own = [(table, key) for table in ("runs", "seen", "sent") if key in book.tables[table]]
    own += [
        ("dated", name)
        for name in (dated_key(key, r_id) for r_id in request.r_ids)
        if name in book.dated
    ]
    return (
        Change("requests", key, None),
        *(Change(table, name, None) for table, name in own),
    )


def collecting_requests(book: Book) -> frozenset[str]:
    """The requests for which values are being collected that stand in no row yet."""
    return frozenset(key for one in open_samplings(book) for key in one.requests)


def open_samplings(book: Book) -> list[Sampling]:
    """The moments whose values stand in no row yet."""
    return [one for one in book.samplings.values() if not one.is_written]


def note_failure(book: Book, point: Key, result: object) -> tuple[Change, ...]:
    """Whether the last call of a data point's callback failed, or gave what is no value, for
    ``health()``. One that was not made says nothing.
    """
    key = point_key(point)
    if isinstance(result, HandlerError):
        return (Change("failing", key, str(result)),)
    if isinstance(result, SampleBatch) and result.useless:
        text = (
            f"The report callback of {point[0]}/{point[1]} gave nan, which is no value. Return "
            "None where there is none; where there should be one, look at the device."
        )
        return (Change("failing", key, text),)
    if isinstance(result, NotCalled):
        return ()
    return (Change("failing", key, None),) if key in book.failing else ()


# --- keys of volatile tables ----------------------------------------------------------------------


def point_key(point: Key) -> str:
    """The key of a data point in the tables ``busy`` and ``known``."""
    return "{}\t{}".format(*point)


def query_key(request: str, r_id: str) -> str:
    """The key of a range query."""
    return f"{request}\t{r_id}"


dated_key = query_key
"""The key, in the table ``dated``, of a data point of a request."""


# --- rows -----------------------------------------------------------------------------------------


def row_key(request: str, at: datetime) -> str:
    """One row for a request and a moment: so a moment is never stored twice."""
    return f"{request}|{at.isoformat()}"


class Rows:
    """Edits of sample rows within one step, which may touch a row more than once."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.edited: dict[str, SampleRow] = {}

    def get(self, request: str, at: datetime) -> Optional[SampleRow]:
        """The row of a moment, as edited."""
        key = row_key(request, at)
        return self.edited.get(key) or self.book.samples.get(key)

    def put(self, key: str, request: RequestState, at: datetime, values: Mapping[str, str]) -> int:
        """Enter values by rID where there is none yet; returns how many were entered."""
        row = self.get(key, at)
        entries = unpack(row.entries) if row is not None else [""] * len(request.r_ids)
        entered = 0
        for index, r_id in enumerate(request.r_ids):
            if not entries[index] and values.get(r_id):
                entries[index] = values[r_id]
                entered += 1
        if entered:
            self.edited[row_key(key, at)] = SampleRow(key, at, pack(entries))
        return entered

    def mark(self, key: str, request: RequestState, at: datetime) -> bool:
        """A row without any value where there is none: the moment goes out with placeholders."""
        if request.kind == ONCE or self.get(key, at) is not None:
            return False
        self.edited[row_key(key, at)] = SampleRow(key, at, pack([""] * len(request.r_ids)))
        return True

    def changes(self) -> tuple[Change, ...]:
        """What to remember."""
        return tuple(Change("samples", key, row) for key, row in self.edited.items())
