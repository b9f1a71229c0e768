"""The timers of one VEN: each has a key, a moment of the VTN's clock, and a step that is run then.

A timer that is set again under its key replaces the one that stood. The scheduler's thread only
puts the step onto the pool ``step``; there it is dropped if it was replaced or cancelled on its
way. Everything but ``_submit`` runs under the lock of the transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Callable

from ..state.outcome import Step, Timer
from ..text import shorten
from .clock_offset import ClockOffset
from .runtime import Runtime
from .scheduler import Job

SECOND_CHANCE = timedelta(minutes=1)
"""How long a timer waits whose step failed by a fault of ven_sdk."""


class Timers:
    """``run(timer)`` is called on the pool for timers when one is due. ``steps`` are those of
    timers that only name their key.
    """

    __slots__ = ("_offset", "_owner", "_run", "_runtime", "_standing", "_steps")

    def __init__(
        self,
        owner: object,
        runtime: Runtime,
        offset: ClockOffset,
        steps: Mapping[str, Step],
        run: Callable[[Timer], None],
    ) -> None:
        self._owner, self._runtime, self._offset = owner, runtime, offset
        self._steps, self._run = steps, run
        self._standing: dict[str, tuple[Timer, Job]] = {}

    def __len__(self) -> int:
        return len(self._standing)

    def set(self, timer: Timer) -> None:
        """Arm ``timer`` in the place of the one of the same key; without a moment it is only
        cancelled.
        """
        known = self._standing.pop(timer.key, None)
        if known is not None:
            known[1].cancel()
        if timer.at is None:
            return
        try:
            moment = timer.at - self._offset.applied
        except OverflowError:  # the last minutes of the calendar
            moment = timer.at
        job = self._runtime.scheduler.call_at(moment, lambda: self._submit(timer))
        self._standing[timer.key] = (timer, job)

    def _submit(self, timer: Timer) -> None:
        self._runtime.pools["step"].submit(
            self._owner, lambda: self._run(timer), shorten(f"timer {timer.key}")
        )

    def take(self, timer: Timer) -> bool:
        """Whether ``timer`` still stands; it no longer does afterwards."""
        known = self._standing.get(timer.key)
        if known is None or known[0] is not timer:
            return False
        del self._standing[timer.key]
        return True

    def step_of(self, timer: Timer) -> Step:
        """What to run when it is due."""
        return timer.step or self._steps[timer.key]

    def set_again(self, timer: Timer, now: datetime) -> None:
        """Its step failed by a fault of ven_sdk: without its timer the VEN would fall silent."""
        if timer.key not in self._standing:
            self.set(replace(timer, at=now + SECOND_CHANCE))

    def reset(self) -> None:
        """The estimate of the VTN's clock changed: each timer stands for another moment of our
        clock.
        """
        for timer, _ in list(self._standing.values()):
            self.set(timer)

    def clear(self) -> None:
        """Cancel all."""
        for _, job in self._standing.values():
            job.cancel()
        self._standing.clear()
