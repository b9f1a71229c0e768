"""What a registration changes while everything else goes on, and what happens while one is under
way: another period, other IDs, a wish for another one, a cancellation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Callable, Optional

import pytest

from tests.models.simulated import SimulatedVen
from tests.models.texts import (
    VTNEvent,
    ei_response,
    first,
    payload,
    plain_response,
    profiles,
)
from ven_sdk import StateError, VenError
from ven_sdk.oadr20b.schema.registration import CancelPartyRegistration, RequestReregistration
from ven_sdk.state.outcome import Outcome, Step

CREATE, CATALOGUE = "oadrCreatePartyRegistration", "oadrRegisterReport"
FOR_EVER = float("inf")
Answer = Callable[[str, Callable[[], bytes]], Optional[bytes]]


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    with contextlib.closing(SimulatedVen(1, poll_frequency=None)) as world:
        world.vtn.wish = 10, 20
        yield world


def answer(world: SimulatedVen, message: str, give: Answer) -> None:
    """``give(text, right)`` answers ``message`` from now on; None is the right answer."""
    before = world.vtn.answer

    def answer_message(name: str, text: str) -> bytes:
        reply = give(text, lambda: before(name, text)) if name == message else None
        return before(name, text) if reply is None else reply

    world.vtn.answer = answer_message  # type: ignore[method-assign]


def register_as(
    world: SimulatedVen, *, ven_id: str = "ven-1", period: str = "PT10S", code: str = "200"
) -> None:
    """The VTN gives these facts from now on, and always the same registrationID."""

    def give(text: str, right: Callable[[], bytes]) -> bytes:
        world.vtn.record.registered = True
        facts = f"<ei:registrationID>reg-1</ei:registrationID><ei:venID>{ven_id}</ei:venID>"
        wish = f"<xcal:duration>{period}</xcal:duration>"
        return payload(
            "oadrCreatedPartyRegistration",
            ei_response(first("requestID", text), code)
            + f"{facts}<ei:vtnID>vtn</ei:vtnID>{profiles()}"
            + f"<oadr:oadrRequestedOadrPollFreq>{wish}</oadr:oadrRequestedOadrPollFreq>",
        )

    answer(world, CREATE, give)


def start(world: SimulatedVen) -> None:
    world.start()
    world.run(60)


def count(world: SimulatedVen, message: str, since: float = 0.0) -> int:
    return sum(one.name == message and one.at >= since for one in world.vtn.sent)


# --- what it changes ------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["PT10M", "PT1H", "PT24H"])
def test_R14_a_shorter_period_counts_from_the_last_poll_on(
    world: SimulatedVen, before: str
) -> None:
    register_as(world, period=before)
    start(world)
    register_as(world, period="PT10S")
    world.ven.register()
    begun = world.clock.monotonic()
    world.run(120)

    assert count(world, "oadrPoll", begun) >= 10


def test_R14_a_longer_period_counts_from_the_last_poll_on(world: SimulatedVen) -> None:
    register_as(world, period="PT10S")
    start(world)
    register_as(world, period="PT1H")
    world.ven.register()
    begun = world.clock.monotonic()
    world.run(3000)

    assert count(world, "oadrPoll", begun) == 0


@pytest.mark.parametrize("since", ["a failing EiReport", "a quiet moment"])
def test_G10_after_another_venid_nothing_is_sent_under_the_old_one(
    world: SimulatedVen, since: str
) -> None:
    register_as(world)
    start(world)
    if since == "a failing EiReport":
        world.vtn.behaviour["EiReport"] = "status 503", 12
        world.vtn.queue.append("cancel report")
        world.run(40)
    register_as(world, ven_id="ven-2")
    world.ven.register()
    names: list[str] = []

    def look(url: str, body: bytes) -> object:
        names.append(first("venID", body.decode()))
        return world.vtn.post(url, body)

    world.engine.profile.identity.connections._answer = look
    world.run(300)

    assert set(names) == {"ven-2"}


def test_R4_another_venid_than_the_one_that_was_sent_is_followed_and_said() -> None:
    with contextlib.closing(SimulatedVen(1, ven_id="mine")) as world:
        register_as(world, ven_id="theirs")
        start(world)

        assert world.ven.ven_id == "theirs"
        said = [text for _, text in world.lines.seen if "'mine'" in text and "'theirs'" in text]
        assert len(said) == 1

        world.ven.register()  # as what it is called now
        assert len(world.lines.seen) == 1


@pytest.mark.parametrize("query", ["right", "plain response", "empty", "code 452", "status 404"])
def test_R7_the_old_ids_where_none_were_sent_are_a_new_registration(
    world: SimulatedVen, query: str
) -> None:
    register_as(world)
    start(world)
    world.vtn.behaviour["oadrQueryRegistration"] = query, FOR_EVER
    begun = world.clock.monotonic()

    world.ven.register(new=True)
    world.run(30)

    assert count(world, CATALOGUE, begun) == 1


# --- what comes while it is under way -------------------------------------------------------------


@pytest.mark.parametrize("message", [CATALOGUE, "oadrRequestEvent"])
def test_R10_a_wish_to_register_again_that_comes_in_the_bootstrap_is_followed_after_it(
    world: SimulatedVen, message: str
) -> None:
    wishes = [RequestReregistration(ven_id="ven-1")]

    def push(text: str, right: Callable[[], bytes]) -> None:
        if wishes:
            world.engine.transact(world.engine.profile.receive(wishes.pop()))

    answer(world, message, push)
    start(world)

    assert count(world, CREATE) == 2
    assert world.ven.status.state == "registered"


@pytest.mark.parametrize("code", ["200", "452"])
def test_R12_a_cancellation_that_is_asked_for_during_a_renewal_is_sent_after_it(
    world: SimulatedVen, code: str
) -> None:
    start(world)
    register_as(world, code=code)
    request = world.engine.profile.request_cancellation()

    def cancel(text: str, right: Callable[[], bytes]) -> None:
        world.engine.transact(request.step)

    answer(world, CREATE, cancel)
    world.vtn.queue.append("reregister")
    world.run(60)

    assert count(world, "oadrCancelPartyRegistration") == 1
    assert count(world, CREATE) == 2
    assert world.ven.status.state == "unregistered"


def cancelled_by_vtn(world: SimulatedVen) -> Step:
    """The VTN pushes the end of the registration that there is."""

    def step(book: Any, now: datetime) -> Outcome:
        state = book.registration
        ids = {"registration_id": state.registration_id, "ven_id": state.ven_id}
        message = CancelPartyRegistration(request_id="c", **ids)
        return world.engine.profile.receive(message)(book, now)

    return step


def while_answering(world: SimulatedVen, message: str, step: Step, code: str = "200") -> None:
    """Another thread, or a push of the VTN's, gets ``step`` done while ``message`` is answered."""
    steps = [step]

    def give(text: str, right: Callable[[], bytes]) -> Optional[bytes]:
        reply = None
        if steps:
            reply = right() if code == "200" else world.vtn._coded(code, message, text)
            world.engine.transact(steps.pop())
        return reply

    answer(world, message, give)


