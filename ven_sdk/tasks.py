"""A message to send, what it waits for, and what its reply means: what a profile and the runtime
tell each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Callable, NamedTuple, Optional, Union

from .errors import ProtocolError, VenError
from .schema.common import Payload
from .state.outcome import Step

FORBIDDEN_AGAIN = frozenset({400, 406, 501})
"""HTTP statuses after which the same must not be sent again (H5): no wait for it begins gently."""
MessageName = tuple[str, str]
"""What tells one message from all others: the kind of task, and its key."""


@dataclass(frozen=True)
class Task:
    """One message to send, and what its reply means.

    ``name`` is the kind of message (``poll`` …), for logs and back-off; ``key`` tells messages of
    one kind apart; ``about`` adds what a reader of the log wants to know. ``expects`` lists the
    payloads that answer it. Where ``confirms`` is given, only these do, and it may refuse a reply
    that lacks what was to be confirmed. ``refuse`` takes the error that repeating would not mend.
    ``service`` is given where the payload does not say it; ``request_name`` names its requestID.

    What happens when it fails: a ``patient`` task waits after a refusal before it is sent again.
    After ``give_up`` failures of its own (HTTP 500, a reply that cannot be read, a service that is
    not there) it counts as refused, but not before ``give_up_after`` seconds; 0 is never. One that
    ``needs_service`` is refused at once when the VTN does not offer it; not if it ``stays_owed``.
    ``postpone`` gives the step that lets the rest go on without it, when it failed and will be sent
    again, or still waits for that. One that ``renews`` brings back, when it succeeds, all that
    waits because a service is missing. One that ``registers`` is part of becoming known to the VTN.
    One that ``insists`` is sent again, with back-off, whatever is said to it.
    ``done_by`` has the response codes that say that it is done already.
    ``weight`` is how often it counts for the pace: twice where it makes another message due.
    """

    name: str
    content: Union[Payload, Callable[[], Payload]]
    expects: tuple[type[Payload], ...]
    accept: Callable[[Optional[Payload]], Step]
    refuse: Callable[[VenError], Step]
    service: str = ""
    poll: bool = False
    patient: bool = False
    give_up: int = 0
    give_up_after: float = 0.0
    about: str = ""
    key: str = ""
    request_name: str = ""
    confirms: Optional[Callable[[Optional[Payload]], Optional[ProtocolError]]] = None
    needs_service: bool = False
    postpone: Optional[Callable[[VenError], Step]] = None
    renews: bool = False
    registers: bool = False
    stays_owed: bool = False
    insists: bool = False
    done_by: frozenset[str] = frozenset()
    weight: int = 1

    @property
    def record(self) -> Payload:
        """What to send. A large message is built when this is first read."""
        return self._built if callable(self.content) else self.content

    @cached_property
    def _built(self) -> Payload:
        return self.content() if callable(self.content) else self.content

    @cached_property
    def message_name(self) -> MessageName:
        """The name under which this message fails, is waited for and is under way."""
        return self.name, self.key

    @property
    def title(self) -> str:
        """Which message this is, for people."""
        return f"{self.name} {self.key!r}" if self.key else self.name


class Turn(NamedTuple):
    """What a lane that asks for tasks knows: the time, whether the client is stopping, whether
    answers still wait for handlers that are about to decide, and whether a poll is due.
    """

    now: datetime
    is_closing: bool = False
    is_holding: bool = False
    is_poll_due: bool = True


@dataclass(frozen=True)
class AcceptedReply:
    """The reply answers the task. ``more``: it brought something, so that more may be waiting.
    ``holds``: handlers are about to decide about it.
    """

    more: bool = False
    holds: bool = False


@dataclass(frozen=True)
class RefusedReply:
    """The VTN refused the task, or its reply is no answer to it. ``again`` says whether the task is
    sent again, with back-off; ``rarely``, that this grows to an hour.
    """

    error: ProtocolError
    again: bool = False
    rarely: bool = False


@dataclass(frozen=True)
class UnknownVen:
    """The VTN does not know this VEN, for a ``reason``; or ``error``, if it has registered it."""

    reason: str
    error: VenError


Verdict = Union[AcceptedReply, RefusedReply, UnknownVen]


class ReceivedReply(NamedTuple):
    """What came back for one message: a record (None for an empty body), and how far the VTN's
    clock was ahead of ours, where its reply said so.
    """

    record: Optional[Payload]
    clock_offset: Optional[timedelta] = None


@dataclass(frozen=True)
class Lane:
    """One of the queues of exchanges of a VEN: what it is called in threads, and for people. Only
    rows of tables that matter to ``uploads`` wake one of those; it sends none while ``table`` is
    empty. One that ``overtakes_polls`` sends only while a poll waits for its reply for a while.
    """

    name: str
    description: str
    uploads: bool = False
    overtakes_polls: bool = False
    table: str = ""
