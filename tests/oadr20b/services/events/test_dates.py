"""Dates at the ends of the calendar spoil no list, no question and no start; a wall clock that is
set back or forth lets nothing wait for longer than its own rule allows.
"""

from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import pytest

from tests.durability.fake_world import World
from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND, Harness, opted_in
from ven_sdk.errors import ConfigurationError
from ven_sdk.events import clock_steps, queries, timing
from ven_sdk.instants import FIRST, LAST, shift
from ven_sdk.oadr20b.services import opts

DAY = timedelta(days=1)
MOMENTS = {
    "the first": FIRST,
    "a second later": FIRST + SECOND,
    "the year one": FIRST + 300 * DAY,
    "the epoch": datetime(1970, 1, 1, tzinfo=timezone.utc),
    "now": NOON,
    "the year 9999": LAST - 100 * DAY,
    "the last": LAST.replace(microsecond=0),
}
SPANS = {"none": timedelta(0), "an hour": HOUR, "a life": 40_000 * DAY, "all": timedelta.max}
EXTRAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "startafter": {"tolerance": timedelta.max},
    "ramp-up": {"ramp_up": timedelta.max},
    "negative ramp-up": {"ramp_up": timedelta.min},
}
LEADS = [("before_event:0", MINUTE), ("before_event:1", timedelta.max)]


def _ask_everything(ven: Harness) -> None:
    states = tuple(ven.book.events.values())
    queries.events(states, ven.now)
    queries.active_events(states, ven.now)
    queries.next_event(states, ven.now)
    queries.current_level(states, ven.now)
    queries.schedule(states, ven.now, 24)
    queries.schedule(states, ven.now, 1e9)
    for state in states:
        timing.status(state, ven.now)


@pytest.mark.parametrize("start", MOMENTS)
@pytest.mark.parametrize("length", SPANS)
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_date_at_an_end_of_the_calendar_spoils_no_list(
    start: str, length: str, extra: str
) -> None:
    ven = Harness(opted_in(), leads=LEADS)
    given: dict[str, Any] = {"start": MOMENTS[start], "length": SPANS[length], **EXTRAS[extra]}
    intervals = [signal(1, 2, durations=[SPANS[length], SPANS[length]])]

    for number, answered in itertools.product(range(3), (False, True)):
        odd = event("odd", number, signals=intervals, **given)
        ven.send(distribute(odd, event(f"good{number}")))
        _ask_everything(ven)
        if answered:
            assert (f"good{number}", "200", 0, "optIn") in ven.responses(ven.answer())
    ven.advance(HOUR)
    ven.restart()
    _ask_everything(ven)
    ven.send(distribute(event("odd", 3, status="cancelled", **given), event("good")))
    ven.send(distribute(event("good")))
    ven.advance(DAY)
    _ask_everything(ven)
    ven.send(distribute())

    assert "good" in [call.arguments[0].event_id for call in ven.calls]
    assert ven.failures == []


@pytest.mark.parametrize("start", MOMENTS)
@pytest.mark.parametrize("length", ["none", "a life"])
def test_a_whole_ven_goes_on_beside_a_date_at_an_end_of_the_calendar(
    start: str, length: str
) -> None:
    world = World().start()
    world.handlers.add_handler("before_event", lambda event: None, 60)
    for number in range(2):
        odd = event("odd", number, start=MOMENTS[start], length=SPANS[length])
        world.vtn.events["odd"] = odd
        world.vtn.add(f"good{number}", in_seconds=60, seconds=60)
        world.run(30)
    world.ven.schedule(24)
    world.vtn.drop("odd")
    world.run(300)

    assert {"good0", "good1"} <= set(world.vtn.answered)
    assert not [event for event in world.ven.events if event.event_id == "odd"]
    assert world.engine.counters.failures == 0


@pytest.mark.parametrize("start", MOMENTS)
@pytest.mark.parametrize("length", ["none", "an hour"])
def test_a_schedule_of_opts_may_lie_at_an_end_of_the_calendar(start: str, length: str) -> None:
    ven = Harness(opted_in())
    window = (MOMENTS[start], SPANS[length])
    given = {"opt_type": "optOut", "opt_reason": "economic", "vavailability": [window]}
    if (start, length) == ("the last", "an hour"):
        with pytest.raises(ConfigurationError, match="outside the calendar"):
            opts.create(ven.book, ven.now, opt_id="a", **given)
        return
    ven.apply(opts.create(ven.book, ven.now, opt_id="a", **given))
    ven.post(next(opts.list_tasks(ven.book), None))

    for other in MOMENTS.values():
        ven.send(distribute(event("a", start=other, length=timedelta.max), event("good")))
        ven.send(distribute())
    ven.restart()


@pytest.mark.parametrize(
    "moment, by, expected",
    [
        (NOON, HOUR, NOON + HOUR),
        (LAST, SECOND, LAST),
        (NOON, timedelta.max, LAST),
        (FIRST, -SECOND, FIRST),
        (NOON, timedelta.min, FIRST),
    ],
)
def test_sums_are_cut_at_the_ends_of_the_calendar(
    moment: datetime, by: timedelta, expected: datetime
) -> None:
    assert shift(moment, by) == expected


# --- the wall clock -------------------------------------------------------------------------------

STEPS_OF_CLOCK = [SECOND, MINUTE, HOUR, 30 * DAY, 730 * DAY]


def _waits_too_long(ven: Harness) -> Optional[str]:
    """The first moment that a row waits for and that is further away than its rule allows."""
    for key, state in ven.book.events.items():
        period = state.event.active_period
        if state.deadline is not None and state.deadline > ven.now + ven.settings.opt_timeout:
            return f"{key} waits for its deadline"
        allowed = timing.start_after(period) if state.cancelled else clock_steps.EARLY
        if state.end_at is not None and state.end_at > ven.now + allowed:
            return f"{key} waits for its random end"
        if state.started and state.cancelled is None and period.duration:
            last = timing.end_of_run(state)
            assert last is not None
            if last > ven.now + max(period.duration, clock_steps.EARLY):
                return f"{key} runs for longer than it lasts"
    return None


@pytest.mark.parametrize("seed", range(12))
def test_whenever_the_clock_is_set_nothing_waits_for_longer_than_its_own_rule_allows(
    seed: int,
) -> None:
    chance = random.Random(seed)
    ven = Harness(opted_in(), leads=[("before_event:0", 5 * MINUTE)], seed=seed)
    for number in range(1, 60):
        start = ven.now + chance.randint(-30, 90) * MINUTE
        tolerance = chance.choice([None, 10 * MINUTE])
        ven.slow = chance.choice([set(), {"on_event", "on_update_event"}])
        held = event(f"e{number % 4}", number, start=start, length=HOUR, tolerance=tolerance)
        ven.send(distribute(held), complete=chance.random() < 0.3)
        ven.advance(chance.randint(0, 40) * MINUTE)
        ven.jump(chance.choice([-1, 1]) * chance.choice(STEPS_OF_CLOCK))
        assert _waits_too_long(ven) is None
        if chance.random() < 0.2:
            ven.restart()
            assert _waits_too_long(ven) is None
    ven.release()

    ven.send(distribute())
    ven.advance(11 * MINUTE)
    assert not [key for key, state in ven.book.events.items() if state.started or state.waiting]
    begun, ended = len(ven.times("on_event_start")), len(ven.times("on_event_end"))
    assert begun == ended > 0
