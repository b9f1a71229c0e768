"""What a supervisor asks: ``status``, ``health()``, and the metrics for a Prometheus server."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.durability.fake_world import World, failure
from ven_sdk import ConfigurationError, Health, OpenADRClient
from ven_sdk.errors import TransportError
from ven_sdk.metrics import collector
from ven_sdk.objects import Sample


def registered(**arguments: Any) -> World:
    world = World(**arguments)
    world.ven.add_report(lambda: 1, resource_id="d", measurement="voltage", sampling_rate=10)
    world.vtn.wish = 10, 20
    world.start()
    world.run(100)
    return world


def test_a_ven_that_polls_is_healthy_and_tells_its_figures() -> None:
    world = registered()
    health = world.ven.health()
    assert health
    assert health.problems == ()
    assert world.ven.status.counters["polls"] == 11
    assert world.ven.status.counters["samples_delivered"] > 5
    assert world.clock.now() - world.ven.status.last_poll <= timedelta(seconds=10)
    assert health.facts["queues"]["event_answers"] == 0
    page = json.loads(json.dumps(health.to_dict()))
    assert page["ok"] is True
    assert page["facts"]["last_poll"] == world.ven.status.last_poll.isoformat()


def test_an_outage_shows_in_health_after_three_periods_and_is_gone_with_the_first_poll() -> None:
    world = registered(timeout=5)
    world.vtn.fail = failure(TransportError("down", delivered=False))
    world.vtn.add("waits")
    world.run(20)
    assert world.ven.health()
    world.run(40)
    assert "last good poll" in world.ven.health().problems[0]
    assert world.ven.status.queues["samples"] + world.ven.status.queues["deliveries"] > 0
    assert isinstance(world.ven.status.last_error, TransportError)
    world.vtn.fail = lambda record: None
    world.until(world.ven.health, 120)


def test_answers_owed_are_counted() -> None:
    world = registered()

    def fail(record: Any) -> None:
        if record.wire_name == "oadrCreatedEvent":
            raise TransportError("down", delivered=False)

    world.vtn.fail = fail
    world.vtn.add("e1")
    world.run(15)
    assert world.ven.status.queues["event_answers"] == 1


def test_a_ven_that_never_registered_is_not_healthy() -> None:
    world = World()
    world.vtn.fail = failure(TransportError("down", delivered=False))
    world.start()
    world.run(5)
    assert world.ven.status.state == "connecting"
    assert "not registered" in world.ven.health().problems[0]


@pytest.mark.parametrize(
    ("seconds", "is_said"), [(0, False), (50, False), (70, True), (-3600, True)]
)
def test_a_clock_beyond_the_replay_window_is_said_once(
    seconds: float, is_said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    handle = world.vtn.handle

    def dated(record: Any) -> Any:
        world.vtn.offset = timedelta(seconds=seconds)
        return handle(record)

    world.vtn.handle = dated  # type: ignore[method-assign]
    world.start()
    world.run(90)
    said = [record for record in caplog.records if "clock is" in record.getMessage()]
    assert [record.levelno for record in said[:1]] == [logging.WARNING] * is_said
    assert len([record for record in said if "times so far" not in record.getMessage()]) == is_said
    assert world.ven.status.clock_offset == timedelta(seconds=seconds)
    assert bool(world.ven.health()) is not is_said


@pytest.mark.long
def test_a_failure_that_goes_on_is_logged_at_most_once_a_minute_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = registered()
    caplog.clear()
    world.vtn.fail = failure(TransportError("down", delivered=False))
    world.run(86400)
    assert world.vtn.counts["oadrPoll"] > 1000
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert 86400 / 60 - 3 < len(lines) <= 86400 / 60 + 8  # and the 10th, 100th, 1000th time
    assert re.search(r"\(\d{4} times so far\)", lines[-1])
    world.vtn.fail = lambda record: None
    caplog.set_level(logging.INFO, "ven_sdk.oadr20b.exchange")
    world.until(world.ven.health, 120)
    assert any("ended after" in record.getMessage() for record in caplog.records)


# --- metrics --------------------------------------------------------------------------------------


def scraped(*vens: Any) -> dict[tuple[str, str], float]:
    """(name, queue) and value of all samples, as a server would read them."""
    prometheus = pytest.importorskip("prometheus_client")
    parser = pytest.importorskip("prometheus_client.parser")
    registry = prometheus.CollectorRegistry()
    registry.register(collector(*vens))
    text = prometheus.generate_latest(registry).decode()
    return {
        (sample.name, sample.labels.get("queue", "")): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_prometheus_server_reads_what_status_and_health_say() -> None:
    world = registered()
    found = scraped(world.ven)
    assert found["ven_sdk_registered", ""] == found["ven_sdk_healthy", ""] == 1
    assert found["ven_sdk_polls_total", ""] == world.ven.status.counters["polls"]
    assert (
        found["ven_sdk_samples_delivered_total", ""]
        == world.ven.status.counters["samples_delivered"]
    )
    assert (
        found["ven_sdk_last_poll_timestamp_seconds", ""] == world.ven.status.last_poll.timestamp()
    )
    assert found["ven_sdk_queue", "samples"] == world.ven.status.queues["samples"]


def test_metrics_may_be_asked_of_a_client_that_was_never_started() -> None:
    found = scraped(OpenADRClient("ven1", "http://127.0.0.1:9"))
    assert found["ven_sdk_registered", ""] == 0


def test_what_is_no_client_is_refused() -> None:
    pytest.importorskip("prometheus_client")
    with pytest.raises(ConfigurationError, match="of clients"):
        collector("ven1")  # type: ignore[arg-type]


NAN = float("nan")
NOW = datetime(2031, 1, 1, tzinfo=timezone.utc)


def health_with(*given: Any, **facts: Any) -> Health:
    """After a callback gave each of ``given``, and then the last of them again and again."""
    left = list(given)
    world = World()

    def read(**_: Any) -> Any:
        value = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(value, Exception):
            raise value
        return value

    world.ven.add_report(
        read, resource_id="meter-3", measurement="voltage", sampling_rate=10, **facts
    )
    world.vtn.wish = 10, 20
    world.start()
    world.run(120)
    return world.ven.health()


@pytest.mark.parametrize(
    "useless",
    [
        NAN,
        Decimal("NaN"),
        Sample(NAN),
        (NOW, NAN),
        [NAN],
        [(NOW, NAN), (NOW, NAN)],
        float("inf"),
        "rubbish",
        OSError("no meter"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_data_point_that_gives_no_usable_value_is_named(useless: Any, mode: str) -> None:
    health = health_with(1.0, useless, data_collection_mode=mode)

    assert not health.ok
    assert any("meter-3" in problem for problem in health.problems)


@pytest.mark.parametrize("nothing", [None, [], (), 1.0, [1.0, NAN]], ids=repr)
@pytest.mark.parametrize("before", [NAN, OSError("no meter")], ids=repr)
def test_no_value_now_is_no_problem_and_ends_the_one_before(nothing: Any, before: Any) -> None:
    assert health_with(before, nothing).ok
