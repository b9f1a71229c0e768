"""What each call that waits for the VTN does with each reply: only what confirms it is a success,
and a failure that waiting cannot mend ends it at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Callable, NamedTuple, Optional

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import ei_response, first, payload
from ven_sdk import ProtocolError, TransportError, VenError

FOR_EVER = float("inf")
TIMEOUT = 20
SOON = 5
CALLS_NOT_STORMS = 12
"""Messages of one kind in five minutes, at most: the first back-offs, and then one a minute."""


class Call(NamedTuple):
    message: str
    make: Callable[[SimulatedVen], object]
    prepare: Optional[Callable[[SimulatedVen], object]] = None


def create_opt(world: SimulatedVen) -> str:
    start = world.clock.now() + timedelta(days=30)
    window = {"dtstart": start, "duration": 60}
    return world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id="o")


CALLS = {
    "create_opt": Call("oadrCreateOpt", create_opt),
    "cancel_opt": Call("oadrCancelOpt", lambda world: world.ven.cancel_opt("o"), create_opt),
    "register": Call("oadrCreatePartyRegistration", lambda world: world.ven.register()),
    "cancel_registration": Call(
        "oadrCancelPartyRegistration", lambda world: world.ven.cancel_registration()
    ),
    "request_events": Call("oadrRequestEvent", lambda world: world.ven.request_events()),
    "request_report": Call(
        "oadrCreateReport", lambda world: world.ven.request_report("S", r_ids="x")
    ),
}
NO_CONFIRMATION = ("empty", "blank", "wrong type", "plain response", "status 204", "without IDs")
NO_ANSWER = ("unreadable", "no payload", "status 201", "status 503", "no answer")
PERMANENT = (301, 400, 401, 403, 404, 405, 406, 407, 409, 410, 411, 413, 415, 421, 426, 451, 501)
PASSING = (408, 425, 429, 500, 502, 503, 504)
IDS = {"cancel_opt": "optID", "create_opt": "optID", "cancel_registration": "registrationID"}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def answering(call: str, reply: str) -> Iterator[SimulatedVen]:
    """A registered VEN whose VTN answers the message of ``call`` with ``reply``."""
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        world.start()
        world.run(15)
        prepare = CALLS[call].prepare
        if prepare is not None:
            prepare(world)
        world.vtn.behaviour[CALLS[call].message] = reply, FOR_EVER
        world.vtn.sent.clear()
        yield world


def failure(call: str, world: SimulatedVen) -> tuple[VenError, float]:
    """What the call raises, and after how many seconds."""
    begun = world.clock.monotonic()
    with pytest.raises(VenError) as caught:
        CALLS[call].make(world)
    return caught.value, world.clock.monotonic() - begun


def assert_calm(call: str, world: SimulatedVen) -> None:
    """It is not sent again and again."""
    world.run(300)
    sent = [exchange for exchange in world.vtn.sent if exchange.name == CALLS[call].message]
    assert 1 <= len(sent) <= CALLS_NOT_STORMS + TIMEOUT // 10


@pytest.mark.parametrize(
    "call, reply",
    [
        (call, reply)
        for call in CALLS
        for reply in NO_CONFIRMATION
        if (call, reply) != ("request_events", "plain response")  # the empty list (E12)
    ],
)
def test_a_reply_that_confirms_nothing_is_a_refusal_at_once(call: str, reply: str) -> None:
    with answering(call, reply) as world:
        error, seconds = failure(call, world)

        assert isinstance(error, ProtocolError)
        assert seconds < SOON
        assert_calm(call, world)


@pytest.mark.parametrize("call, element", IDS.items())
def test_a_reply_that_names_another_confirms_nothing(call: str, element: str) -> None:
    with answering(call, "right") as world:
        right = world.vtn.answer

        def about_another(name: str, text: str) -> bytes:
            reply, sent = right(name, text).decode(), first(element, text)
            if name != CALLS[call].message:
                return reply.encode()
            return reply.replace(f"{element}>{sent}<", f"{element}>another<").encode()

        world.vtn.answer = about_another  # type: ignore[method-assign]
        error, seconds = failure(call, world)

        assert isinstance(error, ProtocolError) and "another" in str(error)
        assert seconds < SOON
        assert_calm(call, world)


@pytest.mark.parametrize(
    "call, reply",
    {
        "cancel_registration": "oadrCanceledPartyRegistration",
        "request_report": "oadrCreatedReport",
        "request_events": "oadrResponse",
    }.items(),
)
def test_a_reply_to_another_ven_confirms_nothing(call: str, reply: str) -> None:
    with answering(call, "right") as world:
        right = world.vtn.answer

        def to_another(name: str, text: str) -> bytes:
            if name != CALLS[call].message:
                return right(name, text)
            request_id = ei_response(first("requestID", text))
            pending = "<oadr:oadrPendingReports/>" if call == "request_report" else ""
            return payload(reply, f"{request_id}{pending}<ei:venID>another</ei:venID>")

        world.vtn.answer = to_another  # type: ignore[method-assign]
        error, _ = failure(call, world)

        assert isinstance(error, ProtocolError) and "another" in str(error)
        assert world.ven.status.state == "registered"


@pytest.mark.parametrize("lost", ["right, but lost", "unreadable", "status 500"])
def test_an_opt_that_the_vtn_no_longer_knows_after_a_lost_reply_is_withdrawn(lost: str) -> None:
    with answering("cancel_opt", "code 452") as world:
        right, replies = world.vtn._how, [lost]

        def lose_the_first(name: str, service: str, about: str) -> str:
            is_first = name == "oadrCancelOpt" and replies
            return replies.pop() if is_first else right(name, service, about)

        world.vtn._how = lose_the_first  # type: ignore[method-assign]

        CALLS["cancel_opt"].make(world)

        assert world.ven.opts == ()


def test_a_call_whose_object_went_for_another_reason_says_no_more_than_it_knows() -> None:
    with answering("create_opt", "no answer") as world:
        withdraw = world.engine.profile.cancel_opt("o").step
        world.engine.scheduler.call_after(3.0, lambda: world.engine.transact(withdraw) and None)

        error, seconds = failure("create_opt", world)

        assert "something else took its place" in str(error)
        assert seconds < TIMEOUT


@pytest.mark.parametrize("reply", NO_ANSWER)
@pytest.mark.parametrize("call", CALLS)
def test_a_call_without_an_answer_says_what_came_instead(call: str, reply: str) -> None:
    with answering(call, reply) as world:
        error, seconds = failure(call, world)

        assert seconds <= TIMEOUT + 1
        if reply.startswith("status"):
            assert isinstance(error, TransportError) and error.status == int(reply[7:])
        assert ("gave no answer" in str(error)) == (reply == "no answer")
        assert_calm(call, world)


@pytest.mark.parametrize("status", PERMANENT)
@pytest.mark.parametrize("call", CALLS)
def test_a_status_that_waiting_cannot_mend_ends_the_call_at_once(call: str, status: int) -> None:
    with answering(call, f"status {status}") as world:
        error, seconds = failure(call, world)

        assert isinstance(error, TransportError) and error.status == status
        assert seconds < SOON
        assert_calm(call, world)


@pytest.mark.parametrize("status", PASSING)
def test_a_status_that_passes_is_waited_for(call: str, status: int) -> None:
    with answering(call, f"status {status}") as world:
        world.vtn.behaviour[CALLS[call].message] = f"status {status}", 3
        world.vtn._oadrCreateReport = lambda text: payload(  # type: ignore[attr-defined]
            "oadrCreatedReport",
            ei_response(first("requestID", text)) + "<oadr:oadrPendingReports/>",
        )

        CALLS[call].make(world)

        assert [exchange.how for exchange in world.vtn.sent][-1:] != [f"status {status}"]


# --- what belongs to a call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", [*NO_CONFIRMATION, *(f"status {s}" for s in (*PERMANENT, *PASSING))]
)
def test_whatever_the_query_is_answered_the_registration_follows(reply: str) -> None:
    with answering("register", "right") as world:
        world.vtn.behaviour["oadrQueryRegistration"] = reply, FOR_EVER

        world.ven.register()

        assert world.ven.status.state == "registered"


@pytest.mark.parametrize("message", ["oadrRegisterReport", "oadrRequestEvent"])
@pytest.mark.parametrize("reply", ["empty", "wrong type", "unreadable", "status 503", "status 500"])
def test_what_was_not_confirmed_once_is_sent_again(message: str, reply: str) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        world.vtn.behaviour[message] = reply, 3
        world.start()

        world.run(60)

        hows = [exchange.how for exchange in world.vtn.sent if exchange.name == message]
        assert hows == [reply] * 3 + ["right"]
        assert world.vtn.record.samples


@pytest.mark.parametrize("message", ["oadrRegisterReport", "oadrRequestEvent"])
@pytest.mark.parametrize("reply", ["empty", "wrong type"])
def test_what_is_never_confirmed_is_sent_once_a_minute_and_holds_up_no_poll(
    message: str, reply: str
) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.behaviour[message] = reply, FOR_EVER
        world.start()
        world.run(600)
        world.vtn.sent.clear()

        world.run(600)

        names = [exchange.name for exchange in world.vtn.sent]
        assert 9 <= names.count(message) <= 21
        assert names.count("oadrPoll") >= 59


def test_an_opt_whose_replacement_is_refused_goes_on_to_stand() -> None:
    with answering("create_opt", "right") as world:
        create_opt(world)
        before = world.ven.opts
        world.vtn.behaviour["oadrCreateOpt"] = "code 460", 1
        with pytest.raises(ProtocolError):
            create_opt(world)

        assert [opt.record for opt in world.ven.opts] == [opt.record for opt in before]
        world.ven.cancel_opt("o")
        assert not world.ven.opts and not world.vtn.record.opts
