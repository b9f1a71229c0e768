"""A second protocol, as small as one can be: JSON over HTTP, beside ``ven_sdk.oadr20b``. It shows
that runtime, transport, push, events, sampling, store and handlers ask nothing of 2.0b; it is no
product.

======================================  ============================================================
a VEN POSTs                             and gets
======================================  ============================================================
``{"register": NAME, "offers": [...]}``  ``{"ven": ID}``
``{"ask": "news"}``                     events and report requests, or ``{"unknown": REASON}``
``{"event": ID, "opt": "optIn"}``       ``{}``
``{"report": ID, "samples": [...]}``    ``{}``
``{"opt": ID, "type": "optOut"}``       ``{}``, or ``{"error": TEXT}``
======================================  ============================================================

What the VTN pushes is the same as what a poll brings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Optional
from urllib.parse import urlsplit

from tests import json_reports
from ven_sdk.errors import PayloadError, ProtocolError
from ven_sdk.events import versions
from ven_sdk.events.execution import carry_out, combine, resume_event
from ven_sdk.points.tables import TIMER, look_now
from ven_sdk.profile import CallRequest, Profile
from ven_sdk.profile_kind import ProfileKind
from ven_sdk.push.peer import Response, plain_response
from ven_sdk.schema import declarations
from ven_sdk.schema.common import Payload
from ven_sdk.schema.element import element
from ven_sdk.schema.events import ActivePeriod, Event, EventDescriptor, EventSignal, Interval
from ven_sdk.state.book import Book, Table
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import NOTHING, Call, Outcome
from ven_sdk.state.registration import Registration
from ven_sdk.tasks import AcceptedReply, Lane, ReceivedReply, RefusedReply, Task, UnknownVen
from ven_sdk.transport.identity import Identity

PATH = "/json"


@element
class Message(Payload):
    """What a VEN says or gets, as JSON has it."""

    content: Any = declarations.unwired_field(default=None, compare=True)


@dataclass(frozen=True)
class Opt:
    """One opt, and whether the VTN has it: a row of ``opts``."""

    opt_id: str
    opt_type: str
    reason: str
    confirmed: bool = False


class JsonBook(Book):
    """The tables that all protocols share, and what this one owes the VTN."""

    layout: ClassVar[tuple[Table, ...]] = (
        *Book.layout,
        Table("uploads", json_reports.Upload, numbered=True),
        Table("opts", Opt),
    )


def read_event(given: dict[str, Any]) -> Event:
    """The record that all profiles share, of one event in JSON."""
    start, length = datetime.fromisoformat(given["start"]), timedelta(seconds=given["seconds"])
    step = Interval(dtstart=start, duration=length, uid="0", signal_payload=given["level"])
    return Event(
        event_descriptor=EventDescriptor(
            event_id=given["id"],
            modification_number=0,
            market_context=None,
            created_date_time=None,
            event_status="far",
        ),
        active_period=ActivePeriod(dtstart=start, duration=length),
        event_signals=[
            EventSignal(intervals=[step], signal_name="SIMPLE", signal_type="level", signal_id="0")
        ],
    )


def take_news(message: Payload) -> Any:
    """The step that takes in what a poll or a push brought: events and report requests that are
    not known yet.
    """

    def step(book: Book, now: datetime) -> Outcome:
        outcomes = []
        for given in message.content.get("events", ()):
            if given["id"] not in book.events:
                row = versions.create_row(book, None, read_event(given), "")
                row = versions.ask_handler(book, row, now)
                outcomes.append(carry_out(book, given["id"], None, row, now))
        requests = json_reports.take_requests(book, message.content.get("reports", ()), now)
        return combine([*outcomes, requests])

    return step


def take_registration(reply: Payload) -> Any:
    """The step that keeps the ID that the VTN gave."""

    def step(book: Book, now: datetime) -> Outcome:
        row = Registration(phase="registered", since=now, ven_id=reply.content["ven"])
        call = Call("client", "on_registered")
        return Outcome(changes=(Change("registration", "", row),), calls=(call,))

    return step


def set_opt(key: str, row: Optional[Opt]) -> Any:
    """The step that keeps an opt, or forgets it."""
    return lambda book, now: Outcome(changes=(Change("opts", key, row),))


def always(step: Any) -> Any:
    """``step`` whatever reply or error asks for one."""
    return lambda _: step


def settle(event_id: str) -> Any:
    """The step that forgets that an answer is owed."""

    def step(book: Book, now: datetime) -> Outcome:
        held = book.events[event_id]
        return carry_out(book, event_id, held, replace(held, owed=False), now)

    return step


def nothing(*_: object, **__: object) -> Outcome:
    """A step, or a moment of life, in which this protocol has nothing to do."""
    return NOTHING


def refuse(*_: object, **__: object) -> Any:
    """What this protocol does not have."""
    raise NotImplementedError


class JsonProfile(Profile):
    """The JSON side of one VEN."""

    lanes = (Lane("talk", "polls and answers"),)
    services = ("json",)
    timer_steps: dict[str, Any] = {TIMER: json_reports.look}

    def __init__(self, url: str, identity: Identity) -> None:
        self.url, self.identity = url, identity

    def tasks(self, lane, book, turn):
        if book.registration.phase != "registered":
            offers = [point.r_id for point in book.catalogue.by_key.values()]
            hello = Message(content={"register": book.settings.ven_name, "offers": offers})
            yield Task("registration", hello, (Message,), take_registration, always(nothing))
            return
        for key in book.owed:
            if not book.events[key].waiting:
                answer = {"event": key, "opt": book.events[key].opt}
                yield self._owed("answer", key, answer, settle(key))
        for key, content, step in json_reports.deliveries(book):
            yield self._owed("report", key, content, step)
        for key, opt in book.tables["opts"].items():
            if not opt.confirmed:
                content = {"opt": key, "type": opt.opt_type, "reason": opt.reason}
                confirmed = set_opt(key, replace(opt, confirmed=True))
                yield self._owed("opt", key, content, confirmed, set_opt(key, None))
        if turn.is_poll_due and not turn.is_closing:
            ask = Message(content={"ask": "news"})
            yield Task("poll", ask, (Message,), take_news, always(nothing), poll=True)

    @staticmethod
    def _owed(name, key, content, accepted, refused=None):
        """What stays owed in the book until the VTN has it, or would not have it."""
        return Task(
            name,
            Message(content=content),
            (Message,),
            always(accepted),
            always(refused or accepted),
            key=key,
        )

    def send(self, task):
        body = json.dumps(task.record.content).encode()
        reply = self.identity.connections.post(self.url, body, content_type="application/json")
        try:
            return ReceivedReply(Message(content=json.loads(reply.body)))
        except ValueError as cause:
            raise PayloadError(f"The reply is no JSON: {cause}.") from cause

    def service_of(self, task):
        return "json"

    def judge(self, task, reply):
        if "unknown" in reply.content:
            reason = reply.content["unknown"]
            return UnknownVen(reason, ProtocolError(reason))
        if "error" in reply.content:
            return RefusedReply(ProtocolError(reply.content["error"]))
        return AcceptedReply(more=task.poll, holds=task.poll)

    def is_news(self, book, outcome):
        return bool(outcome.changes)

    def is_deciding(self, book, now):
        return any(state.waiting for state in book.events.values())

    def poll_period(self, book):
        return book.settings.poll_frequency or timedelta(seconds=10)

    def pause_of_polls(self, book, now):
        return None if book.settings.push else 0.0

    def resume(self, book, now):
        phase = "registered" if book.registration.ven_id else "query"
        row = Change("registration", "", replace(book.registration, phase=phase, since=now))
        events = [resume_event(book, key, held, now) for key, held in book.events.items()]
        return combine([Outcome(changes=(row,)), *events, look_now(now)])

    def lose_registration(self, reason):
        def step(book, now):
            row = Registration(phase="query", since=now, reason=reason)
            return Outcome(changes=(Change("registration", "", row),))

        return step

    def receive(self, message):
        return take_news(message)

    def take_push(self, path, body, peer, base):
        try:
            message = Message(content=json.loads(body))
        except ValueError:
            return plain_response(400, "This is no JSON.\n")
        base.transact(self.receive(message))
        return Response(200, {"Content-Type": "application/json"}, b"{}")

    def create_opt(self, opt_id, *, opt_type, opt_reason, **_):
        row = Opt(opt_id, opt_type, opt_reason)
        return CallRequest(
            set_opt(opt_id, row),
            ("opt", opt_id),
            lambda book: (
                opt_id in book.tables["opts"] and not book.tables["opts"][opt_id].confirmed
            ),
            opt_id,
        )

    def standing_opts(self, book):
        return tuple(book.tables["opts"].values())

    def owes(self, book, now):
        return bool(book.owed or book.tables["uploads"])

    def lose_reply(self, task, error):
        return None

    def offered_reports(self, book):
        return book.catalogue.reports()

    def undelivered_samples(self, book):
        return ()

    def counters(self, book):
        return {}

    def queues(self, book):
        return {"events": len(book.events), "uploads": len(book.tables["uploads"])}

    report_unreadable = lose_reply
    look_again = shift_deadlines = nothing
    attach = detach = restore = nothing
    problems = undelivered_samples
    opt_event = cancel_opt = request_registration = refuse
    request_cancellation = request_events = request_report = refuse


class JsonKind(ProfileKind):
    """The entry in the list of profiles."""

    name = "JSON"
    media_types = frozenset({"application/json"})

    def serves(self, vtn_url):
        return urlsplit(vtn_url).path == PATH

    def complete_address(self, vtn_url):
        return vtn_url

    def trim_own_path(self, path):
        return path

    def make_identity(self, settings, arguments):
        beside = ("vtn_fingerprint", "disable_signature")
        tls = {name: value for name, value in arguments.items() if name not in beside}
        return Identity(
            **tls, timeout=settings.timeout, secure=settings.vtn_url.startswith("https:")
        )

    def make_book(self, settings, catalogue, handlers):
        return JsonBook(settings, catalogue, handlers)

    def make_profile(self, settings, identity, **_):
        return JsonProfile(settings.vtn_url, identity)

    def is_pushed_to(self, path, prefix):
        return path == prefix + PATH

    def push_prefix(self, path):
        return path[: -len(PATH)] if path.endswith(PATH) else None

    named_in_push = refuse
