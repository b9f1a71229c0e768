"""Reports as the specification says: when the first one goes, what stands in for a value, what is
kept, and requests for the catalogue.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Optional

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import (
    METADATA,
    Meter,
    ReportHarness,
    ask,
    push_value,
)
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.state.book import Book
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import Outcome

ZERO = timedelta(0)
BAD, NONE = "Quality Bad - Last Known Value", "Quality Bad - Non Specific"
NOTHING = [None] * 1000


def arrivals(vtn: ReportHarness, seconds: int) -> list[int]:
    """The seconds, from now on, after which messages arrive."""
    found: list[int] = []
    for second in range(1, seconds + 1):
        vtn.advance(SECOND)
        found += [second] * len(vtn.deliver())
    return found


# --- the first report -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start, every, back, expected",
    [
        (5, 10, 10, [5, 15, 25]),
        (5, 5, 10, [15, 25]),
        (-1, 10, 10, [1, 9, 19, 29]),
        (-1, 5, 10, [9, 19, 29]),
        (None, 10, 10, [1, 10, 20, 30]),
        (None, 5, 10, [10, 20, 30]),
    ],
)
def test_t17_the_first_report_goes_at_the_start_or_when_the_first_period_is_over(
    start: Optional[int], every: int, back: int, expected: list[int]
) -> None:
    vtn = ReportHarness(now=NOON)
    vtn.point("p", sampling_rate=SECOND)
    begin = None if start is None else NOON + start * SECOND
    vtn.create(ask("rq", every=every * SECOND, back=back * SECOND, start=begin))
    at_once = [] if start != -1 or every != back else vtn.deliver()

    assert arrivals(vtn, 30) == [at for at in expected if not at_once or at > 1]
    assert len(at_once) == (start == -1 and every == back)


def test_t17_a_report_of_one_sample_waits_a_moment_for_its_callback() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.slow.add("report callback of spec/p")
    vtn.create(ask("rq", every=MINUTE, back=MINUTE, start=NOON + MINUTE))
    vtn.advance(MINUTE)
    assert vtn.deliver() == []
    vtn.release()
    vtn.deliver()

    assert vtn.values() == [("12:01:00", 1)]


# --- what stands in for a value -------------------------------------------------------------------


def test_t19_a_periodic_report_goes_out_without_any_value() -> None:
    vtn = ReportHarness()
    vtn.point("p", lambda: None)
    vtn.create(ask("rq"))
    vtn.go(15 * MINUTE)

    assert len(vtn.messages) == 3
    assert vtn.qualities() == [(f"12:{minute:02d}:00", 0, NONE) for minute in range(15)]


def test_t19_a_report_of_pushed_values_goes_out_when_nothing_was_pushed() -> None:
    vtn = ReportHarness()
    vtn.point("p", False)
    vtn.create(ask("rq"))
    vtn.run(lambda book, now: push_value(book, "p", 7, None, now))
    vtn.go(15 * MINUTE)

    assert vtn.qualities() == [
        ("12:00:00", 7, None),
        ("12:09:00", 7, BAD),
        ("12:14:00", 7, BAD),
    ]


def test_gaps_are_left_out_where_the_user_says_so() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, {2: None, 3: None}), gaps="omit")
    vtn.point("q", Meter(vtn, {3: None}))
    vtn.create(ask("rq", "p", "q", back=4 * MINUTE))
    vtn.go(4 * MINUTE)

    assert vtn.qualities() == [("12:00:00", 1, None), ("12:03:00", 4, None)]
    assert vtn.qualities(r_id="q") == [
        ("12:00:00", 1, None),
        ("12:01:00", 2, None),
        ("12:02:00", 2, BAD),
        ("12:03:00", 4, None),
    ]


def test_where_all_gaps_are_left_out_there_is_no_report() -> None:
    vtn = ReportHarness()
    vtn.point("p", Meter(vtn, dict(enumerate(NOTHING))), gaps="omit")
    vtn.create(ask("rq"))
    vtn.go(15 * MINUTE)

    assert vtn.messages == []


def push(book: Book, now: datetime, at: datetime) -> Outcome:
    return push_value(book, "p", 1, at, now)


# --- what is kept ---------------------------------------------------------------------------------


def test_t41_a_span_of_the_past_is_answered_with_what_was_sampled() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.create(ask("rq"))
    vtn.go(30 * MINUTE)
    vtn.create(ask("missed", start=NOON + 5 * MINUTE, length=5 * MINUTE))
    vtn.deliver()

    assert vtn.values("missed") == [(f"12:0{minute}:00", minute + 1) for minute in range(5, 10)]
    assert reports.pending_ids(vtn.book) == ("rq",)


@pytest.mark.parametrize("spacing, kept", [(HOUR, 100), (10 * SECOND, 360), (SECOND, 3600)])
def test_t41_as_much_is_kept_as_the_catalogue_promises(spacing: timedelta, kept: int) -> None:
    vtn = ReportHarness()
    rate = {"min_period": spacing, "max_period": HOUR}
    vtn.point("p", False, sampling_rate=rate)
    for number in range(kept + 50):
        at = NOON - timedelta(days=30) + number * spacing
        vtn.run(partial(push, at=at))
    (report,) = reports.offered_reports(vtn.book)
    (recent,) = vtn.book.recent.values()

    assert len(recent) == kept
    assert report.duration is not None
    assert report.duration <= kept * spacing


def test_t42_summed_data_is_sampled_all_the_time_and_a_one_shot_has_the_last_sample() -> None:
    vtn = ReportHarness()
    meter: Meter = vtn.point("p", measurement="energyReal", sampling_rate=MINUTE)
    vtn.run(reports.resume)
    vtn.advance(10 * MINUTE + 20 * SECOND)
    vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.deliver()
    (report,) = vtn.messages[0].reports

    assert vtn.values() == [("12:10:00", meter.calls)] == [("12:10:00", 11)]
    assert report.intervals[0].duration == MINUTE


def test_t42_summed_values_on_change_are_about_the_span_that_is_offered() -> None:
    vtn = ReportHarness()
    vtn.point("p", measurement="energyReal", sampling_rate=MINUTE)
    vtn.create(ask("rq", every=ZERO, back=5 * MINUTE, start=NOON))
    vtn.go(5 * MINUTE)
    (report,) = vtn.messages[0].reports

    assert {interval.duration for interval in report.intervals} == {MINUTE}


def test_t42_a_summed_point_that_fails_is_read_once_a_moment() -> None:
    vtn = ReportHarness()
    meter: Meter = vtn.point(
        "p",
        Meter(vtn, dict(enumerate(NOTHING))),
        measurement="energyApparent",
        sampling_rate=MINUTE,
    )
    vtn.point("q")
    vtn.run(reports.resume)
    vtn.create(ask("rq", "q", every=SECOND, back=5 * SECOND))
    vtn.go(10 * MINUTE, SECOND)

    assert meter.calls == 11


# --- the catalogue --------------------------------------------------------------------------------


def catalogue_sent(vtn: ReportHarness) -> Any:
    """The VTN takes the catalogue, if it is to be sent; the ID of the request that it answers."""
    wanted = vtn.book.registration.catalogue_request
    if wanted is not None:
        vtn.book.apply(
            [Change("registration", "", vtn.book.registration.with_catalogue_request(None))]
        )
        vtn.registered()
    return wanted


def test_t8_a_periodic_metadata_request_stays_and_has_the_catalogue_sent_every_period() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    periodic = METADATA.replace(
        report_specifier=METADATA.report_specifier.replace(report_back_duration=HOUR)
    )
    answer = vtn.create(periodic)
    assert answer.pending_reports == ("rq-meta",)
    assert catalogue_sent(vtn) == "rq-meta"
    vtn.create(ask("rq"))
    vtn.go(59 * MINUTE)
    assert catalogue_sent(vtn) is None
    vtn.go(MINUTE)

    assert catalogue_sent(vtn) == "rq-meta"
    assert reports.pending_ids(vtn.book) == ("rq-meta",)
    assert vtn.cancel("rq-meta").pending_reports == ()
    vtn.go(2 * HOUR)
    assert catalogue_sent(vtn) is None


def test_t42_what_a_request_samples_at_the_same_moment_is_not_touched() -> None:
    vtn = ReportHarness()
    vtn.point("p", measurement="energyReal", sampling_rate=MINUTE)
    vtn.point("q")
    vtn.create(ask("rq", "q"))
    vtn.go(5 * MINUTE)

    assert len(vtn.values(r_id="q")) == 5
