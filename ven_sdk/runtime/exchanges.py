"""One exchange after another: a task is sent, its reply is judged, and what follows is transacted.

Runs on exchange threads, without a lock while the network runs. In between anything may happen:
steps of other threads, ``stop()``, another registration. So the tickets are taken before the
message is sent, and the step that a reply leads to looks at the book again. What failed is kept in
``failures``, whose table says how far each failure reaches.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Collection
from datetime import datetime
from typing import Callable, Optional

from ..errors import (
    ConfigurationError,
    PayloadError,
    SecurityError,
    StateError,
    TransportError,
    VenError,
)
from ..schema.common import Payload
from ..state.book import Book
from ..state.outcome import Outcome, ProfileBook, Step
from ..tasks import AcceptedReply, ReceivedReply, RefusedReply, Task, UnknownVen
from ..text import shorten
from ..transport.backoff import Backoff
from .failures import (
    CLOSED,
    FORBIDDEN_AGAIN,
    LONG_CAP,
    MISSING_CAP,
    REPEATABLE,
    SHORT_CAP,
    Failure,
    Failures,
    Kind,
    Scope,
    scope_of,
)
from .polling import Polling
from .rates import Window
from .registrations import Registrations
from .tickets import Name
from .transactions import Transactions

logger: logging.Logger = logging.getLogger(__name__)

HOLD = 0.5
"""Seconds for which answers, and the poll of a drained queue, wait for handlers about to decide."""
FOR_GOOD = 1e9
"""Seconds that what failed while closing is kept back."""
COURTESY_PAUSE = 60.0
"""Seconds from one message to the next that tells the VTN what could not be read."""
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*")


def make_backoff(book: Book, cap: float) -> Backoff:
    """A back-off of this VEN. ``cap`` in seconds."""
    return Backoff(cap=cap, random=book.chance.random, strict=book.settings.strict)


class Exchanges:
    """The exchanges of one VEN. ``wake()`` lets all lanes look again, ``block_all(seconds)`` lets
    them wait, ``end_pause()`` go on; ``lock`` guards ``failures`` and ``polling``.
    """

    def __init__(
        self,
        transactions: Transactions,
        failures: Failures,
        polling: Polling,
        lock: threading.RLock,
        wake: Callable[[], None],
        block_all: Callable[[float], None],
        end_pause: Callable[[], None],
    ) -> None:
        self._base, self._profile = transactions, transactions.profile
        self.failures: Failures = failures
        self._polling, self._lock = polling, lock
        self.wake: Callable[[], None] = wake
        self._block_all, self._end_pause = block_all, end_pause
        self._courtesy = Window(1, COURTESY_PAUSE)
        self._registrations = Registrations(lambda: make_backoff(transactions.book, LONG_CAP))

    def kind_of(self, task: Task) -> Kind:
        """The kind of message that the task is, and the service that it goes to."""
        return Kind(self._profile.service_of(task), task.name)

    def blocked_until(self, task: Task) -> float:
        """The moment from which ``task`` may be sent; 0 where nothing is in its way."""
        until = self._registrations.blocked_until() if task.renews else 0.0
        if not self.failures:
            return until
        return max(until, self.failures.blocked_until(self.kind_of(task), task.identity))

    def retry(self, names: Collection[Name]) -> None:
        """Let the messages ``names`` be tried now: the user asked for them."""
        self.failures.retry(names)
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
            self._fail(task, error, begun)
        except (PayloadError, SecurityError) as error:
            base.counters.count(task.poll, error, base.clock.now())
            self._refuse_reply(task, error)
        except StateError:
            return  # stopped a moment ago: the connections are closed
        except ConfigurationError as error:
            # our own record cannot be written: repeating it would not help
            base.counters.count(task.poll, error, base.clock.now())
            base.transact(task.refuse(error), settles=task.identity, error=error)
        else:
            self._count(task, received)
            self._take_in(task, received.record, mark)

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
        self._recover(task)
        verdict = self._profile.judge(task, reply)
        if isinstance(verdict, UnknownVen):
            self._take_stranger(task, verdict, mark)
        elif isinstance(verdict, RefusedReply):
            take = self._repeat if verdict.again else self._take_refusal
            take(task, verdict.error)
        else:
            self._accept(task, verdict, reply)

    def _take_refusal(self, task: Task, error: VenError) -> None:
        now = self._base.clock.monotonic()
        with self._lock:
            if task.patient:
                self.failures.fail_message(task.identity, error, now)
            else:
                self.failures.forget_message(task.identity)
        self._base.transact(
            task.refuse(error), request_name=task.request_name, settles=task.identity, error=error
        )

    def _repeat(self, task: Task, error: VenError, cap: float = SHORT_CAP) -> None:
        """The reply is no answer: who waits is told, and the message is sent again later."""
        self._base.report(error, f"no answer to {task.name}", f"{error} It is sent again.")
        with self._lock:
            self.failures.fail_message(task.identity, error, self._base.clock.monotonic(), cap)
        if task.postpone is not None:
            self._base.transact(task.postpone(error), settles=task.identity, error=error)

    def _accept(self, task: Task, verdict: AcceptedReply, reply: Optional[Payload]) -> None:
        base = self._base
        now = base.clock.monotonic()
        with self._lock:
            self.failures.forget_message(task.identity)
            self._registrations.clear(self.kind_of(task))
            if task.renews:
                self.failures.forget_service(self._profile.service_of(task))
                self.failures.retry_missing()
                self._registrations.note(task, now)
            if verdict.holds:
                self._polling.hold_until = now + HOLD
        is_news = False

        def step(book: ProfileBook, moment: datetime) -> Outcome:
            nonlocal is_news
            outcome = task.accept(reply)(book, moment)
            is_news = verdict.more and self._profile.is_news(book, outcome)
            return outcome

        base.transact(step, request_name=task.request_name, settles=task.identity)
        if is_news:
            with self._lock:
                self._polling.drain(now)
        if task.renews:
            self._end_pause()

    def _take_stranger(self, task: Task, verdict: UnknownVen, mark: int) -> None:
        """R13, at once the first time; a VTN that goes on saying so is asked with growing distance.
        One that says so of this kind of message only refuses it; what insists is asked again.
        """
        now, kind = self._base.clock.monotonic(), None if task.poll else self.kind_of(task)
        with self._lock:
            is_refusal = kind is not None and self._registrations.is_unwanted(kind, now, mark)
            pause = None if is_refusal else self._registrations.lose(now, mark, kind)
        if is_refusal and task.insists:
            self._repeat(task, verdict.error, LONG_CAP)
        elif is_refusal:
            self._take_refusal(task, verdict.error)
        elif pause is not None:
            self._block_all(pause)
            self._base.transact(self._profile.lose_registration(verdict.reason))

    def _recover(self, task: Task) -> None:
        """An exchange came back whole: the link works, and so does this service for such
        messages.
        """
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        with self._lock:
            if task.poll:
                self._polling.end()  # its reply has come: nothing has to overtake it
            link, service = self.failures.reach(), self.failures.answer(kind, now)
        self._report_link(link)
        if service is not None:
            what = f"The trouble with {kind.service} of the VTN"
            self._base.troubles.end(f"service {kind.service}", what)

    def _report_reach(self) -> None:
        """An HTTP answer came: the link works."""
        with self._lock:
            link = self.failures.reach()
        self._report_link(link)

    def _report_link(self, link: Optional[Failure]) -> None:
        if link is not None:
            self._base.troubles.end("link", "The trouble with the VTN")
            self.wake()

    def _refuse_reply(self, task: Task, error: VenError) -> None:
        """The VTN has the message; only its reply is of no use. A poll's may have held an event:
        ask for the list.
        """
        self._recover(task)
        self._tell_callers(task, error)
        text = f"The reply to {task.name} was refused: {error}"
        self._base.report(error, f"unreadable reply to {task.name}: {_kind_of(error)}", text)
        if not task.poll:
            self._fail_message(task, error)
            return
        self._transact(self._profile.lose_reply(task, error))
        if self._courtesy.allow(self._base.clock.monotonic()):
            self._transact(self._profile.report_unreadable(task, error))

    def _transact(self, step: Optional[Step]) -> None:
        if step is not None:
            self._base.transact(step)

    # --- failures ---------------------------------------------------------------------------------

    def _fail(self, task: Task, error: TransportError, begun: float) -> None:
        base = self._base
        if base.stopped:
            return
        self._tell_callers(task, error)
        scope = scope_of(error)
        if scope is not Scope.LINK:
            self._report_reach()
        if base.closing:
            self._give_up_closing(task, scope)
        elif scope is Scope.LINK:
            self._fail_link(task, error, begun)
        elif scope is Scope.UNACCEPTABLE and not (task.poll or task.patient):
            base.report(error, f"{task.name} not accepted", str(error))
            self._refuse(task, error)
        elif scope is Scope.MESSAGE and not task.poll:
            base.report(error, f"{task.name} failed", f"{error} It is sent again.")
            self._fail_message(task, error)
        else:
            self._fail_service(task, error, scope)
        if error.delivered is not False:
            self._transact(self._profile.lose_reply(task, error))

    def _tell_callers(self, task: Task, error: VenError) -> None:
        """No answer came to those who wait for this exchange."""
        self._base.read(lambda: self._base.tickets.fail(task.identity, error))
        self._base.wake_waiters()

    def _give_up_closing(self, task: Task, scope: Scope) -> None:
        """While the client stops nothing is tried twice, and nothing more over a link that is
        down.
        """
        if scope is Scope.LINK:
            self._block_all(FOR_GOOD)
        with self._lock:
            until = self._base.clock.monotonic() + FOR_GOOD
            self.failures.hold_message(task.identity, until)

    def _fail_link(self, task: Task, error: TransportError, begun: float) -> None:
        now = self._base.clock.monotonic()
        with self._lock:
            wait = self.failures.fail_link(error, begun, now)
            if error.delivered is None and not task.poll:  # it may be this service that hangs
                self.failures.fail_message(task.identity, error, now)
            if task.poll:
                self._polling.fail()
        text = f"{error} Trying again in {wait:.1f} s."
        self._base.troubles.report(error, "link", text, lasts=True)

    def _fail_service(self, task: Task, error: TransportError, scope: Scope) -> None:
        """The place is closed, busy or missing. Other kinds of messages go on."""
        is_missing = scope is Scope.MISSING
        is_over = self._count_try(task, error, is_missing)
        if is_over and not is_missing:
            self._refuse(task, error)
            return
        if is_over or (is_missing and task.needs_service):
            self._report_missing(task, error)
            self._refuse(task, error)
            self._forget_given_up(task)
            return
        cap = self._cap_of(task, error, scope)
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        with self._lock:
            wait = self.failures.fail_kind(kind, error, scope, now, cap)
            if task.poll:
                self._polling.fail()
        level = logging.ERROR if error.status in CLOSED or is_missing else logging.WARNING
        text = f"{error} {kind.service} is tried again in {wait:.0f} s; everything else goes on."
        self._base.troubles.report(error, f"service {kind.service}", text, level, lasts=task.poll)
        if task.postpone is not None:
            self._base.transact(task.postpone(error))

    @staticmethod
    def _cap_of(task: Task, error: TransportError, scope: Scope) -> float:
        """The longest wait: an hour for a service that is not there. Polls and registrations go on
        all the same, and more seldom where the specification forbids to repeat them as they are
        (H5).
        """
        if task.poll or task.patient:
            is_short = scope is Scope.MESSAGE or error.status in REPEATABLE
            return SHORT_CAP if is_short else LONG_CAP
        return MISSING_CAP if scope is Scope.MISSING else SHORT_CAP

    def _count_try(self, task: Task, error: TransportError, is_missing: bool) -> bool:
        """Count the try of a message to a service that is not there; whether that was the last:
        the first, where nothing is known to be there, or it must not be sent again (H5). What leads
        to a registration gives way to it, however the service fails (R2).
        """
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        if not task.give_up or task.poll or task.stays_owed:
            return False
        if not (is_missing or task.registers):
            return False
        with self._lock:
            is_spent = self.failures.fail_task(task, error, now)
            is_used = self.failures.is_used(kind.service)
        once = is_missing and (not is_used or error.status in FORBIDDEN_AGAIN)
        return once or is_spent

    def _forget_given_up(self, task: Task) -> None:
        """A message was given up at a service that is there for others: the next of its kind is
        tried as if nothing had been.
        """
        kind = self.kind_of(task)
        with self._lock:
            if not task.needs_service and self.failures.is_used(kind.service):
                self.failures.forget_kind(kind)

    def _report_missing(self, task: Task, error: TransportError) -> None:
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        with self._lock:
            self.failures.fail_kind(kind, error, Scope.MISSING, now, MISSING_CAP)
        text = f"{error} {task.name} is not sent; everything else goes on."
        self._base.troubles.report(error, f"service {kind.service}", text, logging.ERROR)

    def _fail_message(self, task: Task, error: VenError) -> None:
        now = self._base.clock.monotonic()
        with self._lock:
            is_spent = self.failures.fail_task(task, error, now)
            if self._base.closing:
                self.failures.hold_message(task.identity, now + FOR_GOOD)
        if is_spent:
            self._refuse(task, error)
        elif task.postpone is not None:
            self._base.transact(task.postpone(error))

    def _refuse(self, task: Task, error: VenError) -> None:
        with self._lock:
            self.failures.forget_message(task.identity)
        self._base.transact(
            task.refuse(error), request_name=task.request_name, settles=task.identity, error=error
        )


def _kind_of(error: VenError) -> str:
    """The error's sentence without what varies from message to message: another reason is logged
    anew, the same is counted.
    """
    return _VALUES.sub("", str(error).partition(": ")[0])
