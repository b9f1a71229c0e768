"""How far the VTN's clock is from ours (rule E40), from the Date headers of its replies.

One header is not believed: the median of the last few counts, and only what is more than the
header's own coarseness and less than ``LIMIT``; beyond that our clock is plainly wrong: that is
logged, and nothing is shifted.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta

from ..instants import ZERO

SAMPLES, COARSE, LIMIT = 5, timedelta(seconds=2), timedelta(minutes=15)


class ClockOffset:
    """``measured`` is the median of what was seen, ``applied`` what the VEN adds to its own clock
    for events.
    """

    __slots__ = ("_seen", "applied")

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=SAMPLES)
        self.applied: timedelta = ZERO

    @property
    def median(self) -> timedelta:
        """The median of the last replies, zero before there are enough."""
        return (
            timedelta(seconds=sorted(self._seen)[SAMPLES // 2])
            if len(self._seen) == SAMPLES
            else ZERO
        )

    def add(self, seen: timedelta) -> bool:
        """Take in one reply; True when ``applied`` changed."""
        self._seen.append(seen.total_seconds())
        found = self.median
        wanted = found if COARSE < abs(found) < LIMIT else ZERO
        if wanted == self.applied or (
            wanted and self.applied and abs(wanted - self.applied) <= COARSE
        ):
            return False
        self.applied = wanted
        return True