@pytest.mark.parametrize("code", ["200", "452"])
def test_R11_R12_a_registration_that_both_sides_cancel_ends_once(
    world: SimulatedVen, code: str
) -> None:
    lost: list[str] = []
    world.ven.add_handler("on_registration_lost", lost.append)
    start(world)
    while_answering(world, "oadrCancelPartyRegistration", cancelled_by_vtn(world), code)

    with contextlib.suppress(VenError):
        world.ven.cancel_registration()
    world.run(60)

    assert world.ven.status.state == "unregistered"
    assert len(lost) == 1


@pytest.mark.parametrize("message", [CATALOGUE, "oadrRequestEvent", "oadrQueryRegistration"])
def test_R11_a_reply_that_comes_after_the_end_of_the_registration_is_for_nobody(
    world: SimulatedVen, message: str
) -> None:
    start(world)
    begin = (world.clock.now() + timedelta(hours=9)).replace(microsecond=0)
    world.vtn.events["e"] = VTNEvent("e", begin, 600)
    while_answering(world, message, cancelled_by_vtn(world))

    with contextlib.suppress(VenError):
        world.ven.register(new=True)
    world.run(10)
    sent = len(world.vtn.sent)
    world.run(600)

    assert world.ven.status.state == "unregistered"
    assert world.ven.events == ()
    assert len(world.vtn.sent) == sent


@pytest.mark.parametrize("code", ["200", "452"])
@pytest.mark.parametrize("new", [False, True])
def test_R12_of_a_cancellation_and_a_registration_the_last_wish_counts(
    world: SimulatedVen, code: str, new: bool
) -> None:
    start(world)
    wish = world.engine.profile.request_registration(new).step
    while_answering(world, "oadrCancelPartyRegistration", wish, code)

    with contextlib.suppress(VenError):
        world.ven.cancel_registration()
    world.run(60)

    assert world.ven.status.state == "registered"
    assert world.vtn.record.registered
    assert count(world, CREATE) == 2
    is_new = new or code == "200"
    assert count(world, CATALOGUE) == 1 + is_new


def test_R12_a_registration_after_a_cancellation_names_no_ids_of_before(
    world: SimulatedVen,
) -> None:
    start(world)
    wish = world.engine.profile.request_registration(False).step
    while_answering(world, "oadrCancelPartyRegistration", wish)
    ids: list[tuple[str, str]] = []
    answer(
        world,
        CREATE,
        lambda text, right: ids.append((first("registrationID", text), first("venID", text))),
    )

    with contextlib.suppress(VenError):
        world.ven.cancel_registration()
    world.run(60)

    assert ids == [("", "")]


