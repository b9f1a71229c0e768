"""Tolerant and strict reading: what is understood, what is noted, what is refused, and where."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.codec.reader import Reading
from ven_sdk.objects import DistributeEvent, Event

UTC = timezone.utc
DATA = Path(__file__).parents[2] / "data" / "wire-examples"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def _text(name: str) -> str:
    return next(DATA.glob(name + "-*.xml")).read_text(encoding="utf-8")


def _read(text: str, strict: bool = False) -> Reading:
    return reader.read(
        envelope.payload_of(parsing.parse(text.encode("utf-8")), strict=strict), strict=strict
    )


def _changed(name: str, old: str, new: str) -> str:
    text = _text(name)
    assert old in text
    return text.replace(old, new, 1)


def _event(old: str, new: str, name: str = "13") -> Event:
    record = _read(_changed(name, old, new)).record
    assert isinstance(record, DistributeEvent)
    assert record.faulty == ()
    return record.events[0]


# --- understood -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2026-07-02T15:00:00Z", "2026-07-02T17:00:00+02:00"),
        ("2026-07-02T15:00:00Z", "2026-07-02T15:00:00.000000001Z"),
        ("2026-07-02T15:00:00Z", "\n 2026-07-02T15:00:00Z "),
        ("2026-07-02T15:00:00Z", "2026-07-02T15:00:00"),
        ("<ei:vtnComment>", "<ei:new>1</ei:new><ei:vtnComment>"),
        ("<ei:eiTarget>", "<ei:eiTarget><ei:odd>x</ei:odd>"),
        ("<ei:signalType>price<", "<ei:signalType> price\n<"),
        ("PT4H", "PT3H60M"),
        ("<xcal:components/>", "<xcal:components><any/>text</xcal:components>"),
        ("<xcal:components/>", ""),
        ("<xcal:components/>", f'<xcal:components {XSI} xsi:nil="true"/>'),
        ('ei:schemaVersion="2.0b"', 'schemaVersion="2.0b"'),
        ('ei:schemaVersion="2.0b"', ""),
    ],
)
def test_oddities_that_change_nothing_give_the_same_record(old: str, new: str) -> None:
    assert _read(_changed("13", old, new)).record == _read(_text("13")).record


@pytest.mark.parametrize(
    ("old", "new", "duration"),
    [
        ("PT4H", "P1W", timedelta(weeks=1)),
        ("PT4H", "1W", timedelta(weeks=1)),
        ("PT4H", "P1Y", timedelta(days=365)),
        ("PT4H", "P2M", timedelta(days=60)),
        ("PT4H", "PT1.5S", timedelta(seconds=1.5)),
        ("PT4H", "P", timedelta(0)),
    ],
)
def test_durations_of_every_shape_are_understood(old: str, new: str, duration: timedelta) -> None:
    assert _event(old, new).active_period.duration == duration


def test_ids_stay_strings() -> None:
    assert _event("ev-price-1", "007").event_id == "007"


@pytest.mark.parametrize(
    "empty",
    ["<ei:priority/>", "<ei:priority></ei:priority>", f'<ei:priority {XSI} xsi:nil="true"/>'],
)
def test_an_empty_optional_element_is_an_absent_one(empty: str) -> None:
    assert _event("<ei:priority>2</ei:priority>", empty).priority is None


def test_an_empty_registration_id_is_none() -> None:
    old = "<ei:vtnID>"
    record: Any = _read(_changed("02", old, "<ei:registrationID/><ei:venID/>" + old)).record
    assert (record.registration_id, record.ven_id) == (None, None)


def test_a_missing_uid_is_the_position_and_a_missing_length_lasts_until_the_end() -> None:
    uid = "<xcal:uid>\n                    <xcal:text>3</xcal:text>\n                  </xcal:uid>"
    last = _event(uid, "").event_signals[0].intervals[3]
    assert (last.uid, last.derived & 4) == ("3", 4)
    text = _changed(
        "18",
        "<xcal:duration>\n                    <xcal:duration>PT2H</xcal:duration>\n"
        "                  </xcal:duration>\n                  <xcal:uid>",
        "<xcal:uid>",
    )
    record: Any = _read(text).record
    assert record.events[0].event_signals[0].intervals[0].duration == timedelta(hours=2)


def test_the_starts_of_report_intervals_follow_each_other() -> None:
    record: Any = _read(_text("30")).record
    starts = [interval.dtstart for interval in record.reports[0].intervals]
    assert starts == [datetime(2026, 6, 30, 0, minute, tzinfo=UTC) for minute in (0, 15, 30, 45)]


def test_a_bare_payload_is_read_unless_strict() -> None:
    payload = envelope.payload_of(parsing.parse(_text("11").encode()))
    bare = etree.tostring(payload, encoding="unicode")
    assert _read(bare).record == _read(_text("11")).record
    with pytest.raises(PayloadError, match="expected oadrPayload"):
        _read(bare, strict=True)


def test_currencies_are_told_apart_by_their_description() -> None:
    text = _text("13").replace("oadr:currencyPerKWh>", "oadr:currency>")
    record: Any = _read(text).record
    measurement = record.events[0].event_signals[0].measurement
    assert (measurement.name, measurement.description, measurement.unit) == (
        "currencyPerKWh",
        "currencyPerKWh",
        "EUR",
    )


def test_empty_units_mean_the_fixed_ones() -> None:
    text = (
        _text("18")
        .replace("<power:itemUnits>W</power:itemUnits>", "<power:itemUnits/>")
        .replace(
            "<power:itemDescription>RealPower</power:itemDescription>", "<power:itemDescription/>"
        )
    )
    record: Any = _read(text).record
    assert record.events[0].event_signals[0].measurement.description == "RealPower"


def test_a_request_for_the_catalogue_without_data_points_is_read() -> None:
    payload = (
        "<ei:specifierPayload>\n            <ei:rID>0</ei:rID>\n            "
        "<ei:readingType>x-notApplicable"
        "</ei:readingType>\n          </ei:specifierPayload>"
    )
    reading = _read(_changed("25", payload, ""))
    record: Any = reading.record
    assert record.report_requests[0].report_specifier.specifier_payloads == ()
    assert "specifierPayload is missing" in reading.deviations[0]


# --- noted ----------------------------------------------------------------------------------------

DEVIATIONS = [
    ("13", "2026-07-02T15:00:00Z", "2026-07-02T17:00:00+02:00", "dtstart/date-time"),
    ("13", "PT4H", "P1W", "properties/duration/duration"),
    ("13", "<ei:vtnComment>", "<ei:new>1</ei:new><ei:vtnComment>", "eventDescriptor/new"),
    ("13", "ELECTRICITY_PRICE", "MY_PRICE", "eiEventSignal/signalName"),
    ("13", "<ei:signalType>price<", "<ei:signalType>pricey<", "eiEventSignal/signalType"),
    ("13", "<xcal:components/>", "", "eiActivePeriod/components"),
    ("13", 'ei:schemaVersion="2.0b"', 'schemaVersion="2.0b"', "oadrDistributeEvent"),
    ("13", "<ei:priority>2</ei:priority>", "<ei:priority/>", "priority"),
    ("13", "<ei:vtnID>vtn-northgrid</ei:vtnID>", "", "vtnID"),
    ("18", "RealPower", "realPower", "powerReal"),
    ("18", "<power:itemUnits>W<", "<power:itemUnits>kW<", "powerReal"),
    ("14", "<ei:groupID>cold-stores</ei:groupID>", "<ei:groupID/>", "groupID"),
    ("10", "<ei:responseCode>200<", "<ei:responseCode>OK<", "responseCode"),
]


@pytest.mark.parametrize(("name", "old", "new", "path"), DEVIATIONS)
def test_a_deviation_is_noted_with_its_path_and_refused_in_strict_reading(
    name: str, old: str, new: str, path: str
) -> None:
    text = _changed(name, old, new)
    reading = _read(text)
    assert len(reading.deviations) == 1
    assert path in reading.deviations[0]
    with pytest.raises(PayloadError) as caught:
        _read(text, strict=True)
    assert path in caught.value.path


def test_elements_in_the_wrong_order_are_understood_and_noted() -> None:
    descriptor = (
        "<ei:eventID>ev-price-1</ei:eventID>\n            "
        "<ei:modificationNumber>0</ei:modificationNumber>"
    )
    swapped = "<ei:modificationNumber>0</ei:modificationNumber><ei:eventID>ev-price-1</ei:eventID>"
    reading = _read(_changed("13", descriptor, swapped))
    assert reading.record == _read(_text("13")).record
    assert "eventID stands in the wrong place" in reading.deviations[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("PT4H", "P1M", "taken as 30 days"),
        ("2026-07-02T15:00:00Z", "2026-07-02T15:00:00", "taken as UTC"),
    ],
)
def test_what_is_legal_but_was_interpreted_is_said_and_passes_strict_reading(
    old: str, new: str, words: str
) -> None:
    reading = _read(_changed("13", old, new), strict=True)
    assert words in reading.deviations[0]


def test_a_message_full_of_deviations_does_not_fill_the_memory() -> None:
    reading = _read(
        _changed(
            "13",
            "<ei:vtnComment>",
            "".join(f"<ei:new{number}/>" for number in range(1000)) + "<ei:vtnComment>",
        )
    )
    assert len(reading.deviations) == 50


# --- refused --------------------------------------------------------------------------------------

FAULTS = [
    ("<ei:eventID>ev-price-1</ei:eventID>", "<ei:eventID/>", "eventDescriptor/eventID"),
    ("<ei:eventID>ev-price-1</ei:eventID>", "", "eventDescriptor/eventID"),
    (
        "<ei:eventID>ev-price-1</ei:eventID>",
        "<ei:eventID>a</ei:eventID><ei:eventID>b</ei:eventID>",
        "eventID[2]",
    ),
    ("<ei:modificationNumber>0<", "<ei:modificationNumber>-1<", "modificationNumber"),
    ("<ei:modificationNumber>0<", "<ei:modificationNumber>4294967296<", "modificationNumber"),
    ("<ei:modificationNumber>0<", "<ei:modificationNumber>1.5<", "modificationNumber"),
    ("<ei:eventStatus>far<", "<ei:eventStatus>soon<", "eventStatus"),
    (">always<", ">sometimes<", "oadrResponseRequired"),
    ("PT4H", "PT", "properties/duration/duration"),
    ("PT4H", "-PT4H", "properties/duration/duration"),
    ("PT4H", "P99999999999999999999D", "properties/duration/duration"),
    ("PT4H", "", "properties/duration/duration"),
    ("2026-07-02T15:00:00Z", "9999-12-31T23:00:00Z", "eiActivePeriod"),
    ("2026-07-02T15:00:00Z", "2026-02-30T15:00:00Z", "dtstart/date-time"),
    ("2026-07-02T15:00:00Z", "tomorrow", "dtstart/date-time"),
    ("<ei:value>0.21<", "<ei:value>NaN<", "interval[1]/signalPayload/payloadFloat/value"),
    ("<ei:value>0.21<", "<ei:value>INF<", "value"),
    ("<ei:value>0.21<", "<ei:value>1e999<", "value"),
    ("<ei:signalName>ELECTRICITY_PRICE</ei:signalName>", "", "eiEventSignal/signalName"),
]


@pytest.mark.parametrize(("old", "new", "path"), FAULTS)
def test_a_faulty_event_spoils_only_itself(old: str, new: str, path: str) -> None:
    start = _text("13").index("<oadr:oadrEvent>")
    end = _text("13").index("</oadr:oadrEvent>") + len("</oadr:oadrEvent>")
    good = _text("13")[start:end]
    text = (
        _text("13")[:start]
        + _changed("13", old, new)[start:].partition("</oadr:oadrEvent>")[0]
        + "</oadr:oadrEvent>"
        + good.replace("ev-price-1", "good")
        + _text("13")[end:]
    )
    record: Any = _read(text).record
    assert [event.event_id for event in record.events] == ["good"]
    (fault,) = record.faulty
    assert path in fault.error.path
    assert fault.error.path.startswith("oadrDistributeEvent/oadrEvent[1]")
    with pytest.raises(PayloadError):
        _read(text, strict=True)


def test_a_faulty_event_keeps_what_could_be_read_of_it() -> None:
    record: Any = _read(_changed("13", "<ei:value>0.21<", "<ei:value>NaN<")).record
    (fault,) = record.faulty
    assert (fault.event_id, fault.modification_number, fault.response_required) == (
        "ev-price-1",
        0,
        "always",
    )
    assert fault.error.value == "NaN"


def test_an_event_without_signals_is_faulty_unless_it_is_cancelled() -> None:
    text = _text("13")
    start, end = (
        text.index("<ei:eiEventSignal>"),
        text.index("</ei:eiEventSignal>") + len("</ei:eiEventSignal>"),
    )
    bare = text[:start] + text[end:]
    assert len(_read(bare).record["faulty"]) == 1
    cancelled = _read(bare.replace(">far<", ">cancelled<")).record["events"]
    assert cancelled[0].event_signals == ()


@pytest.mark.parametrize("sign", ["x-eiRampUp", "x-eiRecovery"])
def test_only_ramp_up_and_recovery_may_be_negative(sign: str) -> None:
    record: Any = _read(_text("17")).record
    period = record.events[0].active_period
    assert period.ramp_up == timedelta(minutes=-10)
    assert period.recovery == timedelta(minutes=-5)
    text = _changed(
        "13",
        "<ei:x-eiNotification>\n                <xcal:duration>P1D",
        "<ei:x-eiNotification>\n                <xcal:duration>-P1D",
    )
    reading: Any = _read(text)
    assert reading.record.events[0].active_period.notification_period is None
    assert "x-eiNotification/duration is negative" in reading.deviations[0]


def test_the_path_counts_neighbours_and_the_value_is_cut_short() -> None:
    text = _changed("13", "<ei:value>0.93<", f"<ei:value>{'9x' * 100}<")
    error = _read(text).record["faulty"][0].error
    assert error.path == (
        "oadrDistributeEvent/oadrEvent/eiEvent/eiEventSignals/eiEventSignal/intervals/interval[3]"
        "/signalPayload/payloadFloat/value"
    )
    assert len(error.value) == 80
    assert "is no finite number" in str(error)


def test_a_fault_outside_an_event_is_the_messages() -> None:
    with pytest.raises(PayloadError, match="oadrProfileName is missing"):
        _read(_changed("03", "<oadr:oadrProfileName>2.0b</oadr:oadrProfileName>", ""))


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        ("http://openadr.org/oadr-2.0a/2012/07", "2.0a"),
        ("http://example.org", "no OpenADR 2.0b message"),
    ],
)
def test_another_namespace_is_refused_by_name(namespace: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        _read(_text("11").replace("http://openadr.org/oadr-2.0b/2012/07", namespace))


def test_an_unknown_payload_is_refused() -> None:
    with pytest.raises(PayloadError, match="'oadrFly'"):
        _read(_text("11").replace("oadr:oadrPoll", "oadr:oadrFly"))


@pytest.mark.parametrize(
    "layout",
    [
        "<oadr:oadrPayload {ns}/>",
        "<oadr:oadrPayload {ns}><oadr:oadrSignedObject/></oadr:oadrPayload>",
        "<oadr:oadrPayload "
        "{ns}><oadr:oadrSignedObject><oadr:oadrPoll/><oadr:oadrPoll/></oadr:oadrSignedObject></oadr:oadrPayload>",
        "<oadr:oadrPayload {ns}><oadr:oadrSignedObject><oadr:oadrPoll/></oadr:oadrSignedObject>"
        "<oadr:oadrSignedObject><oadr:oadrPoll/></oadr:oadrSignedObject></oadr:oadrPayload>",
        "<oadr:oadrPayload "
        "{ns}><oadr:other/><oadr:oadrSignedObject><oadr:oadrPoll/></oadr:oadrSignedObject></oadr:oadrPayload>",
        "<oadr:oadrPayload {ns}><oadr:oadrPoll/></oadr:oadrPayload>",
        "<html/>",
    ],
)
def test_a_wrong_layout_is_refused(layout: str) -> None:
    with pytest.raises(PayloadError):
        _read(layout.format(ns='xmlns:oadr="http://openadr.org/oadr-2.0b/2012/07"'))


def test_prefixes_are_free() -> None:
    text = _text("13").replace("ei:", "ns7:").replace("xmlns:ei", "xmlns:ns7")
    assert _read(text).record == _read(_text("13")).record
