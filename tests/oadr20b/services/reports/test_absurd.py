"""Requests and values that no calendar, loop or table can hold: answered or bounded, and nobody
else notices.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ZERO, ReportHarness, ask, push_value
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.services.reports import requests

FIRST, LAST = (
    datetime(1, 1, 1, tzinfo=timezone.utc),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
)
AGES, BLINK = timedelta(days=365000), timedelta(microseconds=1)

ABSURD = {
    "a thousand years of seconds": {
        "every": SECOND,
        "back": SECOND,
        "start": FIRST,
        "length": AGES,
    },
    "since the first day": {"every": SECOND, "back": SECOND, "start": FIRST},
    "every thousand years": {"every": AGES, "back": AGES, "start": FIRST},
    "from the last second": {"every": AGES, "back": AGES, "start": LAST},
    "from the last second, every second": {"every": SECOND, "back": SECOND, "start": LAST},
    "once, at the last second": {"every": ZERO, "back": ZERO, "start": LAST},
    "until after the end of time": {
        "every": MINUTE,
        "back": MINUTE,
        "start": NOON,
        "length": 9 * AGES,
    },
    "all at once": {"every": ZERO, "back": ZERO, "start": FIRST, "length": AGES},
    "delivered never": {"every": SECOND, "back": AGES},
    "delivered all the time": {"every": SECOND, "back": BLINK},
    "on change, all the time": {"every": ZERO, "back": BLINK, "start": NOON},
}


@pytest.mark.parametrize("ranged", [False, True], ids=["telemetry", "history"])
@pytest.mark.parametrize("kind", ABSURD)
def test_an_absurd_request_is_answered_and_delays_nobody(kind: str, ranged: bool) -> None:
    vtn = ReportHarness(allow_jitter=True)
    asked = []
    vtn.point("good", specifier="good")
    if ranged:
        vtn.point(
            "p",
            lambda date_from, date_to, sampling_interval: asked.append(date_from) or [],
            report_name="HISTORY_USAGE",
        )
    else:
        vtn.point("p")
    vtn.create(ask("good", "good", specifier="good", back=MINUTE))
    answer = vtn.create(ask("bad", **ABSURD[kind]))  # type: ignore[arg-type]
    vtn.go(2 * MINUTE, step=10 * SECOND)

    assert answer.response.response_code in ("200", "454", "461")
    assert len(vtn.values("good", "good")) >= 1
    assert len(asked) <= 200
    assert len(vtn.messages) <= 250
    if answer.response.response_code == "200" and "bad" in reports.pending_ids(vtn.book):
        assert vtn.cancel("bad").response.response_code == "200"


def test_the_number_of_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_REQUESTS", 10)
    vtn = ReportHarness()
    vtn.point()
    codes = [vtn.create(ask(f"rq{number}")).response.response_code for number in range(12)]

    assert codes == ["200"] * 10 + ["461"] * 2


@pytest.mark.parametrize("at", [LAST, FIRST, NOON + 9 * HOUR], ids=["last", "first", "ahead"])
def test_samples_of_absurd_times_do_not_pile_up(at: datetime) -> None:
    vtn = ReportHarness(max_backlog=timedelta(days=1))
    count = iter(range(10**6))
    vtn.point("p", lambda: (at + timedelta(seconds=next(count) if at != LAST else -next(count)), 1))
    vtn.create(ask("rq"))
    vtn.go(2 * HOUR)

    assert len(vtn.book.samples) <= 6
    assert vtn.doubles() == []


END = datetime.max.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize("odd", [(END,), (FIRST,), (END, FIRST), (FIRST, LAST, END)])
def test_samples_at_the_ends_of_the_calendar_hold_up_no_others(odd: tuple[datetime, ...]) -> None:
    vtn = ReportHarness(max_backlog=timedelta(days=1))
    vtn.point("odd", lambda: [(at, 1) for at in odd])
    vtn.point("p", lambda: 2)
    vtn.create(ask("rq", "odd", "p"))
    vtn.go(2 * HOUR)
    vtn.now += timedelta(days=400)  # and neither does a clock that is set
    vtn.go(2 * HOUR)

    assert len([value for _, value in vtn.values() if value is not None]) >= 200


def test_values_pushed_without_end_are_bounded_by_the_backlog() -> None:
    vtn = ReportHarness(max_backlog=HOUR)
    vtn.point("p", False)
    vtn.create(ask("old"))
    vtn.run(reports.forget_requests)
    for _ in range(300):
        vtn.run(lambda book, now: push_value(book, "p", 1, None, now))
        vtn.advance(MINUTE)
        vtn.run(reports.look)

    assert len(vtn.book.samples) <= 61


def test_a_request_of_which_nothing_is_offered_any_more_stops_nothing() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.point("q")
    vtn.create(ask("rq", "p"), ask("other", "q"))
    vtn.advance(MINUTE)
    points = vtn.catalogue
    vtn.catalogue = type(points)()
    for point in points.by_key.values():
        if point.r_id == "q":
            vtn.catalogue._put(point)
    vtn.restart()
    vtn.go(10 * MINUTE)

    assert len(vtn.values("other", "q")) == 10


def test_a_row_whose_request_the_store_lost_stops_nothing() -> None:
    vtn = ReportHarness()
    vtn.point("p")
    vtn.create(ask("rq"))
    vtn.advance(2 * MINUTE)
    vtn.book.tables["requests"].clear()
    vtn.restart()
    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert [at for at, _ in vtn.values("new")][-2:] == ["12:03:00", "12:04:00"]
