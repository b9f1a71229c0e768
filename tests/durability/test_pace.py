"""Whatever a VTN answers, for ever: a VEN sends, logs and calls ``on_error`` at most as often as
docs/failures.rst says, and what the user asks for is not held up by that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Callable

import pytest

from tests.models.peer import PeerVTN
from tests.models.simulated import SimulatedVen
from tests.models.test_peer import most_in_a_minute
from tests.models.texts import VTNEvent, texts
from ven_sdk.errors import VenError

pytestmark = pytest.mark.long

MOST = 50
"""Messages in a minute, beside the polls of the period."""
POLLS_A_MINUTE = 7
MOST_REPORTS = 120
MOST_LINES = 15
FOR_EVER = float("inf")


def always(key: str, reply: str) -> Callable[[PeerVTN], None]:
    def prepare(vtn: PeerVTN) -> None:
        vtn.behaviour[key] = reply, FOR_EVER

    return prepare


def queue(what: str) -> Callable[[PeerVTN], None]:
    def prepare(vtn: PeerVTN) -> None:
        vtn.queue.extend([what] * 20_000)

    return prepare


def always_another_version(vtn: PeerVTN) -> None:
    listed = vtn.listed

    def changed() -> bytes:
        for event in vtn.events.values():
            event.modification += 1
        return listed()

    vtn.listed = changed  # type: ignore[method-assign]
    queue("list")(vtn)


def event_comes_and_goes(vtn: PeerVTN) -> None:
    listed, kept = vtn.listed, dict(vtn.events)

    def changed() -> bytes:
        if vtn.events:
            vtn.events.clear()
        else:
            vtn.events.update(kept)
        return listed()

    vtn.listed = changed  # type: ignore[method-assign]
    queue("list")(vtn)


STORMS: dict[str, Callable[[PeerVTN], None]] = {
    "an unchanged list at every poll": queue("list"),
    "a request that runs at every poll": queue("create report"),
    "a new version at every poll": always_another_version,
    "an event that comes and goes at every poll": event_comes_and_goes,
    "a re-registration at every poll": queue("reregister"),
    "a catalogue at every poll": queue("register report"),
    "the end of a report at every poll": queue("cancel report"),
    "another report of the moment at every poll": queue("one report"),
    "ten reports of the moment at every poll": queue("reports 10 0 0"),
    "another series at every poll": queue("reports 1 3600 3600"),
    "463 to every poll": always("oadrPoll", "code 463"),
    "452 to every poll": always("oadrPoll", "code 452"),
    "463 to every event answer": always("oadrCreatedEvent", "code 463"),
    "463 to every request for the list": always("oadrRequestEvent", "code 463"),
    "463 to every catalogue": always("oadrRegisterReport", "code 463"),
    "registrations without IDs": always("oadrCreatePartyRegistration", "without IDs"),
    "an empty body to registrations": always("oadrCreatePartyRegistration", "empty"),
    "503 to event answers": always("oadrCreatedEvent", "status 503"),
    "500 to event answers": always("oadrCreatedEvent", "status 500"),
    "unreadable polls": always("oadrPoll", "unreadable"),
    "polls of a wrong type": always("oadrPoll", "wrong type"),
    "empty everywhere": always("", "empty"),
    "wrong type everywhere": always("", "wrong type"),
    "unreadable everywhere": always("", "unreadable"),
    "459 everywhere": always("", "code 459"),
    "463 everywhere": always("", "code 463"),
    "500 everywhere": always("", "status 500"),
    "lost replies everywhere": always("", "right, but lost"),
}


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    made = SimulatedVen(1)
    start = made.clock.now().replace(microsecond=0) + timedelta(hours=5)
    made.vtn.events["e"] = VTNEvent("e", start, 600)
    made.start()
    made.run(60)
    yield made
    made.close()


@pytest.mark.parametrize("storm", STORMS)
def test_no_answer_of_a_vtn_makes_a_storm(world: SimulatedVen, storm: str) -> None:
    mark, lines, errors = len(world.vtn.sent), len(world.lines.seen), len(world.errors)
    STORMS[storm](world.vtn)
    if "answer" in storm:
        world.vtn.events["e"].modification += 1
        world.vtn.queue.append("list")

    world.run(400)

    assert most_in_a_minute([at for at, _, _ in world.vtn.sent[mark:]], 0) <= MOST + POLLS_A_MINUTE
    assert most_in_a_minute([at for at, _ in world.lines.seen[lines:]], 0) <= MOST_LINES + 1
    assert most_in_a_minute([at for at, _ in world.errors[errors:]], 0) <= MOST_LINES


REPORT_STORMS: dict[str, Callable[[PeerVTN], None]] = {
    "another series of a second at every poll": queue("reports 1 0 1"),
    "a hundred series of ten seconds": lambda vtn: vtn.queue.append("reports 100 10 10"),
    "a hundred series that are refused": lambda vtn: (
        vtn.queue.append("reports 100 10 10"),
        always("oadrUpdateReport", "code 469")(vtn),
    ),
    "a hundred series that the VTN fails over": lambda vtn: (
        vtn.queue.append("reports 100 10 10"),
        always("oadrUpdateReport", "status 500")(vtn),
    ),
    "reports of the moment that are refused": lambda vtn: (
        queue("reports 10 0 0")(vtn),
        always("oadrUpdateReport", "code 459")(vtn),
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("storm", REPORT_STORMS)
def test_reports_stay_below_their_own_bound(world: SimulatedVen, storm: str) -> None:
    mark, lines, errors = len(world.vtn.sent), len(world.lines.seen), len(world.errors)
    REPORT_STORMS[storm](world.vtn)

    world.run(300)

    sent = world.vtn.sent[mark:]
    reports = [at for at, name, _ in sent if name == "oadrUpdateReport"]
    others = [at for at, name, _ in sent if name != "oadrUpdateReport"]
    assert reports
    assert most_in_a_minute(reports, 0) <= MOST_REPORTS
    assert most_in_a_minute(others, 0) <= MOST + POLLS_A_MINUTE
    assert most_in_a_minute([at for at, _ in world.lines.seen[lines:]], 0) <= MOST_LINES + 1
    assert most_in_a_minute([at for at, _ in world.errors[errors:]], 0) <= MOST_LINES


def test_an_honest_site_with_many_series_of_its_own_periods_is_not_held_up(
    world: SimulatedVen,
) -> None:
    periods = range(10, 50)
    world.vtn.queue.extend(f"reports 1 {period} {period}" for period in periods)
    world.run(150)
    came: list[str] = []
    late: list[float] = []
    take_in = world.vtn._oadrUpdateReport

    def update(text: str) -> bytes:
        came.extend(texts("reportRequestID", text))
        newest = max(
            datetime.fromisoformat(f"{one[:19]}+00:00") for one in texts("date-time", text)
        )
        late.append((world.clock.now() - newest).total_seconds())
        return take_in(text)

    world.vtn._oadrUpdateReport = update  # type: ignore[method-assign]
    world.run(300)

    assert max(late) <= 2
    assert len(came) >= sum(300 // period for period in periods)
    assert len(set(came)) == len(periods)


@pytest.mark.parametrize(
    "storm",
    [
        "463 to every poll",
        "463 to every event answer",
        "463 everywhere",
        "a re-registration at every poll",
        "registrations without IDs",
    ],
)
def test_registrations_that_help_nothing_come_with_growing_distance(
    world: SimulatedVen, storm: str
) -> None:
    STORMS[storm](world.vtn)
    world.run(1800)
    mark = len(world.vtn.sent)

    world.run(1800)

    names = [name for _, name, _ in world.vtn.sent[mark:]]
    assert names.count("oadrCreatePartyRegistration") <= 1800 / 30


@pytest.mark.parametrize(
    "storm",
    [
        "an unchanged list at every poll",
        "a request that runs at every poll",
        "a re-registration at every poll",
    ],
)
def test_what_changes_nothing_counts_as_an_empty_queue(world: SimulatedVen, storm: str) -> None:
    STORMS[storm](world.vtn)
    world.run(120)
    mark = len(world.vtn.sent)

    world.run(600)

    names = [name for _, name, _ in world.vtn.sent[mark:]]
    assert names.count("oadrPoll") <= 61


def test_polls_go_on_at_their_period_while_a_full_queue_has_used_up_the_pace(
    world: SimulatedVen,
) -> None:
    STORMS["a new version at every poll"](world.vtn)
    mark = len(world.vtn.sent)

    world.run(300)

    polls = [at for at, name, _ in world.vtn.sent[mark:] if name == "oadrPoll"]
    assert max(after - before for before, after in zip(polls, polls[1:])) <= 12


def test_a_registration_that_fails_for_a_moment_does_not_wait_for_what_is_owed_meanwhile(
    world: SimulatedVen,
) -> None:
    always("oadrCreatedReport", "status 503")(world.vtn)
    STORMS["a request that runs at every poll"](world.vtn)
    world.run(900)
    assert len(world.engine.book.answers) >= 30
    world.stop()
    world.vtn.queue.clear()
    world.vtn.behaviour.clear()
    always("", "unreadable")(world.vtn)
    world.start()
    world.run(8)
    world.vtn.behaviour.clear()
    mark = len(world.vtn.sent)

    world.run(30)

    assert "oadrPoll" in [name for _, name, _ in world.vtn.sent[mark:]]


def test_a_user_who_registers_again_and_again_is_not_held_up_by_the_pace(
    world: SimulatedVen,
) -> None:
    for count in range(40):
        begun = world.clock.monotonic()
        world.ven.register(new=bool(count % 2))
        assert world.clock.monotonic() - begun < 5


@pytest.mark.parametrize(
    "storm", ["a new version at every poll", "the end of a report at every poll"]
)
def test_polls_go_on_at_their_period_when_a_storm_has_used_up_the_pace(
    world: SimulatedVen, storm: str
) -> None:
    STORMS[storm](world.vtn)

    world.run(300)

    polls = [at for at, name, _ in world.vtn.sent if name == "oadrPoll"]
    assert max(later - at for at, later in zip(polls, polls[1:])) <= 11


def test_registrations_that_the_user_asked_for_do_not_delay_one_that_is_needed(
    world: SimulatedVen,
) -> None:
    for _ in range(8):
        world.ven.register()
        world.run(5)
    world.vtn.record.registered = False

    world.run(15)

    assert world.ven.status.state == "registered"
    assert world.vtn.record.registered


def lose_the_ven(world: SimulatedVen) -> float:
    """The VTN forgets the VEN; returns the seconds from its first 463 to the registration."""
    world.vtn.record.registered = False
    mark = len(world.vtn.sent)
    while not world.vtn.record.registered:
        world.run(1)
    since = world.vtn.sent[mark:]
    lost = next(at for at, _, how in since if how == "code 463")
    return next(at for at, name, _ in since if name == "oadrCreatePartyRegistration") - lost


def test_registrations_that_were_asked_for_do_not_delay_one_after_a_loss(
    world: SimulatedVen,
) -> None:
    STORMS["a re-registration at every poll"](world.vtn)
    world.run(1800)
    world.vtn.queue.clear()

    assert lose_the_ven(world) < 1


def test_a_ven_that_is_lost_again_and_again_waits_for_the_distance_of_losses_only(
    world: SimulatedVen,
) -> None:
    waits = [lose_the_ven(world) for _ in range(9)]

    ceilings = (0, 1, 2, 4, 8, 16, 32, 64, 128)
    assert all(wait <= ceiling + 0.1 for wait, ceiling in zip(waits, ceilings)), waits


def test_losses_and_requests_for_registrations_by_turns_come_with_growing_distance(
    world: SimulatedVen,
) -> None:
    world.vtn.endless = "reregister"

    for _ in range(360):
        world.vtn.record.registered = False
        world.run(10)

    late = [name for at, name, _ in world.vtn.sent if at > 1860]
    assert late.count("oadrCreatePartyRegistration") <= 2 * 1800 / 30


def test_polls_that_fail_before_a_queue_is_drained_are_within_the_pace(world: SimulatedVen) -> None:
    mark = len(world.vtn.sent)
    for _ in range(5):
        world.vtn.behaviour["oadrPoll"] = "status 503", 2.0
        world.run(10)

    STORMS["a new version at every poll"](world.vtn)
    world.run(60)

    sent = [at for at, _, _ in world.vtn.sent[mark:]]
    assert most_in_a_minute(sent, 0) <= MOST + POLLS_A_MINUTE


def test_calls_of_the_user_do_not_send_again_what_else_failed(world: SimulatedVen) -> None:
    world.vtn.behaviour["oadrPoll"] = "status 503", FOR_EVER
    world.run(600)
    mark = len(world.vtn.sent)

    for number in range(40):
        start = world.clock.now() + timedelta(days=number)
        window = {"dtstart": start, "duration": 60}
        world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id=f"o{number}")
        world.run(3)

    names = [name for _, name, _ in world.vtn.sent[mark:]]
    assert names.count("oadrCreateOpt") == 40
    assert names.count("oadrPoll") <= 4


def call_often(world: SimulatedVen, call: Callable[[int], object], times: int = 20) -> list[str]:
    """The names of what the VEN sends in 5 s times ``times``, with a call at the start of each."""
    mark = len(world.vtn.sent)
    for number in range(times):
        end = world.clock.monotonic() + 5
        with contextlib.suppress(VenError):
            call(number)
        world.run(end - world.clock.monotonic())
    return [name for _, name, _ in world.vtn.sent[mark:]]


def opt_of(world: SimulatedVen) -> Callable[[int], object]:
    def create(number: int) -> None:
        window = {"dtstart": world.clock.now() + timedelta(days=number), "duration": 60}
        world.ven.create_opt("optOut", "economic", vavailability=[window], opt_id=f"o{number}")

    return create


CALLS: dict[str, Callable[[SimulatedVen], Callable[[int], object]]] = {
    "oadrCreateOpt": opt_of,
    "oadrRequestEvent": lambda world: lambda number: world.ven.request_events(),
    "oadrQueryRegistration": lambda world: lambda number: world.ven.register(),
}


BROUGHT = {"oadrQueryRegistration": ("oadrCreatePartyRegistration", "oadrRequestEvent")}
"""What the call brings besides: the registration, where the query was not answered three times, and
the list of events, which does not wait for it while a registration stands.
"""


@pytest.mark.parametrize("reply", ["refused connection", "no answer", "right, but lost"])
@pytest.mark.parametrize("message", CALLS)
def test_calls_of_the_user_over_a_link_that_fails_send_their_own_messages_only(
    message: str, reply: str
) -> None:
    with contextlib.closing(SimulatedVen(1, timeout=2)) as world:
        world.start()
        world.run(60)
        world.vtn.behaviour[""] = reply, FOR_EVER
        world.run(600)

        names = call_often(world, CALLS[message](world))

        assert names.count(message) >= 20, "each call sends its message at once"
        its_own = (message, *BROUGHT.get(message, ()))
        beside = [name for name in names if name not in its_own]
        beside += [name for name in its_own for _ in range(names.count(name) - 20)]
        assert len(beside) <= 100 / 30 + 1, "all but one of each a call waits for the link"


def test_calls_of_the_user_do_not_shorten_the_distance_of_registrations_after_losses() -> None:
    with contextlib.closing(SimulatedVen(1, timeout=2)) as world:
        world.start()
        world.run(60)
        world.vtn.behaviour["oadrPoll"] = "code 463", FOR_EVER
        world.run(1200)

        names = call_often(world, opt_of(world))

        assert names.count("oadrCreatePartyRegistration") <= 100 / 75 + 1


@pytest.mark.parametrize("settings", [{}, {"register": False, "ven_id": "v1"}], ids=str)
def test_a_registration_that_the_user_asked_for_ends_the_pause_after_losses(
    settings: dict[str, Any],
) -> None:
    with contextlib.closing(SimulatedVen(1, timeout=2, **settings)) as world:
        world.vtn.record.registered = bool(settings)
        world.start()
        world.run(60)
        world.vtn.behaviour["oadrPoll"] = "code 463", FOR_EVER
        losses = len(world.vtn.sent)
        world.run_until(lambda: len(world.vtn.sent) > losses + 40, 3600)
        world.run_until(lambda: world.vtn.sent[-1].how == "code 463", 600)
        del world.vtn.behaviour["oadrPoll"]
        world.vtn.record.registered = bool(settings)
        mark = len(world.vtn.sent)

        world.ven.register()
        world.run(30)

        assert "oadrPoll" in [name for _, name, _ in world.vtn.sent[mark:]]
