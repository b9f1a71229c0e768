"""What the report services share: running requests, their rows, counters, and the timer that drives
them all.

One timer a VEN, ``reports``, runs ``report_pump.pump``, which does what is due and sets it again.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....points.data_points import DataPoint, Key
from ....points.entries import GAP, pack, unpack
from ....state.outcome import Change, Outcome, Timer
from ....state.reports import ASKED, Delivery, RequestState, Run, SampleRow
from ....values import dataclass

if TYPE_CHECKING:
    from ....state.book import Book

TIMER = "reports"
COUNTERS = "counters"


@dataclass(frozen=True)
class Counters:
    """What happened to samples since the start of the process. ``late``: returned after their
    report had gone out.
    """

    taken: int = 0
    gaps: int = 0
    late: int = 0
    dropped: int = 0
    delivered: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Tick:
    """The collection of one moment, for all requests that want it. It lives while callbacks have
    not returned.
    """

    moment: datetime
    deadline: datetime
    waiting: frozenset[Key]
    values: Mapping[Key, str]
    requests: tuple[str, ...]
    flushed: bool = False
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ask:
    """A range callback that was asked for ``[start, stop)``. ``samples`` is what it gave, None
    while it runs or failed.
    """

    request: str
    point: Key
    start: datetime
    stop: datetime
    since: datetime
    samples: Optional[tuple[tuple[datetime, str], ...]] = None
    failed: bool = False
    tries: int = 0


def counters(book: Book) -> Counters:
    """The counters as they stand."""
    found: Counters = book.collecting.get(COUNTERS, Counters())
    return found


def counted(book: Book, **more: int) -> tuple[Change, ...]:
    """The change that adds to the counters; at most one in an Outcome."""
    if not any(more.values()):
        return ()
    now = counters(book)
    return (
        Change(
            "collecting",
            COUNTERS,
            replace(now, **{name: getattr(now, name) + n for name, n in more.items()}),
        ),
    )


def soon(now: datetime) -> Outcome:
    """Look at once what is to be done next."""
    from .step import pump

    return Outcome(timers=(Timer(TIMER, now, pump),))


# --- requests -------------------------------------------------------------------------------------


def running(book: Book) -> Iterator[tuple[str, RequestState]]:
    """The VTN's requests that run, with their keys, oldest first."""
    return (
        (key, request)
        for key, request in book.requests.items()
        if request.ended is None and request.kind != ASKED
    )


def pending(book: Book) -> tuple[str, ...]:
    """T11: the reportRequestIDs of all requests that run."""
    return tuple(request.report_request_id for _, request in running(book))


def point_of(book: Book, request: RequestState, r_id: str) -> Optional[DataPoint]:
    """The data point, unless the user no longer offers it."""
    found: Optional[DataPoint] = book.catalogue.by_key.get((request.specifier, r_id))
    return found


def runs_of(book: Book, key: str, request: RequestState) -> tuple[Run, ...]:
    """The stretches that were sampled: what is remembered, and since the start of the process."""
    found: tuple[Run, ...] = book.collecting.get(f"runs {key}", request.runs)
    return found


def forgotten(book: Book, key: str) -> tuple[Change, ...]:
    """The end of a request: its row, and what the process knows about it."""
    volatile = (f"runs {key}", f"seen {key}", f"times {key}", f"sent {key}")
    return (
        Change("requests", key, None),
        *(Change("collecting", name, None) for name in volatile if name in book.collecting),
    )


def ticks(book: Book) -> list[tuple[str, Tick]]:
    """The moments that are being collected."""
    return [(key, value) for key, value in book.collecting.items() if isinstance(value, Tick)]


def asks(book: Book) -> list[tuple[str, Ask]]:
    """The range callbacks that were asked."""
    return [(key, value) for key, value in book.collecting.items() if isinstance(value, Ask)]


def busy_key(point: Key) -> str:
    """Where a data point stands whose callback has not returned: it is not called again
    meanwhile.
    """
    return "busy {}\t{}".format(*point)


def known_key(point: Key) -> str:
    """Where the newest value of a data point stands, with its moment: a one-shot in the same second
    shares it.
    """
    return "known {}\t{}".format(*point)


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
        name = row_key(key, at)
        row = self.edited.get(name) or self.book.samples.get(name)
        entries = unpack(row.entries) if row is not None else [""] * len(request.r_ids)
        entered = 0
        for index, r_id in enumerate(request.r_ids):
            if not entries[index] and values.get(r_id):
                entries[index] = values[r_id]
                entered += 1
        if entered:
            self.edited[name] = SampleRow(key, at, pack(entries))
        return entered

    def changes(self) -> tuple[Change, ...]:
        """What to remember."""
        return tuple(Change("samples", key, row) for key, row in self.edited.items())


def thawed(deliveries: Iterable[Delivery], requests: frozenset[str]) -> Iterator[SampleRow]:
    """The samples of ``requests`` in messages that were made, without what was filled in for
    gaps.
    """
    for delivery in deliveries:
        for part in delivery.parts:
            if part.request in requests:
                for at, entries in part.rows:
                    real = ["" if entry.startswith(GAP) else entry for entry in unpack(entries)]
                    if any(real):
                        yield SampleRow(part.request, at, pack(real))


def size(entries: str) -> int:
    """How many values a row holds."""
    return sum(1 for entry in unpack(entries) if entry and entry[0] != GAP)
