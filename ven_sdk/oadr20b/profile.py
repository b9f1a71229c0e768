"""OpenADR 2.0b as a profile: what a VEN sends on its lanes, and what replies mean. See
:class:`ven_sdk.profile.Profile` for who asks what, and when.

It keeps nothing that a restart would miss: what is owed stands in the book.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ..arguments import optional_text, text
from ..errors import TransportError, VenError
from ..profile import CallRequest, OptFacts, Profile, Remember, ReportQuestion, UndeliveredSample
from ..push.peer import Peer, Response
from ..schema.common import Payload
from ..state.outcome import Outcome, Step
from ..tasks import (
    AcceptedReply,
    Lane,
    ReceivedReply,
    RefusedReply,
    Task,
    Turn,
    UnknownVen,
    Verdict,
)
from . import pushed_messages
from .certificates import watch_certificates
from .descriptions import describe_exchange
from .exchange import Exchange, build_alone
from .identity import SigningIdentity
from .schema.events import DistributeEvent
from .services import events, lanes, opts, poll, registration, reports
from .services.task import (
    CANCELLATION,
    code_of,
    is_success,
    judge,
    refusal_of,
    unknown_ven,
)
from .state.book import Book
from .state.nonces import keep_nonce

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..runtime.transactions import Transactions
    from .schema.reports import Report
    from .state.opts import OptState

SET_RIGHT = timedelta(minutes=1)
"""A clock that is set back by more may have been wrong before."""
REGISTRATION_BRINGS = (
    (registration.QUERY, ""),
    (reports.REGISTER_REPORT, ""),
    (events.LIST_REQUEST, ""),
)
"""The messages that a registration brings along."""
NEWS_TABLES = frozenset(
    {"events", "opts", "requests", "samples", "deliveries", "offers", "received"}
)
"""Tables whose change makes it worth to poll on at once."""


class Profile20b(Profile):
    """The 2.0b side of one VEN."""

    lanes: tuple[Lane, ...] = lanes.LANES
    services: tuple[str, ...] = ("EiEvent", "EiReport", "EiOpt", "EiRegisterParty", "OadrPoll")
    timer_steps: Mapping[str, Step] = {reports.TIMER: reports.look}

    def __init__(self, exchange: Exchange) -> None:
        self.exchange: Exchange = exchange
        self.identity: SigningIdentity = exchange.identity
        self._remember: Optional[Remember] = None
        self._polls = poll.Polls()
        self.pushed_at: Optional[float] = None

    # --- what is next -----------------------------------------------------------------------------

    def tasks(self, lane: str, book: Book, turn: Turn) -> Iterator[Task]:
        """See :meth:`Profile.tasks`."""
        return lanes.list_tasks(lane, book, turn, self._polls)

    def is_deciding(self, book: Book, now: datetime) -> bool:
        """See :meth:`Profile.is_deciding`."""
        return events.is_deciding(book, now)

    def poll_period(self, book: Book) -> timedelta:
        """See :meth:`Profile.poll_period`."""
        return registration.poll_period(book)

    def pause_of_polls(self, book: Book, now: float) -> Optional[float]:
        """P10: a VEN that is called polls only when nothing was pushed for so long, if ever.
        ``now`` is of the monotonic clock.
        """
        push = book.settings.push
        if push is None:
            return 0.0
        if push.fallback is None:
            return None
        if self.pushed_at is None:
            self.pushed_at = now
        return max(0.0, self.pushed_at + push.fallback.total_seconds() - now)

    def owes(self, book: Book, now: datetime) -> bool:
        """See :meth:`Profile.owes`."""
        return lanes.owes(book, now)

    # --- exchanges --------------------------------------------------------------------------------

    def send(self, task: Task) -> ReceivedReply:
        """See :meth:`Profile.send`."""
        record = build_alone(self.exchange.deviations, task.name, lambda: task.record)
        return self.exchange.post(record, task.service)

    def describe(self, task: Task, reply: Optional[Payload]) -> str:
        """See :meth:`Profile.describe`."""
        return task.about or describe_exchange(task.record, reply)

    def service_of(self, task: Task) -> str:
        """See :meth:`Profile.service_of`."""
        return task.service or task.record.service

    def judge(self, task: Task, reply: Optional[Payload]) -> Verdict:
        """See :meth:`Profile.judge`."""
        reason = unknown_ven(task, reply)
        is_gone = task.name == CANCELLATION and reason is not None
        if is_gone or (task.done_by and code_of(reply)[0] in task.done_by):
            return AcceptedReply()  # the VTN has it no more: what was wanted
        if reason is not None:
            return UnknownVen(reason, refusal_of(task, reply))
        error = judge(task, reply)
        if error is not None:
            return RefusedReply(error, task.insists, rarely=not is_success(code_of(reply)[0]))
        more = task.poll and not poll.is_empty(reply)
        return AcceptedReply(more=more, holds=isinstance(reply, DistributeEvent))

    def is_news(self, book: Book, outcome: Outcome) -> bool:
        """See :meth:`Profile.is_news`. By the letter (P3) every message is; the pace bounds a VTN
        that repeats itself.
        """
        return book.settings.strict or any(
            book.tables[table].get(key) != value
            for table, key, value in outcome.changes
            if table in NEWS_TABLES
        )

    def lose_reply(self, task: Task, error: VenError) -> Optional[Step]:
        """H6: what was lost may have been an event, and the list tells. A status that a server gave
        instead of looking at the message lost nothing.
        """
        status = error.status if isinstance(error, TransportError) else None
        if status is not None and status < 500:
            return None
        if task.name == opts.CANCELLATION:
            return opts.lose_cancellation(task.key)
        if task.name == CANCELLATION:
            return registration.lose_cancellation
        is_answer = task.name == events.ANSWER and isinstance(error, TransportError)
        return registration.resync if task.poll or (is_answer and status is None) else None

    def report_unreadable(self, task: Task, error: VenError) -> Optional[Step]:
        """See :meth:`Profile.report_unreadable`."""
        return poll.answer_unreadable(error)

    def lose_registration(self, reason: str) -> Step:
        """See :meth:`Profile.lose_registration`."""
        return lambda book, now: registration.lose(book, now, reason)

    def receive(self, message: Payload) -> Step:
        """See :meth:`Profile.receive`."""
        return lambda book, now: poll.receive(book, message, now)

    def take_push(self, path: str, body: bytes, peer: Peer, base: Transactions) -> Response:
        """See :meth:`Profile.take_push`."""
        response = pushed_messages.receive(path, body, peer, base, self.exchange)
        if response.status == 200:
            self.pushed_at = base.clock.monotonic()
        return response

    # --- the user's calls -------------------------------------------------------------------------

    def request_registration(self, new: bool) -> CallRequest:
        """See :meth:`Profile.request_registration`."""
        return CallRequest(
            lambda book, now: registration.begin(book, now, new=new),
            (registration.REGISTRATION, ""),
            lambda book: book.registration.phase != "cancelled",
            anew=True,
            brings=REGISTRATION_BRINGS,
            stays_owed=True,
        )

    def request_cancellation(self) -> CallRequest:
        """See :meth:`Profile.request_cancellation`."""
        return CallRequest(
            registration.owe_cancellation,
            (CANCELLATION, ""),
            lambda book: book.registration.phase == "cancelling",
        )

    def request_events(self) -> CallRequest:
        """See :meth:`Profile.request_events`."""
        return CallRequest(
            registration.owe_event_request,
            (events.LIST_REQUEST, ""),
            lambda book: book.registration.phase not in ("cancelling", "cancelled"),
            anew=True,
            stays_owed=True,
        )

    def request_report(
        self, report_request_id: Optional[str], **facts: Unpack[ReportQuestion]
    ) -> CallRequest:
        """See :meth:`Profile.request_report`."""
        own_id = report_request_id or f"ven-{secrets.token_hex(12)}"
        return CallRequest(
            lambda book, now: reports.ask(book, now, report_request_id=own_id, **facts),
            (reports.REQUEST, own_id),
            lambda book: reports.is_unanswered(book, own_id),
            own_id,
        )

    def create_opt(self, opt_id: Optional[str], **facts: Unpack[OptFacts]) -> CallRequest:
        """See :meth:`Profile.create_opt`."""
        own_id = optional_text("opt_id", opt_id) or secrets.token_hex(16)
        read = opts.read_facts(facts)
        request_id = str(read["request_id"])
        return CallRequest(
            lambda book, now: opts.create(book, now, opt_id=own_id, **read),
            (opts.CREATION, own_id),
            lambda book: opts.is_owed(book, own_id, request_id),
            own_id,
            f"The opt {own_id!r} stays owed and is sent again.",
        )

    def cancel_opt(self, opt_id: str) -> CallRequest:
        """See :meth:`Profile.cancel_opt`."""
        own_id = text("opt_id", opt_id)
        return CallRequest(
            lambda book, now: opts.cancel(book, own_id, now),
            (opts.CANCELLATION, own_id),
            lambda book: opts.is_cancelling(book, own_id),
            own_id,
            f"The cancellation of opt {own_id!r} stays owed and is sent again.",
        )

    def opt_event(self, event_id: str, opt_type: str, reason: Optional[str]) -> Step:
        """See :meth:`Profile.opt_event`."""
        return lambda book, now: events.opt(book, event_id, opt_type, reason, now)

    # --- what users look at -----------------------------------------------------------------------

    def offered_reports(self, book: Book) -> tuple[Report, ...]:
        """See :meth:`Profile.offered_reports`."""
        return reports.offered_reports(book)

    def undelivered_samples(self, book: Book) -> Sequence[UndeliveredSample]:
        """See :meth:`Profile.undelivered_samples`."""
        return reports.samples(book)

    def standing_opts(self, book: Book) -> tuple[OptState, ...]:
        """See :meth:`Profile.standing_opts`."""
        return opts.list_standing(tuple(book.opts.values()))

    def counters(self, book: Book) -> dict[str, int]:
        """See :meth:`Profile.counters`."""
        return reports.counters(book)

    def problems(self, book: Book) -> tuple[str, ...]:
        """See :meth:`Profile.problems`."""
        return registration.problems(book)

    def queues(self, book: Book) -> dict[str, int]:
        """See :meth:`Profile.queues`."""
        return {
            "answers": len(book.answers),
            "event_answers": len(book.owed),
            "opts": len(book.opts),
            "events": len(book.events),
            "samples": len(book.samples),
            "deliveries": len(book.deliveries),
        }

    # --- lifecycle --------------------------------------------------------------------------------

    def attach(self, remember: Remember) -> None:
        """See :meth:`Profile.attach`."""
        self._remember = remember
        self.identity.add_nonce_writer(self._store_nonce)

    def detach(self) -> None:
        """See :meth:`Profile.detach`."""
        self.identity.remove_nonce_writer(self._store_nonce)

    def _store_nonce(self, nonce: str, moment: datetime, forgotten: tuple[str, ...]) -> None:
        assert self._remember is not None
        self._remember(lambda book: keep_nonce(book.nonces, nonce, moment, forgotten))

    def restore(self, book: Book) -> None:
        """See :meth:`Profile.restore`."""
        self.identity.restore_nonces(book.nonces)

    def resume(self, book: Book, now: datetime) -> Outcome:
        """See :meth:`Profile.resume`."""
        return registration.resume(book, now) + self._resume_rest(book, now)

    def go_on(self, book: Book, now: datetime, in_order: bool) -> Outcome:
        """See :meth:`Profile.go_on`."""
        return registration.go_on(book, now, in_order) + self._resume_rest(book, now)

    def part(self, book: Book, now: datetime, is_exchanging: bool) -> Outcome:
        """See :meth:`Profile.part`."""
        return registration.part(book, now, is_exchanging)

    def _resume_rest(self, book: Book, now: datetime) -> Outcome:
        return (
            events.resume(book, now)
            + opts.resume(book, now)
            + reports.resume(book, now)
            + watch_certificates(self.identity)(book, now)
        )

    def look_again(self, book: Book, now: datetime) -> Outcome:
        """See :meth:`Profile.look_again`."""
        return events.look_again(book, now) + opts.resume(book, now) + reports.look(book, now)

    def shift_deadlines(self, book: Book, now: datetime, by: timedelta) -> Outcome:
        """See :meth:`Profile.shift_deadlines`. What a wrong clock took for over, and forgot, stands
        in the list once it is put right.
        """
        outcome = events.shift_deadlines(book, now, by)
        return outcome + registration.resync(book, now) if by < -SET_RIGHT else outcome
