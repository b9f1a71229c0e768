"""All that one VEN remembers: tables of frozen records. Services read it; only the engine writes,
by ``apply``.

No thread and no lock of its own: the engine holds its lock while a step reads and while changes are
applied.
"""

from __future__ import annotations

import itertools
import json
import random
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..config import Settings
from ..schema.plain import dump, load
from .events import EventState
from .opts import OptState
from .outcome import Change
from .records import Answer, Registration
from .reports import Delivery, RequestState, SampleRow
from .store import ChangeRow, Row

if TYPE_CHECKING:
    from ..points.catalogue import Catalogue

TABLES: Mapping[str, type] = {
    "registration": Registration,
    "answers": Answer,
    "events": EventState,
    "opts": OptState,
    "requests": RequestState,
    "samples": SampleRow,
    "deliveries": Delivery,
    "nonces": str,
}

VOLATILE = frozenset({"collecting"})
"""Tables that die with the process: values being collected, not yet a row of ``samples``."""
TALKED_OF = VOLATILE | {"events", "nonces"}
"""Tables on which nothing depends that the ``post`` lane sends."""


def _never(_name: str) -> bool:
    return False


def _no_rows(_book: "Book", _event_id: str) -> tuple[Change, ...]:
    return ()


class Book:
    """The tables of one VEN, with what services need to decide: settings, catalogue, randomness,
    which handlers exist.

    ``has_handler(name)`` says whether the user set a handler; ``leads()`` gives (handler name,
    lead) of every ``before_event`` handler. ``rows_of_event(book, event_id)`` gives the changes
    that forget what the protocol's profile keeps about an event, once the event is forgotten.
    ``owed`` is an index of the table ``events``: the keys of those whose answer is owed.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: "Catalogue",
        *,
        chance: Optional[random.Random] = None,
        rows_of_event: Callable[["Book", str], tuple[Change, ...]] = _no_rows,
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.chance = chance or random.SystemRandom()
        self.rows_of_event = rows_of_event
        self.has_handler: Callable[[str], bool] = _never
        self.leads: Callable[[], tuple[tuple[str, timedelta], ...]] = tuple
        self.tables: dict[str, dict[str, Any]] = {name: {} for name in (*TABLES, *VOLATILE)}
        self.events: dict[str, EventState] = self.tables["events"]
        self.opts: dict[str, OptState] = self.tables["opts"]
        self.requests: dict[str, RequestState] = self.tables["requests"]
        self.samples: dict[str, SampleRow] = self.tables["samples"]
        self.deliveries: dict[str, Delivery] = self.tables["deliveries"]
        self.answers: dict[str, Answer] = self.tables["answers"]
        self.nonces: dict[str, str] = self.tables["nonces"]
        self.collecting: dict[str, Any] = self.tables["collecting"]
        self.owed: dict[str, None] = {}
        self.versions: dict[str, int] = dict.fromkeys(self.tables, 0)
        self.request_ids: dict[str, str] = {}
        self._numbers: Iterator[int] = itertools.count(1)

    @property
    def registration(self) -> Registration:
        """Where the VEN stands with its VTN."""
        found: Registration = self.tables["registration"].get("", _NEW)
        return found

    def next_key(self) -> str:
        """A key that sorts after all keys made before, also those of earlier runs (zero-padded
        decimal).
        """
        return f"{next(self._numbers):012d}"

    def request_id(self, name: str) -> str:
        """The requestID for the exchange ``name``: the same until its reply has come (H6), never a
        key (G7).
        """
        return self.request_ids.setdefault(name, secrets.token_hex(16))

    def apply(self, changes: Iterable[Change]) -> None:
        """Make ``changes`` what is remembered. ``versions`` of the touched tables rise, so that
        views know.
        """
        for table, key, value in changes:
            rows = self.tables[table]
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
            self.versions[table] += 1
            if table == "events":
                self._index(key, value)

    def _index(self, key: str, state: Optional[EventState]) -> None:
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
                self.tables[table][key] = load(TABLES[table], json.loads(value))
            except Exception as cause:
                bad.append(
                    f"Row {key!r} of table {table!r} could not be read and is left out: {cause}"
                )
            if key.isdigit() and table in ("answers", "samples", "deliveries"):
                highest = max(highest, int(key))
        self._numbers = itertools.count(highest + 1)
        self.owed = {key: None for key, state in self.events.items() if state.owed}
        return tuple(bad)


def rows_of(changes: Iterable[Change]) -> list[ChangeRow]:
    """``changes`` as a store takes them."""
    return [
        ChangeRow(
            table, key, None if value is None else json.dumps(dump(value), separators=(",", ":"))
        )
        for table, key, value in changes
        if table not in VOLATILE
    ]


_NEW = Registration()
