"""What a protocol gives to the rest of the SDK: a *profile*. OpenADR 2.0b is one (``oadr20b``); the
list of them stands in ``profiles``.

The runtime asks a profile what is to be sent next on each lane, gives it to the profile's exchange,
asks what the reply means, and runs the steps that come of it. Back-off, pacing, threads and timers
belong to the runtime; messages, their order and meaning to the profile. A profile has no thread,
and keeps nothing that a restart would miss: what it must remember stands in the book.

=====================  =========================================================================
asked of a profile     when
=====================  =========================================================================
``tasks``              a lane looks for something to send
``is_deciding``        before that: do answers wait for handlers that are about to decide
``pause_of_polls``     before that: is the VTN expected to call instead of being polled
``send``               a task is sent, on an exchange thread, without a lock
``judge``              a reply came
``is_news``            a polled message was taken in: is it worth to poll on at once
``lose_reply``         the VTN may have the message, and its reply is lost
``report_unreadable``  a polled message could not be read
``lose_registration``  the VTN does not know this VEN
``take_push``          an HTTP request of the VTN came
``receive``            a message came that was not asked for
``resume``             the client starts; ``go_on``: it goes on for another process
``part``               another process may go on
``owes``               the client stops: is something left that could be sent now
``look_again``         the wall clock was set back
``shift_deadlines``    the wall clock was set, before any step sees its new time
=====================  =========================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional, TypedDict, Union

from .errors import VenError
from .push.peer import Peer, Response
from .schema.common import Payload
from .state.book import TableRow
from .state.change import Change
from .state.outcome import NOTHING, Outcome, ProfileBook, Step
from .tasks import Lane, MessageName, ReceivedReply, Task, Turn, Verdict
from .transport.identity import Identity

if TYPE_CHECKING:
    from typing_extensions import Unpack


Remember = Callable[[Callable[[ProfileBook], Sequence[Change]]], None]
"""``remember(changes_of)`` commits ``changes_of(book)``."""


class CallRequest(NamedTuple):
    """What a blocking call of the user asks for: the step that owes a message to the VTN, the name
    of that message, and whether it is still owed. ``result`` is what the call returns,
    ``text`` what stays owed where no answer comes in time. One that is asked ``anew`` is owed again
    when the same message was under way for somebody else: its reply may be too old. ``brings`` are
    other messages that belong to the call. One that ``stays_owed`` is tried again for ever; where
    the service is not there, the call ends all the same.
    """

    step: Step
    message: MessageName
    is_owed: Callable[[ProfileBook], bool]
    result: str = ""
    text: str = "It is tried again until it succeeds."
    anew: bool = False
    brings: tuple[MessageName, ...] = ()
    stays_owed: bool = False


class UndeliveredSample(NamedTuple):
    """A sample that the VTN has not acknowledged. ``state`` is ``waiting``, or ``sent`` for what
    the VTN may have got. A value is a number, or a record of the protocol's.
    """

    report_request_id: str
    r_id: str
    time: datetime
    value: object
    data_quality: Optional[str]
    state: str


class ReportQuestion(TypedDict):
    """What the user asks of a report that the VTN offers."""

    report_specifier_id: str
    r_ids: Union[str, Iterable[str], None]
    granularity: timedelta
    report_back_duration: timedelta
    dtstart: Optional[datetime]
    report_duration: Optional[timedelta]


class OptFacts(TypedDict):
    """What the user says of an opt, as it was given."""

    opt_type: str
    opt_reason: str
    targets: object
    vavailability: object
    event_id: Optional[str]
    modification_number: Optional[int]
    request_id: Optional[str]
    market_context: Optional[str]
    signal_target_mrid: Optional[str]


class Profile(ABC):
    """What a VEN of one protocol sends, and what replies mean. Made for one VEN by a
    :class:`~.profile_kind.ProfileKind`.
    """

    lanes: tuple[Lane, ...]
    """The first one is that of polls."""
    services: tuple[str, ...]
    """The services of the protocol, as ``status.services`` names them."""
    identity: Identity
    """Who the VEN is, and whom it believes."""
    timer_steps: Mapping[str, Step]
    """The steps of timers that only name their key."""

    @abstractmethod
    def tasks(self, lane: str, book: ProfileBook, turn: Turn) -> Iterable[Task]:
        """What could be sent now on ``lane``, most urgent first. A pure look at the book."""

    @abstractmethod
    def send(self, task: Task) -> ReceivedReply:
        """Send the task's record and return what came back.

        Raises TransportError, SecurityError or PayloadError where no record came back,
        ConfigurationError where none was sent, StateError when the client was stopped.
        """

    def describe(self, task: Task, reply: Optional[Payload]) -> str:
        """What an exchange said, for the log; empty where the task's name says it all."""
        return task.about

    @abstractmethod
    def service_of(self, task: Task) -> str:
        """The service that the task belongs to."""

    @abstractmethod
    def judge(self, task: Task, reply: Optional[Payload]) -> Verdict:
        """What ``reply`` means for ``task``."""

    @abstractmethod
    def is_news(self, book: ProfileBook, outcome: Outcome) -> bool:
        """Whether ``outcome``, not applied yet, changes anything that makes polling on worth it."""

    @abstractmethod
    def is_deciding(self, book: ProfileBook, now: datetime) -> bool:
        """Whether handlers are about to decide about what came last."""

    @abstractmethod
    def poll_period(self, book: ProfileBook) -> timedelta:
        """The time from poll to poll."""

    @abstractmethod
    def pause_of_polls(self, book: ProfileBook, now: float) -> Optional[float]:
        """Seconds from ``now`` (monotonic) in which the VTN is expected to call instead of being
        polled: 0 where it is polled, None where it never is.
        """

    @abstractmethod
    def lose_reply(self, task: Task, error: VenError) -> Optional[Step]:
        """The step that makes good a reply that was lost or could not be read, or None where
        sending again does.
        """

    @abstractmethod
    def report_unreadable(self, task: Task, error: VenError) -> Optional[Step]:
        """The step that tells the VTN that its message could not be read, or None."""

    @abstractmethod
    def lose_registration(self, reason: str) -> Step:
        """The step to run when the VTN does not know this VEN."""

    @abstractmethod
    def receive(self, message: Payload) -> Step:
        """Take in a message of the VTN that was not asked for: polled, or pushed. What answers it
        is owed in the book afterwards.
        """

    @abstractmethod
    def take_push(self, path: str, body: bytes, peer: Peer, base: Any) -> Response:
        """Take in a pushed HTTP request, with the transactions ``base``; the HTTP response (status,
        headers, body). It does not raise for what a peer can send.
        """

    # --- the user's calls -------------------------------------------------------------------------

    @abstractmethod
    def request_registration(self, new: bool) -> CallRequest:
        """Register, or register again; with ``new`` without the IDs that are held."""

    @abstractmethod
    def request_cancellation(self) -> CallRequest:
        """End the registration."""

    @abstractmethod
    def request_events(self) -> CallRequest:
        """Ask for the complete list of events."""

    @abstractmethod
    def request_report(
        self, report_request_id: Optional[str], **facts: Unpack[ReportQuestion]
    ) -> CallRequest:
        """Ask the VTN for a report that it offers."""

    @abstractmethod
    def create_opt(self, opt_id: Optional[str], **facts: Unpack[OptFacts]) -> CallRequest:
        """Send an opt."""

    @abstractmethod
    def cancel_opt(self, opt_id: str) -> CallRequest:
        """Withdraw an opt."""

    @abstractmethod
    def opt_event(self, event_id: str, opt_type: str, reason: Optional[str]) -> Step:
        """The decision about an event, given or changed by the user."""

    # --- what users look at -----------------------------------------------------------------------

    @abstractmethod
    def offered_reports(self, book: ProfileBook) -> tuple[Any, ...]:
        """The catalogue, as the VTN gets it."""

    @abstractmethod
    def undelivered_samples(self, book: ProfileBook) -> Sequence[UndeliveredSample]:
        """The samples that the VTN has not acknowledged."""

    @abstractmethod
    def standing_opts(self, book: ProfileBook) -> tuple[TableRow, ...]:
        """The opts that stand or are being sent."""

    @abstractmethod
    def counters(self, book: ProfileBook) -> dict[str, int]:
        """What was counted, for ``status``."""

    @abstractmethod
    def problems(self, book: ProfileBook) -> tuple[str, ...]:
        """A sentence for ``health()`` for all that the VTN would not have."""

    @abstractmethod
    def queues(self, book: ProfileBook) -> dict[str, int]:
        """How much waits to be sent, for ``status``."""

    # --- lifecycle --------------------------------------------------------------------------------

    @abstractmethod
    def attach(self, remember: Remember) -> None:
        """The VEN is put together: ``remember`` commits what must outlive the process and belongs
        to no step.
        """

    @abstractmethod
    def detach(self) -> None:
        """The VEN is gone for good: what it shares with others serves them alone."""

    @abstractmethod
    def restore(self, book: ProfileBook) -> None:
        """The book was read from the store: take over what is held elsewhere."""

    @abstractmethod
    def resume(self, book: ProfileBook, now: datetime) -> Outcome:
        """Go on from what the book holds: timers, calls, and the first message to send."""

    def go_on(self, book: ProfileBook, now: datetime, in_order: bool) -> Outcome:
        """Go on for another process, whose last step was :meth:`part` where it ended in order."""
        return self.resume(book, now)

    def part(self, book: ProfileBook, now: datetime, is_exchanging: bool) -> Outcome:
        """What another process that goes on must know; the replies under way are lost to it."""
        return NOTHING

    @abstractmethod
    def look_again(self, book: ProfileBook, now: datetime) -> Outcome:
        """The wall clock was set back: what is to come is worked out anew."""

    @abstractmethod
    def shift_deadlines(self, book: ProfileBook, now: datetime, by: timedelta) -> Outcome:
        """The wall clock was set ``by`` so much: what is to be done within a span of time is due
        when that span is over, whatever the clock says.
        """

    @abstractmethod
    def owes(self, book: ProfileBook, now: datetime) -> bool:
        """Whether something is owed to the VTN that could be sent now."""
