"""Worker pools: order by key, replacement of what is stuck, orderly ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from ven_sdk.runtime.clock import Clock
from ven_sdk.runtime.scheduler import Scheduler
from ven_sdk.runtime.workers import Workers


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler(Clock())
    scheduler.start()
    yield scheduler
    scheduler.stop(5)


def test_jobs_of_one_key_run_in_order_and_never_two_at_once(scheduler: Scheduler) -> None:
    pool, ran, busy, clashes = Workers("ven_sdk-test", 4, scheduler), [], threading.Lock(), []

    def job(number: int) -> None:
        if not busy.acquire(blocking=False):
            clashes.append(number)
            return
        ran.append(number)
        busy.release()

    for number in range(500):
        pool.submit("key", lambda number=number: job(number))

    assert pool.settle(5)
    assert ran == list(range(500)) and not clashes
    assert pool.close(5) == ()


def test_jobs_of_different_keys_run_side_by_side(scheduler: Scheduler) -> None:
    pool, meet = Workers("ven_sdk-test", 3, scheduler), threading.Barrier(3)
    for key in "abc":
        pool.submit(key, lambda: meet.wait(5))

    assert pool.settle(5) and not meet.broken
    assert pool.close(5) == ()


def test_a_job_that_never_returns_loses_its_place_and_is_named_once(scheduler: Scheduler) -> None:
    named: list[str] = []
    pool = Workers(
        "ven_sdk-test",
        1,
        scheduler,
        stuck_after=0.05,
        on_stuck=lambda about, _seconds: named.append(about),
    )
    release, done = threading.Event(), threading.Event()
    pool.submit("stuck", lambda: release.wait(10), "the stuck one")
    pool.submit("other", done.set)

    assert done.wait(5)
    assert [running.about for running in pool.stuck()] == ["the stuck one"]
    release.set()
    assert pool.close(5) == ()
    assert named == ["the stuck one"]


def test_a_pool_of_one_is_serial(scheduler: Scheduler) -> None:
    pool, running, most = Workers("ven_sdk-test", 1, scheduler), [], []

    def job() -> None:
        running.append(1)
        most.append(len(running))
        running.pop()

    for key in range(50):
        pool.submit(key, job)

    assert pool.settle(5) and max(most) == 1
    pool.close(5)


def test_closing_names_what_does_not_finish_in_time(scheduler: Scheduler) -> None:
    pool, release, begun = (
        Workers("ven_sdk-test", 1, scheduler),
        threading.Event(),
        threading.Event(),
    )
    pool.submit("key", lambda: (begun.set(), release.wait(10)), "a slow handler")
    assert begun.wait(5)

    assert pool.close(0.05) == ("a slow handler",)
    release.set()


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, KeyboardInterrupt])
def test_a_job_that_raises_is_logged_and_the_pool_goes_on(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    def job() -> None:
        raise error

    pool, done = Workers("ven_sdk-test", 1, scheduler), threading.Event()
    pool.submit("key", job, "division")
    pool.submit("key", done.set)

    assert done.wait(5)
    assert "division failed" in caplog.text
    pool.close(5)


def test_settling_does_not_wait_for_what_is_stuck(scheduler: Scheduler) -> None:
    pool, release = Workers("ven_sdk-test", 1, scheduler, stuck_after=0.02), threading.Event()
    pool.submit("stuck", lambda: release.wait(10))

    assert pool.settle(5)
    release.set()
    pool.close(5)


def test_a_pool_whose_last_thread_is_held_says_so_and_keeps_what_comes_in_order(
    scheduler: Scheduler,
) -> None:
    told: list[tuple[str, ...]] = []
    pool = Workers("ven_sdk-test", 1, scheduler, stuck_after=0.05, maximum=2, on_full=told.append)
    release, ran, free = threading.Event(), [], threading.Event()
    for name in ("a", "b"):
        pool.submit(name, lambda: release.wait(10), f"handler {name}")
    for number in range(3):
        pool.submit("c", lambda number=number: ran.append(number))
    pool.submit("d", free.set)

    assert wait_until(lambda: bool(told))
    assert sorted(told[0]) == ["handler a", "handler b"]
    assert pool.is_full and ran == []

    release.set()
    assert free.wait(5) and ran == [0, 1, 2]
    assert wait_until(lambda: len(told) == 2)
    assert told[1] == () and not pool.is_full
    assert pool.close(5) == ()


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_job_that_ends_while_close_looks_at_it_spoils_nothing(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, over, looked = Workers("ven_sdk-test", 1, scheduler), threading.Event(), []
    pool.submit("key", over.wait, "a job")
    while not pool.count_running():
        time.sleep(0.001)
    is_alive = threading.Thread.is_alive

    def let_it_end_meanwhile(thread: threading.Thread) -> bool:
        alive = is_alive(thread)
        if thread.name.startswith("ven_sdk-test"):
            looked.append(thread)
            over.set()
            end = time.monotonic() + 0.3  # where nothing keeps it from ending, it has ended by then
            while pool.count_running() and time.monotonic() < end:
                time.sleep(0.001)
        return alive

    monkeypatch.setattr(threading.Thread, "is_alive", let_it_end_meanwhile)

    assert pool.close(0) == ("a job",)
    assert looked
