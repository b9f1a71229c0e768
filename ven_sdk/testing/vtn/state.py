"""Everything that ``LocalVTN`` knows and was told to do, in one object under one lock. No threads,
no messages.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Callable, Optional, Union

from ...oadr20b.schema.registration import CreatePartyRegistration
from ...oadr20b.schema.reports import CancelReport, Report, ReportRequest
from ...oadr20b.schema.responses import EiResponse
from ...runtime.clock import Clock
from ...schema.events import Event
from .events import EventTable
from .reports import SampleTable, Wishes
from .vens import Ven, VenTable

Accept = Union[bool, str, Callable[[CreatePartyRegistration], Union[bool, str]]]
REFUSED = "463"
"""What a registration that is not accepted gets, unless ``accept`` names another code."""


@dataclass
class Notes:
    """What the VTN remembers of its talk with one VEN, for the letter. ``round_began``: when the
    last round of polls began (monotonic); ``drains``: the last poll brought something; ``lists``:
    the requestIDs of lists, by the events on them.
    """

    round_began: Optional[float] = None
    drains: bool = False
    lists: dict[str, list[str]] = field(default_factory=dict)
    opted_events: set[str] = field(default_factory=set)
    listed: dict[str, Event] = field(default_factory=dict)


@dataclass
class State:
    """The VTN's memory. Who reads or changes it holds ``lock``, which is notified after every
    change.
    """

    vtn_id: str
    clock: Clock
    poll_frequency: Optional[timedelta]
    wishes: Wishes = False
    accept: Accept = True
    offers: Optional[Sequence[Report]] = None
    repeat_events: Optional[timedelta] = None
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    letter: bool = False
    keep: int = 20_000
    keep_samples: int = 1_000_000
    lock: threading.Condition = field(default_factory=threading.Condition)
    vens: VenTable = field(default_factory=VenTable)
    events: EventTable = field(default_factory=EventTable)
    for_anyone: deque[Any] = field(default_factory=deque)
    asked_by_vens: dict[tuple[str, str], ReportRequest] = field(default_factory=dict)
    riders: dict[str, CancelReport] = field(default_factory=dict)
    given: dict[str, float] = field(default_factory=dict)
    letter_notes: dict[str, Notes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples: SampleTable = SampleTable(self.keep_samples)
        self._ids = itertools.count(1)
        self.introduce()

    def introduce(self) -> None:
        """The VENs that are known beforehand."""
        for ven_name, facts in self.known.items():
            self.vens.add(ven_name, **facts)

    def forget(self) -> None:
        """A restart without memory: VENs, events and requests are gone; what arrived stays in the
        test's record.
        """
        self.vens, self.events = VenTable(), EventTable()
        self.for_anyone.clear()
        self.asked_by_vens.clear()
        self.riders.clear()
        self.given.clear()
        self.letter_notes.clear()
        self.introduce()

    def now(self) -> datetime:
        """The VTN's wall clock."""
        return self.clock.now()

    def new_id(self, prefix: str) -> str:
        """An ID that this VTN gives only once."""
        return f"{prefix}-{next(self._ids)}"

    def announce(self, ven_id: Optional[str] = None) -> None:
        """The next poll of this VEN (None: of each) gets the list of events."""
        for ven in self.vens.select(ven_id):
            ven.news = True

    def has_events(self, ven: Ven) -> bool:
        """Whether there is anything on the VEN's list."""
        return any(held.concerns(ven.ven_id) for held in self.events.held.values())


def ok(request_id: str = "", code: str = "200", description: Optional[str] = "OK") -> EiResponse:
    """An ``eiResponse``; one of success unless another code is given."""
    return EiResponse(response_code=code, response_description=description, request_id=request_id)
