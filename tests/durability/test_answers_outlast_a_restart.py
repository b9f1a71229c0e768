"""A decision about an event is not lost because the VTN's server is started again: its answer is
sent until the VTN takes it, for ten minutes at least, and one that always fails holds up no other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import TransportError
from ven_sdk.transport.sessions import Reply

FOR_EVER = float("inf")
REPLIES = ("status 404", "status 405", "status 500", "unreadable", "no answer", "status 502")


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1)) as found:
        found.start()
        found.run(30)
        yield found


def add_events(world: SimulatedVen, *event_ids: str) -> None:
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events.update({one: VTNEvent(one, start, 600) for one in event_ids})
    world.vtn.queue.append("list")
    world.run(11)


def answered(world: SimulatedVen) -> set[str]:
    return {event_id for event_id, _ in world.vtn.record.answers}


@pytest.mark.parametrize("events", ["a", "abc"])
@pytest.mark.parametrize("seconds", [5, 60, 240])
@pytest.mark.parametrize("reply", REPLIES)
def test_an_answer_is_sent_when_the_vtn_is_back(
    world: SimulatedVen, reply: str, seconds: float, events: str
) -> None:
    world.vtn.behaviour["oadrCreatedEvent"] = reply, FOR_EVER
    add_events(world, *events)
    world.run(seconds)
    world.vtn.behaviour.clear()
    if reply in ("unreadable", "no answer"):
        world.vtn.queue.clear()

    world.run(2 * seconds + 61)

    assert answered(world) == {*events}


@pytest.mark.parametrize("status", [404, 500])
def test_an_answer_that_always_fails_is_given_up_and_costs_no_poll(
    world: SimulatedVen, status: int
) -> None:
    world.vtn.behaviour["oadrCreatedEvent"] = f"status {status}", FOR_EVER
    add_events(world, "a")
    world.vtn.sent.clear()
    world.run(1800)

    names = [exchange.name for exchange in world.vtn.sent]
    assert names.count("oadrPoll") >= 178
    assert 5 <= names.count("oadrCreatedEvent") <= 25
    assert world.ven.status.queues["event_answers"] == 0


def test_an_answer_that_the_vtn_fails_over_holds_up_no_other(world: SimulatedVen) -> None:
    right = world.vtn.post

    def post(url: str, body: bytes) -> Reply:
        if b"oadrCreatedEvent" in body and b">bad<" in body:
            raise TransportError("HTTP status 500.", status=500)
        return right(url, body)

    world.engine.profile.identity.connections._answer = post  # type: ignore[attr-defined]
    add_events(world, "bad", "good", "well")
    world.run(10)
    assert answered(world) == {"good", "well"}

    add_events(world, "bad", "later", "good")
    world.run(10)
    assert answered(world) == {"good", "well", "later"}


@pytest.mark.parametrize("status", [400, 413, 500])
def test_one_answer_that_the_vtn_fails_over_spoils_none_of_many(
    world: SimulatedVen, status: int
) -> None:
    right = world.vtn.post
    sent: list[bytes] = []

    def post(url: str, body: bytes) -> Reply:
        if b"oadrCreatedEvent" in body:
            sent.append(body)
            if b">e7<" in body:
                raise TransportError(f"HTTP status {status}.", status=status)
        return right(url, body)

    world.engine.profile.identity.connections._answer = post  # type: ignore[attr-defined]
    add_events(world, *(f"e{number}" for number in range(80)))
    polls = len([one for one in world.vtn.sent if one.name == "oadrPoll"])
    world.run(300)

    assert answered(world) == {f"e{number}" for number in range(80)} - {"e7"}
    assert len(sent) <= 80 + 20
    assert len([one for one in world.vtn.sent if one.name == "oadrPoll"]) - polls >= 28
