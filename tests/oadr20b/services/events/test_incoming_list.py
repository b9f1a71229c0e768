"""Lists, identity and modification (rules E1 to E14 and E26)."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, Harness, opted_in
from ven_sdk.errors import PayloadError
from ven_sdk.events import queries
from ven_sdk.oadr20b.schema.events import FaultyEvent
from ven_sdk.oadr20b.services import events


def known(ven: Harness) -> list[str]:
    return sorted(one.event_id for one in queries.events(tuple(ven.book.events.values()), ven.now))


def test_e1_an_incomplete_list_cancels_nothing() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b")))

    ven.send(distribute(event("c")), complete=False)

    assert known(ven) == ["a", "b", "c"]
    assert "on_cancel_event" not in ven.names()


def test_e1_the_request_for_the_list_has_no_reply_limit() -> None:
    ven = Harness()

    task = events.request_task(
        ven.book, lambda reply: lambda book, now: None, lambda error: lambda book, now: None
    )

    assert (task.name, task.record.ven_id, task.record.reply_limit) == (
        "event request",
        "ven",
        None,
    )


@pytest.mark.parametrize("number", [0, 1, 17, 4294967295])
def test_e2_an_unknown_event_is_new_whatever_its_number(number: int) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("a", number)))

    assert ven.names() == ["on_event"]
    assert ven.responses(ven.answer()) == [("a", "200", number, "optIn")]


def test_e3_a_higher_number_replaces_the_event() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))

    ven.send(distribute(event("a", 2, start=NOON + 3 * HOUR, signals=[signal(3)])))

    assert ven.names() == ["on_event", "on_update_event"]
    assert ven.last("on_update_event")[0].modification_number == 2
    ven.advance(NOON + 3 * HOUR)
    assert ven.last("on_interval_start")[2].signal_payload == 3
    assert ven.times("on_event_start") == [NOON + 3 * HOUR]


def test_e4_the_same_number_changes_nothing_whatever_else_differs() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    before = ven.book.events["a"]

    ven.send(distribute(event("a", status="active", start=NOON + 5 * HOUR, signals=[signal(3)])))

    assert ven.names() == ["on_event"]
    assert ven.book.events["a"] == before


def test_e4_cancelled_with_an_unchanged_number_is_acted_on() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.answer()

    ven.send(distribute(event("a", status="cancelled")))

    assert ven.names() == ["on_event", "on_cancel_event"]
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


def test_e5_a_lower_number_is_ignored_and_answered_450_with_the_opt_held() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 3)))
    ven.answer()

    ven.send(distribute(event("a", 2, start=NOON + 9 * HOUR)))

    assert ven.responses(ven.answer()) == [("a", "450", 2, "optIn")]
    assert ven.names() == ["on_event"]
    assert ven.book.events["a"].event.modification_number == 3


def test_e5_a_lower_number_is_450_until_the_cancellation_is_acknowledged() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 3)))
    ven.answer()
    ven.send(distribute(event("a", 4, status="cancelled")))
    ven.send(distribute(event("a", 1)))
    assert ven.responses(ven.answer()) == [("a", "200", 4, "optIn"), ("a", "450", 1, "optIn")]

    ven.send(distribute(event("a", 1)))

    assert ven.names("on_event") == ["on_event", "on_event"]
    assert ven.responses(ven.answer()) == [("a", "200", 1, "optIn")]


def test_e6_an_event_gone_from_a_complete_list_is_cancelled_without_an_answer() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b")))
    ven.answer()

    ven.send(distribute(event("b")))

    gone, implied = ven.last("on_cancel_event")
    assert (gone.event_id, implied) == ("a", True)
    assert ven.responses(ven.answer()) == [("b", "200", 0, "optIn")]
    assert known(ven) == ["b"]


def test_e6_a_running_event_gone_from_the_list_ends_once() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.advance(NOON + 90 * MINUTE)

    ven.send(distribute())
    ven.advance(5 * HOUR)

    assert ven.names("on_event_start", "on_cancel_event", "on_event_end") == [
        "on_event_start",
        "on_cancel_event",
        "on_event_end",
    ]
    assert ven.times("on_event_end") == [NOON + 90 * MINUTE]


def test_e6_a_locally_completed_event_is_simply_forgotten() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", tolerance=30 * MINUTE)))
    ven.answer()
    ven.advance(NOON + 2 * HOUR + 29 * MINUTE)
    ven.book.events["a"]

    ven.send(distribute())

    assert "on_cancel_event" not in ven.names()
    assert ven.book.events == {}


def test_e6_with_implied_cancel_switched_off_a_missing_event_runs_on() -> None:
    ven = Harness(opted_in(), implied_cancel=False)
    ven.send(distribute(event("a")))

    ven.send(distribute(event("b", start=NOON + 9 * HOUR)))
    ven.advance(NOON + 3 * HOUR)

    assert ven.names("on_cancel_event", "on_event_start", "on_event_end") == [
        "on_event_start",
        "on_event_end",
    ]


def test_e7_an_empty_list_cancels_all() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b"), event("c")))

    ven.send(distribute())

    assert ven.names("on_cancel_event") == ["on_cancel_event"] * 3
    assert ven.book.events == {}


def test_e8_a_cancelled_event_stops_and_is_forgotten_after_the_acknowledgement() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.advance(NOON + HOUR)

    ven.send(distribute(event("a", 1, status="cancelled")))

    assert ven.names("on_cancel_event", "on_event_end") == ["on_cancel_event", "on_event_end"]
    assert ven.last("on_cancel_event")[1] is False
    assert known(ven) == ["a"]
    ven.answer()
    assert ven.book.events == {}


@pytest.mark.parametrize(
    "required, responses", [("always", [("a", "200", 7, "optIn")]), ("never", [])]
)
def test_e9_an_unknown_cancelled_event_is_no_error(required: str, responses: list[Any]) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("a", 7, status="cancelled", required=required)))

    assert ven.calls == []
    assert ven.responses(ven.answer()) == responses
    assert ven.book.events == {}


def test_e10_the_same_id_after_an_implied_cancel_is_a_new_event() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 4)))
    ven.send(distribute())

    ven.send(distribute(event("a", 4)))

    assert ven.names() == ["on_event", "on_cancel_event", "on_event"]


def test_e10_an_event_that_comes_back_while_its_cancelled_run_goes_on_ends_that_run_first() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", tolerance=20 * MINUTE)))
    ven.advance(NOON + 90 * MINUTE)
    ven.send(distribute())

    ven.send(distribute(event("a", length=4 * HOUR)))

    assert ven.names("on_event", "on_event_start", "on_event_end") == [
        "on_event",
        "on_event_start",
        "on_event_end",
        "on_event",
        "on_event_start",
    ]


def test_e11_each_event_of_a_mixed_list_gets_its_own_code() -> None:
    ven = Harness(
        opted_in(),
        market_contexts=["http://ours"],
        targets={"resource_id": ["r1"]},
        signals=["SIMPLE"],
    )
    ours = {"context": "http://ours"}
    faulty = FaultyEvent(
        event_id="f",
        modification_number=1,
        response_required="always",
        error=PayloadError("no dtstart"),
    )

    ven.send(
        distribute(
            event("a", **ours),
            event("b", context="http://theirs"),
            event("c", targets=[{"resource_id": "r2"}], **ours),
            event("d", signals=[signal(5, name="x-own")], **ours),
            faulty=(faulty,),
        )
    )

    assert ven.responses(ven.answer()) == [
        ("a", "200", 0, "optIn"),
        ("b", "462", 0, "optOut"),
        ("c", "462", 0, "optOut"),
        ("d", "460", 0, "optOut"),
        ("f", "454", 1, "optOut"),
    ]
    assert [call.arguments[0].event_id for call in ven.calls] == ["a"]


def test_e11_an_event_that_cannot_be_read_counts_as_present_and_runs_as_it_was() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.answer()

    ven.send(
        distribute(
            faulty=(
                FaultyEvent(
                    event_id="a",
                    modification_number=1,
                    response_required="always",
                    error=PayloadError("no dtstart"),
                ),
            )
        )
    )

    record = ven.answer()
    assert ven.responses(record) == [("a", "454", 1, "optIn")]
    assert "modification 0 goes on" in record.event_responses[0].response_description
    ven.advance(NOON + 3 * HOUR)
    assert ven.names("on_cancel_event", "on_event_start", "on_event_end") == [
        "on_event_start",
        "on_event_end",
    ]


@pytest.mark.parametrize(
    "event_id, required, count", [("a", "never", 0), (None, "always", 0), ("z", None, 1)]
)
def test_e11_a_faulty_event_is_answered_only_where_that_can_be_done(
    event_id: Any, required: Any, count: int
) -> None:
    ven = Harness(opted_in())

    ven.send(
        distribute(
            faulty=(
                FaultyEvent(
                    event_id=event_id,
                    modification_number=None,
                    response_required=required,
                    error=PayloadError("broken"),
                ),
            )
        )
    )

    assert len(ven.responses(ven.answer())) == count
    assert len(ven.errors()) == 1


@pytest.mark.parametrize(
    "message",
    [
        distribute(code="500"),
        distribute(code="452"),
        distribute(vtn_id="other"),
        distribute(vtn_id="VTN"),
    ],
    ids=["E12-500", "E12-452", "E12-vtnID", "G11-case"],
)
def test_e12_a_failure_of_the_whole_message_is_no_empty_list(message: Any) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    before = dict(ven.book.events)

    ven.send(message)

    assert ven.book.events == before
    assert ven.names() == ["on_event"]


def test_e12_a_list_of_another_vtn_is_answered_452_without_event_responses() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("a"), vtn_id="other", request_id="theirs"))

    (owed,) = ven.book.answers.values()
    assert owed.payload == "oadrCreatedEvent"
    assert owed.record["response"]["response_code"] == "452"
    assert owed.record["response"]["request_id"] == "theirs"
    assert not owed.record.get("event_responses")
    assert ven.book.events == {}


def test_e12_before_the_registration_named_a_vtn_any_is_taken() -> None:
    ven = Harness(opted_in(), vtn_id=None)

    ven.send(distribute(event("a"), vtn_id="whoever"))

    assert known(ven) == ["a"]


def test_e13_the_order_of_the_list_does_not_matter() -> None:
    listed = [
        event("a", start=NOON - MINUTE, status="active"),
        event("b", 2),
        event("c", 1, status="cancelled"),
        event("d", priority=1),
    ]
    seen = set()
    for order in permutations(listed):
        ven = Harness(opted_in())
        ven.send(distribute(event("b"), event("c")))
        ven.send(distribute(*order))
        seen.add(
            (tuple(ven.responses(ven.answer())), tuple(known(ven)), tuple(sorted(ven.names())))
        )

    assert len(seen) == 1


def test_e13_an_event_that_stands_twice_in_a_list_ends_as_its_higher_number() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("a", 1), event("a", 0)))

    assert ven.book.events["a"].event.modification_number == 1
    assert ven.responses(ven.answer()) == [("a", "200", 1, "optIn"), ("a", "450", 0, "optOut")]


def test_e14_the_new_vtn_after_a_cancelled_registration_starts_with_no_events() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 5)))
    ven.run(lambda book, now: events.drop_all(book, now, "cancelled by the VTN"))

    ven.send(distribute(event("a", 0)))

    assert ven.names("on_event") == ["on_event", "on_event"]
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


@pytest.mark.parametrize(
    "late",
    [
        event("a", status="completed"),
        event("a", start=NOON - 2 * HOUR),
        event("a", start=NOON - HOUR, status="active"),
    ],
    ids=["E26-completed", "E26-past", "E26-just past"],
)
def test_e26_an_unknown_event_that_is_over_is_answered_optout_and_reaches_no_handler(
    late: Any,
) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(late))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]
    assert ven.calls == []
    assert ven.book.events == {}


def test_e26_an_unknown_open_ended_event_is_never_over() -> None:
    ven = Harness(opted_in())

    ven.send(
        distribute(
            event(
                "a",
                start=NOON - 9 * HOUR,
                length=timedelta(0),
                signals=[signal(2, each=timedelta(0))],
            )
        )
    )

    assert ven.names() == ["on_event", "on_event_start", "on_interval_start"]


def test_registration_gone_ends_what_runs_once_and_forgets_all() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b", start=NOON + 9 * HOUR)))
    ven.advance(NOON + HOUR)

    ven.run(lambda book, now: events.drop_all(book, now, "cancelled by the VTN"))
    ven.advance(24 * HOUR)

    assert ven.names("on_event_start", "on_event_end", "on_cancel_event") == [
        "on_event_start",
        "on_event_end",
    ]
    assert ven.book.events == {}
    assert ven.answer() is None
    assert ven.timers == {}
