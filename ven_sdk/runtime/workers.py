"""Worker pools: user code and exchanges run here, on named daemon threads, never on the
scheduler's.

Jobs of one key run in the order they were submitted, never two at once; jobs of different keys run
side by side on at most ``size`` threads. A job that runs longer than ``stuck_after`` no longer
counts among them: another thread takes its place (up to ``maximum``), so that code that never
returns delays only its own key. Threads are made when they are needed.

When ``maximum`` threads are held by jobs that do not return, the pool is full: what is submitted
waits, in order, until one of them returns. Nobody is left to work meanwhile, so ``is_full`` says so
to ``health()``, and ``on_full`` is called.

**The theory.** A pool holds a queue of jobs for each key (a *lane*), and a list of keys that are
ready. *States of a key*: unknown (nothing submitted), ready (its first job waits for a thread),
running (a thread has its first job; later ones wait behind it). A key is in the list of ready ones
or with a thread, never both: that keeps the order, and keeps two jobs of one key apart. *States of
a worker*: idle, busy, replaced. A replaced one is busy for longer than ``stuck_after``; another
thread may be made for it, and when its job returns it ends if nothing waits and there are enough
without it.

*Locks*: one condition guards all of that and wakes idle workers; no job runs under it. *In
between*: a job may submit others, also under its own key (they run after it), and may close the
pool from inside; ``close`` then waits for all threads but its own. A job that was submitted and
not begun is dropped by ``close``: whoever submitted it finds in the book that it is still to be
done. A job that outlasts ``close`` keeps its key in the pool that follows: what is submitted there
waits behind it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Hashable
from typing import Callable, NamedTuple, Optional

from ..threads import daemon_thread
from .scheduler import Job, Scheduler

logger: logging.Logger = logging.getLogger(__name__)

BACKLOG = 4
"""Jobs for each thread that may wait before the pool counts as behind."""


class Running(NamedTuple):
    """A job that has been running for long: what it is, and for how many seconds."""

    about: str
    seconds: float


class _Task(NamedTuple):
    function: Callable[[], None]
    about: str


class _Worker:
    """What one thread is doing; written under the pool's condition."""

    __slots__ = ("key", "replaced", "since", "task", "thread")

    def __init__(self) -> None:
        self.task: Optional[_Task] = None
        self.key: Hashable = None
        self.since = 0.0
        self.replaced = False
        self.thread: Optional[threading.Thread] = None


def _nothing() -> None:
    """Stands for a job that runs in the pool before."""


