"""Answering: what is owed, under which IDs, and what an acknowledgement means (rules E15 to
E25).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.oadr20b.services.builders import distribute, event
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND, Harness, opted_in
from ven_sdk import enums
from ven_sdk.errors import ConfigurationError, StateError
from ven_sdk.oadr20b.services import events
from ven_sdk.usercode.decisions import DEFER


def test_e15_every_event_of_every_list_that_wants_a_response_gets_one() -> None:
    ven = Harness(opted_in())
    ven.send(
        distribute(
            event("same"),
            event("changed"),
            event("cancelled"),
            event("over", start=NOON - 59 * MINUTE),
        )
    )
    ven.answer()
    ven.advance(2 * MINUTE)

    ven.send(
        distribute(
            event("same"),
            event("changed", 1),
            event("cancelled", 1, status="cancelled"),
            event("unknown", 4, status="cancelled"),
            event("over", start=NOON - 59 * MINUTE, status="completed"),
        )
    )

    assert ven.responses(ven.answer()) == [
        ("cancelled", "200", 1, "optIn"),
        ("changed", "200", 1, "optIn"),
        ("over", "200", 0, "optOut"),
        ("same", "200", 0, "optIn"),
        ("unknown", "200", 4, "optIn"),
    ]


def test_e15_a_locally_completed_event_still_known_is_answered_with_the_opt_held() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", tolerance=HOUR)))
    ven.answer()
    ven.advance(NOON + 2 * HOUR + 59 * MINUTE)

    ven.send(distribute(event("a", tolerance=HOUR, status="active")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


def test_e15_a_refused_event_is_answered_the_same_every_time() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])
    for request_id in ("one", "two", "three"):
        ven.send(distribute(event("a"), request_id=request_id))
        record = ven.answer()
        assert ven.responses(record) == [("a", "462", 0, "optOut")]
        assert record.event_responses[0].request_id == request_id
    assert ven.calls == []


@pytest.mark.parametrize(
    "after",
    [
        (),
        (event("a", 3, required="never"),),
        (event("a", 4, required="never"),),
        (event("a", 4, status="cancelled", required="never"),),
        (event("a", 2, required="never"),),
    ],
    ids=["E16-gone", "E16-same", "E16-modified", "E16-cancelled", "E16-lower"],
)
def test_e16_never_gets_no_response_but_is_carried_out(after: Any) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 3, required="never")))
    ven.advance(NOON + HOUR)

    ven.send(distribute(*after))

    assert ven.answer() is None
    assert ven.names("on_event", "on_event_start") == ["on_event", "on_event_start"]


def test_e16_an_erroneous_event_that_wants_no_response_gets_none() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])

    ven.send(
        distribute(
            event("a", required="never"), event("b", 1, status="cancelled", required="never")
        )
    )

    assert ven.answer() is None


def test_e16_an_opt_of_the_user_for_such_an_event_is_local() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", required="never")))

    ven.opt("a", "optOut")
    ven.advance(NOON + 3 * HOUR)

    assert ven.answer() is None
    assert "on_event_start" not in ven.names()


def test_e16_a_repeated_list_may_want_a_response_that_the_first_did_not() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", required="never")))

    ven.send(distribute(event("a", required="always")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


def test_e17_all_that_is_ready_goes_into_one_answer_and_a_slow_handler_holds_up_nobody_else() -> (
    None
):
    ven = Harness(opted_in(on_update_event=lambda event: "optIn"))
    ven.send(distribute(event("slow")))
    ven.answer()
    ven.slow.add("on_update_event")
    ven.send(distribute(event("slow", 1), event("a"), event("b")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn"), ("b", "200", 0, "optIn")]
    assert ven.answer() is None
    ven.release()
    assert ven.responses(ven.answer()) == [("slow", "200", 1, "optIn")]


def test_e17_deciding_says_whether_a_handler_of_the_latest_list_is_still_at_it() -> None:
    ven = Harness(opted_in())
    ven.slow.add("on_event")
    ven.send(distribute(event("a")))
    assert events.is_deciding(ven.book, ven.now)

    ven.send(distribute(event("a")))
    assert not events.is_deciding(ven.book, ven.now)

    ven.send(distribute(event("a"), event("b")))
    ven.release()
    assert not events.is_deciding(ven.book, ven.now)


def test_e18_after_the_opt_timeout_the_default_goes_out_and_the_later_answer_as_a_change() -> None:
    ven = Harness(opted_in(), opt_timeout=60, default_opt="optOut")
    ven.slow.add("on_event")
    ven.send(distribute(event("a")))
    ven.advance(59 * SECOND)
    assert ven.answer() is None

    ven.advance(SECOND)
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]

    ven.release()
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]
    assert ven.answer() is None


def test_e18_the_default_opt_is_the_one_that_was_set() -> None:
    ven = Harness({"on_event": lambda event: DEFER}, opt_timeout=5, default_opt="optIn")
    ven.send(distribute(event("a")))

    ven.advance(5 * SECOND)

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


def test_e18_a_deferred_event_repeated_meanwhile_is_neither_delivered_again_nor_answered() -> None:
    ven = Harness({"on_event": lambda event: DEFER})
    ven.send(distribute(event("a"), request_id="one"))

    ven.send(distribute(event("a"), request_id="two"))

    assert ven.names() == ["on_event"]
    assert ven.answer() is None
    ven.opt("a", "optIn")
    record = ven.answer()
    assert ven.responses(record) == [("a", "200", 0, "optIn")]
    assert record.event_responses[0].request_id == "two"


def test_e19_an_erroneous_event_does_not_make_the_message_one() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])
    ven.send(distribute(event("a")))

    assert ven.answer().response.response_code == "200"


def test_e20_the_responses_carry_the_lists_top_level_request_id_and_the_eiresponse_none() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b", 9, status="cancelled"), request_id="top"))

    record = ven.answer()

    assert {one.request_id for one in record.event_responses} == {"top"}
    assert record.response.request_id == ""
    assert record.ven_id == "ven"


def test_e21_without_responses_there_is_no_message() -> None:
    ven = Harness(opted_in())

    ven.send(distribute())

    assert ven.answer() is None


def test_e22_the_number_is_repeated_as_received() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 6)))
    ven.answer()

    ven.send(distribute(event("a", 2)))

    (response,) = ven.answer().event_responses
    assert (response.event_id, response.modification_number) == ("a", 2)


def test_e23_a_changed_opt_goes_out_with_the_current_number_and_the_last_lists_request_id() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), request_id="one"))
    ven.answer()
    ven.send(distribute(event("a", 1), request_id="two"))
    ven.answer()
    ven.send(distribute(event("a", 1), event("b"), request_id="three"))
    ven.answer()

    ven.opt("a", "optOut", "too hot")

    (response,) = ven.answer().event_responses
    assert (response.modification_number, response.request_id, response.opt_type) == (
        1,
        "three",
        "optOut",
    )
    assert response.response_description == "too hot"
    assert ven.answer() is None


def test_e23_an_opt_that_changes_while_the_answer_is_under_way_is_sent_afterwards() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    task = ven.answer_task()
    ven.opt("a", "optOut")

    ven.post(task)

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]
    assert ven.answer() is None


def test_e23_a_list_that_comes_while_the_answer_is_under_way_is_answered_for_itself() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), request_id="one"))
    task = ven.answer_task()
    ven.send(distribute(event("a"), request_id="two"))

    ven.post(task)

    assert ven.answer().event_responses[0].request_id == "two"


def test_e23_an_opt_given_with_the_vtn_down_is_owed_until_it_is_back() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.answer()
    ven.opt("a", "optOut")
    ven.advance(20 * MINUTE)
    ven.restart()

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]


def test_e23_the_same_opt_again_sends_nothing() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.answer()

    ven.opt("a", "optIn")

    assert ven.answer() is None


def test_e23_the_users_own_opt_outlives_the_return_of_a_handler_that_was_still_running() -> None:
    ven = Harness(opted_in())
    ven.slow.add("on_event")
    ven.send(distribute(event("a")))

    ven.opt("a", "optOut")
    ven.release()

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]


def test_e24_a_cancellation_is_acknowledged_with_optin_also_of_an_event_opted_out_of() -> None:
    ven = Harness(opted_in(on_event=lambda event: "optOut"))
    ven.send(distribute(event("a")))
    ven.answer()

    ven.send(distribute(event("a", 1, status="cancelled")))

    assert ven.responses(ven.answer()) == [("a", "200", 1, "optIn")]


def test_e25_a_cancellation_that_is_repeated_is_acknowledged_again_and_told_once() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.answer()
    ven.send(distribute(event("a", 1, status="cancelled"), request_id="one"))

    ven.send(distribute(event("a", 1, status="cancelled"), request_id="two"))

    record = ven.answer()
    assert [(one.request_id, one.opt_type) for one in record.event_responses] == [("two", "optIn")]
    assert ven.names("on_cancel_event") == ["on_cancel_event"]


def test_e25_a_cancelled_event_that_vanishes_is_forgotten_without_a_second_cancel() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.send(distribute(event("a", 1, status="cancelled")))

    ven.send(distribute())

    assert ven.names("on_cancel_event") == ["on_cancel_event"]
    assert ven.book.events == {}
    assert ven.answer() is None


def test_a_refused_answer_is_said_and_dropped() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b", 1, status="cancelled")))

    for _ in range(3):  # both together, then each by itself
        ven.answer(error="452")

    assert [error.response_code for error in ven.errors()] == ["452", "452"]
    assert ven.answer() is None
    ven.send(distribute(event("a")))
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


# --- decisions ------------------------------------------------------------------------------------


class Truth(str):
    """A text of the user's own class."""


