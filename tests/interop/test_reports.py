"""Usage reports to openleadr's VTN by a clock that is moved by hand: what it gets is what the
callbacks gave.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.peers.openleadr_peer import OpenleadrVTN
from ven_sdk import OpenADRClient
from ven_sdk.testing import ManualClock

START = datetime(2030, 3, 1, 7, 59, 13, tzinfo=timezone.utc)
PERIODS = 4


class Meter:
    """Counts, and remembers what it said for which moment."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.said = clock, []

    def read(self) -> float:
        self.said.append((self.clock.now(), len(self.said) + 0.125))
        return self.said[-1][1]

    def range(
        self, date_from: datetime, date_to: datetime, sampling_interval: timedelta
    ) -> list[tuple[datetime, float]]:
        found, moment = [], date_from
        while moment < date_to:
            found.append((moment, len(self.said) + 0.5))
            self.said.append(found[-1])
            moment += sampling_interval
        return found


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize(
    "granularity", [timedelta(seconds=90), timedelta(minutes=45)], ids=["90 s", "45 min"]
)
def test_what_arrives_is_what_the_callbacks_gave_at_even_moments(
    granularity: timedelta, mode: str
) -> None:
    clock = ManualClock(START)
    meter = Meter(clock)
    with OpenleadrVTN(
        report_requests=[{"sampling_interval": granularity, "report_interval": 2 * granularity}]
    ) as vtn:
        ven = OpenADRClient(
            "metered",
            vtn.url,
            poll_frequency=timedelta(hours=20),
            allow_jitter=False,
            clock=clock,
        )
        ven.add_report(
            callback=meter.read if mode == "incremental" else meter.range,
            resource_id="r",
            measurement="powerReal",
            sampling_rate=granularity,
            data_collection_mode=mode,
        )
        ven.start()
        with ven:
            vtn.wait_for("report_confirmation", 10)
            got = delivered(vtn, ven, clock, granularity)
    said: dict[datetime, Any] = {
        floored(moment, granularity): value for moment, value in meter.said
    }
    assert [moment for moment, _ in got] == sorted({moment for moment, _ in got}), (
        "in order, none twice"
    )
    assert all(floored(moment, granularity) == moment for moment, _ in got), "even moments"
    assert got == [(moment, said[moment]) for moment, _ in got]
    assert [(b - a) for (a, _), (b, _) in zip(got, got[1:])] == [granularity] * (len(got) - 1), (
        "no gap"
    )


def delivered(
    vtn: OpenleadrVTN, ven: OpenADRClient, clock: ManualClock, granularity: timedelta
) -> list[tuple[datetime, float]]:
    """Move the clock from raster to raster, letting the VEN finish at each."""
    for _ in range(2 * PERIODS + 2):
        clock.advance_to(floored(clock.now(), granularity) + granularity)
        clock.wait_for_sleepers()
        settle(ven)
    pairs = [pair for seen in vtn.seen("report_data") for pair in seen["values"]]
    assert len(pairs) >= 2 * PERIODS
    return [(moment, value) for moment, value in pairs]


def settle(ven: OpenADRClient) -> None:
    """Until no thread of the VEN has anything to do: thrice in a row, for one hands on to
    another.
    """
    pause, quiet = threading.Event(), 0
    for _ in range(500):
        busy = (
            any(
                pool.count_waiting() or pool.count_running()
                for pool in ven._engine.runtime.pools.values()
            )
            or ven._engine.book.deliveries
        )
        quiet = 0 if busy else quiet + 1
        if quiet == 3:
            return
        pause.wait(0.01)
    raise AssertionError(f"the VEN did not come to rest: {ven.status}")


def floored(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) % step


def test_a_vtn_that_fails_over_two_values_in_one_interval_gets_each_in_its_own(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """openleadr's VTN answers HTTP 500 to what the schema allows; nothing is lost, and it is
    learned for the next time.
    """
    numbers = iter(range(10_000))
    with OpenleadrVTN(report_requests=[{"sampling_interval": timedelta(seconds=1)}]) as vtn:
        ven = OpenADRClient("two points", vtn.url, allow_jitter=False)
        for resource in ("a", "b"):
            ven.add_report(
                callback=lambda: next(numbers),
                resource_id=resource,
                measurement="powerReal",
                sampling_rate=1,
            )
        ven.start(wait=10)
        with ven:
            vtn.wait_for("report_data", 20, count=8)
        failures = [seen for seen in vtn.seen("update_report") if seen["status"] == 500]
        data = vtn.seen("report_data")
    taken = sorted(value for seen in data for _, value in seen["values"])
    assert taken == list(range(len(taken))), "every value once, in order, from the first"
    assert len(failures) == 3, "learned after the first message"
