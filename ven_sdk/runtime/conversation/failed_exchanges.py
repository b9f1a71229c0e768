"""What follows from an exchange that brought no reply of use: who is told, whether the message, its
kind or everything waits (``failures`` has the table of scopes), and when a message is given up. One
that came back whole says that what failed before is over.

Runs on exchange threads. A lock is held only while ``failures`` and ``polling`` are changed.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Optional

from ...errors import TransportError, VenError
from ...state.outcome import Step
from ...tasks import FORBIDDEN_AGAIN, Task
from ..rates import Window
from ..transactions import Transactions
from .failures import (
    CLOSED,
    MISSING_CAP,
    Failure,
    Failures,
    Kind,
    Scope,
    cap_of,
    scope_of,
)
from .lanes import Lanes
from .polling import Polling

FOR_GOOD = 1e9
"""Seconds that what failed while closing is kept back."""
COURTESY_PAUSE = 60.0
"""Seconds from one message to the next that tells the VTN what could not be read."""
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*")


class FailedExchanges:
    """The failures of one VEN's exchanges. ``lock`` guards ``failures`` and ``polling``."""

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
        self._courtesy = Window(1, COURTESY_PAUSE)

    def has_failed(self, task: Task) -> bool:
        """Whether ``task`` may be expected to fail, as it or its kind did when it was last sent."""
        known = bool(self._failures) and not task.poll
        return known and self._failures.has_failed(self.kind_of(task), task.message_name)

    def kind_of(self, task: Task) -> Kind:
        """The kind of message that the task is, and the service that it goes to."""
        return Kind(self._profile.service_of(task), task.name)

    # --- what is over -----------------------------------------------------------------------------

    def recover(self, task: Task, kind: Kind) -> None:
        """An exchange of this ``kind`` came back whole: the link works, and so does this service
        for such messages.
        """
        now = self._base.clock.monotonic()
        with self._lock:
            if task.poll:
                self._polling.end()  # its reply has come: nothing has to overtake it
            link, service = self._failures.reach(), self._failures.answer(kind, now)
        self._report_link(link)
        if service is not None:
            what = f"The trouble with {kind.service} of the VTN"
            self._base.troubles.end(f"service {kind.service}", what)

    def _report_reach(self) -> None:
        """An HTTP answer came: the link works."""
        with self._lock:
            link = self._failures.reach()
        self._report_link(link)

    def _report_link(self, link: Optional[Failure]) -> None:
        if link is not None:
            self._base.troubles.end("link", "The trouble with the VTN")
            self._lanes.wake()

    # --- no reply that can be used ----------------------------------------------------------------

    def refuse_reply(self, task: Task, error: VenError) -> None:
        """The VTN has the message; only its reply is of no use. A poll's may have held an event:
        ask for the list.
        """
        self.recover(task, self.kind_of(task))
        self._base.fail_tickets(task.message_name, error)
        text = f"The reply to {task.name} was refused: {error}"
        self._base.report(error, f"unreadable reply to {task.name}: {_kind_of(error)}", text)
        self._transact(self._profile.lose_reply(task, error))
        if not task.poll:
            self._fail_message(task, error)
        elif self._courtesy.allow(self._base.clock.monotonic()):
            self._transact(self._profile.report_unreadable(task, error))

    def _transact(self, step: Optional[Step]) -> None:
        if step is not None:
            self._base.transact(step)

    def fail(self, task: Task, error: TransportError, begun: float) -> None:
        """No reply came to an exchange that began at ``begun``, in monotonic seconds."""
        base = self._base
        if base.stopped:
            return
        self._base.fail_tickets(task.message_name, error)
        scope = scope_of(error)
        if scope is not Scope.LINK:
            self._report_reach()
        if base.closing:
            self._give_up_closing(task, scope)
        elif scope is Scope.LINK:
            self._fail_link(task, error, begun)
        elif scope is Scope.UNACCEPTABLE and not (task.poll or task.patient or task.insists):
            base.report(error, f"{task.name} not accepted", str(error))
            self._refuse(task, error)
        elif scope is Scope.MESSAGE and not task.poll:
            base.report(error, f"{task.name} failed", f"{error} It is sent again.")
            self._fail_message(task, error)
        else:
            self._fail_service(task, error, scope)
        if error.delivered is not False:
            self._transact(self._profile.lose_reply(task, error))

    def _give_up_closing(self, task: Task, scope: Scope) -> None:
        """While the client stops nothing is tried twice, and nothing more over a link that is
        down.
        """
        if scope is Scope.LINK:
            self._lanes.block(FOR_GOOD)
        with self._lock:
            until = self._base.clock.monotonic() + FOR_GOOD
            self._failures.hold_message(task.message_name, until)

    def _fail_link(self, task: Task, error: TransportError, begun: float) -> None:
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        is_its_own = is_spent = False
        leads = task.registers and bool(task.give_up)  # to a registration, which may be answered
        with self._lock:
            wait = self._failures.fail_link(error, begun, now)
            if task.poll:
                self._polling.fail()
            elif error.delivered is None:
                is_its_own = self._failures.hang(
                    kind, task.message_name, error, now, is_first=leads
                )
                is_spent = self._may_give_up(task, error) and self._failures.is_spent(task, now)
        text = f"{error} Trying again in {wait:.1f} s."
        self._base.troubles.report(error, "link", text, lasts=True)
        if is_its_own and task.stays_owed:  # it lets others go on, and has its own back-off
            self._transact(task.refuse(error))
        elif is_its_own and is_spent:
            self._refuse(task, error)

    def _may_give_up(self, task: Task, error: TransportError) -> bool:
        """Whether a message that gets no reply may be given up: what a call asks for stays owed,
        and what another message makes good comes again by that.
        """
        return not task.needs_service and self._profile.lose_reply(task, error) is None

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
        cap = cap_of(task, error, scope)
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        with self._lock:
            wait = self._failures.fail_kind(kind, error, scope, now, cap)
            if task.poll:
                self._polling.fail()
        level = logging.ERROR if error.status in CLOSED or is_missing else logging.WARNING
        text = f"{error} {kind.service} is tried again in {wait:.0f} s; everything else goes on."
        self._base.troubles.report(error, f"service {kind.service}", text, level, lasts=task.poll)
        if task.postpone is not None:
            self._base.transact(task.postpone(error))

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
            is_spent = self._failures.fail_task(task, error, now)
            is_used = self._failures.is_used(kind.service)
        once = is_missing and (not is_used or error.status in FORBIDDEN_AGAIN)
        return once or is_spent

    def _forget_given_up(self, task: Task) -> None:
        """A message was given up at a service that is there for others, or on the way to a
        registration, which may be there: the next of its kind is tried as if nothing had been.
        """
        kind = self.kind_of(task)
        with self._lock:
            is_there = task.registers or self._failures.is_used(kind.service)
            if is_there and not task.needs_service:
                self._failures.forget_kind(kind)

    def _report_missing(self, task: Task, error: TransportError) -> None:
        kind, now = self.kind_of(task), self._base.clock.monotonic()
        with self._lock:
            self._failures.fail_kind(kind, error, Scope.MISSING, now, MISSING_CAP)
        text = f"{error} {task.name} is not sent; everything else goes on."
        self._base.troubles.report(error, f"service {kind.service}", text, logging.ERROR)

    def _fail_message(self, task: Task, error: VenError) -> None:
        now = self._base.clock.monotonic()
        with self._lock:
            is_spent = self._failures.fail_task(task, error, now)
            if self._base.closing:
                self._failures.hold_message(task.message_name, now + FOR_GOOD)
        if is_spent:
            self._refuse(task, error)
        elif task.postpone is not None:
            self._base.transact(task.postpone(error))

    def _refuse(self, task: Task, error: VenError) -> None:
        with self._lock:
            self._failures.forget_message(task.message_name)
        self._base.transact(
            task.refuse(error),
            request_name=task.request_name,
            settles=task.message_name,
            error=error,
        )


def _kind_of(error: VenError) -> str:
    """The error's sentence without what varies from message to message: another reason is logged
    anew, the same is counted.
    """
    return _VALUES.sub("", str(error).partition(": ")[0])
