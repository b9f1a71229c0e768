"""With many rows waiting a step costs what it does; samples that come again and again arrive
once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from benchmarks.reports_backlog import KINDS, backlog
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask
from ven_sdk.oadr20b.services import reports
from ven_sdk.state.reports import SampleRow


class Counted(dict[str, SampleRow]):
    """Rows that count how often one is looked at."""

    looks = 0

    def __getitem__(self, key: str) -> SampleRow:
        self.looks += 1
        return super().__getitem__(key)

    def values(self) -> Any:
        self.looks += len(self)
        return super().values()

    def items(self) -> Any:
        self.looks += len(self)
        return super().items()

    def __iter__(self) -> Iterator[str]:
        self.looks += len(self)
        return super().__iter__()


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_looks_at_the_rows_that_it_takes_and_not_at_those_that_wait(kind: str) -> None:
    ven = backlog(20_000, kind)
    rows = ven.book.samples = ven.book.tables["samples"] = Counted(ven.book.samples)
    for _ in range(3):
        rows.looks = 0
        while ven.task() is None:
            ven.run(reports.look)
        assert rows.looks < 5 * 1000
        ven.run(ven.task().accept(None))

    assert len(rows) > 15_000


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_waits_arrives_once_whoever_takes_it_over(kind: str) -> None:
    ven = backlog(5_000, kind)
    ven.deliver()
    if kind == "half inherited":
        ven.create(ask("rest", "q", every=SECOND, back=MINUTE))
        ven.now += 2 * MINUTE
        ven.deliver()
    arrived = {(r_id, at) for _, r_id, at, _, quality in ven.record if quality is None}

    assert ven.doubles() == []
    assert len({one for one in arrived if one[1] < NOON}) == 2 * 5_000


@pytest.mark.long
@pytest.mark.parametrize("regular", [True, False])
@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("back", [5 * MINUTE, 10 * MINUTE], ids=["each", "every other"])
def test_samples_that_overlap_arrive_once_and_are_not_late(
    regular: bool, restart: bool, back: timedelta
) -> None:
    ven = ReportHarness()

    def read() -> list[tuple[datetime, float]]:
        """What a logger has: the last two hours, at full seconds or at odd ones."""
        count = 7200 if regular else 600
        step = SECOND if regular else 11 * SECOND
        newest = NOON + (ven.now - NOON) // step * step
        times = [newest - number * step for number in range(count)]
        return [(at if regular else at + (at.minute % 7) * SECOND / 10, 1.0) for at in times]

    ven.point("p", read)
    ven.create(ask("rq", every=5 * MINUTE, back=back))
    ven.go(HOUR, 5 * MINUTE)
    if restart:
        ven.restart()
        ven.deliver()
    ven.go(HOUR, 5 * MINUTE)

    assert ven.doubles() == []
    assert len(ven.values()) > (10_000 if regular else 1000)
    assert reports.counters(ven.book)["samples_late"] == 0
