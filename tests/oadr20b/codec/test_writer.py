"""Writing: always valid, or a ConfigurationError that names the record, the field and what is
expected.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from ven_sdk import enums
from ven_sdk.errors import ConfigurationError
from ven_sdk.oadr20b.codec import envelope, parsing, plain_writer, reader, writer
from ven_sdk.objects import (
    ActivePeriod,
    CreatedEvent,
    CreatedPartyRegistration,
    CreatedReport,
    DistributeEvent,
    EiResponse,
    Event,
    EventDescriptor,
    EventResponse,
    EventSignal,
    FeatureCollection,
    Interval,
    Location,
    Measurement,
    Poll,
    Polygon,
    RegisterReport,
    Report,
    ReportDescription,
    ReportInterval,
    ReportPayload,
    Response,
    SamplingRate,
    ServiceArea,
    Target,
    UpdateReport,
)
from ven_sdk.schema.record import restore

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
OK = EiResponse(response_code="200", response_description="OK", request_id="r")
ENTITY_FEED = (
    '<!DOCTYPE a [<!ENTITY b "x">]><feed xmlns="http://www.w3.org/2005/Atom"><id>&b;</id></feed>'
)


def _event(**changes: Any) -> Event:
    values: Any = {
        "event_descriptor": EventDescriptor(
            event_id="e",
            modification_number=0,
            market_context="http://m",
            created_date_time=NOW,
            event_status="far",
        ),
        "active_period": ActivePeriod(dtstart=NOW, duration=timedelta(hours=1)),
        "event_signals": [
            EventSignal(
                intervals=[Interval(duration=timedelta(hours=1), uid="0", signal_payload=1)],
                signal_name="SIMPLE",
                signal_type="level",
                signal_id="s",
            )
        ],
        "targets": [Target(ven_id="v")],
    }
    return Event(**{**values, **changes})


def _list(*events: Event) -> DistributeEvent:
    return DistributeEvent(request_id="r", vtn_id="v", events=events)


def _update(**changes: Any) -> UpdateReport:
    values: Any = {
        "dtstart": NOW,
        "report_request_id": "rr",
        "report_specifier_id": "rs",
        "created_date_time": NOW,
        "report_name": "TELEMETRY_USAGE",
        "intervals": [
            ReportInterval(dtstart=NOW, report_payloads=[ReportPayload(r_id="a", value=1.5)])
        ],
    }
    return UpdateReport(request_id="u", reports=[Report(**{**values, **changes})])


def _described_event(**changes: Any) -> DistributeEvent:
    return _list(_event(event_descriptor=_event().event_descriptor.replace(**changes)))


def _with_payload(**payload: Any) -> UpdateReport:
    return _update(
        intervals=[
            ReportInterval(dtstart=NOW, report_payloads=[ReportPayload(r_id="a", **payload)])
        ]
    )


def _described(measurement: Any) -> RegisterReport:
    return RegisterReport(
        request_id="r",
        reports=[
            Report(
                duration=timedelta(hours=1),
                report_specifier_id="s",
                report_name="METADATA_TELEMETRY_USAGE",
                created_date_time=NOW,
                report_descriptions=[
                    ReportDescription(
                        r_id="a",
                        report_type="usage",
                        reading_type="Direct Read",
                        measurement=measurement,
                        sampling_rate=SamplingRate(10, 60),
                    )
                ],
            )
        ],
    )


MISTAKES = [
    (lambda: Poll(ven_id=None), r"Poll\.ven_id is missing, expected a str"),
    (lambda: Poll(ven_id=7), r"ven_id of a Poll must be a text, not 7\. Write '7'"),
    (
        lambda: Poll(ven_id="a\x00b"),
        r"Poll\.ven_id is 'a\\x00b': holds '\\x00', which XML cannot carry",
    ),
    (lambda: Poll(ven_id="v", schema_version="3.0"), r"Poll\.schema_version is '3\.0'"),
    (lambda: Response(response=None), r"Response\.response is missing, expected an EiResponse"),
    (lambda: Response(response=_event()), r"Response\.response is .*expected an EiResponse"),
    (lambda: Response(response=EiResponse(response_code="20")), r"response\.response_code is '20'"),
    (
        lambda: Response(response=EiResponse(response_code=200)),
        r"must be a text, not 200",
    ),
    (
        lambda: _list(_event(response_required="maybe")),
        r"events\[0\]\.response_required is 'maybe': expected one of always",
    ),
    (
        lambda: _list(_event(event_signals=[])),
        r"events\[0\]\.event_signals is empty, expected at least one",
    ),
    (
        lambda: _list(
            _event(active_period=ActivePeriod(dtstart=NOW.replace(tzinfo=None), duration=60))
        ),
        "no time zone",
    ),
    (
        lambda: _list(_event(active_period=ActivePeriod(dtstart=NOW, duration=-60))),
        r"duration is .*negative",
    ),
    (
        lambda: _list(_event(active_period=ActivePeriod(dtstart="now", duration=60))),
        r"dtstart of an ActivePeriod must be a datetime, not 'now'",
    ),
    (
        lambda: _list(_event(active_period=ActivePeriod(dtstart=NOW, duration=0.5))),
        "fractions of seconds",
    ),
    (lambda: _described_event(modification_number=-1), "from 0 to 4294967295"),
    (lambda: _described_event(event_id=""), "event_id is ''"),
    (lambda: _described_event(market_context="a b"), "market_context is 'a b'"),
    (lambda: _described_event(market_context=None), "market_context is missing"),
    (
        lambda: _list(_event(targets=["v"])),
        "targets takes a Target, or a dict of its fields",
    ),
    (
        lambda: _with_payload(value=float("nan")),
        r"report_payloads\[0\]\.value is nan: is no finite number",
    ),
    (lambda: _with_payload(value="1"), "value of a ReportPayload must be a number, not '1'"),
    (lambda: _with_payload(), "exactly one of the two is needed"),
    (
        lambda: _with_payload(value=1, confidence=101),
        "confidence is 101: expected a whole number from 0 to 100",
    ),
    (
        lambda: _with_payload(value=1, data_quality="good"),
        "data_quality is 'good': expected one of",
    ),
    (
        lambda: _update(intervals=[ReportInterval(dtstart=NOW)]),
        "report_payloads or feed: at least one",
    ),
    (
        lambda: _update(intervals=[ReportInterval(dtstart=NOW, feed="<feed/>")]),
        "feed: begins with feed, expected",
    ),
    (lambda: _update(intervals=[ReportInterval(dtstart=NOW, feed="<feed")]), "no well-formed XML"),
    (lambda: _update(intervals=[ReportInterval(dtstart=NOW, feed=ENTITY_FEED)]), "entity of a DTD"),
    (lambda: _described(Measurement("powerReal")), "power_attributes are missing|unit is None"),
    (lambda: _described(Measurement("powerReal", unit="W")), "power_attributes are missing"),
    (
        lambda: _described(Measurement("voltage", unit="kV")),
        "unit is 'kV', expected 'V' for voltage",
    ),
    (lambda: _described(Measurement("pulseCount")), "pulse_factor is missing"),
    (lambda: _described(Measurement("voltage", scale="h")), "scale is 'h': expected one of"),
    (lambda: _described(Measurement("watts", unit="W")), "name is 'watts', expected one of"),
    (
        lambda: _described(Measurement("currency", unit="BYN")),
        "unit is 'BYN', expected a currency code",
    ),
    (lambda: _described("voltage").reports[0], "Report is no payload"),
    (lambda: CreatedPartyRegistration(response=OK, vtn_id="v", profiles=[]), "profiles is empty"),
    (
        lambda: CreatedReport(response=OK, pending_reports=[1]),
        "pending_reports must be a text, not 1",
    ),
]


@pytest.mark.parametrize(("make", "words"), MISTAKES)
def test_a_mistake_is_named(make: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        envelope.message(make())


def unchecked(record: Any, **changes: Any) -> Any:
    """A record with values that its constructor would refuse, as a store might hold them."""
    return restore(
        type(record), tuple(changes.get(name, getattr(record, name)) for name in record.fields)
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: unchecked(Poll(ven_id="v"), ven_id=7), r"Poll\.ven_id is 7: a str is expected"),
        (
            lambda: Response(response=unchecked(OK, response_code=200)),
            "response_code is 200: a str is expected",
        ),
        (
            lambda: _list(
                _event(
                    active_period=unchecked(ActivePeriod(dtstart=NOW, duration=60), dtstart="now")
                )
            ),
            "dtstart is 'now'",
        ),
        (
            lambda: unchecked(CreatedReport(response=OK), pending_reports=(1,)),
            r"pending_reports\[0\] is 1: a str is expected",
        ),
    ],
)
def test_a_mistake_that_no_constructor_saw_is_named_by_the_writer(make: Any, words: str) -> None:
    record = make()
    with pytest.raises(ConfigurationError, match=words):
        envelope.message(record)


def test_a_mistake_leaves_no_half_written_tree() -> None:
    with pytest.raises(ConfigurationError):
        envelope.wrap(Poll(ven_id="\x00"))
    assert envelope.payload_of(envelope.wrap(Poll(ven_id="v")))[0].text == "v"


@pytest.mark.parametrize(
    "text", ["<b>", "a&b", "]]>", "'\"", "\r\n\t x ", "é𝄞", "&amp;", "<![CDATA[x]]>", "<!-- -->"]
)
def test_texts_are_escaped_and_come_back_as_they_were(text: str, xsd: Any) -> None:
    body = envelope.message(Poll(ven_id=text))
    xsd.assertValid(etree.fromstring(body))
    assert reader.read(envelope.payload_of(parsing.parse(body))).record == Poll(ven_id=text)


@pytest.mark.parametrize("value", [7, 1.5, Decimal("2.50"), True])
def test_values_of_every_number_type_are_written(value: Any, xsd: Any) -> None:
    body = envelope.message(_with_payload(value=value))
    xsd.assertValid(etree.fromstring(body))
    record: Any = reader.read(envelope.payload_of(parsing.parse(body))).record
    assert record.reports[0].intervals[0].report_payloads[0].value == value


def test_members_of_enums_are_written_as_their_values() -> None:
    record = CreatedEvent(
        response=OK,
        ven_id="v",
        event_responses=[
            EventResponse(
                request_id="r", event_id="e", modification_number=0, opt_type=enums.OPT.OPT_IN
            )
        ],
    )
    assert b"<ei:optType>optIn</ei:optType>" in envelope.message(record)


def test_zero_durations_are_pt0s() -> None:
    body = envelope.message(_list(_event(active_period=ActivePeriod(dtstart=NOW, duration=0))))
    assert b"<xcal:duration>PT0S</xcal:duration>" in body


def test_targets_are_grouped_in_the_order_of_the_schema(xsd: Any) -> None:
    targets = [
        Target(ven_id="v"),
        Target(resource_id="r2"),
        Target(group_id="g"),
        Target(resource_id="r1"),
    ]
    body = envelope.message(_list(_event(targets=targets)))
    xsd.assertValid(etree.fromstring(body))
    record: Any = reader.read(envelope.payload_of(parsing.parse(body))).record
    assert record.events[0].targets == [
        {"group_id": "g"},
        {"resource_id": "r2"},
        {"resource_id": "r1"},
        {"ven_id": "v"},
    ]


def test_a_place_named_twice_keeps_its_xml_id_once(xsd: Any) -> None:
    place = Target(
        service_area=ServiceArea(
            FeatureCollection(
                id="fc",
                location=Location(
                    polygon=Polygon(id="oadrSignedObject", positions=[52.5, 4.9, 52.6, 4.9])
                ),
            )
        )
    )
    body = envelope.message(_list(_event(targets=[place, place])))
    xsd.assertValid(etree.fromstring(body))
    assert body.count(b'gml:id="fc"') == 1
    assert body.count(b'"oadrSignedObject"') == 1


def test_what_reading_derived_is_not_written() -> None:
    body = envelope.message(_list(_event()))
    record = reader.read(envelope.payload_of(parsing.parse(body))).record
    assert record["events"][0].event_signals[0].intervals[0].dtstart == NOW
    assert envelope.message(record) == body


def test_the_root_declares_every_namespace_and_nothing_below_does() -> None:
    root = envelope.wrap(_list(_event()))
    assert {"ds", "dsp", "oadr", "ei"} <= set(root.nsmap)
    assert envelope.to_bytes(root).count(b"xmlns") == len(root.nsmap)
    assert root[0].get("{http://openadr.org/oadr-2.0b/2012/07}Id") == "oadrSignedObject"


def test_the_fast_way_to_bytes_says_the_same_as_the_tree() -> None:
    record = _list(_event())
    fast, slow = etree.fromstring(envelope.message(record)), envelope.wrap(record)
    assert etree.tostring(fast, method="c14n") == etree.tostring(slow, method="c14n")


def test_the_factory_stands_in_where_the_compiled_writer_stumbles() -> None:
    class Metre(float):
        """A number of a kind that only the checking writer knows."""

    record = _with_payload(value=Metre(2.5))
    assert etree.tostring(writer.element(record), method="c14n", exclusive=True) == etree.tostring(
        plain_writer.element(record), method="c14n", exclusive=True
    )
