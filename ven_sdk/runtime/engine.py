"""One VEN at work: steps become state, timers, calls and log lines here, and nowhere else.

``transact`` is the heart: a step runs under the lock, its changes are committed to the store and
applied to the book, its timers and calls are queued. User code, lxml and the network never run
under the lock. Any thread may call everything here.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Callable, Optional, TypeVar

from ..errors import HandlerError, LeaseLostError, StoreError, VenError
from ..log import Repeats
from ..oadr20b.exchange import Exchange
from ..oadr20b.services import events, opts, registration, reports
from ..oadr20b.services.task import Task
from ..oadr20b.state.book import Book
from ..schema.common import Payload
from ..state.change import Change
from ..state.outcome import NOT_CALLED, NOTHING, Call, Note, Outcome, Step, Timer
from ..state.store import Store
from ..text import LONGEST, shorten
from ..usercode import invoke
from ..usercode.handlers import SINGLE, Handlers
from .clock import Clock
from .clock_offset import Offset
from .conversation import Conversation
from .persistence import Keeper
from .runtime import Runtime
from .scheduler import Job, Scheduler
from .status import Counters
from .workers import Workers

log: logging.Logger = logging.getLogger("ven_sdk")
T = TypeVar("T")

COURTESY_PAUSE = 60.0
MOST_EARLY = 10_000
"""How many pushed values are kept for a client that is not started yet; the oldest go first."""
STEPS: Mapping[str, Step] = {reports.TIMER: reports.look}
"""The steps of timers that only name their key."""
SECOND_CHANCE = timedelta(minutes=1)
"""How long a timer waits whose step failed by a fault of ours."""


class Engine:
    """The book of one VEN, its conversation, and what runs for it on the shared ``runtime``."""

    def __init__(
        self,
        name: str,
        book: Book,
        runtime: Runtime,
        exchange: Exchange,
        handlers: Handlers,
        store: Store,
    ) -> None:
        self.name: str = name
        self.book: Book = book
        self.runtime: Runtime = runtime
        self.exchange: Exchange = exchange
        self.handlers: Handlers = handlers
        self.store: Store = store
        self.repeats: Repeats = exchange.deviations
        self.counters: Counters = Counters()
        self.offset: Offset = Offset()
        self.stopped: bool = True
        self._is_restored = False
        self._early: deque[Step] = deque(maxlen=MOST_EARLY)
        self._not_begun: dict[int, Call] = {}  # calls of report callbacks that wait for their turn
        self.changed: threading.Condition = threading.Condition()
        self._lock = threading.RLock()
        self._timers: dict[str, tuple[Timer, Job]] = {}
        self._retry: Optional[Job] = None
        self.keeper: Keeper = Keeper(name, store, book, runtime.clock, self._not_saved, self._saved)
        self._courteous_at: Optional[float] = None
        self.refusals: dict[str, VenError] = {}
        self._snapshots: dict[str, tuple[int, tuple[Any, ...]]] = {}
        self.conversation: Conversation = Conversation(self)
        if store.is_leased:
            exchange.may_send = self.may_send

    # --- what others need of the runtime ----------------------------------------------------------

    @property
    def clock(self) -> Clock:
        return self.runtime.clock

    @property
    def scheduler(self) -> Scheduler:
        return self.runtime.scheduler

    @property
    def pools(self) -> dict[str, Workers]:
        return self.runtime.pools

    def now(self) -> datetime:
        """Aware UTC by the VTN's clock, as far as that is known and believed (E40)."""
        return self.clock.now() + self.offset.applied

    # --- steps ------------------------------------------------------------------------------------

    def read(self, function: Callable[[], T]) -> T:
        """What ``function`` finds in the book while nobody changes it."""
        with self._lock:
            return function()

    def snapshot(self, table: str) -> tuple[Any, ...]:
        """The rows of ``table``, oldest first; made anew only when it changed."""
        known = self._snapshots.get(table)
        if known is None or known[0] != self.book.versions[table]:
            with self._lock:
                known = self._snapshots[table] = (
                    self.book.versions[table],
                    tuple(self.book.tables[table].values()),
                )
        return known[1]

    def transact(self, step: Step, sent: Optional[Payload] = None) -> Outcome:
        """Run ``step`` and do what it asks for. ``sent`` is the request whose reply led to it: its
        requestID is used up.
        """
        with self._lock:
            if sent is not None:
                self._used(getattr(sent, "request_id", None))
            outcome = step(self.book, self.now())
            if outcome is NOTHING:
                return outcome
            if outcome.changes:
                self.keeper.commit(outcome.changes, late=self.stopped)
                if self.keeper.is_lost:
                    return NOTHING  # whoever has the rows now does what is due
                self.book.apply(outcome.changes)
            for timer in outcome.timers:
                self._arm(timer)
            for call in outcome.calls:
                self._queue(call)
        for note in outcome.notes:
            self._say(note)
        if outcome.changes:
            self.tell()
            tables = {change.table for change in outcome.changes}
            if not tables <= self.book.volatile:
                self.conversation.wake(post=not tables <= self.book.without_uploads)
        return outcome

    def tell(self) -> None:
        """Wake those who wait for a change."""
        with self.changed:
            self.changed.notify_all()

    def refused(self, name: str, error: VenError) -> None:
        """Keep the VTN's refusal of an exchange for the caller that may wait for it."""
        self.refusals[name] = error
        self.tell()

    def _used(self, request_id: Optional[str]) -> None:
        for name, known in list(self.book.request_ids.items()):
            if known == request_id:
                del self.book.request_ids[name]

    # --- the store --------------------------------------------------------------------------------

    def open_store(self) -> tuple[str, ...]:
        """Lock the store; texts for the operator come back. StoreError when another process has
        it.
        """
        return self.keeper.open()

    def close_store(self) -> None:
        """Give the store free."""
        with self._lock:
            self.keeper.close()

    def _not_saved(self, error: StoreError) -> None:
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
            self._retry = self.scheduler.after(
                self.keeper.retry,
                lambda: self.pools["step"].submit(self, self._try_again, "saving"),
            )

    def _saved(self) -> None:
        self.repeats.over("store", "The trouble with the store", logging.WARNING)

    def _try_again(self) -> None:
        self._retry = None
        self.save()

    def save(self) -> None:
        """Try to write what could not be written."""
        with self._lock:
            self.keeper.save(late=self.stopped)

    def may_send(self) -> bool:
        """Whether no other owner of the store can be running this VEN."""
        return self.store.holds(self.name)

    @property
    def unsaved(self) -> int:
        """Rows that stand in memory only because the store failed."""
        return self.keeper.waiting

    def remember_nonce(self, nonce: str, moment: datetime, forgotten: tuple[str, ...]) -> None:
        """Keep a nonce over a restart (S7). It is committed before the message is acted on."""
        if not self.store.durable:
            return
        changes = (
            Change("nonces", nonce, moment.isoformat()),
            *(Change("nonces", old, None) for old in forgotten),
        )
        with self._lock:
            self.keeper.commit(changes)
            self.book.apply(changes)

    # --- timers -----------------------------------------------------------------------------------

    def _arm(self, timer: Timer) -> None:
        known = self._timers.pop(timer.key, None)
        if known is not None:
            known[1].cancel()
        if timer.at is None or self.stopped:
            return
        try:
            moment = timer.at - self.offset.applied
        except OverflowError:  # the last minutes of the calendar
            moment = timer.at
        job = self.scheduler.at(moment, lambda: self._fire(timer))
        self._timers[timer.key] = (timer, job)

    def _fire(self, timer: Timer) -> None:
        self.pools["step"].submit(self, lambda: self._fired(timer), shorten(f"timer {timer.key}"))

    def _fired(self, timer: Timer) -> None:
        with self._lock:
            known = self._timers.get(timer.key)
            if known is None or known[0] is not timer or self.stopped or self.conversation.closing:
                return  # replaced or cancelled while it was on its way
            del self._timers[timer.key]
        try:
            self.transact(timer.step or STEPS[timer.key])
        except Exception:  # a fault of ours: without its timer the VEN would fall silent
            log.exception(
                "Timer %s of %s failed. This is a fault of ven_sdk: please report it. It is set "
                "again.",
                shorten(timer.key),
                self.name,
            )
            with self._lock:
                if timer.key not in self._timers:
                    self._arm(replace(timer, at=self.now() + SECOND_CHANCE))
        self.conversation.wake()

    def _rearm(self) -> None:
        """The estimate of the VTN's clock changed: every timer stands for another moment of
        ours.
        """
        with self._lock:
            for timer, _ in list(self._timers.values()):
                self._arm(timer)
        self.look_again()

    def look_again(self) -> None:
        """The time of day is another than it was: what is to come is worked out anew, on the pool
        for timers.
        """
        self.pools["step"].submit(self, self._looked_again, f"new time of {self.name}")

    def _looked_again(self) -> None:
        self.transact(
            lambda book, now: (
                events.look_again(book, now) + opts.resume(book, now) + reports.look(book, now)
            )
        )

    # --- user code --------------------------------------------------------------------------------

    def _queue(self, call: Call) -> None:
        about = f"{call.handler} of {self.name}"
        if call.pool == "report":
            self._not_begun[id(call)] = call
        self.pools[call.pool].submit(
            (self, call.lane) if call.pool == "handler" else call.lane,
            lambda: self._call(call),
            about,
        )

    def _call(self, call: Call) -> None:
        if self.stopped:
            return  # it stands in the book and is called after the next start
        if call.pool == "report" and self._not_begun.pop(id(call), None) is None:
            return  # it waited while the VEN was stopped and started: another stands for it
        if call.function is not None:
            result: Any = invoke(call.function, call.arguments, call.keywords)
            errors: tuple[HandlerError, ...] = (result,) if isinstance(result, HandlerError) else ()
        else:
            result, errors = self.handlers.call(call.handler, call.arguments)
        for error in errors:
            self._report_failure(call, error)
        if call.done is not None:
            self.transact(call.done(result))

    def _report_failure(self, call: Call, error: HandlerError) -> None:
        """Log a failure of user code, counted for each event, and tell ``on_error``; a failure
        of ``on_error`` itself is logged only.
        """
        key = f"handler {error.handler} {call.handler} {call.lane}"
        text = f"{error} {_aftermath(call)}"
        if call.handler == "on_error":
            self.repeats.say(key[:LONGEST], logging.ERROR, shorten(text))
        else:
            self.report(error, key, text, logging.ERROR)

    def report(
        self,
        error: VenError,
        key: str,
        text: str,
        level: int = logging.WARNING,
        every: Optional[float] = None,
    ) -> None:
        """Log ``text`` once and count it afterwards; tell ``on_error``, and keep it as the last
        error. With ``every`` it is logged again after that many seconds.
        """
        _let_go(error)
        self.counters.last_error, self.counters.last_error_at = error, self.clock.now()
        if (
            self.repeats.say(key[:LONGEST], level, shorten(text), every=every) == 1
            and "on_error" in self.handlers
            and not self.stopped
        ):
            self._queue(Call("client", "on_error", (error,)))

    def _say(self, note: Note) -> None:
        if note.error is not None and isinstance(note.error, VenError):
            self.report(note.error, note.once or note.text, note.text, note.level)
        elif note.once is not None:
            self.repeats.say(note.once[:LONGEST], note.level, shorten(note.text))
        else:
            self.repeats.log(note.level, shorten(note.text))

    # --- exchanges --------------------------------------------------------------------------------

    def exchanged(self, task: Task, error: Optional[VenError]) -> None:
        """Count an exchange, log its line, and compare the clocks."""
        self.counters.exchanged(task.poll, error, self.clock.now())
        if error is None:
            log.log(
                logging.DEBUG if task.poll else logging.INFO,
                "%s: %s.",
                self.name,
                shorten(f"{task.name} ({task.about})" if task.about else task.name),
            )
            seen, self.exchange.offset = self.exchange.offset, None
            if seen is not None and self.offset.add(seen + timedelta(0)):
                self._rearm()
            if seen is not None and abs(self.offset.measured) > self.book.settings.replay_window:
                self.repeats.say(
                    "clock",
                    logging.WARNING,
                    f"This machine's clock is {self.offset.measured.total_seconds():+.0f} s off "
                    f"the VTN's. Signed "
                    "messages will be refused; set the clock (NTP).",
                )

    def may_be_courteous(self) -> bool:
        """At most one courtesy answer a minute."""
        now = self.clock.monotonic()
        if self._courteous_at is not None and now - self._courteous_at < COURTESY_PAUSE:
            return False
        self._courteous_at = now
        return True

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on from what the book holds (R15), and begin the bootstrap (R1)."""
        self.stopped = False
        self.conversation = Conversation(self)
        self.runtime.looking_again.add(self.look_again)
        self._give_up_waiting_calls()
        self.transact(self._resume)
        while self._early:
            self.transact(self._early.popleft())
        self.conversation.wake()

    def _give_up_waiting_calls(self) -> None:
        """Report callbacks that waited for their turn when the VEN stopped: they are asked anew."""
        waiting, self._not_begun = self._not_begun, {}
        for call in waiting.values():
            if call.done is not None:
                self.transact(call.done(NOT_CALLED))

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

    @staticmethod
    def _resume(book: Book, now: datetime) -> Outcome:
        return (
            registration.begin(book, now)
            + events.resume(book, now)
            + opts.resume(book, now)
            + reports.resume(book, now)
        )

    def restore(self) -> tuple[str, ...]:
        """Take in what the store holds, unless newer changes wait to be written; returns what could
        not be read.
        """
        with self._lock:
            self._is_restored = True
            if self.keeper.waiting or not self.keeper.is_open:
                return ()
            return self.book.restore(self.store.load(self.name))

    def wind_up(self, seconds: float) -> None:
        """Begin nothing new, and spend up to ``seconds`` on what is owed and on handlers that are
        about to return.
        """
        deadline = self.clock.monotonic() + seconds
        self.conversation.closing = True
        self.conversation.wake()
        self.pools["handler"].settle(seconds)
        self.wait(lambda: self.conversation.is_resting, deadline - self.clock.monotonic())

    def settle(self, seconds: float) -> None:
        """Wait up to ``seconds`` until this VEN's handlers have returned and what is owed is sent.
        ``conversation.closing`` was set before.
        """
        self.conversation.wake()
        self.wait(lambda: self.conversation.is_resting and not self._is_calling(), seconds)

    def _is_calling(self) -> bool:
        return any(state.pending for state in self.snapshot("events"))

    def owes(self) -> bool:
        """Whether something is owed to the VTN that could go out now."""
        return self.read(self._owes)

    def _owes(self) -> bool:
        if self.book.registration.phase != "registered":
            return bool(self.book.answers) and self.book.registration.phase == "cancelled"
        now = self.now()
        return bool(
            self.book.answers
            or events.answer_task(self.book, now)
            or opts.next_task(self.book)
            or reports.delivery_due(self.book, now)
        )

    def close(self) -> None:
        """Let nothing begin any more: timers are forgotten, queued calls stay in the book for the
        next start.
        """
        self.stopped = True
        self.runtime.looking_again.discard(self.look_again)
        self.conversation.stop()
        with self._lock:
            if self._retry is not None:
                self._retry.cancel()
                self._retry = None
            for _, job in self._timers.values():
                job.cancel()
            self._timers.clear()
        self.save()
        self.tell()

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``condition()`` (looked at after every change), at most ``timeout``
        seconds.
        """
        deadline = self.clock.monotonic() + timeout
        with self.changed:
            while not condition():
                rest = deadline - self.clock.monotonic()
                if rest <= 0 or self.stopped:
                    return condition()
                self.clock.wait(self.changed, rest)
        return True


def _aftermath(call: Call) -> str:
    """What a failure of the user's code means for the VTN."""
    if call.pool == "report":
        return "The report goes out with a gap."
    if call.handler in SINGLE:
        return (
            f"Event {call.arguments[0].event_id!r} gets optOut, unless it was decided otherwise "
            f"meanwhile."
        )
    return "Everything else goes on."


def _let_go(error: Optional[BaseException]) -> None:
    """Drop the tracebacks of an error that is kept: their frames would keep the message that it is
    about, and its tree.
    """
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
