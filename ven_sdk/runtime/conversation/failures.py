"""What failed, and until when it is left alone: the three scopes of failure of one VEN.

============  ====================================  =============================================
scope         what it is                            what waits
============  ====================================  =============================================
the *link*    no HTTP answer: refused, DNS, TLS,    everything, until the link's back-off is over
              time-out
a *service*   an HTTP status about the place and    messages of this kind to this service
              not about the message (403, 404,
              503 ...)
a *message*   this message was failed over (HTTP    this message; others of its kind go on
              500, a reply that cannot be read) or
              refused
============  ====================================  =============================================

Each has a back-off of its own, which its own success undoes and nothing else: that polls go through
says nothing of reports. A service that lets nobody in (``CLOSED``) or is not there (``MISSING``)
is seldom asked again: its back-off begins gently where the same was good a moment ago, and grows
with how long it lasts. A message that the status forbids to repeat as it is
(``UNACCEPTABLE``) counts as refused at once; a poll, which must be sent all the same, waits as it
does for a closed service.

Whoever calls this holds the lock of the conversation. Moments are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum
from typing import Callable, NamedTuple, Optional

from ...errors import TransportError, VenError
from ...tasks import FORBIDDEN_AGAIN, MessageName, Task
from ...transport.backoff import Backoff
from ..status import ServiceStatus


class Scope(Enum):
    """How far a failure reaches."""

    LINK = "link"
    SERVICE = "service"
    CLOSED = "closed service"
    MISSING = "missing service"
    MESSAGE = "message"
    UNACCEPTABLE = "unacceptable message"


MISSING = frozenset({404, 405, 501})
"""Statuses of a service, or an operation of it, that is not there."""
CLOSED = frozenset({401, 403, 407})
"""Statuses of a service that does not let this VEN in."""
BUSY = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses of a service that is overloaded, or of a gateway before it."""

REPEATABLE = CLOSED | BUSY | {404}
"""Statuses after which polls and registrations are repeated as they are; after others more
seldom.
"""
SHORT_CAP, LONG_CAP, MISSING_CAP = 60.0, 300.0, 3600.0
"""Seconds that a back-off grows to: as a rule; for a message that the VTN finds unacceptable and
that must be sent all the same (polls, registration); for a service that is not there.
"""
HANGS = 3
"""How often a message gets no reply, before it counts as the message's own failure."""
FEW, LONG_AGO = 100, 2 * MISSING_CAP
"""How many messages that failed are remembered in any case; of more, one is forgotten that could
have been sent again so many seconds ago, and was not.
"""
GOOD_LATELY = 600.0
"""Seconds for which a success counts as a moment ago."""


def scope_of(error: VenError) -> Scope:
    """How far the failure of one exchange reaches."""
    if not isinstance(error, TransportError):
        return Scope.MESSAGE
    status = error.status
    if status is None:
        return Scope.LINK
    if status in MISSING:
        return Scope.MISSING
    if status in CLOSED or 300 <= status < 400:
        return Scope.CLOSED
    if status in BUSY or status < 300:
        return Scope.SERVICE
    return Scope.UNACCEPTABLE if 400 <= status < 500 else Scope.MESSAGE


def cap_of(task: Task, error: TransportError, scope: Scope) -> float:
    """The longest wait in seconds: an hour for a service that is not there, and for what must be
    sent again although it was refused. Polls and registrations go on all the same, and more seldom
    where the specification forbids to repeat them as they are (H5).
    """
    if task.poll or task.patient:
        is_short = scope is Scope.MESSAGE or error.status in REPEATABLE
        return SHORT_CAP if is_short else LONG_CAP
    return MISSING_CAP if scope in (Scope.MISSING, Scope.UNACCEPTABLE) else SHORT_CAP


def _retry_after_of(error: VenError) -> Optional[float]:
    """The seconds that the VTN asked to wait, whatever status it did that with (H6)."""
    return error.retry_after if isinstance(error, TransportError) else None


def _is_forbidden_again(error: VenError) -> bool:
    """Whether the same message must not be sent again (H5)."""
    return isinstance(error, TransportError) and error.status in FORBIDDEN_AGAIN


class Failure:
    """Something that failed and will be tried again. ``since`` is when it began, ``until`` how long
    it waits. ``since`` is of the monotonic clock.
    """

    __slots__ = ("backoff", "error", "scope", "since", "until")

    def __init__(self, backoff: Backoff, since: float) -> None:
        self.backoff: Backoff = backoff
        self.since: float = since
        self.until: float = 0.0
        self.error: Optional[VenError] = None
        self.scope: Scope = Scope.MESSAGE


