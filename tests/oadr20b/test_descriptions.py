"""What messages say in words: every payload has some, they fit a line, and nobody can forge one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.descriptions import describe, describe_event, describe_exchange, units_of
from ven_sdk.oadr20b.schema.events import DistributeEvent, RequestEvent
from ven_sdk.oadr20b.schema.registration import (
    CreatedPartyRegistration,
    CreatePartyRegistration,
    Poll,
    QueryRegistration,
    Response,
)
from ven_sdk.oadr20b.schema.reports import (
    RegisteredReport,
    RegisterReport,
    Report,
    ReportInterval,
    UpdatedReport,
    UpdateReport,
)
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.schema.common import Payload
from ven_sdk.schema.points import ReportDescription, ReportPayload
from ven_sdk.schema.units import Measurement
from ven_sdk.testing.vtn import builders

EXAMPLES = sorted((Path(__file__).parents[1] / "data" / "wire-examples").glob("*.xml"))
NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.stem)
def test_every_message_is_described_on_one_line(example: Path) -> None:
    root = parsing.parse(example.read_bytes(), max_bytes=2**20)
    message: Payload = reader.read(envelope.payload_of(root)).record

    text = describe(message)

    assert text.isprintable()
    assert len(text) < 500


def test_an_event_says_what_when_and_whether_it_is_a_test() -> None:
    event = builders.event(
        NOW, event_id="peak", intervals=[(60, 1), (5400, 2)], dtstart=3, test_event=True
    )

    assert describe_event(event, NOW) == (
        "event 'peak', SIMPLE: level 1 for 60 s, level 2 for 90 min; begins in 3.0 s, a test"
    )


def test_a_cancelled_event_says_so_alone() -> None:
    event = builders.event(NOW, event_id="peak", event_status="cancelled")

    assert describe_event(event, NOW) == "event 'peak' is cancelled"


def update(*values: float, r_id: str = "meter-1") -> UpdateReport:
    intervals = [
        ReportInterval(
            dtstart=NOW + timedelta(seconds=number),
            report_payloads=[ReportPayload(r_id=r_id, value=value)],
        )
        for number, value in enumerate(values)
    ]
    report = Report(
        report_specifier_id="s",
        report_request_id="RR1",
        intervals=intervals,
        created_date_time=NOW,
    )
    return UpdateReport(request_id="1", reports=[report])


def test_samples_have_their_unit_and_their_time() -> None:
    catalogue = RegisterReport(
        request_id="1",
        reports=[
            Report(
                report_specifier_id="s",
                created_date_time=NOW,
                report_descriptions=[
                    ReportDescription(
                        r_id="meter-1",
                        report_type="reading",
                        reading_type="Direct Read",
                        measurement=Measurement.named("powerReal", unit="W", scale="k"),
                    )
                ],
            )
        ],
    )

    text = describe(update(4.5), units_of(catalogue))

    assert text == f"1 sample of meter-1 for RR1: 4.5 kW at {NOW.astimezone():%H:%M:%S}"


def test_many_samples_are_counted() -> None:
    assert describe(update(*range(20))).startswith("20 samples of meter-1 for RR1: 0 at")
    assert describe(update(*range(20))).endswith("and 16 more")


def test_a_name_that_would_forge_a_line_is_quoted() -> None:
    text = describe(update(1, r_id="meter\n2030-01-01 CRITICAL"))

    assert "\n" not in text
    assert "'meter\\n2030-01-01 CRITICAL'" in text


def test_a_refusal_says_its_code_and_reason() -> None:
    refused = Response(response=EiResponse(response_code="463", response_description="unknown\n"))

    assert describe(refused) == "refused with code 463: 'unknown\\n'"


def _point(r_id: str) -> ReportPayload:
    return ReportPayload(r_id=r_id, value=1)


OK = EiResponse(response_code="200")
REFUSED = EiResponse(response_code="452", response_description="no")
DELIVERY = UpdateReport(
    request_id="r",
    reports=(
        Report(
            report_request_id="RR1",
            report_specifier_id="s",
            created_date_time=NOW,
            intervals=tuple(
                ReportInterval(dtstart=NOW, report_payloads=(_point("meter-1"), _point("meter-2")))
                for _ in range(3)
            ),
        ),
    ),
)
EXCHANGES = [
    (DELIVERY, UpdatedReport(response=OK), "delivered 6 samples of meter-1, meter-2 for RR1"),
    (DELIVERY, UpdatedReport(response=REFUSED), ""),
    (
        RequestEvent(request_id="r", ven_id="ven"),
        DistributeEvent(request_id="r", vtn_id="v", events=()),
        "no events",
    ),
    (RequestEvent(request_id="r", ven_id="ven"), Response(response=OK), "no events"),
    (RequestEvent(request_id="r", ven_id="ven"), None, "no events"),
    (
        QueryRegistration(request_id="r"),
        CreatedPartyRegistration(response=OK, vtn_id="v"),
        "'v' speaks 2.0b",
    ),
    (
        CreatePartyRegistration(request_id="r", ven_name="site"),
        CreatedPartyRegistration(response=OK, vtn_id="v", ven_id="n", registration_id="g"),
        "registered with 'v' as 'n', registration 'g'",
    ),
    (
        RegisterReport(request_id="r", reports=()),
        RegisteredReport(response=OK),
        "I have no reports to offer",
    ),
    (Poll(ven_id="ven"), Response(response=OK), ""),
]


@pytest.mark.parametrize(("sent", "reply", "said"), EXCHANGES)
def test_the_line_of_an_exchange_has_its_content(sent: Any, reply: Any, said: str) -> None:
    assert describe_exchange(sent, reply) == said
