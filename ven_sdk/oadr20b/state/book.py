"""The book of a VEN whose protocol is 2.0b: the tables of every protocol, and those of its own."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Callable, ClassVar, Optional

from ...config import Settings
from ...state import book as shared
from ...state.book import Catalogue, HandlerNames, Table, volatile
from ...state.change import Change
from ..schema.events import EventResponse
from ..schema.reports import Report
from .answers import Answer
from .deliveries import Delivery
from .event_list import EventList
from .opts import OptState

_NO_LIST = EventList()


class Book(shared.Book):
    """The tables of one VEN. ``suspects`` are event answers of which one at least was refused;
    ``offers`` is the VTN's catalogue, ``received`` its newest data, ``list_due`` from when on a VEN
    that goes on in another process wants the list of events. All four die with the process, as the
    last list of events does.
    """

    layout: ClassVar[tuple[Table, ...]] = (
        *shared.Book.layout,
        Table("answers", Answer, numbered=True),
        Table("opts", OptState),
        Table("deliveries", Delivery, numbered=True),
        Table("nonces", str, uploads=False),
        volatile("event_list", EventList),
        volatile("list_due", datetime),
        volatile("suspects", frozenset),
        volatile("offers", tuple),
        volatile("received", tuple),
    )

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        handlers: HandlerNames,
        *,
        chance: Optional[random.Random] = None,
        rows_of_event: Callable[[Book, str], tuple[Change, ...]],
    ) -> None:
        super().__init__(settings, catalogue, handlers, chance=chance, rows_of_event=rows_of_event)
        self.answers: dict[str, Answer] = self.tables["answers"]
        self.opts: dict[str, OptState] = self.tables["opts"]
        self.deliveries: dict[str, Delivery] = self.tables["deliveries"]
        self.nonces: dict[str, str] = self.tables["nonces"]

    @property
    def event_list(self) -> EventList:
        """What the last list of events left behind."""
        found: EventList = self.tables["event_list"].get("", _NO_LIST)
        return found

    @property
    def list_due(self) -> Optional[datetime]:
        """From when on the list of events is wanted, beside what the registration says."""
        found: Optional[datetime] = self.tables["list_due"].get("")
        return found

    @property
    def suspects(self) -> frozenset[EventResponse]:
        """Event answers of which one at least was refused."""
        found: frozenset[EventResponse] = self.tables["suspects"].get("", frozenset())
        return found

    @property
    def offers(self) -> tuple[Report, ...]:
        """The metadata reports that the VTN offered."""
        found: tuple[Report, ...] = self.tables["offers"].get("", ())
        return found

    @property
    def received(self) -> tuple[Report, ...]:
        """The newest data that the VTN sent, oldest first."""
        found: tuple[Report, ...] = self.tables["received"].get("", ())
        return found
