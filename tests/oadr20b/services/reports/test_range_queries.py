"""Range callbacks: mode full, HISTORY_USAGE, HISTORY_GREENBUTTON ('What to deliver', T20, T26)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ZERO, ReportHarness, ask
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.services.reports import delivery
from ven_sdk.objects import Sample
from ven_sdk.points import range_queries

QUARTER = 15 * MINUTE


class Logger:
    """A device that keeps a value for every minute; ``plan`` gives what its nth answer is
    instead.
    """

    def __init__(self, plan: Any = None) -> None:
        self.plan: dict[int, Any] = plan or {}
        self.asked: list[tuple[datetime, datetime, timedelta]] = []

    def __call__(self, date_from: datetime, date_to: datetime, sampling_interval: timedelta) -> Any:
        self.asked.append((date_from, date_to, sampling_interval))
        step = sampling_interval or MINUTE
        answer = self.plan.get(len(self.asked))
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer
        first = NOON + -(-(date_from - NOON) // step) * step
        return [
            (first + number * step, int((first + number * step).timestamp()))
            for number in range(max(0, -(-(date_to - first) // step)))
        ]


def ven(*loggers: Logger, name: str = "TELEMETRY_USAGE", **more: Any) -> ReportHarness:
    vtn = ReportHarness(**more)
    for number, logger in enumerate(loggers):
        vtn.point(f"p{number or ''}", logger, report_name=name, data_collection_mode="full")
    return vtn


# --- mode full ------------------------------------------------------------------------------------


def test_full_is_called_once_a_delivery_for_the_span_since_the_last() -> None:
    logger = Logger()
    vtn = ven(logger)
    vtn.create(ask("rq"))
    vtn.go(15 * MINUTE)

    assert logger.asked == [
        (NOON, NOON + 5 * MINUTE, MINUTE),
        (NOON + 5 * MINUTE, NOON + 10 * MINUTE, MINUTE),
        (NOON + 10 * MINUTE, NOON + 15 * MINUTE, MINUTE),
    ]
    assert [at for at, _ in vtn.values()] == [f"12:{minute:02d}:00" for minute in range(15)]


def test_full_begins_at_a_start_in_the_future_and_ends_with_the_interval() -> None:
    logger = Logger()
    vtn = ven(logger)
    vtn.create(ask("rq", start=NOON + HOUR, length=8 * MINUTE))
    vtn.go(2 * HOUR)

    assert [(start, stop) for start, stop, _ in logger.asked] == [
        (NOON + HOUR, NOON + HOUR + 5 * MINUTE),
        (NOON + HOUR + 5 * MINUTE, NOON + HOUR + 8 * MINUTE),
    ]
    assert (len(vtn.values()), reports.pending_ids(vtn.book)) == (8, ())


def test_full_that_failed_is_asked_again_from_the_same_moment() -> None:
    logger = Logger({2: ValueError("the bus is down")})
    vtn = ven(logger)
    vtn.create(ask("rq"))
    vtn.go(20 * MINUTE)

    assert {start for start, _, _ in logger.asked[1:3]} == {NOON + 5 * MINUTE}
    assert [at for at, _ in vtn.values()] == [f"12:{minute:02d}:00" for minute in range(20)]
    assert vtn.doubles() == []


def test_full_that_is_late_loses_nothing_and_holds_nothing_up() -> None:
    logger = Logger()
    vtn = ven(logger)
    vtn.point("q")
    vtn.create(ask("rq", "p"), ask("other", "q"))
    vtn.slow.add("report callback of spec/p")
    vtn.go(7 * MINUTE)
    assert len(vtn.values("other", "q")) == 5
    vtn.release()
    vtn.go(8 * MINUTE + SECOND)

    assert [at for at, _ in vtn.values()] == [f"12:{minute:02d}:00" for minute in range(15)]
    assert vtn.doubles() == []


def test_full_goes_on_after_a_restart_where_it_had_come_to() -> None:
    logger = Logger()
    vtn = ven(logger)
    vtn.create(ask("rq"))
    vtn.go(7 * MINUTE)
    vtn.restart(after=20 * MINUTE)
    vtn.deliver()
    vtn.go(5 * MINUTE)

    assert logger.asked[1][0] == NOON + 5 * MINUTE
    assert [at for at, _ in vtn.values()] == [f"12:{minute:02d}:00" for minute in range(30)]


def test_full_samples_outside_the_span_are_left_out_and_that_is_said() -> None:
    outside = [(NOON - MINUTE, 1), (NOON, 2), (NOON + 5 * MINUTE, 3)]
    vtn = ven(Logger({1: outside, 2: []}))
    vtn.create(ask("rq"))
    vtn.go(10 * MINUTE)

    assert vtn.values() == [("12:00:00", 2)]
    assert any("outside" in note.text for note in vtn.notes)


def test_full_and_incremental_points_share_their_intervals() -> None:
    vtn = ven(Logger())
    vtn.point("q")
    vtn.create(ask("rq", "p", "q"))
    vtn.go(5 * MINUTE)

    assert [len(interval.report_payloads) for interval in vtn.messages[0].reports[0].intervals] == [
        2
    ] * 5
    assert {quality for _, _, quality in vtn.qualities()} == {None}


def test_full_of_one_point_fails_while_the_other_is_delivered_on_time() -> None:
    vtn = ven(Logger(), Logger({1: ValueError("no")}))
    vtn.create(ask("rq", "p", "p1"))
    vtn.go(5 * MINUTE)
    vtn.go(5 * MINUTE)

    assert len(vtn.values()) == 10
    assert vtn.doubles() == []


def test_full_may_return_a_generator_of_samples_in_any_order() -> None:
    rows = (Sample(number, NOON + number * MINUTE, confidence=90) for number in (2, 0, 1))
    vtn = ven(Logger({1: rows}))
    vtn.create(ask("rq"))
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:00", 0), ("12:01:00", 1), ("12:02:00", 2)]


def test_a_one_shot_of_a_full_point_sends_its_newest_value() -> None:
    vtn = ven(now=NOON + 30 * SECOND)
    vtn.point("p", Logger(), data_collection_mode="full", sampling_rate=60)
    vtn.create(ask("rq", every=MINUTE, back=ZERO))
    vtn.go(MINUTE)

    assert ([at for at, _ in vtn.values()], reports.pending_ids(vtn.book)) == (["12:00:00"], ())


# --- history --------------------------------------------------------------------------------------

DAY = ask("rq", every=QUARTER, back=ZERO, start=NOON - timedelta(days=1), length=timedelta(days=1))


def test_history_is_one_report_at_once_and_the_request_ends() -> None:
    logger = Logger()
    vtn = ven(logger, name="HISTORY_USAGE")
    answer = vtn.create(DAY)
    vtn.deliver()

    assert answer.pending_reports == ("rq",)
    assert logger.asked == [(NOON - timedelta(days=1), NOON, QUARTER)]
    assert [len(message.reports[0].intervals) for message in vtn.messages] == [96]
    assert (vtn.messages[0].reports[0].report_name, reports.pending_ids(vtn.book)) == (
        "HISTORY_USAGE",
        (),
    )


def test_history_with_back_duration_wholly_in_the_past_is_one_report_too() -> None:
    vtn = ven(Logger(), name="HISTORY_USAGE")
    vtn.create(
        ask(
            "rq", every=QUARTER, back=HOUR, start=NOON - timedelta(days=1), length=timedelta(days=1)
        )
    )
    vtn.deliver()

    assert (len(vtn.messages), len(vtn.values()), reports.pending_ids(vtn.book)) == (1, 96, ())


def test_history_of_granularity_zero_is_as_fine_as_is_offered() -> None:
    """A callback that counts in steps of ``sampling_interval`` must come to an end."""
    logger = Logger()
    vtn = ven()
    vtn.point(
        "p", logger, report_name="HISTORY_USAGE", data_collection_mode="full", sampling_rate=60
    )
    vtn.create(ask("rq", every=ZERO, back=ZERO, start=NOON - HOUR, length=HOUR))
    vtn.deliver()

    assert (logger.asked[0][2], len(vtn.values())) == (MINUTE, 60)


def test_history_into_the_future_is_sent_at_once_as_far_as_there_is_any() -> None:
    vtn = ven(Logger(), name="HISTORY_USAGE")
    vtn.create(ask("rq", every=QUARTER, back=ZERO, start=NOON - HOUR, length=2 * HOUR))
    vtn.go(MINUTE)

    assert len(vtn.values()) == 4


@pytest.mark.parametrize("strict, code", [(False, "200"), (True, "454")])
def test_history_without_a_duration_begins_at_its_start_and_more_than_offered_is_strictly_refused(
    strict: bool, code: str
) -> None:
    logger = Logger()
    vtn = ReportHarness(strict=strict)
    vtn.point("p", logger, report_name="HISTORY_USAGE", report_duration=4 * HOUR)
    answer = vtn.create(ask("rq", every=ZERO, back=ZERO, start=NOON - 5 * HOUR))
    vtn.go(MINUTE)

    assert answer.response.response_code == code
    assert [(start, stop) for start, stop, _ in logger.asked] == (
        [] if strict else [(NOON - 5 * HOUR, NOON)]
    )


def test_history_begins_at_the_earliest_on_offer() -> None:
    logger = Logger()
    vtn = ReportHarness()
    vtn.point("p", logger, report_name="HISTORY_USAGE", report_dtstart=NOON - HOUR)
    vtn.create(DAY)
    vtn.deliver()

    assert logger.asked == [(NOON - HOUR, NOON, QUARTER)]


def test_long_history_comes_in_parts_and_a_crash_in_the_middle_loses_and_doubles_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MOST_INTERVALS", 100)
    monkeypatch.setattr(range_queries, "PIECE", 70)
    logger = Logger()
    vtn = ven(logger, name="HISTORY_USAGE")
    vtn.create(
        ask("rq", every=MINUTE, back=ZERO, start=NOON - timedelta(days=1), length=timedelta(days=1))
    )
    for _ in range(3):
        vtn.run_due()
        vtn.take(vtn.task().record)
        vtn.post(vtn.task())
    vtn.restart()
    vtn.deliver()

    assert len(vtn.record) == 1440
    assert vtn.doubles() == []
    assert max(len(message.reports[0].intervals) for message in vtn.messages) == 100


def test_a_crash_while_history_is_written_down_asks_for_the_rest_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(range_queries, "PIECE", 50)
    logger = Logger()
    vtn = ven(logger, name="HISTORY_USAGE")
    vtn.create(DAY)
    step = reports.look
    for _ in range(2):
        vtn.run(step)
    vtn.restart()
    vtn.deliver()

    assert len(logger.asked) == 2
    assert (len(vtn.record), vtn.doubles()) == (96, [])


def test_history_that_fails_is_asked_again_and_ends_if_it_always_fails() -> None:
    for failures, arrived in ((1, 96), (99, 0)):
        vtn = ven(
            Logger(dict.fromkeys(range(1, failures + 1), ValueError("no"))), name="HISTORY_USAGE"
        )
        vtn.create(DAY)
        vtn.go(HOUR)

        assert (len(vtn.values()), reports.pending_ids(vtn.book)) == (arrived, ())
        assert len(vtn.qualities()) == max(1, arrived)


# --- green button ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "feed",
    [
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>\t1</title></feed>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'/>",
    ],
)
def test_a_green_button_feed_is_sent_as_the_callback_gave_it(feed: Any) -> None:
    vtn = ReportHarness()
    vtn.point("g", Logger({1: feed}), report_name="HISTORY_GREENBUTTON", measurement=None)
    vtn.create(ask("rq", "g", every=ZERO, back=ZERO, start=NOON - HOUR, length=HOUR))
    vtn.deliver()
    (interval,) = vtn.messages[0].reports[0].intervals

    assert interval.feed == (feed.decode() if isinstance(feed, bytes) else feed)
    assert (interval.dtstart, vtn.messages[0].reports[0].report_name) == (
        NOON - HOUR,
        "HISTORY_GREENBUTTON",
    )
