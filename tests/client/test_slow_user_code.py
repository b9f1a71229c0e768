"""Handlers and callbacks that block, raise or never return delay nothing but themselves.

``python tests/client/test_slow_user_code.py`` runs the first test at full length: 30 s at a poll of
1 s.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a program

from tests.durability.raw_vtn import RawVTN
from ven_sdk import OpenADRClient
from ven_sdk.runtime import health, runtime


@pytest.fixture
def client(vtn: RawVTN) -> Iterator[OpenADRClient]:
    client = OpenADRClient("ven1", vtn.url, poll_frequency=0.2, allow_jitter=False, timeout=5)
    yield client
    client.stop(timeout=1)


def poll_times(vtn: RawVTN, since: float) -> list[float]:
    return [
        when
        for (service, _), when in list(zip(vtn.seen, vtn.when))
        if service == "OadrPoll" and when >= since
    ]


LATE = 1.0
"""Seconds that a loaded machine may delay a poll; user code blocks for twice as long and longer."""


def worst_lateness(times: list[float], period: float) -> float:
    return max(later - earlier for earlier, later in zip(times, times[1:])) - period


def slow_handler(vtn: RawVTN, client: OpenADRClient, seconds: float, period: float) -> float:
    """How late the latest poll was while a handler slept; its answer went out when it returned."""
    client.add_handler("on_event", lambda event: time.sleep(seconds) or "optIn")
    client.start(wait=5)
    assert vtn.wait(lambda: vtn.count("oadrPoll"))
    begun = time.monotonic()
    vtn.add_event("slow")
    assert vtn.wait(lambda: vtn.count("oadrCreatedEvent"), seconds + 5)
    took = time.monotonic() - begun
    assert seconds <= took < seconds + period + 1, took
    assert b">optIn<" in vtn.bodies("oadrCreatedEvent")[0]
    return worst_lateness(poll_times(vtn, begun - period), period)


def test_a_handler_that_sleeps_delays_no_poll_and_is_answered_when_it_returns(
    vtn: RawVTN, client: OpenADRClient
) -> None:
    assert slow_handler(vtn, client, 3, 0.2) < LATE


def test_with_no_thread_left_decisions_wait_for_opt_timeout_and_everybody_is_told(
    vtn: RawVTN, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "EXTRA", 0)
    over, called = threading.Event(), []
    client = OpenADRClient(
        "ven1", vtn.url, poll_frequency=0.2, allow_jitter=False, timeout=5, opt_timeout=4
    )
    client.add_handler("on_event", lambda event: called.append(event.event_id) or over.wait(30))
    try:
        client.start(wait=5)
        begun = time.monotonic()
        for number in range(12):  # more than the pool may have threads
            vtn.add_event(f"e{number:02}")

        assert vtn.wait(
            lambda: any("handler pool" in problem for problem in client.health().problems), 3.5
        )
        assert len(called) == 8
        assert "All 8 threads of the handler pool" in caplog.text
        assert vtn.count("oadrCreatedEvent") == 0, "answered unseen"

        assert vtn.wait(
            lambda: b"".join(vtn.bodies("oadrCreatedEvent")).count(b">optOut<") >= 12, 6
        )
        assert time.monotonic() - begun > 3.5
        assert vtn.wait(lambda: "'e11' was not decided within 4 s" in caplog.text, 2)
        assert worst_lateness(poll_times(vtn, begun), 0.2) < LATE
    finally:
        over.set()
        client.stop(2)


def test_handlers_that_never_return_delay_no_other_event(
    vtn: RawVTN, client: OpenADRClient
) -> None:
    over = threading.Event()
    client.add_handler(
        "on_event",
        lambda event: (over.wait(20) if event.event_id.startswith("stuck") else None) or "optIn",
    )
    client.start(wait=5)
    for number in range(10):  # more than the pool has threads
        vtn.add_event(f"stuck{number}")
    assert vtn.wait(lambda: vtn.count("oadrPoll") > 2)
    begun = time.monotonic()
    vtn.add_event("quick")
    assert vtn.wait(lambda: any(b">quick<" in body for body in vtn.bodies("oadrCreatedEvent")), 5)
    assert time.monotonic() - begun < 3
    assert worst_lateness(poll_times(vtn, begun), 0.2) < LATE
    over.set()


def test_more_stuck_handlers_than_there_may_be_threads_leave_the_rest_to_the_default(
    vtn: RawVTN,
) -> None:
    over = threading.Event()
    client = OpenADRClient(
        "ven1", vtn.url, poll_frequency=0.2, allow_jitter=False, timeout=5, opt_timeout=2
    )
    client.add_handler("on_event", lambda event: over.wait(20) and "optIn")
    try:
        client.start(wait=5)
        for number in range(60):
            vtn.add_event(f"stuck{number}")
        begun = time.monotonic()
        assert vtn.wait(
            lambda: any(b">stuck59<" in body for body in vtn.bodies("oadrCreatedEvent")), 5
        )
        assert worst_lateness(poll_times(vtn, begun), 0.2) < LATE
        names = [thread.name for thread in threading.enumerate()]
        assert sum(name.startswith("ven_sdk-handler") for name in names) <= 32
    finally:
        over.set()
        client.stop()


def test_handlers_of_one_event_run_in_order_and_never_two_at_once(
    vtn: RawVTN, client: OpenADRClient
) -> None:
    running, seen = threading.Lock(), []

    def handle(event: Any) -> str:
        assert running.acquire(blocking=False)
        seen.append(event.modification_number)
        time.sleep(0.3)
        running.release()
        return "optIn"

    client.add_handler("on_event", handle)
    client.start(wait=5)
    event = vtn.add_event("e1")
    for number in range(1, 4):
        time.sleep(0.15)
        event.modification = number
        vtn.announce()
    assert vtn.wait(lambda: seen and seen[-1] == 3)
    assert seen == sorted(seen)
    assert vtn.wait(
        lambda: b"modificationNumber>3<" in (vtn.bodies("oadrCreatedEvent") or [b""])[-1]
    )


def blocked(over: threading.Event) -> Any:
    return lambda: over.wait(20)


CALLBACKS = {
    "blocks": blocked,
    "raises": lambda over: lambda: 1 / 0,
    "returns rubbish": lambda over: lambda: object(),
    "exits": lambda over: lambda: sys.exit(1),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_report_callback_that_misbehaves_delays_no_other_report_and_no_poll(
    name: str, vtn: RawVTN, client: OpenADRClient
) -> None:
    over = threading.Event()
    client.add_report(
        CALLBACKS[name](over),
        resource_id="bad",
        measurement="voltage",
        r_id="bad",
        report_specifier_id="bad",
        sampling_rate=1,
    )
    client.add_report(
        lambda: 7,
        resource_id="good",
        measurement="voltage",
        r_id="good",
        report_specifier_id="good",
        sampling_rate=1,
    )
    client.start(wait=5)
    begun = time.monotonic()
    assert vtn.wait(
        lambda: sum(b"rID>good<" in body for body in vtn.bodies("oadrUpdateReport")) >= 3, 8
    )
    assert time.monotonic() - begun < 5.5
    assert worst_lateness(poll_times(vtn, begun), 0.2) < LATE
    over.set()


def test_stuck_user_code_is_named_in_status_and_health(
    vtn: RawVTN, client: OpenADRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LONG_RUNNING", 1.0)
    over = threading.Event()
    client.add_handler("on_event", lambda event: over.wait(20) and "optIn")
    client.start(wait=5)
    vtn.add_event("e1")
    assert vtn.wait(lambda: client.status.stuck, 5)
    assert "on_event" in client.status.stuck[0].about
    assert any("on_event" in problem for problem in client.health().problems)
    over.set()
    assert vtn.wait(lambda: not client.status.stuck, 5)


def main() -> None:
    """Issue 2's figure: a handler of 30 s at a poll of 1 s."""
    with RawVTN() as vtn:
        client = OpenADRClient("ven1", vtn.url, poll_frequency=1, allow_jitter=False)
        print(f"latest poll: {slow_handler(vtn, client, 30, 1):.3f} s late")
        client.stop()


if __name__ == "__main__":
    main()
