"""A VTN that holds each poll until it has something to say (a long poll): no call and no stop()
waits for the end of that poll, and what it brings after the end of a registration is for nobody.
The VTN is a socket server of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, Callable

import pytest

from tests.durability.raw_vtn import RawVTN, payload, response
from ven_sdk import OpenADRClient, VenError

TIMEOUT = 20
SOON = 5
"""Seconds, far below the time-out that a held poll would take."""


class LongPollVTN(RawVTN):
    """Holds every poll until it is told to let go; then the poll brings the list."""

    def __init__(self) -> None:
        super().__init__(poll=0.2)
        self.let_go, self.is_held = threading.Event(), threading.Event()

    def answer(self, body: bytes) -> bytes:
        if b"oadrPoll" not in body:
            return super().answer(body)
        self.is_held.set()
        self.let_go.wait(TIMEOUT)
        with self.memory.lock:
            return self._events()

    def _CreateReport(self, body: bytes, request_id: str) -> bytes:
        return payload("oadrCreatedReport", f"{response(request_id)}<oadr:oadrPendingReports/>")


@pytest.fixture
def vtn() -> Iterator[LongPollVTN]:
    with LongPollVTN() as vtn:
        yield vtn
        vtn.let_go.set()


@pytest.fixture
def client(vtn: LongPollVTN) -> Iterator[OpenADRClient]:
    client = OpenADRClient("ven", vtn.url, timeout=TIMEOUT, allow_jitter=False, on_event="optIn")
    client.start(wait=10)
    assert vtn.is_held.wait(10)
    yield client
    vtn.let_go.set()
    client.stop(2)


def create_opt(client: OpenADRClient) -> None:
    window = {"dtstart": datetime(2040, 1, 1, tzinfo=timezone.utc), "duration": 60}
    client.create_opt("optOut", "economic", vavailability=[window])


CALLS: dict[str, Callable[[OpenADRClient], Any]] = {
    "register": lambda client: client.register(),
    "register anew": lambda client: client.register(new=True),
    "cancel_registration": lambda client: client.cancel_registration(),
    "request_events": lambda client: client.request_events(),
    "request_report": lambda client: client.request_report("S", r_ids="x"),
    "create_opt": create_opt,
    "stop": lambda client: client.stop(),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_call_waits_for_the_end_of_a_poll_that_is_held(call: str, client: OpenADRClient) -> None:
    begun = time.monotonic()
    CALLS[call](client)
    assert time.monotonic() - begun < SOON


def test_what_a_poll_brings_after_the_end_of_the_registration_is_for_nobody(
    vtn: LongPollVTN, client: OpenADRClient
) -> None:
    vtn.add_event("ev")
    client.cancel_registration()
    mark = vtn.mark()
    vtn.let_go.set()
    threading.Event().wait(0.5)  # the poll ends; nothing tells of what is not done with its reply

    assert client.status.state == "unregistered"
    assert client.events == ()
    assert vtn.mark() == mark


def test_polls_go_on_after_a_registration_that_overtook_one(
    vtn: LongPollVTN, client: OpenADRClient
) -> None:
    client.register(new=True)
    polls = vtn.count("oadrPoll")
    vtn.add_event("ev")
    vtn.let_go.set()

    assert vtn.wait(lambda: vtn.count("oadrPoll") > polls + 2, 10)
    assert vtn.wait(lambda: "ev" in vtn.memory.answered, 10)
    assert client.status.state == "registered"


def test_stop_sends_what_is_owed_beside_the_poll_that_is_held(vtn: LongPollVTN) -> None:
    decide = threading.Event()
    errors: list[VenError] = []

    def on_event(_event: Any) -> str:
        decide.wait(10)
        return "optIn"

    client = OpenADRClient("ven", vtn.url, timeout=TIMEOUT, allow_jitter=False, on_event=on_event)
    client.add_handler("on_error", errors.append)
    vtn.add_event("ev")
    client.start(wait=10)
    assert vtn.is_held.wait(10)
    stop = threading.Thread(target=client.stop)
    begun = time.monotonic()
    stop.start()
    decide.set()
    stop.join(10)

    assert time.monotonic() - begun < SOON
    assert "ev" in vtn.memory.answered
    assert errors == []
