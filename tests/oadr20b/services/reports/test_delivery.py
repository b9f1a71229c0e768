"""Delivery: rules T20 to T27, the outbox, refusals and max_backlog. Rule numbers in the names."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import (
    ZERO,
    Meter,
    ReportHarness,
    ask,
    ok,
    push_value,
)
from ven_sdk.errors import ConfigurationError, TransportError
from ven_sdk.oadr20b.codec.envelope import message as written
from ven_sdk.oadr20b.schema.reports import UpdatedReport
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.services.reports import delivery
from ven_sdk.state.change import Change


def ven(*points: str, **more: Any) -> ReportHarness:
    made = ReportHarness(**more)
    for name in points or ("p",):
        made.point(name)
    return made


def running(*points: str, **more: Any) -> ReportHarness:
    vtn = ven(*points, **more)
    vtn.create(ask("rq", *points))
    return vtn


# --- T20 to T24: what a report looks like ---------------------------------------------------------


def test_t20_a_report_has_all_that_a_data_report_needs() -> None:
    vtn = running()
    vtn.go(5 * MINUTE)
    (message,) = vtn.messages
    (report,) = message.reports

    assert (report.dtstart, report.duration, report.report_name) == (
        NOON,
        4 * MINUTE,
        "TELEMETRY_USAGE",
    )
    assert (report.report_request_id, report.report_specifier_id) == ("rq", "spec")
    assert (report.created_date_time, message.ven_id, bool(message.request_id)) == (
        NOON + 5 * MINUTE,
        "ven",
        True,
    )


POWER, ENERGY = "powerReal", "energyReal"


@pytest.mark.parametrize(
    "measured, more, spans",
    [
        (("voltage",), {}, False),
        ((POWER, POWER), {}, False),
        ((ENERGY,), {}, True),
        (("energyReactive",), {}, True),
        ((POWER, ENERGY), {}, True),
        ((POWER,), {"interval_duration": True}, True),
        ((ENERGY,), {"interval_duration": False}, False),
    ],
)
def test_t21_intervals_have_a_duration_where_a_value_is_about_a_span(
    measured: tuple[str, ...], more: dict[str, Any], spans: bool
) -> None:
    vtn = ReportHarness()
    for number, measurement in enumerate(measured):
        vtn.point(f"p{number}", measurement=measurement, **more)
    names = [f"p{number}" for number in range(len(measured))]
    vtn.create(ask("rq", *names, every=MINUTE, back=2 * MINUTE, start=NOON))
    vtn.go(2 * MINUTE)
    (report,) = vtn.messages[0].reports

    assert {interval.duration for interval in report.intervals} == {MINUTE if spans else None}
    assert [interval.dtstart for interval in report.intervals] == [NOON, NOON + MINUTE]
    assert report.duration == (2 * MINUTE if spans else MINUTE)


def test_t23_intervals_stand_oldest_first() -> None:
    vtn = ReportHarness()
    vtn.point("p", False)
    vtn.create(ask("rq"))
    for minute in (3, 1, 2):
        vtn.run(
            lambda book, now, at=NOON + minute * MINUTE: push_value(book, "p", at.minute, at, now)
        )  # type: ignore
    vtn.go(5 * MINUTE)

    assert [value for _, value in vtn.values()] == [1, 2, 3]


def test_t24_reports_due_at_the_same_time_share_a_message() -> None:
    vtn = ven()
    vtn.create(ask("one"), ask("two", every=2 * MINUTE))
    vtn.go(5 * MINUTE)

    assert [
        [report.report_request_id for report in message.reports] for message in vtn.messages
    ] == [["one", "two"]]


def test_t24_after_an_outage_many_intervals_share_few_messages() -> None:
    vtn = running()
    vtn.online = False
    vtn.go(10 * HOUR)
    vtn.online = True
    vtn.go(MINUTE)

    assert [len(message.reports[0].intervals) for message in vtn.messages] == [5, 595]


def test_a_message_is_bounded_and_no_request_starves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MOST_INTERVALS", 20)
    vtn = ven()
    vtn.create(ask("one"), ask("two"))
    vtn.online = False
    vtn.go(HOUR)
    vtn.online = True
    vtn.go(SECOND)

    sizes = [[len(report.intervals) for report in message.reports] for message in vtn.messages]
    assert sizes[1:] == [[10, 10]] * 5 + [[5, 5]]
    assert (len(vtn.values("one")), vtn.doubles()) == (60, [])


def test_many_data_points_make_a_message_of_fewer_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MOST_VALUES", 12)
    vtn = running("p", "q", "r")
    vtn.go(5 * MINUTE)

    assert [len(message.reports[0].intervals) for message in vtn.messages] == [4, 1]


# --- T25, T26: the outbox -------------------------------------------------------------------------


def test_t26_what_the_vtn_may_have_got_is_resent_byte_for_byte_also_after_a_restart() -> None:
    vtn = running("p", "q")
    vtn.advance(5 * MINUTE)
    first = written(vtn.task().record)
    vtn.advance(20 * MINUTE)
    again = written(vtn.task().record)
    vtn.restart()

    assert first == again == written(vtn.task().record)


def test_t26_what_was_acknowledged_is_not_sent_again_also_after_a_restart() -> None:
    vtn = running()
    vtn.go(5 * MINUTE)
    vtn.restart()
    assert vtn.task() is None
    vtn.go(4 * MINUTE)

    assert not {row.at for row in vtn.book.samples.values()} & {at for _, _, at, _, _ in vtn.record}
    assert reports.counters(vtn.book)["samples_delivered"] == 0


def test_one_message_is_under_way_at_a_time() -> None:
    vtn = running()
    vtn.advance(30 * MINUTE)

    assert len(vtn.book.deliveries) == 1


@pytest.mark.parametrize("code", ["450", "469", "500"])
def test_a_report_that_the_vtn_refuses_holds_up_no_other_request(code: str) -> None:
    vtn = ven()
    vtn.create(ask("refused"), ask("taken"))
    for _ in range(60):
        vtn.advance(MINUTE)
        while (task := vtn.task()) is not None:
            names = {report.report_request_id for report in task.record.reports}
            if "refused" in names:
                vtn.post(task, error=code)
            else:
                vtn.take(task.record)
                vtn.post(task)

    assert len(vtn.values("taken")) >= 55


def test_values_of_a_refused_request_wait_for_the_message_that_was_refused() -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    for _ in range(3):
        vtn.post(vtn.task(), error="500")
        vtn.advance(MINUTE)
        assert len(vtn.book.deliveries) == 1
        vtn.advance(9 * MINUTE)
        assert len(vtn.book.deliveries) == 1

    vtn.go(SECOND)
    assert [len(message.reports[0].intervals) for message in vtn.messages] == [5, 30]


def test_nothing_is_sent_while_the_vtn_does_not_know_the_ven() -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    known = vtn.book.registration
    vtn.book.apply([Change("registration", "", type(known)(**{**vars(known), "known": False}))])

    assert vtn.task() is None


def test_t25_452_ends_the_request_and_keeps_its_samples_for_another() -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    vtn.refuse("452")
    assert (reports.pending_ids(vtn.book), vtn.task()) == ((), None)

    vtn.create(ask("new"))
    vtn.go(5 * MINUTE)

    assert [value for _, value in vtn.values("new")] == list(range(1, 11))


def test_t25_of_several_requests_only_the_unknown_one_ends() -> None:
    vtn = ven()
    vtn.create(ask("known"), ask("unknown"))
    vtn.advance(5 * MINUTE)
    vtn.refuse("452")
    for _ in range(2):
        task = vtn.task()
        if task.record.reports[0].report_request_id == "unknown":
            vtn.post(task, error="452")
        else:
            vtn.take(task.record)
            vtn.post(task)

    assert reports.pending_ids(vtn.book) == ("known",)
    assert len(vtn.values("known")) == 5


@pytest.mark.parametrize("code", ["454", "459", "500"])
def test_a_message_that_the_vtn_refuses_is_kept_and_in_the_end_holds_nobody_up(code: str) -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    poison = vtn.task().record.request_id
    while vtn.now < NOON + 6 * HOUR:
        task = vtn.task()
        if task is not None and task.record.request_id == poison:
            vtn.post(task, error=code)
        elif task is not None:
            vtn.take(task.record)
            vtn.post(task)
        vtn.advance(30 * SECOND)
    assert len(vtn.values()) > 300
    assert any("is kept and sent again in 3600 s" in note.text for note in vtn.notes)

    vtn.go(HOUR)

    assert sorted(at for at, _ in vtn.values())[:6] == [
        f"12:{minute:02d}:00" for minute in range(6)
    ]
    assert vtn.doubles() == []


def test_a_message_that_is_too_large_is_halved() -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    task = vtn.task()
    vtn.run(task.refuse(TransportError("too large", status=413)))
    vtn.deliver()

    assert [len(message.reports[0].intervals) for message in vtn.messages] == [2, 3]


def values_in(message: Any) -> set[tuple[str, Any]]:
    """(data point, moment) of what a message holds."""
    return {
        (one.r_id, interval.dtstart)
        for report in message.reports
        for interval in report.intervals
        for one in interval.report_payloads
    }


@settings(max_examples=50)
@given(
    bad=st.sets(st.tuples(st.sampled_from("pqr"), st.integers(0, 9))),
    points=st.sampled_from(["p", "pq", "pqr"]),
)
@example(bad={(point, at) for point in "pqr" for at in range(10)}, points="pqr")
def test_of_a_report_that_cannot_be_written_only_the_values_to_blame_are_lost(
    bad: set[tuple[str, int]], points: str
) -> None:
    vtn = running(*points)
    vtn.advance(5 * MINUTE)
    wanted = values_in(vtn.task().record)
    moments = sorted({at for _, at in wanted})
    unwritable = {(point, moments[at % len(moments)]) for point, at in bad} & wanted
    refused = 0
    while task := vtn.task():
        if values_in(task.record) & unwritable:
            refused += 1
            vtn.run(task.refuse(ConfigurationError("no XML can hold it")))
        else:
            vtn.take(task.record)
            vtn.run(task.accept(None))

    assert {(point, at) for _, point, at, _, _ in vtn.record} == wanted - unwritable
    assert vtn.doubles() == []
    assert reports.counters(vtn.book)["samples_dropped"] == len(unwritable)
    assert refused <= 6 * len(unwritable)
    assert sum("1 sample is lost" in note.text for note in vtn.notes) == len(unwritable)


def test_an_oadr_response_or_an_empty_body_acknowledges_a_report_too() -> None:
    vtn = running()
    vtn.advance(5 * MINUTE)
    vtn.run(vtn.task().accept(None))

    assert vtn.task() is None


# --- max_backlog ----------------------------------------------------------------------------------


def test_samples_beyond_max_backlog_are_dropped_oldest_first_counted_and_said() -> None:
    vtn = running(max_backlog=2 * HOUR)
    vtn.online = False
    vtn.go(5 * HOUR)
    dropped = reports.counters(vtn.book)["samples_dropped"]
    vtn.online = True
    vtn.go(5 * MINUTE)

    assert 0 < dropped < 300
    assert all(
        at >= "13:00:00" for at, _ in vtn.values()
    )  # a message under way is resent as it is, or dropped whole
    assert dropped + len(vtn.values()) == 305
    assert any("max_backlog" in note.text for note in vtn.notes)


def test_orphans_expire_too_and_leave_nothing_behind() -> None:
    vtn = running(max_backlog=2 * HOUR)
    vtn.advance(3 * MINUTE)
    vtn.run(reports.forget_requests)
    vtn.advance(3 * HOUR)
    vtn.run(reports.resume)
    vtn.advance(SECOND)

    assert (dict(vtn.book.samples), dict(vtn.book.requests)) == ({}, {})


# --- T27 and 24 hours -----------------------------------------------------------------------------


def test_t27_values_are_sent_as_they_were_registered_unscaled() -> None:
    vtn = ReportHarness()
    vtn.point("p", lambda: 1.5, measurement="powerReal", scale="k")
    vtn.create(ask("rq", back=MINUTE))
    vtn.go(MINUTE)

    assert vtn.values() == [("12:00:00", 1.5), ("12:01:00", 1.5)]


@pytest.mark.long
@pytest.mark.parametrize("points, wanted", [(8, 4), (20, 7)])
def test_24_hours_without_the_vtn_arrive_in_order_in_a_stated_number_of_messages(
    points: int, wanted: int
) -> None:
    vtn = ReportHarness()
    meters: list[Meter] = [vtn.point(f"p{number}") for number in range(points)]
    vtn.create(ask("rq", *(f"p{number}" for number in range(points)), every=MINUTE, back=MINUTE))
    vtn.advance(24 * HOUR)
    messages = len(vtn.deliver())
    arrived = [value for id, point, at, value, quality in vtn.record if point == "p7"]

    assert messages == 1 + -(-1440 // (delivery.MOST_VALUES // points)) == wanted
    assert arrived == list(range(1, 1442)) == [value for _, value in meters[7].given]


# --- requests that end while a message is under way -----------------------------------------------

ENDINGS: dict[str, Any] = {
    "the VTN asks otherwise under the same ID": lambda vtn: vtn.create(
        ask("rq", "q", back=2 * MINUTE)
    ),
    "the VTN asks for other data points": lambda vtn: vtn.create(ask("rq", "p", "q", "r")),
    "the registration ends": lambda vtn: vtn.run(reports.forget_requests),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("others", [True, False])
def test_what_was_under_way_when_its_request_ended_arrives_once(ending: str, others: bool) -> None:
    vtn = ven("p", "q", "r")
    vtn.create(ask("rq", "p", "q"), *([ask("other", "r")] if others else []))
    vtn.advance(5 * MINUTE)
    vtn.run_due()
    task = vtn.task()
    vtn.take(task.record)

    ENDINGS[ending](vtn)
    vtn.run(task.accept(UpdatedReport(response=ok(task.record.request_id))))
    vtn.create(ask("rq", "p", "q"))
    vtn.go(20 * MINUTE)

    assert not vtn.doubles()
    assert len({at for at, _ in vtn.values(r_id="q")}) >= 20


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("again", [("q",), ("p", "q"), ("q", "r")], ids=str)
@pytest.mark.parametrize("passes", [ZERO, 4 * MINUTE])
def test_a_message_that_was_made_while_a_slow_vtn_took_it_has_nothing_of_it(
    ending: str, again: tuple[str, ...], passes: timedelta
) -> None:
    vtn = ven("p", "q", "r")
    vtn.create(ask("rq", "p", "q", back=2 * MINUTE))
    vtn.go(4 * MINUTE)
    vtn.online = False
    vtn.advance(2 * MINUTE)
    vtn.run_due()
    task = vtn.task()
    vtn.take(task.record)

    ENDINGS[ending](vtn)
    vtn.run_due()
    vtn.create(ask("new", *again, back=MINUTE))
    vtn.go(passes)
    taken = vtn.book.counts.delivered
    vtn.run(task.accept(UpdatedReport(response=ok(task.record.request_id))))
    assert vtn.book.counts.delivered - taken == 4
    vtn.online = True
    vtn.go(20 * MINUTE)

    measured = [(point, at) for _, point, at, _, quality in vtn.record if quality is None]
    old = [one for one in measured if one[1] < NOON + 6 * MINUTE]
    assert len(old) == len({*old})
    assert len({at for point, at in measured if point == "q"}) >= 20
