"""The distance that registrations keep which are wanted again and again (R10, R13): by a VTN that
does not know the VEN, and by one that asks for them. Each cause has a growing pause of its own, so
that requests do not delay a VEN that is lost.

Used under the lock of the conversation. Moments are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Callable, Optional

from ...tasks import MessageName, Task
from ...transport.backoff import Backoff
from ..rates import GrowingPause
from .failures import MISSING_CAP, Kind


class Registrations:
    """The registrations of one VEN. ``make_backoff()`` makes the back-off of each cause."""

    __slots__ = ("_follows_loss", "_losses", "_name", "_requests", "_unwanted", "mark")

    def __init__(self, make_backoff: Callable[[], Backoff]) -> None:
        self._losses = GrowingPause(make_backoff())
        self._requests = GrowingPause(make_backoff())
        self._name: Optional[MessageName] = None
        self._follows_loss = False
        self._unwanted: dict[Kind, float] = {}
        self.mark: int = 0

    def is_unwanted(self, kind: Kind, now: float, mark: int) -> bool:
        """Whether a registration was made because of such a message, and did not help one that was
        sent at ``mark``. ``now`` is of the monotonic clock.
        """
        return mark == self.mark and now < self._unwanted.get(kind, now)

    def clear(self, kind: Kind) -> None:
        """The VTN took such a message."""
        self._unwanted.pop(kind, None)

    def lose(self, now: float, mark: int, kind: Optional[Kind] = None) -> Optional[float]:
        """The VTN does not know the VEN, by its reply to a message that was sent at ``mark``;
        returns the seconds to wait before it registers: none the first time. None where the VEN was
        lost or registered since: replies on other lanes are about the same loss. ``now`` is of the
        monotonic clock. For a ``kind`` of message the VEN registers once, and then once an hour;
        a poll (None) shows that it is the VEN that is unknown.
        """
        if kind is None:
            self._unwanted.clear()
        if mark != self.mark:
            return None
        if kind is not None:
            self._unwanted[kind] = now + MISSING_CAP
        self.mark += 1
        self._follows_loss = True
        return self._losses.next(now)

    def note(self, task: Task, now: float) -> None:
        """The VEN is registered. One that followed a loss has kept its distance, and delays none
        that is asked for. ``now`` is of the monotonic clock.
        """
        self._name = task.message_name
        self.mark += 1
        if not self._follows_loss:
            self._requests.next(now)
            self._unwanted.clear()
        self._follows_loss = False

    def blocked_until(self) -> float:
        """The moment from which a registration may be sent; 0 where nothing is in its way."""
        return 0.0 if self._follows_loss else self._requests.until

    def forget_requests(self, names: Collection[MessageName]) -> None:
        """The user asked for the messages ``names``: a registration that the user wants is none
        that comes again and again.
        """
        if self._name in names:
            self._requests.reset()
