"""What a delivery step costs with many rows waiting: the work under the lock grows with what is
done, not with the backlog. ``python -m benchmarks.reports_backlog [ROWS ...]``.

Each line: rows that wait, whether they were taken for the request that delivers or inherited from
one that ended (under one of the same data points, and under one of half of them), milliseconds for
a step that makes a message, and for one that has nothing to do.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import timedelta
from typing import Any

from tests.oadr20b.services.harness import MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask
from ven_sdk.oadr20b.services import reports
from ven_sdk.points.tables import row_key
from ven_sdk.state.change import Change
from ven_sdk.state.reports import SampleRow

KINDS = ("own", "inherited", "half inherited")


def backlog(rows: int, kind: str) -> ReportHarness:
    """A VEN with ``rows`` rows of two data points that wait, and a request whose report is due."""
    ven = ReportHarness(max_backlog=timedelta(days=3650))
    ven.point("p")
    ven.point("q")
    ven.create(ask("old", "p", "q", every=SECOND, back=MINUTE))
    first = NOON - rows * SECOND
    ven.book.apply(
        Change("samples", row_key("old", at), SampleRow("old", at, "1\t2")) for at in (first + number * SECOND for number in range(rows))
    )
    if kind != "own":
        ven.run(reports.forget_requests)
        names = ("p", "q") if kind == "inherited" else ("p",)
        ven.create(ask("new", *names, every=SECOND, back=MINUTE))
    ven.now += 2 * MINUTE
    return ven


def step_times(ven: ReportHarness, steps: int = 20) -> tuple[float, float]:
    """Milliseconds of a step that makes a message and of one that has nothing to do (medians)."""
    making: list[float] = []
    for _ in range(steps):
        while ven.task() is None:
            begun = time.perf_counter()
            ven.run(reports.look)
            making.append(time.perf_counter() - begun)
        task: Any = ven.task()
        ven.run(task.accept(None))
    idle: list[float] = []
    for _ in range(steps + 2):
        begun = time.perf_counter()
        ven.run(reports.look)
        idle.append(time.perf_counter() - begun)
    return statistics.median(making) * 1000, statistics.median(idle) * 1000


def main() -> None:
    """Print the table."""
    sizes = [int(text) for text in sys.argv[1:]] or [4_000, 40_000, 400_000]
    print(f"{'rows':>8}  {'taken by':16} {'message':>9} {'other':>9}")
    for kind in KINDS:
        for rows in sizes:
            message, other = step_times(backlog(rows, kind), 4)
            print(f"{rows:8,}  {kind:16} {message:6.2f} ms {other:6.2f} ms")


if __name__ == "__main__":
    main()
