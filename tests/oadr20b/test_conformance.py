"""What docs/protocol/conformance.rst says of rules that no other test has for its subject: of
whole sessions, of what binds the VTN alone, and of what is left to the author of a VEN.
"""

from __future__ import annotations

from typing import Any, Callable

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, Harness, opted_in
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask
from ven_sdk import objects
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.schema.reports import Report, UpdateReport
from ven_sdk.oadr20b.services import reports
from ven_sdk.schema.common import Target
from ven_sdk.schema.events import EventBaseline, Interval
from ven_sdk.testing import LocalVTN

PRICE = signal(0.2, name="ELECTRICITY_PRICE", kind="price", id="p")
FORBIDDEN: dict[str, Callable[[], Any]] = {
    "CR 8, 102-durations": lambda: event(length=HOUR, signals=[signal(1, each=MINUTE)]),
    "CR 9-value": lambda: event(signals=[signal(9)]),
    "CR 63-two venIDs": lambda: event(targets=[Target(ven_id="ven"), Target(ven_id="other")]),
    "CR 101-uids": lambda: event(
        signals=[
            signal(1, 2, each=HOUR / 2).replace(
                intervals=[
                    Interval(duration=HOUR / 2, uid="7", signal_payload=payload)
                    for payload in (1, 2)
                ]
            )
        ]
    ),
    "CR 103-start": lambda: event(
        signals=[
            signal(1).replace(
                intervals=[Interval(dtstart=NOON, duration=HOUR, uid="0", signal_payload=1)]
            )
        ]
    ),
    "CR 105-no notification": event,
    "CR 106-no SIMPLE": lambda: event(signals=[PRICE]),
    "CR 107-signalIDs": lambda: event(signals=[signal(1), PRICE.replace(signal_id="s0")]),
    "CR 108-baseline": lambda: event().replace(
        event_baseline=EventBaseline(
            dtstart=NOON,
            duration=HOUR,
            intervals=[Interval(duration=HOUR, uid="0", signal_payload=1)],
            baseline_id="b",
            resource_ids=["of nobody"],
            baseline_name="b",
        )
    ),
    "CR 29, 110-current value": lambda: event(signals=[signal(1).replace(current_value=3.0)]),
    "CR 113-no current value": lambda: event(signals=[signal(1).replace(current_value=None)]),
    "CR 116-SIMPLE delta": lambda: event(signals=[signal(1, kind="delta")]),
}
"""Events that a VTN must not send, or whose parts it may leave out."""


@pytest.mark.parametrize("make", FORBIDDEN.values(), ids=FORBIDDEN)
def test_an_event_that_breaks_a_rule_for_vtns_is_carried_out_all_the_same(
    make: Callable[[], Any],
) -> None:
    ven = Harness(opted_in())
    read = reader.read_message(parsing.parse(envelope.message(distribute(make())))).record
    ven.send(read)
    assert ven.responses(ven.answer()) == [("e", "200", 0, "optIn")]
    ven.advance(NOON + HOUR)
    assert "on_event_start" in ven.names()


def test_a_list_without_a_response_code_and_with_creation_times_of_its_events_is_a_list() -> None:
    ven = Harness(opted_in())
    later = event("b")
    descriptor = later.event_descriptor.replace(created_date_time=NOON + MINUTE)
    ven.send(distribute(event("a"), later.replace(event_descriptor=descriptor), code=None))
    assert [each[:2] for each in ven.responses(ven.answer())] == [("a", "200"), ("b", "200")]


def test_whether_an_event_can_be_meant_for_its_resources_the_handler_says() -> None:
    ven = Harness(opted_in(on_event=lambda event: "optOut"))
    ven.send(distribute(event(targets=[Target(resource_id="which?")])))
    assert ven.responses(ven.answer()) == [("e", "200", 0, "optOut")]


def test_a_status_has_the_parts_that_its_callback_gives() -> None:
    vtn = ReportHarness()
    given = objects.ResourceStatus(True, False, capacity=5)
    vtn.point("p", lambda: given, report_name="TELEMETRY_STATUS", measurement=None)
    vtn.create(ask(back=MINUTE))
    vtn.go(3 * MINUTE)
    sent = [
        payload.resource_status
        for message in vtn.messages
        for interval in message.reports[0].intervals
        for payload in interval.report_payloads
    ]
    assert len(sent) > 1
    assert all(
        each.capacity == given.capacity is not None and each.level_offset is None for each in sent
    )


@pytest.mark.parametrize("strict", [False, True])
def test_t45_an_ei_report_id_changes_nothing(strict: bool) -> None:
    given = Report(
        report_request_id="r",
        report_specifier_id="s",
        report_name="TELEMETRY_USAGE",
        created_date_time=NOON,
    )
    plain, named = (
        UpdateReport(request_id="u", reports=[each])
        for each in (given, given.replace(report_id="anything"))
    )
    answers = []
    for message in (plain, named):
        vtn = ReportHarness(strict=strict)
        found = reader.read_message(parsing.parse(envelope.message(message)), strict=strict)
        assert not found.deviations
        vtn.run(lambda book, now, found=found: reports.take_data(book, found.record, now))
        answers.append(vtn.answered())
    assert answers[0] == answers[1] is not None


def test_all_messages_of_a_session_have_venid_and_schema_version_and_no_ei_report_id() -> None:
    with LocalVTN() as vtn:
        ven = vtn.client("session", on_event="optIn", poll_frequency=0.05)
        ven.add_report(
            lambda: 1.0, resource_id="m", measurement="powerReal", unit="W", report_type="usage"
        )
        with ven:
            vtn.wait_for("oadrPoll")
            vtn.assert_opted(vtn.add_event(dtstart=3600), "optIn")
            vtn.offer_reports()
            vtn.wait_for("oadrRegisteredReport")
            vtn.request_report(report_back_duration=0, granularity=0)
            vtn.wait_for("oadrUpdateReport")
            opt = ven.create_opt("optOut", "economic", vavailability=[(NOON + 9999 * HOUR, HOUR)])
            ven.cancel_opt(opt)
            vtn.cancel_report("never-made")
            vtn.wait_for("oadrCanceledReport")
            vtn.request_reregistration()
            vtn.wait_for("oadrResponse")
            vtn.cancel_registration()
            vtn.wait_for("oadrCanceledPartyRegistration")
        kinds = {each.kind for each in vtn.received}
        assert len(kinds) >= 14, kinds
        before = ("oadrQueryRegistration", "oadrCreatePartyRegistration")
        for each in vtn.received:
            assert b'ei:schemaVersion="2.0b"' in each.raw, each.kind
            assert b"eiReportID" not in each.raw
            assert b"venID>ven-1<" in each.raw or each.kind in before, each.kind
        assert not vtn.violations
