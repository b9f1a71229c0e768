"""ManualClock moves only when it is told to, and wakes those whose time has come."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from ven_sdk.errors import ConfigurationError
from ven_sdk.runtime.scheduler import Scheduler
from ven_sdk.testing import ManualClock


def test_time_passes_on_both_clocks_and_only_when_told() -> None:
    clock = ManualClock(datetime(2030, 1, 1, tzinfo=timezone.utc))
    before = (clock.now(), clock.monotonic())

    clock.advance(90)

    assert before == (datetime(2030, 1, 1, tzinfo=timezone.utc), 0.0)
    assert (clock.now(), clock.monotonic()) == (
        datetime(2030, 1, 1, 0, 1, 30, tzinfo=timezone.utc),
        90.0,
    )
    assert clock.time() == clock.now().timestamp()


def test_a_step_moves_the_wall_clock_alone() -> None:
    clock = ManualClock()
    start = clock.now()

    clock.step(timedelta(hours=-2))

    assert (clock.now() - start, clock.monotonic()) == (timedelta(hours=-2), 0.0)


def test_small_steps_add_up_exactly() -> None:
    clock = ManualClock()
    start = clock.now()
    for _ in range(1000):
        clock.advance(0.1)

    assert clock.monotonic() == 100.0
    assert clock.now() - start == timedelta(seconds=100)


def test_what_the_difference_of_two_floats_leaves_passes_too() -> None:
    clock = ManualClock()

    clock.advance(2.9e-08)

    assert clock.monotonic() == 2.9e-08


def test_time_does_not_pass_backwards() -> None:
    with pytest.raises(ConfigurationError, match="backwards"):
        ManualClock().advance(-1)
    with pytest.raises(ConfigurationError, match="aware"):
        ManualClock(datetime(2030, 1, 1))


def sleeper(clock: ManualClock, seconds: float, woken: threading.Event) -> threading.Thread:
    condition = threading.Condition()
    deadline = clock.monotonic() + seconds

    def sleep() -> None:
        with condition:
            while clock.monotonic() < deadline:
                clock.wait(condition, deadline)
        woken.set()

    thread = threading.Thread(target=sleep, daemon=True)
    thread.start()
    return thread


def test_those_whose_time_has_come_wake_and_the_others_sleep_on() -> None:
    clock = ManualClock()
    early, late = threading.Event(), threading.Event()
    threads = [sleeper(clock, 10, early), sleeper(clock, 20, late)]
    clock.wait_for_sleepers(2)

    clock.advance(10)
    assert early.wait(5)
    assert not late.is_set()
    assert clock.sleepers == 1
    assert clock.advance_to_next() == timedelta(seconds=10)
    assert late.wait(5)
    for thread in threads:
        thread.join(5)
    assert clock.advance_to_next() is None


def test_what_rounding_leaves_of_a_wait_keeps_nobody_asleep() -> None:
    clock, woken = ManualClock(), threading.Event()
    thread = sleeper(clock, 10 + 4e-7, woken)
    clock.wait_for_sleepers(1)

    clock.advance(10)

    assert woken.wait(5)
    thread.join(5)


def test_waiting_for_sleepers_that_do_not_come_says_how_many_there_are() -> None:
    with pytest.raises(
        AssertionError, match=r"Expected 1 threads to wait on the clock within 0.01 s; 0 do"
    ):
        ManualClock().wait_for_sleepers(1, timeout=0.01)


def test_the_scheduler_runs_on_it() -> None:
    clock = ManualClock()
    scheduler = Scheduler(clock)
    ran = [threading.Event() for _ in range(3)]
    scheduler.start()
    scheduler.call_after(0.1 + 0.2, ran[0].set)
    scheduler.call_at(clock.now() + timedelta(hours=1), ran[1].set)
    scheduler.call_at(clock.now() + timedelta(hours=5), ran[2].set)
    clock.wait_for_sleepers()

    clock.advance(0.1)
    clock.advance(0.2)
    assert ran[0].wait(5)
    clock.wait_for_sleepers()
    clock.advance_to(clock.now() + timedelta(hours=1))
    assert ran[1].wait(5)
    clock.wait_for_sleepers()
    clock.step(timedelta(hours=4))
    assert ran[2].wait(5)
    scheduler.stop(5)
