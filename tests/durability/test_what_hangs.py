"""Services that take a message and never answer, each time for the whole time-out: polls, and
whatever else the VTN answers, go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import VTNEvent, ei_response, first, payload
from ven_sdk import VenError
from ven_sdk.runtime.conversation import failures

pytestmark = pytest.mark.long

TIMEOUT = 30
HANGS = f"no answer after {TIMEOUT}"
FOR_EVER = float("inf")
CATALOGUE = "oadrRegisterReport"
HOUR = 3600
FEW = 10
"""Values that may be on their way."""
NONE = timedelta(0)
FIRST_WAIT = 0.5
"""Seconds that a message waits at least, after it failed for the first time."""


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1, timeout=TIMEOUT)) as world:
        world.vtn.wish = 10, 20
        yield world


def hang(world: SimulatedVen, *messages: str) -> None:
    for message in messages:
        world.vtn.behaviour[message] = HANGS, FOR_EVER


def missing(world: SimulatedVen) -> int:
    """How many values that were read have not arrived."""
    return world.read - len({value for _, _, value in world.vtn.record.samples})


@pytest.mark.parametrize("number", [1, 2, 3, 20])
def test_polls_go_on_between_answers_that_hang(world: SimulatedVen, number: int) -> None:
    world.start()
    world.run(30)
    hang(world, "oadrRegisteredReport", "oadrCanceledReport")
    world.vtn.queue.extend(("register report", "cancel report") * number)
    world.run(HOUR)

    assert world.longest_silence(HOUR) <= 2 * TIMEOUT + 10


@pytest.mark.parametrize("number", [1, 3, 20])
def test_an_event_is_answered_between_answers_that_hang(world: SimulatedVen, number: int) -> None:
    world.start()
    world.run(30)
    hang(world, "oadrRegisteredReport", "oadrCanceledReport")
    world.vtn.queue.extend(("register report", "cancel report") * number)
    world.run(HOUR)  # until the queue is empty
    start = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, HOUR)
    world.vtn.queue.append("list")
    world.run(4 * TIMEOUT)

    assert ("e", 0) in world.vtn.record.answers


@pytest.mark.parametrize("since", ["the start", "a running VEN"])
def test_polls_go_on_where_every_other_service_hangs(world: SimulatedVen, since: str) -> None:
    services = "EiReport", "EiEvent", "EiOpt"
    if since == "the start":
        hang(world, *services)
    world.start()
    world.run(60)
    hang(world, *services)
    start = world.clock.now().replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", start, HOUR)
    world.vtn.queue.extend(("list", "register report", "create report"))
    world.run(HOUR)

    assert world.longest_silence(HOUR) <= 3 * TIMEOUT + 10


def test_a_registration_that_hangs_keeps_no_polls_away(world: SimulatedVen) -> None:
    world.start()
    world.run(30)
    hang(world, "EiRegisterParty")
    world.vtn.queue.append("reregister")
    world.run(600)

    assert world.longest_silence(HOUR) <= 2 * TIMEOUT + 10


def test_a_report_that_gets_no_reply_holds_up_those_of_no_other_request(
    world: SimulatedVen,
) -> None:
    world.start()
    world.run(60)
    right = world.vtn._how
    delivered: list[str] = []

    def answer_others(name: str, service: str, about: str) -> str:
        is_report = name == "oadrUpdateReport"
        return right(name, service, about) if not is_report or delivered[-1] != "rq" else HANGS

    def look(url: str, body: bytes) -> object:
        delivered.append(first("reportRequestID", body.decode())[:2])
        return world.vtn.post(url, body)

    world.vtn._how = answer_others  # type: ignore[method-assign]
    world.engine.profile.identity.connections._answer = look
    world.vtn.queue.append("reports 1 30 60")
    world.run(10 * 60)

    assert delivered.count("se") >= 5
    assert delivered.count("rq") < 40

    world.vtn._how = right  # type: ignore[method-assign]
    world.run(2 * HOUR)
    assert missing(world) < FEW


def test_after_a_vtn_hung_as_a_whole_reports_go_on_at_once(world: SimulatedVen) -> None:
    world.start()
    world.run(60)
    hang(world, *("EiRegisterParty", "EiEvent", "EiReport", "EiOpt", "OadrPoll"))
    world.run(2 * HOUR)
    world.vtn.behaviour.clear()
    world.run(150)

    assert missing(world) < FEW < world.read


@pytest.mark.parametrize("how", [HANGS, "status 500", "unreadable"])
def test_a_request_for_a_report_that_the_vtn_fails_over_holds_up_no_other(
    world: SimulatedVen, how: str
) -> None:
    world.vtn._oadrCreateReport = lambda text: payload(  # type: ignore[attr-defined]
        "oadrCreatedReport", ei_response(first("requestID", text)) + "<oadr:oadrPendingReports/>"
    )
    world.start()
    world.run(30)
    world.vtn.behaviour["oadrCreateReport"] = how, 1
    first_one = world.engine.profile.request_report(
        "A",
        report_specifier_id="S",
        r_ids=["x"],
        granularity=NONE,
        report_back_duration=NONE,
        dtstart=None,
        report_duration=None,
    )
    world.engine.transact(first_one.step)
    world.run(TIMEOUT + 0.1 if how == HANGS else 0.1)

    begun = world.clock.monotonic()
    world.ven.request_report("S", r_ids="x", report_request_id="B")

    assert world.clock.monotonic() - begun < FIRST_WAIT
    assert first_one.is_owed(world.engine.book)


@pytest.mark.parametrize("bootstrap", ["oadrQueryRegistration", CATALOGUE, "oadrRequestEvent"])
@pytest.mark.parametrize("since", ["the start", "a running VEN"])
def test_the_bootstrap_goes_on_without_what_hangs(
    world: SimulatedVen, bootstrap: str, since: str
) -> None:
    if since == "a running VEN":
        world.start()
        world.run(60)
        world.vtn.record.registered = False
    hang(world, bootstrap)
    world.start()
    world.run(10 * TIMEOUT)

    assert world.vtn.record.registered
    assert world.ven.status.state == "registered"
    assert world.longest_silence(HOUR) <= 2 * TIMEOUT + 10


@pytest.mark.parametrize("reply", [HANGS, "status 404", "code 461"])
def test_a_vtn_that_takes_no_catalogue_is_answered_after_a_loss_by_who_registers_with_none(
    reply: str,
) -> None:
    provisioned = SimulatedVen(1, timeout=TIMEOUT, register=False, ven_id="ven-1")
    with contextlib.closing(provisioned) as world:
        world.vtn.record.registered = True
        world.start()
        world.run(60)
        world.vtn.behaviour["oadrPoll"] = "code 463", 1
        world.run(15)
        world.vtn.record.registered = True
        world.vtn.behaviour[CATALOGUE] = reply, FOR_EVER
        world.run(10 * TIMEOUT)
        world.vtn.queue.append("cancel report")
        world.run(4 * TIMEOUT)

        assert [one.how for one in world.vtn.sent if one.name == "oadrCanceledReport"] == ["right"]


@pytest.mark.parametrize("reply", ["status 500", HANGS])
def test_what_failed_and_is_owed_no_more_is_forgotten(
    world: SimulatedVen, reply: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "FEW", 5)
    monkeypatch.setattr(failures, "LONG_AGO", 600.0)
    world.start()
    world.run(60)
    world.vtn.behaviour["oadrCreateOpt"] = reply, FOR_EVER
    for _ in range(25):
        window = world.clock.now() + timedelta(seconds=5), timedelta(seconds=60)
        with contextlib.suppress(VenError):
            world.ven.create_opt("optOut", "economic", vavailability=[window])
        world.run(120)

    assert not world.engine.book.opts
    assert len(world.engine.conversation.failures) <= 5 + 600 / 120 + 1


@pytest.mark.parametrize(
    "asked, answer",
    [
        ("register report", "oadrRegisteredReport"),
        ("create report", "oadrCreatedReport"),
        ("cancel report", "oadrCanceledReport"),
        ("reregister", "oadrResponse"),
    ],
)
@pytest.mark.parametrize("number", [1, 3])
def test_an_answer_that_the_vtn_never_takes_is_given_up(
    world: SimulatedVen, asked: str, answer: str, number: int
) -> None:
    world.start()
    world.run(30)
    hang(world, answer)
    world.vtn.queue.extend([asked] * number)
    mark = len(world.vtn.sent)
    world.run(2 * HOUR)

    sent = [one for one in world.vtn.sent[mark:] if one.name == answer]
    assert len(sent) == 5 * number
    assert world.ven.status.queues["answers"] == 0
    assert any("not sent again" in text for _, text in world.lines.seen)
    assert world.longest_silence(HOUR) <= 10.5


def test_what_hangs_while_the_whole_vtn_does_is_not_given_up(world: SimulatedVen) -> None:
    world.start()
    world.run(30)
    world.vtn.queue.append("register report")
    hang(world, "oadrRegisteredReport", "OadrPoll", "EiReport", "EiEvent", "EiRegisterParty")
    del world.vtn.behaviour["OadrPoll"]
    world.run(15)
    hang(world, "OadrPoll")
    world.run(2 * HOUR)
    world.vtn.behaviour.clear()
    world.run(120)

    assert "right" in [one.how for one in world.vtn.sent if one.name == "oadrRegisteredReport"]
