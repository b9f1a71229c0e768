"""How far registrations keep from each other that a VTN brings about."""

from __future__ import annotations

from ven_sdk.runtime.conversation.registrations import Registrations
from ven_sdk.state.outcome import NOTHING
from ven_sdk.tasks import Task
from ven_sdk.transport.backoff import Backoff

REGISTRATION = Task(
    "registration", "", (), lambda _: lambda book, now: NOTHING, lambda _: lambda book, now: NOTHING
)


def registrations() -> Registrations:
    return Registrations(lambda: Backoff(cap=3600.0, random=lambda: 1.0))


def test_replies_on_several_lanes_that_the_ven_is_unknown_are_one_loss() -> None:
    lanes = registrations()
    sent_at = lanes.mark
    assert lanes.lose(0.0, sent_at) == 0.0, "the first time at once"
    assert [lanes.lose(0.1, sent_at) for _ in range(3)] == [None] * 3
    other = registrations()
    other.lose(0.0, other.mark)
    assert lanes.lose(1.0, lanes.mark) == other.lose(1.0, other.mark), "the distance is that of two"


def test_a_vtn_that_goes_on_saying_so_is_asked_with_growing_distance() -> None:
    lanes = registrations()
    pauses = [lanes.lose(0.0, lanes.mark) for _ in range(4)]
    assert None not in pauses
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses, key=lambda pause: pause or 0.0)
    assert pauses[3] > pauses[1]  # type: ignore[operator]


def test_a_reply_to_a_message_of_before_says_nothing_about_the_new_registration() -> None:
    lanes = registrations()
    sent_at = lanes.mark
    lanes.lose(0.0, sent_at)
    before = lanes.mark
    lanes.note(REGISTRATION, 1.0)
    assert [lanes.lose(2.0, mark) for mark in (sent_at, before)] == [None, None]
    assert lanes.lose(3.0, lanes.mark) is not None
