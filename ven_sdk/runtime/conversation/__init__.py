"""What is sent next: the talk of one VEN with its VTN, one exchange after another.

**The theory.** A conversation has *lanes* (the profile names them). A lane is a job on the exchange
pool that runs when something changed or its time has come: it asks the profile for tasks, sends the
first that may be sent, does what the reply means, and goes on until nothing is left; then it sets a
timer and ends. After ``BUSY`` exchanges it queues again behind others, who want the thread too.
Lanes run side by side, so a long upload delays no poll (P6), and one task never runs on two lanes;
one sends what must not wait for a poll that the VTN holds back (P4). Nothing is kept here that a
restart would miss: what is owed stands in the book. A crash, an outage, a slow link are one case.

*States of a lane*: idle (a timer, or nothing, will wake it), queued (a job waits for a thread),
running. A lane that is woken while it runs is queued again, so that no change is missed between the
last look at the book and the end of the job; not so while it performs an exchange, for it looks at
the book afterwards. While the client is closing, a lane *rests* once it finds nothing that could be
sent now.

*States of a poll*: due when its period has passed since the last one began, or at once while the
queue is drained (P3): the reply brought something new. A reply that changes nothing (the same list,
a request that runs, a registration that is asked for again) counts as an empty queue. A poll is
under way until its reply has come. A VEN that the VTN calls polls only when nothing was pushed for
long, or never: the profile says so (``pause_of_polls``).

*One exchange*, on a thread of the pool, without a lock: the tickets that are open for the message
are taken, it is sent if the store says that the VEN still runs here (``may_act``), the reply is
judged, and the step that follows from it is transacted together with the tickets. In between
anything may have happened: steps of other threads, ``stop()``, another registration. Steps look at
the book again.

*What a message waits for*: the back-off of what failed before it, in three scopes (``failures``);
the distance of registrations that are wanted again and again (``registrations``), for which all
lanes wait after a loss; the pace (``pace``). What a call of the user asks for is tried at once,
whatever failed before; where that try fails, it waits for its own back-off, and for nothing else.
A message that failed when it was sent last gives way to those that did not, and to a poll whose
period is over: a service that hangs would keep all else away, one time-out after the other. After
that poll it has its turn, or polls that take longer than the period would keep it away.

*A fault of ven_sdk* while a message is listed, built or written is a failure of that message: the
profile lists each alone, and puts one that cannot be written in the place of what it cannot list.

*Locks.* ``_lock`` guards what lanes share (failures, pace, what is being sent). It may be taken
inside the lock of the transactions, never the other way round, and is held for moments only.
"""

from __future__ import annotations

import logging
import threading
from math import inf
from typing import Optional

from ...errors import VenError
from ...state.outcome import NOTHING
from ...tasks import MessageName, Task, Turn
from ..status import ServiceStatus
from ..transactions import Transactions
from .exchanges import Exchanges, make_backoff
from .failures import SHORT_CAP, Failures
from .lanes import Lanes, LaneState
from .pace import Pace
from .polling import Polling

logger: logging.Logger = logging.getLogger(__name__)

HELD_POLL = 1.0
"""Seconds after which a poll without a reply counts as held back by the VTN: until it has answers
(P4), or something to say.
"""
NOT_OWNED = 5.0
"""Seconds between looks whether the store says again that the VEN runs here."""
BUSY = 20
"""Exchanges that a lane does before it lets others have the thread."""


