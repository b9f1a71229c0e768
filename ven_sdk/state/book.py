"""All that one VEN remembers: tables of frozen records. Services read it; only transactions write,
by ``apply``.

No thread and no lock of its own: ``runtime/facts.py`` holds its locks while a step reads and while
changes are applied. The tables here are those of every protocol; a profile's own are added by a
subclass (``oadr20b/state/book.py``).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Callable, ClassVar, NamedTuple, Optional, Protocol

from ..config import Settings
from ..schema.plain import dump, load
from ..schema.points import DataPoint, Key, OfferedReport
from .change import Change
from .events import EventState
from .moments import Moments
from .outcome import ProfileBook
from .recent import RecentValues
from .registration import Registration
from .reports import (
    LastValue,
    RangeQuery,
    RequestState,
    Run,
    SampleCounts,
    SampleRow,
    Sampling,
)
from .sample_index import SampleIndex
from .store import ChangeRow, Row


class Catalogue(Protocol):
    """What this VEN offers to report."""

    changed: Optional[datetime]

    @property
    def by_key(self) -> Mapping[Key, DataPoint]:
        """The data points by (report_specifier_id, r_id)."""

    def reports(self) -> tuple[OfferedReport, ...]:
        """The data points by report."""

    @property
    def summed_points(self) -> tuple[DataPoint, ...]:
        """The data points that are sampled all the time."""

    def digest(self) -> str:
        """A text that is the same for the same catalogue."""


class HandlerNames(Protocol):
    """Which handlers the user set."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a handler of this name."""

    def leads(self) -> tuple[tuple[str, timedelta], ...]:
        """(handler name, lead) of every ``before_event`` handler."""


TableRow = Any
"""A row of a table that is named at run time; :attr:`Table.row` says its type."""


class Table(NamedTuple):
    """A table of the book. Rows of one that is not ``durable`` die with the process.

    ``uploads``: what is uploaded (opts, reports) may depend on it. ``numbered``: its keys are those
    of ``Book.next_key``.
    """

    name: str
    row: type
    durable: bool = True
    uploads: bool = True
    numbered: bool = False


def volatile(name: str, row: type) -> Table:
    """A table whose rows die with the process; nothing that is sent depends on them alone."""
    return Table(name, row, durable=False, uploads=False)


def _no_rows(_book: "Book", _event_id: str) -> tuple[Change, ...]:
    return ()


