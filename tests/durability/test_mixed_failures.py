"""Failures of which the second is another than the first: patience grows all the same,
from where it was; a ``Retry-After`` is kept whatever came with it; what the VTN does not take does
not pile up.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Callable

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk import VenError

pytestmark = pytest.mark.long

FOR_EVER = float("inf")
HOUR = 3600


def call(make: Callable[[SimulatedVen], object]) -> Callable[[SimulatedVen], None]:
    """A call whose error is not what is looked at."""

    def make_call(world: SimulatedVen) -> None:
        with contextlib.suppress(VenError):
            make(world)

    return make_call


def create_opt(world: SimulatedVen) -> None:
    window = {"dtstart": world.clock.now() + timedelta(days=30), "duration": 60}
    world.ven.create_opt("optOut", "economic", vavailability=[window])


def add_event(world: SimulatedVen) -> None:
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, 600)
    world.vtn.queue.append("list")


PROVOKE: dict[str, Callable[[SimulatedVen], object]] = {
    "oadrPoll": lambda world: None,
    "oadrUpdateReport": lambda world: None,
    "oadrRegisterReport": call(lambda world: world.ven.register(new=True)),
    "oadrQueryRegistration": call(lambda world: world.ven.register()),
    "oadrCreatePartyRegistration": call(lambda world: world.ven.register()),
    "oadrRequestEvent": call(lambda world: world.ven.request_events()),
    "oadrCreatedEvent": add_event,
    "oadrCreateOpt": call(create_opt),
    "oadrCreatedReport": lambda world: world.vtn.queue.append("create report"),
}


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        world.start()
        world.run(30)
        yield world


def moments(world: SimulatedVen, message: str, since: float = 0.0) -> list[float]:
    return [one.at for one in world.vtn.sent if one.name == message and one.at >= since]


@pytest.mark.parametrize(
    "statuses", [(503, 409), (404, 503), (500, 410), (401, 409), (405, 502), (503, 302)]
)
@pytest.mark.parametrize(
    "message",
    [
        *("oadrPoll", "oadrUpdateReport", "oadrRegisterReport", "oadrCreatedEvent"),
        *("oadrCreatePartyRegistration", "oadrRequestEvent"),
    ],
)
def test_patience_grows_whatever_a_service_answers_by_turns(
    world: SimulatedVen, message: str, statuses: tuple[int, ...]
) -> None:
    right, turns = world.vtn._how, itertools.cycle(statuses)

    def answer_by_turns(name: str, service: str, about: str) -> str:
        return f"status {next(turns)}" if name == message else right(name, service, about)

    world.vtn._how = answer_by_turns  # type: ignore[method-assign]
    PROVOKE[message](world)
    world.run(1200)
    begun = world.clock.monotonic()
    world.run(600)

    assert len(moments(world, message, begun)) <= 4 * 10


@pytest.mark.parametrize("minutes", [5, 20, 60])
@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("message", ["oadrPoll", "oadrUpdateReport", "oadrCreatedEvent"])
def test_a_service_that_is_another_failure_for_a_moment_is_asked_again_soon(
    world: SimulatedVen, message: str, status: int, minutes: int
) -> None:
    world.vtn.behaviour[message] = "status 503", FOR_EVER
    PROVOKE[message](world)
    world.run(minutes * 60)
    world.vtn.behaviour[message] = f"status {status}", 1
    world.run_until(lambda: not world.vtn.behaviour, 120)
    begun = world.clock.monotonic()
    world.run(150)

    assert moments(world, message, begun)


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("message", PROVOKE)
def test_a_retry_after_is_kept_whatever_status_it_comes_with(
    world: SimulatedVen, message: str, status: int
) -> None:
    world.vtn.behaviour[message] = f"status {status} after 120", FOR_EVER
    begun = world.clock.monotonic()
    PROVOKE[message](world)
    world.run(900)

    sent = moments(world, message, begun)
    assert len(sent) > 1
    assert min(after - before for before, after in zip(sent, sent[1:])) > 119


@pytest.mark.parametrize(
    "asked, answer",
    [
        ("create report", "oadrCreatedReport"),
        ("register report", "oadrRegisteredReport"),
        ("cancel report", "oadrCanceledReport"),
        ("reregister", "oadrResponse"),
    ],
)
def test_answers_that_nobody_takes_do_not_pile_up_and_hold_up_no_event_afterwards(
    world: SimulatedVen, asked: str, answer: str
) -> None:
    world.vtn.endless = asked
    world.vtn.behaviour[answer] = "status 503", FOR_EVER
    world.run(600)
    assert world.ven.status.queues["answers"] <= 30
    assert sum("oldest" in text for _, text in world.lines.seen) <= 3

    world.vtn.endless = ""
    del world.vtn.behaviour[answer]
    world.run(60)
    add_event(world)
    world.run(120)
    assert ("e", 0) in world.vtn.record.answers


@pytest.mark.parametrize("message", ["oadrRegisterReport", "oadrRequestEvent"])
@pytest.mark.parametrize("refusal", ["code 454", "code 500", "status 400", "status 409"])
def test_what_was_refused_at_the_start_is_asked_again_until_it_is_taken(
    message: str, refusal: str
) -> None:
    with contextlib.closing(SimulatedVen(1, poll_frequency=60)) as world:
        world.vtn.wish = 600, 600
        add_event(world)
        world.vtn.queue.clear()  # it stands in the list, and is not polled
        world.vtn.behaviour[message] = refusal, FOR_EVER
        world.start()
        world.run(60)
        assert world.ven.status.state == "registered"
        is_told = message == "oadrRegisterReport" or refusal.startswith("status")
        assert (world.ven.health().problems != ()) == is_told

        world.run(4 * HOUR)
        assert 4 <= len(moments(world, message)) <= 4 * 2 + 12
        assert len(world.errors) <= 3

        del world.vtn.behaviour[message]
        world.run(2 * HOUR)
        assert world.ven.health().problems == ()
        assert ("e", 0) in world.vtn.record.answers and world.vtn.record.samples


@pytest.mark.parametrize("takes", [0.1, 0.9, 3.0])
@pytest.mark.parametrize("message", [name for name in PROVOKE if name != "oadrPoll"])
def test_what_failed_once_is_sent_however_long_polls_take(message: str, takes: float) -> None:
    with contextlib.closing(SimulatedVen(1, poll_frequency=0.5)) as world:
        right, failing = world.vtn._how, [message]
        world.vtn.wish = 10, 20
        world.start()
        world.run(30)

        def fail_once(name: str, service: str, about: str) -> str:
            if name == "oadrPoll":
                world.clock.let_pass(takes)
            return (
                "status 500"
                if name in failing and not failing.remove(name)
                else right(name, service, about)
            )

        world.vtn._how = fail_once  # type: ignore[method-assign]
        PROVOKE[message](world)
        world.run(100 + 400 * takes)  # one thread for all lanes: each has twenty exchanges

        assert not failing
        assert [one.how for one in world.vtn.sent if one.name == message][-1] == "right"
        assert world.longest_silence(60) <= takes + 1
