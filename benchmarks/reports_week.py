"""A simulated week of reports: many data points, outages, lost acknowledgements, new registrations,
failing callbacks.

``python -m benchmarks.reports_week [hours]`` prints what was taken, delivered and dropped, and
fails unless each value that a callback returned for a running request stands exactly once in the
VTN's record. One thread, a clock moved by hand; what was expected is computed from the callbacks'
own log and the calendar, not from the state of the services.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Optional

from tests.oadr20b.services.harness import MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask, ok
from ven_sdk.oadr20b.schema.reports import ReportRequest, UpdatedReport, UpdateReport
from ven_sdk.oadr20b.services import reports

GAP = timedelta(seconds=40)
"""How long a new registration takes until the VTN asks for its reports again."""


class Shape(NamedTuple):
    """What the VTN wants, registration after registration: minutes, data points, and whether it
    names a start.
    """

    every: int
    back: int
    first: int
    last: int
    anchored: bool = False


SHAPES = (
    Shape(1, 5, 0, 50),
    Shape(2, 10, 0, 25),
    Shape(5, 15, 10, 40),
    Shape(5, 60, 0, 50),
    Shape(10, 30, 25, 50),
    Shape(15, 60, 0, 10),
    Shape(15, 15, 5, 15, True),
    Shape(30, 120, 0, 50),
    Shape(60, 60, 20, 30),
    Shape(1, 60, 40, 50),
)


@dataclass
class Table:
    """What the run came to."""

    returned: int = 0
    failed: int = 0
    expected: int = 0
    delivered: int = 0
    waiting: int = 0
    missing: int = 0
    doubled: int = 0
    wrong: int = 0
    invented: int = 0
    gaps_marked: int = 0
    messages: int = 0
    repeats: int = 0
    dropped: int = 0
    late: int = 0
    seconds: float = 0.0
    samples_per_second: float = 0.0


@dataclass
class Week:
    """One run. ``hours`` of simulated time; outages and registrations are spread over them."""

    hours: int = 168
    points: int = 50
    outages: int = 20
    longest_outage: timedelta = timedelta(hours=6)
    registrations: int = 5
    failing: float = 0.01
    seed: int = 1
    restarts: int = 0
    log: dict[tuple[str, datetime], str] = field(default_factory=dict)
    failed: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.ven = ReportHarness(max_backlog=timedelta(days=30), allow_jitter=True, seed=self.seed)
        self.end = NOON + timedelta(hours=self.hours)
        self.record: dict[tuple[int, str, datetime], list[Any]] = {}
        self.known: dict[str, UpdateReport] = {}
        self.spans: list[tuple[datetime, Optional[datetime]]] = []
        self.generation = 0
        self.table = Table()
        for number in range(self.points):
            self.ven.point(f"p{number:02d}", self._meter(f"p{number:02d}"))

    def _meter(self, r_id: str) -> Any:
        def read() -> Any:
            if self.chance.random() < self.failing:
                self.failed += 1
                return self.chance.choice((lambda: None, lambda: float("nan"), lambda: 1 / 0))()
            moment = self.ven.now.replace(microsecond=0)
            value = round(self.chance.uniform(0, 500), 3)
            assert (r_id, moment) not in self.log, "one data point was read twice for one moment"
            self.log[r_id, moment] = repr(value)
            return value

        return read

    # --- the VTN's side ---------------------------------------------------------------------------

    def _requests(self) -> list[ReportRequest]:
        return [
            ask(
                f"{self.generation}/{index}",
                *(f"p{number:02d}" for number in range(shape.first, min(shape.last, self.points))),
                every=shape.every * MINUTE,
                back=shape.back * MINUTE,
                start=NOON if shape.anchored else None,
            )
            for index, shape in enumerate(SHAPES)
            if shape.first < self.points
        ]

    def _register(self) -> None:
        if self.spans:
            self.spans[-1] = (self.spans[-1][0], self.ven.now)
            self.ven.run(reports.forget_requests)
            self.ven.advance(GAP)
        self.generation += 1
        self.spans.append((self.ven.now, None))
        self.ven.create(*self._requests())

    def _take(self, message: UpdateReport) -> None:
        if message.request_id in self.known:
            assert self.known[message.request_id] == message, "a message was resent with another content"
            self.table.repeats += 1
            return
        self.known[message.request_id] = message
        for report in message.reports:
            index = int(report.report_request_id.split("/")[1])
            for interval in report.intervals:
                for one in interval.report_payloads:
                    if one.data_quality is not None:
                        self.table.gaps_marked += 1
                        continue
                    self.record.setdefault((index, one.r_id, interval.dtstart), []).append(one.value)

    def _talk(self, online: bool) -> None:
        """Send what is due. Off line the message is lost before the VTN, or its acknowledgement
        is.
        """
        while True:
            self.ven.run_due()
            task = self.ven.task()
            if task is None:
                return
            if not online:
                if self.chance.random() < 0.5:
                    self._take(task.record)
                return
            self._take(task.record)
            self.ven.run(task.accept(UpdatedReport(response=ok(task.record.request_id))))

    # --- the run ----------------------------------------------------------------------------------

    def _plan(self) -> list[tuple[datetime, str, timedelta]]:
        """What happens when; registrations and restarts fall between the outages."""
        slots = self.outages + self.registrations + self.restarts
        width = timedelta(hours=self.hours) / (slots + 1)
        kinds = ["outage"] * self.outages + ["register"] * self.registrations + ["restart"] * self.restarts
        self.chance.shuffle(kinds)
        found = []
        for number, kind in enumerate(kinds):
            at = NOON + width * (number + 0.2) + timedelta(seconds=self.chance.randrange(60))
            longest = min(self.longest_outage, width * 0.75)
            length = timedelta(seconds=60 * (longest.total_seconds() / 60) ** self.chance.random())
            found.append((at.replace(microsecond=0), kind, length))
        return found

    def run(self) -> Table:
        """Everything, and the comparison."""
        begun = time.perf_counter()
        self._register()
        until = NOON
        for at, kind, length in [*self._plan(), (self.end, "end", timedelta(0))]:
            while self.ven.now < at:
                self.ven.advance(min(30 * SECOND, at - self.ven.now))
                self._talk(self.ven.now >= until)
            if kind == "outage":
                until = self.ven.now + length
            elif kind == "register":
                self._register()
            elif kind == "restart":
                self.ven.restart()
            self.ven.calls.clear()
            self.ven.notes.clear()
        self._talk(True)
        self.table.seconds = time.perf_counter() - begun
        return self._compare()

    def _compare(self) -> Table:
        table, counters = self.table, reports.counters(self.ven.book)
        expected = self._expected()
        waiting = self._waiting()
        table.returned, table.failed, table.messages = len(self.log), self.failed, len(self.known)
        table.expected, table.waiting = len(expected), len(waiting)
        table.dropped, table.late = counters["samples_dropped"], counters["samples_late"]
        table.delivered = sum(map(len, self.record.values()))
        table.doubled = sum(len(values) > 1 for values in self.record.values())
        table.missing = sum(key not in self.record and key not in waiting for key in expected)
        table.invented = sum(key not in expected for key in self.record)
        table.wrong = sum(repr(values[0]) != expected[key] for key, values in self.record.items() if key in expected)
        table.samples_per_second = round(table.delivered / max(table.seconds, 1e-9))
        return table

    def _expected(self) -> dict[tuple[int, str, datetime], str]:
        """From the callbacks' log: which shape wants which moment, while its requests ran."""
        found = {}
        for (r_id, moment), value in self.log.items():
            number = int(r_id[1:])
            running = any(since <= moment and (until is None or moment <= until) for since, until in self.spans)
            for index, shape in enumerate(SHAPES):
                origin = NOON if shape.anchored else datetime.fromtimestamp(0, NOON.tzinfo)
                if running and shape.first <= number < shape.last and not (moment - origin) % (shape.every * MINUTE):
                    found[index, r_id, moment] = value
        return found

    def _waiting(self) -> dict[tuple[int, str, datetime], str]:
        """What stands in the book for a delivery that is not due yet."""
        found = {}
        for row in self.ven.book.samples.values():
            request = self.ven.book.requests[row.request]
            index = int(request.report_request_id.split("/")[1])
            found.update({(index, r_id, row.at): entry for r_id, entry in zip(request.r_ids, row.entries.split("\t")) if entry})
        return found


def check(table: Table) -> None:
    """Each returned sample once, with its own value; nothing else."""
    assert table.expected > 0
    assert (table.missing, table.doubled, table.wrong, table.invented) == (0, 0, 0, 0), table
    assert (table.dropped, table.late) == (0, 0), table
    assert table.delivered + table.waiting == table.expected, table


def main() -> None:
    hours = int(sys.argv[1]) if len(sys.argv) > 1 else 168
    table = Week(hours=hours, restarts=3).run()
    for name, value in vars(table).items():
        print(f"{name:20} {value:>14,}" if isinstance(value, int) else f"{name:20} {value:>14,.1f}")
    check(table)


if __name__ == "__main__":
    main()
