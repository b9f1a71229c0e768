"""The compiled reader against the careful one on damaged messages: the same record, deviations and
refusals, strict or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.oadr20b.codec.strategies import records
from tests.oadr20b.services.builders import distribute, event
from tests.shared import examples
from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.codec import envelope, parsing, plain_reader, reader
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema.common import FeatureCollection, Location, Polygon, ServiceArea, Target

EXAMPLES = Path(__file__).parents[2] / "data" / "wire-examples"
EI = "{http://docs.oasis-open.org/ns/energyinterop/201110}"
TEXTS = [
    "",
    " ",
    "x",
    "-1",
    "7",
    "1e400",
    "true",
    "TRUE",
    "2030-01-01T00:00:00Z",
    "PT1H",
    "P1Y",
    "optIn",
    "active",
]
PLACES = ["text", "tail"]


def _drop(elements: list[Any], data: Any) -> None:
    element = data.draw(st.sampled_from(elements))
    if element.getparent() is not None:
        element.getparent().remove(element)


def _double(elements: list[Any], data: Any) -> None:
    element = data.draw(st.sampled_from(elements))
    if element.getparent() is not None:
        element.addnext(etree.fromstring(etree.tostring(element, with_tail=False)))


def _swap(elements: list[Any], data: Any) -> None:
    element = data.draw(st.sampled_from(elements))
    if len(element) > 1:
        element.append(element[0])


def _retext(elements: list[Any], data: Any) -> None:
    data.draw(st.sampled_from(elements)).text = data.draw(st.sampled_from(TEXTS))


def _insert(elements: list[Any], data: Any) -> None:
    etree.SubElement(
        data.draw(st.sampled_from(elements)),
        EI + data.draw(st.sampled_from(["odd", "eventID", "value"])),
    )


def _beside(elements: list[Any], data: Any) -> None:
    element, place = data.draw(st.sampled_from(elements)), data.draw(st.sampled_from(PLACES))
    setattr(element, place, data.draw(st.sampled_from([*TEXTS, "\n  ", "\u00a0"])))


def _attribute(elements: list[Any], data: Any) -> None:
    name = data.draw(st.sampled_from([EI + "schemaVersion", "schemaVersion", "other"]))
    data.draw(st.sampled_from([elements[0], *elements])).set(
        name, data.draw(st.sampled_from(["2.0b", "3", ""]))
    )


DAMAGES: list[Callable[[list[Any], Any], None]] = [
    _drop,
    _double,
    _swap,
    _retext,
    _insert,
    _beside,
    _attribute,
]


def _read(element: Any, strict: bool, plain: bool = False) -> tuple[Any, ...]:
    try:
        reading = reader.read(element, strict=strict, plain=plain)
    except PayloadError as error:
        return (str(error), error.path)
    # as text: an event that could not be read has its error inside, and errors are equal to nothing
    return (repr(reading.record), repr(reading.record._values_of()), reading.deviations)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", sorted(PAYLOADS))
@examples(10)
@given(data=st.data())
def test_damaged_messages_are_read_the_same_way_by_both(name: str, strict: bool, data: Any) -> None:
    element = envelope.payload_of(
        parsing.parse(envelope.message(data.draw(records(PAYLOADS[name]))))
    )
    for damage in data.draw(st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3)):
        damage(list(element.iter("*")), data)
    assert _read(element, strict) == _read(element, strict, plain=True)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.xml")), ids=lambda path: path.stem)
def test_text_beside_elements_is_found_by_both_wherever_it_stands(path: Path) -> None:
    element = envelope.payload_of(parsing.parse(path.read_bytes()))
    of_each_kind = {each.tag: each for each in element.iter("*") if each is not element}
    for each in of_each_kind.values():
        each.tail, usual = "stray", each.tail
        found = _read(element, False)
        assert found == _read(element, False, plain=True)
        assert "stray" in str(found)
        each.tail = usual


@pytest.mark.parametrize(
    "example, name",
    [
        ("02-created-party-registration-for-query", "responseDescription"),
        ("17-event-tolerance-test", "testEvent"),
    ],
)
def test_empty_cdata_is_an_empty_element_to_both(example: str, name: str) -> None:
    root = parsing.parse((EXAMPLES / f"{example}.xml").read_bytes())
    element = next(root.iter(f"{{*}}{name}"))
    element.text = ""  # what lxml makes of <![CDATA[]]>, where a really empty element has None
    payload = envelope.payload_of(root)

    assert _read(payload, False) == _read(payload, False, plain=True)


def test_an_element_inside_a_text_is_a_deviation() -> None:
    text = (
        b'<oadr:oadrPoll xmlns:oadr="http://openadr.org/oadr-2.0b/2012/07" ei:schemaVersion="2.0b" '
        b'xmlns:ei="http://docs.oasis-open.org/ns/energyinterop/201110"><ei:venID>v<ei:odd/></ei:venID></oadr:oadrPoll>'
    )
    assert "only text belongs" in reader.read(etree.fromstring(text)).deviations[0]
    with pytest.raises(PayloadError, match="only text belongs"):
        reader.read(etree.fromstring(text), strict=True)


@pytest.mark.parametrize("strict", [False, True])
def test_a_message_that_keeps_to_the_schema_never_reaches_the_plain_reader(strict: bool) -> None:
    for path in EXAMPLES.glob("*.xml"):
        payload = envelope.payload_of(parsing.parse(path.read_bytes()))
        if not reader.read(payload).deviations:
            with pytest.MonkeyPatch.context() as patch:
                patch.delattr(plain_reader, "read_record")
                reader.read(payload, strict=strict, plain=False)


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("text", ["", " \n ", None])
def test_a_list_of_no_numbers_is_a_list(text: Optional[str], plain: bool) -> None:
    area = ServiceArea(FeatureCollection(location=Location(polygon=Polygon(positions=(1.0, 2.0)))))
    message = distribute(event("a", targets=(Target(service_area=area),)))
    element = envelope.payload_of(parsing.parse(envelope.message(message)))
    (positions,) = element.iter("{http://www.opengis.net/gml/3.2}posList")
    positions.text = text

    read = reader.read(element, plain=plain).record

    assert read.faulty == ()
    (target,) = read.events[0].targets
    assert target.service_area.feature_collection.location.polygon.positions == ()
