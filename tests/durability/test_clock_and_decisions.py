"""The time that a decision has is a span: however the clock is set meanwhile, forth or back, it is
neither cut nor stretched.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.durability.fake_world import World
from ven_sdk import DEFER

STEPS = [
    timedelta(seconds=2),
    timedelta(minutes=1),
    timedelta(hours=2),
    timedelta(days=730),
    timedelta(seconds=-2),
    timedelta(hours=-2),
    timedelta(days=-730),
]


def undecided(**arguments: object) -> World:
    """A VEN whose user has not yet decided about the event ``e``."""
    world = World(opt_timeout=60, **arguments)
    world.handlers.add_handler("on_event", lambda event: DEFER)
    world.vtn.add("e", in_seconds=3 * 365 * 86400)
    world.start()
    world.until(lambda: world.ven.events)
    return world


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_is_set_takes_no_time_from_a_decision_and_adds_none(step: timedelta) -> None:
    world = undecided()
    world.run(20)

    world.clock.step(step)
    world.run(38)
    assert world.vtn.answered == {}
    world.run(4)

    assert world.vtn.answered == {"e": "optOut"}


def test_the_user_still_decides_after_the_clock_was_set_forth() -> None:
    world = undecided()
    world.clock.step(timedelta(days=400))
    world.run(15)

    world.ven.opt_in("e")
    world.run(1)

    assert world.vtn.answered == {"e": "optIn"}


def test_no_step_sees_the_new_time_before_the_deadline_moved() -> None:
    world = undecided()

    world.clock.step(timedelta(hours=1))
    world.ven.opt_in("e")  # the first step after the jump, before any timer noticed it
    world.vtn.add("other", in_seconds=3 * 365 * 86400)
    world.clock.step(timedelta(hours=1))
    world.ven._engine.transact(world.ven._profile.receive(world.vtn.listed()))
    world.run(30)

    assert world.vtn.answered == {"e": "optIn"}


def test_a_clock_that_is_set_again_and_again_does_not_put_the_answer_off() -> None:
    world = undecided()

    for count in range(70):
        world.clock.step(timedelta(hours=1 if count % 2 else -1))
        world.run(1)

    assert world.vtn.answered == {"e": "optOut"}