_CHANCE = random.Random()
"""The jitter of all VENs of the process: nothing that anybody must not guess."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CHANCE.seed)


class Book:
    """The tables of one VEN, with what services need to decide: settings, catalogue, randomness,
    which handlers exist.

    ``rows_of_event(book, event_id)`` gives the changes that forget what the protocol's profile
    keeps about an event, once the event is forgotten. ``registration`` is the only row of the table
    of that name. ``owed`` is an index of the table ``events``: the keys of those whose answer is
    owed. ``sample_rows`` is one of ``samples``: the rows of each request, by time.

    ``replies`` counts the replies to each exchange that has a requestID.

    Volatile tables of sampling: ``samplings`` by name, ``queries`` by request and rID. By data
    point: ``busy`` (a callback that has not returned, since when), ``known`` (last values),
    ``recent`` (the newest values, T41), ``failing`` (why the last call failed). By request:
    ``runs`` (moments sampled), ``seen`` (values last written, for reports on change), ``sent``
    (moments that went out). ``dated`` (times that came with samples) by request and rID. ``looks``:
    when the reports' step ran last (no key), and summed data points were read.
    """

    layout: ClassVar[tuple[Table, ...]] = (
        Table("registration", Registration),
        Table("events", EventState, uploads=False),
        Table("requests", RequestState),
        Table("samples", SampleRow),
        volatile("replies", int),
        volatile("samplings", Sampling),
        volatile("queries", RangeQuery),
        volatile("busy", datetime),
        volatile("known", LastValue),
        volatile("runs", tuple),
        volatile("seen", dict),
        volatile("dated", Moments),
        volatile("sent", Moments),
        volatile("counts", SampleCounts),
        volatile("looks", datetime),
        volatile("failing", str),
        volatile("recent", RecentValues),
    )

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        handlers: HandlerNames,
        *,
        chance: Optional[random.Random] = None,
        rows_of_event: Callable[[ProfileBook, str], tuple[Change, ...]] = _no_rows,
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.handlers = handlers
        self.chance: random.Random = chance or _CHANCE
        self.rows_of_event = rows_of_event
        self.tables: dict[str, dict[str, TableRow]] = {table.name: {} for table in self.layout}
        self.events: dict[str, EventState] = self.tables["events"]
        self.requests: dict[str, RequestState] = self.tables["requests"]
        self.samples: dict[str, SampleRow] = self.tables["samples"]
        self.samplings: dict[str, Sampling] = self.tables["samplings"]
        self.queries: dict[str, RangeQuery] = self.tables["queries"]
        self.busy: dict[str, datetime] = self.tables["busy"]
        self.known: dict[str, LastValue] = self.tables["known"]
        self.runs: dict[str, tuple[Run, ...]] = self.tables["runs"]
        self.seen: dict[str, dict[str, str]] = self.tables["seen"]
        self.dated: dict[str, Moments] = self.tables["dated"]
        self.sent: dict[str, Moments] = self.tables["sent"]
        self.recent: dict[str, RecentValues] = self.tables["recent"]
        self.looks: dict[str, datetime] = self.tables["looks"]
        self.failing: dict[str, str] = self.tables["failing"]
        self.registration: Registration = _NEW
        self.owed: dict[str, None] = {}
        self.sample_rows: SampleIndex = SampleIndex()
        self.versions: dict[str, int] = dict.fromkeys(self.tables, 0)
        self.replies: dict[str, int] = self.tables["replies"]
        self._secret = secrets.token_bytes(16)
        self._numbers: Iterator[int] = itertools.count(1)
        self._kinds = {table.name: table for table in self.layout}
        self.volatile: frozenset[str] = frozenset(
            table.name for table in self.layout if not table.durable
        )
        self.without_uploads: frozenset[str] = frozenset(
            table.name for table in self.layout if not table.uploads
        )

    @property
    def counts(self) -> SampleCounts:
        """What happened to samples since the start of the process."""
        found: SampleCounts = self.tables["counts"].get("", _NO_COUNTS)
        return found

    @property
    def last_look(self) -> Optional[datetime]:
        """The latest time at which the reports' step ran; None before the first time."""
        return self.looks.get("")

    def has_handler(self, name: str) -> bool:
        """Whether the user set a handler of this name."""
        return name in self.handlers

    def leads(self) -> tuple[tuple[str, timedelta], ...]:
        """(handler name, lead) of every ``before_event`` handler."""
        return self.handlers.leads()

    def next_key(self) -> str:
        """A key that sorts after all keys made before, also those of earlier runs (zero-padded
        decimal).
        """
        return f"{next(self._numbers):012d}"

    def request_id(self, name: str) -> str:
        """The requestID for the exchange ``name``: the same until its reply has come (H6), never a
        key (G7).
        """
        text = f"{name} {self.replies.get(name, 0)}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=16).hexdigest()

    def use_request_id(self, name: str) -> Change:
        """The reply to the exchange ``name`` has come: its next requestID is another one."""
        return Change("replies", name, self.replies.get(name, 0) + 1)

    def apply(self, changes: Iterable[Change]) -> None:
        """Make ``changes`` what is remembered. ``versions`` of the touched tables rise, so that
        views know.
        """
        for table, key, value in changes:
            self._set(table, key, value)
            self.versions[table] += 1

    def _set(self, table: str, key: str, value: TableRow) -> None:
        rows = self.tables[table]
        if table == "samples":
            self.sample_rows.set(key, rows.get(key), value)
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value
        if table == "events":
            self._index_event(key, value)
        elif table == "registration" and not key:
            self.registration = _NEW if value is None else value

    def _index_event(self, key: str, state: Optional[EventState]) -> None:
        if state is not None and state.owed:
            self.owed[key] = None
        else:
            self.owed.pop(key, None)

    def restore(self, rows: Iterable[Row]) -> tuple[str, ...]:
        """Take in what a store holds; returns a sentence for every row that could not be understood
        (it is left out).
        """
        bad: list[str] = []
        highest = 0
        for table, key, value in rows:
            try:
                kind = self._kinds[table]
                self._set(table, key, load(kind.row, json.loads(value)))
            except Exception as cause:
                bad.append(
                    f"Row {key!r} of table {table!r} could not be read and is left out: {cause}"
                )
                continue
            if kind.numbered and key.isdigit():
                highest = max(highest, int(key))
        self._numbers = itertools.count(highest + 1)
        return tuple(bad)

    def rows_of(self, changes: Iterable[Change]) -> list[ChangeRow]:
        """``changes`` as a store takes them; those of volatile tables are left out."""
        return [
            ChangeRow(
                table,
                key,
                None if value is None else json.dumps(dump(value), separators=(",", ":")),
            )
            for table, key, value in changes
            if table not in self.volatile
        ]


_NEW, _NO_COUNTS = Registration(), SampleCounts()
