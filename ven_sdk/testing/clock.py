"""``ManualClock``: time that stands still until a test moves it, so that a day of events takes
milliseconds.

Whatever takes its time from a :class:`~ven_sdk.runtime.clock.Clock` waits on this one. Tests move
it from any thread; it holds no lock of its own while it wakes those that wait.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional
from weakref import WeakSet

from ..argument_names import named_arguments, named_methods
from ..arguments import LONGEST, Duration, duration, whole_number
from ..errors import ConfigurationError, ReadOnlyError
from ..instants import EPOCH
from ..near_names import missing_attribute, public_names
from ..runtime.clock import UTC, Clock, timestamp

NANO, MICRO = 10**9, 1000
START = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class _Sleeper:
    condition: threading.Condition
    deadline: Optional[int]


@named_methods
class ManualClock(Clock):
    """A clock that a test moves by hand: ``advance`` lets time pass, ``step`` sets the wall clock,
    as NTP or a user would.

    ``start`` is what the wall shows at first. ``wait_for_sleepers`` tells when other threads are
    done with what the last move gave them to do, and wait again. ``ConfigurationError`` for what it
    cannot use.
    """

    @named_arguments
    def __init__(self, start: datetime = START) -> None:
        if not isinstance(start, datetime) or start.tzinfo is None:
            raise ConfigurationError(
                f"start is {start!r}: give an aware datetime, such as datetime(2030, 1, 1, "
                "tzinfo=timezone.utc)."
            )
        self._changed = threading.Condition()
        self._elapsed = 0
        self._wall = round(timestamp(start) * NANO)
        self._sleepers: list[_Sleeper] = []
        self._conditions: WeakSet[threading.Condition] = WeakSet()

    if not TYPE_CHECKING:  # type checkers refuse unknown names by themselves

        def __getattr__(self, name: str) -> object:
            raise missing_attribute(self, name, lambda: public_names(type(self)))

        def __setattr__(self, name: str, value: object) -> None:
            if type(self) is ManualClock and not name.startswith("_"):
                raise ReadOnlyError(
                    f"ManualClock.{name} cannot be set. advance(), advance_to() and step() move "
                    "the clock."
                )
            super().__setattr__(name, value)

    # --- what the SDK asks ------------------------------------------------------------------------

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return EPOCH + timedelta(seconds=self.time())

    def read_both(self) -> tuple[datetime, float]:
        """The wall clock and the monotonic one, between two moves."""
        with self._changed:
            seconds = (self._wall + self._elapsed) / NANO
            return EPOCH + timedelta(seconds=seconds), self._elapsed / NANO

    def time(self) -> float:
        """The wall clock in seconds since 1970."""
        with self._changed:
            return (self._wall + self._elapsed) / NANO

    def monotonic(self) -> float:
        """Seconds that passed since the clock was made."""
        with self._changed:
            return self._elapsed / NANO

    def wait(
        self,
        condition: threading.Condition,
        until: Optional[float],
        machine_until: Optional[float] = None,
    ) -> None:
        """Wait on ``condition`` (held by the caller) until it is notified or the clock was moved to
        ``until``.

        The machine's own time plays no part but for ``machine_until``. It may return early, as
        every wait on a condition may. Less than a microsecond passes by itself: it is what rounding
        left of a wait.
        """
        with self._changed:
            self._conditions.add(condition)
            deadline = None if until is None else round(until * NANO)
            if deadline is not None and not self._is_to_come(deadline):
                self._elapsed = max(self._elapsed + 1, deadline)
                return
            sleeper = _Sleeper(condition, deadline)
            self._sleepers.append(sleeper)
            self._changed.notify_all()
        try:
            condition.wait(None if machine_until is None else machine_until - time.monotonic())
        finally:
            with self._changed:
                self._sleepers.remove(sleeper)
                self._changed.notify_all()

    # --- what tests do ----------------------------------------------------------------------------

    def advance(self, seconds: Duration) -> datetime:
        """Let ``seconds`` (a duration) pass, on both clocks, and wake those whose time has come;
        the wall clock afterwards. ``ConfigurationError`` for anything else.
        """
        amount = _nanoseconds(seconds)
        if amount < 0:
            raise ConfigurationError(
                f"Time cannot pass backwards ({seconds!r}). step() sets the wall clock back."
            )
        with self._changed:
            self._elapsed += amount
            due = {
                each.condition
                for each in self._sleepers
                if each.deadline is not None and not self._is_to_come(each.deadline)
            }
        _wake(due)
        return self.now()

    def advance_to(self, moment: datetime) -> datetime:
        """Let time pass until the wall clock shows ``moment``, an aware datetime.
        ``ConfigurationError`` for a naive one.
        """
        _check_moment(moment)
        return self.advance(moment - self.now())

    def advance_to_next(self) -> Optional[timedelta]:
        """Let time pass until the first deadline that a thread waits for; how long that was, None
        where nobody does.
        """
        left = self._nanoseconds_to_next()
        if left is None:
            return None
        self.advance(timedelta(microseconds=-(-left // 1000)))
        return timedelta(microseconds=left / 1000)

    def seconds_to_next(self) -> Optional[float]:
        """How long it is to the first deadline that a thread waits for, None where nobody does."""
        left = self._nanoseconds_to_next()
        return None if left is None else left / NANO

    def _nanoseconds_to_next(self) -> Optional[int]:
        with self._changed:
            deadlines = [each.deadline for each in self._sleepers if each.deadline is not None]
            return None if not deadlines else max(0, min(deadlines) - self._elapsed)

    def step(self, delta: Duration) -> datetime:
        """Set the wall clock forward by ``delta``, a duration, or (negative) back; no time passes.
        All that wait look again.
        """
        with self._changed:
            self._wall += _nanoseconds(delta)
            everybody = set(self._conditions)
        _wake(everybody)
        return self.now()

    @property
    def sleepers(self) -> int:
        """How many threads wait on this clock with a deadline."""
        with self._changed:
            return self._count()

    def wait_for_sleepers(self, count: int = 1, timeout: float = 5) -> None:
        """Wait (in real time) until at least ``count`` threads wait with a deadline that is still
        to come. ``AssertionError`` if they do not within ``timeout`` seconds.
        """
        end = time.monotonic() + duration("timeout", timeout).total_seconds()
        count = whole_number("count", count, 0)
        with self._changed:
            while self._count() < count:
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if self._count() >= count:
                        return
                    raise AssertionError(
                        f"Expected {count} threads to wait on the clock within {timeout:g} s; "
                        f"{self._count()} do."
                    )

    def _count(self) -> int:
        return sum(
            1
            for each in self._sleepers
            if each.deadline is not None and self._is_to_come(each.deadline)
        )

    def _is_to_come(self, deadline: int) -> bool:
        """Whether it is a microsecond away, or more: less passes by itself."""
        return deadline - self._elapsed >= MICRO


def _check_moment(moment: object) -> None:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        hint = " advance() takes a duration." if isinstance(moment, timedelta) else ""
        raise ConfigurationError(f"moment is {moment!r}: give an aware datetime.{hint}")


def _nanoseconds(given: object) -> int:
    """Whole numbers add up exactly, so that ten steps of 0.1 s are a second."""
    if isinstance(given, datetime):
        raise ConfigurationError(f"{given!r} is no duration. advance_to() takes a moment.")
    century = LONGEST.total_seconds()
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        if -century <= given <= century:  # less than a microsecond, too: what floats leave
            return round(given * NANO)
    return duration("seconds", given, -century) // timedelta(microseconds=1) * 1000


def _wake(conditions: set[threading.Condition]) -> None:
    for condition in conditions:
        with condition:
            condition.notify_all()
