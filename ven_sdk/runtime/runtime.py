"""Threads that VENs share: one scheduler and the named pools. A client owns one; the VENs of a
fleet share one.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from functools import partial
from typing import Callable, Optional

from ..errors import StateError
from ..text import shorten
from .clock import Clock
from .lifecycle import do_all
from .scheduler import Scheduler
from .workers import Running, Workers

logger: logging.Logger = logging.getLogger(__name__)

EXCHANGES, HANDLERS, STEPS = 8, 8, 2
SLOW = 5.0
"""Seconds after which an exchange is worth naming."""
MOST_NAMED = 5
"""How many kinds of stuck jobs a line names."""
AFTERMATH = {
    "handler": "; events that are not decided within opt_timeout get default_opt",
    "report": "; reports go out with gaps",
}
"""What a full pool means for the VTN."""
EXTRA, EXTRA_FOR_MANY = 24, 120
"""Threads beyond its size that a pool may make in place of stuck ones: for one VEN, and for
many.
"""


class Runtime:
    """A scheduler and four pools: ``exchange`` (talking to VTNs), ``handler`` and ``report`` (user
    code), ``step`` (timers).

    ``start`` makes the scheduler's thread; pool threads come when there is work. ``stop`` ends them
    all and names what did not end. It can be started again. Before ``start`` and after ``stop`` the
    pools take no work, so that no thread appears where nothing runs.

    With ``many`` (a fleet) there is an ``exchange`` pool for each VTN, so that one that hangs holds
    up only its own VENs, and an exchange that does not come back soon is given another thread
    sooner.
    """

    def __init__(
        self,
        *,
        callback_workers: int = 4,
        exchange_workers: int = EXCHANGES,
        handler_workers: int = HANDLERS,
        many: bool = False,
        clock: Optional[Clock] = None,
    ) -> None:
        self._many = many
        self.clock: Clock = clock or Clock()
        self._sizes = {
            "exchange": exchange_workers,
            "handler": handler_workers,
            "report": callback_workers,
            "step": STEPS,
        }
        self.looking_again: set[Callable[[], None]] = set()
        self.scheduler: Scheduler = Scheduler(self.clock, on_set_back=self._set_back)
        self.pools: dict[str, Workers] = {}
        self._making = threading.RLock()
        self._pid: Optional[int] = None
        self._is_open = False  # under _making: whether a pool that is made now may take work
        self._stopped_by: Optional[threading.Thread] = None
        self._make_pools()
        self._close_pools(0.0)

    def _make_pools(self) -> None:
        self.pools = {name: self._make_pool(name, name) for name in self._sizes}

    def _make_pool(self, kind: str, name: str) -> Workers:
        after = {
            "exchange": (0.5 if self._many else SLOW, 120.0),
            "handler": (1.0, 30.0),
            "report": (10.0, 10.0),
            "step": (5.0, 60.0),
        }
        stuck_after, warn_after = after[kind]
        return Workers(
            f"ven_sdk-{name}",
            self._sizes[kind],
            self.scheduler,
            stuck_after=stuck_after,
            warn_after=warn_after,
            maximum=self._sizes[kind] + (EXTRA_FOR_MANY if self._many else EXTRA),
            on_stuck=partial(self._log_stuck, name),
            on_full=partial(self._log_full, name),
        )

    def exchanges(self, vtn: str) -> Workers:
        """The pool for talking to the VTN at ``vtn`` (host and port)."""
        if not self._many:
            return self.pools["exchange"]
        name = f"exchange {vtn}"
        pool = self.pools.get(name)
        if pool is None:
            with self._making:
                pool = self.pools.get(name) or self._make_pool("exchange", name)
                if not self._is_open:
                    pool.close(0.0)
                # a new dict: others are reading the old one
                self.pools = {**self.pools, name: pool}
        return pool

    def _set_back(self) -> None:
        """The wall clock was set back: whoever wants to know looks again at what is to come."""
        logger.warning(
            "The wall clock was set back. Events and samples follow it; what was done is not done "
            "again, unless its time is to come."
        )
        for look_again in tuple(self.looking_again):
            look_again()

    def _log_stuck(self, pool: str, about: str, seconds: float) -> None:
        logger.warning(
            "%s has been running for %.0f s on the %s pool. Other work goes on without it.",
            about,
            seconds,
            pool,
        )

    def _log_full(self, pool: str, jobs: tuple[str, ...]) -> None:
        if not jobs:
            logger.warning("The %s pool has free threads again.", pool)
            return
        names = ", ".join(
            f"{about} ({count} times)" if count > 1 else about
            for about, count in Counter(jobs).most_common(MOST_NAMED)
        )
        logger.error(
            "All %d threads of the %s pool are held by code that does not return: %s. What comes "
            "now waits until one returns%s.",
            len(jobs),
            pool,
            shorten(names),
            AFTERMATH.get(pool, ""),
        )

    def count_waiting(self) -> dict[str, int]:
        """How many jobs wait in each pool."""
        return {name: pool.count_waiting() for name, pool in self._seen_pools().items()}

    def _seen_pools(self) -> dict[str, Workers]:
        """The pools that may be looked into: none in the child of a fork, see ``is_inherited``."""
        return {} if self.is_inherited else self.pools

    def count_running(self) -> dict[str, int]:
        """How many jobs run in each pool."""
        return {name: pool.count_running() for name, pool in self._seen_pools().items()}

    def full_pools(self) -> tuple[str, ...]:
        """The pools in which work waits and no thread is left."""
        return tuple(name for name, pool in self._seen_pools().items() if pool.is_full)

    def start(self) -> None:
        """Make timers and pools run; harmless when they do."""
        if self._pid is None:
            with self._making:
                before = self.pools
                self._make_pools()
                for kind in ("handler", "report"):  # user code that still runs is not called again
                    self.pools[kind].follow(before[kind])
                self._is_open = True
        self._pid = os.getpid()
        self.scheduler.start()

    @property
    def is_of_this_process(self) -> bool:
        """Whether its threads are here, not in the parent of a fork."""
        return self._pid == os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this is the child of a fork: nobody changes anything here, and a lock that a
        thread of the parent held is never given back.
        """
        return self._pid is not None and self._pid != os.getpid()

    def check_process(self) -> None:
        """StateError in a forked child: its threads stayed behind in the parent."""
        if self.is_inherited:
            raise StateError(
                f"This client was started in process {self._pid} and is now used in its fork "
                f"{os.getpid()}, where "
                "its threads do not exist. Make and start a client after the fork."
            )

    def stuck(self) -> tuple[Running, ...]:
        """User code and exchanges that run for long."""
        return tuple(
            running
            for name, pool in self._seen_pools().items()
            if name != "step"
            for running in pool.stuck()
            if running.seconds >= SLOW or not name.startswith("exchange")
        )

    def stop(self, timeout: float) -> tuple[str, ...]:
        """End all threads within ``timeout`` seconds; returns what did not finish. Ready to start
        again afterwards.
        """
        deadline = self.clock.monotonic() + timeout
        left: list[str] = []
        do_all(
            lambda: self.scheduler.stop(timeout),
            lambda: left.extend(self._close_pools(deadline - self.clock.monotonic())),
            self._forget_threads,
        )
        return tuple(left)

    def _forget_threads(self) -> None:
        self._pid, self._stopped_by = None, threading.current_thread()
        self.scheduler = Scheduler(self.clock, on_set_back=self._set_back)

    def _close_pools(self, timeout: float) -> tuple[str, ...]:
        deadline = self.clock.monotonic() + timeout
        left: tuple[str, ...] = ()
        with self._making:
            self._is_open, pools = False, tuple(self.pools.values())
        for pool in pools:  # all of them, before any is waited for
            pool.close(0.0)
        for pool in pools:
            left += pool.close(max(0.0, deadline - self.clock.monotonic()))
        return left

    def wait_for_stopper(self, timeout: float) -> None:
        """When user code on a pool's thread stopped us, wait until it has returned: what it returns
        is still written. ``timeout`` in seconds.
        """
        thread = self._stopped_by
        if (
            thread is not None
            and thread is not threading.current_thread()
            and thread.name.startswith("ven_sdk-")
        ):
            thread.join(timeout)