@pytest.mark.parametrize(
    "result, opt, errors",
    [
        ("optIn", "optIn", 0),
        ("optOut", "optOut", 0),
        (enums.OPT.OPT_IN, "optIn", 0),
        (Truth("optIn"), "optIn", 0),
        (None, "optOut", 1),
        ("optin", "optOut", 1),
        (True, "optOut", 1),
        (1, "optOut", 1),
        (["optIn"], "optOut", 1),
    ],
    ids=repr,
)
def test_anything_but_an_opt_is_an_optout_and_said(result: Any, opt: str, errors: int) -> None:
    ven = Harness({"on_event": lambda event: result})

    ven.send(distribute(event("a")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, opt)]
    assert type(ven.sent[-1].event_responses[0].opt_type) is str
    assert len(ven.failures) == errors


def test_a_handler_that_fails_opts_out_of_its_own_event_only() -> None:
    def on_event(event: Any) -> str:
        if event.event_id == "bad":
            raise ValueError("no such relay")
        return "optIn"

    ven = Harness({"on_event": on_event})

    ven.send(distribute(event("a"), event("bad"), event("z")))

    assert ven.responses(ven.answer()) == [
        ("a", "200", 0, "optIn"),
        ("bad", "200", 0, "optOut"),
        ("z", "200", 0, "optIn"),
    ]


