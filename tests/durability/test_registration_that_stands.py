"""A registration that stands while the VEN registers again: whatever EiRegisterParty answers then,
but a refusal, polls, events, reports and opts go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Callable

import pytest

from tests.models.peer import PeerVTN
from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk import VenError

FOR_EVER = float("inf")
TIMEOUT, PERIOD = 20, 10
QUERY, CREATE = "oadrQueryRegistration", "oadrCreatePartyRegistration"
FAILURES = (
    *("status 503", "status 503 after 600", "status 429 after 30", "status 404", "status 403"),
    *("status 500", "status 406", "status 302", "no answer", "right, but lost", "unreadable"),
    *("empty", "status 204", "wrong type", "plain response", "code 500"),
)


def call(make: Callable[[SimulatedVen], object]) -> Callable[[SimulatedVen], None]:
    def make_call(world: SimulatedVen) -> None:
        with contextlib.suppress(VenError):
            make(world)

    return make_call


def restart(world: SimulatedVen) -> None:
    world.stop()
    world.start()


CAUSES: dict[str, Callable[[SimulatedVen], object]] = {
    "register()": call(lambda world: world.ven.register()),
    "register(new=True)": call(lambda world: world.ven.register(new=True)),
    "the VTN asks": lambda world: world.vtn.queue.append("reregister"),
    "a restart": restart,
}


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1, timeout=TIMEOUT)) as world:
        world.vtn.wish = 10, 20
        world.start()
        world.run(45)
        yield world


def add_event(world: SimulatedVen) -> None:
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, 600)
    world.vtn.queue.append("list")


def count(world: SimulatedVen, message: str, since: float) -> int:
    return sum(one.name == message and one.at >= since for one in world.vtn.sent)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("message", ["EiRegisterParty", QUERY, CREATE])
@pytest.mark.parametrize("cause", CAUSES)
def test_all_goes_on_while_the_ven_cannot_register_again(
    world: SimulatedVen, cause: str, message: str, failure: str
) -> None:
    world.vtn.behaviour[message] = failure, FOR_EVER
    begun = world.clock.monotonic()
    CAUSES[cause](world)
    add_event(world)
    world.run(200)

    assert world.ven.status.state == "registered"
    assert ("e", 0) in world.vtn.record.answers
    assert count(world, "oadrPoll", begun) >= 200 / PERIOD - 3 * TIMEOUT / PERIOD
    assert count(world, "oadrUpdateReport", begun) >= 5
    window = {"dtstart": world.clock.now() + timedelta(days=30), "duration": 60}
    opt_id = world.ven.create_opt("optOut", "economic", vavailability=[window])
    assert opt_id in world.vtn.record.opts


@pytest.mark.parametrize("failure", ["status 503", "status 404", "no answer"])
@pytest.mark.parametrize("message", ["EiRegisterParty", QUERY, CREATE])
@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "the VTN asks"])
def test_the_ven_registers_as_soon_as_it_can(
    world: SimulatedVen, cause: str, message: str, failure: str
) -> None:
    world.vtn.behaviour[message] = failure, FOR_EVER
    CAUSES[cause](world)
    world.run(100)
    world.vtn.behaviour.clear()
    begun = world.clock.monotonic()
    world.run(300)

    is_done = any(one.name == CREATE and one.how == "right" for one in world.vtn.sent[-200:])
    assert is_done and count(world, CREATE, begun) <= 1
    assert world.ven.health().ok
    assert world.vtn.record.registration == (2 if cause == "register(new=True)" else 1)
    begun = world.clock.monotonic()
    world.run(60)
    assert count(world, "oadrUpdateReport", begun) >= 2


@pytest.mark.parametrize("refusal", ["code 451", "without IDs"])
@pytest.mark.parametrize("then", ["status 503", "right"])
@pytest.mark.parametrize("cause", CAUSES)
def test_R9_a_registration_that_was_refused_does_not_stand(
    world: SimulatedVen, cause: str, then: str, refusal: str
) -> None:
    world.vtn.behaviour[CREATE] = refusal, 1
    CAUSES[cause](world)
    while CREATE in world.vtn.behaviour:
        world.run(0.1)
    world.vtn.behaviour[QUERY] = then, FOR_EVER
    world.vtn.behaviour[CREATE] = "status 503", FOR_EVER
    world.run(1)
    begun = world.clock.monotonic()
    world.run(120)

    assert count(world, "oadrPoll", begun) == 0
    assert world.ven.status.state == "connecting"


@pytest.mark.parametrize("cause", CAUSES)
def test_R13_a_registration_that_the_vtn_does_not_know_any_more_does_not_stand(
    world: SimulatedVen, cause: str
) -> None:
    lost: list[str] = []
    world.ven.add_handler("on_registration_lost", lost.append)
    world.vtn.behaviour["EiRegisterParty"] = "status 503", FOR_EVER
    CAUSES[cause](world)
    world.vtn.record.registered = False
    world.run(30)
    begun = world.clock.monotonic()
    world.run(120)

    assert len(lost) == 1 and count(world, "oadrPoll", begun) == 0
    world.vtn.behaviour.clear()
    world.run(120)
    assert world.ven.status.state == "registered" and world.vtn.record.registered


@pytest.mark.parametrize("reply", [404, 405, 403, 502, 503])
def test_a_vtn_that_starts_again_with_the_ven_and_has_forgotten_it_is_registered_with_soon(
    world: SimulatedVen, reply: int
) -> None:
    world.vtn.behaviour[""] = f"status {reply}", FOR_EVER
    restart(world)
    world.run(3)
    world.vtn.behaviour.clear()
    world.vtn.record.registered = False
    world.run(150)

    assert world.vtn.record.registered and world.ven.status.state == "registered"
    assert world.longest_silence(60) <= PERIOD + 1


def test_a_ven_that_cannot_register_again_says_so(world: SimulatedVen) -> None:
    world.vtn.behaviour[CREATE] = "plain response", FOR_EVER
    restart(world)
    world.run(60)

    assert any("register again" in problem for problem in world.ven.health().problems)
    world.vtn.behaviour.clear()
    world.run(120)
    assert world.ven.health().ok


@pytest.mark.parametrize(
    "change", [{"report_only": True}, {"ven_id": "other"}, {"registration_id": "r"}], ids=str
)
def test_a_ven_that_is_not_what_it_was_registers_before_it_says_anything(
    world: SimulatedVen, change: dict[str, object]
) -> None:
    world.stop()
    world.arguments.update(change)
    world._new_process()
    world.vtn.behaviour["EiRegisterParty"] = "status 503", FOR_EVER
    mark = len(world.vtn.sent)
    world.start()
    world.run(120)

    assert {one.name for one in world.vtn.sent[mark:]} <= {QUERY, CREATE}


def test_a_vtn_at_another_address_hears_of_nothing_before_the_registration(
    world: SimulatedVen,
) -> None:
    world.stop()
    world.url = "http://other.example/OpenADR2/Simple/2.0b"
    world.vtn = PeerVTN(world.clock.now, world.clock.monotonic, world.clock.let_pass)
    world.vtn.behaviour["EiRegisterParty"] = "status 503", FOR_EVER
    world._new_process()
    world.start()
    world.run(120)

    assert {one.name for one in world.vtn.sent} <= {QUERY, CREATE}


def test_who_waits_for_the_start_waits_for_its_registration(world: SimulatedVen) -> None:
    world.stop()
    world.vtn.behaviour["EiRegisterParty"] = "status 503", 3
    world.start()
    assert not world.engine.wait(world.ven._is_registered, 0.1)

    assert world.engine.wait(world.ven._is_registered, 60)
    assert [one.how for one in world.vtn.sent if one.name == CREATE][-1] == "right"


# --- a cancellation whose answer was lost ---------------------------------------------------------

CANCEL = "oadrCancelPartyRegistration"


def forget_with(world: SimulatedVen, code: str) -> None:
    """The VTN that has ended the registration says ``code`` to who cancels it."""
    right = world.vtn.answer

    def answer(name: str, text: str) -> bytes:
        is_unknown = name == CANCEL and not world.vtn.record.registered
        return world.vtn._coded(code, name, text) if is_unknown else right(name, text)

    world.vtn.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("code", ["452", "463"])
@pytest.mark.parametrize("then", ["asked again", "alone", "a restart", "another process"])
def test_R12_a_cancellation_that_was_taken_and_not_answered_is_done(
    world: SimulatedVen, code: str, then: str
) -> None:
    forget_with(world, code)
    world.vtn.behaviour[CANCEL] = "right, but lost", 1
    if then == "another process":
        world.vtn.behaviour.clear()
        world.vtn.dies = "after"
        world.engine.transact(world.engine.profile.request_cancellation().step)
    elif then == "alone":
        world.ven.cancel_registration()
    else:
        request = world.engine.profile.request_cancellation()
        world.engine.transact(request.step)
        world.run(0.1)
    if then == "asked again":
        world.ven.cancel_registration()
    elif then == "a restart":
        restart(world)
    world.run(120)

    assert world.ven.status.state == "unregistered" and not world.vtn.record.registered
    assert world.vtn.sent[-1].name == CANCEL


def test_R12_a_cancellation_that_the_vtn_refuses_at_once_is_refused(world: SimulatedVen) -> None:
    world.vtn.behaviour[CANCEL] = "code 452", 1

    with pytest.raises(VenError, match="452"):
        world.ven.cancel_registration()
    assert world.ven.status.state == "registered"
