"""463 says "not registered", and also "not allowed". A VTN that has just registered the VEN, and
says so again of the same kind of message, refuses that message: everything else goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Callable

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent, payload
from ven_sdk import ProtocolError, TransportError

FOR_EVER = float("inf")
NEVER_SENT = {"oadrCreateOpt", "oadrCancelOpt"}
MESSAGES = (
    "oadrRegisterReport",
    "oadrRequestEvent",
    "oadrCreatedEvent",
    "oadrUpdateReport",
    "oadrCreatedReport",
    *sorted(NEVER_SENT),
)
HOUR = 3600


def create_opt(world: SimulatedVen, opt_id: str) -> None:
    start = world.clock.now() + timedelta(days=30)
    window = {"dtstart": start, "duration": 60}
    world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id=opt_id)


def add_event(world: SimulatedVen, event_id: str) -> None:
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events[event_id] = VTNEvent(event_id, start, 600)
    world.vtn.queue.append("list")


def count(world: SimulatedVen, message: str) -> int:
    return [exchange.name for exchange in world.vtn.sent].count(message)


@contextlib.contextmanager
def forbidding(*messages: str, reply: str = "not allowed") -> Iterator[SimulatedVen]:
    """A VEN whose VTN registers it, and answers ``messages`` so for ever."""
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        for message in messages:
            world.vtn.behaviour[message] = reply, FOR_EVER
        yield world


@pytest.mark.parametrize("message", MESSAGES)
def test_polls_go_on_at_their_period_and_the_ven_registers_for_it_once_an_hour(
    message: str,
) -> None:
    with forbidding(message) as world:
        world.start()
        world.run(30)
        for number in range(3):
            add_event(world, f"e{number}")
            if message in NEVER_SENT:
                refused = message == "oadrCreateOpt"
                with pytest.raises(ProtocolError) if refused else contextlib.nullcontext():
                    create_opt(world, f"o{number}")
            world.run(HOUR / 4)

        assert count(world, "oadrPoll") >= 0.9 * 0.75 * HOUR / 10
        assert count(world, "oadrCreatePartyRegistration") <= 3
        # the catalogue and the list, without which a VEN has no use, come again every 300 s
        assert 0 < count(world, message) <= 24 or message == "oadrCancelOpt"
        assert world.ven.status.state == "registered"


def test_nothing_but_polls_may_be_allowed() -> None:
    with forbidding(*MESSAGES) as world:
        world.start()
        world.run(HOUR)

        assert count(world, "oadrPoll") >= 0.9 * HOUR / 10
        assert count(world, "oadrCreatePartyRegistration") <= 1 + len(MESSAGES)


CALLS: dict[str, Callable[[SimulatedVen], Any]] = {
    "oadrCreateOpt": lambda world: create_opt(world, "o"),
    "oadrCancelOpt": lambda world: world.ven.cancel_opt("before"),
    "oadrRequestEvent": lambda world: world.ven.request_events(),
}


@pytest.mark.parametrize("message", CALLS)
def test_a_call_says_that_it_is_not_allowed(message: str) -> None:
    with forbidding() as world:
        world.start()
        world.run(30)
        create_opt(world, "before")
        world.vtn.behaviour[message] = "not allowed", FOR_EVER
        begun = world.clock.monotonic()

        with pytest.raises(ProtocolError) as caught:
            CALLS[message](world)

        assert caught.value.response_code == "463"
        assert world.clock.monotonic() - begun < 5


def test_another_request_to_register_is_the_same_as_463() -> None:
    with forbidding() as world:
        right = world.vtn.answer

        def answer(name: str, text: str) -> bytes:
            if name == "oadrCreateOpt":
                return payload("oadrRequestReregistration", "<ei:venID>ven-1</ei:venID>")
            return right(name, text)

        world.vtn.answer = answer  # type: ignore[method-assign]
        world.start()
        world.run(30)
        with pytest.raises(ProtocolError):
            create_opt(world, "o")
        world.run(600)

        assert count(world, "oadrPoll") >= 59


def test_reports_that_are_not_allowed_are_kept_until_they_are() -> None:
    with forbidding("oadrUpdateReport") as world:
        world.start()
        world.run(600)
        assert not world.vtn.record.samples
        world.vtn.behaviour.clear()
        world.run(HOUR + 60)

        assert len(world.vtn.record.samples) >= (600 + HOUR) / 10


def test_a_ven_that_is_lost_again_after_an_hour_registers_for_the_same_message() -> None:
    with forbidding() as world:
        world.start()
        world.run(30)
        world.vtn.behaviour["oadrCreateOpt"] = "code 463", 1
        create_opt(world, "first")
        world.vtn.behaviour["oadrCreateOpt"] = "code 463", 1
        create_opt(world, "second")  # the one before went well in the end

        assert world.vtn.record.opts == {"second"}
        assert count(world, "oadrCreatePartyRegistration") == 3


def test_a_vtn_that_forgets_the_ven_within_the_hour_gets_what_is_owed() -> None:
    with forbidding() as world:
        world.start()
        world.run(30)
        world.vtn.behaviour["oadrCreateOpt"] = "not allowed", FOR_EVER
        with pytest.raises(ProtocolError):
            create_opt(world, "refused")
        world.vtn.behaviour["oadrCreateOpt"] = "status 503", FOR_EVER
        with pytest.raises(TransportError):
            create_opt(world, "owed")
        world.vtn.behaviour["oadrPoll"] = "code 463", 1
        world.run(30)
        world.vtn.behaviour["oadrCreateOpt"] = "code 463", 1
        world.run(120)

        assert world.vtn.record.opts == {"owed"}
