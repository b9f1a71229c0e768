"""How often something may happen: a sliding window, and a pause that grows with each repetition.

Used under a lock or by one thread at a time; the caller says what time it is (monotonic seconds).
"""

from __future__ import annotations

from collections import deque
from typing import Optional

from ..transport.backoff import Backoff

QUIET = 10.0
"""A pause that grew is forgotten after ten times its length without a repetition."""


class Window:
    """At most ``most`` happenings within any ``seconds``."""

    __slots__ = ("_moments", "_seconds", "most")

    def __init__(self, most: int, seconds: float = 60.0) -> None:
        self.most: int = most
        self._seconds = seconds
        self._moments: deque[float] = deque()

    def seconds_to_wait(self, now: float, kept: int = 0) -> float:
        """Zero when it may happen now, and ``kept`` more after it. ``now`` is of the monotonic
        clock.
        """
        while self._moments and self._moments[0] <= now - self._seconds:
            self._moments.popleft()
        most = self.most - kept
        if len(self._moments) < most:
            return 0.0
        return self._moments[len(self._moments) - most] + self._seconds - now

    def note(self, now: float) -> None:
        """It happens. ``now`` is of the monotonic clock."""
        self._moments.append(now)

    def allow(self, now: float) -> bool:
        """Whether it may happen now; if so, it is noted. ``now`` is of the monotonic clock."""
        if self.seconds_to_wait(now) > 0:
            return False
        self.note(now)
        return True


class GrowingPause:
    """The distance that is kept from something that comes again and again: none the first time,
    then more and more.
    """

    __slots__ = ("_at", "_backoff", "_pause")

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._at: Optional[float] = None
        self._pause = 0.0

    @property
    def until(self) -> float:
        """The moment from which the last one may be followed; 0 where none came."""
        return self._at or 0.0

    def next(self, now: float) -> float:
        """It comes once more: how many seconds to wait before it is followed. ``now`` is of the
        monotonic clock.
        """
        if self._at is None or now - self._at > max(60.0, QUIET * self._pause):
            self.reset()
        else:
            self._pause = self._backoff.next()
        self._at = now + self._pause
        return self._pause

    def reset(self) -> None:
        """The next one counts as the first."""
        self._backoff.reset()
        self._at, self._pause = None, 0.0
