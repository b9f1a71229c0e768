"""Every row of the table in docs/failures.rst, tried: when the message is sent again or that it is
given up, what the service is said to be, and that polls go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Callable, NamedTuple

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent
from ven_sdk.errors import TransportError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failures.rst"
PERIOD = 10
SLACK = 0.2
"""Seconds that the exchanges themselves take."""
GIVEN_UP = "given up"
FOR_EVER = float("inf")
REGISTRATION = "oadrCreatePartyRegistration"


class Row(NamedTuple):
    failure: str
    message: str
    scope: str
    first_wait: str
    most: str
    service: str

    @property
    def is_given_up(self) -> bool:
        return self.first_wait == GIVEN_UP

    @property
    def bounds(self) -> tuple[float, float]:
        lowest, highest = self.first_wait.split(" to ")
        return float(lowest), float(highest)

    @property
    def reply(self) -> str:
        return self.failure if self.failure == "no answer" else f"status {self.failure}"


def rows() -> list[Row]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [
        line.strip().removeprefix("* ").removeprefix("- ").strip()
        for line in lines
        if line.startswith(("   * - ", "     - "))
    ]
    return [Row(*cells[at : at + 6]) for at in range(0, len(cells), 6)][1:]


def of_each(chosen: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", chosen, ids=lambda row: f"{row.failure} {row.message}")


# --- what brings the message ----------------------------------------------------------------------


def create_opt(world: SimulatedVen) -> None:
    start = world.clock.now() + timedelta(days=30)
    world.ven.create_opt(
        "optOut", "economic", vavailability=[{"dtstart": start, "duration": 60}], opt_id="o"
    )


def cancel_opt(world: SimulatedVen) -> None:
    create_opt(world)
    world.ven.cancel_opt("o")


def from_queue(what: str) -> Callable[[SimulatedVen], None]:
    return lambda world: world.vtn.queue.append(what)


def add_event(world: SimulatedVen) -> None:
    start = world.clock.now().replace(microsecond=0) + timedelta(days=30)
    world.vtn.events["e"] = VTNEvent("e", start, 600)
    world.vtn.queue.append("list")


PROVOKE: dict[str, Callable[[SimulatedVen], None]] = {
    "oadrCreateOpt": create_opt,
    "oadrCancelOpt": cancel_opt,
    "oadrCancelPartyRegistration": lambda world: world.ven.cancel_registration(),
    "oadrRegisteredReport": from_queue("register report"),
    "oadrCanceledReport": from_queue("cancel report"),
    "oadrCreatedEvent": add_event,
}
SERVICES = {
    "oadrPoll": "OadrPoll",
    "oadrCreatedEvent": "EiEvent",
    "oadrRequestEvent": "EiEvent",
    "oadrUpdateReport": "EiReport",
    "oadrRegisterReport": "EiReport",
    "oadrRegisteredReport": "EiReport",
    "oadrCanceledReport": "EiReport",
    "oadrCreateOpt": "EiOpt",
    "oadrCancelOpt": "EiOpt",
    REGISTRATION: "EiRegisterParty",
    "oadrCancelPartyRegistration": "EiRegisterParty",
}


@contextlib.contextmanager
def failing(row: Row, period: float = PERIOD) -> Iterator[SimulatedVen]:
    """A VEN that polls every ``period`` seconds, and whose VTN fails every message of the row."""
    world = SimulatedVen(1, poll_frequency=period)
    try:
        world.vtn.wish = 10, 20 if row.message == "oadrUpdateReport" else 10_000_000
        world.vtn.behaviour[row.message] = row.reply, FOR_EVER
        world.start()
        world.run(1 if row.message == REGISTRATION else period + 5)
        with contextlib.suppress(TransportError):  # a call tells it; the rest is the table's
            PROVOKE.get(row.message, lambda world: None)(world)
        yield world
    finally:
        world.close()


def moments(world: SimulatedVen, name: str) -> list[float]:
    return [moment for moment, sent, _ in world.vtn.sent if sent == name]


def gaps(world: SimulatedVen, name: str) -> list[float]:
    found = moments(world, name)
    return [after - before for before, after in zip(found, found[1:])]


# --- what the table says --------------------------------------------------------------------------


@of_each([row for row in rows() if not row.is_given_up])
def test_a_failure_waits_as_the_table_says(row: Row) -> None:
    lowest, highest = row.bounds
    with failing(row) as world:
        while len(moments(world, row.message)) < 2:
            assert world.clock.monotonic() < highest + 90
            world.run(1)

        assert lowest <= gaps(world, row.message)[0] <= highest + SLACK
        assert_told(world, row)


@of_each([row for row in rows() if row.is_given_up])
def test_what_is_given_up_is_sent_once_and_nothing_stays_owed(row: Row) -> None:
    with failing(row, period=120) as world:
        world.run(4000)

        assert len(moments(world, row.message)) == 1
        assert world.ven.status.queues["answers"] == 0
        assert not [opt for opt in world.ven.opts if opt.state in ("owed", "cancelling")]
        assert world.ven.status.state == "registered"
        assert_told(world, row)


def assert_told(world: SimulatedVen, row: Row) -> None:
    """``status`` and ``health()`` say what the table says of the service."""
    service = SERVICES[row.message]
    assert world.ven.status.services[service].state == row.service
    told = any(service in problem for problem in world.ven.health().problems)
    assert told == (row.service != "ok")


@of_each([row for row in rows() if row.most != GIVEN_UP])
def test_a_failure_never_waits_longer_than_the_table_says(row: Row) -> None:
    most = float(row.most)
    period = PERIOD if most < 3600 else 120
    with failing(row, period) as world:
        world.run(2.5 * most + 300)

        # a message that is given up comes again with what brings it
        if row.scope != "message":
            assert max(gaps(world, row.message)) <= most + period + SLACK


@of_each([row for row in rows() if row.first_wait != GIVEN_UP and row.most == GIVEN_UP])
def test_an_answer_that_the_vtn_fails_over_is_given_up_in_the_end(row: Row) -> None:
    with failing(row) as world:
        world.run(600)

        assert len(moments(world, row.message)) == 5
        assert world.ven.status.queues["answers"] == 0


@of_each(
    [
        row
        for row in rows()
        if row.message not in ("oadrPoll", REGISTRATION, "oadrCancelPartyRegistration")
        and row.scope != "link"
    ]
)
def test_polls_go_on_at_their_period_whatever_else_fails(row: Row) -> None:
    with failing(row) as world:
        world.run(600)

        assert world.ven.status.state == "registered"
        assert len(moments(world, "oadrPoll")) >= 600 / PERIOD - 2
        assert max(gaps(world, "oadrPoll")) <= PERIOD + 1


@of_each([row for row in rows() if row.scope == "service" and row.most == "60"])
def test_what_goes_well_elsewhere_does_not_shorten_a_wait(row: Row) -> None:
    with failing(row) as world:
        world.run(600)

        assert min(gaps(world, row.message)[-3:]) >= 30 - SLACK


def catalogue_is_due(world: SimulatedVen) -> None:
    world.ven.add_report(
        lambda: 1.0, resource_id="other", measurement="voltage", sampling_rate=10, r_id="q"
    )


@pytest.mark.parametrize(
    "service, owe",
    [("EiEvent", lambda world: world.ven.request_events()), ("EiReport", catalogue_is_due)],
)
def test_polls_after_another_registration_wait_for_no_back_off_of_a_service(
    service: str, owe: Callable[[SimulatedVen], None]
) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.start()
        world.run(30)
        world.vtn.behaviour[service] = "status 503", float("inf")
        with contextlib.suppress(TransportError):
            owe(world)
        world.run(310)
        lost_at = world.clock.monotonic()
        world.vtn.record.registered = False
        world.run(60)

        polls = [at for at in moments(world, "oadrPoll") if at > lost_at]
        assert max(after - before for before, after in zip(polls, polls[1:])) < 15
