"""The one source of time. Tests replace it (``ven_sdk.testing.ManualClock``); nothing else asks the
system.

``monotonic`` is for waiting, ``now`` (aware UTC) for the protocol. Any thread may call it.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone
from time import monotonic
from typing import Callable, Optional

from ..errors import ConfigurationError
from ..instants import EPOCH
from ..text import repr_of

UTC = timezone.utc
SAME_MOMENT = 0.1
"""Seconds between two looks at clocks that count as one moment."""


class Clock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return datetime.now(UTC)

    def time(self) -> float:
        """The wall clock in seconds since 1970."""
        return time.time()

    monotonic: Callable[[], float] = staticmethod(monotonic)
    """Seconds of a clock that nobody sets."""

    def read_both(self) -> tuple[datetime, float]:
        """The wall clock and the monotonic one, of the same moment: a thread that is put to rest
        between two looks must not take its rest for a clock that was set.
        """
        while True:
            before = monotonic()
            now = datetime.now(UTC)
            if monotonic() - before < SAME_MOMENT:
                return now, before

    def machine_seconds(self) -> float:
        """The machine's own monotonic seconds, also where a test moves the clock by hand: what
        takes its time in this world, such as a reply, is waited for by them.
        """
        return monotonic()

    def wait(
        self,
        condition: threading.Condition,
        until: Optional[float],
        machine_until: Optional[float] = None,
    ) -> None:
        """Wait on ``condition`` (held by the caller) until ``monotonic()`` is ``until``; None waits
        for a notification. ``machine_until``, of ``machine_seconds()``, ends it as well where the
        two are not the same.

        A moment and no length: time that passes between the caller's look at the clock and the wait
        is not waited for twice.
        """
        condition.wait(None if until is None else max(0.0, until - monotonic()))


def checked_clock(clock: object) -> Optional[Clock]:
    """``clock`` if it is one, or None for the machine's; ``ConfigurationError`` for anything
    else.
    """
    if clock is not None and not isinstance(clock, Clock):
        raise ConfigurationError(
            f"clock must be a ven_sdk.testing.ManualClock or None, not {repr_of(clock)}."
        )
    return clock


def timestamp(moment: datetime) -> float:
    """Seconds since 1970 of an aware ``moment``."""
    return (moment - EPOCH) / timedelta(seconds=1)
