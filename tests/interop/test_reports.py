"""Usage reports to openleadr's VTN by a clock that is moved by hand: what it gets is what the callbacks gave."""
from __future__ import annotations

import functools
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Tuple

import pytest

from tests.peers.openleadr_peer import OpenleadrVTN
from ven_sdk import OpenADRClient, client
from ven_sdk.runtime.runtime import Runtime
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

    def range(self, date_from: datetime, date_to: datetime, sampling_interval: timedelta) -> List[Tuple[datetime, float]]:
        found, moment = [], date_from
        while moment < date_to:
            found.append((moment, len(self.said) + 0.5))
            self.said.append(found[-1])
            moment += sampling_interval
        return found


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize("granularity", [timedelta(seconds=90), timedelta(minutes=45)], ids=["90 s", "45 min"])
def test_what_arrives_is_what_the_callbacks_gave_at_even_moments(
        monkeypatch: pytest.MonkeyPatch, granularity: timedelta, mode: str) -> None:
    clock = ManualClock(START)
    monkeypatch.setattr(client, "Runtime", functools.partial(Runtime, clock=clock))
    meter = Meter(clock)
    with OpenleadrVTN(report_requests=[{"sampling_interval": granularity, "report_interval": 2 * granularity}]) as vtn:
        ven = OpenADRClient("metered", vtn.url, poll_frequency=timedelta(hours=20), allow_jitter=False)
        ven.add_report(callback=meter.read if mode == "incremental" else meter.range, resource_id="r", measurement="powerReal",
                       sampling_rate=granularity, data_collection_mode=mode)
        ven.start()
        with ven:
            vtn.wait_for("report_confirmation", 10)
            got = delivered(vtn, clock, granularity)
    said: Dict[datetime, Any] = {floored(moment, granularity): value for moment, value in meter.said}
    assert [moment for moment, _ in got] == sorted({moment for moment, _ in got}), "in order, none twice"
    assert all(floored(moment, granularity) == moment for moment, _ in got), "even moments"
    assert got == [(moment, said[moment]) for moment, _ in got]
    assert [(b - a) for (a, _), (b, _) in zip(got, got[1:])] == [granularity] * (len(got) - 1), "no gap"


def delivered(vtn: OpenleadrVTN, clock: ManualClock, granularity: timedelta) -> List[Tuple[datetime, float]]:
    """Move the clock from raster to raster until so many deliveries came."""
    for step in range(2 * PERIODS + 4):
        clock.advance_to(floored(clock.now(), granularity) + granularity)
        clock.wait_for_sleepers()
        count = max(0, step // 2 - 1)
        if count:
            vtn.wait_for("report_data", 10, count=count)
        settle(vtn)
    pairs = [pair for seen in vtn.seen("report_data") for pair in seen["values"]]
    assert len(pairs) >= 2 * PERIODS
    return [(moment, value) for moment, value in pairs]


def settle(vtn: OpenleadrVTN) -> None:
    """A command that the VTN answers after what it has got so far."""
    vtn.vens()


def floored(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) % step
