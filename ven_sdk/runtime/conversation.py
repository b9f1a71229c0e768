"""What is sent next: the talk of one VEN with its VTN, read from the book, one exchange after
another.

Two lanes on the exchange pool. ``talk`` has registration, answers and polls, strictly in order
(P4); ``post`` has opts and report deliveries, so that a long upload delays no poll (P6). A lane
runs when something changed or its time has come, sends until nothing is due, and sets a timer.
Nothing is kept here that a restart would miss: what is owed stands in the book.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional
from urllib.parse import urlsplit

from ..errors import (
    ConfigurationError,
    PayloadError,
    SecurityError,
    StateError,
    TransportError,
    VenError,
)
from ..oadr20b.services import answers, events, opts, poll, registration, reports
from ..oadr20b.services.task import Task, judge, unknown_ven
from ..schema.common import Payload
from ..schema.events import DistributeEvent
from ..state.outcome import NOTHING, Outcome
from ..transport.backoff import Backoff
from .scheduler import Job

if TYPE_CHECKING:
    from ..oadr20b.state.book import Book
    from .engine import Engine

log: logging.Logger = logging.getLogger(__name__)

HOLD = 0.5
"""Seconds that an event answer, and the next poll of a drained queue, wait for handlers that are
about to decide.
"""
DRAIN_CAP, DRAIN_PAUSE = 50, 1.0
"""Polls in a row before a pause of seconds (P3)."""
JITTER, JITTER_CAP = 0.1, timedelta(minutes=5)
FOR_GOOD = 1e9
"""Seconds that what failed while closing is kept back."""
NOT_OWNED = 5.0
"""Seconds between looks whether the store says again that the VEN runs here."""
A_MINUTE = 60.0
"""Seconds after which a link that still fails gets another line in the log."""
BUSY = 20
"""Exchanges that a lane does before it lets others have the thread."""
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*")


LANES = {"talk": "polls and answers", "post": "reports and opts"}
"""The lanes, and what goes over each, for people."""


class Lane:
    """The state of one lane: when it may send, and when it wakes by itself. Written by the lane's
    own job, mostly.
    """

    __slots__ = (
        "backoff",
        "blocked_until",
        "failed_poll",
        "name",
        "queued",
        "resting",
        "tasks",
        "timer",
        "wake_at",
    )

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.queued: bool = False
        self.resting: bool = True
        self.timer: Optional[Job] = None
        self.wake_at: Optional[float] = None
        self.blocked_until: float = 0.0
        self.backoff: Optional[Backoff] = None
        self.failed_poll: bool = False
        self.tasks: dict[str, tuple[float, Backoff]] = {}


class Conversation:
    """Both lanes of one VEN. ``wake`` may be called from any thread, under the engine's lock
    too.
    """

    __slots__ = (
        "_draining",
        "_engine",
        "_hold_until",
        "_lanes",
        "_lost",
        "_poll_at",
        "_rounds",
        "_vtn",
        "closing",
    )

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._vtn = sys.intern(urlsplit(engine.book.settings.vtn_url).netloc)
        self._lanes = tuple(map(Lane, LANES))
        self._poll_at: Optional[float] = None
        self._hold_until = 0.0
        self._draining = False
        self._rounds = 0
        self._lost: Optional[Backoff] = None
        self.closing: bool = False

    # --- waking -----------------------------------------------------------------------------------

    def wake(self, post: bool = True) -> None:
        """Look whether there is something to send; without ``post``, on the lane of polls and
        events only.
        """
        for lane in self._lanes:
            if post or lane.name == "talk":
                self._wake(lane)

    def _wake(self, lane: Lane) -> None:
        if lane.queued or self._engine.stopped:
            return
        lane.queued, lane.resting = True, False
        engine = self._engine
        engine.runtime.exchanges(self._vtn).submit(
            (engine, lane.name), lambda: self._run(lane), f"{lane.name} of {engine.name}"
        )

    @property
    def is_resting(self) -> bool:
        """Whether, while closing, nothing is left that could be sent now."""
        return all(lane.resting and not lane.queued for lane in self._lanes)

    def hurry(self) -> None:
        """Forget back-off: the user asked for something now."""
        for lane in self._lanes:
            lane.blocked_until = 0.0
            lane.tasks.clear()
        self.wake()

    def stop(self) -> None:
        """Set no more timers."""
        for lane in self._lanes:
            if lane.timer is not None:
                lane.timer.cancel()

    def _run(self, lane: Lane) -> None:
        lane.queued = False  # whatever changes from here on wakes the lane anew
        for _ in range(BUSY):
            task: Optional[Task] = None
            try:
                task, wait = self._engine.read(lambda: self._next(lane))
                if task is None:
                    self._sleep(lane, wait)
                    return
                self._perform(lane, task)
            except (
                Exception
            ) as cause:  # a fault of ours: the lane must outlive it, or the VEN falls silent
                self._stumbled(lane, task, cause)
        self._wake(lane)

    def _stumbled(self, lane: Lane, task: Optional[Task], cause: Exception) -> None:
        """Whatever a message made us do wrong is said whole; the task waits, and everything else
        goes on.
        """
        engine, what = self._engine, task.name if task is not None else lane.name
        log.error(
            "%s of %s failed. This is a fault of ven_sdk: please report it.",
            what,
            engine.name,
            exc_info=cause,
        )
        error = VenError(
            f"{what} failed: {type(cause).__name__}. This is a fault of ven_sdk: please report it."
        )
        engine.report(error, f"fault in {what}", str(error), logging.ERROR)
        if task is not None:
            self._block(lane, task.name)
        else:
            lane.blocked_until = engine.clock.monotonic() + self._backoff(lane).next()

    def _sleep(self, lane: Lane, wait: Optional[float]) -> None:
        engine = self._engine
        if self.closing:
            lane.resting = True
            engine.tell()
            return
        at = None if wait is None else engine.clock.monotonic() + wait
        if lane.timer is not None:
            if at is not None and lane.wake_at is not None and abs(at - lane.wake_at) < 1e-3:
                return
            lane.timer.cancel()
        lane.timer, lane.wake_at = None, at
        if wait is not None and not engine.stopped:
            lane.timer = engine.scheduler.after(wait, lambda: self._due(lane))

    def _due(self, lane: Lane) -> None:
        lane.timer = lane.wake_at = None
        self._wake(lane)

    # --- what is next -----------------------------------------------------------------------------

    def _next(self, lane: Lane) -> tuple[Optional[Task], Optional[float]]:
        """The task to send now, or None and the seconds to wait (None: until something changes)."""
        now = self._engine.clock.monotonic()
        if lane.blocked_until > now:
            return None, lane.blocked_until - now
        waits: list[float] = []
        for task in self._talk(now, waits) if lane.name == "talk" else self._post():
            if not self._engine.may_send():
                return None, NOT_OWNED
            blocked = lane.tasks.get(task.name)
            if blocked is None or blocked[0] <= now:
                return task, None
            waits.append(blocked[0] - now)
        return None, min(waits) if waits else None

    def _talk(self, now: float, waits: list[float]) -> Iterator[Task]:
        """The tasks of the lane, urgent first; ``waits`` gets the seconds until there may be
        others.
        """
        engine, book = self._engine, self._engine.book
        phase = book.registration.phase
        if phase == "new":
            return
        if phase != "query" and book.registration.known:
            yield from _some(answers.next_task(book))
        yield from _some(registration.next_task(book))
        if phase != "registered":
            return
        if not book.settings.report_only:
            if registration.list_due(book, engine.now()) and not self.closing:
                yield registration.request_events(book)
            if now >= self._hold_until or not events.is_deciding(book, engine.now()):
                yield from _some(events.answer_task(book, engine.now()))
            else:
                waits.append(self._hold_until - now)
        if self.closing:
            return
        if registration.catalogue_due(book, engine.now()):
            yield registration.register_reports(book)
        yield from _some(reports.ask_task(book))
        wait = self._until_poll(now)
        if wait > 0:
            waits.append(wait)
        else:
            yield poll.task(book)

    def _until_poll(self, now: float) -> float:
        """Seconds to the next poll: at once while the queue is drained (P3), but not before quick
        handlers decided (P4).
        """
        if not self._draining:
            return 0.0 if self._poll_at is None else self._poll_at - now
        held = self._hold_until - now
        if held > 0 and events.is_deciding(self._engine.book, self._engine.now()):
            return held
        return 0.0

    def _post(self) -> Iterator[Task]:
        book = self._engine.book
        if book.registration.phase != "registered":
            return
        yield from _some(opts.next_task(book))
        yield from _some(reports.delivery_task(book, self._engine.now()))

    # --- one exchange -----------------------------------------------------------------------------

    def _perform(self, lane: Lane, task: Task) -> None:
        engine = self._engine
        if task.poll:
            self._plan_poll()
        try:
            reply = engine.exchange.post(task.record, task.service)
        except (PayloadError, SecurityError) as error:
            engine.exchanged(task, error)
            self._unreadable(lane, task, error)
        except TransportError as error:
            engine.exchanged(task, error)
            self._failed(lane, task, error)
        except StateError:
            return  # stopped a moment ago: the connections are closed
        except (
            ConfigurationError
        ) as error:  # our own record cannot be written: repeating it would not help
            engine.exchanged(task, error)
            engine.transact(task.refuse(error))
        else:
            engine.exchanged(task, None)
            self._answered(lane, task, reply)

    def _plan_poll(self) -> None:
        """P5: the period is measured from the start of a round; a drained queue polls on within its
        round.
        """
        engine = self._engine
        now = engine.clock.monotonic()
        if not self._draining:
            self._rounds = 0
            self._poll_at = now + self._period()
        self._draining = False

    def _period(self) -> float:
        period = registration.poll_period(self._engine.book)
        if not self._engine.book.settings.allow_jitter:
            return period.total_seconds()
        spread = min(period * JITTER, JITTER_CAP).total_seconds()
        return period.total_seconds() + spread * (2 * self._engine.book.chance.random() - 1)

    def _answered(self, lane: Lane, task: Task, reply: Optional[Payload]) -> None:
        engine = self._engine
        self._recovered(lane, task)
        lost = unknown_ven(task, reply)
        if lost is not None:
            self._unknown(lane, lost)
            return
        error = judge(task, reply)
        if error is not None:
            if task.patient:
                self._block(lane, task.name)
            engine.refused(task.name, error)
            engine.transact(task.refuse(error), task.record)
            return
        lane.tasks.pop(task.name, None)
        if task.poll:
            self._polled(reply)
        if isinstance(reply, DistributeEvent):
            self._hold_until = engine.clock.monotonic() + HOLD
        engine.transact(task.accept(reply), task.record)

    def _polled(self, reply: Optional[Payload]) -> None:
        self._lost = None
        if poll.is_empty(reply):
            return
        self._rounds += 1
        if self._rounds % DRAIN_CAP:
            self._draining = True
        else:
            self._poll_at = self._engine.clock.monotonic() + DRAIN_PAUSE

    def _unknown(self, lane: Lane, reason: str) -> None:
        """R13, at once the first time; a VTN that goes on saying so is asked with growing
        distance.
        """
        engine = self._engine
        if self._lost is None:
            self._lost = Backoff(random=engine.book.chance.random)
        else:
            lane.blocked_until = engine.clock.monotonic() + self._lost.next()
        engine.transact(lambda book, now: registration.lost(book, now, reason))

    def _unreadable(self, lane: Lane, task: Task, error: VenError) -> None:
        """The VTN has the message; only its reply is of no use. A poll's may have held an event:
        ask for the list.
        """
        engine = self._engine
        self._recovered(lane, task)
        text = f"The reply to {task.name} was refused: {error}"
        engine.report(error, f"unreadable reply to {task.name}: {_kind(error)}", text)
        if task.poll:
            engine.transact(
                lambda book, now: (
                    _resync(book, now) + poll.unreadable(error)(book, now)
                    if engine.may_be_courteous()
                    else _resync(book, now)
                )
            )
            return
        attempts = self._block(lane, task.name)
        self._maybe_give_up(lane, task, error, attempts)

    def _maybe_give_up(self, lane: Lane, task: Task, error: VenError, attempts: int) -> None:
        if task.give_up and attempts >= task.give_up:
            lane.tasks.pop(task.name, None)
            self._engine.transact(task.refuse(error), task.record)

    def _failed(self, lane: Lane, task: Task, error: TransportError) -> None:
        engine = self._engine
        if engine.stopped:
            return
        if self.closing:
            lane.blocked_until = FOR_GOOD
        elif not error.retryable and not task.poll:
            engine.report(error, f"{task.name} not accepted", str(error))
            self._block(lane, task.name)
            engine.transact(task.refuse(error), task.record)
        elif (
            error.status == 500 and not task.poll
        ):  # the link is fine, only this message is not: polls go on
            self._recovered(lane, task)
            attempts = self._block(lane, task.name)
            engine.report(error, f"{task.name} failed", f"{error} It is sent again.")
            self._maybe_give_up(lane, task, error, attempts)
        else:
            patient = error.status in (400, 401, 403, 404, 406)
            wait = self._backoff(lane).next(error.retry_after, patient=patient)
            lane.blocked_until = engine.clock.monotonic() + wait
            lane.failed_poll = lane.failed_poll or task.poll
            self._poll_at = None
            level = logging.ERROR if patient else logging.WARNING
            text = f"{error} Trying again in {wait:.1f} s."
            engine.report(error, f"link {lane.name}", text, level, every=A_MINUTE)
        if error.delivered is not False and (task.poll or task.name == "event answer"):
            engine.transact(_resync)

    def _recovered(self, lane: Lane, task: Task) -> None:
        """The link works. A poll that failed keeps its back-off until a poll succeeds: the event
        request that follows a failed poll would otherwise undo it each time."""
        if lane.backoff is None:
            return
        if task.poll or not lane.failed_poll:
            lane.backoff, lane.failed_poll = None, False
            self._engine.repeats.over(
                f"link {lane.name}", f"The trouble with the VTN ({LANES[lane.name]})"
            )
        for other in self._lanes:
            if other.backoff is not None:
                other.blocked_until = 0.0
                self._wake(other)

    def _backoff(self, lane: Lane) -> Backoff:
        if lane.backoff is None:
            lane.backoff = Backoff(random=self._engine.book.chance.random)
        return lane.backoff

    def _block(self, lane: Lane, name: str) -> int:
        """Keep ``name`` from being sent again at once; returns how often it was."""
        _, backoff = lane.tasks.get(name) or (0.0, Backoff(random=self._engine.book.chance.random))
        wait = FOR_GOOD if self.closing else max(0.5, backoff.next())
        lane.tasks[name] = (self._engine.clock.monotonic() + wait, backoff)
        return backoff.attempts


def _kind(error: VenError) -> str:
    """The error's sentence without what varies from message to message: another reason is said
    anew, the same is counted.
    """
    return _VALUES.sub("", str(error).partition(": ")[0])


def _some(task: Optional[Task]) -> tuple[Task, ...]:
    return () if task is None else (task,)


def _resync(book: Book, now: datetime) -> Outcome:
    """H6: a reply that was lost may have been an event; the list tells."""
    if book.registration.phase != "registered" or book.registration.resync:
        return NOTHING
    return registration.moved(book, now, "registered", resync=True)
