"""Stopped while report callbacks wait for their turn, and started again in the same process; data
points whose callback fails are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.durability.fake_world import World


def world(
    wish: tuple[float, float], read: Callable[[str], Callable[..., Any]], **more: Any
) -> World:
    """Three data points that the VTN asks for."""
    made = World()
    for name in ("a", "b", "c"):
        made.ven.add_report(
            read(name), resource_id=name, measurement="voltage", r_id=name, sampling_rate=10, **more
        )
    made.vtn.wish = wish
    return made


def stop_with_calls_waiting(made: World) -> None:
    """Stop at a moment at which callbacks were queued and none has begun."""
    engine, queue = made.engine, made.runtime.jobs.queue
    while not any(engine.calls._not_begun.values()):
        made.clock.advance(0.5)
        made.runtime.scheduler.run_due()
        for _ in range(len(queue)):
            queue.popleft()()
    engine.close()
    engine.close_store()
    made.runtime.jobs.run()


@pytest.mark.parametrize("wish", [(10, 20), (0, 0)], ids=["periodic", "once"])
@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_what_waited_for_its_turn_at_stop_is_asked_again_after_start(
    wish: tuple[float, float], mode: str
) -> None:
    calls: Counter[str] = Counter()

    def read(name: str) -> Callable[..., Any]:
        def callback(**span: Any) -> Any:
            calls[name] += 1
            return [(span["date_from"], 1.0)] if span else 1.0

        return callback

    made = world(wish, read, data_collection_mode=mode)
    made.start()
    stop_with_calls_waiting(made)
    calls.clear()
    made.engine.open_store()
    made.engine.start()
    made.run(60)

    assert {*calls} == {"a", "b", "c"}
    assert made.engine.book.busy == {}
    assert {r_id for r_id, _ in made.vtn.samples} == {"a", "b", "c"}


def test_health_names_the_data_points_whose_last_call_failed() -> None:
    broken = {"b"}

    def read(name: str) -> Callable[[], float]:
        def callback() -> float:
            if name in broken:
                raise OSError("the meter does not answer")
            return 1.0

        return callback

    made = world((10, 20), read).start()
    made.run(60)
    found = [problem for problem in made.ven.health().problems if "does not answer" in problem]
    assert len(found) == 1
    assert "TELEMETRY_USAGE/b" in found[0]
    assert "test_stop_and_start.py" in found[0]

    broken.clear()
    made.run(60)
    assert not [problem for problem in made.ven.health().problems if "answer" in problem]
