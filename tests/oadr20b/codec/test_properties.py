"""For every payload: what is written is valid, reads as the same record, and both ways of doing
each agree.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.oadr20b.codec.strategies import records
from tests.shared import examples
from ven_sdk.oadr20b.codec import envelope, parsing, plain_reader, reader, writer
from ven_sdk.oadr20b.codec.findings import Findings
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.schema import plain
from ven_sdk.schema.common import URI, Payload

NAMES = sorted(PAYLOADS)


def _received(record: Payload) -> Any:
    return envelope.payload_of(parsing.parse(envelope.message(record)), strict=True)


def _canonical(element: Any) -> bytes:
    text: bytes = etree.tostring(element, method="c14n", exclusive=True)
    return text


@pytest.mark.parametrize("name", NAMES)
@examples(25)
@given(data=st.data())
def test_what_is_written_is_valid_against_the_official_schema(
    name: str, data: Any, xsd: Any
) -> None:
    record = data.draw(records(PAYLOADS[name]))
    xsd.assertValid(etree.fromstring(envelope.message(record)))


@pytest.mark.parametrize("name", NAMES)
@examples(25)
@given(data=st.data())
def test_what_is_written_reads_as_the_same_record(name: str, data: Any) -> None:
    record = data.draw(records(PAYLOADS[name]))
    reading = reader.read(_received(record))
    assert reading.record == record
    assert all("testEvent is not 'false'" in remark for remark in reading.deviations)
    assert hash(reading.record) == hash(record)


@pytest.mark.parametrize("name", NAMES)
@examples(15)
@given(data=st.data())
def test_compiled_and_plain_reading_agree(name: str, data: Any) -> None:
    record = data.draw(records(PAYLOADS[name]))
    element = _received(record)
    findings = Findings(strict=True)
    plainly = plain_reader.read_record(type(record), element, findings)
    compiled = reader.read(element, plain=False).record
    assert compiled == plainly
    assert compiled._values_of() == plainly._values_of()
    assert all("testEvent is not 'false'" in remark for remark in findings.notes)


@pytest.mark.parametrize("name", NAMES)
@examples(15)
@given(data=st.data())
def test_compiled_writing_equals_the_e_factory(name: str, data: Any) -> None:
    record = data.draw(records(PAYLOADS[name]))
    assert _canonical(writer.element(record)) == _canonical(writer.element(record, plain=True))


@pytest.mark.parametrize("name", NAMES)
@examples(10)
@given(data=st.data())
def test_a_record_survives_the_store_and_its_own_dict(name: str, data: Any) -> None:
    cls = PAYLOADS[name]
    record = data.draw(records(cls))
    again = plain.load(cls, plain.dump(record))
    assert again == record
    assert again._values_of() == record._values_of()
    assert cls.from_dict(record.to_dict()).to_dict() == record.to_dict()
    assert record == record.to_dict()


@examples(200)
@given(
    text=st.text(st.sampled_from("ab:/?#[]@!%20{}<> \\^~é\t"), max_size=10)
    | st.from_regex(URI, fullmatch=True)
)
def test_every_uri_that_is_written_is_one_for_the_schema(text: str, xsd: Any) -> None:
    import re

    from ven_sdk.objects import CreateOpt

    if not re.fullmatch(URI, text) or not text:
        return
    record = CreateOpt(
        opt_id="o",
        opt_type="optIn",
        opt_reason="economic",
        ven_id="v",
        request_id="r",
        market_context=text,
        created_date_time=_moment(),
    )
    xsd.assertValid(etree.fromstring(envelope.message(record)))


def _moment() -> Any:
    from datetime import datetime, timezone

    return datetime(2030, 1, 1, tzinfo=timezone.utc)