class Conversation:
    """What one VEN sends next, on each of its lanes."""

    def __init__(self, transactions: Transactions) -> None:
        self._base, self._profile = transactions, transactions.profile
        settings = transactions.book.settings
        self._lock = threading.RLock()
        self.failures: Failures = Failures(
            lambda cap: make_backoff(transactions.book, cap), strict=settings.strict
        )
        self.polling: Polling = Polling(transactions.book, self._profile)
        self._sending: set[MessageName] = set()
        self._awaited: set[MessageName] = set()
        self._asked: set[MessageName] = set()
        self._pace = Pace(transactions.book, self._profile, self.polling)
        self.lanes: Lanes = Lanes(transactions, self.polling, self._run)
        self._exchanges = Exchanges(
            transactions, self.failures, self.polling, self.lanes, self._lock
        )

    @property
    def is_resting(self) -> bool:
        """Whether, while closing, nothing could be sent now. A poll that is held does not count."""
        return all(
            self._is_held(state) or (state.is_resting and not state.is_queued)
            for state in self.lanes.states
        )

    def _is_held(self, state: LaneState) -> bool:
        """Whether the lane is at a poll that the VTN holds back."""
        is_polling = state.is_performing and not (state.lane.uploads or state.lane.overtakes_polls)
        return is_polling and self._seconds_to_held() <= 0

    def _seconds_to_held(self) -> float:
        """Until the poll under way counts as held back by the VTN; for ever where there is none."""
        began = self.polling.began
        return inf if began is None else began + HELD_POLL - self._base.clock.monotonic()

    @property
    def is_exchanging(self) -> bool:
        """Whether the reply to some message is awaited."""
        return bool(self._sending)

    def send_at_once(self, *names: MessageName) -> None:
        """The user asked for the messages ``names`` now: they wait for nothing that failed before,
        and for no pace.
        """
        with self._lock:
            self._exchanges.retry(names)
            self._asked.update(names)
        self.lanes.wake()

    def services(self) -> dict[str, ServiceStatus]:
        """How the services of the VTN are, for ``status``."""
        with self._lock:
            moments = self._base.clock.read_both()
            return {
                name: self.failures.status_of(name, *moments) for name in self._profile.services
            }

    # --- a lane at work ---------------------------------------------------------------------------

    def _run(self, state: LaneState) -> None:
        state.is_resting = False
        state.is_queued = False  # whatever changes from here on wakes the lane anew
        for _ in range(BUSY):
            task: Optional[Task] = None
            try:
                task, at = self._base.choose(self._take, state)
                if task is None:
                    if state.held_back is not None and self._go_on_without(state):
                        continue
                    self._sleep(state, at)
                    return
                if task.poll and at is not None:
                    self.lanes.wake(
                        uploads=False
                    )  # what waits must not wait for a poll that is held
                try:
                    self._exchanges.perform(task)
                finally:
                    self._put_back(state, task)
            except Exception as cause:
                # a fault of ven_sdk: the lane must outlive it, or the VEN falls silent
                self._survive(state, task, cause)
        self.lanes.wake_one(state)

    def _go_on_without(self, state: LaneState) -> bool:
        """Whether something else may be sent now that the lane does not wait for the message that
        is held back by what failed before.
        """
        task, state.held_back = state.held_back, None
        if task is None or task.postpone is None:
            return False
        error = VenError(f"{task.name} waits for what failed before.")
        return self._base.transact(task.postpone(error)) is not NOTHING

    def _survive(self, state: LaneState, task: Optional[Task], cause: Exception) -> None:
        """An exception that nobody foresaw came out of ``task``, or out of the look for one (None).
        It is logged with its traceback and reported; the task, or the lane, waits, and everything
        else goes on.
        """
        state.is_performing = False
        base, what = self._base, task.title if task is not None else state.lane.name
        error = VenError(
            f"{what} failed: {type(cause).__name__}. This is a fault of ven_sdk: please report it."
        )
        logger.error("%s: %s", base.name, error, exc_info=cause)
        base.report(error, f"fault in {what}", str(error), logging.ERROR)
        now = base.clock.monotonic()
        if task is None:
            state.blocked_until = now + SHORT_CAP
            with self._lock:
                self._asked.clear()
            return
        base.fail_tickets(task.message_name, error)
        with self._lock:
            self.failures.fail_message(task.message_name, error, now)

    def _sleep(self, state: LaneState, at: Optional[float]) -> None:
        base = self._base
        may_overtake = state.lane.overtakes_polls and 0 < self._seconds_to_held() < inf
        if base.closing and not may_overtake:
            state.is_resting = True
            base.wake_waiters()
            return
        self.lanes.set_timer(state, at)

    # --- what is next -----------------------------------------------------------------------------

    def _take(self, state: LaneState) -> tuple[Optional[Task], Optional[float]]:
        """The task to send now, or None; and the moment at which something else may be sent (None:
        when something changes).
        """
        now = self._base.clock.monotonic()
        with self._lock:
            if self.lanes.is_over:
                return None, None
            if state.blocked_until > now and not self._asked:
                return None, state.blocked_until
            if state.lane.overtakes_polls:  # only where the VTN holds a poll back (P4)
                wait = self._seconds_to_held()
                if wait > 0:
                    return None, None if wait == inf else now + wait
            turn, waits = self._turn(now)
            return self._choose(state, turn, now, waits)

    def _turn(self, now: float) -> tuple[Turn, list[float]]:
        """What the lane knows when it asks for tasks, and the seconds after which that changes."""
        base = self._base
        moment = base.now()
        waits: list[float] = []
        is_holding = now < self.polling.hold_until and self._profile.is_deciding(base.book, moment)
        if is_holding:
            waits.append(self.polling.hold_until - now)
        pause = self._profile.pause_of_polls(base.book, now)
        if pause is None:
            return Turn(moment, base.closing, is_holding, False), waits
        wait = max(pause, self.polling.seconds_to_next(now, is_holding))
        if wait > 0:
            waits.append(wait)
        return Turn(moment, base.closing, is_holding, wait <= 0), waits

    def _choose(
        self, state: LaneState, turn: Turn, now: float, waits: list[float]
    ) -> tuple[Optional[Task], Optional[float]]:
        """In the profile's order; what failed last time goes after all but a poll that is early, or
        the next poll after it was passed over for one.
        """
        tasks = self._profile.tasks(state.lane.name, self._base.book, turn)
        second: Optional[Task] = None  # what failed before, and goes if nothing else may
        for position, task in enumerate(tasks):
            has_failed = self._has_failed(task, turn, now)
            if task.message_name in self._sending:
                self._awaited.add(task.message_name)
                if has_failed:
                    continue
                break  # another lane sends it, and wakes this one afterwards
            wait = self._seconds_to(task, state, now, is_first=position == 0)
            if not self._base.persistence.may_act():
                return None, now + NOT_OWNED
            may_come_later = task.poll and second is not None
            comes_later = may_come_later and (state.passed_over or not self._is_period_over(now))
            if wait <= 0 and not (has_failed or comes_later):
                state.passed_over = second is not None if task.poll else state.passed_over
                return self._begin(task, state, now), now + min(waits) if waits else None
            if wait <= 0:
                second = second or task
            elif task.postpone is not None and self._exchanges.blocked_until(task) > now:
                state.held_back = task
            waits.append(wait)
        if second is not None:
            state.passed_over = False
            self._begin(second, state, now)
        return second, now + min(waits) if waits else None

    def _has_failed(self, task: Task, turn: Turn, now: float) -> bool:
        """Whether ``task`` failed when it was sent last, so that it goes after all that did not. A
        registration comes first all the same, and after a poll of the period only.
        """
        if task.message_name in self._asked or not self._exchanges.has_failed(task):
            return False
        return not task.registers or (turn.is_poll_due and self._is_period_over(now))

    def _is_period_over(self, now: float) -> bool:
        return self.polling.seconds_to_period(now) <= 0

    def _begin(self, task: Task, state: LaneState, now: float) -> Task:
        self._sending.add(task.message_name)
        state.is_performing = True
        self._base.tickets.begin(task.message_name)
        self._note_pace(task, state, now)
        if task.poll:
            self.polling.begin(now)
        return task

    def _seconds_to(self, task: Task, state: LaneState, now: float, *, is_first: bool) -> float:
        until = self._exchanges.blocked_until(task)
        if task.message_name in self._asked:
            return until - now
        until = max(until, self.failures.link_blocked_until, state.blocked_until)
        if until > now:
            return until - now
        if state.lane.uploads:
            return 0.0 if self._base.closing else state.uploads.seconds_to_wait(now)
        return self._pace.seconds_to(task, now, is_first=is_first)

    def _note_pace(self, task: Task, state: LaneState, now: float) -> None:
        if task.message_name in self._asked:
            self._asked.discard(task.message_name)
        elif state.lane.uploads:
            state.uploads.note(now)
        else:
            self._pace.note(task, now)

    def _put_back(self, state: LaneState, task: Task) -> None:
        state.is_performing = False  # whatever changes from here on wakes the lane anew
        self._base.end_tickets(task.message_name)
        with self._lock:
            self._sending.discard(task.message_name)
            if task.poll:
                self.polling.end()
            was_awaited = task.message_name in self._awaited
            self._awaited.discard(task.message_name)
        if was_awaited or (task.poll and self._base.closing):
            self.lanes.wake()
