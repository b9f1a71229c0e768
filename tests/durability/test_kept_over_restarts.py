"""What a VEN was told to do, and what it must never do twice, outlives its process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Callable

import pytest

from tests.models.simulated import SimulatedVen
from ven_sdk.errors import ProtocolError, SecurityError, TransportError
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.oadr20b.state.nonces import TABLE, keep_nonce

CANCELLATION, CANCELED = "oadrCancelPartyRegistration", "oadrCanceledPartyRegistration"
AFTER_THE_END = {"oadrPoll", "oadrQueryRegistration", "oadrCreatePartyRegistration"}
NOON = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def world() -> Iterator[SimulatedVen]:
    made = SimulatedVen(1)
    made.start()
    made.run(30)
    yield made
    made.close()


# --- the end of a registration --------------------------------------------------------------------


def test_463_to_a_cancellation_leaves_the_ven_unregistered_and_is_no_error(
    world: SimulatedVen,
) -> None:
    world.vtn.behaviour[CANCELLATION] = "code 463", 1.0

    world.ven.cancel_registration()
    mark = len(world.vtn.sent)
    world.run(600)

    assert world.ven.status.state == "unregistered"
    assert world.ven.registration_id is None
    assert [name for _, name, _ in world.vtn.sent[mark:]] == []


@pytest.mark.parametrize("end", [SimulatedVen.stop, SimulatedVen.kill], ids=["stop", "kill"])
@pytest.mark.parametrize("reply", ["no answer", "refused connection", "status 503"])
def test_a_cancellation_that_was_asked_for_is_sent_after_the_restart_before_anything_else(
    world: SimulatedVen, end: Callable[[SimulatedVen], None], reply: str
) -> None:
    world.vtn.behaviour[CANCELLATION] = reply, float("inf")
    with pytest.raises(TransportError):
        world.ven.cancel_registration()

    end(world)
    world.vtn.behaviour.clear()
    mark = len(world.vtn.sent)
    world.start()
    world.run(300)

    assert [name for _, name, _ in world.vtn.sent[mark:]] == [CANCELLATION]
    assert not world.vtn.record.registered
    assert world.ven.status.state == "unregistered"


def test_463_to_an_answer_does_not_undo_a_cancellation(world: SimulatedVen) -> None:
    world.vtn.queue.append("create report")
    for name in ("oadrCreatedReport", CANCELLATION):
        world.vtn.behaviour[name] = "status 503", float("inf")
    world.run(12)
    with pytest.raises(TransportError):
        world.ven.cancel_registration()
    mark = len(world.vtn.sent)

    world.vtn.behaviour["oadrCreatedReport"] = "code 463", float("inf")
    world.run(120)
    world.vtn.behaviour.clear()
    world.run(120)

    assert world.ven.status.state == "unregistered"
    since = world.vtn.sent[mark:]
    assert ("oadrCreatedReport", "code 463") in [(name, how) for _, name, how in since]
    assert {name for _, name, _ in since} == {"oadrCreatedReport", CANCELLATION}


def test_a_vtn_that_ended_the_registration_and_answers_463_hears_nothing_more(
    world: SimulatedVen,
) -> None:
    world.vtn.behaviour[CANCELED] = "code 463", float("inf")
    world.vtn.queue.append("cancel registration")
    mark = len(world.vtn.sent)

    world.run(3600)

    assert world.ven.status.state == "unregistered"
    assert [name for _, name, _ in world.vtn.sent[mark:]] == ["oadrPoll", CANCELED]


def test_a_cancellation_that_the_vtn_refused_is_not_remembered(world: SimulatedVen) -> None:
    world.vtn.behaviour[CANCELLATION] = "code 459", 1.0
    with pytest.raises(ProtocolError, match="459"):
        world.ven.cancel_registration()

    world.kill()
    world.start()
    world.run(60)

    assert world.ven.status.state == "registered"
    assert CANCELLATION not in [name for _, name, _ in world.vtn.sent[-5:]]


# --- the memory against replays -------------------------------------------------------------------


class Processes:
    """One process after another with the same store."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        self.identity = SigningIdentity(secure=False, vtn_fingerprint="AA:" * 9 + "AA")
        self.identity.restore_nonces(self.rows)
        self.identity.add_nonce_writer(self.write)

    def write(self, nonce: str, moment: datetime, forgotten: tuple[str, ...]) -> None:
        for table, key, value in keep_nonce(self.rows, nonce, moment, forgotten):
            assert table == TABLE
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def accepts(self, nonce: str, signed_at: datetime, now: datetime) -> bool:
        guard = self.identity._replay
        assert guard is not None
        try:
            guard.check(signed_at, nonce, now)
        except SecurityError:
            return False
        return True


def test_what_was_forgotten_of_the_replay_memory_stays_forgotten_over_restarts() -> None:
    processes = Processes()
    assert processes.accepts("old", NOON, NOON)
    assert processes.accepts("new", NOON + timedelta(hours=1), NOON + timedelta(hours=1))
    assert "old" not in processes.rows  # two windows old: forgotten

    for _ in range(3):
        processes.begin()
        # the clock is set back, and the old message is fresh again
        assert not processes.accepts("old", NOON, NOON)
        assert not processes.accepts("other", NOON, NOON)  # who knows whether it was seen
        assert not processes.accepts(
            "new", NOON + timedelta(hours=1), NOON + timedelta(hours=1, seconds=1)
        )


def test_the_floor_never_sinks_whatever_is_forgotten_later() -> None:
    processes = Processes()
    for hours in (5, 3, 6, 8):
        at = NOON + timedelta(hours=hours)
        processes.accepts(f"at {hours}", at, at)
        processes.begin()

    assert not processes.accepts("again", NOON + timedelta(hours=5), NOON + timedelta(hours=5))
    assert not processes.accepts("again", NOON + timedelta(hours=6), NOON + timedelta(hours=6))
