"""The words of an exchange: where it goes, how far it has come, how long it may take, how it can
end badly. Pure.
"""

from __future__ import annotations

import socket
from enum import Enum
from time import monotonic
from typing import NamedTuple, Optional


class Stage(Enum):
    """How far an exchange has come. Up to SEND the VTN cannot have acted on it: no whole message
    was handed over.
    """

    RESOLVE = 1
    CONNECT = 2
    PROXY = 3
    HANDSHAKE = 4
    SEND = 5
    WAIT = 6
    HEAD = 7
    BODY = 8


class Proxy(NamedTuple):
    """An HTTP proxy; ``authorization`` is the value of its header, or None."""

    host: str
    port: int
    authorization: Optional[str]


class Route(NamedTuple):
    """Where a connection leads. Connections of equal routes serve the same URLs."""

    secure: bool
    host: str
    port: int
    proxy: Optional[Proxy]


class ProxyRefusal(OSError):
    """The proxy did not open the tunnel; ``status`` is its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class Unacceptable(Exception):
    """What came is no answer that this SDK takes; the text completes "the VTN's answer …"."""


class Deadline:
    """A moment by which the exchange is over. Raises ``socket.timeout`` when there is nothing
    left.
    """

    __slots__ = ("_at", "started")

    def __init__(self, seconds: float) -> None:
        self.started: float = monotonic()
        self._at = self.started + seconds

    def seconds_left(self) -> float:
        """Seconds left, more than zero (zero would make a socket non-blocking)."""
        left = self._at - monotonic()
        if left <= 0:
            raise socket.timeout("deadline passed")
        return left

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left. The clock of a socket may be a hair faster than ours."""
        return self._at - monotonic() <= 0.005