def test_R12_a_bootstrap_that_began_during_the_cancellation_stands() -> None:
    with contextlib.closing(SimulatedVen(1, register=False, ven_id="ven-1")) as world:
        world.vtn.record.registered = True
        start(world)
        wish = world.engine.profile.request_registration(False).step
        while_answering(world, "oadrCancelPartyRegistration", wish)

        with contextlib.suppress(VenError):
            world.ven.cancel_registration()
        world.vtn.record.registered = True
        world.run(60)
        world.vtn.queue.append("cancel report")
        world.run(60)

        assert world.ven.status.state == "registered"
        assert count(world, "oadrCanceledReport") == 1


def test_R13_a_wish_to_register_is_no_refusal_of_a_cancellation(world: SimulatedVen) -> None:
    start(world)
    answer(
        world,
        "oadrCancelPartyRegistration",
        lambda text, right: payload("oadrRequestReregistration", "<ei:venID>ven-1</ei:venID>"),
    )

    world.ven.cancel_registration()

    assert world.ven.status.state == "unregistered"
    assert count(world, "oadrCancelPartyRegistration") == 1


# --- what is under way when it comes --------------------------------------------------------------


@pytest.mark.parametrize("refuses", [False, True])
def test_R7_what_a_vtn_says_to_an_opt_of_an_earlier_registration_is_not_of_the_opt_that_is_owed(
    world: SimulatedVen, refuses: bool
) -> None:
    start(world)
    replies: list[bytes] = []

    def give(text: str, right: Callable[[], bytes]) -> Optional[bytes]:
        if replies:
            return None
        replies.append(plain_response(first("requestID", text), "450") if refuses else right())
        world.ven.register(new=True)
        return replies[0]

    answer(world, "oadrCreateOpt", give)
    window = (world.clock.now() + timedelta(days=2), 3600)
    world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id="o")

    assert world.vtn.record.opts == {"o"}, "create_opt returned, and the VTN has no opt"
    assert [opt.state for opt in world.ven.opts] == ["confirmed"]


CALLS: dict[str, tuple[str, Callable[[SimulatedVen], object]]] = {
    "create_opt": (
        "oadrCreateOpt",
        lambda world: world.ven.create_opt(
            "optOut", "economic", vavailability=[(world.clock.now() + timedelta(days=2), 3600)]
        ),
    ),
    "request_report": ("oadrCreateReport", lambda world: world.ven.request_report("METADATA")),
    "request_events": ("oadrRequestEvent", lambda world: world.ven.request_events()),
}


@pytest.mark.parametrize("comes", ["right", "late"])
@pytest.mark.parametrize("call", CALLS)
def test_R11_what_the_vtn_agrees_to_and_ends_with_the_registration_is_not_done(
    world: SimulatedVen, call: str, comes: str
) -> None:
    start(world)
    message, use = CALLS[call]

    def give(text: str, right: Callable[[], bytes]) -> bytes:
        reply = created_report(text) if message == "oadrCreateReport" else right()
        world.vtn.queue.append("cancel registration")
        world.run(20 if comes == "right" else 60)
        return reply

    answer(world, message, give)

    with pytest.raises(StateError, match="registration ended"):
        use(world)
    assert not world.ven.opts and world.ven.status.state == "unregistered"


def created_report(text: str) -> bytes:
    """The VTN will report what the VEN asked for."""
    return payload(
        "oadrCreatedReport",
        ei_response(first("requestID", text))
        + "<oadr:oadrPendingReports><ei:reportRequestID>"
        + f"{first('reportRequestID', text)}</ei:reportRequestID></oadr:oadrPendingReports>",
    )


# --- a VEN that registers with none ---------------------------------------------------------------


@pytest.mark.parametrize("report_only", [False, True])
@pytest.mark.parametrize("reply", ["code 450", "status 400", "status 503"])
def test_R13_a_pre_provisioned_ven_answers_again_once_its_polls_are_taken(
    reply: str, report_only: bool
) -> None:
    facts = {"register": False, "ven_id": "ven-1", "report_only": report_only}
    with contextlib.closing(SimulatedVen(1, **facts)) as world:
        world.vtn.record.registered = True
        start(world)
        world.vtn.behaviour["oadrRegisterReport"] = reply, FOR_EVER
        world.vtn.behaviour["oadrRequestEvent"] = reply, FOR_EVER
        world.vtn.behaviour["oadrPoll"] = "not allowed", 1
        world.run(120)
        world.vtn.queue.append("cancel report")
        world.run(60)

        assert count(world, "oadrCanceledReport") == 1
