"""The pace of a VEN: how many messages it sends, whatever its VTN asks for and its user does.

Beside the polls of the period a VEN sends at most :data:`MESSAGES_A_MINUTE` messages a minute, or
:data:`MESSAGES_A_PERIOD` in a poll period where that is more. What a VTN asks for again and again
is in it: a request for reports counts twice, for its answer and for the report that it brings at
once. Of these :data:`KEPT_FOR_EARLIER` are left for what comes first in its lane and waits for its
back-off: a registration, above all. Uploads never wait for this pace, so that it holds up no report
whose time has come; a lane of uploads sends :data:`UPLOADS_A_SECOND` messages in a second, and what
comes due meanwhile shares the next one. What calls ask for stands outside of all this, for it is
paced by whoever calls.

Used under the lock of the conversation. Moments are monotonic seconds.
"""

from __future__ import annotations

from math import inf

from ...profile import Profile
from ...state.book import Book
from ...tasks import Task
from ..rates import Window
from .polling import Polling

MESSAGES_A_MINUTE, MESSAGES_A_PERIOD = 50, 5
KEPT_FOR_EARLIER = 10
UPLOADS_A_SECOND = 2
SHORTEST_PERIOD = 0.1
"""Seconds: a poll period that is shorter counts as this."""


class Pace:
    """How soon a message may follow those before it."""

    __slots__ = ("_book", "_polling", "_profile", "_window")

    def __init__(self, book: Book, profile: Profile, polling: Polling) -> None:
        self._book, self._profile, self._polling = book, profile, polling
        self._window = Window(MESSAGES_A_MINUTE)

    def seconds_to(self, task: Task, now: float, *, is_first: bool) -> float:
        """Until the task may be sent; ``is_first``: nothing that its lane wants to send comes
        before it. ``now`` is of the monotonic clock.
        """
        to_period = self._polling.seconds_to_period(now) if task.poll else inf
        if to_period <= 0:
            return 0.0  # polls of the period do not count for the pace
        wait = self._window.seconds_to_wait(now, 0 if is_first else KEPT_FOR_EARLIER)
        return min(wait, to_period)

    def note(self, task: Task, now: float) -> None:
        """The task is sent. ``now`` is of the monotonic clock."""
        if not task.poll or self._polling.seconds_to_period(now) > 0:
            period = self._profile.poll_period(self._book).total_seconds()
            self._window.most = max(
                MESSAGES_A_MINUTE, int(MESSAGES_A_PERIOD * 60 / max(period, SHORTEST_PERIOD))
            )
            for _ in range(task.weight):
                self._window.note(now)
