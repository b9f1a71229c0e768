"""The lifecycle of one VEN: it is restored, started, ended in order and closed, again and again.

What it remembers and how that changes is below (``transactions``), what it sends is beside
(``conversation``). The threads are the runtime's; any thread may call everything here, but who
calls ``start`` and ``close`` sees to it that they do not overlap.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Callable, NamedTuple, Optional

from ..errors import LeaseLostError
from ..log import Repeats
from ..profile import Profile
from ..state.book import Book
from ..state.change import Change
from ..state.leases import Taking
from ..state.outcome import Outcome, ProfileBook, Step
from ..state.store import Row, Store
from ..threads import daemon_thread
from ..usercode.handlers import Handlers
from .conversation import Conversation
from .runtime import Runtime
from .transactions import Transactions

UNDER_WAY = 30.0
"""Seconds that a commit may take which nobody hurries."""
MOST_EARLY = 10_000
"""How many pushed values are kept for a client that is not started yet; the oldest go first."""


class Takeover(NamedTuple):
    """The rows of a VEN whose slot was taken, as they were afterwards, and how it was taken."""

    rows: Iterable[Row]
    taking: Taking


class Engine(Transactions):
    """The transactions of one VEN with its conversation, on the shared ``runtime``. ``takeover``
    is what its next start goes on from; without it that reads its rows, and starts anew.
    """

    def __init__(
        self,
        name: str,
        book: Book,
        runtime: Runtime,
        profile: Profile,
        handlers: Handlers,
        store: Store,
        repeats: Repeats,
    ) -> None:
        super().__init__(name, book, runtime, profile, handlers, store, repeats)
        self._is_restored = False
        self.takeover: Optional[Takeover] = None
        self.was_started: bool = False
        self._starts = 0
        self._early: deque[Step] = deque(maxlen=MOST_EARLY)
        self.conversation: Conversation = Conversation(self)
        self.listen(lambda uploads: self.conversation.lanes.wake(uploads=uploads))

    # --- the store --------------------------------------------------------------------------------

    def open_store(self) -> tuple[str, ...]:
        """Lock the store; texts for the operator come back. StoreError when another process has
        it.
        """
        with self._lock:  # a return that is written late may have it open at this moment
            self.guard.check()
            with self.guard:
                self._starts += 1
                return self.persistence.open()

    def close_store(self, seconds: float = UNDER_WAY) -> bool:
        """Let others have the store. Where a commit is under way for longer than ``seconds``, that
        is done by a thread when it ends, unless the VEN was started again by then: False.
        """
        if not self._acquire(seconds):
            daemon_thread("ven_sdk closing", self._close_late, self._starts).start()
            return False
        try:
            self._close_rest()
        finally:
            self._lock.release()
        return True

    def _close_late(self, starts: int) -> None:
        with self._lock:
            if self.stopped and self._starts == starts:
                self._close_rest()

    def _close_rest(self) -> None:
        super().close()
        self.persistence.close()

    def _acquire(self, seconds: float) -> bool:
        return self._lock.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))

    def lose(self, error: LeaseLostError) -> None:
        """The VEN ends here: another owner of its rows runs it."""
        with self._lock:
            self.persistence.lose(error)

    def detach_store(self) -> None:
        """Write nothing more: the VEN is taken out."""
        with self._lock:
            self.persistence.detach()

    def remember(self, changes_of: Callable[[ProfileBook], Sequence[Change]]) -> None:
        """Commit ``changes_of(book)`` over a restart, which nobody waits for: nothing is woken. The
        changes are committed when this returns.
        """
        if not self.store.durable:
            return
        with self._lock:
            self.guard.check()
            with self.guard:
                changes = changes_of(self.book)
                self.persistence.commit(changes)
                self._apply(changes)

    def restore(self) -> tuple[str, ...]:
        """Take in what the store holds, unless newer changes wait to be written; returns what could
        not be read.
        """
        with self._lock, self.guard:
            self._is_restored = True
            if self.persistence.unsaved_rows or not self.persistence.is_open:
                return ()
            rows = self.takeover.rows if self.takeover else self.persistence.load()
            with self._applying:
                unread = self.book.restore(rows)
        self.profile.restore(self.book)
        return unread

    # --- starting and ending ----------------------------------------------------------------------

    def start(self) -> None:
        """Go on from what the book holds (R15), and begin the bootstrap (R1), or go on where the
        process before ended.
        """
        with self._lock:
            self.timers.clear()  # where a commit outlasted stop()
        self.stopped: bool = False
        self.closing: bool = False
        if self.was_started or self.conversation.lanes.is_over:  # it may end before it ever began
            self.conversation = Conversation(self)
        self.runtime.looking_again.add(self.look_again)
        self.calls.give_up_waiting()
        self.troubles.begin()
        self.was_started = True
        self.transact(self._first_step())
        while self._early:
            self.transact(self._early.popleft())
        self.conversation.lanes.wake()

    def _first_step(self) -> Step:
        takeover, self.takeover = self.takeover, None
        if takeover is None or takeover.taking is Taking.ANEW:
            return self.profile.resume
        in_order = takeover.taking is Taking.IN_ORDER
        return lambda book, now: self.profile.go_on(book, now, in_order)

    def push(self, step: Step) -> None:
        """Run ``step``; before what the store holds is known (the first start), check it and keep
        it until then.
        """
        with self._lock:
            if not self._is_restored and self.store.durable:
                step(self.book, self.now())
                self._early.append(step)
                return
        self.transact(step)

    def begin_closing(self) -> None:
        """Begin nothing new from now on; what is owed goes out."""
        self.closing = True

    def end_in_order(self, seconds: float) -> None:
        """Begin nothing new, and spend up to ``seconds`` on what is owed and on handlers that are
        about to return.
        """
        deadline = self.clock.monotonic() + seconds
        self.begin_closing()
        self.conversation.lanes.wake()
        self.pools["handler"].settle(seconds)
        self.wait(lambda: self.conversation.is_resting, deadline - self.clock.monotonic())

    def settle(self, seconds: float) -> None:
        """Wait up to ``seconds`` until this VEN's handlers have returned and what is owed is sent,
        after ``begin_closing``.
        """
        self.conversation.lanes.wake()
        self.wait(lambda: self.conversation.is_resting and not self._is_calling(), seconds)

    def _is_calling(self) -> bool:
        return any(state.pending for state in self.snapshot("events"))

    def owes(self) -> bool:
        """Whether something is owed to the VTN that could go out now."""
        return self.look(lambda: self.profile.owes(self.book, self.now()))

    def close(self, seconds: float = UNDER_WAY) -> bool:
        """Let nothing begin any more: timers are forgotten, queued calls stay in the book for the
        next start. Where another process may go on, what only this one knows is committed. False
        where a commit is under way for longer than ``seconds``: ``close_store`` does the rest.
        """
        is_free = self._acquire(seconds)
        try:
            if is_free and self.store.is_leased and not (self.stopped or self.guard.is_taken):
                self.transact(self._part)
            self.runtime.looking_again.discard(self.look_again)
            self.conversation.lanes.stop()
            self.stopped = True
            if is_free:
                super().close()
        finally:
            if is_free:
                self._lock.release()
        self.wake_waiters()
        return is_free

    def _part(self, book: ProfileBook, now: datetime) -> Outcome:
        return self.profile.part(book, now, self.conversation.is_exchanging)
