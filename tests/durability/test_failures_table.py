"""Every row of the table in docs/failures.rst, tried: when the message is sent again, what the
service is said to be, and that polls go on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest

from tests.durability.fake_world import World
from ven_sdk.errors import TransportError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failures.rst"
SERVICES = {
    "oadrPoll": "OadrPoll",
    "oadrCreatedEvent": "EiEvent",
    "oadrUpdateReport": "EiReport",
    "oadrRegisterReport": "EiReport",
}
PERIOD = 10


class Row(NamedTuple):
    failure: str
    message: str
    scope: str
    first_wait: str
    most: str
    service: str

    @property
    def bounds(self) -> tuple[float, float]:
        lowest, highest = self.first_wait.split(" to ")
        return float(lowest), float(highest)


def rows() -> list[Row]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [
        line.strip().removeprefix("* ").removeprefix("- ").strip()
        for line in lines
        if line.startswith(("   * - ", "     - "))
    ]
    table = [Row(*cells[at : at + 6]) for at in range(0, len(cells), 6)]
    return table[1:]


class Failing:
    """Fails every message of one kind, and remembers when each came."""

    def __init__(self, world: World, row: Row) -> None:
        self.world, self.row = world, row
        self.moments: list[float] = []
        self.polls: list[float] = []

    def __call__(self, record: Any) -> Optional[Any]:
        now = self.world.clock.monotonic()
        if record.wire_name == "oadrPoll":
            self.polls.append(now)
        if record.wire_name != self.row.message:
            return None
        self.moments.append(now)
        if self.row.failure == "no answer":
            raise TransportError("no answer")
        raise TransportError(self.row.failure, status=int(self.row.failure), retryable=True)


def fail(row: Row, seconds: float) -> tuple[World, Failing]:
    world = World(poll_frequency=PERIOD)
    world.ven.add_report(lambda: 1.0, resource_id="d", measurement="voltage", sampling_rate=10)
    world.vtn.wish = 10, 10_000_000 if row.message != "oadrUpdateReport" else 20
    world.vtn.add("first")
    failing = Failing(world, row)
    world.vtn.fail = failing
    world.start()
    world.run(seconds)
    return world, failing


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.failure} {row.message}")
def test_a_failure_waits_as_the_table_says(row: Row) -> None:
    lowest, highest = row.bounds
    world, failing = fail(row, highest + 60)

    first, second = failing.moments[:2]
    assert lowest <= second - first <= highest + 0.1
    state = world.ven.status.services[SERVICES[row.message]].state
    assert state == row.service
    if row.service != "ok":
        assert any(SERVICES[row.message] in problem for problem in world.ven.health().problems)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.failure} {row.message}")
def test_a_failure_never_waits_longer_than_the_table_says(row: Row) -> None:
    most = float(row.most)
    _, failing = fail(row, 4 * most + 300)

    gaps = [after - before for before, after in zip(failing.moments, failing.moments[1:])]
    # a message that is given up comes again with what brings it
    if row.scope != "message":
        assert max(gaps) <= most + PERIOD + 0.1


@pytest.mark.parametrize(
    "row",
    [row for row in rows() if row.message != "oadrPoll" and row.scope != "link"],
    ids=lambda row: f"{row.failure} {row.message}",
)
def test_polls_go_on_at_their_period_whatever_else_fails(row: Row) -> None:
    world, failing = fail(row, 600)

    gaps = [after - before for before, after in zip(failing.polls, failing.polls[1:])]
    assert world.ven.status.state == "registered"
    assert len(failing.polls) >= 600 / PERIOD - 2
    assert max(gaps) <= PERIOD + 1
