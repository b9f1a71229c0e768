"""While the VTN is away the VEN goes on by itself; when it is back, what is owed goes out in order.
No thread, no time.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from tests.durability.fake_world import World, failure, reply
from ven_sdk.errors import ConfigurationError, TransportError
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration
from ven_sdk.oadr20b.services.reports import step
from ven_sdk.state.memory import MemoryStore
from ven_sdk.testing.clock import START

DOWN = TransportError("down", delivered=False)
HOUR = 3600


class Durable(MemoryStore):
    """Counts as durable, so that it is written and read as a file would be."""

    durable = True


def sent_after(world: World) -> list[str]:
    """The kinds of messages from now on, as they go out."""
    names: list[str] = []
    world.vtn.fail = lambda record: names.append(record.wire_name)
    return names


def calls(world: World) -> list[tuple[str, float]]:
    """What the handlers of moments are called for, and when, in seconds of the world."""
    seen: list[tuple[str, float]] = []
    for name in ("on_event_start", "on_event_end"):
        world.handlers.add_handler(
            name, lambda event, name=name: seen.append((name, round(world.clock.monotonic())))
        )
    return seen


def test_events_run_to_their_end_while_the_vtn_is_away() -> None:
    world = World()
    seen = calls(world)
    world.vtn.add("e1", in_seconds=600, seconds=300)
    world.start()
    world.run(60)
    world.vtn.fail = failure(DOWN)
    world.run(HOUR)
    assert seen == [("on_event_start", 600), ("on_event_end", 900)]
    world.vtn.fail = lambda record: None
    world.until(lambda: world.ven.health(), 120)
    assert len(seen) == 2


def test_events_run_while_the_ven_was_restarted_with_the_vtn_away() -> None:
    store = Durable()
    first = World(store=store)
    first.vtn.add("e1", in_seconds=600, seconds=300)
    first.start()
    first.run(60)
    first.engine.close()
    first.engine.close_store()

    second = World(store=store)
    second.clock.advance(120)
    seen = calls(second)
    second.vtn.fail = failure(DOWN)
    second.start()
    second.run(HOUR)
    assert seen == [("on_event_start", 600), ("on_event_end", 900)]


def test_a_value_pushed_before_the_start_goes_out_under_the_request_that_the_store_holds() -> None:
    store = Durable()

    def ven() -> World:
        world = World(store=store)
        world.ven.add_report(
            None, resource_id="d", measurement="voltage", r_id="pushed", sampling_rate=10
        )
        world.vtn.wish = 10, 20
        return world

    first = ven().start()
    first.run(60)
    first.engine.close()
    first.engine.close_store()

    second = ven()
    second.clock.advance(100)
    second.ven.report_value("pushed", 7)
    with pytest.raises(ConfigurationError):
        second.ven.report_value("unknown", 7)
    second.clock.advance(5)
    second.start()
    pushed = "pushed", START + timedelta(seconds=100)
    second.until(lambda: pushed in second.vtn.samples, 60)


def test_an_event_list_that_fails_for_minutes_is_asked_for_again() -> None:
    world = World()
    world.vtn.add("only in the list")
    world.vtn.unsaid = False

    def fail(record: Any) -> None:
        if record.wire_name == "oadrRequestEvent":
            raise TransportError("500", status=500)

    world.vtn.fail = fail
    world.start()
    world.run(100)
    assert world.ven.status.state == "registered"
    asked = world.vtn.counts["oadrRequestEvent"]
    assert asked < 10
    world.vtn.fail = lambda record: None
    world.until(lambda: world.vtn.answered, 130)
    world.run(HOUR)
    assert world.vtn.counts["oadrRequestEvent"] == asked + 1


def test_a_timer_whose_step_fails_by_a_fault_of_ours_is_set_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.ven.add_report(lambda: 1, resource_id="d", measurement="voltage", sampling_rate=10)
    world.vtn.wish = 10, 20
    world.start()
    world.run(60)
    with monkeypatch.context() as patch:
        patch.setattr(step, "start_samplings", lambda book, now: 1 / 0)
        world.run(30)
    assert "please report it" in caplog.text
    delivered = len(world.vtn.samples)
    world.until(lambda: len(world.vtn.samples) > delivered + 5, 200)


def test_what_is_owed_goes_out_before_the_next_poll() -> None:
    world = World()
    world.start()
    world.run(30)
    world.vtn.fail = lambda record: (
        failure(DOWN)(record) if record.wire_name != "oadrPoll" else None
    )
    world.vtn.add("e1")
    world.run(11)
    assert world.ven.status.queues["event_answers"] == 1
    names = sent_after(world)
    world.until(lambda: world.vtn.answered, 120)
    assert "oadrPoll" not in names[: names.index("oadrCreatedEvent")]


@pytest.mark.parametrize(("asked", "given"), [(0.01, 1), (30, 30), (1e9, 24 * HOUR)])
def test_the_poll_frequency_that_the_vtn_wants_is_bounded(asked: float, given: float) -> None:
    world = World(poll_frequency=None)
    world.vtn._CreatePartyRegistration = lambda record: reply(  # type: ignore[method-assign]
        CreatedPartyRegistration,
        vtn_id="vtn",
        ven_id="v",
        registration_id="r",
        requested_oadr_poll_freq=timedelta(seconds=asked),
    )
    world.start()
    assert world.ven.poll_frequency == timedelta(seconds=given)
    world.run(given * 3 + 0.5)
    assert world.vtn.counts["oadrPoll"] == 4


def test_a_retry_after_of_a_week_keeps_the_ven_away_for_two_hours_at_most() -> None:
    world = World()
    world.start()
    world.run(30)
    world.vtn.fail = failure(TransportError("503", status=503, retry_after=7 * 24 * HOUR))
    world.run(11)
    world.vtn.fail = lambda record: None
    assert HOUR * 0.9 < next_poll(world) < 2 * HOUR


@pytest.mark.parametrize(
    ("offset", "applied"), [(1, 0), (30, 30), (-30, -30), (3600, 0), (10 * 365 * 86400, 0)]
)
def test_a_date_is_not_believed_blindly(offset: float, applied: float) -> None:
    world = World()
    handle = world.vtn.handle

    def dated(record: Any) -> Any:
        world.vtn.offset = timedelta(seconds=offset)
        return handle(record)

    world.vtn.handle = dated  # type: ignore[method-assign]
    world.start()
    world.run(120)
    assert world.engine.now() - world.clock.now() == timedelta(seconds=applied)


def next_poll(world: World) -> float:
    """The seconds until the next poll."""
    polls = world.vtn.counts["oadrPoll"]
    return world.until(lambda: world.vtn.counts["oadrPoll"] > polls, 3 * HOUR)


@pytest.mark.long
def test_vens_that_were_cut_off_together_do_not_come_back_together() -> None:
    """A VTN was away for an hour: of 300 VENs at most a tenth try within any second after that."""
    times = []
    for seed in range(300):
        world = World(seed=seed, poll_frequency=10)
        world.start()
        world.vtn.fail = failure(DOWN)
        world.run(HOUR)
        world.vtn.fail = lambda record: None
        times.append(int(next_poll(world)))
    assert max(times.count(second) for second in range(61)) < 30
    assert max(times) <= 61


# --- what is logged while the VTN is away ---------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        TransportError("nobody is there", delivered=False),
        TransportError("timeout"),
        TransportError("busy", status=503, retryable=True),
        TransportError("closed", status=403, retryable=True),
    ],
    ids=["no connection", "timeout", "503", "403"],
)
def test_while_the_vtn_is_away_there_is_a_line_a_minute(
    error: TransportError, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.start()
    world.run(60)
    world.vtn.fail = failure(error)
    moments: list[float] = []

    class Moments(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                moments.append(world.clock.monotonic())

    handler = Moments()
    logging.getLogger("ven_sdk").addHandler(handler)
    try:
        begun = world.clock.monotonic()
        world.run(HOUR / 2)
        world.ven._engine.close()
        world.runtime.stop(0)
        world.start()  # and after a restart
        world.run(HOUR / 2)
    finally:
        logging.getLogger("ven_sdk").removeHandler(handler)

    gaps = [after - before for before, after in zip([begun, *moments], moments)]
    assert 55 <= len(moments) <= 70
    assert max(gaps[1:]) <= 61
    assert world.clock.monotonic() - moments[-1] <= 61
