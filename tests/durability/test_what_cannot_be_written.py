"""Messages that cannot be listed, built or written, for a fault of ours or a row that no XML can
hold: each fails alone, is told, and holds up nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Callable

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import ConfigurationError, VenError
from ven_sdk.oadr20b import profile
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.oadr20b.schema.opt import CreateOpt
from ven_sdk.oadr20b.services import answers
from ven_sdk.oadr20b.services.events import responses
from ven_sdk.oadr20b.services.opts import tasks as opt_tasks
from ven_sdk.oadr20b.services.reports import from_vtn, outbox

pytestmark = pytest.mark.long

PERIOD = 10
SLACK = 0.2
"""Seconds that the exchanges themselves take."""
SPAN = 600
FEW = 10
"""Values that may be on their way."""
Matches = Callable[[tuple[Any, ...]], bool]
FAULTS = {
    "fault": lambda: ValueError("of ours"),
    "end": StopIteration,
    "record": lambda: ConfigurationError("resource_id: no XML can hold it."),
}


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        yield world


def spoil(
    patch: pytest.MonkeyPatch, where: Any, name: str, fault: str, matches: Matches = bool
) -> None:
    """``where.name`` fails for the arguments that match."""
    own = getattr(where, name)

    def fail(*given: Any) -> Any:
        if matches(given):
            raise FAULTS[fault]()
        return own(*given)

    patch.setattr(where, name, fail)


def opt(world: SimulatedVen, opt_id: str) -> str:
    window = {"dtstart": world.clock.now() + timedelta(days=30), "duration": 60}
    return world.ven.create_opt("optOut", "economic", opt_id=opt_id, vavailability=[window])


def add_event(world: SimulatedVen, event_id: str = "e") -> None:
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events[event_id] = VTNEvent(event_id, start, 600)
    world.vtn.queue.append("list")


def ask_for_report(world: SimulatedVen) -> None:
    with contextlib.suppress(VenError):
        world.ven.request_report(report_specifier_id="S", r_ids=["x"])


def ask_for_list(world: SimulatedVen) -> None:
    with contextlib.suppress(VenError):
        world.ven.request_events()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["listed", "described", "written"])
def test_an_opt_that_cannot_be_sent_is_refused_alone_and_named(
    world: SimulatedVen, monkeypatch: pytest.MonkeyPatch, place: str, fault: str
) -> None:
    where: Any
    where, name, matches = {
        "listed": (opt_tasks, "_creation", lambda given: given[1].opt_id == "bad"),
        "described": (opt_tasks, "_describe", lambda given: given[0].opt_id == "bad"),
        "written": (
            envelope,
            "message",
            lambda given: isinstance(given[0], CreateOpt) and given[0].opt_id == "bad",
        ),
    }[place]
    spoil(monkeypatch, where, name, fault, matches)
    world.start()
    world.run(30)

    with pytest.raises(ConfigurationError, match="'bad'"):
        opt(world, "bad")
    assert opt(world, "good") == "good"

    assert world.longest_silence(SPAN) <= PERIOD + SLACK
    assert len([error for _, error in world.errors if "'bad'" in str(error)]) == 1
    assert len([line for _, line in world.lines.seen if "'bad'" in line]) == 1


PLACES: dict[str, tuple[Any, str, Matches, Callable[[SimulatedVen], object], str]] = {
    "event answers are listed": (responses, "collect_ready", bool, add_event, "event answer"),
    "an event's answer": (responses, "response_for", bool, add_event, "event answer"),
    "an answer is listed": (
        answers,
        "_task",
        bool,
        lambda world: world.vtn.queue.append("register report"),
        "answer oadrRegisteredReport",
    ),
    "a request of the VEN's": (from_vtn, "_request_task", bool, ask_for_report, "report request"),
    "the list of events": (
        profile.registration,
        "request_events",
        bool,
        ask_for_list,
        "event request",
    ),
    "a report is listed": (outbox, "next_delivery", bool, lambda world: None, "report delivery"),
    "a report is built": (outbox, "_interval", bool, lambda world: None, "report delivery"),
    "the registration": (
        profile.registration,
        "next_task",
        bool,
        lambda world: world.vtn.queue.append("reregister"),
        "registration",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_listed_or_built_holds_up_neither_polls_nor_what_else_is_owed(
    world: SimulatedVen, monkeypatch: pytest.MonkeyPatch, place: str, fault: str
) -> None:
    where, name, matches, provoke, message = PLACES[place]
    world.start()
    world.run(30)
    with monkeypatch.context() as patch:
        spoil(patch, where, name, fault, matches)
        provoke(world)
        assert world.longest_silence(SPAN) <= PERIOD + SLACK
        assert opt(world, "good") == "good"
        assert any(message in str(error) for _, error in world.errors)
        assert len(world.lines.seen) < 2 * FEW
    world.run(2 * SPAN)
    add_event(world, "later")
    delivered = len(world.vtn.record.samples)
    world.run(SPAN)

    assert ("later", 0) in world.decisions
    assert len(world.vtn.record.samples) > delivered


@pytest.mark.parametrize("fault", FAULTS)
def test_only_the_values_that_cannot_be_written_are_lost(
    world: SimulatedVen, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    own = outbox.payload

    def payload(r_id: str, entry: str) -> Any:
        if r_id == "p" and float(entry) in (7, 8, 30):
            raise FAULTS[fault]()
        return own(r_id, entry)

    monkeypatch.setattr(outbox, "payload", payload)
    world.start()
    world.run(SPAN)

    arrived = {value for _, _, value in world.vtn.record.samples}
    lost = [at for at in range(1, world.read - FEW) if str(float(at)) not in arrived]
    assert lost == [7, 8, 30]
    assert max(world.vtn.record.samples.values()) == 1
    assert world.ven.status.counters["samples_dropped"] == len(lost)
    assert len([line for _, line in world.lines.seen if " lost." in line]) == 1
    assert world.longest_silence(SPAN) <= PERIOD + SLACK