class Kind(NamedTuple):
    """Messages of one kind to one service."""

    service: str
    name: str


class Failures:
    """The failures of one VEN. ``make_backoff(cap)`` makes the back-off of a new one. ``strict``:
    a 404 never begins gently either (H5).
    """

    __slots__ = ("_good_at", "_hanging", "_kinds", "_make", "_messages", "_strict", "link")

    def __init__(self, make_backoff: Callable[[float], Backoff], *, strict: bool = False) -> None:
        self._make, self._strict = make_backoff, strict
        self.link: Optional[Failure] = None
        self._kinds: dict[Kind, Failure] = {}
        self._messages: dict[MessageName, Failure] = {}
        self._good_at: dict[Kind, float] = {}
        self._hanging: set[Kind] = set()

    def __bool__(self) -> bool:
        return bool(self._kinds or self._messages or self._hanging or self.link is not None)

    def __len__(self) -> int:
        failures = len(self._kinds) + len(self._messages) + (self.link is not None)
        return failures + len(self._hanging)

    # --- what waits -------------------------------------------------------------------------------

    def blocked_until(self, kind: Kind, message: MessageName) -> float:
        """The moment from which the message may be sent; 0 where nothing is in its way."""
        found = (self._kinds.get(kind), self._messages.get(message))
        return max((failure.until for failure in found if failure is not None), default=0.0)

    def has_failed(self, kind: Kind, message: MessageName) -> bool:
        """Whether the message failed when it was sent last, for itself or for its kind, or others
        of its kind got no reply at all: it may take the whole time-out once more.
        """
        return kind in self._kinds or kind in self._hanging or message in self._messages

    @property
    def link_blocked_until(self) -> float:
        """The moment from which anything may be sent."""
        return 0.0 if self.link is None else self.link.until

    def status_of(self, service: str, now: datetime, monotonic: float) -> ServiceStatus:
        """How a service is, for ``status``: what failed first says since when and with what. The
        moment now is given by both clocks.
        """
        found = [failure for kind, failure in self._kinds.items() if kind.service == service]
        if not found:
            return ServiceStatus("ok")
        missing = [failure for failure in found if failure.scope is Scope.MISSING]
        first = min(missing or found, key=lambda failure: failure.since)
        since = now - timedelta(seconds=max(0.0, monotonic - first.since))
        return ServiceStatus("missing" if missing else "failing", since, first.error)

    def is_used(self, service: str) -> bool:
        """Whether the service gave a good answer to anything yet."""
        return any(kind.service == service for kind in self._good_at)

    # --- what happens -----------------------------------------------------------------------------

    def fail_link(self, error: VenError, begun: float, now: float) -> float:
        """No HTTP answer came to an exchange that began at ``begun``; returns the seconds to wait.
        Exchanges that were under way together fail once. ``now`` is of the monotonic clock.
        """
        failure = self.link
        if failure is None:
            failure = self.link = Failure(self._make(SHORT_CAP), now)
            failure.scope = Scope.LINK
        elif begun < failure.until:
            return max(0.0, failure.until - now)
        failure.error, failure.until = error, now + failure.backoff.next()
        return failure.until - now

    def fail_kind(self, kind: Kind, error: VenError, scope: Scope, now: float, cap: float) -> float:
        """Messages of this kind fail for what the service is; returns the seconds to wait. ``now``
        is of the monotonic clock. ``cap`` in seconds.

        The wait begins gently for what passes by itself, and where the service was good a moment
        ago; never for what must not be sent again as it is.
        """
        failure = self._kinds.get(kind)
        if failure is None:
            failure = self._kinds[kind] = Failure(self._make(cap), now)
        failure.backoff.cap = cap
        passes = scope is Scope.SERVICE or scope is Scope.MESSAGE
        may_begin_gently = not self._strict and not _is_forbidden_again(error)
        gently = passes or (may_begin_gently and self._was_good_before(kind.service, failure.since))
        wait = failure.backoff.next(_retry_after_of(error), patient=not gently)
        failure.error, failure.scope, failure.until = error, scope, now + wait
        return wait

    def _was_good_before(self, service: str, since: float) -> bool:
        """Whether the service gave a good answer to anything a moment before ``since``."""
        moments = [at for kind, at in self._good_at.items() if kind.service == service]
        return bool(moments) and since - max(moments) < GOOD_LATELY

    def fail_message(
        self, message: MessageName, error: VenError, now: float, cap: float = SHORT_CAP
    ) -> None:
        """The message fails for itself. ``now`` is of the monotonic clock; the wait grows to
        ``cap`` seconds.
        """
        failure = self._messages.get(message)
        if failure is None:
            self._forget_old(now)
            failure = self._messages[message] = Failure(self._make(cap), now)
        failure.backoff.cap = cap
        wait = failure.backoff.next(_retry_after_of(error))
        failure.error, failure.until = error, now + wait

    def _forget_old(self, now: float) -> None:
        """Messages that are owed no more, such as opts whose windows ended, leave nothing."""
        if len(self._messages) >= FEW:
            for message, failure in tuple(self._messages.items()):
                if failure.until < now - LONG_AGO:
                    del self._messages[message]

    def hang(
        self, kind: Kind, message: MessageName, error: VenError, now: float, *, is_first: bool
    ) -> bool:
        """No reply came to a message that may have reached the VTN: it may be this service that
        hangs. Returns whether it is the message: whether it got none :data:`HANGS` times, while the
        VTN answered others. Of one that ``is_first``, before all others, that says nothing.
        ``now`` is of the monotonic clock.
        """
        self._hanging.add(kind)
        self.fail_message(message, error, now)
        failure = self._messages[message]
        answered_at = max(self._good_at.values(), default=0.0)
        return failure.backoff.attempts >= HANGS and (is_first or answered_at > failure.since)

    def fail_task(self, task: Task, error: VenError, now: float) -> bool:
        """The task fails for itself once more: whether it did so often, and for so long, that it is
        given up. ``now`` is of the monotonic clock.
        """
        self.fail_message(task.message_name, error, now)
        return self.is_spent(task, now)

    def is_spent(self, task: Task, now: float) -> bool:
        """Whether the task failed for itself so often, and for so long, that it is given up.
        ``now`` is of the monotonic clock.
        """
        failure = self._messages[task.message_name]
        is_often = bool(task.give_up) and failure.backoff.attempts >= task.give_up
        return is_often and now - failure.since >= task.give_up_after

    def hold_message(self, message: MessageName, until: float) -> None:
        """Keep the message back, whatever its failures say. ``until`` is of the monotonic clock."""
        failure = self._messages.get(message)
        if failure is None:
            failure = self._messages[message] = Failure(self._make(SHORT_CAP), until)
        failure.until = max(failure.until, until)

    def answer(self, kind: Kind, now: float) -> Optional[Failure]:
        """The service answered a message of this kind as a service does; returns what failed
        before. ``now`` is of the monotonic clock. The first good answer of a service says that it
        is there: what was thought missing is asked again.
        """
        if kind not in self._good_at and not self.is_used(kind.service):
            for other, failure in self._kinds.items():
                if other.service == kind.service and failure.scope is Scope.MISSING:
                    failure.until = 0.0
        self._good_at[kind] = now
        self._hanging.discard(kind)
        return self._kinds.pop(kind, None)

    def reach(self) -> Optional[Failure]:
        """An HTTP answer came, whatever it was: the link works. Returns what failed before."""
        failure, self.link = self.link, None
        return failure

    def forget_message(self, message: MessageName) -> None:
        """The message is done with."""
        self._messages.pop(message, None)

    def forget_kind(self, kind: Kind) -> None:
        """Nothing of this kind is owed any more."""
        self._kinds.pop(kind, None)

    def forget_service(self, service: str) -> None:
        """The service did what it is for; what failed there before no longer matters."""
        for kind in [kind for kind in self._kinds if kind.service == service]:
            del self._kinds[kind]

    def retry_missing(self) -> None:
        """Ask again for services that were not there."""
        for failure in self._kinds.values():
            if failure.scope is Scope.MISSING:
                failure.until = 0.0

    def retry(self, names: Collection[MessageName]) -> None:
        """Let the messages ``names`` be tried now, for the user asked for them. What fails again
        waits as long as it would have; what else fails goes on to wait.
        """
        kinds = {name for name, _ in names}
        wanted = [failure for kind, failure in self._kinds.items() if kind.name in kinds]
        wanted += [failure for name, failure in self._messages.items() if name in names]
        for failure in wanted:
            failure.until = 0.0
