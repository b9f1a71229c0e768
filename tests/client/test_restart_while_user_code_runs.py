"""stop() leaves user code behind that does not return in time. After the next start() its lane
waits for it: it is not called a second time meanwhile, and what it returns counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from tests.shared import eventually
from ven_sdk import Fleet, OpenADRClient
from ven_sdk.runtime.scheduler import Scheduler
from ven_sdk.runtime.workers import Workers
from ven_sdk.testing import LocalVTN, ManualClock, ReportWish


class Device:
    """Calls of user code, each of which waits to be let go; how many run at once at the most."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.calls = self.running = self.most = 0
        self._lock = threading.Lock()

    def use(self, *_: object) -> str:
        with self._lock:
            self.calls += 1
            self.running += 1
            self.most = max(self.most, self.running)
        self.entered.set()
        self.leave.wait(20)
        with self._lock:
            self.running -= 1
        return "optIn"


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device()
    yield device
    device.leave.set()


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    wish = ReportWish(granularity=1, report_back_duration=1)
    with LocalVTN(check=False, ask_for_reports=wish) as vtn:
        yield vtn


def of_client(vtn: LocalVTN) -> Any:
    client = OpenADRClient("v", vtn.url, poll_frequency=0.1, allow_jitter=False)
    client.add_handler("on_event", lambda event: "optIn")
    return client


def of_fleet(vtn: LocalVTN) -> Any:
    fleet = Fleet(vtn.url, poll_frequency=0.1, allow_jitter=False)
    fleet.add("v")
    fleet.add_handler("on_event", lambda ven, event: "optIn")
    return fleet


def ven_of(subject: Any) -> Any:
    return subject["v"] if isinstance(subject, Fleet) else subject


@pytest.mark.parametrize("make", [of_client, of_fleet])
@pytest.mark.parametrize("name", ["on_event", "on_event_start", "on_interval_start"])
def test_a_handler_that_outlasts_stop_is_not_called_again_by_the_next_start(
    make: Callable[[LocalVTN], Any], name: str, vtn: LocalVTN, device: Device
) -> None:
    subject = make(vtn)
    function = {
        "on_event": lambda event: device.use(),
        "on_event_start": lambda event: device.use(),
        "on_interval_start": lambda event, signal, interval: device.use(),
    }[name]
    ven_of(subject).add_handler(name, function)
    subject.start(wait=10)
    vtn.add_event(event_id="e1")
    assert device.entered.wait(10)
    for _ in range(2):  # also where it outlasts several
        subject.stop(0.1)
        subject.start(wait=10)
    vtn.add_event(event_id="e2")
    device.leave.set()

    eventually(lambda: device.calls >= 2, "the second event's call")
    eventually(lambda: len(vtn.answers) >= 2, "both answers")
    subject.stop()
    assert device.calls == 2
    assert {answer.opt_type for answer in vtn.answers} == {"optIn"}
    assert {event.event_id for event in ven_of(subject).events} == {"e1", "e2"}


def test_a_client_that_its_own_handler_stops_and_starts_goes_on(vtn: LocalVTN) -> None:
    client, calls = of_client(vtn), []

    def decide(event: Any) -> str:
        calls.append(event.event_id)
        client.stop(1)
        client.start()
        return "optIn"

    client.add_handler("on_event", decide)
    client.start(wait=10)
    vtn.add_event(event_id="e1")
    eventually(lambda: [one.opt_type for one in vtn.answers] == ["optIn"], "the answer")
    client.stop()
    assert calls == ["e1"]


def test_a_meter_is_never_read_twice_at_a_time_over_a_restart(
    vtn: LocalVTN, device: Device
) -> None:
    client = of_client(vtn)

    class Meter:
        def read(self) -> float:
            device.use()
            return 1.0

        def read_too(self) -> float:
            return self.read()

    meter = Meter()
    for name, callback in (("a", meter.read), ("b", meter.read_too)):
        client.add_report(callback, resource_id=name, measurement="voltage", sampling_rate=1)
    client.start(wait=10)
    assert device.entered.wait(10)
    client.stop(0.1)
    client.start(wait=10)
    polls = vtn.counts["oadrPoll"]
    eventually(lambda: vtn.counts["oadrPoll"] > polls + 10, "polls go on")
    assert device.most == 1
    device.leave.set()
    eventually(lambda: {one.r_id for one in vtn.samples} >= {"a", "b"} or device.calls > 6, "data")
    client.stop()
    assert device.most == 1


def test_a_pool_that_follows_another_waits_with_the_keys_that_are_still_held() -> None:
    scheduler, leave, entered = Scheduler(ManualClock()), threading.Event(), threading.Event()
    done: list[str] = []

    def hold() -> None:
        entered.set()
        leave.wait(10)
        done.append("held")

    pools = [Workers(f"ven_sdk-{number}", 2, scheduler) for number in range(3)]
    pools[0].submit("a", hold)
    assert entered.wait(5)
    pools[0].submit("a", lambda: done.append("dropped"))
    for before, after in zip(pools, pools[1:]):
        before.close(0.0)
        after.follow(before)
    pools[2].submit("a", lambda: done.append("behind"))
    pools[2].submit("b", lambda: done.append("beside"))

    eventually(lambda: done == ["beside"], "another key goes on")
    assert pools[2].count_waiting() == 1
    leave.set()
    eventually(lambda: done == ["beside", "held", "behind"], "the order is kept")
    assert pools[2].count_waiting() == 0 and pools[2].close(5) == ()
