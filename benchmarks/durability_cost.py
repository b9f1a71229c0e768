#!/usr/bin/env python3
"""What durability costs: the same VEN with its state in memory and in SQLite, as a ratio.

  python benchmarks/durability_cost.py [--rounds 3] [--folder DIR]

The VEN is whole, its transport is a function, and its time is moved by hand, so that only the work
of the SDK and of the disk is measured. Rounds take turns; the figure is the median. DIR is on the
disk to be measured.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.durability.fake_world import World
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.sqlite import SQLiteStore


def empty_polls(store: Any) -> float:
    """Polls a second, with nothing in the queue."""
    world = World(store=store, poll_frequency=1).start()
    return per_second(world, 3000, lambda: world.vtn.counts["oadrPoll"])


def events(store: Any) -> float:
    """Events a second: received, handled, answered, acknowledged."""
    world = World(store=store, poll_frequency=1).start()

    def go() -> None:
        for number in range(300):
            world.vtn.add(f"e{number}")
            world.run(1)
            world.vtn.drop(f"e{number}")

    return per_second(world, 0, lambda: len(world.vtn.answered), go)


def samples(points: int) -> Callable[[Any], float]:
    def measure(store: Any) -> float:
        world = World(store=store, poll_frequency=60)
        for number in range(points):
            world.ven.add_report(lambda: 1.5, resource_id=f"d{number}", measurement="voltage", sampling_rate=1, report_specifier_id="all")
        world.vtn.wish = 1, 60
        world.vtn.keep_samples = False
        world.start()
        return per_second(world, 600, lambda: world.ven.status.counters["samples_delivered"])

    return measure


def per_second(world: World, seconds: float, count: Callable[[], int], go: Any = None) -> float:
    begun, before = time.perf_counter(), count()
    go() if go else world.run(seconds)
    figure = (count() - before) / (time.perf_counter() - begun)
    world.engine.close()
    world.engine.close_store()
    return figure


CASES: dict[str, Callable[[Any], float]] = {
    "empty polls/s": empty_polls,
    "events/s": events,
    "samples/s, 1 point a moment": samples(1),
    "samples/s, 20 points a moment": samples(20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None)
    given = parser.parse_args()
    logging.getLogger("ven_sdk").setLevel(logging.CRITICAL)
    print(f"{'':32}{'memory':>12}{'SQLite':>12}{'ratio':>8}")
    for name, measure in CASES.items():
        found: list[tuple[float, float]] = []
        for _ in range(given.rounds):
            with tempfile.TemporaryDirectory(dir=given.folder) as folder:
                found.append((measure(MemoryStore()), measure(SQLiteStore(Path(folder) / "ven.db"))))
        memory, durable = (statistics.median(column) for column in zip(*found))
        print(f"{name:32}{memory:12,.0f}{durable:12,.0f}{durable / memory:8.2f}")


if __name__ == "__main__":
    main()
