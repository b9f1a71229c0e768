"""The VTN's own reports: rules T2 and T32 to T35."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ok
from ven_sdk.errors import StateError
from ven_sdk.oadr20b.schema.reports import (
    CanceledReport,
    CreatedReport,
    RegisterReport,
    Report,
    ReportInterval,
    UpdateReport,
)
from ven_sdk.oadr20b.services import reports
from ven_sdk.oadr20b.services.reports import from_vtn
from ven_sdk.schema.points import ReportDescription, ReportPayload

OFFER = Report(
    duration=HOUR,
    report_specifier_id="vtn-spec",
    report_name="METADATA_x-GRID",
    created_date_time=NOON,
    report_descriptions=[
        ReportDescription(r_id="g1", report_type="reading", reading_type="Direct Read"),
        ReportDescription(r_id="g2", report_type="reading", reading_type="Direct Read"),
    ],
)


def data(id: str) -> Report:
    interval = ReportInterval(
        dtstart=NOON, duration=MINUTE, report_payloads=[ReportPayload(r_id="g1", value=50)]
    )
    return Report(
        dtstart=NOON,
        intervals=[interval],
        report_request_id=id,
        report_specifier_id="vtn-spec",
        report_name="x-GRID",
        created_date_time=NOON,
    )


def running_ids(vtn: ReportHarness) -> list[str]:
    """The reportRequestIDs of our own requests that run."""
    own = from_vtn.own_requests(vtn.book)
    return [one.report_request_id for _, one in own if one.phase == from_vtn.RUNNING]


def offer(vtn: ReportHarness, *offers: Report) -> Any:
    message = RegisterReport(request_id="rr", reports=offers)
    vtn.run(lambda book, now: reports.take_offer(book, message, now))
    return vtn.answered()


def ask(vtn: ReportHarness, **more: Any) -> str:
    facts = {
        "report_request_id": f"ven-{len(vtn.book.requests) + 1}",
        "report_specifier_id": "vtn-spec",
        "granularity": MINUTE,
        **more,
    }
    vtn.run(lambda book, now: reports.ask(book, now, **facts))
    return str(facts["report_request_id"])


def agree(vtn: ReportHarness) -> Any:
    return vtn.post(next(reports.ask_tasks(vtn.book), None), CreatedReport(response=ok()))


def send(vtn: ReportHarness, *bodies: Report) -> Any:
    message = UpdateReport(request_id="ur", reports=bodies)
    vtn.run(lambda book, now: reports.take_data(book, message, now))
    return vtn.answered()


@pytest.mark.parametrize("offers", [(), (OFFER,)], ids=["T2-empty", "T2-some"])
def test_what_the_vtn_offers_is_acknowledged_with_our_ven_id(offers: Any) -> None:
    vtn = ReportHarness()
    answer = offer(vtn, *offers)

    assert (
        answer.wire_name,
        answer.response.response_code,
        answer.response.request_id,
        answer.ven_id,
    ) == ("oadrRegisteredReport", "200", "rr", "ven")
    assert reports.offers(vtn.book) == offers


def test_t32_a_report_that_the_vtn_offers_can_be_asked_for() -> None:
    vtn = ReportHarness()
    offer(vtn, OFFER)
    id = ask(vtn, report_back_duration=5 * MINUTE, dtstart=NOON + HOUR)
    assert reports.is_unanswered(vtn.book, id)
    message = agree(vtn)
    (request,) = message.report_requests

    assert (request.report_request_id, request.report_specifier.granularity) == (id, MINUTE)
    assert [one.r_id for one in request.report_specifier.specifier_payloads] == ["g1", "g2"]
    assert request.report_specifier.report_interval.dtstart == NOON + HOUR
    assert (
        reports.is_unanswered(vtn.book, id),
        next(reports.ask_tasks(vtn.book), None),
        running_ids(vtn),
    ) == (False, None, [id])


def test_t32_data_that_comes_is_acknowledged_kept_and_told() -> None:
    told = []
    vtn = ReportHarness()
    vtn.handlers["on_report"] = told.append
    id = ask(vtn, r_ids="g1")
    agree(vtn)
    answer = send(vtn, data(id))

    assert (
        answer.wire_name,
        answer.response.response_code,
        answer.response.request_id,
        answer.ven_id,
    ) == ("oadrUpdatedReport", "200", "ur", "ven")
    assert told == list(vtn.book.received) == [data(id)]


def test_t32_our_requests_are_none_of_the_vtns_pending_reports_and_survive_a_restart() -> None:
    vtn = ReportHarness()
    id = ask(vtn, r_ids=["g1"])
    vtn.restart()
    agree(vtn)
    vtn.restart()

    assert (reports.pending_ids(vtn.book), running_ids(vtn)) == ((), [id])


def test_t33_metadata_asks_for_the_catalogue_once() -> None:
    vtn = ReportHarness()
    ask(vtn, report_specifier_id="METADATA")
    message = agree(vtn)

    assert message.report_requests[0].report_specifier.specifier_payloads[0].r_id == "0"
    assert running_ids(vtn) == []


def test_t34_a_report_that_nobody_asked_for_is_answered_452_and_reaches_no_handler() -> None:
    told = []
    vtn = ReportHarness()
    vtn.handlers["on_report"] = told.append
    answer = send(vtn, data("nobody"))

    assert (answer.response.response_code, answer.response.request_id, told) == ("452", "ur", [])


def test_t35_a_report_that_is_no_longer_wanted_is_cancelled() -> None:
    vtn = ReportHarness()
    id = ask(vtn, r_ids=["g1"])
    agree(vtn)
    vtn.run(lambda book, now: reports.stop_report(book, id, now))
    message = vtn.post(next(reports.ask_tasks(vtn.book), None), CanceledReport(response=ok()))

    assert (message.wire_name, message.report_request_ids, message.report_to_follow) == (
        "oadrCancelReport",
        [id],
        False,
    )
    assert (next(reports.ask_tasks(vtn.book), None), running_ids(vtn)) == (None, [])


def test_r7_our_requests_end_with_the_registration() -> None:
    vtn = ReportHarness()
    ask(vtn, r_ids=["g1"])
    agree(vtn)
    vtn.run(reports.forget_requests)

    assert dict(vtn.book.requests) == {}


def test_a_request_that_the_vtn_refuses_is_dropped_and_that_is_said() -> None:
    vtn = ReportHarness()
    ask(vtn, r_ids=["g1"])
    vtn.post(next(reports.ask_tasks(vtn.book), None), error="452")

    assert dict(vtn.book.requests) == {}
    assert vtn.errors()


def test_asking_makes_sense_or_is_refused() -> None:
    vtn = ReportHarness()
    id = ask(vtn, r_ids=["g1"])

    with pytest.raises(StateError, match="already"):
        ask(vtn, r_ids=["g1"], report_request_id=id)
    with pytest.raises(StateError, match="has not offered"):
        ask(vtn)
    with pytest.raises(StateError, match="no report request"):
        vtn.run(lambda book, now: reports.stop_report(book, "nobody", now))


def test_received_reports_are_bounded() -> None:
    vtn = ReportHarness()
    id = ask(vtn, r_ids=["g1"])
    agree(vtn)
    for _ in range(150):
        send(vtn, data(id))

    assert len(vtn.book.received) == 100
