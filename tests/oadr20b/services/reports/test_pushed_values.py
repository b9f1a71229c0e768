"""client.report_value: samples that the user pushes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ZERO, ReportHarness, ask, push_value
from ven_sdk.errors import ConfigurationError
from ven_sdk.oadr20b.services import reports
from ven_sdk.objects import ResourceStatus, Sample


def ven(**more: Any) -> ReportHarness:
    vtn = ReportHarness(**more)
    vtn.point("p", False)
    return vtn


def push(vtn: ReportHarness, value: Any, at: Any = None, name: str = "p") -> None:
    vtn.run(lambda book, now: push_value(book, name, value, at, now))


def test_a_pushed_value_is_of_now_or_of_its_own_time() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    vtn.advance(90 * SECOND)
    push(vtn, 1)
    push(vtn, 2, NOON + 10 * SECOND)
    push(vtn, Sample(3, NOON + 20 * SECOND))
    push(vtn, 4, datetime(2026, 7, 1, 14, 0, 30, tzinfo=timezone(timedelta(hours=2))))
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:10", 2), ("12:00:20", 3), ("12:00:30", 4), ("12:01:30", 1)]


def test_every_request_that_wants_the_point_gets_it() -> None:
    vtn = ven()
    vtn.create(ask("one"), ask("two", back=10 * MINUTE))
    push(vtn, 7)
    vtn.go(10 * MINUTE)

    assert vtn.values("one") == vtn.values("two") == [("12:00:00", 7)]


def test_a_second_value_for_the_same_time_is_not_sent() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    push(vtn, 1, NOON)
    push(vtn, 2, NOON)
    vtn.go(5 * MINUTE)
    push(vtn, 3, NOON)
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:00", 1)]


def test_older_values_that_come_late_are_delivered_all_the_same() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    push(vtn, 1)
    vtn.go(5 * MINUTE)
    push(vtn, 2, NOON - HOUR)
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:00", 1), ("11:00:00", 2)]


def test_values_pushed_between_two_registrations_are_kept_for_the_next() -> None:
    vtn = ven()
    vtn.create(ask("old"))
    vtn.run(reports.forget_requests)
    vtn.advance(SECOND)
    push(vtn, 5)
    vtn.restart()
    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert vtn.values("new") == [("12:00:01", 5)]


def test_values_that_nobody_ever_asked_for_are_not_kept() -> None:
    vtn = ven()
    push(vtn, 5)

    assert dict(vtn.book.samples) == {}


def test_a_one_shot_tells_the_value_that_was_pushed_last() -> None:
    vtn = ven()
    push(vtn, 5)
    vtn.advance(MINUTE)
    vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.deliver()

    assert [value for _, value in vtn.values()] == [5]


def test_a_one_shot_of_a_point_that_nothing_was_pushed_for_says_so() -> None:
    vtn = ven()
    vtn.create(ask("rq", every=ZERO, back=ZERO))
    vtn.deliver()

    assert vtn.qualities() == [("12:00:00", 0, "Quality Bad - Non Specific")]


def test_a_status_can_be_pushed() -> None:
    vtn = ReportHarness()
    vtn.point("s", False, report_name="TELEMETRY_STATUS", measurement=None)
    vtn.create(ask("rq", "s", reading_type="x-notApplicable"))
    push(vtn, ResourceStatus(True, True), name="s")
    vtn.go(5 * MINUTE)

    assert vtn.values("rq", "s") == [("12:00:00", ResourceStatus(True, True))]


def test_a_resource_id_serves_where_one_data_point_has_it() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    push(vtn, 5, name="device-p")
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:00", 5)]


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("nobody", 1, "The r_ids are: 'p', 'q'"),
        ("device-q", 1, "several data points.*'q', 'r'"),
        ("p", None, "one value"),
        ("p", "1.5", "expected a number"),
        ("p", float("nan"), "one value"),
        ("p", [(NOON, 1), (NOON + HOUR, 2)], "one value"),
        ("f", 1, "'full'"),
    ],
)
def test_what_cannot_be_pushed_is_refused_with_what_would_be_right(
    name: str, value: Any, said: str
) -> None:
    vtn = ven()
    vtn.point("q", False)
    if name != "nobody":
        vtn.point("r", False, resource_id="device-q", measurement="current")
        vtn.point(
            "f", lambda date_from, date_to, sampling_interval: [], data_collection_mode="full"
        )

    with pytest.raises(ConfigurationError, match=said):
        push(vtn, value, name=name)


def test_a_naive_time_counts_as_utc_and_that_is_said() -> None:
    vtn = ven()
    vtn.create(ask("rq"))
    push(vtn, 1, datetime(2026, 7, 1, 12, 0, 30))
    vtn.go(5 * MINUTE)

    assert vtn.values() == [("12:00:30", 1)]
    assert any("count as UTC" in note.text for note in vtn.notes)
