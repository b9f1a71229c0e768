"""What peers write for a value: every declaration of every payload, in every form that has only one
meaning, reads as the same record with one note; strict reading takes what the schema allows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Callable, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.oadr20b.codec.strategies import records
from tests.shared import examples
from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.codec.namespaces import KNOWN, namespace_of, tag
from ven_sdk.oadr20b.codec.plan import Node, plan_of
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema.common import URI, Payload
from ven_sdk.schema.declaration import Declaration
from ven_sdk.schema.record import Record

Variant = Callable[[str], Optional[str]]


def _other_case(text: str) -> str:
    return text.swapcase()


VARIANTS: dict[str, list[Variant]] = {
    "boolean": [str.upper, str.title, " {} ".format, "\n\t{}\n".format],
    "integer": [" {}".format, "{}\n".format, "{}.0".format, "0{}".format],
    "number": [" {} ".format, "\t{}".format],
    "decimal": [" {} ".format],
    "date_time": [
        " {}\n".format,
        lambda text: text.replace("T", "t"),
        lambda text: text.replace("Z", "z"),
        lambda text: text.replace("Z", "+00:00"),
        lambda text: text.replace("Z", "+0000"),
        lambda text: text.replace("T", " "),
        lambda text: text.replace("Z", ""),
        lambda text: text.replace(":00Z", "Z") if re.search("T..:..:00Z", text) else None,
        lambda text: text.replace("Z", "0000001Z") if re.search(r"\.\d{6}Z", text) else None,
    ],
    "duration": [" {} ".format, str.lower],
    "token": [" {}\n".format, _other_case],
    "text": [" {}\n".format],
}
SAFE = frozenset(("0{}",))
"""Forms that are as usual as the usual one: they may have no note."""


def _leaves(cls: type[Record], element: Any) -> list[tuple[Declaration, Any]]:
    """Every element with a text of a declared type in and below the element of a record."""
    return list(_below(plan_of(cls).root, element))


def _below(node: Node, element: Any) -> Any:
    for child in element:
        position = node.index.get(child.tag)
        if position is None:
            continue
        inner = node.nodes[position]
        if inner.declaration is None:
            yield from _below(inner, child)
        elif inner.declaration.kind in ("child", "children"):
            yield from _below(plan_of(inner.declaration.record).root, child)
        elif inner.declaration.kind in VARIANTS and not len(child):
            yield inner.declaration, child


def _written(record: Payload) -> Any:
    return envelope.payload_of(parsing.parse(envelope.message(record)))


def _both(element: Any, strict: bool = False) -> reader.Reading:
    compiled = reader.read(element, strict=strict, plain=False)
    assert compiled == reader.read(element, strict=strict, plain=True)
    return compiled


def _applicable(declaration: Declaration, variant: Variant, text: str) -> Optional[str]:
    if declaration.kind == "text" and declaration.pattern != URI:
        return None
    if declaration.kind == "token" and variant is _other_case:
        alike = [word for word in declaration.values or () if word.lower() == text.lower()]
        return variant(text) if len(alike) == 1 else None
    return variant(text)


@pytest.mark.parametrize("name", sorted(PAYLOADS))
@examples(25)
@given(data=st.data())
def test_another_form_of_a_value_reads_as_the_same_record_with_one_note(
    name: str, data: Any
) -> None:
    record = data.draw(records(PAYLOADS[name]))
    element = _written(record)
    before = reader.read(element).deviations
    leaves = [
        (declaration, leaf) for declaration, leaf in _leaves(PAYLOADS[name], element) if leaf.text
    ]
    if not leaves:
        return
    declaration, leaf = data.draw(st.sampled_from(leaves))
    text = _applicable(
        declaration, data.draw(st.sampled_from(VARIANTS[declaration.kind])), leaf.text
    )
    if text is None or text == leaf.text:
        return
    leaf.text = text
    reading = _both(element)

    assert reading.record == record
    assert len(reading.deviations) <= len(before) + 1
    if not text.startswith("0"):
        assert len(reading.deviations) == len(before) + 1


@pytest.mark.parametrize("name", sorted(PAYLOADS))
@examples(15)
@given(data=st.data())
def test_a_name_from_a_neighbouring_namespace_is_read_and_noted(name: str, data: Any) -> None:
    record = data.draw(records(PAYLOADS[name]))
    element = _written(record)
    before = len(reader.read(element).deviations)
    candidates = [child for child in element.iterdescendants() if "Atom" not in child.tag]
    if not candidates:
        return
    chosen = data.draw(st.sampled_from(candidates))
    if any("Atom" in each.tag or "components" in each.tag for each in chosen.iterancestors()):
        return
    others = sorted(KNOWN - {namespace_of(chosen.tag)})
    namespace = data.draw(st.sampled_from(others))
    local = etree.QName(chosen).localname
    chosen.tag = f"{{{namespace}}}{local}" if namespace else local
    if chosen.getparent() is not None and chosen.tag in plan_tags(chosen.getparent()):
        return
    reading = _both(element)

    assert reading.record == record
    assert len(reading.deviations) == before + 1
    assert repr(namespace) in reading.deviations[-1] or any(
        repr(namespace) in note for note in reading.deviations
    )
    with pytest.raises(PayloadError):
        reader.read(element, strict=True)


def plan_tags(parent: Any) -> set[str]:
    """The tags of the neighbours, of which a renamed element may not become one."""
    return {child.tag for child in parent if parent.tag != child.tag and len(parent) > 1}


WRAPPED = [
    ("<xcal:duration><xcal:duration>PT1H</xcal:duration></xcal:duration>", "PT1H"),
    ("<xcal:uid><xcal:text>0</xcal:text></xcal:uid>", "<xcal:uid>0</xcal:uid>"),
    (
        "<ei:signalPayload><ei:payloadFloat><ei:value>2</ei:value></ei:payloadFloat>"
        "</ei:signalPayload>",
        "<ei:signalPayload>2</ei:signalPayload>",
    ),
    (
        "<ei:eiMarketContext><emix:marketContext>http://m</emix:marketContext></ei:eiMarketContext>",
        "<ei:eiMarketContext>http://m</ei:eiMarketContext>",
    ),
    (
        "<ei:createdDateTime>2030-01-01T00:00:00Z</ei:createdDateTime>",
        "<ei:createdDateTime><xcal:date-time>2030-01-01T00:00:00Z</xcal:date-time>"
        "</ei:createdDateTime>",
    ),
    (
        "<xcal:dtstart><xcal:date-time>2030-01-01T00:00:00Z</xcal:date-time></xcal:dtstart>",
        "<xcal:dtstart>2030-01-01T00:00:00Z</xcal:dtstart>",
    ),
]
EVENT = """<oadr:oadrDistributeEvent xmlns:oadr="{oadr}" xmlns:ei="{ei}" xmlns:xcal="{xcal}"
 xmlns:strm="{strm}" xmlns:emix="{emix}" xmlns:pyld="{pyld}" ei:schemaVersion="2.0b">\
