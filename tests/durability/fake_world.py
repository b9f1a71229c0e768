"""A whole VEN without threads and without time: the real engine, conversation and services on a
clock moved by hand.

Pools run what they are given one after another; a VTN of records answers in the place of the
exchange. So a month takes seconds, and a failure can be put at any place.
"""

from __future__ import annotations

import logging
import random
from collections import Counter, deque
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Any, Callable, Optional

from ven_sdk.config import settings
from ven_sdk.errors import VenError
from ven_sdk.log import Repeats
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.oadr20b.profile import Profile20b
from ven_sdk.oadr20b.schema.events import DistributeEvent
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration, Response
from ven_sdk.oadr20b.schema.reports import (
    RegisteredReport,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
)
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.oadr20b.services import opts
from ven_sdk.oadr20b.state.book import Book
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.runtime.engine import Engine
from ven_sdk.runtime.runtime import Runtime
from ven_sdk.schema.common import Payload
from ven_sdk.schema.events import Event
from ven_sdk.state.memory import MemoryStore
from ven_sdk.tasks import ReceivedReply
from ven_sdk.testing import ManualClock
from ven_sdk.testing.vtn.builders import event as built_event
from ven_sdk.usercode.handlers import Handlers, Hooks
from ven_sdk.ven import Ven

Sample = tuple[str, datetime]


def reply(kind: Any, code: str = "200", **facts: Any) -> Any:
    return kind(response=EiResponse(response_code=code, request_id="r"), **facts)


