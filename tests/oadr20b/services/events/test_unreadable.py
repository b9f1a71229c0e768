"""Events that cannot be read (E11): what the VTN is told, and what the VEN does, agree."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, Harness, opted_in
from ven_sdk.errors import PayloadError
from ven_sdk.events import queries
from ven_sdk.oadr20b.schema.events import FaultyEvent


def unreadable(
    id: Optional[str] = "a",
    number: Optional[int] = 3,
    status: Optional[str] = "active",
    required: Optional[str] = "always",
) -> FaultyEvent:
    return FaultyEvent(
        event_id=id,
        modification_number=number,
        event_status=status,
        market_context=None,
        test_event=None,
        response_required=required,
        error=PayloadError("an interval has no signalPayload", path="a/intervals"),
    )


def running(**handlers: Any) -> Harness:
    """A VEN in the middle of event ``a``, modification 2, level 1."""
    ven = Harness(opted_in(**handlers))
    ven.send(distribute(event("a", 2)))
    ven.answer()
    ven.advance(NOON + 70 * MINUTE)
    return ven


def level(ven: Harness) -> int:
    return queries.current_level(tuple(ven.book.events.values()), ven.now)


@pytest.mark.parametrize(
    "faulty, answered, goes_on",
    [
        (unreadable(number=3), ("454", 3, "optIn"), True),
        (unreadable(number=2), ("200", 2, "optIn"), True),
        (unreadable(number=1), ("450", 1, "optIn"), True),
        (unreadable(number=None), ("454", 2, "optIn"), True),
        (unreadable(number=3, status=None), ("454", 3, "optIn"), True),
        (unreadable(number=3, required=None), ("454", 3, "optIn"), True),
        (unreadable(number=3, required="never"), None, True),
        (unreadable(number=3, status="cancelled"), ("200", 3, "optIn"), False),
        (unreadable(number=2, status="cancelled"), ("200", 2, "optIn"), False),
        (unreadable(number=1, status="cancelled"), ("450", 1, "optIn"), True),
        (unreadable(number=3, status="cancelled", required="never"), None, False),
        (unreadable(number=None, status="cancelled"), ("454", 2, "optIn"), True),
    ],
    ids=[
        "newer",
        "the same number",
        "older",
        "number unreadable",
        "status unreadable",
        "wish for a response unreadable",
        "no response wanted",
        "a cancellation",
        "a cancellation under the same number",
        "an old cancellation",
        "a cancellation without response",
        "a cancellation without number",
    ],
)
def test_e11_of_a_running_event(
    faulty: FaultyEvent, answered: Optional[tuple[Any, ...]], goes_on: bool
) -> None:
    ven = running()

    ven.send(distribute(faulty=(faulty,)))

    responses = ven.responses(ven.answer())
    assert responses == ([] if answered is None else [("a", answered[0], *answered[1:])])
    assert level(ven) == (1 if goes_on else 0)
    ven.advance(9 * HOUR)
    assert len(ven.times("on_event_end")) == 1
    assert ven.names("on_cancel_event") == ([] if goes_on else ["on_cancel_event"])


@pytest.mark.parametrize(
    "faulty, answered",
    [
        (unreadable(), ("454", 3, "optOut")),
        (unreadable(number=None), ("454", 0, "optOut")),
        (unreadable(status="cancelled"), ("200", 3, "optIn")),
        (unreadable(status="cancelled", required="never"), None),
        (unreadable(required="never"), None),
        (unreadable(id=None), None),
    ],
    ids=[
        "new",
        "without a number",
        "a cancellation (E9)",
        "a cancellation without response",
        "no response wanted",
        "nameless",
    ],
)
def test_e11_of_an_event_that_is_not_known(
    faulty: FaultyEvent, answered: Optional[tuple[Any, ...]]
) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("good"), faulty=(faulty,)))

    others = [one for one in ven.responses(ven.answer()) if one[0] != "good"]
    assert others == ([] if answered is None else [("a", answered[0], *answered[1:])])
    assert ven.names() == ["on_event"]


@pytest.mark.parametrize("decision", ["optIn", "optOut"])
def test_e11_while_the_version_held_is_undecided_nothing_is_invented(decision: str) -> None:
    ven = Harness(opted_in(on_event=lambda event: decision))
    ven.slow.add("on_event")
    ven.send(distribute(event("a", 2)))

    ven.send(distribute(faulty=(unreadable(),)))
    assert ven.answer() is None

    ven.release()
    assert ven.responses(ven.answer()) == [("a", "454", 3, decision)]


def test_e11_an_opt_given_meanwhile_is_said_about_the_number_that_the_vtn_has() -> None:
    ven = running()
    ven.send(distribute(faulty=(unreadable(),)))
    ven.answer()

    ven.opt("a", "optOut")

    assert ven.responses(ven.answer()) == [("a", "454", 3, "optOut")]
    assert level(ven) == 0


def test_e11_every_list_that_repeats_it_is_answered_and_the_next_readable_version_rules() -> None:
    ven = running()
    for _ in range(3):
        ven.send(distribute(faulty=(unreadable(),)))
        assert ven.responses(ven.answer()) == [("a", "454", 3, "optIn")]
        assert ven.answer() is None

    ven.restart()
    assert level(ven) == 1
    ven.send(distribute(event("a", 4, signals=[signal(3)])))

    assert ven.responses(ven.answer()) == [("a", "200", 4, "optIn")]
    assert level(ven) == 3


def test_e11_a_version_that_is_readable_again_under_the_held_number_is_as_before() -> None:
    ven = running()
    ven.send(distribute(faulty=(unreadable(),)))
    ven.answer()

    ven.send(distribute(event("a", 2)))

    assert ven.responses(ven.answer()) == [("a", "200", 2, "optIn")]
    assert level(ven) == 1


def test_of_many_unreadable_events_a_few_are_named_and_the_rest_is_counted() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(faulty=tuple(unreadable(f"e{number}") for number in range(9))))

    named = [note.text for note in ven.notes if "could not be read: " in note.text]
    assert len(named) == 5
    assert [note.text for note in ven.notes if "4 more could not be read" in note.text]