<pyld:requestID>r</pyld:requestID><ei:vtnID>v</ei:vtnID><oadr:oadrEvent><ei:eiEvent>\
<ei:eventDescriptor><ei:eventID>e</ei:eventID><ei:modificationNumber>3</ei:modificationNumber>\
<ei:priority>1</ei:priority>\
<ei:eiMarketContext><emix:marketContext>http://m</emix:marketContext></ei:eiMarketContext>\
<ei:createdDateTime>2030-01-01T00:00:00Z</ei:createdDateTime><ei:eventStatus>far</ei:eventStatus>\
</ei:eventDescriptor><ei:eiActivePeriod><xcal:properties>\
<xcal:dtstart><xcal:date-time>2030-01-01T00:00:00Z</xcal:date-time></xcal:dtstart>\
<xcal:duration><xcal:duration>PT1H</xcal:duration></xcal:duration>\
<ei:x-eiNotification><xcal:duration>P1D</xcal:duration></ei:x-eiNotification>\
</xcal:properties><xcal:components/></ei:eiActivePeriod><ei:eiEventSignals><ei:eiEventSignal>\
<strm:intervals><ei:interval>\
<xcal:duration><xcal:duration>PT1H</xcal:duration></xcal:duration>\
<xcal:uid><xcal:text>0</xcal:text></xcal:uid>\
<ei:signalPayload><ei:payloadFloat><ei:value>2</ei:value></ei:payloadFloat></ei:signalPayload>\
</ei:interval></strm:intervals><ei:signalName>SIMPLE</ei:signalName>\
<ei:signalType>level</ei:signalType><ei:signalID>s</ei:signalID></ei:eiEventSignal>\
</ei:eiEventSignals><ei:eiTarget/></ei:eiEvent>\
<oadr:oadrResponseRequired>always</oadr:oadrResponseRequired></oadr:oadrEvent>\
</oadr:oadrDistributeEvent>""".format(
    **{
        prefix: namespace_of(tag(f"{prefix}:x"))
        for prefix in ("oadr", "ei", "xcal", "strm", "emix", "pyld")
    }
)


def _event(old: str, new: str, strict: bool = False) -> reader.Reading:
    assert old in EVENT
    return _both(etree.fromstring(EVENT.replace(old, new, 1)), strict)


WHOLE = reader.read(etree.fromstring(EVENT))


def test_the_message_that_the_forms_below_are_made_of_is_as_the_schema_wants_it() -> None:
    assert WHOLE.deviations == ()
    assert _event("SIMPLE", "SIMPLE", strict=True) == WHOLE


@pytest.mark.parametrize(("old", "new"), WRAPPED)
def test_a_value_with_a_wrapper_too_few_or_too_many_is_read(old: str, new: str) -> None:
    if not new.startswith("<"):
        new = f"<xcal:duration>{new}</xcal:duration>"
    reading = _event(old, new)
    assert reading.record == WHOLE.record
    assert len(reading.deviations) == 1
    with pytest.raises(PayloadError):
        _event(old, new, strict=True)


@pytest.mark.parametrize("status", ["FAR", "Far", "fAR"])
def test_a_status_in_another_case_is_read(status: str) -> None:
    assert _event(">far<", f">{status}<").record == WHOLE.record


@pytest.mark.parametrize("status", ["canceled", "Canceled", "CANCELLED", "cancelled "])
def test_every_spelling_of_cancelled_is_one(status: str) -> None:
    record: Any = _event(">far<", f">{status}<").record
    assert record.events[0].event_status == "cancelled"


# --- the smallest unit is refused -----------------------------------------------------------------

OPTIONAL = [
    ("<ei:priority>1<", "<ei:priority>high<", "priority"),
    ("<ei:priority>1<", "<ei:priority>-1<", "priority"),
    (">2030-01-01T00:00:00Z</ei:created", ">yesterday</ei:created", "created_date_time"),
    (
        "<ei:x-eiNotification><xcal:duration>P1D<",
        "<ei:x-eiNotification><xcal:duration>soon<",
        "active_period",
    ),
    ("<xcal:duration>P1D</xcal:duration>", "", "active_period"),
    (
        "<ei:priority>1</ei:priority>",
        "<ei:priority>1</ei:priority><ei:priority>2</ei:priority>",
        "priority",
    ),
    ("<ei:signalID>s</ei:signalID>", "<ei:signalID>s</ei:signalID><ei:currentValue/>", ""),
    (
        "<ei:signalID>s</ei:signalID>",
        "<ei:signalID>s</ei:signalID><ei:currentValue><ei:payloadFloat><ei:value>x</ei:value>"
        "</ei:payloadFloat></ei:currentValue>",
        "",
    ),
]


@pytest.mark.parametrize(("old", "new", "field"), OPTIONAL)
def test_an_optional_value_that_makes_no_sense_is_left_out(old: str, new: str, field: str) -> None:
    reading = _event(old, new)
    record: Any = reading.record
    (event,) = record.events
    if field == "active_period":
        assert event.active_period.notification_period is None
    elif field:
        assert event[field] is None
    else:
        assert event.event_signals[0].current_value is None
    assert len(reading.deviations) == 1
    assert "understood" not in reading.deviations[0]
    with pytest.raises(PayloadError):
        _event(old, new, strict=True)


MANDATORY = [
    ("<xcal:duration>PT1H</xcal:duration></xcal:duration><xcal:uid>", "duration"),
    ("<ei:value>2<", "value"),
    ("<ei:signalName>SIMPLE</ei:signalName>", "signalName"),
    ("<xcal:dtstart><xcal:date-time>2030-01-01T00:00:00Z</xcal:date-time></xcal:dtstart>", "dtst"),
]


@pytest.mark.parametrize(("part", "path"), MANDATORY)
@pytest.mark.parametrize("status", ["active", "cancelled", "CANCELED"])
def test_a_mandatory_value_spoils_its_event_of_which_the_rest_is_kept(
    part: str, path: str, status: str
) -> None:
    broken = part.replace("PT1H", "an hour").replace(">2<", ">two<").replace("SIMPLE", "")
    broken = broken.replace("2030-01-01T00:00:00Z", "tomorrow")
    if "signalName" in part:
        broken = ""
    text = EVENT.replace(part, broken).replace(">far<", f">{status}<")
    record: Any = _both(etree.fromstring(text)).record
    (faulty,) = record.faulty
    assert (faulty.event_id, faulty.modification_number) == ("e", 3)
    assert faulty.market_context == "http://m"
    assert faulty.response_required == "always"
    assert faulty.is_cancellation is (status != "active")
    assert path in faulty.error.path


def test_an_interval_without_a_payload_is_read_unless_strict() -> None:
    payload = EVENT[EVENT.index("<ei:signalPayload>") : EVENT.index("</ei:interval>")]
    reading = _event(payload, "")
    record: Any = reading.record
    assert record.events[0].event_signals[0].intervals[0].signal_payload is None
    assert "signalPayload" in reading.deviations[0]
    with pytest.raises(PayloadError, match="signalPayload"):
        _event(payload, "", strict=True)


@pytest.mark.parametrize(
    "old", ["<ei:eventDescriptor>", "</ei:priority>", "<strm:intervals>", "</ei:eiTarget>"]
)
def test_strict_reading_refuses_text_between_elements(old: str) -> None:
    if old not in EVENT:
        old = "<ei:eiTarget/>"
    assert _event(old, old + "stray").record == WHOLE.record
    with pytest.raises(PayloadError, match="text where only elements belong: 'stray'"):
        _event(old, old + "stray", strict=True)


def test_a_foreign_namespace_is_named_and_its_element_left_out() -> None:
    reading = _event("<ei:priority>1</ei:priority>", '<priority xmlns="urn:other">1</priority>')
    record: Any = reading.record
    assert record.events[0].priority is None
    assert "'urn:other'" in reading.deviations[0]
    assert "left out" in reading.deviations[0]
    number = "<ei:modificationNumber>3</ei:modificationNumber>"
    faulty: Any = _event(number, '<modificationNumber xmlns="urn:other">3</modificationNumber>')
    assert "'urn:other'" in str(faulty.record.faulty[0].error)


def test_the_element_of_the_right_namespace_counts_where_both_stand() -> None:
    reading = _event(
        "<ei:priority>1</ei:priority>",
        "<oadr:priority>2</oadr:priority><ei:priority>1</ei:priority>",
    )
    assert reading.record == WHOLE.record
    assert "left out" in reading.deviations[0]


# --- what stands around values --------------------------------------------------------------------

VALUE = (
    "<ei:signalPayload><ei:payloadFloat><ei:value>2</ei:value></ei:payloadFloat></ei:signalPayload>"
)
PROPERTIES = EVENT[EVENT.index("<xcal:properties>") : EVENT.index("<xcal:components/>")]
CONTEXT = (
    "<ei:eiMarketContext><emix:marketContext>http://m</emix:marketContext></ei:eiMarketContext>"
)
WITHOUT_WRAPPER = [
    (VALUE, "<ei:signalPayload><ei:value>2</ei:value></ei:signalPayload>", 1),
    (VALUE, "<ei:payloadFloat><ei:value>2</ei:value></ei:payloadFloat>", 1),
    (VALUE, "<ei:signalPayload><oadr:value>2</oadr:value></ei:signalPayload>", 2),
    (CONTEXT, "<emix:marketContext>http://m</emix:marketContext>", 1),
    (PROPERTIES, PROPERTIES.replace("xcal:properties>", "xcal:components>"), 0),
    (PROPERTIES, PROPERTIES[len("<xcal:properties>") : -len("</xcal:properties>")], 1),
    ("<xcal:uid><xcal:text>0</xcal:text></xcal:uid>", "<xcal:text>0</xcal:text>", 1),
]


@pytest.mark.parametrize(("old", "new", "notes"), WITHOUT_WRAPPER)
def test_what_lacks_the_element_around_it_is_read_where_only_one_place_is_meant(
    old: str, new: str, notes: int
) -> None:
    reading = _event(old, new)
    if not notes:  # another element around it is no missing one
        assert reading.record != WHOLE.record
        return
    assert reading.record == WHOLE.record
    assert len(reading.deviations) == notes
    assert "stands without the element" in reading.deviations[0]
    with pytest.raises(PayloadError):
        _event(old, new, strict=True)


EMPTY = [
    ("</ei:eiEventSignals>", "<ei:eiEventBaseline/></ei:eiEventSignals>"),
    ("<pyld:requestID>r", "<ei:eiResponse/><pyld:requestID>r"),
    ("<ei:eiTarget/>", "<ei:eiTarget><ei:resourceID/></ei:eiTarget>"),
    ("<ei:eiTarget/>", '<ei:eiTarget><p:meterAsset xmlns:p="{power}"/></ei:eiTarget>'),
    ("<strm:intervals><ei:interval>", "<strm:intervals><ei:interval><xcal:dtstart/>"),
]


@pytest.mark.parametrize(("old", "new"), EMPTY)
def test_what_is_empty_is_absent_and_nothing_is_lost(old: str, new: str) -> None:
    reading = _event(old, new.format(power=namespace_of(tag("power:x"))))
    assert reading.record == WHOLE.record
    assert len(reading.deviations) == 1
    assert "was left out:" not in reading.deviations[0]


def test_text_between_elements_is_passed_over_with_a_note() -> None:
    reading = _event("<ei:eventDescriptor>", "<ei:eventDescriptor>urgent")
    assert reading.record == WHOLE.record
    assert reading.deviations[0].endswith("which was passed over: 'urgent'.")


@pytest.mark.parametrize("code", ["463 ", "\n463\n"])
def test_a_response_code_counts_without_white_space(code: str) -> None:
    answer = f"<ei:eiResponse><ei:responseCode>{code}</ei:responseCode><pyld:requestID/>"
    reading = _event("<pyld:requestID>r", f"{answer}</ei:eiResponse><pyld:requestID>r")
    record: Any = reading.record
    assert record.response.response_code == "463"
    assert len(reading.deviations) == 1


# --- cancellations need an ID, a number and a status ----------------------------------------------

DESCRIPTOR = EVENT[
    EVENT.index("<ei:eventDescriptor>") : EVENT.index("<ei:eiActivePeriod>")
].replace(">far<", ">cancelled<")
NUMBER = "<ei:modificationNumber>3</ei:modificationNumber>"
BROKEN = [
    (NUMBER, NUMBER * 2),
    (NUMBER, NUMBER + "<oadr:modificationNumber>4</oadr:modificationNumber>"),
    (NUMBER, "<oadr:modificationNumber> 3.0 </oadr:modificationNumber>"),
    (">cancelled<", "><xcal:text>Canceled</xcal:text><"),
    (DESCRIPTOR, DESCRIPTOR * 2),
    ("<ei:priority>1<", "<ei:priority>no<"),
    ("<ei:eiTarget/>", ""),
    ("oadrResponseRequired>always<", "oadrResponseRequired>perhaps<"),
]


@pytest.mark.parametrize(("old", "new"), BROKEN)
@pytest.mark.parametrize("other", ["", "<ei:value>two<", "missing"])
def test_a_cancellation_is_one_whatever_else_is_wrong(old: str, new: str, other: str) -> None:
    text = EVENT.replace(">far<", ">cancelled<")
    assert old in text
    text = text.replace(old, new, 1).replace("<ei:value>2<", other or "<ei:value>2<")
    if other == "missing":
        text = text.replace(PROPERTIES, "")
    record: Any = _both(_parsed(text)).record
    if record.events:
        (event,) = record.events
        assert (event.event_id, event.modification_number) == ("e", 3)
        assert event.event_status == "cancelled"
    else:
        (faulty,) = record.faulty
        assert faulty.is_cancellation
        assert (faulty.event_id, faulty.modification_number) == ("e", 3)


def _parsed(text: str) -> Any:
    return etree.fromstring(text.replace("missing/ei:value>", "<ei:value>2</ei:value>"))


# --- reports, catalogues and answers --------------------------------------------------------------

HEAD = EVENT[EVENT.index(" xmlns:oadr") : EVENT.index(">") + 1]
REPORT = (
    "<oadr:oadrReport>{span}<strm:intervals><ei:interval>"
    "<xcal:dtstart><xcal:date-time>{begin}</xcal:date-time></xcal:dtstart>"
    "<oadr:oadrReportPayload><ei:rID>a</ei:rID><ei:payloadFloat><ei:value>{a}</ei:value>"
    "</ei:payloadFloat></oadr:oadrReportPayload>"
    "<oadr:oadrReportPayload><ei:rID>b</ei:rID><ei:payloadFloat><ei:value>2</ei:value>"
    "</ei:payloadFloat></oadr:oadrReportPayload></ei:interval></strm:intervals>"
    "<ei:reportRequestID>{request}</ei:reportRequestID><ei:reportSpecifierID>s</ei:reportSpecifierID>"
    "<ei:createdDateTime>2030-01-01T00:00:00Z</ei:createdDateTime></oadr:oadrReport>"
)
BEGIN = "2030-01-01T00:00:00Z"


def _update(*reports: str) -> reader.Reading:
    text = f"<oadr:oadrUpdateReport{HEAD}<pyld:requestID>r</pyld:requestID>{''.join(reports)}"
    return _both(etree.fromstring(text + "</oadr:oadrUpdateReport>"))


def test_a_value_that_cannot_be_read_spoils_no_other() -> None:
    reading = _update(REPORT.format(span="", begin=BEGIN, a="x", request="1"))
    record: Any = reading.record
    (interval,) = record.reports[0].intervals
    assert [payload.r_id for payload in interval.report_payloads] == ["b"]
    assert "was left out" in reading.deviations[0]


def test_a_report_that_cannot_be_read_spoils_no_other_and_its_ids_are_kept() -> None:
    record: Any = _update(
        REPORT.format(span="", begin="never", a="1", request="1"),
        REPORT.format(span="", begin=BEGIN, a="1", request="2"),
    ).record
    assert [report.report_request_id for report in record.reports] == ["2"]
    (faulty,) = record.faulty
    assert (faulty.report_request_id, faulty.report_specifier_id) == ("1", "s")
    assert "date-time" in faulty.error.path


def test_a_duration_of_a_report_that_makes_no_sense_is_left_out() -> None:
    span = "<xcal:duration><xcal:duration>long</xcal:duration></xcal:duration>"
    reading = _update(REPORT.format(span=span, begin=BEGIN, a="1", request="1"))
    record: Any = reading.record
    assert record.reports[0].duration is None
    assert len(record.reports[0].intervals[0].report_payloads) == 2


POINT = (
    "<oadr:oadrReportDescription><ei:rID>{r_id}</ei:rID><ei:reportType>usage</ei:reportType>"
    "<ei:readingType>Direct Read</ei:readingType>{rate}</oadr:oadrReportDescription>"
)


def test_a_data_point_that_cannot_be_read_spoils_no_other_and_an_empty_rate_is_none() -> None:
    points = POINT.format(r_id="a", rate="<oadr:oadrSamplingRate/>") + POINT.format(
        r_id="b", rate=""
    ).replace("<ei:rID>b</ei:rID>", "")
    text = (
        f"<oadr:oadrRegisterReport{HEAD}<pyld:requestID>r</pyld:requestID><oadr:oadrReport>{points}"
        "<ei:reportRequestID>0</ei:reportRequestID><ei:reportSpecifierID>s</ei:reportSpecifierID>"
        "<ei:createdDateTime>2030-01-01T00:00:00Z</ei:createdDateTime></oadr:oadrReport>"
        "</oadr:oadrRegisterReport>"
    )
    reading = _both(etree.fromstring(text))
    record: Any = reading.record
    (point,) = record.reports[0].report_descriptions
    assert (point.r_id, point.sampling_rate) == ("a", None)
    assert "oadrSamplingRate is empty." in reading.deviations[0]
    assert "was left out" in reading.deviations[1]


def test_an_answer_that_is_neither_in_nor_out_spoils_no_other() -> None:
    answer = (
        "<ei:eventResponse><ei:responseCode>200</ei:responseCode><pyld:requestID/>"
        "<ei:qualifiedEventID><ei:eventID>{id}</ei:eventID>" + NUMBER + "</ei:qualifiedEventID>"
        "<ei:optType>{opt}</ei:optType></ei:eventResponse>"
    )
    text = (
        f"<oadr:oadrCreatedEvent{HEAD}<pyld:eiCreatedEvent><ei:eiResponse>"
        "<ei:responseCode>200</ei:responseCode><pyld:requestID/></ei:eiResponse>"
        "<ei:eventResponses>"
        + answer.format(id="x", opt="none")
        + answer.format(id="y", opt="optin")
        + "</ei:eventResponses><ei:venID>v</ei:venID></pyld:eiCreatedEvent></oadr:oadrCreatedEvent>"
    )
    record: Any = _both(etree.fromstring(text)).record
    assert [(one.event_id, one.opt_type) for one in record.event_responses] == [("y", "optIn")]


@pytest.mark.parametrize("span", ["", "<xcal:duration/>"])
def test_a_request_without_spacing_and_end_is_read(span: str) -> None:
    text = (
        f"<oadr:oadrRegisteredReport{HEAD}<ei:eiResponse><ei:responseCode>200</ei:responseCode>"
        "<pyld:requestID/></ei:eiResponse><oadr:oadrReportRequest>"
        "<ei:reportRequestID>1</ei:reportRequestID><ei:reportSpecifier>"
        "<ei:reportSpecifierID>telemetry</ei:reportSpecifierID><oadr:reportInterval>"
        f"<xcal:properties><xcal:dtstart><oadr:date-time>{BEGIN}</oadr:date-time></xcal:dtstart>"
        f"{span}</xcal:properties></oadr:reportInterval></ei:reportSpecifier>"
        "</oadr:oadrReportRequest></oadr:oadrRegisteredReport>"
    )
    record: Any = _both(etree.fromstring(text)).record
    (request,) = record.report_requests
    assert request.report_specifier.report_interval.duration == timedelta(0)
    assert request.report_specifier.granularity is None


# --- the envelope ---------------------------------------------------------------------------------

ENVELOPE = (
    '<o:oadrPayload xmlns:o="{o}" xmlns:s="{s}"><s:oadrSignedObject>{payload}'
    "</s:oadrSignedObject>{{}}</o:oadrPayload>"
)


def _whole(outer: str, inner: str, beside: str = "", strict: bool = False) -> reader.Reading:
    text = ENVELOPE.format(o=outer, s=inner, payload=EVENT).format(beside)
    return reader.read_message(parsing.parse(text.encode()), strict=strict)


OADR, EI = namespace_of(tag("oadr:x")), namespace_of(tag("ei:x"))


@pytest.mark.parametrize(("outer", "inner", "notes"), [(OADR, EI, 1), (EI, OADR, 1), (EI, EI, 2)])
def test_the_envelope_may_be_of_a_neighbouring_namespace(
    outer: str, inner: str, notes: int
) -> None:
    reading = _whole(outer, inner)
    assert reading.record == WHOLE.record
    assert len(reading.deviations) == notes
    assert repr(EI) in reading.deviations[0]
    with pytest.raises(PayloadError):
        _whole(outer, inner, strict=True)


def test_a_message_without_any_namespace_is_read() -> None:
    text = re.sub(r' xmlns:\w+="[^"]*"', "", EVENT)
    text = re.sub(r"(</?|\s)(oadr|ei|xcal|strm|emix|pyld):", r"\1", text)
    text = f"<oadrPayload><oadrSignedObject>{text}</oadrSignedObject></oadrPayload>"
    reading = reader.read_message(parsing.parse(text.encode()))
    assert reading.record == WHOLE.record
    assert all("namespace" in note for note in reading.deviations)


def test_what_a_peer_adds_beside_the_object_of_an_unsigned_message_is_left_out() -> None:
    reading = _whole(OADR, OADR, '<TLS xmlns="urn:peer" cn="x"/>')
    assert reading.record == WHOLE.record
    assert reading.deviations == ("TLS is not known here and was left out.",)
    with pytest.raises(PayloadError):
        _whole(OADR, OADR, '<TLS xmlns="urn:peer"/>', strict=True)
    signature = f'<Signature xmlns="{namespace_of(tag("ds:x"))}"/>'
    for beside in (signature, f'<TLS xmlns="urn:peer">{signature}</TLS>'):
        with pytest.raises(PayloadError, match="more than a Signature"):
            _whole(OADR, OADR, beside)
