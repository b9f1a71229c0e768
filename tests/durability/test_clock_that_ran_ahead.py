"""A clock that was wrong for a while, far ahead, and is put right: an event that seemed to be over
goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent

HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1)) as found:
        yield found


def handle(world: SimulatedVen) -> list[str]:
    """What happens in the world, from now on."""
    happened: list[str] = []
    world.ven.add_handler("on_event", lambda event: "optIn")
    for name in ("on_event_start", "on_event_end"):
        world.ven.add_handler(name, lambda event, name=name: happened.append(name))
    return happened


@pytest.mark.parametrize("minutes", [1, 7])
@pytest.mark.parametrize("ahead", [3 * HOUR, YEAR, 10 * YEAR], ids=str)
@pytest.mark.parametrize("starts_in", [timedelta(minutes=-1), HOUR], ids=["runs", "comes"])
def test_an_event_that_a_wrong_clock_went_past_is_carried_out_after_all(
    world: SimulatedVen, ahead: timedelta, minutes: int, starts_in: timedelta
) -> None:
    happened = handle(world)
    start = (world.clock.now() + starts_in).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, 7200)
    world.start()
    world.run(30)
    assert world.vtn.record.answers == {("e", 0): "optIn"}
    world.set_clock(ahead)
    world.run(60 * minutes)
    world.set_clock(-ahead)
    happened_before = len(happened)
    world.run(3600 if starts_in > timedelta(0) else 60)

    assert world.ven.current_level() == 1
    assert happened[happened_before:] == ["on_event_start"]
    assert happened.count("on_event_end") == happened_before / 2


@pytest.mark.parametrize("seconds", [-1, -30, 1, 3600])
def test_a_small_step_asks_for_no_list(world: SimulatedVen, seconds: float) -> None:
    world.start()
    world.run(30)
    world.vtn.sent.clear()
    world.set_clock(timedelta(seconds=seconds))
    world.run(30)

    assert "oadrRequestEvent" not in [exchange.name for exchange in world.vtn.sent]
