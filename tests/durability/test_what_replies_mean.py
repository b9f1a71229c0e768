"""An exchange that came back is not yet what the caller wanted: only the payload that confirms it
is. What a VTN says by other replies, and what the user is told of his own failures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any, Callable

import pytest

from tests.models.peer import PeerVTN
from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import ProtocolError, TransportError, VenError

NO_CONFIRMATION = ["empty", "blank", "plain response", "wrong type", "code 459"]
UNREADABLE = ["no payload", "unreadable"]
HOUR = timedelta(hours=1)


def made(**arguments: Any) -> SimulatedVen:
    world = SimulatedVen(1, **arguments)
    world.start()
    world.run(30)
    return world


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    found = made()
    yield found
    found.close()


def add_event(world: SimulatedVen, event_id: str, start: timedelta = HOUR) -> None:
    begin = (world.clock.now() + start).replace(microsecond=0)
    world.vtn.events[event_id] = VTNEvent(event_id, begin, 7200)
    world.vtn.queue.append("list")
    world.run(15)


def create_opt(world: SimulatedVen) -> None:
    start = world.clock.now() + timedelta(days=1)
    world.ven.create_opt(
        "optOut", "economic", vavailability=[{"dtstart": start, "duration": 60}], opt_id="o"
    )


# --- calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", NO_CONFIRMATION)
def test_an_opt_is_created_only_by_its_confirmation(world: SimulatedVen, reply: str) -> None:
    world.vtn.behaviour["oadrCreateOpt"] = reply, 1.0

    with pytest.raises(ProtocolError):
        create_opt(world)

    assert world.ven.opts == ()


@pytest.mark.parametrize("reply", NO_CONFIRMATION)
def test_an_opt_is_withdrawn_only_by_its_confirmation(world: SimulatedVen, reply: str) -> None:
    create_opt(world)
    world.vtn.behaviour["oadrCancelOpt"] = reply, 1.0

    with pytest.raises(ProtocolError):
        world.ven.cancel_opt("o")

    assert [opt.opt_id for opt in world.ven.opts] == ["o"]


@pytest.mark.parametrize("reply", NO_CONFIRMATION)
def test_a_registration_ends_only_by_its_confirmation(world: SimulatedVen, reply: str) -> None:
    world.vtn.behaviour["oadrCancelPartyRegistration"] = reply, 1.0

    with pytest.raises(ProtocolError):
        world.ven.cancel_registration()

    assert world.ven.status.state == "registered"


@pytest.mark.parametrize("reply", [*NO_CONFIRMATION, "without IDs"])
def test_a_registration_is_made_only_by_its_confirmation(world: SimulatedVen, reply: str) -> None:
    world.vtn.behaviour["oadrCreatePartyRegistration"] = reply, 1.0

    with pytest.raises(ProtocolError):
        world.ven.register()

    assert not world.ven._is_registered()
    says_no = reply in ("without IDs", "code 459")  # (R3, R9); else that of before stands
    assert world.ven.status.state == ("connecting" if says_no else "registered")
    world.run(10)
    assert world.ven._is_registered()


@pytest.mark.parametrize("reply", [*NO_CONFIRMATION, "without IDs"])
def test_the_first_registration_is_made_only_by_its_confirmation(reply: str) -> None:
    with closing(SimulatedVen(1)) as world:
        world.vtn.behaviour["oadrCreatePartyRegistration"] = reply, 3.0
        world.start()
        world.run(0.2)

        assert world.ven.status.state == "connecting"
        world.run(10)
        assert world.ven.status.state == "registered"


@pytest.mark.parametrize("reply", [*UNREADABLE, "right, but lost", "no answer", "status 500"])
def test_a_reply_that_was_lost_is_made_good_within_the_call(
    world: SimulatedVen, reply: str
) -> None:
    world.vtn.behaviour["oadrCreateOpt"] = reply, 1.0

    create_opt(world)

    assert world.vtn.record.opts == {"o"}


def test_an_opt_that_met_463_is_sent_again_under_the_new_registration(world: SimulatedVen) -> None:
    world.vtn.behaviour["oadrCreateOpt"] = "code 463", 1.0

    create_opt(world)

    assert world.vtn.record.registered
    assert world.vtn.record.opts == {"o"}
    assert [opt.state for opt in world.ven.opts] == ["confirmed"]


def test_a_service_that_is_missing_is_told_by_the_call_soon_and_with_its_status(
    world: SimulatedVen,
) -> None:
    world.vtn.behaviour["EiOpt"] = "status 404", float("inf")
    begun = world.clock.monotonic()

    with pytest.raises(VenError) as caught:
        create_opt(world)

    assert getattr(caught.value, "status", None) == 404
    assert world.clock.monotonic() - begun < 5
    assert world.ven.opts == ()


# --- the list of events ---------------------------------------------------------------------------


def response_to_the_list(vtn: PeerVTN, reply: str) -> None:
    vtn.behaviour["oadrRequestEvent"] = reply, 1.0


@pytest.mark.parametrize(
    ("reply", "implied_cancel", "left"),
    [
        ("plain response", True, []),
        ("plain response", False, ["e"]),
        ("plain response for another VEN", True, ["e"]),
    ],
)
def test_a_plain_response_to_the_request_for_the_list_says_that_there_are_no_events(
    reply: str, implied_cancel: bool, left: list[str]
) -> None:
    world = made(implied_cancel=implied_cancel)
    try:
        add_event(world, "e")
        response_to_the_list(world.vtn, reply)

        with suppress(ProtocolError):
            world.ven.request_events()

        assert [event.event_id for event in world.ven.events] == left
    finally:
        world.close()


def test_an_empty_body_is_no_list_of_events() -> None:
    world = made()
    try:
        add_event(world, "e")
        response_to_the_list(world.vtn, "empty")

        with pytest.raises(ProtocolError):
            world.ven.request_events()

        assert [event.event_id for event in world.ven.events] == ["e"]
    finally:
        world.close()


# --- polls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 405, 502, 503])
@pytest.mark.parametrize("seconds", [3, 10])
def test_a_vtn_that_was_good_a_moment_ago_is_soon_polled_again(
    world: SimulatedVen, status: int, seconds: float
) -> None:
    world.run(60)
    world.vtn.behaviour["OadrPoll"] = f"status {status}", float("inf")
    world.run(10 + seconds)
    world.vtn.behaviour.clear()
    mark = len(world.vtn.sent)

    world.run(15)

    assert "oadrPoll" in [name for _, name, _ in world.vtn.sent[mark:]]


# --- the user's own failures ----------------------------------------------------------------------


def failing(*_: Any) -> None:
    raise OSError("the charger does not answer")


@pytest.mark.parametrize(
    ("name", "handler"), [("on_interval_start", failing), ("on_event_start", failing)]
)
def test_a_handler_that_fails_is_told_for_each_event(
    world: SimulatedVen, name: str, handler: Callable[..., None]
) -> None:
    world.ven.add_handler("on_event", lambda event: "optIn")
    world.ven.add_handler(name, handler)
    for number in range(3):
        add_event(world, f"e{number}", timedelta(seconds=-5))

    told = [str(error) for _, error in world.errors]
    assert len(told) == 3
    assert not world.ven.health().ok
    assert any(name in problem for problem in world.ven.health().problems)


def create_past_opt(world: SimulatedVen) -> None:
    start = world.clock.now() - timedelta(days=1)
    world.ven.create_opt(
        "optOut", "economic", vavailability=[{"dtstart": start, "duration": 60}], opt_id="past"
    )


def test_a_schedule_that_is_over_already_is_sent_and_its_call_returns(world: SimulatedVen) -> None:
    create_past_opt(world)
    assert "past" in world.vtn.record.opts
    world.run(90)

    assert world.ven.opts == ()


def test_a_schedule_that_is_over_does_not_stay_owed(world: SimulatedVen) -> None:
    world.vtn.behaviour["oadrCreateOpt"] = "status 503", float("inf")
    with pytest.raises(TransportError, match="503"):
        create_past_opt(world)
    world.run(90)

    assert world.ven.opts == ()
