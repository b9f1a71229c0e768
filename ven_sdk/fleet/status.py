"""What the VENs of a fleet are doing, added up, and whether that is well. Any thread."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from ..argument_names import checked_value
from ..runtime.status import Health
from ..ven import Ven


@checked_value
@dataclass(frozen=True)
class FleetStatus:
    """A fleet at one moment: its VENs counted, their counters added up.

    Attributes:
        vens: how many there are.
        states: how many are in each state that ``ven.status`` gives.
        counters: exchanges, failures and polls since the start.
        queues: what waits, as ``ven.status`` has it of each: answers, events, samples ...
        threads: all threads of this library in the process.
    """

    vens: int
    states: dict[str, int]
    counters: dict[str, int]
    queues: dict[str, int]
    threads: int


def take_status(vens: Collection[Ven]) -> FleetStatus:
    """Counts over ``vens``; the cost is one look at each."""
    states: Counter[str] = Counter()
    counters: Counter[str] = Counter(exchanges=0, failures=0, polls=0)
    queues: Counter[str] = Counter(events=0, samples=0)
    for ven in vens:
        engine = ven._engine
        book, counts = engine.book, engine.counters
        states[ven._state()] += 1
        for name in ("exchanges", "failures", "polls"):
            counters[name] += getattr(counts, name)
        queues.update(engine.profile.queues(book))
    threads = sum(thread.name.startswith("ven_sdk-") for thread in threading.enumerate())
    return FleetStatus(len(vens), dict(states), dict(counters), dict(queues), threads)


def examine(vens: Collection[Ven], status: FleetStatus, is_running: bool) -> Health:
    """Whether all is well with every VEN, and a sentence that names the VEN for everything that is
    not.
    """
    problems = [
        f"{ven.settings.ven_name}: {problem}" for ven in vens for problem in ven.health().problems
    ]
    if not is_running:
        problems = ["The fleet is not started."]
    facts = {"vens": status.vens, "states": status.states, "counters": status.counters}
    return Health(not problems, tuple(problems), facts)
