"""LocalVTN asks for reports, keeps what is delivered, and finds doubles (rules T)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from tests.testing.small_ven import OK, START, SmallVen, data
from ven_sdk.errors import ConfigurationError
from ven_sdk.objects import (
    CancelReport,
    CreateReport,
    EiResponse,
    RegisteredReport,
    Report,
    ReportDescription,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
    UpdateReport,
)
from ven_sdk.testing import LocalVTN, ManualClock, NotSeen, ReportWish

TEN = timedelta(seconds=10)


def test_no_report_is_asked_for_unless_that_is_wanted(vtn: LocalVTN, ven: SmallVen) -> None:
    assert ven.offer("a").report_requests == []
    assert vtn.ven().offers[0].report_descriptions[0].r_id == "a"


def test_every_offer_is_asked_for_at_its_fastest(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = True

    answer = ven.offer("a", "b")

    specifier = answer.report_requests[0].report_specifier
    assert (specifier.granularity, specifier.report_back_duration, specifier.report_interval) == (
        TEN,
        TEN,
        None,
    )
    assert [point.r_id for point in specifier.specifier_payloads] == ["a", "b"]
    assert answer.response.request_id == "offer"


def test_a_wish_says_what_to_ask_for(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = [
        ReportWish(
            granularity=60, report_back_duration=TEN * 30, report_interval=(TEN, 0), r_ids=["b"]
        ),
        ReportWish(report_name="HISTORY_USAGE"),
    ]

    (request,) = ven.offer("a", "b").report_requests

    specifier = request.report_specifier
    assert (specifier.granularity, specifier.report_back_duration) == (
        timedelta(minutes=1),
        timedelta(minutes=5),
    )
    assert (specifier.report_interval.dtstart, specifier.report_interval.duration) == (
        START + TEN,
        timedelta(0),
    )
    assert [point.r_id for point in specifier.specifier_payloads] == ["b"]


def test_requests_go_by_poll_where_that_is_wanted(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = ReportWish(by_poll=True)

    assert ven.offer("a").report_requests == []
    assert ven.poll().wire_name == "oadrCreateReport"


def test_what_the_ven_takes_runs_and_what_it_refuses_does_not(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = True
    request_id = ven.offer("a").report_requests[0].report_request_id
    ven.take(request_id)
    other = vtn.request_report(r_ids=["a"])
    message = ven.poll()
    ven.take(request_id, code="452", request_id=message.request_id)

    asked = vtn.ven().asked
    assert (asked[request_id].state, asked[other].state, asked[other].code) == (
        "running",
        "refused",
        "452",
    )
    assert vtn.ven().pending == (request_id,)


def test_samples_are_kept_with_all_that_is_known_about_them(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = True
    request_id = ven.offer("a", "b").report_requests[0].report_request_id

    answer = ven.deliver(request_id, ("a", 0, 1.5), ("b", 0, 2), ("a", 10, 2.5))

    assert answer.response.request_id == "update"
    first = vtn.samples[0]
    assert (first.at, first.value, first.r_id, first.ven_id) == (START, 1.5, "a", ven.ven_id)
    assert (first.report_request_id, first.report_specifier_id) == (request_id, "power")
    assert vtn.received[-1].number == first.message
    vtn.assert_delivered("a", [1.5, 2.5])
    with pytest.raises(
        NotSeen, match=r"Expected 'a' to deliver \[1, 2\], but it delivered \[1.5, 2.5\]"
    ):
        vtn.assert_delivered("a", [1, 2])


def test_a_repeated_message_counts_once_and_another_one_is_a_double(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.ask_for_reports = True
    request_id = ven.offer("a").report_requests[0].report_request_id
    ven.deliver(request_id, ("a", 0, 1))
    ven.deliver(request_id, ("a", 0, 1))
    vtn.assert_no_doubles()
    assert len(vtn.samples) == 1

    ven.deliver(request_id, ("a", 0, 1), request_id="another")

    assert [(double.first.value, double.second.value) for double in vtn.doubles] == [(1, 1)]
    with pytest.raises(NotSeen, match="Expected no doubles, but there are 1"):
        vtn.assert_no_doubles()


def test_data_for_an_unknown_request_is_refused_and_not_kept(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = True
    known = ven.offer("a").report_requests[0].report_request_id
    update = UpdateReport(
        request_id="u",
        ven_id=ven.ven_id,
        reports=[data(known, [("a", 0, 1)]), data("unknown", [("a", 0, 1)])],
    )

    assert ven.post(update).response.response_code == "452"
    assert vtn.samples == []


def test_a_catalogue_ends_requests_whether_it_was_asked_for_or_not(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    ven.offer("a")
    running = vtn.request_report()
    vtn.request_metadata()
    ven.poll()
    metadata = ven.poll().report_requests[0]
    assert metadata.report_specifier.report_specifier_id == "METADATA"

    ven.offer("a", report_request_id=metadata.report_request_id)
    assert running not in vtn.ven().asked
    running = vtn.request_report()
    ven.offer("a")
    assert running not in vtn.ven().asked


def test_a_wish_is_asked_for_again_after_a_catalogue_that_was_asked_for(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    vtn.ask_for_reports = True
    ven.offer("a")

    assert len(ven.offer("a", report_request_id="m").report_requests) == 1


def test_a_report_is_cancelled_by_poll(vtn: LocalVTN, ven: SmallVen) -> None:
    ven.offer("a")
    request_id = vtn.request_report()
    ven.poll()
    ven.take(request_id)
    vtn.cancel_report(request_id, report_to_follow=True)
    message = ven.poll()

    assert (message.report_request_ids, message.report_to_follow) == ([request_id], True)
    assert vtn.ven().asked[request_id].state == "cancelling"
    ven.stop(request_id=message.request_id)
    assert vtn.ven().asked[request_id].state == "over"
    assert ven.deliver(request_id, ("a", 0, 1)).response.response_code == "200"


def test_a_report_is_cancelled_inside_an_updated_report(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.ask_for_reports = True
    request_id = ven.offer("a").report_requests[0].report_request_id
    vtn.cancel_report(request_id, piggyback=True)

    answer = ven.deliver(request_id, ("a", 0, 1))

    assert answer.cancel_report.report_request_ids == [request_id]
    assert ven.deliver(request_id, ("a", 10, 1), request_id="2").cancel_report is None


def test_a_request_for_what_is_not_on_offer_is_an_error_that_lists_what_is(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    ven.offer("a", "b")

    with pytest.raises(ConfigurationError, match=r"\{'power': \['a', 'b'\]\}"):
        vtn.request_report("energy")


def test_the_vtn_reports_to_a_ven_that_asks(clock: ManualClock, xsd: etree.XMLSchema) -> None:
    description = ReportDescription(r_id="price", report_type="price", reading_type="Direct Read")
    offer = Report(
        duration=TEN,
        report_descriptions=[description],
        report_specifier_id="prices",
        report_name="x-METADATA_prices",
        created_date_time=START,
    )
    with LocalVTN(clock=clock, offers=[offer]) as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        catalogue = ven.poll()
        assert catalogue.reports[0].report_specifier_id == "prices"
        ven.post(RegisteredReport(response=OK, ven_id=ven.ven_id))

        created = ven.post(create("r1", "prices", ven))
        refused = ven.post(create("r2", "nothing", ven))
        vtn.queue(
            UpdateReport(request_id="u", reports=[data("r1", [("price", 0, 1)])], ven_id=ven.ven_id)
        )
        update = ven.poll()
        ven.post(
            UpdatedReport(
                response=EiResponse(response_code="200", request_id="u"), ven_id=ven.ven_id
            )
        )
        wrong = ven.post(
            CancelReport(
                request_id="c", report_request_ids=["r9"], report_to_follow=False, ven_id=ven.ven_id
            )
        )
        right = ven.post(
            CancelReport(
                request_id="c", report_request_ids=["r1"], report_to_follow=False, ven_id=ven.ven_id
            )
        )
        ven.post(create("r3", "METADATA", ven))
        again = ven.poll()

    assert (created.response.response_code, created.pending_reports) == ("200", ["r1"])
    assert (refused.response.response_code, refused.pending_reports) == ("452", ["r1"])
    assert update.wire_name == "oadrUpdateReport"
    assert (wrong.response.response_code, right.response.response_code, right.pending_reports) == (
        "452",
        "200",
        [],
    )
    assert (again.wire_name, again.report_request_id) == ("oadrRegisterReport", "r3")


def create(request_id: str, specifier: str, ven: SmallVen) -> CreateReport:
    wanted = ReportSpecifier(
        report_specifier_id=specifier,
        granularity=TEN,
        report_back_duration=TEN,
        specifier_payloads=[SpecifierPayload(r_id="price")],
    )
    return CreateReport(
        request_id="1",
        ven_id=ven.ven_id,
        report_requests=[ReportRequest(report_request_id=request_id, report_specifier=wanted)],
    )


def test_the_vtns_catalogue_may_come_later(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.offer_reports()

    assert (ven.poll().wire_name, ven.poll().wire_name) == ("oadrRegisterReport", "oadrResponse")
