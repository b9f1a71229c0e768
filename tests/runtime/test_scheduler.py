"""Timers by monotonic time and by the wall clock."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from ven_sdk.runtime.clock import Clock, timestamp
from ven_sdk.runtime.scheduler import Scheduler

START = datetime(2030, 1, 1, tzinfo=timezone.utc)


class HandClock(Clock):
    """Both clocks move by hand, each on its own."""

    def __init__(self) -> None:
        self.wall, self.seconds = START, 1000.0

    def now(self) -> datetime:
        return self.wall

    def time(self) -> float:
        return timestamp(self.wall)

    def monotonic(self) -> float:
        return self.seconds

    def read_both(self) -> tuple[datetime, float]:
        return self.wall, self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def scheduler(clock: HandClock) -> Scheduler:
    return Scheduler(clock)


def test_jobs_run_in_the_order_of_their_time_and_then_of_their_making(
    scheduler: Scheduler, clock: HandClock
) -> None:
    ran: list[str] = []
    scheduler.call_after(2, lambda: ran.append("second"))
    scheduler.call_after(1, lambda: ran.append("first"))
    scheduler.call_after(2, lambda: ran.append("third"))
    clock.pass_(2)

    assert scheduler.run_due() is None
    assert ran == ["first", "second", "third"]


def test_a_job_is_not_run_before_its_time_and_the_wait_until_then_is_told(
    scheduler: Scheduler, clock: HandClock
) -> None:
    ran: list[int] = []
    scheduler.call_after(5, lambda: ran.append(1))
    clock.pass_(4)

    assert scheduler.run_due() == pytest.approx(1)
    assert ran == []


def test_a_clock_step_moves_wall_jobs_and_leaves_monotonic_ones(
    scheduler: Scheduler, clock: HandClock
) -> None:
    ran: list[str] = []
    scheduler.call_at(START + timedelta(hours=3), lambda: ran.append("wall"))
    scheduler.call_after(60, lambda: ran.append("monotonic"))
    clock.wall += timedelta(hours=3)
    scheduler.run_due()
    assert ran == ["wall"]

    clock.wall -= timedelta(hours=8)
    clock.seconds += 60
    scheduler.run_due()
    assert ran == ["wall", "monotonic"]


def test_a_cancelled_job_never_runs_and_cancelling_again_is_harmless(
    scheduler: Scheduler, clock: HandClock
) -> None:
    ran: list[int] = []
    job = scheduler.call_after(1, lambda: ran.append(1))
    job.cancel()
    job.cancel()
    clock.pass_(2)

    assert scheduler.run_due() is None
    assert ran == []


def test_cancelled_jobs_do_not_pile_up(scheduler: Scheduler) -> None:
    for _ in range(10_000):
        scheduler.call_after(3600, lambda: None).cancel()

    assert len(scheduler._monotonic.rows) < 200


def test_a_job_that_raises_does_not_stop_the_others(
    scheduler: Scheduler, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[int] = []

    def fail() -> None:
        raise RuntimeError("broken on purpose")

    scheduler.call_after(0, fail)
    scheduler.call_after(0, lambda: ran.append(1))
    scheduler.run_due()

    assert ran == [1]
    assert "broken on purpose" in caplog.text


def test_the_thread_runs_a_job_that_was_set_while_it_waited() -> None:
    scheduler, done = Scheduler(Clock()), threading.Event()
    scheduler.start()
    try:
        scheduler.call_after(3600, lambda: None)
        scheduler.call_after(0.01, done.set)
        assert done.wait(5)
    finally:
        assert scheduler.stop(5)


def test_a_job_may_stop_the_scheduler() -> None:
    scheduler, done = Scheduler(Clock()), threading.Event()
    scheduler.start()
    scheduler.call_after(0, lambda: (scheduler.stop(), done.set()))
    assert done.wait(5)
    scheduler.stop(5)


@pytest.mark.parametrize(("seconds", "told"), [(-3600, 1), (-0.5, 0), (3600, 0)])
def test_a_wall_clock_set_back_is_told_once(clock: HandClock, seconds: float, told: int) -> None:
    looks: list[int] = []
    scheduler = Scheduler(clock, on_set_back=lambda: looks.append(1))
    scheduler.run_due()
    clock.wall += timedelta(seconds=seconds)
    scheduler.run_due()
    clock.pass_(60)
    scheduler.run_due()

    assert len(looks) == told
