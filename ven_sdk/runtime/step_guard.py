"""One step at a time within one thread too. Python runs the user's signal handlers in the middle of
whatever the main thread does, and ``__del__`` in the middle of anything: what these call may find
that the step of a transaction, or work on the store, is half done below them.

A change that is asked for there is checked at once and made when the interrupted one is over; a
call that would wait for it is refused. Everything but ``is_mine`` is used under the lock of the
transactions.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from typing import Callable, Optional

from ..errors import StateError, VenError
from ..state.outcome import NOTHING, Outcome, ProfileBook, Step


class StepGuard:
    """``with guard:`` around what must not be interrupted by its like. ``owner`` is the thread that
    is in there; a transaction sets it itself, which costs a poll less than ``with``.
    """

    __slots__ = ("owner", "postponed")

    def __init__(self) -> None:
        self.owner: Optional[int] = None
        self.postponed: deque[Step] = deque()

    def __enter__(self) -> None:
        self.owner = threading.get_ident()

    def __exit__(self, *_: object) -> None:
        self.owner = None

    @property
    def is_taken(self) -> bool:
        """Whether whoever holds the lock has interrupted itself."""
        return self.owner is not None

    @property
    def is_mine(self) -> bool:
        """Whether the calling thread has interrupted a step. Any thread may ask."""
        return self.owner == threading.get_ident()

    def check(self) -> None:
        """StateError where a call that cannot be put off has interrupted another one."""
        if self.is_taken:
            raise StateError(
                "A signal handler (or __del__) interrupted a call of the same VEN, and this one "
                "would wait for it: call it in a thread that the handler starts."
            )

    def postpone(self, step: Step, book: ProfileBook, now: datetime, *, waits: bool) -> Outcome:
        """Check ``step`` and keep it until the interrupted one is over. StateError where somebody
        ``waits`` for what comes of it.
        """
        if waits:
            self.check()
        step(book, now)
        self.postponed.append(step)
        return NOTHING

    def run_postponed(
        self, transact: Callable[[Step], Outcome], report: Callable[[VenError, str, str], None]
    ) -> None:
        """Make the changes that were asked for meanwhile. What cannot be made any more is told."""
        while self.postponed:
            step = self.postponed.popleft()
            try:
                transact(step)
            except VenError as error:
                report(error, "interrupted call", f"What a signal handler asked for: {error}")
