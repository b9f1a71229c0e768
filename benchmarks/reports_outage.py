"""A day without the VTN, 20 data points every 10 s: all samples arrive afterwards, in order, in how
many messages?

``python -m benchmarks.reports_outage``. Simulated time; also the size of what the store would hold,
and of the messages.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

from tests.oadr20b.services.harness import HOUR, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask
from ven_sdk.oadr20b.codec.envelope import message as written
from ven_sdk.schema import plain

POINTS, EVERY = 20, 10 * SECOND


def main() -> None:
    """Run it and print the figures."""
    vtn = ReportHarness()
    names = [f"p{number}" for number in range(POINTS)]
    meters = {name: vtn.point(name) for name in names}
    vtn.create(ask("rq", *names, every=EVERY, back=timedelta(minutes=1)))
    begun = time.perf_counter()
    vtn.advance(24 * HOUR)
    collected = time.perf_counter() - begun
    held = sum(map(sys.getsizeof, vtn.book.samples)) + sum(
        sys.getsizeof(row) + sys.getsizeof(row.entries) + sys.getsizeof(row.at) + 280 for row in vtn.book.samples.values()
    )
    stored = sum(len(json.dumps(plain.dump(row))) for row in vtn.book.samples.values())
    begun = time.perf_counter()
    messages = vtn.deliver()
    delivered = time.perf_counter() - begun
    sizes = [len(written(message)) for message in messages]
    for name in names:
        arrived = [value for _, value in vtn.values("rq", name)]
        assert arrived == [value for _, value in meters[name].given][: len(arrived)]
    samples = len(vtn.record)
    assert samples == POINTS * 24 * 360 and not vtn.doubles()
    print(f"samples {samples:,}, messages {len(messages)}, largest {max(sizes):,} bytes, all {sum(sizes):,} bytes")
    print(f"backlog in memory {held / 2**20:.1f} MiB (rows), in the store {stored / 2**20:.1f} MiB")
    print(
        f"collected in {collected:.1f} s ({samples / collected:,.0f} samples/s), "
        f"delivered in {delivered:.1f} s ({samples / delivered:,.0f} samples/s)"
    )


if __name__ == "__main__":
    main()
