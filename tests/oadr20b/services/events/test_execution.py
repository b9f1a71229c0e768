"""Handlers at the moment itself (rules E27 to E38), whatever happens to the event, the clock or the
process.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND, Harness, opted_in
from ven_sdk.events import timing
from ven_sdk.oadr20b.services import events
from ven_sdk.usercode.decisions import DEFER

RUN = ("on_event_start", "on_interval_start", "on_event_end")
EDGES = ("on_event_start", "on_event_end")
ZERO = timedelta(0)


def steps(ven: Harness) -> list[Any]:
    """What was carried out: minutes after noon, the handler's kind, and the payload of an
    interval.
    """
    return [
        (
            round((call.at - NOON) / MINUTE),
            call.handler.split("_")[-1]
            if call.handler != "on_interval_start"
            else call.arguments[2].signal_payload,
        )
        for call in ven.calls
        if call.handler in RUN
    ]


def status(ven: Harness, key: str = "e") -> str:
    return timing.status(ven.book.events[key], ven.now)


# --- E27 to E33 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ramp_up, moments",
    [
        (
            30 * MINUTE,
            [
                (29, "far"),
                (30, "near"),
                (59, "near"),
                (60, "active"),
                (119, "active"),
                (120, "completed"),
            ],
        ),
        (None, [(59, "far"), (60, "active"), (119, "active"), (120, "completed")]),
        (-20 * MINUTE, [(59, "far"), (60, "active"), (120, "completed")]),
    ],
    ids=["E27-ramp-up", "E27-none", "E27-negative"],
)
def test_e27_the_status_is_computed_locally_from_rampup_start_and_end(
    ramp_up: Any, moments: Any
) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(ramp_up=ramp_up, tolerance=None, status="active")))
    state = ven.book.events["e"]

    assert [
        (minute, timing.status(state, NOON + minute * MINUTE)) for minute, _ in moments
    ] == moments


def test_e27_with_a_random_offset_the_whole_event_shifts() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=40 * MINUTE, ramp_up=10 * MINUTE)))
    state = ven.book.events["e"]
    start = NOON + HOUR + state.offset

    assert [
        timing.status(state, moment)
        for moment in (
            start - 10 * MINUTE - SECOND,
            start - 10 * MINUTE,
            start - SECOND,
            start,
            start + HOUR - SECOND,
            start + HOUR,
        )
    ] == ["far", "near", "near", "active", "active", "completed"]


@pytest.mark.parametrize("received", ["near", "active", "completed", "none"])
def test_e28_a_received_status_ahead_of_ours_changes_nothing(received: str) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))

    ven.send(distribute(event(status=received)))
    ven.advance(3 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (120, "end")]


def test_e29_the_start_moves_by_a_random_time_and_intervals_keep_their_lengths() -> None:
    offsets = []
    for seed in range(40):
        ven = Harness(opted_in(), seed=seed)
        ven.send(distribute(event(tolerance=10 * MINUTE, signals=[signal(1, 2, each=30 * MINUTE)])))
        ven.advance(4 * HOUR)
        (start,), (first, second), (end,) = (ven.times(name) for name in RUN)
        assert (first, second, end) == (start, start + 30 * MINUTE, start + HOUR)
        offsets.append(start - NOON - HOUR)

    assert all(ZERO <= offset <= 10 * MINUTE for offset in offsets)
    assert max(offsets) > 8 * MINUTE
    assert min(offsets) < 2 * MINUTE


def test_e30_the_offset_is_kept_over_modifications_and_restarts_unless_startafter_changes() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=10 * MINUTE)))
    drawn = ven.book.events["e"].offset
    ven.restart()

    ven.send(distribute(event(number=1, tolerance=10 * MINUTE, start=NOON + 2 * HOUR)))
    assert ven.book.events["e"].offset == drawn

    ven.send(distribute(event(number=2, tolerance=20 * MINUTE, start=NOON + 2 * HOUR)))
    assert ven.book.events["e"].offset != drawn


@pytest.mark.parametrize("how", ["explicit", "implied"])
def test_e31_a_cancelled_running_event_with_startafter_ends_after_a_random_delay(how: str) -> None:
    delays = []
    cancel = (
        distribute()
        if how == "implied"
        else distribute(event(number=1, status="cancelled", tolerance=10 * MINUTE))
    )
    for seed in range(30):
        ven = Harness(opted_in(), seed=seed)
        ven.send(distribute(event(tolerance=10 * MINUTE, length=5 * HOUR)))
        ven.answer()
        ven.advance(2 * HOUR)
        ven.send(cancel)
        assert ven.responses(ven.answer()) == (
            [] if how == "implied" else [("e", "200", 1, "optIn")]
        )
        assert ven.names("on_cancel_event", "on_event_end") == ["on_cancel_event"]
        ven.advance(HOUR)
        delays.append(ven.times("on_event_end")[0] - NOON - 2 * HOUR)
        assert ven.book.events == {}

    assert all(ZERO <= delay <= 10 * MINUTE for delay in delays)
    assert max(delays) - min(delays) > 5 * MINUTE


def test_e31_a_random_end_never_lies_behind_the_events_own_end() -> None:
    for seed in range(20):
        ven = Harness(opted_in(), seed=seed)
        ven.send(distribute(event(tolerance=50 * MINUTE)))
        ven.advance(ven.book.events["e"].start + 55 * MINUTE)
        ven.send(distribute())
        ven.advance(2 * HOUR)
        assert ven.times("on_event_end")[0] <= ven.times("on_event_start")[0] + HOUR


def test_e31_a_cancelled_event_that_has_not_started_is_dropped_at_once() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=10 * MINUTE)))

    ven.send(distribute())

    assert ven.book.events == {}
    assert ven.names("on_cancel_event", *EDGES) == ["on_cancel_event"]


def test_e32_an_event_stays_known_until_its_end_and_startafter() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=30 * MINUTE)))
    ven.answer()

    ven.advance(NOON + 2 * HOUR + 29 * MINUTE)
    assert status(ven) == "completed"
    ven.advance(MINUTE)
    assert ven.book.events == {}
    assert ven.timers == {}


def test_e33_an_event_without_end_runs_until_it_is_cancelled_and_its_last_interval_as_long() -> (
    None
):
    ven = Harness(opted_in())
    ven.send(distribute(event(length=ZERO, signals=[signal(1, 2, durations=[HOUR, ZERO])])))
    ven.advance(timedelta(days=400))
    assert steps(ven) == [(60, "start"), (60, 1), (120, 2)]
    assert status(ven) == "active"

    ven.send(distribute(event(number=1, status="cancelled", length=ZERO)))

    assert ven.names("on_event_end") == ["on_event_end"]


def test_e33_a_modification_can_give_it_an_end() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=ZERO, signals=[signal(1, each=ZERO)])))
    ven.advance(3 * HOUR)

    ven.send(distribute(event(number=1, length=4 * HOUR, signals=[signal(1, each=4 * HOUR)])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (300, "end")]


@pytest.mark.parametrize(
    "length, expected",
    [
        (40 * MINUTE, [(60, "start"), (60, 1), (90, 2), (100, "end")]),
        (90 * MINUTE, [(60, "start"), (60, 1), (90, 2), (150, "end")]),
        (20 * MINUTE, [(60, "start"), (60, 1), (80, "end")]),
    ],
    ids=["E34-cut", "E34-extended", "E34-never begun"],
)
def test_e34_the_last_interval_is_cut_or_extended_to_the_end(
    length: timedelta, expected: Any
) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event(length=length, signals=[signal(1, 2, each=30 * MINUTE)])))
    state = ven.book.events["e"]
    pieces = list(timing.interval_spans(state, state.event.event_signals[0]))
    ven.advance(9 * HOUR)

    assert steps(ven) == expected
    assert pieces[-1].end == NOON + HOUR + length


def test_e35_intervals_run_in_the_order_of_the_list_whatever_their_uid() -> None:
    ven = Harness(opted_in())
    first = signal(1, 2, each=30 * MINUTE)
    shuffled = first.replace(
        intervals=[one.replace(uid=uid) for one, uid in zip(first.intervals, ("7", None))]
    )

    ven.send(distribute(event(signals=[shuffled])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, 2), (120, "end")]


def test_e36_intervals_begin_where_the_one_before_ends_also_where_a_dtstart_disagrees() -> None:
    ven = Harness(opted_in())
    plain = signal(1, 2, 3, durations=[10 * MINUTE, 20 * MINUTE, 30 * MINUTE])
    odd = plain.replace(intervals=[one.replace(dtstart=NOON + 9 * HOUR) for one in plain.intervals])

    ven.send(distribute(event(signals=[odd])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (70, 2), (90, 3), (120, "end")]


def test_e37_a_late_event_is_carried_out_for_the_rest_of_its_period() -> None:
    ven = Harness(opted_in())

    ven.send(
        distribute(
            event(
                start=NOON - 40 * MINUTE,
                signals=[signal(1, 2, 3, each=20 * MINUTE)],
                status="active",
            )
        )
    )
    ven.advance(HOUR)

    assert steps(ven) == [(0, "start"), (0, 3), (20, "end")]


def test_e38_rampup_and_recovery_reach_the_handler_and_move_nothing() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event(ramp_up=30 * MINUTE)))
    ven.advance(3 * HOUR)

    assert ven.last("on_event_start")[0].active_period.ramp_up == 30 * MINUTE
    assert steps(ven) == [(60, "start"), (60, 1), (120, "end")]


def test_e44_several_signals_run_side_by_side() -> None:
    ven = Harness(opted_in())

    ven.send(
        distribute(
            event(
                signals=[
                    signal(1, 2, each=30 * MINUTE),
                    signal(
                        10,
                        20,
                        30,
                        each=20 * MINUTE,
                        id="s1",
                        name="ELECTRICITY_PRICE",
                        kind="price",
                    ),
                ]
            )
        )
    )
    ven.advance(3 * HOUR)

    assert steps(ven) == [
        (60, "start"),
        (60, 1),
        (60, 10),
        (80, 20),
        (90, 2),
        (100, 30),
        (120, "end"),
    ]


def test_e41_a_test_event_reaches_every_handler() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event(test=True)))
    ven.advance(3 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (120, "end")]
    assert ven.last("on_event_start")[0].test_event is True


def test_e49_overlapping_events_of_one_context_are_both_carried_out() -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("a"), event("b", start=NOON + 90 * MINUTE)))
    ven.advance(4 * HOUR)

    assert ven.responses(ven.answer()) == [("a", "200", 0, "optIn"), ("b", "200", 0, "optIn")]
    assert [
        (call.handler, call.arguments[0].event_id) for call in ven.calls if call.handler in EDGES
    ] == [
        ("on_event_start", "a"),
        ("on_event_start", "b"),
        ("on_event_end", "a"),
        ("on_event_end", "b"),
    ]


# --- before_event ---------------------------------------------------------------------------------


def test_before_event_is_called_its_lead_before_the_start() -> None:
    ven = Harness(
        opted_in(), leads=[("before_event:0", 10 * MINUTE), ("before_event:1", 45 * MINUTE)]
    )

    ven.send(distribute(event()))
    ven.advance(5 * HOUR)

    assert [(name, ven.times(name)) for name in ("before_event:1", "before_event:0")] == [
        ("before_event:1", [NOON + 15 * MINUTE]),
        ("before_event:0", [NOON + 50 * MINUTE]),
    ]


def test_before_event_comes_late_rather_than_never_but_not_after_the_start() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 2 * HOUR)])
    ven.send(distribute(event("soon"), event("running", start=NOON - MINUTE)))

    assert [
        call.arguments[0].event_id for call in ven.calls if call.handler == "before_event:0"
    ] == ["soon"]


def test_before_event_is_called_again_when_the_start_moves_away_and_not_when_it_stays() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 30 * MINUTE)])
    ven.send(distribute(event()))
    ven.advance(40 * MINUTE)
    ven.send(distribute(event(number=1)))
    ven.send(distribute(event(number=2, start=NOON + 3 * HOUR)))

    ven.advance(9 * HOUR)

    assert ven.times("before_event:0") == [NOON + 30 * MINUTE, NOON + 150 * MINUTE]


def test_before_event_is_not_called_for_what_is_opted_out_of() -> None:
    ven = Harness({"on_event": lambda event: "optOut"}, leads=[("before_event:0", 30 * MINUTE)])

    ven.send(distribute(event()))
    ven.advance(9 * HOUR)

    assert ven.names() == ["on_event"]


# --- modification in the middle -------------------------------------------------------------------


def test_a_modified_running_event_goes_on_with_its_new_intervals_without_a_second_start() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=2 * HOUR, signals=[signal(1, 2, each=HOUR)])))
    ven.advance(90 * MINUTE)

    lengths = [HOUR, 30 * MINUTE, 30 * MINUTE]
    ven.send(
        distribute(event(number=1, length=2 * HOUR, signals=[signal(3, 2, 1, durations=lengths)]))
    )
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, 3), (120, 2), (150, 1), (180, "end")]


def test_the_same_interval_is_not_announced_again_after_a_modification() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(70 * MINUTE)

    ven.send(distribute(event(number=1, signals=[signal(1, 3, each=30 * MINUTE)])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, 3), (120, "end")]


def test_a_signal_that_a_modification_adds_is_announced() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)

    ven.send(distribute(event(number=1, signals=[signal(5, id="new", name="x-own"), signal(1)])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (70, 5), (120, "end")]


def test_a_running_event_moved_to_the_future_ends_and_starts_later() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)

    ven.send(distribute(event(number=1, start=NOON + 5 * HOUR)))
    ven.advance(9 * HOUR)

    assert steps(ven) == [
        (60, "start"),
        (60, 1),
        (70, "end"),
        (300, "start"),
        (300, 1),
        (360, "end"),
    ]


def test_a_running_event_shortened_to_the_past_ends_now() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.advance(90 * MINUTE)

    ven.send(distribute(event(number=1, length=10 * MINUTE)))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, "end")]


def test_an_event_that_was_over_and_is_prolonged_starts_again() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=HOUR)))
    offset = ven.book.events["e"].offset
    ven.advance(NOON + 2 * HOUR + offset + MINUTE)

    ven.send(distribute(event(number=1, length=3 * HOUR, tolerance=HOUR)))
    ven.advance(9 * HOUR)

    assert ven.names(*EDGES) == ["on_event_start", "on_event_end"] * 2
    assert ven.times("on_event_end")[1] == NOON + 4 * HOUR + offset


def test_a_modification_that_is_opted_out_of_ends_the_run() -> None:
    ven = Harness(opted_in(on_update_event=lambda event: "optOut"))
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)

    ven.send(distribute(event(number=1)))

    assert steps(ven)[-1] == (70, "end")
    assert ven.responses(ven.answer()) == [("e", "200", 1, "optOut")]


def test_while_a_slow_handler_decides_on_a_modification_the_event_goes_on() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)
    ven.slow.add("on_update_event")
    ven.send(distribute(event(number=1)))
    ven.advance(30 * SECOND)
    assert "on_event_end" not in ven.names()

    ven.advance(MINUTE)
    ven.release()

    assert steps(ven) == [
        (60, "start"),
        (60, 1),
        (72, "end"),
        (72, "start"),
        (72, 1),
    ]  # its own lane waited


def test_a_modified_event_that_is_no_longer_ours_ends_and_is_told_as_gone() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])
    ven.send(distribute(event(context="http://ours")))
    ven.answer()
    ven.advance(70 * MINUTE)

    ven.send(distribute(event(number=1, context="http://theirs")))

    assert ven.responses(ven.answer()) == [("e", "462", 1, "optOut")]
    assert ven.last("on_cancel_event")[1] is True
    assert ven.names(*EDGES) == ["on_event_start", "on_event_end"]
    ven.send(distribute(event(number=2, context="http://ours")))
    assert ven.names("on_event", "on_update_event") == ["on_event", "on_event"]


def test_without_on_update_event_a_modification_reaches_on_event() -> None:
    ven = Harness({"on_event": lambda event: "optIn"})
    ven.send(distribute(event()))

    ven.send(distribute(event(number=1)))

    assert [call.arguments[0].modification_number for call in ven.calls] == [0, 1]


@pytest.mark.parametrize(
    "given, expected",
    [
        (("on_event", "on_update_event", "on_cancel_event"), ["on_event", "on_cancel_event"]),
        (("on_event", "on_update_event"), ["on_event", "on_update_event"]),
        (("on_event",), ["on_event"]),
    ],
    ids=["own", "update", "neither"],
)
def test_a_cancellation_reaches_on_cancel_event_else_on_update_event_never_on_event(
    given: Any, expected: Any
) -> None:
    ven = Harness({name: lambda event, *_: "optOut" for name in given})
    ven.send(distribute(event()))
    ven.answer()

    ven.send(distribute(event(number=1, status="cancelled")))

    assert ven.names() == expected
    assert ven.responses(ven.answer()) == [("e", "200", 1, "optIn")]
    assert ven.last(expected[-1])[0].modification_number == (0 if len(expected) == 1 else 1)


# --- opts -----------------------------------------------------------------------------------------


def test_opting_out_before_the_start_means_that_it_does_not_start() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))

    ven.opt("e", "optOut")
    ven.advance(9 * HOUR)

    assert steps(ven) == []


def test_opting_out_during_the_event_ends_it_and_opting_in_again_starts_it_again() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)
    ven.opt("e", "optOut")
    ven.advance(10 * MINUTE)

    ven.opt("e", "optIn")
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (70, "end"), (80, "start"), (80, 1), (120, "end")]


def test_opting_in_late_starts_for_the_rest() -> None:
    ven = Harness(opted_in(on_event=lambda event: DEFER))
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(100 * MINUTE)

    ven.opt("e", "optIn")
    ven.advance(9 * HOUR)

    assert steps(ven) == [(100, "start"), (100, 2), (120, "end")]


# --- the clock ------------------------------------------------------------------------------------


def test_a_run_that_the_clock_was_set_back_out_of_ends_soon_and_comes_again_at_its_time() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 10 * MINUTE)])
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(95 * MINUTE)
    assert steps(ven) == [(60, "start"), (60, 1), (90, 2)]

    ven.jump(-3 * HOUR)
    ven.advance(9 * HOUR)

    assert steps(ven)[3:] == [(-80, "end"), (60, "start"), (60, 1), (90, 2), (120, "end")]
    assert [(at - NOON) // MINUTE for at in ven.times("before_event:0")] == [50, 50]


def test_a_clock_that_is_set_back_and_put_right_within_minutes_repeats_nothing() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 10 * MINUTE)])
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(70 * MINUTE)

    ven.jump(-timedelta(days=365))
    ven.advance(4 * MINUTE)
    ven.jump(NOON + 74 * MINUTE)
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, 2), (120, "end")]
    assert len(ven.times("before_event:0")) == 1


def test_after_a_clock_set_back_inside_an_event_the_interval_of_now_is_announced() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=3 * HOUR, signals=[signal(1, 2, 3, each=HOUR)])))
    ven.advance(190 * MINUTE)

    ven.jump(NOON + 90 * MINUTE)
    ven.advance(9 * HOUR)

    assert steps(ven)[3:] == [(180, 3), (90, 1), (120, 2), (180, 3), (240, "end")]


@pytest.mark.parametrize("back", [SECOND, 59 * SECOND], ids=str)
def test_a_clock_set_back_by_seconds_at_a_boundary_repeats_nothing(back: timedelta) -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))

    for boundary in (60, 90, 120):
        ven.advance(NOON + boundary * MINUTE)
        ven.jump(-back)
    ven.advance(9 * HOUR)

    assert [what for _, what in steps(ven)] == ["start", 1, 2, "end"]


def test_a_clock_that_is_set_back_after_the_end_starts_nothing_again() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(tolerance=5 * HOUR)))
    ven.advance(ven.book.events["e"].start + HOUR)

    ven.jump(-30 * MINUTE)
    ven.advance(9 * HOUR)

    assert ven.names(*EDGES) == ["on_event_start", "on_event_end"]


def test_a_clock_that_is_set_forward_into_the_event_announces_what_runs_only() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=3 * HOUR, signals=[signal(1, 2, 3, each=HOUR)])))

    ven.jump(NOON + 190 * MINUTE)
    ven.advance(9 * HOUR)

    assert steps(ven) == [(190, "start"), (190, 3), (240, "end")]


def test_an_event_missed_entirely_has_neither_start_nor_end() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))

    ven.jump(24 * HOUR)

    assert steps(ven) == []


def test_after_a_long_sleep_the_missed_intervals_are_skipped_and_the_end_comes_once() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=4 * HOUR, signals=[signal(1, 2, 3, 4, each=HOUR)])))
    ven.advance(70 * MINUTE)

    ven.jump(NOON + 200 * MINUTE)
    assert steps(ven) == [(60, "start"), (60, 1), (200, 3)]
    ven.jump(24 * HOUR)

    assert steps(ven)[3:] == [(200 + 24 * 60, "end")]


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the local zone cannot be set here")
def test_a_dst_change_of_the_local_zone_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        night = NOON.replace(month=10, day=25, hour=0)
        ven = Harness(opted_in(), now=night)
        ven.send(distribute(event(start=night + HOUR - 30 * MINUTE, length=2 * HOUR)))
        ven.advance(9 * HOUR)
        assert ven.times("on_event_start") == [night + 30 * MINUTE]
        assert ven.times("on_event_end") == [night + 150 * MINUTE]
    finally:
        monkeypatch.undo()
        os.environ.get("TZ")
        time.tzset()


# --- the process ----------------------------------------------------------------------------------


def test_a_restart_in_the_middle_of_an_interval_continues() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 10 * MINUTE)])
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(75 * MINUTE)

    ven.restart()
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(9 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (90, 2), (120, "end")]
    assert ven.names("on_event", "before_event:0") == ["on_event", "before_event:0"]


def test_a_restart_after_the_end_of_a_running_event_ends_it() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event(length=4 * HOUR)))
    ven.answer()
    ven.advance(70 * MINUTE)

    ven.restart(after=24 * HOUR)

    assert ven.names(*EDGES) == ["on_event_start", "on_event_end"]
    assert ven.book.events == {}


@pytest.mark.parametrize(
    "handler", ["on_event", "on_event_start", "on_event_end", "on_cancel_event"]
)
def test_a_call_that_had_not_returned_is_made_again_after_a_restart(handler: str) -> None:
    ven = Harness(opted_in())
    ven.slow.add(handler)
    ven.send(distribute(event()))
    if handler != "on_event":
        ven.advance(70 * MINUTE)
        if handler != "on_event_start":
            ven.send(distribute())
    assert handler not in ven.names()

    ven.slow.clear()
    ven.restart()

    assert ven.names(handler) == [handler]
    ven.restart()
    assert ven.names(handler) == [handler]


def test_a_call_overtaken_by_a_newer_version_is_not_made_again() -> None:
    ven = Harness(opted_in())
    ven.slow.update(("on_event", "on_update_event"))
    ven.send(distribute(event()))
    ven.send(distribute(event(number=1)))

    ven.slow.clear()
    ven.restart()

    assert [(call.handler, call.arguments[0].modification_number) for call in ven.calls] == [
        ("on_update_event", 1)
    ]
    assert ven.responses(ven.answer()) == [("e", "200", 1, "optIn")]


def test_an_interval_that_is_past_at_the_restart_is_not_announced_again() -> None:
    ven = Harness(opted_in())
    ven.slow.add("on_interval_start")
    ven.send(distribute(event(signals=[signal(1, 2, each=30 * MINUTE)])))
    ven.advance(70 * MINUTE)

    ven.slow.clear()
    ven.restart(after=30 * MINUTE)

    assert steps(ven) == [(60, "start"), (100, 2)]


def test_the_opt_timeout_runs_on_over_a_restart() -> None:
    ven = Harness({"on_event": lambda event: DEFER}, opt_timeout=60)
    ven.send(distribute(event()))
    ven.advance(30 * SECOND)

    ven.restart()
    ven.advance(30 * SECOND)

    assert ven.responses(ven.answer()) == [("e", "200", 0, "optOut")]


def test_a_stuck_handler_leaves_no_row_behind_and_its_late_return_meets_no_namesake() -> None:
    ven = Harness(opted_in())
    ven.slow.add("on_event")
    ven.send(distribute(event(required="never")))
    ven.send(distribute())
    stuck = ven.waiting[0]
    assert ven.book.events == {} or ven.book.events["e"].cancelled == "list"
    ven.waiting.clear()
    ven.book.events.clear()

    ven.send(distribute(event(required="never")))
    assert stuck.done is not None
    ven.run(stuck.done("optIn"))

    assert ven.book.events["e"].opt is None


def test_a_slow_handler_of_one_event_delays_no_other_event() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b", start=NOON + HOUR + MINUTE)))
    ven.slow.add("on_interval_start")

    ven.advance(3 * HOUR)

    assert [
        (call.handler, call.arguments[0].event_id)
        for call in ven.calls
        if call.handler == "on_event_start"
    ] == [("on_event_start", "a"), ("on_event_start", "b")]


def test_one_timer_an_event_at_its_next_moment() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 10 * MINUTE)])
    ven.send(distribute(event("a"), event("b", start=NOON + 5 * HOUR)))

    assert {key: timer.at for key, timer in ven.timers.items()} == {
        "event:a": NOON + 50 * MINUTE,
        "event:b": NOON + 290 * MINUTE,
    }


def test_a_day_of_events_leaves_nothing_behind() -> None:
    ven = Harness(opted_in())
    ven.send(
        distribute(
            *(event(f"e{number}", start=NOON + number * 5 * MINUTE) for number in range(1, 280))
        )
    )
    ven.answer()

    ven.advance(48 * HOUR)

    assert (
        ven.names(*EDGES).count("on_event_start") == ven.names(*EDGES).count("on_event_end") == 279
    )
    assert ven.book.events == {}
    assert ven.timers == {}
    assert not ven.waiting


def test_resume_of_an_empty_book_asks_for_nothing() -> None:
    ven = Harness()

    assert events.resume(ven.book, ven.now).changes == ()


def test_an_event_that_a_wrong_clock_went_past_is_carried_out_once_the_clock_is_set_back() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event()))
    ven.jump(5 * HOUR)

    ven.jump(-5 * HOUR)
    ven.advance(5 * HOUR)

    assert steps(ven) == [(60, "start"), (60, 1), (120, "end")]


def test_a_clock_that_is_set_back_prolongs_neither_the_opt_timeout_nor_a_random_end() -> None:
    ven = Harness(opted_in(), opt_timeout=60)
    ven.send(distribute(event("running", tolerance=10 * MINUTE, length=9 * HOUR)))
    ven.advance(2 * HOUR)
    ven.slow.add("on_event")
    ven.send(distribute(event("new", start=NOON + 9 * HOUR)))
    assert "on_event_end" not in ven.names()

    ven.jump(-5 * HOUR)
    ven.advance(MINUTE)
    assert ven.responses(ven.answer()) == [("new", "200", 0, "optOut")]
    ven.advance(9 * MINUTE)

    assert ven.names("on_event_end") == ["on_event_end"]


def test_looking_again_repeats_nothing() -> None:
    ven = Harness(opted_in(), leads=[("before_event:0", 10 * MINUTE)])
    ven.send(distribute(event()))
    ven.advance(70 * MINUTE)
    before = list(ven.names())

    ven.run(events.look_again)

    assert ven.names() == before
