"""Timers: two heaps, one condition, one thread. What is due is called on the scheduler's thread, so
it must be short.

Monotonic jobs (polls, back-off) never notice the wall clock. Wall-clock jobs (events, samples) are
due when the wall clock says so; their heap is looked at again at least every ``WALL_LOOK`` seconds,
because a clock that is set, or a machine that was suspended, wakes no one. No thread per timer; a
job cancelled is only marked, and swept out when marked ones abound.

**The theory.** *States of a job*: standing (in a heap), fired or cancelled (its function is gone);
there is no way back, so a job is set anew and never moved. The thread sleeps until the first job of
either heap is due (at most ``WALL_LOOK`` while wall-clock jobs stand), or somebody sets one that is
due earlier and wakes it. *Locks*: one condition guards the heaps; a job's function runs without it,
so it may set and cancel jobs. *In between*: a job may be cancelled between the moment when it is
due and its call; whoever cancels it may find that it has just been called. So what a job starts
looks again whether it is still wanted (``timers.take``, the lanes of the conversation). A clock
that is set back lets wall-clock jobs stand longer than was meant; ``on_set_back`` tells those who
set them.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from datetime import datetime
from typing import Callable, Optional

from ..instants import ZERO
from ..threads import daemon_thread
from .clock import Clock, timestamp
from .clock_steps import ClockSteps

logger: logging.Logger = logging.getLogger(__name__)

LONGEST_WAIT = 86400.0
ROUNDING = 1e-6
"""Seconds: what is due sooner is due."""
WALL_LOOK = 1.0
"""Longest wait, in seconds, while wall-clock jobs stand; how late a clock step can be noticed."""


class Job:
    """A timer that was set. ``cancel()`` is final and may be called from anywhere, also after it
    fired.
    """

    __slots__ = ("_heap", "function")

    def __init__(self, function: Callable[[], None], heap: "_Heap") -> None:
        self.function: Optional[Callable[[], None]] = function
        self._heap = heap

    def cancel(self) -> None:
        """Do not run it any more."""
        if self.function is not None:
            self.function = None
            self._heap.cancelled += 1


class _Heap:
    """Jobs by due time. Guarded by the scheduler's condition, except for ``cancelled``, which is
    only a hint.
    """

    __slots__ = ("cancelled", "rows")

    def __init__(self) -> None:
        self.rows: list[tuple[float, int, Job]] = []
        self.cancelled: int = 0

    def push(self, due: float, order: int, job: Job) -> None:
        if self.cancelled > 64 and self.cancelled * 2 > len(self.rows):
            self.rows = [row for row in self.rows if row[2].function is not None]
            heapq.heapify(self.rows)
            self.cancelled = 0
        heapq.heappush(self.rows, (due, order, job))

    def first_due(self) -> Optional[float]:
        """When the first live job is due."""
        while self.rows and self.rows[0][2].function is None:
            heapq.heappop(self.rows)
            self.cancelled = max(0, self.cancelled - 1)
        return self.rows[0][0] if self.rows else None

    def pop(self, until: float) -> Optional[Callable[[], None]]:
        """The function of the first job due by ``until``; the job counts as fired."""
        due = self.first_due()
        if due is None or due > until:
            return None
        job = heapq.heappop(self.rows)[2]
        function, job.function = job.function, None
        return function


class Scheduler:
    """Calls functions when their time has come. ``start`` gives it a thread; tests call ``run_due``
    by hand instead.

    ``on_set_back`` is called when the wall clock was set back, at the latest with the next job.
    """

    def __init__(
        self,
        clock: Clock,
        name: str = "ven_sdk-scheduler",
        *,
        on_set_back: Optional[Callable[[], None]] = None,
    ) -> None:
        self.clock = clock
        self._on_set_back = on_set_back
        self._clock_steps = ClockSteps(clock)
        self._clock_steps.take(ZERO)
        self._name = name
        self._condition = threading.Condition()
        self._monotonic = _Heap()
        self._wall = _Heap()
        self._order = itertools.count()
        self._thread: Optional[threading.Thread] = None
        self._stopping = False
        self._is_waiting = False

    def call_after(self, seconds: float, function: Callable[[], None]) -> Job:
        """Call ``function`` once, ``seconds`` from now by the monotonic clock."""
        return self._push(self._monotonic, self.clock.monotonic() + max(0.0, seconds), function)

    def call_at(self, moment: datetime, function: Callable[[], None]) -> Job:
        """Call ``function`` once, when the wall clock reaches ``moment`` (at once when it has)."""
        return self._push(self._wall, timestamp(moment), function)

    def _push(self, heap: _Heap, due: float, function: Callable[[], None]) -> Job:
        job = Job(function, heap)
        with self._condition:
            heap.push(due, next(self._order), job)
            if self._thread is not None and heap.rows[0][2] is job:
                self._is_waiting = False  # it is about to wait for another moment
                self._condition.notify()
        return job

    def run_due(self) -> Optional[float]:
        """Run everything due now. Seconds until there is more to do, or None when nothing
        stands.
        """
        if self._was_set_back() and self._on_set_back is not None:
            self._on_set_back()
        while True:
            with self._condition:
                function = self._monotonic.pop(self.clock.monotonic()) or self._wall.pop(
                    self.clock.time()
                )
                if function is None:
                    return self._seconds_to_next()
            try:
                function()
            except Exception:
                logger.exception(
                    "A timer failed; the others go on. This is a fault of ven_sdk: please report "
                    "it."
                )

    @property
    def is_idle(self) -> bool:
        """Whether the thread waits for the first job, and that is not due."""
        with self._condition:
            wait = self._seconds_to_next()
            return self._is_waiting and (wait is None or wait > ROUNDING)

    def _was_set_back(self) -> bool:
        """Whether the wall clock was set back since the last look: what was past may be to come
        again.
        """
        _, by = self._clock_steps.take(ZERO)
        return by is not None and by < ZERO

    def _seconds_to_next(self) -> Optional[float]:
        waits = []
        due = self._monotonic.first_due()
        if due is not None:
            waits.append(due - self.clock.monotonic())
        due = self._wall.first_due()
        if due is not None:
            waits.append(
                min(due - self.clock.time(), WALL_LOOK) if self._thread else due - self.clock.time()
            )
        return min(max(0.0, min(waits)), LONGEST_WAIT) if waits else None

    def start(self) -> None:
        """Start the thread; harmless when it runs."""
        with self._condition:
            if self._thread is not None:
                return
            self._stopping = False
            self._thread = daemon_thread(self._name, self._run)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self.run_due()
            with self._condition:
                if self._stopping:
                    return
                now = self.clock.monotonic()
                seconds = self._seconds_to_next()
                if seconds is None or seconds > 0:
                    until = None if seconds is None else now + seconds
                    self._is_waiting = True
                    self.clock.wait(self._condition, until)
                    self._is_waiting = False

    def stop(self, timeout: Optional[float] = None) -> bool:
        """End the thread and forget all timers. False when it did not end in time (never called by
        its own thread). ``timeout`` in seconds.
        """
        with self._condition:
            thread, self._stopping = self._thread, True
            self._monotonic, self._wall = _Heap(), _Heap()
            self._condition.notify()
        if thread is None:
            return True
        if thread is not threading.current_thread():
            thread.join(timeout)
        self._thread = None
        return not thread.is_alive()
