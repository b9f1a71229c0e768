"""A long life on a fake clock: outages, changing events and reports for weeks, and memory stays
flat.

``python tests/durability/test_soak.py`` runs the long forms: a month, a day's outage of 20 data
points at 10 s, a million polls with a thousand events coming and going.
"""

from __future__ import annotations

import gc
import logging
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a program

from tests.durability.fake_world import World, failure
from ven_sdk.errors import TransportError

HOUR, DAY = 3600, 86400
pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """What is logged would be kept by the test runner, and counted as ours."""
    logger = logging.getLogger("ven_sdk")
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(logging.NOTSET)


def busy(**arguments: Any) -> World:
    """A VEN with a report of five points each five minutes; its VTN keeps nothing."""
    world = World(**{"poll_frequency": 120, **arguments})
    for number in range(5):
        world.ven.add_report(
            lambda: 1.5, resource_id=f"d{number}", measurement="voltage", sampling_rate=300
        )
    world.vtn.wish = 300, 900
    world.vtn.keep_samples = False
    return world.start()


def day(world: World, number: int) -> None:
    """Each hour an event that ends within the hour; some are dropped, some cancelled by time; an
    outage in the night.
    """
    for hour in range(24):
        world.vtn.events = {
            name: event
            for name, event in world.vtn.events.items()
            if int(name.split("-")[0]) >= number
        }
        world.vtn.add(f"{number}-{hour}", in_seconds=600, seconds=900)
        if hour % 6 == 5:
            world.vtn.drop(f"{number}-{hour}")
        if hour == 3:
            world.vtn.fail = failure(TransportError("down", delivered=None))
        world.run(HOUR)
        world.vtn.fail = lambda record: None


def sizes(world: World) -> dict[str, int]:
    """Everything that might grow."""
    engine = world.engine
    return {
        **{f"table {name}": len(rows) for name, rows in engine.book.tables.items()},
        "timers": len(engine.timers),
        "monotonic jobs": len(world.runtime.scheduler._monotonic.rows),
        "wall jobs": len(world.runtime.scheduler._wall.rows),
        "failures": len(engine.conversation.failures),
        "tickets": len(engine.tickets),
        "repeats": len(engine.repeats._table),
    }


def soak(days: int) -> tuple[World, dict[str, tuple[int, int]], int]:
    """After so many days (two more go before): the world, what has grown from what to what, and by
    how many bytes.
    """
    world = busy()
    world.run(60)  # so that no day ends at the very moment of a report
    for number in range(2):
        day(world, number)
    gc.collect()
    tracemalloc.start()
    before, known = tracemalloc.get_traced_memory()[0], sizes(world)
    for number in range(2, 2 + days):
        day(world, number)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return (
        world,
        {
            name: (known[name], size)
            for name, size in sizes(world).items()
            if size > known[name] + 2
        },
        grown,
    )


def test_days_leave_nothing_behind() -> None:
    world, longer, grown = soak(2)
    assert longer == {}
    assert world.ven.status.counters["samples_dropped"] == 0
    assert world.ven.status.counters["samples_taken"] > 4 * 24 * 12 * 5 - 100
    assert grown < 200_000, f"{grown} bytes in two days"


def outage(hours: float) -> tuple[World, int, int, float]:
    """20 data points at 10 s through an outage: the world, samples and messages that brought them,
    seconds it took.
    """
    world = World(poll_frequency=10)
    for number in range(20):
        world.ven.add_report(
            lambda: 1.5,
            resource_id=f"d{number}",
            measurement="voltage",
            sampling_rate=10,
            report_specifier_id="all",
        )
    world.vtn.wish = 10, 60
    world.start()
    world.run(600)
    world.vtn.fail = failure(TransportError("down", delivered=False))
    world.run(hours * HOUR)
    world.vtn.fail = lambda record: None
    messages, known = world.vtn.counts["oadrUpdateReport"], len(world.vtn.samples)
    seconds = world.until(
        lambda: (
            world.ven.status.queues["samples"] < 10 and not world.ven.status.queues["deliveries"]
        )
    )
    world.run(120)
    return (
        world,
        len(world.vtn.samples) - known,
        world.vtn.counts["oadrUpdateReport"] - messages,
        seconds,
    )


def test_after_an_outage_of_hours_every_sample_arrives_once_and_in_order_in_few_messages() -> None:
    world, samples, messages, _ = outage(4)
    assert samples >= 20 * 4 * 360
    assert messages < 10
    assert in_order(world)
    assert world.vtn.doubles == []
    assert world.ven.status.counters["samples_dropped"] == 0


def in_order(world: World) -> bool:
    """Whether the VTN got every ten seconds' samples, oldest first."""
    steps = {
        (later - earlier).total_seconds()
        for earlier, later in zip(world.vtn.order, world.vtn.order[1:])
    }
    return steps == {10.0}


def polls(total: int, events: int) -> tuple[int, int]:
    """RSS after the first hundredth of ``total`` polls, and after all, in bytes; ``events`` events
    come and go.
    """
    world = World(poll_frequency=1).start()
    every = total // events
    first = 0
    for number in range(events):
        world.vtn.add(f"e{number}", in_seconds=every // 4, seconds=every // 2)
        world.run(every)
        world.vtn.drop(f"e{number}")
        if not first and world.vtn.counts["oadrPoll"] >= total // 100:
            first = resident()
    assert len(world.vtn.answered) == events
    assert world.vtn.counts["oadrPoll"] >= total
    return first, resident()


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="reads the resident memory as Linux shows it"
)
def test_polls_and_events_take_no_memory() -> None:
    first, last = polls(20_000, 200)
    assert last - first < 5_000_000


def main() -> None:
    logging.getLogger("ven_sdk").setLevel(logging.CRITICAL + 1)
    begun = time.perf_counter()
    first, last = polls(1_000_000, 1_000)
    print(
        f"1,000,000 polls, 1,000 events: RSS {first / 1e6:.1f} MB after 10,000 polls, "
        f"{last / 1e6:.1f} MB at the end "
        f"({last - first:+,} bytes), {time.perf_counter() - begun:.0f} s",
        flush=True,
    )
    begun = time.perf_counter()
    world, samples, messages, seconds = outage(24)
    print(
        f"24 h outage: {samples} samples in {messages} messages within {seconds:.0f} s of its "
        f"end, in order: "
        f"{in_order(world)}, doubled: {len(world.vtn.doubles)} "
        f"({time.perf_counter() - begun:.0f} s)",
        flush=True,
    )
    begun = time.perf_counter()
    _, longer, grown = soak(28)
    print(
        f"30 days: {grown:+,} bytes after the first two; longer: {longer or 'nothing'} "
        f"({time.perf_counter() - begun:.0f} s)"
    )


if __name__ == "__main__":
    main()
