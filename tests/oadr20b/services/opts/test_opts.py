"""EiOpt: what is sent, kept, replaced, withdrawn and dropped (rules O1), and which arguments are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, Optional

import pytest

from tests.oadr20b.services.builders import CONTEXT, distribute, event
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND, Harness, opted_in
from ven_sdk.errors import ConfigurationError, StateError
from ven_sdk.oadr20b.schema.opt import CancelOpt, CreateOpt, Vavailability, VavailabilityComponent
from ven_sdk.oadr20b.services import opts
from ven_sdk.oadr20b.state.opts import OptState
from ven_sdk.schema.common import Target
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import Outcome
from ven_sdk.state.registration import Registration

WINDOW = (NOON, 2 * HOUR)


def create(ven: Harness, **given: Any) -> str:
    """``client.create_opt`` without its wait."""
    facts: dict[str, Any] = {"opt_type": "optOut", "opt_reason": "economic", **given}
    if "event_id" not in facts and "vavailability" not in facts:
        facts["vavailability"] = [WINDOW]
    facts.setdefault("opt_id", f"opt-{len(ven.book.opts) + 1}")
    ven.apply(opts.create(ven.book, ven.now, **facts))
    return str(facts["opt_id"])


def cancel(ven: Harness, opt_id: str) -> None:
    ven.apply(opts.cancel(ven.book, opt_id, ven.now))


def deliver(ven: Harness, error: Optional[str] = None) -> Any:
    return ven.post(next(opts.list_tasks(ven.book), None), error=error)


def standing(ven: Harness) -> tuple[OptState, ...]:
    return opts.list_standing(tuple(ven.book.opts.values()))


def state(ven: Harness, opt_id: str) -> Optional[str]:
    row = ven.book.opts.get(opt_id)
    return None if row is None else row.state


def test_o1_1_a_schedule_is_sent_and_stands_once_confirmed() -> None:
    ven = Harness()
    opt_id = create(
        ven,
        market_context=CONTEXT,
        targets=[{"resource_id": "r1"}],
        signal_target_mrid="Thermostat",
    )
    assert state(ven, opt_id) == "owed"

    record = deliver(ven)

    assert isinstance(record, CreateOpt)
    assert (record.opt_id, record.opt_type, record.opt_reason, record.ven_id) == (
        opt_id,
        "optOut",
        "economic",
        "ven",
    )
    assert (record.market_context, record.signal_target_mrid) == (CONTEXT, "Thermostat")
    assert record.targets == [{"resource_id": "r1"}]
    assert [(part.dtstart, part.duration) for part in record.vavailability.components] == [WINDOW]
    assert record.created_date_time == NOON
    assert state(ven, opt_id) == "confirmed"
    assert deliver(ven) is None


def test_o1_1_resources_of_an_event_are_opted_out_with_the_number_held() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", 2)))

    create(ven, event_id="a", targets=[{"resource_id": "r1"}, {"resource_id": "r2"}])

    record = deliver(ven)
    assert (record.event_id, record.modification_number, record.vavailability) == ("a", 2, None)
    assert record.targets_by_type == {"resource_id": ["r1", "r2"]}


def test_o1_2_an_opt_that_the_vtn_will_ignore_is_said() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    opt_id = create(ven, event_id="a")
    deliver(ven)

    ven.opt("a", "optOut")
    assert [opt_id in note.text for note in ven.notes if "O1.2" in note.text] == [True]


def test_o1_2_the_opposite_opt_of_an_event_takes_the_place_of_the_first() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    first = create(ven, event_id="a")
    deliver(ven)

    second = create(ven, event_id="a", opt_type="optIn")
    assert [row.opt_id for row in standing(ven)] == [first, second]
    deliver(ven)

    assert [row.opt_id for row in standing(ven)] == [second]


R1, R2, OWN = {"resource_id": "r1"}, {"resource_id": "r2"}, {"ven_id": "ven"}


@pytest.mark.parametrize(
    "before, after, both",
    [
        ({}, {}, False),
        ({"targets": [R1]}, {}, False),
        ({"targets": [R1]}, {"targets": [OWN]}, False),
        ({"targets": [R1]}, {"targets": [R1, R2]}, False),
        ({"targets": [R1, R2]}, {"targets": [R1]}, True),
        ({}, {"targets": [R1]}, True),
        ({"opt_type": "optIn"}, {}, True),
        ({"market_context": CONTEXT}, {}, True),
        ({"market_context": CONTEXT}, {"market_context": CONTEXT.upper()}, True),
        ({"market_context": "http://A"}, {"market_context": "http://a/"}, False),
        ({"signal_target_mrid": "EVSE"}, {}, True),
    ],
    ids=[
        "the whole VEN",
        "a resource by the whole VEN",
        "a resource by the own venID",
        "a resource by more",
        "only a part",
        "the whole VEN by a resource",
        "another type",
        "another context",
        "another path",
        "the same context",
        "a device class",
    ],
)
def test_o1_5_a_confirmed_schedule_replaces_by_its_targets(
    before: dict[str, Any], after: dict[str, Any], both: bool
) -> None:
    ven = Harness()
    first = create(ven, **before)
    deliver(ven)
    second = create(ven, **after)
    assert len(standing(ven)) == 2
    deliver(ven)

    assert [row.opt_id for row in standing(ven)] == ([first, second] if both else [second])
    assert state(ven, first) == ("confirmed" if both else "replaced")


@pytest.mark.parametrize("opt_id", [7, ["x"], b"x"], ids=repr)
def test_an_opt_id_that_is_no_text_is_refused_in_the_call(opt_id: Any) -> None:
    with pytest.raises(ConfigurationError, match="opt_id"):
        cancel(Harness(), opt_id)


def test_o1_7_a_replaced_schedule_may_still_be_withdrawn() -> None:
    ven = Harness()
    first = create(ven)
    deliver(ven)
    create(ven)
    deliver(ven)

    cancel(ven, first)

    assert isinstance(deliver(ven), CancelOpt)
    assert state(ven, first) == "cancelled"


def test_o1_7_an_opt_of_an_event_is_never_cancelled() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    opt_id = create(ven, event_id="a")
    with pytest.raises(StateError, match="optIn"):
        cancel(ven, opt_id)
    deliver(ven)
    with pytest.raises(StateError, match="event 'a'"):
        cancel(ven, opt_id)

    assert next(opts.list_tasks(ven.book), None) is None


def test_o1_7_a_cancellation_that_an_earlier_version_owed_is_not_sent() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    opt_id = create(ven, event_id="a")
    deliver(ven)
    held = ven.book.opts[opt_id]
    ven.apply(Outcome(changes=(Change("opts", opt_id, replace(held, state="cancelling")),)))

    ven.restart()

    assert next(opts.list_tasks(ven.book), None) is None
    assert state(ven, opt_id) == "confirmed"


@pytest.mark.parametrize(
    "named, given, sent",
    [
        ([], None, [OWN]),
        ([], [R1], [R1]),
        ([OWN], None, [OWN]),
        ([OWN, R1], [R2], [R2]),
        ([R1], None, [R1]),
        ([R1, R2], None, [R1, R2]),
        ([R1, R2], [R2], [R2]),
        ([R1], [R2], None),
        ([R1], [R1, R2], None),
        ([R1], [OWN], None),
        ([{"group_id": "g"}], [R1], None),
    ],
    ids=[
        "whole VEN",
        "a resource of the whole VEN",
        "own venID",
        "own venID and more",
        "what the event names",
        "all that the event names",
        "one of two",
        "another",
        "one too many",
        "more than the event",
        "a group of it",
    ],
)
def test_o1_12_o1_13_an_opt_of_an_event_names_only_what_that_names(
    named: Any, given: Any, sent: Any
) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", targets=named)))

    if sent is None:
        with pytest.raises(ConfigurationError, match=r"O1\.13"):
            create(ven, event_id="a", targets=given)
    else:
        create(ven, event_id="a", targets=given)
        assert deliver(ven).targets == sent


def test_o1_12_a_schedule_without_targets_names_the_own_venid() -> None:
    ven = Harness()
    create(ven)

    assert deliver(ven).targets == [OWN]


def test_o1_3_an_opt_of_an_event_has_no_market_context() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))

    with pytest.raises(ConfigurationError, match="market_context"):
        create(ven, event_id="a", market_context=CONTEXT)


@pytest.mark.parametrize("given", [{}, {"modification_number": 0}], ids=["held", "given"])
def test_o1_14_an_event_that_wants_no_response_gets_no_opt(given: Any) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", required="never")))

    with pytest.raises(StateError, match=r"O1\.14"):
        create(ven, event_id="a", **given)


@pytest.mark.parametrize(
    "mrid, ok",
    [("Thermostat", True), ("x-Boiler", True), ("Boiler", False), ("x-", False), ("evse", False)],
)
def test_o1_15_a_device_class_is_well_known_or_begins_with_x(mrid: str, ok: bool) -> None:
    ven = Harness()
    if ok:
        create(ven, signal_target_mrid=mrid)
        assert deliver(ven).signal_target_mrid == mrid
    else:
        with pytest.raises(ConfigurationError, match="x-"):
            create(ven, signal_target_mrid=mrid)


@pytest.mark.parametrize(
    "given",
    [{"vavailability": [WINDOW], "event_id": "a"}, {"vavailability": None}],
    ids=["O1.3-both", "O1.3-neither"],
)
def test_o1_3_either_a_schedule_or_an_event(given: dict[str, Any]) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))

    with pytest.raises(ConfigurationError, match="vavailability"):
        create(ven, **given)


def test_o1_3_a_schedule_without_windows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one window"):
        create(Harness(), vavailability=[])


def test_o1_4_an_opt_for_an_unknown_event_needs_its_number() -> None:
    ven = Harness()
    with pytest.raises(StateError, match="'a'"):
        create(ven, event_id="a")

    create(ven, event_id="a", modification_number=3)

    assert deliver(ven, error="452").modification_number == 3
    assert [error.response_code for error in ven.errors()] == ["452"]


def test_o1_5_the_same_id_again_replaces_the_earlier_opt() -> None:
    ven = Harness()
    create(ven, opt_id="x")
    deliver(ven)

    create(ven, opt_id="x", opt_type="optIn")

    assert deliver(ven).opt_type == "optIn"
    assert len(ven.book.opts) == 1
    assert ven.book.opts["x"].opt_type == "optIn"


def test_o1_5_after_a_refused_replacement_the_earlier_opt_goes_on_to_stand() -> None:
    ven = Harness()
    create(ven, opt_id="x")
    deliver(ven)
    create(ven, opt_id="x", opt_type="optIn")
    deliver(ven, error="451")
    assert (state(ven, "x"), ven.book.opts["x"].code) == ("refused", "451")

    ven.advance(MINUTE)

    assert (state(ven, "x"), ven.book.opts["x"].opt_type) == ("confirmed", "optOut")


def test_o1_5_after_a_refused_replacement_the_earlier_opt_counts_for_new_events() -> None:
    ven = Harness(opted_in())
    create(ven, opt_id="x", vavailability=[(NOON, 5 * HOUR)])
    deliver(ven)
    create(ven, opt_id="x", vavailability=[(NOON + 20 * HOUR, HOUR)])
    deliver(ven, error="451")

    ven.send(distribute(event("a")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut")]
    assert [(row.opt_id, row.state) for row in standing(ven)] == [("x", "confirmed")]


def test_o1_5_a_refused_replacement_may_be_refused_again() -> None:
    ven = Harness()
    create(ven, opt_id="x")
    deliver(ven)
    for _ in range(2):
        create(ven, opt_id="x", opt_type="optIn")
        deliver(ven, error="451")

    assert [row.opt_type for row in standing(ven)] == ["optOut"]
    cancel(ven, "x")
    assert isinstance(deliver(ven), CancelOpt)


def test_o1_5_a_reply_to_a_replaced_opt_does_not_confirm_the_new_one() -> None:
    ven = Harness()
    create(ven, opt_id="x")
    task = next(opts.list_tasks(ven.book), None)
    create(ven, opt_id="x", opt_type="optIn")

    ven.post(task)

    assert state(ven, "x") == "owed"
    assert deliver(ven).opt_type == "optIn"


def test_o1_5_another_id_is_an_additional_opt_and_they_go_out_in_order() -> None:
    ven = Harness()
    first, second = create(ven, targets=[R1]), create(ven, targets=[R2])

    assert [deliver(ven).opt_id, deliver(ven).opt_id] == [first, second]
    assert [row.opt_id for row in standing(ven)] == [first, second]


@pytest.mark.parametrize(
    "windows, expires",
    [
        ([(NOON, HOUR), (NOON + 3 * HOUR, HOUR)], NOON + 4 * HOUR),
        ([(NOON, timedelta(0))], None),
        ([(NOON, HOUR), (NOON, timedelta(0))], None),
    ],
    ids=["O1.6-last window", "O1.6-zero", "O1.6-one without end"],
)
def test_o1_6_a_schedule_leaves_with_its_last_window_and_zero_has_no_end(
    windows: Any, expires: Optional[datetime]
) -> None:
    ven = Harness()
    opt_id = create(ven, vavailability=windows)
    deliver(ven)

    ven.advance((expires or NOON + timedelta(days=99)) - SECOND)
    assert state(ven, opt_id) == "confirmed"

    ven.advance(SECOND)
    assert (state(ven, opt_id) is None) == (expires is not None)


def test_o1_7_a_cancelled_opt_is_withdrawn_by_its_id_and_kept_until_the_waiter_saw_it() -> None:
    ven = Harness()
    opt_id = create(ven)
    deliver(ven)
    cancel(ven, opt_id)
    assert state(ven, opt_id) == "cancelling"

    record = deliver(ven)

    assert isinstance(record, CancelOpt)
    assert (record.opt_id, record.ven_id) == (opt_id, "ven")
    assert record.request_id
    assert state(ven, opt_id) == "cancelled"
    ven.advance(MINUTE)
    assert state(ven, opt_id) is None


def test_o1_7_an_opt_that_the_vtn_does_not_know_is_gone() -> None:
    ven = Harness()
    opt_id = create(ven)
    deliver(ven)
    cancel(ven, opt_id)

    deliver(ven, error="452")

    assert (state(ven, opt_id), ven.book.opts[opt_id].code) == ("refused", "452")
    ven.advance(MINUTE)
    assert ven.book.opts == {}


def test_o1_7_an_opt_whose_cancellation_is_not_allowed_goes_on_to_stand() -> None:
    ven = Harness()
    opt_id = create(ven)
    deliver(ven)
    cancel(ven, opt_id)

    deliver(ven, error="451")

    assert (state(ven, opt_id), ven.book.opts[opt_id].code) == ("confirmed", "451")


def test_o1_7_an_opt_that_was_never_confirmed_can_be_withdrawn() -> None:
    ven = Harness()
    opt_id = create(ven)
    cancel(ven, opt_id)

    assert next(opts.list_tasks(ven.book)).done_by == {"452"}
    assert isinstance(deliver(ven), CancelOpt)

    assert state(ven, opt_id) == "cancelled"
    assert ven.errors() == []


@pytest.mark.parametrize("done", ["unknown", "refused", "cancelled"])
def test_o1_7_what_does_not_stand_cannot_be_cancelled(done: str) -> None:
    ven = Harness()
    opt_id = "x" if done == "unknown" else create(ven)
    if done == "refused":
        deliver(ven, error="451")
    elif done == "cancelled":
        cancel(ven, opt_id)
        deliver(ven)
    with pytest.raises(StateError, match=re.escape(repr(opt_id))):
        opts.cancel(ven.book, opt_id, ven.now)


def test_o1_8_no_opt_is_sent_unless_the_user_made_one() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.opt("a", "optOut")

    assert next(opts.list_tasks(ven.book), None) is None


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, "optOut"),
        ({"opt_type": "optIn"}, "optIn"),
        ({"market_context": CONTEXT}, "optOut"),
        ({"market_context": "http://other"}, "optIn"),
        ({"vavailability": [(NOON - HOUR, 2 * HOUR)]}, "optIn"),
        ({"vavailability": [(NOON + 2 * HOUR, HOUR)]}, "optIn"),
        ({"vavailability": [(NOON + 119 * MINUTE, HOUR)]}, "optOut"),
        ({"vavailability": [(NOON - 9 * HOUR, timedelta(0))]}, "optOut"),
        ({"targets": [{"resource_id": "r1"}]}, "optIn"),
        ({"targets": [{"ven_id": "ven"}]}, "optOut"),
        ({"signal_target_mrid": "EVSE"}, "optIn"),
    ],
    ids=[
        "O1.9-overlaps",
        "O1.9-optIn",
        "O1.9-context",
        "O1.9-other context",
        "O1.9-before",
        "O1.9-after",
        "O1.9-last minute",
        "O1.9-no end",
        "O1.9-a resource only",
        "O1.9-this VEN",
        "O1.9-a device class only",
    ],
)
def test_o1_9_an_optout_schedule_answers_new_overlapping_events(
    given: dict[str, Any], expected: str
) -> None:
    ven = Harness(opted_in())
    create(ven, **{"vavailability": [(NOON, 5 * HOUR)], **given})

    ven.send(distribute(event("a")))

    assert ven.responses(ven.answer()) == [("a", "200", 0, expected)]
    assert ven.names() == ([] if expected == "optOut" else ["on_event"])


def test_o1_9_it_concerns_new_events_only_and_no_longer_once_it_is_withdrawn() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    opt_id = create(ven, vavailability=[(NOON, 5 * HOUR)])
    ven.send(distribute(event("a", 1)))
    assert ven.responses(ven.answer()) == [("a", "200", 1, "optIn")]

    cancel(ven, opt_id)
    ven.send(distribute(event("a", 1), event("b")))

    assert ven.responses(ven.answer()) == [("a", "200", 1, "optIn"), ("b", "200", 0, "optIn")]


def test_o1_9_the_resources_of_an_event_may_all_be_opted_out_by_a_schedule() -> None:
    ven = Harness(opted_in())
    create(
        ven,
        vavailability=[(NOON, 5 * HOUR)],
        targets=[{"resource_id": "r1"}, {"resource_id": "r2"}],
    )

    ven.send(
        distribute(
            event("a", targets=[{"resource_id": "r2"}]),
            event("b", targets=[{"resource_id": "r2"}, {"resource_id": "r3"}]),
        )
    )

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optOut"), ("b", "200", 0, "optIn")]


@pytest.mark.parametrize(
    "reason, ok",
    [
        ("economic", True),
        ("x-schedule", True),
        ("x-maintenance", True),
        ("", False),
        (None, False),
        ("x-", False),
        ("x-two words", False),
        ("because", False),
    ],
    ids=lambda value: f"O1.10-{value!r}",
)
def test_o1_10_a_reason_of_the_schema_or_of_ones_own(reason: Any, ok: bool) -> None:
    ven = Harness()
    if ok:
        create(ven, opt_reason=reason)
        assert deliver(ven).opt_reason == reason
    else:
        with pytest.raises(ConfigurationError, match="opt_reason"):
            create(ven, opt_reason=reason)


# --- kept, resent, dropped ------------------------------------------------------------------------


def test_an_opt_stays_owed_under_the_same_ids_until_it_is_answered() -> None:
    ven = Harness()
    create(ven, opt_id="x", request_id="r")
    first = next(opts.list_tasks(ven.book), None)
    ven.advance(HOUR)
    ven.restart()

    again = next(opts.list_tasks(ven.book), None)

    assert first is not None
    assert again is not None
    assert again.record == first.record
    assert (again.record.opt_id, again.record.request_id) == ("x", "r")


def test_a_cancellation_is_sent_again_under_the_same_request_id() -> None:
    ven = Harness()
    opt_id = create(ven)
    deliver(ven)
    cancel(ven, opt_id)
    first = next(opts.list_tasks(ven.book), None)
    ven.apply(opts.cancel(ven.book, opt_id, ven.now))
    ven.restart()

    again = next(opts.list_tasks(ven.book), None)

    assert first is not None
    assert again is not None
    assert again.record == first.record


def test_a_refused_opt_can_be_seen_for_a_minute() -> None:
    ven = Harness()
    opt_id = create(ven)

    deliver(ven, error="451")

    row = ven.book.opts[opt_id]
    assert (row.state, row.code) == ("refused", "451")
    assert opts.list_standing((row,)) == ()
    ven.advance(59 * SECOND)
    assert opt_id in ven.book.opts
    ven.advance(SECOND)
    assert ven.book.opts == {}


def test_a_new_registration_forgets_all_opts() -> None:
    ven = Harness()
    create(ven)
    create(ven)
    deliver(ven)

    ven.run(opts.forget_all)

    assert ven.book.opts == {}
    assert ven.timers == {}
    assert deliver(ven) is None


def test_an_opt_about_an_event_leaves_with_it() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b")))
    ven.answer()
    about_a, about_b = create(ven, event_id="a"), create(ven, event_id="b")
    deliver(ven)
    deliver(ven)

    ven.send(distribute(event("b")))

    assert (state(ven, about_a), state(ven, about_b)) == (None, "confirmed")


def test_a_schedule_that_expired_while_the_process_was_down_leaves_at_the_start() -> None:
    ven = Harness()
    create(ven)
    deliver(ven)

    ven.restart(after=3 * HOUR)

    assert ven.book.opts == {}


def _registration_ends(ven: Harness) -> None:
    ven.run(opts.forget_all)


def _windows_pass(ven: Harness) -> None:
    ven.advance(3 * HOUR)


def _windows_pass_while_down(ven: Harness) -> None:
    ven.restart(after=3 * HOUR)


@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("end", [_registration_ends, _windows_pass, _windows_pass_while_down])
def test_an_opt_that_goes_before_the_vtn_confirmed_it_is_told(
    end: Callable[[Harness], None], was_sent: bool
) -> None:
    ven = Harness()
    opt_id = create(ven)
    if was_sent:
        deliver(ven)
    mark = len(ven.notes)

    end(ven)

    assert ven.book.opts == {}
    told = [str(note.error) for note in ven.notes[mark:] if note.error is not None]
    assert [opt_id in text for text in told] == ([] if was_sent else [True])


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value",
    [
        ("opt_type", "out"),
        ("opt_type", None),
        ("opt_id", ""),
        ("opt_id", 7),
        ("request_id", " "),
        ("market_context", 5),
        ("signal_target_mrid", ""),
        ("opt_id", "line1\x00"),
        ("opt_id", "\udc80"),
        ("request_id", "\x1b[2J"),
        ("market_context", "http://a\x00"),
        ("opt_reason", "x-\x01"),
        ("targets", [{"resource_id": "r\x00"}]),
        ("targets", [{"resource_id": 5}]),
        ("targets", [{"resource_id": ""}]),
        ("targets", [{"ven_id": None}]),
        ("targets", "r1"),
        ("targets", 5),
        ("targets", ["r1"]),
        ("targets", [{"resource": "r1"}]),
        ("vavailability", "today"),
        ("vavailability", [(NOON,)]),
        ("vavailability", [("noon", HOUR)]),
        ("vavailability", [(NOON, "an hour")]),
        ("vavailability", [(NOON, -HOUR)]),
        ("vavailability", [(NOON, timedelta.max)]),
        ("vavailability", [(NOON, float("inf"))]),
        ("vavailability", [(datetime.min.replace(tzinfo=timezone(5 * HOUR)), HOUR)]),
        ("vavailability", [(datetime.max.replace(tzinfo=timezone(-5 * HOUR)), HOUR)]),
        ("vavailability", [{"duration": HOUR}]),
        ("modification_number", 1),
    ],
    ids=repr,
)
def test_a_wrong_argument_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=name):
        create(Harness(), **{name: value})


@pytest.mark.parametrize("number", [-1, 2**32, True, "1", 1.0], ids=repr)
def test_a_wrong_modification_number_is_named(number: Any) -> None:
    with pytest.raises(ConfigurationError, match="modification_number"):
        create(Harness(), event_id="a", modification_number=number)


def test_an_opt_needs_a_registration() -> None:
    ven = Harness()
    ven.book.apply([Change("registration", "", Registration())])

    with pytest.raises(StateError, match="not registered"):
        create(ven)


COMPONENT = VavailabilityComponent(dtstart=NOON, duration=2 * HOUR)


@pytest.mark.parametrize(
    "given",
    [
        [WINDOW],
        WINDOW,
        (WINDOW,),
        [{"dtstart": NOON, "duration": 7200}],
        {"dtstart": NOON, "duration": 2 * HOUR},
        {"components": [{"dtstart": NOON, "duration": 2 * HOUR}]},
        COMPONENT,
        [COMPONENT],
        Vavailability(components=[COMPONENT]),
        SimpleNamespace(components=[SimpleNamespace(dtstart=NOON, duration=2 * HOUR)]),
        [(NOON.replace(tzinfo=None), 7199.5)],
        [(NOON.astimezone(timezone(5 * HOUR)), 7200)],
    ],
    ids=[
        "pairs",
        "a pair",
        "a tuple of pairs",
        "dicts",
        "a dict",
        "a dict of components",
        "a component",
        "components",
        "a record",
        "another library's object",
        "naive and a fraction of a second",
        "another zone",
    ],
)
def test_a_schedule_may_be_given_in_many_forms(given: Any) -> None:
    ven = Harness()
    create(ven, vavailability=given)

    parts = deliver(ven).vavailability.components

    assert [(part.dtstart, part.duration) for part in parts] == [WINDOW]
    assert parts[0].dtstart.tzinfo is timezone.utc


@pytest.mark.parametrize(
    "given, expected",
    [
        ({"resource_id": "r1"}, ("r1",)),
        ({"resource_id": ["r1", "r2"]}, ("r1", "r2")),
        ([{"resource_id": "r1"}, {"resource_id": "r2"}], ("r1", "r2")),
        (Target(resource_id="r1"), ("r1",)),
        ((Target(resource_id="r1"), {"resource_id": "r2"}), ("r1", "r2")),
    ],
    ids=repr,
)
def test_targets_may_be_given_in_many_forms(given: Any, expected: tuple[str, ...]) -> None:
    ven = Harness()
    create(ven, targets=given)

    assert tuple(target.resource_id for target in deliver(ven).targets) == expected


def test_an_opt_made_for_a_cancelled_event_is_a_state_error() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a")))
    ven.send(distribute(event("a", 1, status="cancelled")))

    with pytest.raises(StateError, match="'a'"):
        create(ven, event_id="a")
    assert ven.answer_task() is not None
