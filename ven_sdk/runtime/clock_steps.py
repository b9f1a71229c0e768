"""Whether the wall clock was set, by comparison with the monotonic one. One thread at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Optional

from .clock import Clock

SMALLEST_STEP = 1.0
"""Seconds by which the wall clock must leave the monotonic one at once to count as set."""


class ClockSteps:
    """Steps of the wall clock between two looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: Optional[float] = None

    def take(self, offset: timedelta) -> tuple[datetime, Optional[timedelta]]:
        """What the wall clock shows, ``offset`` added, and by how much that was set since the last
        look, or None.
        """
        before = self._ahead
        wall, monotonic = self._clock.read_both()
        now = wall + offset
        self._ahead = now.timestamp() - monotonic
        if before is None or abs(self._ahead - before) <= SMALLEST_STEP:
            return now, None
        return now, timedelta(seconds=self._ahead - before)
