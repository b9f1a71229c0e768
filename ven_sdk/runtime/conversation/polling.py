"""When the next poll is due (rules P3 to P5): the period, its jitter, and the draining of a queue.

Used under the lock of the conversation. Moments are monotonic seconds.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Optional

from ...config import JITTER, JITTER_CAP
from ...profile import Profile
from ...state.book import Book

DRAIN_CAP, DRAIN_PAUSE = 50, 1.0
"""Polls in a row before a pause of seconds (P3)."""


class Polling:
    """``began`` is when the poll under way was sent, or None; ``is_draining`` says that the last
    one brought something new, so that the next follows at once.
    """

    __slots__ = (
        *("_book", "_chance", "_is_failing", "_pause_until", "_profile", "_round_began", "_rounds"),
        *("_seconds", "_seconds_of", "began", "hold_until", "is_draining"),
    )

    def __init__(self, book: Book, profile: Profile) -> None:
        self._book, self._profile = book, profile
        self._round_began: Optional[float] = None
        self._chance, self._seconds = 0.0, 0.0
        self._seconds_of: Optional[timedelta] = None
        self._rounds, self._pause_until = 0, 0.0
        self._is_failing = False
        self.began: Optional[float] = None
        self.hold_until: float = 0.0
        self.is_draining: bool = False

    def begin(self, now: float) -> None:
        """A poll is sent. P5: the period is measured from the start of a round; a drained queue
        polls on within its round, and one that takes longer begins another. ``now`` is of the
        monotonic clock.
        """
        self.began = now
        if not self.is_draining:
            self._rounds = 0
        if not self.is_draining or self.seconds_to_period(now) <= 0:
            self._round_began, self._chance = now, self._book.chance.random()
            self._seconds_of = None
        self.is_draining = self._is_failing = False

    def end(self) -> None:
        """The poll is over, however it ended."""
        self.began = None

    def fail(self) -> None:
        """It failed: the next one waits for the back-off only, and is not yet one of the period."""
        self._is_failing = True

    def drain(self, now: float) -> None:
        """The reply brought something new: poll on, with a pause now and then (P3). ``now`` is of
        the monotonic clock.
        """
        self._rounds += 1
        self.is_draining = True
        if not self._rounds % DRAIN_CAP:
            self._pause_until = now + DRAIN_PAUSE

    def seconds_to_next(self, now: float, is_holding: bool) -> float:
        """To the next poll: none while the queue is drained (P3), but not before quick handlers
        decided (P4). ``now`` is of the monotonic clock.
        """
        if self.is_draining:
            return max(self._pause_until, self.hold_until if is_holding else 0.0) - now
        if self._is_failing:
            return 0.0
        return self.seconds_to_period(now)

    def seconds_to_period(self, now: float) -> float:
        """To the next poll of the period, whatever is drained: by the period of now, which a
        registration may have changed since the round began (R14). ``now`` is of the monotonic
        clock.
        """
        began = self._round_began
        return 0.0 if began is None else began + self._period() - now

    def _period(self) -> float:
        """The seconds of this round, worked out anew only where another period holds now."""
        period = self._profile.poll_period(self._book)
        if period is not self._seconds_of:
            self._seconds, self._seconds_of = self._spread(period.total_seconds()), period
        return self._seconds

    def _spread(self, seconds: float) -> float:
        jitter, chance = self._book.settings.poll_jitter, self._chance
        spread = min(seconds * JITTER, JITTER_CAP.total_seconds())
        if jitter == "later":
            return seconds + spread * chance
        return seconds + (spread * (2 * chance - 1) if jitter == "both" else 0.0)
