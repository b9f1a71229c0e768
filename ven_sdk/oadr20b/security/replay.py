"""The memory of a client against replayed messages (rule S7): how old a timestamp may be, and which
nonces were seen.

It belongs to one client, never to the module. The verifier asks it after the signature was found
good, from any exchange thread. The lock guards a dict and a heap only. Persisting is the store's:
``on_seen`` tells it, :meth:`ReplayGuard.restore` gives back.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Callable, Optional

from ...errors import ConfigurationError, SecurityError

MAX_NONCE_LENGTH = 1024
OnSeen = Callable[[str, datetime, tuple[str, ...]], None]


class ReplayGuard:
    """Accepts each timestamp and nonce once, and only within ``window_seconds`` of now, past or
    future.

    A nonce is kept until its timestamp is two windows old, when freshness alone refuses it. What
    was forgotten raises the *floor*: messages not later than it are refused, so neither a clock set
    back nor a full memory lets a replay pass. At ``limit`` nonces the oldest is forgotten: messages
    as old as it are then refused inside the window too.

    ``on_seen(nonce, timestamp, forgotten)`` is called outside the lock for every accepted message,
    with the nonces that need no longer be kept. What it raises reaches the caller, and the message
    is not accepted. ``ConfigurationError`` for what it cannot use.
    """

    def __init__(
        self, window_seconds: float = 60.0, *, limit: int = 10_000, on_seen: Optional[OnSeen] = None
    ) -> None:
        if not 0 < window_seconds < math.inf:
            raise ConfigurationError(
                f"replay_window is {window_seconds!r}: expected a positive number of seconds."
            )
        self.window: timedelta = timedelta(seconds=window_seconds)
        self._limit = limit
        self._on_seen = on_seen
        self._lock = threading.RLock()
        self._seen: dict[str, datetime] = {}
        self._by_age: list[tuple[datetime, str]] = []
        self._floor: Optional[datetime] = None

    def check(self, timestamp: Optional[datetime], nonce: Optional[str], now: datetime) -> None:
        """Accept this message and remember its nonce; :class:`SecurityError` when it is stale,
        early, or was seen.
        """
        if timestamp is None or not nonce or len(nonce) > MAX_NONCE_LENGTH:
            raise SecurityError(
                "The message's ReplayProtect needs a timestamp and a nonce of at most "
                f"{MAX_NONCE_LENGTH} characters. The message was discarded.",
                expected="timestamp and nonce",
                received=(timestamp, nonce and nonce[:40]),
            )
        self._check_fresh(timestamp, now)
        with self._lock:
            floor, known = self._floor, nonce in self._seen
            if known or (floor is not None and timestamp <= floor):
                forgotten: tuple[str, ...] = ()
            else:
                self._remember(nonce, timestamp)
                forgotten = self._forget(now)
        if known:
            raise SecurityError(
                f"The message's nonce {nonce[:40]!r} was seen before: it is a replay, or the VTN "
                "repeats nonces. The message was discarded.",
                expected="a new nonce",
                received=nonce,
            )
        if floor is not None and timestamp <= floor:
            raise SecurityError(
                f"The message was signed at {timestamp.isoformat()}, but nonces are remembered "
                f"only of "
                f"messages after {floor.isoformat()}; it could be a replay and was discarded.",
                expected=floor,
                received=timestamp,
            )
        if self._on_seen is not None:
            self._on_seen(nonce, timestamp, forgotten)

    def _check_fresh(self, timestamp: datetime, now: datetime) -> None:
        age = now - timestamp
        if abs(age) <= self.window:
            return
        side = "old" if age > self.window else "in the future"
        seconds = abs(age).total_seconds()
        raise SecurityError(
            f"The message was signed at {timestamp.isoformat()}, {seconds:.0f} s {side}, "
            f"but replay_window is {self.window.total_seconds():g} s. The message was discarded. "
            f"Check the clocks of this machine and of the VTN.",
            expected=now,
            received=timestamp,
        )

    def _remember(self, nonce: str, timestamp: datetime) -> None:
        self._seen[nonce] = timestamp
        heapq.heappush(self._by_age, (timestamp, nonce))

    def _forget(self, now: datetime) -> tuple[str, ...]:
        """Drop what is too old to pass, and the oldest above the limit."""
        horizon = now - 2 * self.window
        gone = []
        while self._by_age and (self._by_age[0][0] < horizon or len(self._seen) > self._limit):
            timestamp, nonce = heapq.heappop(self._by_age)
            del self._seen[nonce]
            gone.append(nonce)
            self._floor = timestamp if self._floor is None else max(self._floor, timestamp)
        return tuple(gone)

    def __len__(self) -> int:
        return len(self._seen)

    def restore(self, nonces: Mapping[str, str], floor: Optional[str] = None) -> None:
        """Add what an earlier run was told to keep: ``nonces`` with their times, and the time of
        the latest that was forgotten. What is remembered already stays.
        """
        seen = {nonce: _utc(text) for nonce, text in nonces.items()}
        latest = None if floor is None else _utc(floor)
        with self._lock:
            for nonce, timestamp in seen.items():
                if nonce not in self._seen:
                    self._remember(nonce, timestamp)
            if latest is not None and (self._floor is None or latest > self._floor):
                self._floor = latest


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
