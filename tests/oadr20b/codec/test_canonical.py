"""What is signed as text is, byte for byte, what canonicalisation makes of the tree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.oadr20b.codec.strategies import records
from tests.shared import examples
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.oadr20b.schema.payloads import PAYLOADS
from ven_sdk.oadr20b.schema.registration import Poll


def _canonical(record: Any) -> bytes:
    canonical: bytes = etree.tostring(envelope.wrap(record)[0], method="c14n")
    return canonical


@pytest.mark.parametrize("name", sorted(PAYLOADS))
@examples(40)
@given(data=st.data())
def test_the_object_to_be_signed_is_canonical(name: str, data: Any) -> None:
    record = data.draw(records(PAYLOADS[name]))
    assert envelope.signed_object(record) == _canonical(record)


@pytest.mark.parametrize(
    "ven_id",
    [
        "v",
        "a&b",
        "a<b>c",
        "tab\there",
        "line\nend",
        "carriage\rreturn",
        "Zürich \U0001f50c",
        "'\"",
        "]]>",
    ],
)
def test_texts_that_canonical_form_writes_in_its_own_way(ven_id: str) -> None:
    record = Poll(ven_id=ven_id)
    assert envelope.signed_object(record) == _canonical(record)
