"""One report of 100,000 intervals: frozen, built and acknowledged, in one message and in parts.
Time and peak memory.

``python -m benchmarks.reports_large [intervals]``. The pure part first, then the text that the
codec writes.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from datetime import timedelta

from tests.oadr20b.services.harness import NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask, ok
from ven_sdk.oadr20b.codec.envelope import message as written
from ven_sdk.oadr20b.schema.reports import UpdatedReport
from ven_sdk.oadr20b.services.reports import delivery


def prepared(number: int, in_one: bool) -> ReportHarness:
    """A VEN that has the history of ``number`` seconds written down and due."""
    vtn = ReportHarness()
    vtn.point(
        "p",
        lambda date_from, date_to, sampling_interval: [(date_from + step * SECOND, step * 0.25) for step in range(number)],
        report_name="HISTORY_USAGE",
    )
    delivery.MOST_INTERVALS = delivery.MOST_VALUES = number if in_one else 1000
    vtn.create(ask("rq", every=SECOND, back=timedelta(0), start=NOON - number * SECOND, length=number * SECOND))
    return vtn


def main() -> None:
    """Run it and print the figures."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for in_one, traced in ((True, False), (False, False), (True, True), (False, True)):
        vtn = prepared(number, in_one)
        begun = time.perf_counter()
        vtn.run_due()
        frozen = time.perf_counter() - begun
        if traced:
            tracemalloc.start()
        begun, built, texts, messages, size = time.perf_counter(), 0.0, 0.0, 0, 0
        while True:
            start = time.perf_counter()
            task = vtn.task()
            built += time.perf_counter() - start
            if task is None:
                break
            start = time.perf_counter()
            size += len(written(task.record))
            texts += time.perf_counter() - start
            messages += 1
            vtn.run(task.accept(UpdatedReport(response=ok())))
            vtn.run_due()
        total = time.perf_counter() - begun
        if traced:
            print(
                f"{number:,} intervals in {messages} messages: peak "
                f"{tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB "
                "of memory while it is built and sent"
            )
            tracemalloc.stop()
        else:
            print(
                f"{number:,} intervals in {messages} messages, {size / 2**20:.1f} MiB: written "
                f"down {frozen:.2f} s; records "
                f"{built:.2f} s, text {texts:.2f} s, all until acknowledged {total:.2f} s"
            )
        assert not vtn.book.samples and not vtn.book.requests


if __name__ == "__main__":
    main()
