"""A VTN that holds a poll back until the answer to an event has come (section 8.6, P4): the answer
goes out beside the poll, the poll ends, and nobody counts an error. The VTN is a socket server of
its own.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

import pytest

from tests.durability.raw_vtn import Conversation, RawVTN
from ven_sdk import DEFER, OpenADRClient, VenError
from ven_sdk.runtime.conversation.exchanges import Exchanges
from ven_sdk.tasks import Task


class HoldingVTN(RawVTN):
    """Gives no answer to a poll while an event that it has sent is unanswered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.held = threading.Event()
        self.longest = 0.0

    def answer(self, body: bytes) -> bytes:
        """The reply, once the events are answered."""
        if b"oadrPoll" in body:
            self._hold()
        return super().answer(body)

    def _hold(self) -> None:
        begun = time.monotonic()
        while not self.memory.unsaid and self._unanswered():
            self.held.set()
            self.wait(lambda: not self._unanswered(), 20)
        self.longest = max(self.longest, time.monotonic() - begun)

    def _unanswered(self) -> bool:
        return set(self.memory.events) > set(self.memory.answered)


@pytest.fixture
def vtn() -> Any:
    with HoldingVTN(poll=0.2) as vtn:
        yield vtn


def _client(vtn: HoldingVTN, on_event: Callable[[Any], Any], errors: list[VenError]) -> Any:
    client = OpenADRClient("ven", vtn.url, timeout=10, allow_jitter=False)
    client.add_handler("on_event", on_event)
    client.add_handler("on_error", errors.append)
    client.start(wait=10)
    return client


def test_a_poll_that_is_held_back_ends_as_soon_as_the_answer_is_decided(vtn: HoldingVTN) -> None:
    errors: list[VenError] = []
    decided: list[float] = []

    def decide(event: Any) -> str:
        vtn.held.wait(10)
        decided.append(time.monotonic())
        return "optIn"

    client = _client(vtn, decide, errors)
    vtn.add_event("ev")
    assert vtn.wait(lambda: "ev" in vtn.memory.answered, 15)
    waited = time.monotonic() - decided[0]
    polls = vtn.count("oadrPoll")
    assert vtn.wait(lambda: vtn.count("oadrPoll") > polls + 1, 10)  # polls go on
    client.stop(2)

    assert waited < 5  # the poll that was held would have taken 10 s to time out
    assert errors == []
    assert client.status.counters["failures"] == 0


def test_an_opt_given_later_goes_out_beside_the_poll_that_is_held(vtn: HoldingVTN) -> None:
    errors: list[VenError] = []
    client = _client(vtn, lambda event: DEFER, errors)
    vtn.add_event("ev")
    assert vtn.held.wait(10)
    client.opt_in("ev")
    assert vtn.wait(lambda: "ev" in vtn.memory.answered, 8)
    client.stop(2)
    assert errors == []


@pytest.mark.parametrize("status", [500, 503])
def test_an_answer_that_was_refused_before_the_poll_began_goes_out_beside_it(
    vtn: HoldingVTN, status: int
) -> None:
    errors: list[VenError] = []

    def refuse(conversation: Conversation, _body: bytes) -> None:
        conversation.reply(b"", status)  # it is in its back-off while the next poll is held

    client = _client(vtn, lambda event: "optIn", errors)
    vtn.fault("EiEvent", refuse)
    vtn.add_event("ev")
    begun = time.monotonic()
    assert vtn.wait(lambda: "ev" in vtn.memory.answered, 9)
    waited = time.monotonic() - begun
    client.stop(2)

    assert vtn.count("oadrCreatedEvent") == 2
    assert waited < 8  # the poll that was held would have taken 10 s to time out


def test_what_is_decided_just_before_a_poll_leaves_goes_out_beside_it(
    vtn: HoldingVTN, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, decided = threading.Event(), threading.Event()
    errors: list[VenError] = []
    perform = Exchanges.perform

    def on_event(_event: Any) -> str:
        assert decide.wait(10)
        return "optIn"

    def perform_late(exchanges: Exchanges, task: Task) -> None:
        if task.poll and vtn.memory.events and not vtn.memory.unsaid and not decide.is_set():
            decide.set()  # the poll is chosen, and not yet sent
            assert vtn.wait(lambda: client.events[0].opt, 10)
            decided.set()
        perform(exchanges, task)

    monkeypatch.setattr(Exchanges, "perform", perform_late)
    client = _client(vtn, on_event, errors)
    vtn.add_event("ev")
    assert decided.wait(10)
    assert vtn.wait(lambda: "ev" in vtn.memory.answered, 8)
    client.stop(2)

    assert errors == []
