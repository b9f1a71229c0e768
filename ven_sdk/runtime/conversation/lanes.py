"""The lanes of a conversation: what is known of each from one look at the book to the next, and how
they are woken and held back. The theory stands in :mod:`.conversation`.

Any thread, under the lock of the transactions too.
"""

from __future__ import annotations

import sys
from typing import Callable, Optional
from urllib.parse import urlsplit

from ...tasks import Lane, Task
from ..rates import Window
from ..scheduler import Job
from ..transactions import Transactions
from .pace import UPLOADS_A_SECOND
from .polling import Polling


class LaneState:
    """When one lane may send, and when it wakes by itself."""

    __slots__ = (
        *("blocked_until", "held_back", "is_performing", "is_queued", "is_resting"),
        *("lane", "passed_over", "timer", "uploads", "wake_at"),
    )

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane = lane
        self.is_queued: bool = False
        self.is_performing: bool = False
        self.is_resting: bool = True
        self.timer: Optional[Job] = None
        self.wake_at: Optional[float] = None
        self.blocked_until: float = 0.0
        self.held_back: Optional[Task] = None
        self.passed_over: bool = False  # what failed before, for a poll whose period was over
        self.uploads: Window = Window(UPLOADS_A_SECOND, 1.0)


class Lanes:
    """All lanes of one VEN. ``run(state)`` is called on the exchange pool for one that was woken.
    ``is_over``: none runs any more.
    """

    __slots__ = ("_base", "_polling", "_run", "_vtn", "is_over", "states")

    def __init__(
        self, transactions: Transactions, polling: Polling, run: Callable[[LaneState], None]
    ) -> None:
        self._base, self._polling, self._run = transactions, polling, run
        self._vtn = sys.intern(urlsplit(transactions.book.settings.vtn_url).netloc)
        self.states: tuple[LaneState, ...] = tuple(map(LaneState, transactions.profile.lanes))
        self.is_over: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether the threads that talk to this VTN have more to do than they manage."""
        return self._base.runtime.exchanges(self._vtn).is_behind

    # --- waking -----------------------------------------------------------------------------------

    def wake(self, uploads: bool = True) -> None:
        """Look for something to send; without ``uploads``, on the other lanes only. While closing
        every lane looks, for each has to come to rest.
        """
        for state in self.states:
            if self._has_nothing_for(state.lane) and not self._base.closing:
                continue
            if uploads or not state.lane.uploads:
                self.wake_one(state)

    def _has_nothing_for(self, lane: Lane) -> bool:
        """Whether the lane need not look: it would find neither a poll to overtake nor a row.
        Whoever writes the first row wakes it afterwards.
        """
        if lane.overtakes_polls:
            return self._polling.began is None
        return bool(lane.table) and not self._base.book.tables[lane.table]

    def wake_one(self, state: LaneState) -> None:
        """Let one lane look for something to send."""
        if state.is_queued or state.is_performing or self.is_over or self._base.stopped:
            return  # it looks anyway, once the exchange under way is over
        state.is_queued, state.is_resting = True, False
        base = self._base
        base.runtime.exchanges(self._vtn).submit(
            (base, state.lane.name), lambda: self._run(state), f"{state.lane.name} of {base.name}"
        )

    def set_timer(self, state: LaneState, at: Optional[float]) -> None:
        """Wake the lane at ``at``, of the monotonic clock; None: when something changes."""
        timer, wake_at = state.timer, state.wake_at  # it may fire meanwhile
        if timer is not None:
            if at is not None and wake_at is not None and abs(at - wake_at) < 1e-3:
                return
            timer.cancel()
        state.timer, state.wake_at = None, at
        if at is not None and not self._base.stopped:
            wait = at - self._base.clock.monotonic()
            state.timer = self._base.scheduler.call_after(wait, lambda: self._fire(state))

    def _fire(self, state: LaneState) -> None:
        state.timer = state.wake_at = None
        self.wake_one(state)

    # --- holding back -----------------------------------------------------------------------------

    def block(self, seconds: float) -> None:
        """Nothing is sent for so many ``seconds``, but what a call of the user asks for."""
        until = self._base.clock.monotonic() + seconds
        for state in self.states:
            state.blocked_until = max(state.blocked_until, until)

    def end_pause(self) -> None:
        """The VEN is registered: nothing waits any longer for the distance that registrations keep
        after losses, also where a call of the user brought this one about.
        """
        for state in self.states if not self._base.closing else ():
            state.blocked_until = 0.0
        self.wake()

    def stop(self) -> None:
        """Nothing begins here any more: an exchange that is still under way is the last of its
        lane, also where the VEN has started again by then, with another conversation.
        """
        self.is_over = True
        for state in self.states:
            timer = state.timer
            if timer is not None:
                timer.cancel()
