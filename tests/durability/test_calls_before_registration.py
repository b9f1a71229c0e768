"""What calls do that need a registration, where there is none, or it has only just been made: a
handler of ``on_registered`` may ask for all that a registered VEN may.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Callable

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent, ei_response, first, payload
from ven_sdk import ProtocolError, StateError, TransportError

FOR_EVER = float("inf")


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1)) as found:
        found.vtn._oadrCreateReport = lambda text: payload(  # type: ignore[attr-defined]
            "oadrCreatedReport",
            ei_response(first("requestID", text)) + "<oadr:oadrPendingReports/>",
        )
        yield found


def create_opt(world: SimulatedVen) -> None:
    start = world.clock.now() + timedelta(days=30)
    window = {"dtstart": start, "duration": 60}
    world.ven.create_opt("optOut", "economic", vavailability=[window])


CALLS: dict[str, Callable[[SimulatedVen], object]] = {
    "create_opt": create_opt,
    "request_events": lambda world: world.ven.request_events(),
    "request_report": lambda world: world.ven.request_report("S", r_ids="x"),
    "cancel_registration": lambda world: world.ven.cancel_registration(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("why", ["never registered", "cancelled"])
def test_without_a_registration_a_call_says_so_at_once(
    world: SimulatedVen, why: str, call: str
) -> None:
    if why == "never registered":
        world.vtn.behaviour["EiRegisterParty"] = "status 503", FOR_EVER
    world.start()
    world.run(30)
    if why == "cancelled":
        world.ven.cancel_registration()
    world.vtn.sent.clear()
    begun = world.clock.monotonic()

    with pytest.raises(StateError, match="not registered"):
        CALLS[call](world)

    assert world.clock.monotonic() - begun < 1
    assert {exchange.name for exchange in world.vtn.sent} <= {"oadrQueryRegistration"}


@pytest.mark.parametrize("call", CALLS)
def test_in_on_registered_every_call_works(world: SimulatedVen, call: str) -> None:
    happened: list[object] = []

    def ask() -> None:
        if not happened:
            happened.append("began")
            CALLS[call](world)
            happened.append("returned")

    world.ven.add_handler("on_registered", ask)
    world.start()
    world.run(60)

    assert happened == ["began", "returned"]
    is_left = call == "cancel_registration"
    assert world.ven.status.state == ("unregistered" if is_left else "registered")


def test_a_registration_whose_end_is_refused_gets_its_events_and_reports(
    world: SimulatedVen,
) -> None:
    world.vtn.wish = 10, 20
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, 600)
    world.vtn.behaviour["oadrCancelPartyRegistration"] = "code 459", 1
    refusals: list[ProtocolError] = []

    def leave() -> None:
        try:
            world.ven.cancel_registration()
        except ProtocolError as error:
            refusals.append(error)

    world.ven.add_handler("on_registered", leave)
    world.start()
    world.run(60)

    assert len(refusals) == 1
    assert ("e", 0) in world.vtn.record.answers
    assert world.vtn.record.samples


def test_a_report_only_ven_has_no_list_to_ask_for() -> None:
    with contextlib.closing(SimulatedVen(1, report_only=True)) as world:
        world.start()
        world.run(30)
        begun = world.clock.monotonic()
        with pytest.raises(StateError, match="report_only"):
            world.ven.request_events()
        assert world.clock.monotonic() == begun


def test_the_list_of_another_vtn_is_no_success_and_is_asked_for_again(world: SimulatedVen) -> None:
    world.start()
    world.run(30)
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, 600)
    right, vtn_id = world.vtn.answer, ["another"]

    def answer(name: str, text: str) -> bytes:
        reply = right(name, text)
        is_list = name == "oadrRequestEvent"
        return reply.replace(b"vtnID>vtn<", f"vtnID>{vtn_id[0]}<".encode()) if is_list else reply

    world.vtn.answer = answer  # type: ignore[method-assign]
    with pytest.raises(ProtocolError) as caught:
        world.ven.request_events()
    assert caught.value.response_code == "452"
    assert "another" in str(caught.value)
    assert world.ven.events == ()

    world.run(600)
    names = [exchange.name for exchange in world.vtn.sent]
    assert 5 <= names.count("oadrRequestEvent") <= 25
    assert names.count("oadrPoll") >= 60
    vtn_id[0] = "vtn"
    world.run(61)
    assert [event.event_id for event in world.ven.events] == ["e"]


@pytest.mark.parametrize("reply", ["code 452", "status 503"])
def test_a_call_that_waits_for_a_lost_registration_in_vain_says_that_it_was_that(
    world: SimulatedVen, reply: str
) -> None:
    world.start()
    world.run(30)
    world.vtn.record.registered = False
    world.vtn.behaviour["oadrCreatePartyRegistration"] = reply, FOR_EVER
    world.run(60)

    with pytest.raises(TransportError) as caught:
        create_opt(world)

    text = str(caught.value)
    assert "not registered" in text and "stays owed" in text
    assert reply.split()[1] in text
    assert "gave no answer" not in text
