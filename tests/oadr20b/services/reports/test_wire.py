"""Every kind of message that the report services make meets the official schema, written by the
codec.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON
from tests.oadr20b.services.reports.reports_harness import METADATA, ZERO, ReportHarness, ask
from ven_sdk.oadr20b.codec.envelope import message as written
from ven_sdk.oadr20b.services import reports
from ven_sdk.objects import LoadControlState, Measurement, ResourceStatus, Sample

FEED = (
    "<feed "
    "xmlns='http://www.w3.org/2005/Atom'><title>Usage</title><id>urn:1</id><updated>2026-07-01T00:00:00Z</updated></feed>"
)


def history(date_from: Any, date_to: Any, sampling_interval: Any) -> Any:
    return [(date_from + number * sampling_interval, number) for number in range(4)]


@pytest.fixture
def vtn() -> ReportHarness:
    made = ReportHarness()
    made.point(
        "p", lambda: Sample(Decimal("1.500"), confidence=90, accuracy=0.1, data_quality="x-mine")
    )
    made.point("e", lambda: None, measurement="energyReal", scale="k")
    made.point(
        "w",
        lambda: 2,
        measurement="powerReal",
        market_context="http://m",
        end_device_asset_mrid="Thermostat",
    )
    made.point(
        "s",
        lambda: ResourceStatus(True, False, capacity=LoadControlState(1, 0, 2, 1), set_point=-20.5),
        specifier="status",
        report_name="TELEMETRY_STATUS",
        measurement=None,
    )
    made.point(
        "h", history, specifier="history", report_name="HISTORY_USAGE", measurement="energyReal"
    )
    made.point(
        "x", lambda: 1, specifier="x", report_name="x-SITE", measurement="Doors", unit="openings"
    )
    made.point(
        "n",
        lambda: 1,
        specifier="x",
        report_name="x-SITE",
        measurement=Measurement("pulseCount", pulse_factor=0.001),
    )
    made.point(
        "t",
        lambda: 1,
        specifier="x",
        report_name="x-SITE",
        measurement="temperature",
        unit="fahrenheit",
    )
    made.point(
        "c",
        lambda: 1,
        specifier="x",
        report_name="x-SITE",
        measurement="currencyPerKWh",
        unit="EUR",
    )
    made.point(
        "g",
        lambda date_from, date_to, sampling_interval: FEED,
        specifier="green",
        report_name="HISTORY_GREENBUTTON",
        measurement=None,
    )
    return made


def sent(vtn: ReportHarness) -> Iterator[Any]:
    """One message of every kind."""
    yield reports.registration_task(vtn.book, lambda _: None, lambda _: None).record  # type: ignore
    yield vtn.create(
        METADATA,
        ask("usage", "p", "e", "w"),
        ask("status", "s", specifier="status"),
        ask("history", "h", specifier="history", back=ZERO, start=NOON - HOUR, length=HOUR),
        ask("private", "x", "n", "t", "c", specifier="x", every=ZERO, back=2 * MINUTE),
        ask("green", "g", specifier="green", every=ZERO, back=ZERO, start=NOON - HOUR, length=HOUR),
    )
    yield vtn.create(ask("bad", "nobody"))
    yield reports.registration_task(vtn.book, lambda _: None, lambda _: None).record  # type: ignore
    vtn.go(6 * MINUTE)
    yield from vtn.messages
    yield vtn.cancel("usage")
    yield vtn.cancel("nobody")


def test_every_message_about_reports_meets_the_schema(
    vtn: ReportHarness, xsd: etree.XMLSchema
) -> None:
    seen = []
    for record in sent(vtn):
        document = etree.fromstring(written(record))
        xsd.assertValid(document)
        seen.append(record.wire_name)

    assert {
        "oadrRegisterReport",
        "oadrCreatedReport",
        "oadrUpdateReport",
        "oadrCanceledReport",
    } == set(seen)
    assert {id for id, *_ in vtn.record} >= {"usage", "status", "history", "private"}
    assert any(
        interval.feed
        for message in vtn.messages
        for report in message.reports
        for interval in report.intervals
    )


def test_numbers_stand_in_the_message_with_all_their_digits(vtn: ReportHarness) -> None:
    vtn.create(ask("rq", "p", every=MINUTE, back=2 * MINUTE))
    vtn.go(2 * MINUTE)
    text = written(vtn.messages[0]).decode()

    assert "<ei:value>1.500</ei:value>" in text
    assert timedelta(minutes=1) == vtn.messages[0].reports[0].duration
