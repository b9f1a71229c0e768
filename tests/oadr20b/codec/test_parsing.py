"""The safe parser: what harms is refused with a PayloadError, what is merely unusual gets in."""

from __future__ import annotations

import codecs
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring as defused_fromstring
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from tests.shared import examples
from ven_sdk.errors import PayloadError
from ven_sdk.oadr20b.codec import parsing
from ven_sdk.oadr20b.codec.parsing import parse

WIRE = Path(__file__).resolve().parents[2] / "data" / "wire-examples"
EVENT = (WIRE / "13-event-price-intervals.xml").read_bytes()
SIGNED = (WIRE / "40-signed-poll.xml").read_bytes()
LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 9)
)
DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>'
MEGABYTE = 2**20

HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "white space": b"  \n ",
    "text": b"hello",
    "JSON": b'{"a": 1}',
    "HTML": b"<!DOCTYPE html><html><head><meta charset=utf-8></head></html>",
    "HTML without a doctype": b"<html><br></html>",
    "a DTD": b"<!DOCTYPE a><a/>",
    "a DTD behind a comment": b"<!-- x --><?y z?>\n" * 500 + b"<!DOCTYPE a><a/>",
    "a DTD behind a long comment": b"<!--" + b"x" * 100_000 + b"--><!DOCTYPE a><a/>",
    "a DTD behind the root": b"<a/><!DOCTYPE a>",
    "a DTD in the root": b"<a><!DOCTYPE a></a>",
    "an internal entity": b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "an entity that nobody declared": b"<a>&x;</a>",
    "exponential entities": b'<!DOCTYPE a [<!ENTITY l0 "ha">' + LAUGHS + b"]><a>&l8;</a>",
    "quadratic entities": b'<!DOCTYPE a [<!ENTITY x "'
    + b"x" * 100_000
    + b'">]><a>'
    + b"&x;" * 10_000
    + b"</a>",
    "linear entities": b'<!DOCTYPE a [<!ENTITY x "y">]><a>' + b"&x;" * 1000 + b"</a>",
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    "an external DTD": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "an external parameter entity": b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> '
    b"%x;]><a/>",
    "an attribute default": b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
    "UTF-16 with a mark": "<a/>".encode("utf-16"),
    "UTF-16 without a mark": "<a/>".encode("utf-16-le"),
    "UTF-32": "<a/>".encode("utf-32"),
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?><a>+ADw-b/+AD4-</a>',
    "a declared UTF-16": b'<?xml version="1.0" encoding="UTF-16"?><a/>',
    "a UTF-16 declared far off": b'<?xml version="1.0"' + b" " * 300 + b'encoding="UTF-16"?><a/>',
    "a declared Latin-1": b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
    "a declared nonsense": b'<?xml version="1.0" encoding="nonsense"?><a/>',
    "EBCDIC": "<?xml version='1.0'?><a/>".encode("cp037"),
    "Latin-1": "<a>é</a>".encode("latin-1"),
    "an overlong form": b"<a>\xc0\xbcb/></a>",
    "a surrogate": b"<a>\xed\xa0\x80</a>",
    "a surrogate by number": b"<a>&#xD800;</a>",
    "NUL": b"<a>\x00</a>",
    "NUL by number": b"<a>&#0;</a>",
    "a control character": b"<a>\x08</a>",
    "two roots": b"<a/><b/>",
    "text behind the root": b"<a/>x",
    "an unknown prefix": b"<a:b/>",
    "an attribute twice": b'<a b="1" b="2"/>',
    "an attribute twice by two prefixes": b'<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
    "a bound xml prefix": b'<a xmlns:xml="urn:x"/>',
    "a gzip": b"\x1f\x8b\x08\x00" + b"x" * 50,
    "depth 100,000": b"<a>" * 100_000 + b"</a>" * 100_000,
    "depth 100,000, unclosed": b"<a>" * 100_000,
    "a million elements": b"<a>" + b"<a/>" * 1_000_000 + b"</a>",
    "a million elements with as many comments": b"<a>" + b"<a/><!--</-->" * 600_000 + b"</a>",
    "a text of 11 MB": b"<a>" + b"x" * (11 * MEGABYTE) + b"</a>",
    "a tag of 12 MB": b"<" + b"a" * (12 * MEGABYTE) + b"/>",
    "a tag of 12 MB that never ends": b"<" + b"a" * (12 * MEGABYTE),
    "an attribute of 12 MB": b'<a b="' + b"x" * (12 * MEGABYTE) + b'"/>',
    "17 MB": b"<a>" + b"<b>text</b>" * (17 * MEGABYTE // 11) + b"</a>",
    "100 MB": b"x" * (100 * MEGABYTE),
    "1,000 attributes": b"<a " + b" ".join(b'b%d="1"' % i for i in range(1000)) + b"/>",
    "100,000 attributes": b"<a " + b" ".join(b'b%d="1"' % i for i in range(100_000)) + b"/>",
    "1,000 namespaces": b"<a " + b" ".join(b'xmlns:b%d="u"' % i for i in range(1000)) + b"/>",
    "namespaces piling up": b"".join(
        b'<a xmlns:b="u%d" xmlns:c="u" xmlns:d="u">' % i for i in range(200)
    )
    + b"<x/>" * 1000
    + b"</a>" * 200,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_harms_is_refused_quickly(kind: str) -> None:
    data = HOSTILE[kind]
    begin = time.perf_counter()

    with pytest.raises(PayloadError) as caught:
        parse(data)

    assert time.perf_counter() - begin < 5
    assert caught.value.response_code == "454"
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("size", range(1, len(EVENT) - 1, max(1, len(EVENT) // 40)))
def test_a_truncated_message_is_refused(size: int) -> None:
    with pytest.raises(PayloadError):
        parse(EVENT[: len(EVENT.rstrip()) - size])


GOOD: dict[str, bytes] = {
    "an event": EVENT,
    "a signed poll": SIGNED,
    "no declaration": b"<a/>",
    "lines before a declaration": b"\r\n \t" + DECLARATION + b"<a/>",
    "a byte order mark and a line": codecs.BOM_UTF8 + b"\n" + DECLARATION + "<a>é</a>".encode(),
    "a declaration without encoding": b'<?xml version="1.0"?><a/>',
    "a long declaration": b'<?xml version="1.0"' + b" " * 300 + b'encoding="utf-8"?><a/>',
    "single quotes": b"<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><a/>",
    "a byte order mark": codecs.BOM_UTF8 + b"<a/>",
    "a byte order mark and a declaration": codecs.BOM_UTF8 + DECLARATION + b"<a/>",
    "ASCII declared": b'<?xml version="1.0" encoding="us-ascii"?><a/>',
    "comments before the root": DECLARATION + b"<!-- x -->" * 500 + b"<a/>",
    "a root tag over several steps": b"<a " + b" " * 5000 + b"/>",
    "a root tag that ends just behind a step": b"<a " + b" " * 513 + b"/>",
    "a name that begins like a DTD": b"<a><DOCTYPE/>&lt;!DOCTYPE</a>",
    "a DTD in CDATA": b"<a><![CDATA[<!DOCTYPE a>]]></a>",
    "depth 100": b"<a>" * 100 + b"</a>" * 100,
    "100,000 elements": b"<a>" + b"<b>text</b>" * 100_000 + b"</a>",
    "256 attributes": b"<a " + b" ".join(b'b%d="1"' % i for i in range(256)) + b"/>",
    "15 namespaces on each of 12 levels": b"".join(
        b"<a " + b" ".join(b'xmlns:n%d="u%d"' % (i, i) for i in range(15)) + b">" for _ in range(12)
    )
    + b"</a>" * 12,
    "base64 with many equal signs": b"<a>" + b"<b>QQ==</b>" * 1000 + b"</a>",
    "an emoji": "<a>\U0001f50c</a>".encode(),
}


def test_a_wrong_declaration_is_refused_every_time() -> None:
    for _ in range(3):
        with pytest.raises(PayloadError, match="declares the encoding 'UTF-16'"):
            parse(HOSTILE["a declared UTF-16"])


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_merely_unusual_gets_in(kind: str) -> None:
    assert etree.QName(parse(GOOD[kind])).localname in ("a", "oadrPayload")


@pytest.mark.parametrize(
    "kind", [kind for kind, data in HOSTILE.items() if data.lstrip().startswith(b"<!DOCTYPE")]
)
def test_a_dtd_never_reaches_lxml(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "safe_parser", None)

    with pytest.raises(PayloadError, match="refused unread"):
        parse(HOSTILE[kind])


def test_comments_and_instructions_are_gone_and_the_text_is_whole() -> None:
    root = parse(b"<?p q?><a>on<!-- x -->e<?y z?> two</a><!-- end -->")

    assert root.text == "one two"
    assert list(root) == []


def test_verbatim_keeps_what_may_have_been_signed() -> None:
    root = parse(b"<a>on<!-- x -->e<?y z?> two</a>", verbatim=True)

    assert etree.tostring(root) == b"<a>on<!-- x -->e<?y z?> two</a>"


@pytest.mark.parametrize(
    "between, kept",
    [(" \n\t", ""), ("&#32;", " "), ("<![CDATA[ ]]>", " "), (" x ", " x "), ("\u00a0", "\u00a0")],
)
def test_white_space_between_elements_is_gone_and_nothing_else(between: str, kept: str) -> None:
    root = parse(f"<a>{between}<b> </b>{between}<c>  y </c></a>".encode())

    assert (root.text or "", root[0].text, root[0].tail or "", root[1].text) == (
        (kept, " ", kept, "  y ")
    )


def test_white_space_stays_in_what_may_be_signed_and_in_feeds() -> None:
    feed = b'<a> <feed xmlns="http://www.w3.org/2005/Atom"><b>x</b> <i>y</i></feed></a>'

    assert etree.tostring(parse(b"<a> <b/> </a>", verbatim=True)) == b"<a> <b/> </a>"
    assert etree.tostring(parse(feed)) == feed


def test_cdata_becomes_text() -> None:
    assert parse(b"<a>1 <![CDATA[< 2]]></a>").text == "1 < 2"


def test_the_byte_cap_is_the_callers() -> None:
    with pytest.raises(PayloadError, match="has 11 bytes, but max_response_size is 10"):
        parse(b"<a>text</a>", max_bytes=10)
    assert parse(b"<a>text</a>", max_bytes=11).text == "text"


def test_the_depth_is_bounded_as_libxml2_bounds_it() -> None:
    assert parse(b"<a>" * 250 + b"</a>" * 250) is not None
    with pytest.raises(PayloadError, match="depth"):
        parse(b"<a>" * 300 + b"</a>" * 300)


def test_elements_are_counted_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MAX_ELEMENTS", 1000)
    monkeypatch.setattr(parsing, "_MANY", 4000)

    assert len(parse(b"<a>" + b"<b></b>" * 999 + b"</a>")) == 999
    with pytest.raises(PayloadError, match="more than 1000 elements"):
        parse(b"<a>" + b"<b></b>" * 1000 + b"</a>")


def test_a_refused_bomb_takes_no_memory() -> None:
    data = HOSTILE["a million elements"]
    tracemalloc.start()
    try:
        with pytest.raises(PayloadError):
            parse(data)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data)
    finally:
        tracemalloc.stop()


def test_threads_do_not_share_a_parser() -> None:
    texts: list[str] = []

    def work(number: int) -> None:
        for turn in range(200):
            texts.append(parse(b"<a>%d-%d</a>" % (number, turn)).text or "")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(texts) == sorted(f"{number}-{turn}" for number in range(8) for turn in range(200))


# --- fuzzing --------------------------------------------------------------------------------------

PIECES = [
    b"<!DOCTYPE a>",
    b"<!ENTITY x 'y'>",
    b"&x;",
    b"&amp;",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<a>",
    b"</a>",
    b"<a/>",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"&#xD800;",
    b"]>",
    b" ",
    b"xmlns:a='b'",
    b"xmlns=''",
    b"<",
    b">",
    b"'",
    b'"',
    b"=",
    b"\xed\xa0\x80",
    b"NaN",
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A wire example with a few cuts, swaps and hostile pieces in it."""
    data = draw(st.sampled_from([EVENT, SIGNED, b"<a>text</a>", DECLARATION + b"<a b='c'/>"]))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 40)))
        data = data[:begin] + draw(st.sampled_from(PIECES) | st.binary(max_size=6)) + data[end:]
    return data


@given(
    mutations()
    | st.binary(max_size=60)
    | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
)
@examples(400)
@example(b"<a><!DOCTYPE a></a>")
def test_the_gate_raises_payload_error_or_gives_what_defusedxml_lets_pass_too(data: bytes) -> None:
    try:
        root = parse(data)
    except PayloadError:
        return
    # Only the prolog went through defusedxml: the whole must find its consent as well.
    assert defused_fromstring(data, forbid_dtd=True) is not None  # it would raise
    assert all(isinstance(element.tag, str) for element in root.iter())
