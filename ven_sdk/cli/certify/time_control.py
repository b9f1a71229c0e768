"""How time passes between VEN and VTN: by hand, or by itself. The main thread.

By hand, time stands still while the VEN has anything to do. A VEN is at rest when no timer is due
and no pool runs a job, except exchanges whose answer the VTN holds back; it is looked at twice,
for a job may have been handed from one pool to the other in between.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Optional, Protocol, TypeVar

from ...client import OpenADRClient
from ...testing import LocalVTN, ManualClock

T = TypeVar("T")
PATIENCE = 5.0
"""Real seconds that a VEN's own code may take before time goes on without it."""
SMALLEST = 0.001
LOOK = 0.05


class TimeControl(Protocol):
    """How time passes; seconds are those of VEN and VTN."""

    def now(self) -> float:
        """Monotonic seconds."""

    def pass_until(self, found: Callable[[], Optional[T]], seconds: float) -> Optional[T]:
        """Let time pass until ``found()`` gives something, for so many seconds at most; what it
        gave.
        """


class ManualTime:
    """One :class:`ManualClock` for both. ``held()``: how many exchanges the VTN holds back."""

    def __init__(self, clock: ManualClock, held: Callable[[], int]) -> None:
        self._clock, self._held = clock, held
        self.client: Optional[OpenADRClient] = None

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def pass_until(self, found: Callable[[], Optional[T]], seconds: float) -> Optional[T]:
        """See :class:`TimeControl`."""
        end = self._clock.monotonic() + seconds
        while True:
            self._rest()
            value = found()
            left = end - self._clock.monotonic()
            if (value is not None and value is not False) or left < SMALLEST / 2:
                return value
            next_one = self._clock.seconds_to_next()
            step = left if next_one is None else min(left, max(next_one, SMALLEST))
            self._clock.advance(step)

    def _rest(self) -> None:
        """Wait until the VEN has nothing left to do at this moment."""
        deadline, pause, times = time.monotonic() + PATIENCE, 0.0005, 0
        while times < 2 and time.monotonic() < deadline:
            times = times + 1 if self._is_at_rest() else 0
            time.sleep(pause)
            pause = min(pause * 1.2, 0.01) if times == 0 else 0.0005

    def _is_at_rest(self) -> bool:
        if self.client is None:
            return True
        runtime = self.client._engine.runtime
        if not runtime.is_of_this_process or not runtime.scheduler.is_idle:
            return not runtime.is_of_this_process
        running, waiting, held = runtime.count_running(), runtime.count_waiting(), self._held()
        exchanges, queued = running.pop("exchange", 0), waiting.pop("exchange", 0)
        return (
            exchanges <= held
            and (held > 0 or not queued)  # behind an exchange that is held back
            and not any(running.values())
            and not any(waiting.values())
        )


class RealTime:
    """The machine's clock. ``found`` is asked whenever something arrived, and now and then."""

    def __init__(self, vtn: LocalVTN) -> None:
        self._changed: threading.Condition = vtn.changed

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def pass_until(self, found: Callable[[], Optional[T]], seconds: float) -> Optional[T]:
        """See :class:`TimeControl`."""
        end = time.monotonic() + seconds
        while True:
            value = found()
            left = end - time.monotonic()
            if (value is not None and value is not False) or left <= 0:
                return value
            with self._changed:
                self._changed.wait(min(left, LOOK))