class FakeVTN:
    """Answers records with records. ``fail`` is called with every message first and may raise or
    give another reply.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.deviations = Repeats(logging.getLogger("ven_sdk.oadr20b.exchange"))
        self.offset: Optional[timedelta] = None
        self.identity = SigningIdentity(secure=False)
        self.hooks = Hooks()
        self.fail: Callable[[Payload], Any] = lambda record: None
        self.counts: Counter[str] = Counter()
        self.events: dict[str, Event] = {}
        self.answered: dict[str, str] = {}
        self.samples: dict[Sample, set[tuple[Any, str]]] = {}
        self.order: list[datetime] = []
        self.keep_samples = True
        self.unsaid = False
        self.serial = 0
        self.wish: Optional[tuple[float, float]] = None

    def post(self, record: Payload, service: str = "") -> ReceivedReply:
        self.counts[record.wire_name] += 1
        other = self.fail(record)
        if other is not None:
            return ReceivedReply(None if other == "empty" else other)
        found = self.handle(record)
        return ReceivedReply(found, self.offset)

    def handle(self, record: Any) -> Any:
        answer = getattr(self, f"_{type(record).__name__}", None)
        return answer(record) if answer else reply(Response)

    def _QueryRegistration(self, record: Any) -> Any:
        return reply(CreatedPartyRegistration, vtn_id="vtn")

    def _CreatePartyRegistration(self, record: Any) -> Any:
        return reply(
            CreatedPartyRegistration, vtn_id="vtn", ven_id="ven-1", registration_id="reg-1"
        )

    def _RegisterReport(self, record: Any) -> Any:
        return reply(RegisteredReport, report_requests=self.requests(record))

    def requests(self, record: Any) -> tuple[ReportRequest, ...]:
        if self.wish is None:
            return ()
        granularity, back = self.wish
        return tuple(
            ReportRequest(
                report_request_id=f"rq-{offer.report_specifier_id}",
                report_specifier=ReportSpecifier(
                    report_specifier_id=offer.report_specifier_id,
                    granularity=timedelta(seconds=granularity),
                    report_back_duration=timedelta(seconds=back),
                    specifier_payloads=tuple(
                        SpecifierPayload(r_id=point.r_id) for point in offer.report_descriptions
                    ),
                ),
            )
            for offer in record.reports
        )

    def _RequestEvent(self, record: Any) -> Any:
        return self.listed()

    def _Poll(self, record: Any) -> Any:
        return self.listed() if self.unsaid else reply(Response)

    def listed(self) -> DistributeEvent:
        self.serial += 1
        self.unsaid = False
        return reply(
            DistributeEvent,
            request_id=f"list-{self.serial}",
            vtn_id="vtn",
            events=tuple(self.events.values()),
        )

    def _CreatedEvent(self, record: Any) -> Any:
        for answer in record.event_responses:
            self.answered[answer.event_id] = answer.opt_type
        return reply(Response)

    def _UpdateReport(self, record: Any) -> Any:
        for report in record.reports if self.keep_samples else ():
            for interval in report.intervals:
                self.order.append(interval.dtstart)
                for point in interval.report_payloads:
                    self.samples.setdefault((point.r_id, interval.dtstart), set()).add(
                        (str(point), record.request_id)
                    )
        return reply(UpdatedReport)

    def add(self, event_id: str, in_seconds: float = 3600, seconds: float = 600) -> None:
        """One more event, told at the next poll."""
        self.events[event_id] = built_event(
            self.clock.now(), event_id=event_id, dtstart=in_seconds, intervals=[(seconds, 1)]
        )
        self.unsaid = True

    def drop(self, event_id: str) -> None:
        """Off the list."""
        del self.events[event_id]
        self.unsaid = True

    @property
    def doubles(self) -> list[Sample]:
        """Data points and times with two values, or in two messages."""
        return [key for key, found in self.samples.items() if len(found) > 1]


class Jobs:
    """All pools of a :class:`World` in one queue: what is submitted runs in order when the world
    runs.
    """

    is_full = False

    def __init__(self) -> None:
        self.queue: deque[Callable[[], None]] = deque()

    def submit(self, key: Hashable, function: Callable[[], None], about: str = "") -> None:
        self.queue.append(function)

    def run(self) -> bool:
        """Whether there was anything to run."""
        ran = bool(self.queue)
        while self.queue:
            self.queue.popleft()()
        return ran

    def count_waiting(self) -> int:
        return len(self.queue)

    def stuck(self) -> tuple[Any, ...]:
        return ()

    def settle(self, timeout: float) -> bool:
        return True


class FakeRuntime(Runtime):
    """The runtime without threads: one queue in the place of all pools."""

    def __init__(self, clock: ManualClock) -> None:
        self.jobs = Jobs()
        super().__init__(clock=clock)

    def _make_pools(self) -> None:
        self.pools = dict.fromkeys(self._sizes, self.jobs)  # type: ignore[arg-type]

    def _close_pools(self, timeout: float) -> tuple[str, ...]:
        return ()


class World:
    """A VEN, its VTN and their time. ``ven`` is what a user would have, ``run`` lets time pass."""

    def __init__(self, *, seed: int = 1, store: Any = None, **arguments: Any) -> None:
        self.clock = ManualClock()
        self.vtn = FakeVTN(self.clock)
        self.runtime = FakeRuntime(self.clock)
        self.handlers, catalogue = Handlers(), Catalogue()
        chosen = settings(
            "ven", "http://vtn", **{"poll_frequency": 10, "allow_jitter": False, **arguments}
        )
        book = Book(
            chosen,
            catalogue,
            self.handlers,
            chance=random.Random(seed),
            rows_of_event=opts.forget_event,
        )
        self.engine = Engine(
            "ven",
            book,
            self.runtime,
            Profile20b(self.vtn),  # type: ignore[arg-type]
            self.handlers,
            store if store is not None else MemoryStore(),
            self.vtn.deviations,
        )
        self.ven = Ven(chosen, self.engine, self.handlers, Hooks(), catalogue)
        self.handlers.add_handler("on_event", lambda event: "optIn")

    def start(self) -> "World":
        self.engine.open_store()
        self.engine.restore()
        self.engine.start()
        self.runtime.jobs.run()
        return self

    def run(self, seconds: float) -> None:
        """Let time pass from one timer to the next, doing all that is due."""
        end = self.clock.monotonic() + seconds
        while True:
            wait = self.runtime.scheduler.run_due()
            if self.runtime.jobs.run():
                continue
            left = end - self.clock.monotonic()
            if wait is None or wait >= left:
                self.clock.advance(max(0.0, left))
                self.runtime.scheduler.run_due()
                self.runtime.jobs.run()
                return
            self.clock.advance(max(wait, 1e-6))

    def until(self, condition: Callable[[], Any], seconds: float = 3600) -> float:
        """Let time pass until ``condition()``; how long that was. AssertionError when it did not
        come about.
        """
        begun = self.clock.monotonic()
        while not condition():
            assert self.clock.monotonic() - begun < seconds, (
                f"not within {seconds} s; {self.ven.status}"
            )
            self.run(0.25)
        return self.clock.monotonic() - begun


def failure(error: VenError) -> Callable[[Payload], Any]:
    """Every message fails so."""

    def fail(record: Payload) -> Any:
        raise error

    return fail
