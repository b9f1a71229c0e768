"""What a trial is made of: what all rows share, clocks, polls that are held back, and reading what
the VTN found. Values and small helpers.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Callable, NamedTuple, Optional

from ...runtime.clock import Clock
from ...security.credentials import Credentials
from ...testing import Fault, Received, Reply
from .rows import Arguments
from .sources import Source


def credentials_of(own: Arguments) -> Credentials:
    """The certificate that an author gave his client. ``ConfigurationError`` as the client."""
    return Credentials.load(own["cert"], own.get("key"), own.get("passphrase"))


class CallRecord(NamedTuple):
    """One call of a handler: when, which, for which event, and the payload of an interval."""

    at: datetime
    what: str
    event_id: str
    payload: Optional[float] = None


@dataclass
class Run:
    """What all rows share: the VEN, whether time is moved by hand, what the author declared, and
    the messages so far (with the number of their row).

    ``arguments``: of the client, for all rows; ``high``: whether it has high security, None for
    what it is set to; ``sample_data``: reports are added that it does not offer; ``throwaway``: its
    own certificate is not used.
    """

    source: Source
    by_hand: bool
    declared: Mapping[str, object] = field(default_factory=dict)
    arguments: Mapping[str, object] = field(default_factory=dict)
    high: Optional[bool] = None
    sample_data: bool = False
    throwaway: bool = False
    patience: Optional[float] = None
    received: list[tuple[int, Received]] = field(default_factory=list)


class ClockAhead(Clock):
    """A clock whose wall is so many seconds ahead of another's."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return self._clock.now() + timedelta(seconds=self._seconds)

    def time(self) -> float:
        """The wall clock in seconds since 1970."""
        return self._clock.time() + self._seconds

    def monotonic(self) -> float:
        """Seconds of a clock that nobody sets."""
        return self._clock.monotonic()

    def wait(
        self,
        condition: threading.Condition,
        until: Optional[float],
        machine_until: Optional[float] = None,
    ) -> None:
        """As the other clock waits: ``until`` and ``machine_until`` are monotonic seconds."""
        self._clock.wait(condition, until, machine_until)


class HeldReply(Fault):
    """Polls get no reply while ``wanted()`` says so. ``count`` is how many are held back now."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__(service="OadrPoll")
        self._wanted = wanted
        self._go_on = threading.Event()
        self.count: int = 0

    def after(self, received: Received, reply: Reply) -> Reply:
        """The same reply, later."""
        if self._wanted():
            self.count += 1
            self._go_on.wait(60)
            self.count -= 1
        return reply

    def release(self) -> None:
        """All that is held back goes out, and nothing more is held back."""
        self._wanted = lambda: False
        self._go_on.set()


def rules_in(text: str) -> set[str]:
    """The numbers of the conformance rules, and the sections, that a text names."""
    found: set[str] = set()
    for numbers in re.findall(r"CR ([0-9, ]+)", text):
        found.update(number.strip() for number in numbers.split(","))
    return found | set(re.findall(r"§[0-9.]+", text))


def seconds_between(messages: list[Received]) -> list[float]:
    """The distances of messages in time."""
    moments = [each.at for each in messages]
    return [
        (later - earlier) / timedelta(seconds=1) for earlier, later in zip(moments, moments[1:])
    ]