def test_without_a_handler_events_are_opted_out_of() -> None:
    ven = Harness()

    ven.send(distribute(event("a"), event("b")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut"), ("b", "200", 0, "optOut")]
    assert {note.once for note in ven.notes if note.once} == {"no on_event handler"}


def test_a_late_return_about_a_version_that_was_replaced_decides_nothing() -> None:
    ven = Harness({"on_event": lambda event: "optIn" if event.modification_number == 0 else DEFER})
    ven.slow.add("on_event")
    ven.send(distribute(event("a")))
    ven.send(distribute(event("a", 1)))

    ven.release()

    assert ven.names() == ["on_event", "on_event"]
    assert ven.answer() is None


@pytest.mark.parametrize("opt_type", ["optIn", "optOut"])
def test_an_opt_for_an_unknown_or_ended_event_is_a_state_error(opt_type: str) -> None:
    ven = Harness(opted_in(), market_contexts=["http://programs.example.net/peak"])
    ven.send(
        distribute(
            event("over", start=NOON - 59 * MINUTE),
            event("cancelled"),
            event("theirs", context="http://theirs"),
        )
    )
    ven.send(
        distribute(
            event("over", start=NOON - 59 * MINUTE),
            event("theirs", context="http://theirs"),
            event("cancelled", 1, status="cancelled"),
        )
    )
    ven.advance(HOUR)
    for name in ("unknown", "over", "cancelled", "theirs"):
        with pytest.raises(StateError, match=name):
            events.opt(ven.book, name, opt_type, None, ven.now)


@pytest.mark.parametrize("reason", ["\x00", "a\udc80", 7, b"no", ["no"]], ids=repr)
def test_a_reason_that_cannot_be_sent_is_refused_in_the_call(reason: Any) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))

    with pytest.raises(ConfigurationError, match="reason"):
        ven.opt("a", "optOut", reason)
    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn")]


@pytest.mark.parametrize("event_id", [None, 7, ["a"], {"a": 1}], ids=repr)
def test_an_event_id_that_is_no_text_is_refused_in_the_call(event_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="event_id"):
        Harness(opted_in()).opt(event_id, "optOut")


@pytest.mark.parametrize("late", [0 * SECOND, 2 * SECOND])
def test_an_acknowledgement_that_comes_with_the_start_does_what_the_timer_of_the_start_would(
    late: Any,
) -> None:
    ven = Harness(opted_in(on_event_start=lambda event: None))
    ven.send(distribute(event("a")))
    ven.now = ven.book.events["a"].start + late

    ven.answer()

    assert ven.names("on_event_start") == ["on_event_start"]
    assert ven.book.events["a"].started
