"""Waiting for a change: none is missed between a look and the wait. Any thread."""

from __future__ import annotations

import threading
from typing import Callable

from .clock import Clock


class Changes:
    """Wakes those who wait for a change. ``lock`` may be taken under any other, and none under
    it.
    """

    def __init__(self, clock: Clock) -> None:
        self.lock: threading.Condition = threading.Condition()
        self._clock = clock
        self._count = 0

    def notify(self) -> None:
        """Something has changed: let those who wait look again."""
        with self.lock:
            self._count += 1
            self.lock.notify_all()

    def wait(
        self, condition: Callable[[], bool], seconds: float, is_over: Callable[[], bool]
    ) -> bool:
        """Wait until ``condition()`` (looked at after every change, without a lock held), at most
        ``seconds``, of the machine's as well (nobody moves a test's clock meanwhile), or until
        ``is_over()``. What ``condition()`` says at the end.
        """
        clock = self._clock
        until, machine_until = clock.monotonic() + seconds, clock.machine_seconds() + seconds
        while True:
            with self.lock:
                seen = self._count
            if condition():
                return True
            is_late = clock.monotonic() >= until or clock.machine_seconds() >= machine_until
            if is_late or is_over():
                return condition()
            with self.lock:
                if self._count == seen:
                    clock.wait(self.lock, until, machine_until)
