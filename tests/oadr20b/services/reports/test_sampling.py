"""Collection: rules T17 to T19 and T22, callbacks that are slow or fail, clocks that are set. Rule
numbers in the names.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ZERO, Meter, ReportHarness, ask
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.services.reports.step import look
from ven_sdk.objects import ResourceStatus, Sample

BAD, NONE = "Quality Bad - Last Known Value", "Quality Bad - Non Specific"
UNCHANGED = "No New Value - Previous Value Used"
DAY = timedelta(days=1)


def times(vtn: ReportHarness, request: str = "rq", r_id: str = "p") -> list[str]:
    return [at for at, _ in vtn.values(request, r_id)]


def minutes(*numbers: int) -> list[str]:
    return [f"12:{number:02d}:00" for number in numbers]


# --- what to deliver: the table of the rules ------------------------------------------------------


def test_once_an_absent_interval_without_back_duration_is_one_report_right_away() -> None:
    vtn = ReportHarness(now=NOON + 7 * SECOND)
    vtn.point()
    answer = vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.deliver()
    vtn.go(HOUR)

    assert answer.pending_reports == ("rq",)
    assert (vtn.values(), reports.pending_ids(vtn.book), len(vtn.messages)) == (
        [("12:00:07", 1)],
        (),
        1,
    )


def test_an_absent_interval_with_back_duration_is_endless_and_aligned_to_the_epoch() -> None:
    vtn = ReportHarness(now=NOON + 7 * SECOND)
    vtn.point()
    vtn.create(ask("rq", every=MINUTE, back=5 * MINUTE))
    vtn.go(10 * MINUTE)

    assert times(vtn) == minutes(1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert [len(message.reports[0].intervals) for message in vtn.messages] == [4, 5]


@pytest.mark.parametrize(
    "start, length",
    [(MINUTE, 4 * MINUTE), (HOUR, ZERO), (-HOUR, 10 * MINUTE), (ZERO, ZERO)],
    ids=["finite", "to come", "past", "endless"],
)
@pytest.mark.parametrize("every", [ZERO, MINUTE, DAY], ids=["0", "1 min", "1 day"])
def test_without_back_duration_one_value_is_sent_at_once_whatever_the_interval(
    start: timedelta, length: timedelta, every: timedelta
) -> None:
    vtn = ReportHarness()
    vtn.point()
    answer = vtn.create(ask("rq", every=every, back=ZERO, start=NOON + start, length=length))
    vtn.deliver()

    assert answer.response.ok
    assert vtn.values() == [("12:00:00", 1)]
    vtn.go(2 * HOUR)
    assert (len(vtn.messages), reports.pending_ids(vtn.book)) == (1, ())


def test_a_finite_interval_with_back_duration_ends_with_a_last_report() -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq", every=MINUTE, back=5 * MINUTE, start=NOON, length=8 * MINUTE))
    vtn.go(20 * MINUTE)

    assert [len(message.reports[0].intervals) for message in vtn.messages] == [5, 3]
    assert (times(vtn), reports.pending_ids(vtn.book)) == (minutes(*range(8)), ())


def test_a_zero_interval_is_endless_from_its_start() -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq", every=MINUTE, back=2 * MINUTE, start=NOON + 3 * MINUTE + 5 * SECOND))
    vtn.go(8 * MINUTE)

    assert times(vtn) == ["12:03:05", "12:04:05", "12:05:05", "12:06:05"]


@pytest.mark.parametrize("declared", [True, False])
def test_on_change_sends_what_changed_and_says_so_when_nothing_did(declared: bool) -> None:
    vtn = ReportHarness()
    states = iter([5] * 20 + [6] * 40 + [7] * 1000)
    rate = {"min_period": 30 * SECOND, "max_period": HOUR, "on_change": declared}
    vtn.point("p", lambda: next(states), sampling_rate=rate)
    vtn.create(ask("rq", every=ZERO, back=10 * MINUTE, start=NOON))
    vtn.go(HOUR)

    assert vtn.qualities() == [
        ("12:00:00", 5, None),
        ("12:10:00", 6, None),
        ("12:29:30", 6, UNCHANGED),
        ("12:30:00", 7, None),
        ("12:49:30", 7, UNCHANGED),
        ("12:59:30", 7, UNCHANGED),
    ]


def test_on_change_a_source_that_fails_is_not_taken_for_one_that_does_not_change() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, dict.fromkeys(range(2, 1000), ValueError("no"))))
    vtn.create(ask("rq", every=ZERO, back=MINUTE, start=NOON))
    vtn.go(2 * MINUTE)

    assert vtn.qualities()[1:] == [("12:01:59", 1, BAD)]


# --- T17, T18: moments ----------------------------------------------------------------------------


def test_t17_a_start_in_the_past_means_now_on_its_own_raster() -> None:
    vtn = ReportHarness(now=NOON + 21 * SECOND)
    vtn.point()
    vtn.create(ask("rq", every=MINUTE, back=5 * MINUTE, start=NOON - HOUR + 10 * SECOND))
    vtn.go(6 * MINUTE)

    assert times(vtn) == [f"12:{minute:02d}:10" for minute in (1, 2, 3, 4)]
    assert [message.reports[0].created_date_time for message in vtn.messages] == [
        NOON + 5 * MINUTE + 10 * SECOND
    ]


def test_t17_a_start_in_the_future_begins_there_and_delivers_one_back_duration_later() -> None:
    vtn = ReportHarness()
    meter = vtn.point()
    vtn.create(ask("rq", every=MINUTE, back=5 * MINUTE, start=NOON + 2 * HOUR + 7 * SECOND))
    vtn.go(2 * HOUR)
    assert meter.calls == 0
    vtn.go(5 * MINUTE + 6 * SECOND, step=SECOND)
    assert vtn.messages == []
    vtn.go(SECOND)

    assert times(vtn)[0] == "14:00:07"
    assert len(vtn.values()) == 5


@pytest.mark.parametrize(
    "every, back, counts",
    [(10 * MINUTE, 5 * MINUTE, [1] * 7), (2 * MINUTE, 5 * MINUTE, [3, 2, 3, 2, 3, 2])],
    ids=["T18-g>b", "T18-no-multiple"],
)
def test_each_delivery_has_the_samples_due_by_then(
    every: timedelta, back: timedelta, counts: list[int]
) -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq", every=every, back=back))
    vtn.go(30 * MINUTE)

    assert [len(message.reports[0].intervals) for message in vtn.messages] == counts


@pytest.mark.parametrize("every", [90, 2700], ids=["90 s", "45 min"])
def test_t17_odd_spacings_stay_on_the_raster_of_the_epoch(every: int) -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq", every=every * SECOND, back=every * SECOND))
    vtn.go(10 * HOUR)

    assert all(at.timestamp() % every == 0 for _, _, at, _, _ in vtn.record)
    assert len(vtn.record) == 36000 // every + 1


def test_t22_samples_bear_the_synchronised_moment_not_the_one_at_which_the_callback_ended() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.slow.add(f"report callback of {'spec'}/p")
    vtn.create(ask("rq"))
    vtn.advance(40 * SECOND)
    vtn.release()
    vtn.go(5 * MINUTE)

    assert times(vtn)[0] == "12:00:00"


def test_no_jitter_on_collection_and_at_most_a_tenth_on_delivery() -> None:
    for seed in range(20):
        vtn = ReportHarness(allow_jitter=True, seed=seed)
        vtn.point()
        vtn.create(ask("rq", back=10 * MINUTE))
        vtn.go(30 * MINUTE, step=SECOND)

        assert times(vtn) == minutes(*range(20))
        made = [message.reports[0].created_date_time for message in vtn.messages]
        assert all(
            NOON + 10 * (number + 1) * MINUTE <= at <= NOON + (10 * number + 11) * MINUTE
            for number, at in enumerate(made)
        )


# --- one collection for all -----------------------------------------------------------------------


def test_requests_that_meet_at_a_moment_share_its_value() -> None:
    vtn = ReportHarness()
    meter = vtn.point()
    vtn.create(
        ask("fast", every=MINUTE, back=10 * MINUTE), ask("slow", every=5 * MINUTE, back=10 * MINUTE)
    )
    vtn.go(10 * MINUTE)

    assert dict(vtn.values("slow")).items() <= dict(vtn.values("fast")).items()
    assert (meter.calls, len(vtn.values("slow"))) == (11, 2)


def test_a_one_shot_in_the_same_second_shares_the_value_too() -> None:
    vtn = ReportHarness()
    meter = vtn.point()
    vtn.create(ask("rq", back=MINUTE))
    vtn.deliver()
    vtn.create(ask("once", every=ZERO, back=ZERO))
    vtn.go(2 * MINUTE)

    assert vtn.values("once") == vtn.values("rq")[:1]
    assert meter.calls == 3


def test_the_calls_of_one_object_share_a_lane_and_run_in_the_report_pool() -> None:
    vtn = ReportHarness()

    class Bus:
        def read(self) -> int:
            return 1

        def other(self) -> int:
            return 2

    bus = Bus()
    vtn.point("p", bus.read)
    vtn.point("q", bus.other)
    vtn.point("r")
    vtn.create(ask("rq", "p", "q", "r"))
    outcome = look(vtn.book, vtn.now)

    assert outcome is not None
    lanes = {call.lane for call in outcome.calls}
    assert (len(outcome.calls), len(lanes), {call.pool for call in outcome.calls}) == (
        3,
        2,
        {"report"},
    )


# --- T19: gaps ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [None, float("nan"), Decimal("NaN"), ValueError("no"), "rubbish", object()],
    ids=["None", "nan", "Decimal-nan", "raises", "text", "object"],
)
def test_t19_a_missing_value_is_the_last_one_marked_bad_and_the_report_goes_out_on_time(
    failure: Any,
) -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {3: failure}))
    vtn.point("q")
    vtn.create(ask("rq", "p", "q"))
    vtn.go(5 * MINUTE)

    assert vtn.qualities() == [
        ("12:00:00", 1, None),
        ("12:01:00", 2, None),
        ("12:02:00", 2, BAD),
        ("12:03:00", 4, None),
        ("12:04:00", 5, None),
    ]
    assert len(vtn.values(r_id="q")) == 5


def test_t19_without_any_value_before_it_is_zero_of_bad_quality() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {1: None}))
    vtn.point("q")
    vtn.create(ask("rq", "p", "q", back=2 * MINUTE))
    vtn.go(2 * MINUTE)

    assert vtn.qualities() == [("12:00:00", 0, NONE), ("12:01:00", 2, None)]


def test_t19_the_last_known_value_is_known_from_report_to_report_and_after_a_restart() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {3: None, 4: None}))
    vtn.point("q")
    vtn.create(ask("rq", "p", "q", back=2 * MINUTE))
    vtn.go(2 * MINUTE)
    vtn.restart()
    vtn.go(2 * MINUTE)

    assert vtn.qualities() == [
        ("12:00:00", 1, None),
        ("12:01:00", 2, None),
        ("12:02:00", 2, BAD),
        ("12:03:00", 2, BAD),
    ]


def test_t19_an_interval_without_any_value_is_left_out() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {2: None}))
    vtn.create(ask("rq"))
    vtn.go(5 * MINUTE)

    assert times(vtn) == minutes(0, 2, 3, 4)


def test_t19_every_interval_has_exactly_the_data_points_that_were_requested() -> None:
    vtn = ReportHarness()
    names = [f"p{number}" for number in range(5)]
    for number, name in enumerate(names):
        vtn.point(
            name, Meter(vtn, {call: None for call in range(1, 40) if call % (number + 2) == 0})
        )
    vtn.create(ask("rq", *names))
    vtn.go(30 * MINUTE)

    intervals = [
        interval
        for message in vtn.messages
        for report in message.reports
        for interval in report.intervals
    ]
    assert len(intervals) == 30
    assert all([one.r_id for one in interval.report_payloads] == names for interval in intervals)


def test_t19_a_status_that_failed_is_the_last_one_marked_bad_or_offline() -> None:
    vtn = ReportHarness()
    online = ResourceStatus(online=True)
    vtn.point(
        "s",
        Meter(vtn, {1: None, 2: online, 3: ValueError("no"), 4: online}),
        measurement=None,
        report_name="TELEMETRY_STATUS",
    )
    vtn.point(
        "t",
        Meter(vtn, dict.fromkeys(range(1, 10), online)),
        measurement=None,
        report_name="TELEMETRY_STATUS",
    )
    vtn.create(ask("rq", "s", "t", back=4 * MINUTE, reading_type="x-notApplicable"))
    vtn.go(4 * MINUTE)

    assert vtn.qualities(r_id="s") == [
        ("12:00:00", ResourceStatus(online=False), NONE),
        ("12:01:00", online, None),
        ("12:02:00", online, BAD),
        ("12:03:00", online, None),
    ]
    assert len(vtn.values(r_id="t")) == 4


def test_t19_a_one_shot_whose_callback_failed_says_so() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {1: ValueError("no")}))
    vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.deliver()

    assert vtn.qualities() == [("12:00:00", 0, NONE)]
    assert reports.pending_ids(vtn.book) == ()


def test_a_one_shot_status_that_failed_is_offline_of_bad_quality() -> None:
    vtn = ReportHarness()
    vtn.point("s", lambda: None, measurement=None, report_name="TELEMETRY_STATUS")
    vtn.create(ask("rq", "s", every=ZERO, back=ZERO))
    vtn.go(MINUTE)

    assert vtn.qualities(r_id="s") == [("12:00:00", ResourceStatus(online=False), NONE)]
    assert reports.pending_ids(vtn.book) == ()


def test_where_gaps_are_left_out_a_one_shot_without_a_value_ends_without_a_report() -> None:
    vtn = ReportHarness()
    vtn.point("p", lambda: None, gaps="omit")
    vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.go(MINUTE)

    assert (vtn.messages, reports.pending_ids(vtn.book)) == ([], ())
    assert any("ends without a report" in note.text for note in vtn.notes)


def test_confidence_accuracy_and_quality_go_where_the_callback_gives_them() -> None:
    vtn = ReportHarness()
    vtn.point(
        "p",
        lambda: Sample(
            Decimal("1.50"),
            confidence=95,
            accuracy=0.25,
            data_quality="Quality Good - Local Override",
        ),
    )
    vtn.create(ask("rq", back=MINUTE))
    vtn.go(MINUTE)

    one = vtn.messages[0].reports[0].intervals[0].report_payloads[0]
    assert (str(one.value), one.confidence, one.accuracy, one.data_quality) == (
        "1.50",
        95,
        0.25,
        "Quality Good - Local Override",
    )


def test_an_awaitable_is_closed_counts_as_failed_and_the_callback_is_named() -> None:
    closed = []

    class Future:
        def __await__(self) -> Any:
            yield

        def close(self) -> None:
            closed.append(True)

    vtn = ReportHarness()
    vtn.point("p", lambda: Future())
    vtn.create(ask("rq"))
    call = look(vtn.book, vtn.now).calls[0]
    error = call.function(*call.arguments, **call.keywords)  # type: ignore[misc]

    assert closed == [True]
    assert "awaitable" in str(error)
    assert "test_an_awaitable" in error.handler


# --- slow callbacks -------------------------------------------------------------------------------


def test_a_callback_that_never_returns_delays_nobody_else_and_is_not_called_again() -> None:
    vtn = ReportHarness()
    stuck = vtn.point("p")
    vtn.point("q")
    vtn.slow.add("report callback of spec/p")
    vtn.create(ask("rq", "p", "q"))
    vtn.go(HOUR)

    assert times(vtn, r_id="q") == [f"12:{minute:02d}:00" for minute in range(60)]
    assert (stuck.calls, len(vtn.waiting)) == (0, 1)
    assert {quality for _, _, quality in vtn.qualities()} == {NONE}
    assert sum(len(vtn.book.tables[name]) for name in vtn.book.volatile) < 12


def test_a_slow_value_still_enters_its_row_before_it_goes_out() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.point("q")
    vtn.slow.add("report callback of spec/p")
    vtn.create(ask("rq", "p", "q"))
    vtn.advance(4 * MINUTE + 59 * SECOND)
    vtn.release()
    vtn.go(MINUTE)

    assert vtn.qualities()[0] == ("12:00:00", 1, None)
    assert reports.counters(vtn.book)["samples_late"] == 0


def test_a_value_whose_row_has_gone_out_is_dropped_and_counted() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.point("q")
    vtn.slow.add("report callback of spec/p")
    vtn.create(ask("rq", "p", "q"))
    vtn.go(6 * MINUTE)
    vtn.release()
    vtn.go(5 * MINUTE)

    assert reports.counters(vtn.book)["samples_late"] == 1
    assert vtn.doubles() == []


def test_a_late_value_whose_moment_was_left_out_is_sent_after_all() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.slow.add("report callback of spec/p")
    vtn.create(ask("rq"))
    vtn.go(6 * MINUTE)
    vtn.release()
    vtn.go(5 * MINUTE)

    assert vtn.values()[0][0] == "12:00:00"
    assert (vtn.doubles(), reports.counters(vtn.book)["samples_late"]) == ([], 0)


# --- samples with times of their own --------------------------------------------------------------


def test_readings_with_times_of_their_own_arrive_once_however_often_they_are_returned() -> None:
    vtn = ReportHarness()

    def last_three() -> Any:
        newest = vtn.now - timedelta(seconds=17)
        return [(newest - back * MINUTE, (newest - back * MINUTE).minute) for back in range(3)]

    vtn.point("p", last_three)
    vtn.create(ask("rq"))
    vtn.go(20 * MINUTE)
    vtn.restart()
    vtn.go(11 * MINUTE)

    assert times(vtn) == [
        "11:57:43",
        "11:58:43",
        "11:59:43",
        *(f"12:{minute:02d}:43" for minute in range(30)),
    ]
    assert vtn.doubles() == []


def test_naive_datetimes_count_as_utc_and_that_is_said() -> None:
    vtn = ReportHarness()
    vtn.point("p", lambda: (datetime(2026, 7, 1, 12, 0, 30), 7))
    vtn.create(ask("rq"))
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:30", 7)]
    assert {note.once for note in vtn.notes if "count as UTC" in note.text} == {
        "naive ('spec', 'p')"
    }


# --- clocks ---------------------------------------------------------------------------------------


def test_moments_that_the_machine_slept_through_are_skipped_not_invented() -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq"))
    vtn.advance(2 * MINUTE)
    vtn.jump(30 * MINUTE + 30 * SECOND)
    vtn.deliver()
    vtn.go(5 * MINUTE)

    assert times(vtn) == minutes(0, 1, 2, 33, 34)


def test_a_clock_set_back_delivers_at_once_and_samples_times_again_that_come_round_again() -> None:
    vtn = ReportHarness()
    meter = vtn.point()
    vtn.create(ask("rq"))
    vtn.go(12 * MINUTE)
    vtn.jump(-10 * MINUTE)
    vtn.run(look)  # what the engine does when it notices
    vtn.deliver()

    assert times(vtn) == minutes(*range(13))
    vtn.go(15 * MINUTE)
    assert times(vtn) == minutes(*range(13), *range(3, 15))
    assert meter.calls == 28


def test_a_clock_that_was_a_year_ahead_does_not_stop_collection_for_a_year() -> None:
    vtn = ReportHarness()
    vtn.point()
    vtn.create(ask("rq"))
    vtn.go(2 * MINUTE)
    vtn.jump(timedelta(days=300))
    vtn.go(6 * MINUTE)
    vtn.jump(-timedelta(days=300))
    vtn.run(look)  # what the engine does when it notices
    vtn.go(6 * MINUTE)

    assert {NOON + 8 * MINUTE, NOON + 9 * MINUTE} <= {at for _, _, at, _, _ in vtn.record}
    assert not vtn.book.samples or max(row.at for row in vtn.book.samples.values()) <= vtn.now
    assert vtn.doubles() == []


def test_a_value_is_taken_shortly_after_its_moment_but_not_much_later() -> None:
    for late, expected in ((9, minutes(0, 1)), (11, minutes(0))):
        vtn = ReportHarness()
        vtn.point()
        vtn.create(ask("rq", back=2 * MINUTE))
        vtn.advance(59 * SECOND)
        vtn.jump(SECOND * (1 + late))
        vtn.advance(NOON + 119 * SECOND)
        vtn.go(2 * SECOND)

        assert times(vtn) == expected
