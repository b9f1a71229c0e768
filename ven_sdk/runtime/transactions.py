"""The facts of one VEN, and the only way to change them: a step becomes state, timers, calls and
log lines here, and nowhere else.

**The theory.** A *step* is a pure function of the book and the time. ``transact`` runs it under the
lock, commits its changes to the store in one transaction, applies them to the book, arms its timers
and queues its calls; all before the lock is given back, so that whoever sees the new state finds
timers and calls that belong to it. Notes are logged after that, whoever waits is woken, and the
listeners (the lanes) are told.

*What may happen in between.* Between two steps anything: another thread's step, a stop, a message.
So a step trusts nothing that was read before it, and looks at the book again; a task that was made
from the book says in its steps what it was made of, and does nothing where that has changed. Within
a step nothing happens: no user code, no lxml, no exchange runs under the lock. The store does, be
it a disk or a database: a commit is part of the transaction, for what was not written was not
promised. While it fails, the VEN says so, goes on in memory, and writes later (``persistence``).
Where the rows belong to somebody else by now (a lost lease), the step has no effect. A clock that
was set moves what is waited for before the next step sees its time.

*Locks.* All that a reader takes are reentrant: the user's signal handler, if it reads, may have
interrupted it. ``_lock`` guards the book, the timers and the tickets. ``changes`` wakes those who
wait; its lock may be taken under ``_lock``, never the other way round. ``_applying`` is held only
while changes are applied to the book, in memory, under ``_lock``: readers that must not wait for a
slow disk use ``look`` and ``snapshot``, which take that one alone. Nothing is called under it that
takes a lock.

*When the process dies* after the commit, the next start finds the changes, and ``Profile.resume``
makes timers and calls from the book; before it, nothing was promised.

Any thread may call everything here.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from threading import get_ident
from typing import Callable, Optional, TypeVar

from ..errors import LeaseLostError, StateError, StoreError, VenError
from ..log import Repeats
from ..profile import Profile
from ..state.book import Book
from ..state.outcome import NOTHING, Call, Outcome, Step, Timer
from ..state.store import Store
from ..tasks import MessageName
from ..text import shorten
from ..usercode.handlers import Handlers
from .calls import Calls
from .changes import Changes
from .clock import Clock
from .clock_offset import ClockOffset
from .clock_steps import ClockSteps
from .facts import Facts
from .persistence import Persistence
from .runtime import Runtime
from .scheduler import Job, Scheduler
from .status import Counters
from .step_guard import StepGuard
from .tickets import Ticket, Tickets
from .timers import Timers
from .troubles import Troubles
from .workers import Workers

logger: logging.Logger = logging.getLogger(__name__)
S = TypeVar("S")
T = TypeVar("T")
LOOK = 1.0
"""Seconds between looks whether a lease that could not be renewed is there again."""


class Transactions(Facts):
    """The book of one VEN with its lock, store, timers, calls, tickets and troubles.

    ``stopped``: nothing begins any more. ``closing``: nothing new begins, what is owed goes out.
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
        super().__init__(book, runtime)
        self.name: str = name
        self.profile: Profile = profile
        self.handlers: Handlers = handlers
        self.store: Store = store
        self.repeats: Repeats = repeats
        self.stopped: bool = True
        self.closing: bool = False
        self.counters: Counters = Counters()
        self.offset: ClockOffset = ClockOffset()
        self.clock: Clock = runtime.clock  # the machine's, or a test's
        self.changes: Changes = Changes(runtime.clock)
        self.tickets: Tickets = Tickets()
        self.guard: StepGuard = StepGuard()
        self._clock_steps = ClockSteps(runtime.clock)
        self._listeners: list[Callable[[bool], None]] = []
        self._retry: Optional[Job] = None
        self.troubles: Troubles = Troubles(
            repeats, runtime.clock, self.counters, self._tell_user, self._call_later
        )
        self.calls: Calls = Calls(
            self, name, runtime, handlers, self.troubles, self._is_over, self.transact
        )
        self.timers: Timers = Timers(
            self, runtime, self.offset, profile.timer_steps, self._run_timer
        )
        self.persistence: Persistence = Persistence(
            name, store, book, runtime.clock, self._report_store, self._report_saved
        )

    # --- what others need of the runtime ----------------------------------------------------------

    @property
    def pools(self) -> dict[str, Workers]:
        """The threads of the runtime."""
        return self.runtime.pools

    @property
    def scheduler(self) -> Scheduler:
        """The timers of the runtime."""
        return self.runtime.scheduler

    def now(self) -> datetime:
        """Aware UTC by the VTN's clock, as far as that is known and believed (E40)."""
        return self.clock.now() + self.offset.applied

    # --- steps ------------------------------------------------------------------------------------

    def listen(self, function: Callable[[bool], None]) -> None:
        """Call ``function(uploads)`` after each change of what may be sent; ``uploads`` says
        whether uploads may depend on it.
        """
        self._listeners.append(function)

    def transact(
        self,
        step: Step,
        *,
        request_name: str = "",
        settles: Optional[MessageName] = None,
        error: Optional[VenError] = None,
        opens: Optional[Ticket] = None,
    ) -> Outcome:
        """Run ``step`` and do what it asks for.

        For a step that a reply led to: ``request_name`` names the requestID that is used up, and
        the tickets of the message ``settles`` are settled with ``error`` in the same transaction.
        ``opens`` is the ticket of a caller who waits for what the step owes.
        """
        guard = self.guard
        try:
            with self._lock:
                if guard.owner is not None:
                    return guard.postpone(step, self.book, self.now(), waits=opens is not None)
                guard.owner = get_ident()
                try:
                    outcome, has_settled = self._run(step, request_name, settles, error, opens)
                finally:
                    guard.owner = None
        finally:
            if guard.postponed and not guard.is_mine:
                guard.run_postponed(self.transact, self.report)
        for note in outcome.notes:
            self.troubles.note(note)
        if outcome.changes or has_settled:
            self.wake_waiters()
        if outcome.changes:
            self._tell_of_changes(outcome)
        return outcome

    def _run(
        self,
        step: Step,
        request_name: str,
        settles: Optional[MessageName],
        error: Optional[VenError],
        opens: Optional[Ticket],
    ) -> tuple[Outcome, bool]:
        """What ``step`` asked for, and whether a ticket was settled."""
        outcome = step(self.book, self._time_of_step())
        if outcome is NOTHING and not (request_name or settles or opens):
            return NOTHING, False
        if request_name:
            outcome = Outcome(changes=(self.book.use_request_id(request_name),)) + outcome
        if not self._carry_out(outcome):
            return NOTHING, False
        if opens is not None:
            self.tickets.add(opens, joins=outcome is NOTHING)
        has_settled = False
        if settles is not None:
            has_settled = self.tickets.settle(settles, error)
            owe = self.tickets.left_over(settles)
            if owe is not None:
                outcome += self._owe_again(owe)
        return outcome, has_settled

    def choose(self, function: Callable[[S], T], of: S) -> T:
        """What ``function(of)`` chooses to send, by a book that nobody changes meanwhile. It begins
        the tickets of that message.
        """
        with self._lock:
            return function(of)

    def fail_tickets(self, name: MessageName, error: VenError) -> None:
        """No answer came to those who wait for the message that is under way."""
        with self._lock:
            self.tickets.fail(name, error)
        self.wake_waiters()

    def end_tickets(self, name: MessageName) -> None:
        """The message is no longer under way, whatever came of it."""
        if self.tickets.is_under_way(name):
            with self._lock:
                self.tickets.end(name)
            self.wake_waiters()

    def withdraw(self, ticket: Ticket) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self.tickets.remove(ticket)

    def _owe_again(self, step: Step) -> Outcome:
        """What was asked for while the message was under way is owed once more: its reply may have
        used up what the step of the asking changed.
        """
        try:
            outcome = step(self.book, self._time_of_step())
        except StateError:  # it can no longer be asked for: the caller finds that out
            return NOTHING
        return outcome if self._carry_out(outcome) else NOTHING

    def _time_of_step(self) -> datetime:
        """The time for a step. Where the wall clock was set since the last one, what is waited for
        moves with it first, so that no step takes the new time for time that has passed.
        """
        now, by = self._clock_steps.take(self.offset.applied)
        if by is not None:
            self._carry_out(self.profile.shift_deadlines(self.book, now, by))
        return now

    def _carry_out(self, outcome: Outcome) -> bool:
        """Commit, apply, arm and queue; False when the rows belong to somebody else by now."""
        if outcome.changes:
            self.persistence.commit(outcome.changes, late=self.stopped)
            if self.persistence.is_lost:
                return False  # whoever has the rows now does what is due
            self._apply(outcome.changes)
        for timer in outcome.timers:
            if timer.at is None or not self.stopped:
                self.timers.set(timer)
        for call in outcome.calls:
            self.calls.submit(call)
        return True

    def _tell_of_changes(self, outcome: Outcome) -> None:
        tables = {change.table for change in outcome.changes}
        if not tables <= self.book.volatile:
            self._tell_listeners(uploads=not tables <= self.book.without_uploads)

    def _tell_listeners(self, *, uploads: bool = True) -> None:
        for listener in self._listeners:
            listener(uploads)

    def _run_timer(self, timer: Timer) -> None:
        with self._lock:
            if self.stopped or self.closing or not self.timers.take(timer):
                return  # replaced or cancelled while it was on its way
        try:
            self.transact(self.timers.step_of(timer))
        except Exception:
            logger.exception(
                "Timer %s of %s failed. This is a fault of ven_sdk: please report it. It is set "
                "again.",
                shorten(timer.key),
                self.name,
            )
            with self._lock:
                self.timers.set_again(timer, self.now())
        self._tell_listeners()

    def look_again(self) -> None:
        """The time of day is another than it was: what is to come is worked out anew, on the pool
        for timers.
        """
        self.pools["step"].submit(self, self._look_again, f"new time of {self.name}")

    def _look_again(self) -> None:
        self.transact(self.profile.look_again)

    def compare_clocks(self, seen: timedelta) -> None:
        """A reply said how far the VTN's clock is ahead of ours (E40)."""
        if self.offset.add(seen):
            with self._lock:
                self.timers.reset()
            self.look_again()
        if abs(self.offset.median) > self.book.settings.replay_window:
            self.repeats.note(
                "clock",
                logging.WARNING,
                f"This machine's clock is {self.offset.median.total_seconds():+.0f} s off "
                "the VTN's. Signed messages will be refused; set the clock (NTP).",
            )

    # --- waiting ----------------------------------------------------------------------------------

    def wake_waiters(self) -> None:
        """Let those who wait look again."""
        self.changes.notify()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``condition()`` (looked at after every change, without a lock held), at most
        ``timeout`` seconds, of the machine's as well, or until this VEN is stopped.
        """
        return self.changes.wait(condition, timeout, lambda: self.stopped)

    # --- troubles ---------------------------------------------------------------------------------

    def report(self, error: VenError, key: str, text: str, level: int = logging.WARNING) -> None:
        """Log ``text`` the first time and count it afterwards; tell ``on_error``, and keep it as
        the last error.
        """
        self.troubles.report(error, key, text, level)

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        def submit() -> None:
            if not self.stopped:
                self.pools["step"].submit(self, function, "a line of the log")

        self.scheduler.call_after(seconds, submit)

    def _tell_user(self, error: VenError) -> None:
        if "on_error" in self.handlers and not self.stopped:
            self.calls.submit(Call("client", "on_error", (error,)))

    # --- the store --------------------------------------------------------------------------------

    def _report_store(self, error: StoreError) -> None:
        if isinstance(error, LeaseLostError):
            self.report(error, "store", str(error), logging.ERROR)
            self.close()
            return
        self.report(
            error,
            "store",
            f"{error} The VEN runs on in memory and writes what is missing when it can.",
            logging.ERROR,
        )
        if self._retry is None and not self.stopped:
            self._retry = self.scheduler.call_after(
                self.persistence.pause,
                lambda: self.pools["step"].submit(self, self._try_again, "saving"),
            )

    def _report_saved(self) -> None:
        self.troubles.end("store", "The trouble with the store", logging.WARNING)
        if self.store.is_leased:
            self._tell_listeners()

    def _is_over(self, call: Call) -> bool:
        """Whether ``call`` may not be made: by a VEN that has ended, and by a handler that another
        owner may be calling, for which this waits until it is known. A meter is read at its time.
        """
        if call.handler == "on_error":  # what the user must know depends on no lease
            return self.stopped and not self.persistence.is_lost
        may_act = self.persistence.may_act
        while call.pool == "handler" and not self.stopped and not may_act():
            self.wait(may_act, LOOK)
        return self.stopped

    def _try_again(self) -> None:
        self._retry = None
        self.save()

    def save(self) -> None:
        """Try to write what could not be written."""
        with self._lock:
            if not self.guard.is_taken:
                with self.guard:
                    self.persistence.save(late=self.stopped)

    def close(self) -> bool:
        """Let nothing begin any more: timers are forgotten, queued calls stay in the book for the
        next start. True: all of it is done.
        """
        self.stopped = True
        with self._lock:
            if self._retry is not None:
                self._retry.cancel()
                self._retry = None
            self.timers.clear()
        self.save()
        self.wake_waiters()
        return True
