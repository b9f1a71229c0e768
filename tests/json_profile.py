"""A second protocol, as small as one can be: JSON over HTTP, beside ``ven_sdk.oadr20b``. It shows
that runtime, transport, events and handlers ask nothing of 2.0b; it is no product.

A VEN POSTs ``{"ask": "events"}`` and gets a list of events; it answers each event by
``{"event": ID, "opt": "optIn"}``. There is no registration.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Optional
from urllib.parse import urlsplit

from ven_sdk.errors import PayloadError
from ven_sdk.events import versions
from ven_sdk.events.execution import carry_out, combine, resume_event
from ven_sdk.profile import AcceptedReply, Lane, Profile, ReceivedReply, Task
from ven_sdk.profile_kind import ProfileKind
from ven_sdk.schema import slots
from ven_sdk.schema.common import Payload
from ven_sdk.schema.element import element
from ven_sdk.schema.events import ActivePeriod, Event, EventDescriptor, EventSignal, Interval
from ven_sdk.state.book import Book
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import NOTHING, Outcome
from ven_sdk.state.registration import Registration
from ven_sdk.transport.identity import Identity

PATH = "/json"


@element
class Message(Payload):
    """What a VEN says or gets, as JSON has it."""

    content: Any = slots.unwired_field(default=None, compare=True)


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


def take_list(reply: Optional[Payload]) -> Any:
    """The step that takes in what a poll brought: events that are not known yet."""

    def step(book: Book, now: datetime) -> Outcome:
        outcomes = []
        for given in reply.content["events"]:
            if given["id"] not in book.events:
                row = versions.create_row(book, None, read_event(given), "")
                row = versions.ask_handler(book, row, now)
                outcomes.append(carry_out(book, given["id"], None, row, now))
        return combine(outcomes)

    return step


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
    timer_steps: dict[str, Any] = {}

    def __init__(self, url: str, identity: Identity) -> None:
        self.url, self.identity = url, identity

    def tasks(self, lane, book, turn):
        for key in book.owed:
            held = book.events[key]
            if not held.waiting:
                answer = Message(content={"event": key, "opt": held.opt})
                done = settle(key)
                yield Task("answer", answer, (), lambda _, d=done: d, lambda _, d=done: d, key=key)
        if turn.is_poll_due and not turn.is_closing:
            ask = Message(content={"ask": "events"})
            yield Task("poll", ask, (Message,), take_list, lambda _: nothing, poll=True)

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
        return AcceptedReply(more=task.poll, holds=task.poll)

    def is_news(self, book, outcome):
        return bool(outcome.changes)

    def is_deciding(self, book, now):
        return any(state.waiting for state in book.events.values())

    def poll_period(self, book):
        return book.settings.poll_frequency or timedelta(seconds=10)

    def pause_of_polls(self, book, now):
        return 0.0

    def resume(self, book, now):
        row = Change("registration", "", Registration(phase="registered", since=now))
        events = [resume_event(book, key, held, now) for key, held in book.events.items()]
        return combine([Outcome(changes=(row,)), *events])

    def owes(self, book, now):
        return bool(book.owed)

    def lose_reply(self, task, error):
        return None

    def lose_registration(self, reason):
        return nothing

    def offered_reports(self, book):
        return ()

    def counters(self, book):
        return {}

    report_unreadable = lose_reply
    look_again = shift_deadlines = nothing
    attach = detach = restore = nothing
    undelivered_samples = standing_opts = problems = offered_reports
    queues = counters
    receive = take_push = opt_event = create_opt = cancel_opt = refuse
    request_registration = request_cancellation = request_events = request_report = refuse


class JsonKind(ProfileKind):
    """The entry in the list of profiles."""

    name = "JSON"

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
        return Book(settings, catalogue, handlers)

    def make_profile(self, settings, identity, **_):
        return JsonProfile(settings.vtn_url, identity)

    is_pushed_to = push_prefix = named_in_push = refuse
