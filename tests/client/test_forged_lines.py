"""Whatever text a VTN or a handler brings, wherever it stands: no log line and no error of ours can
be forged by it, and nothing beside it is spoilt.
"""

from __future__ import annotations

import logging
from typing import Any, Callable

import pytest

from tests.durability.fake_world import World, reply
from ven_sdk.oadr20b.schema.events import DistributeEvent
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration, Response
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.schema.common import Target
from ven_sdk.schema.events import Event

EVIL = "x\n2026-01-01 00:00:00 CRITICAL root: call 0800\x1b[2J\u2028y\u202ez\x85"


def _with(event: Event, **facts: Any) -> Event:
    return event.replace(event_descriptor=event.event_descriptor.replace(**facts))


def _signal(event: Event, **facts: Any) -> Event:
    return event.replace(event_signals=[event.event_signals[0].replace(**facts)])


CHANGES: dict[str, Callable[[Event], Event]] = {
    "event_id": lambda event: _with(event, event_id=EVIL),
    "market_context": lambda event: _with(event, market_context=EVIL),
    "vtn_comment": lambda event: _with(event, vtn_comment=EVIL),
    "modification_reason": lambda event: _with(event, modification_reason=EVIL),
    "signal_name": lambda event: _signal(event, signal_name=f"x-{EVIL}"),
    "signal_id": lambda event: _signal(event, signal_id=EVIL),
    "targets": lambda event: event.replace(targets=[Target(resource_id=EVIL)]),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "strict": {"strict": True},
    "contexts": {"market_contexts": ["http://ours"]},
    "targets": {"targets": {"resource_id": ["r1"]}},
    "signals": {"signals": ["ELECTRICITY_PRICE"]},
}


def _check(world: World, records: list[logging.LogRecord], errors: list[Exception]) -> None:
    for record in records:
        assert "\n" not in record.getMessage(), record
        assert record.getMessage().isprintable(), record
    for error in errors:
        assert str(error).isprintable()
    assert world.ven.status.state == "registered"


@pytest.fixture(autouse=True)
def all_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ven_sdk")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("chosen", SETTINGS)
@pytest.mark.parametrize("fails", [False, True], ids=["decides", "fails"])
def test_a_text_in_an_event_forges_no_line(
    change: str, chosen: str, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(**SETTINGS[chosen]).start()
    errors: list[Exception] = []

    def on_event(event: Any) -> str:
        if fails:
            raise OSError(event.event_id + EVIL)
        return "optIn"

    world.handlers.add_handler("on_event", on_event)
    world.handlers.add_handler("on_error", errors.append)
    world.handlers.add_handler("on_event_start", lambda event: 1 // 0)
    world.vtn.add("evil", in_seconds=30, seconds=60)
    world.vtn.events["evil"] = CHANGES[change](world.vtn.events["evil"])
    world.vtn.add("good", in_seconds=30, seconds=60)

    world.run(45)
    world.vtn.events["evil"] = _with(world.vtn.events["evil"], modification_number=1)
    world.vtn.unsaid = True
    world.run(30)
    world.vtn.drop("evil")
    world.run(60)

    assert "good" in world.vtn.answered
    assert any("good" in record.getMessage() for record in caplog.records)
    _check(world, caplog.records, errors)
    assert all("\n" not in problem for problem in world.ven.health().problems)


def test_a_text_of_megabytes_fills_neither_errors_nor_health() -> None:
    world = World().start()
    errors: list[Exception] = []
    world.handlers.add_handler("on_error", errors.append)
    long = EiResponse(response_code="500", response_description="y" * 1_000_000, request_id="")
    world.vtn.fail = lambda record: Response(response=long)

    world.run(120)

    told = [*map(str, errors), *world.ven.health().problems]
    assert errors and all(len(text) < 10_000 for text in told)


@pytest.mark.parametrize("code", ["450", "459", "463", "500", EVIL])
@pytest.mark.parametrize(
    "message", ["Poll", "CreatedEvent", "RequestEvent", "RegisterReport", "QueryRegistration"]
)
def test_a_text_in_a_response_forges_no_line(
    message: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World().start()
    errors: list[Exception] = []
    reasons: list[str] = []
    world.handlers.add_handler("on_error", errors.append)
    world.handlers.add_handler("on_registration_lost", reasons.append)
    bad = EiResponse(response_code=code, response_description=EVIL, request_id=EVIL)

    def fail(record: Any) -> Any:
        return Response(response=bad) if type(record).__name__ == message else None

    world.vtn.fail = fail
    world.vtn.add("good")
    world.run(120)
    world.vtn.fail = lambda record: None
    world.run(400)

    _check(world, caplog.records, errors)
    assert all(map(str.isprintable, reasons))


@pytest.mark.parametrize("place", ["vtn_id", "request_id", "registration"])
def test_an_id_of_the_vtn_forges_no_line(place: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def fail(record: Any) -> Any:
        if place == "registration" and type(record).__name__ == "CreatePartyRegistration":
            ids = {"vtn_id": EVIL, "ven_id": EVIL, "registration_id": EVIL}
            return reply(CreatedPartyRegistration, **ids)
        if place != "registration" and type(record).__name__ == "Poll":
            facts = {"vtn_id": "vtn", "request_id": "r", place: EVIL}
            return reply(DistributeEvent, events=(), **facts)
        return None

    world.vtn.fail = fail
    reasons: list[str] = []
    world.handlers.add_handler("on_registration_lost", reasons.append)
    world.start()
    world.run(60)

    _check(world, caplog.records, [])
    assert all(map(str.isprintable, (repr(world.ven), *reasons)))
