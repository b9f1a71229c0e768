"""The watch over what VENs send finds what it should: a suite that validates nothing would say 0
invalid as well.
"""

from __future__ import annotations

import threading

import pytest
from lxml import etree

from tests.xsd_watch import XsdWatch, schema_file

pytestmark = pytest.mark.skipif(
    schema_file() is None, reason="openleadr, which has the official XSD, is not installed"
)

OADR = "http://openadr.org/oadr-2.0b/2012/07"
EI = "http://docs.oasis-open.org/ns/energyinterop/201110"


def poll(ven_id: str = "<ei:venID>ven1</ei:venID>") -> bytes:
    return (
        f'<oadrPayload xmlns="{OADR}" xmlns:ei="{EI}"><oadrSignedObject>'
        f'<oadrPoll ei:schemaVersion="2.0b">{ven_id}</oadrPoll></oadrSignedObject></oadrPayload>'
    ).encode()


def test_a_valid_message_is_counted_and_no_fault() -> None:
    watch = XsdWatch()
    watch.see(poll())

    assert watch.faults() == []
    assert (watch.checked, watch.invalid) == (1, 0)


@pytest.mark.parametrize(
    ("body", "reason"), [(poll(ven_id=""), "venID"), (b"<oadrPoll", "not XML"), (b"", "not XML")]
)
def test_a_fault_says_what_is_wrong_and_shows_the_message(body: bytes, reason: str) -> None:
    watch = XsdWatch()
    watch.see(body)

    (fault,) = watch.faults()

    assert reason in fault
    assert body.decode() in fault
    assert watch.faults() == []
    assert watch.invalid == 1


def test_a_watched_function_does_what_it_did() -> None:
    watch = XsdWatch()
    sent: list[object] = []

    class Wire:
        def post(self, url: str, body: bytes, *, timeout: float = 1.0) -> str:
            sent.append((url, body, timeout))
            return "reply"

    Wire.post = watch.watched(Wire.post)  # type: ignore[method-assign]

    assert Wire().post("/EiEvent", b"<x/>", timeout=3.0) == "reply"
    assert Wire().post("/EiEvent", body=poll()) == "reply"
    assert sent == [("/EiEvent", b"<x/>", 3.0), ("/EiEvent", poll(), 1.0)]
    assert (len(watch.faults()), watch.checked) == (1, 2)


def test_of_many_messages_all_are_validated_and_few_kept() -> None:
    watch = XsdWatch(keep=10)
    threads = [
        threading.Thread(target=lambda: [watch.see(poll()) for _ in range(55)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert watch.checked == 220
    assert watch.faults() == []


def test_the_official_schema_is_the_one_of_2_0b(xsd: etree.XMLSchema) -> None:
    xsd.assertValid(etree.fromstring(poll()))
    with pytest.raises(etree.DocumentInvalid):
        xsd.assertValid(etree.fromstring(poll().replace(b"2012/07", b"2011/07")))
