"""One exchange after another: a task is sent, its reply is judged, and what follows is transacted.

Runs on exchange threads, without a lock while the network runs. In between anything may happen:
steps of other threads, ``stop()``, another registration. So the tickets are taken before the
message is sent, and the step that a reply leads to looks at the book again. What follows where no
reply came, or none of use, is in ``failed_exchanges``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from datetime import datetime
from typing import Optional

from ...errors import (
    ConfigurationError,
    PayloadError,
    SecurityError,
    StateError,
    TransportError,
    VenError,
)
from ...schema.common import Payload
from ...state.book import Book
from ...state.outcome import Outcome, ProfileBook
from ...tasks import AcceptedReply, MessageName, ReceivedReply, RefusedReply, Task, UnknownVen
from ...text import shorten
from ...transport.backoff import Backoff
from ..transactions import Transactions
from .failed_exchanges import FailedExchanges
from .failures import LONG_CAP, MISSING_CAP, SHORT_CAP, Failures, Kind
from .lanes import Lanes
from .polling import Polling
from .registrations import Registrations

logger: logging.Logger = logging.getLogger(__name__)

HOLD = 0.5
"""Seconds for which answers, and the poll of a drained queue, wait for handlers about to decide."""


def make_backoff(book: Book, cap: float) -> Backoff:
    """A back-off of this VEN. ``cap`` in seconds."""
    return Backoff(cap=cap, random=book.chance.random, strict=book.settings.strict)


class Exchanges:
    """The exchanges of one VEN. ``lock`` guards ``failures`` and ``polling``."""

    def __init__(
        self,
        transactions: Transactions,
        failures: Failures,
        polling: Polling,
        lanes: Lanes,
        lock: threading.RLock,
    ) -> None:
        self._base, self._profile = transactions, transactions.profile
        self._failures, self._polling = failures, polling
        self._lanes, self._lock = lanes, lock
        self._failed = FailedExchanges(transactions, failures, polling, lanes, lock)
        self._registrations = Registrations(lambda: make_backoff(transactions.book, LONG_CAP))

    def blocked_until(self, task: Task) -> float:
        """The moment from which ``task`` may be sent; 0 where nothing is in its way."""
        until = self._registrations.blocked_until() if task.renews else 0.0
        if not self._failures:
            return until
        return max(
            until, self._failures.blocked_until(self._failed.kind_of(task), task.message_name)
        )

    def has_failed(self, task: Task) -> bool:
        """Whether ``task`` may be expected to fail, as it or its kind did when it was last sent."""
        return self._failed.has_failed(task)

    def retry(self, names: Collection[MessageName]) -> None:
        """Let the messages ``names`` be tried now: the user asked for them."""
        self._failures.retry(names)
        self._registrations.forget_requests(names)

    def perform(self, task: Task) -> None:
        """Send ``task``, whose tickets are under way, and do what comes of it."""
        base = self._base
        begun = base.clock.monotonic()
        mark = self._registrations.mark
        try:
            received = self._profile.send(task)
        except TransportError as error:
            base.counters.count(task.poll, error, base.clock.now())
            self._failed.fail(task, error, begun)
        except (PayloadError, SecurityError) as error:
            base.counters.count(task.poll, error, base.clock.now())
            self._failed.refuse_reply(task, error)
        except StateError:
            return  # stopped a moment ago: the connections are closed
        except ConfigurationError as error:
            self._refuse_own(task, error)
        else:
            self._count(task, received)
            self._take_in(task, received.record, mark)

    def _refuse_own(self, task: Task, cause: ConfigurationError) -> None:
        """Our own record cannot be built or written: that is of this message alone."""
        error = ConfigurationError(f"{task.title} cannot be sent: {cause}")
        error.__cause__ = cause
        self._base.counters.count(task.poll, error, self._base.clock.now())
        if task.insists:
            self._repeat(task, error, MISSING_CAP)
        else:
            self._base.transact(task.refuse(error), settles=task.message_name, error=error)

    def _count(self, task: Task, received: ReceivedReply) -> None:
        base = self._base
        base.counters.count(task.poll, None, base.clock.now())
        level = logging.DEBUG if task.poll else logging.INFO
        if logger.isEnabledFor(level):
            content = self._profile.describe(task, received.record)
            about = f"{task.name} ({content})" if content else task.name
            logger.log(level, "%s: %s.", base.name, shorten(about))
        if received.clock_offset is not None:
            base.compare_clocks(received.clock_offset)

    # --- replies ----------------------------------------------------------------------------------

    def _take_in(self, task: Task, reply: Optional[Payload], mark: int) -> None:
        kind = self._failed.kind_of(task)
        self._failed.recover(task, kind)
        verdict = self._profile.judge(task, reply)
        if isinstance(verdict, UnknownVen):
            self._take_unknown(task, kind, verdict, mark)
        elif isinstance(verdict, RefusedReply) and verdict.again:
            self._repeat(task, verdict.error, MISSING_CAP if verdict.rarely else SHORT_CAP)
        elif isinstance(verdict, RefusedReply):
            self._take_refusal(task, verdict.error)
        else:
            self._accept(task, kind, verdict, reply)

    def _take_refusal(self, task: Task, error: VenError) -> None:
        now = self._base.clock.monotonic()
        with self._lock:
            if task.patient:
                self._failures.fail_message(task.message_name, error, now)
            else:
                self._failures.forget_message(task.message_name)
        self._base.transact(
            task.refuse(error),
            request_name=task.request_name,
            settles=task.message_name,
            error=error,
        )

    def _repeat(self, task: Task, error: VenError, cap: float) -> None:
        """It was not done: who waits is told, and the message is sent again later."""
        self._base.report(error, f"{task.name} not done", f"{error} It is sent again.")
        with self._lock:
            self._failures.fail_message(task.message_name, error, self._base.clock.monotonic(), cap)
        if task.postpone is not None:
            self._base.transact(task.postpone(error), settles=task.message_name, error=error)

    def _accept(
        self, task: Task, kind: Kind, verdict: AcceptedReply, reply: Optional[Payload]
    ) -> None:
        base = self._base
        now = base.clock.monotonic()
        with self._lock:
            self._failures.forget_message(task.message_name)
            self._registrations.clear(kind)
            if task.renews:
                self._failures.forget_service(kind.service)
                self._failures.retry_missing()
                self._registrations.note(task, now)
            if verdict.holds:
                self._polling.hold_until = now + HOLD
        is_news = False

        def step(book: ProfileBook, moment: datetime) -> Outcome:
            nonlocal is_news
            outcome = task.accept(reply)(book, moment)
            is_news = verdict.more and self._profile.is_news(book, outcome)
            return outcome

        base.transact(step, request_name=task.request_name, settles=task.message_name)
        if is_news:
            with self._lock:
                self._polling.drain(now)
        if task.renews:
            self._lanes.end_pause()

    def _take_unknown(self, task: Task, kind: Kind, verdict: UnknownVen, mark: int) -> None:
        """R13, at once the first time; a VTN that goes on saying so is asked with growing distance.
        One that says so of this kind of message only refuses it; what insists is asked again.
        """
        now = self._base.clock.monotonic()
        with self._lock:
            is_refusal = not task.poll and self._registrations.is_unwanted(kind, now, mark)
            lost = None if task.poll else kind
            pause = None if is_refusal else self._registrations.lose(now, mark, lost)
        if is_refusal and task.insists:
            self._repeat(task, verdict.error, LONG_CAP)
        elif is_refusal:
            self._take_refusal(task, verdict.error)
        elif pause is not None:
            self._lanes.block(pause)
            self._base.transact(self._profile.lose_registration(verdict.reason))