class Workers:
    """A pool of named daemon threads with an order kept for each key.

    ``on_stuck(about, seconds)`` is called once, on the scheduler's thread, for every job found
    running after ``warn_after`` seconds. ``on_full(jobs)`` is called on that thread when the pool
    has become full, with what its threads are doing, and with nothing when it no longer is.
    ``stuck_after`` in seconds.
    """

    def __init__(
        self,
        name: str,
        size: int,
        scheduler: Scheduler,
        *,
        stuck_after: float = 10.0,
        warn_after: Optional[float] = None,
        maximum: Optional[int] = None,
        on_stuck: Optional[Callable[[str, float], None]] = None,
        on_full: Optional[Callable[[tuple[str, ...]], None]] = None,
    ) -> None:
        self._name, self._size, self._maximum = name, size, maximum or size * 4
        self._scheduler, self._clock = scheduler, scheduler.clock
        self._stuck_after = stuck_after
        self._warn_after = warn_after or stuck_after
        self._on_stuck, self._on_full = on_stuck, on_full
        self._was_full = False
        self._condition = threading.Condition()
        self._lanes: dict[Hashable, deque[_Task]] = {}
        self._ready: deque[Hashable] = deque()
        self._workers: set[_Worker] = set()
        self._warned: set[_Worker] = set()
        self._idle = 0
        self._made = 0
        self._closing = False
        self._settling = 0
        self._watch: Optional[Job] = None
        self._held: set[Hashable] = set()
        self._successor: Optional[Workers] = None

    def submit(self, key: Hashable, function: Callable[[], None], about: str = "") -> None:
        """Run ``function`` after all that was submitted under ``key`` before. ``about`` names it
        for people.
        """
        with self._condition:
            if self._closing:
                return
            lane = self._lanes.get(key)
            if lane is not None:
                lane.append(_Task(function, about))
                return
            self._lanes[key] = deque((_Task(function, about),))
            self._ready.append(key)
            self._provide_worker()

    def _provide_worker(self) -> None:
        """See that somebody takes the first ready key. Called with the condition held."""
        if self._idle >= len(self._ready):
            self._condition.notify()
        elif self._effective() < self._size and len(self._workers) < self._maximum:
            worker = _Worker()
            self._made += 1
            worker.thread = daemon_thread(f"{self._name}-{self._made}", self._run, worker)
            self._workers.add(worker)
            worker.thread.start()
        else:
            self._condition.notify()
        if self._watch is None:
            self._watch = self._scheduler.call_after(self._stuck_after, self._look)

    def _effective(self) -> int:
        return sum(not worker.replaced for worker in self._workers)

    def _run(self, worker: _Worker) -> None:
        while True:
            with self._condition:
                while not self._ready:
                    if self._closing or (
                        worker.replaced is False and self._effective() > self._size
                    ):
                        self._workers.discard(worker)
                        return
                    self._idle += 1
                    self._condition.wait()
                    self._idle -= 1
                key = self._ready.popleft()
                lane = self._lanes[key]
                worker.task, worker.since = lane[0], self._clock.monotonic()
                worker.key = key
                task = worker.task
            try:
                task.function()
            except BaseException:  # the user's store may raise SystemExit: the thread stays
                logger.exception(
                    "%s failed. This is a fault of ven_sdk: please report it.",
                    task.about or self._name,
                )
            finally:
                self._finish_task(worker, key, lane)
            del task

    def _finish_task(self, worker: _Worker, key: Hashable, lane: deque[_Task]) -> None:
        with self._condition:
            worker.task, worker.replaced = None, False
            self._warned.discard(worker)
            lane.popleft()
            if lane:
                self._ready.append(key)
                if self._idle:
                    self._condition.notify()
            else:
                del self._lanes[key]
            if self._settling:
                self._condition.notify_all()
            successor = self._successor
        if successor is not None:
            successor.release(key)

    # --- from one pool to the next ----------------------------------------------------------------

    def follow(self, before: Workers) -> None:
        """This pool, in which nothing was submitted yet, takes the place of ``before``, which is
        closed: a key whose job still runs there waits here until it has returned.
        """
        with before._condition:
            before._successor = self
            running = (worker.key for worker in before._workers if worker.task is not None)
            self._held = {*running, *before._held}
        for key in self._held:
            self._lanes[key] = deque((_Task(_nothing, ""),))

    def release(self, key: Hashable) -> None:
        """The job of ``key`` in the pool before this one has returned."""
        with self._condition:
            self._held.discard(key)
            lane = self._lanes[key]
            lane.popleft()
            if not lane:
                del self._lanes[key]
            elif not self._closing:
                self._ready.append(key)
                self._provide_worker()
            successor = self._successor
        if successor is not None:
            successor.release(key)

    # --- what runs --------------------------------------------------------------------------------

    def _look(self) -> None:
        """Replace and name what is stuck; look again while anything runs."""
        found: list[tuple[str, float]] = []
        full: Optional[tuple[str, ...]] = None
        with self._condition:
            self._watch = None
            now = self._clock.monotonic()
            for worker in self._workers:
                if worker.task is None:
                    continue
                seconds = now - worker.since
                if seconds >= self._stuck_after:
                    worker.replaced = True
                    if self._settling:
                        self._condition.notify_all()
                if seconds >= self._warn_after and worker not in self._warned:
                    self._warned.add(worker)
                    found.append((worker.task.about, seconds))
            if self._closing:
                return
            for _ in range(min(len(self._ready), self._size)):  # more threads it will not make
                self._provide_worker()
            if self._is_full() != self._was_full:
                self._was_full = not self._was_full
                full = self._describe_running() if self._was_full else ()
            if self._watch is None and any(worker.task for worker in self._workers):
                self._watch = self._scheduler.call_after(self._stuck_after, self._look)
        for about, seconds in found:
            if self._on_stuck is not None:
                self._on_stuck(about, seconds)
        if full is not None and self._on_full is not None:
            self._on_full(full)

    def _is_full(self) -> bool:
        return (
            bool(self._ready)
            and len(self._workers) >= self._maximum
            and all(worker.task is not None and worker.replaced for worker in self._workers)
        )

    def _describe_running(self) -> tuple[str, ...]:
        return tuple(worker.task.about for worker in self._workers if worker.task is not None)

    @property
    def is_full(self) -> bool:
        """Whether jobs wait and every thread that the pool may have is held by one that does not
        return.
        """
        with self._condition:
            return self._is_full()

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that what can be put off should be. A look, without a lock."""
        return len(self._ready) > BACKLOG * self._size

    def stuck(self) -> tuple[Running, ...]:
        """Jobs that have been running for longer than ``stuck_after``."""
        with self._condition:
            now = self._clock.monotonic()
            return tuple(
                Running(worker.task.about, now - worker.since)
                for worker in self._workers
                if worker.task is not None and now - worker.since >= self._stuck_after
            )

    def count_waiting(self) -> int:
        """Jobs submitted and not yet started."""
        with self._condition:
            running = sum(worker.task is not None for worker in self._workers)
            return sum(map(len, self._lanes.values())) - len(self._held) - running

    def count_running(self) -> int:
        """Jobs that run now."""
        with self._condition:
            return sum(worker.task is not None for worker in self._workers)

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is queued or running, except what is stuck and what the calling thread
        itself runs. ``timeout`` in seconds.
        """
        deadline = self._clock.monotonic() + timeout
        own = threading.current_thread()
        with self._condition:
            self._settling += 1
            try:
                while (
                    any(
                        worker.task
                        for worker in self._workers
                        if worker.thread is not own and not worker.replaced
                    )
                    or self._ready
                ):
                    rest = deadline - self._clock.monotonic()
                    if rest <= 0:
                        return False
                    self._condition.wait(rest)
            finally:
                self._settling -= 1
        return True

    def close(self, timeout: float) -> tuple[str, ...]:
        """Take no more jobs, drop those not started, wait for the running ones. Returns what did
        not finish. ``timeout`` in seconds.
        """
        deadline = self._clock.monotonic() + timeout
        with self._condition:
            self._closing = True
            self._ready.clear()
            for key in list(self._lanes):
                lane = self._lanes[key]
                while len(lane) > 1:
                    lane.pop()
            self._condition.notify_all()
            threads = [(worker, worker.thread) for worker in self._workers]
        for _worker, thread in threads:
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, deadline - self._clock.monotonic()))
        with self._condition:  # a job that ends at this moment takes its task away
            return tuple(
                worker.task.about
                for worker, thread in threads
                if worker.task is not None
                and thread is not threading.current_thread()
                and thread is not None
                and thread.is_alive()
            )
