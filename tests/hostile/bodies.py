"""Hostile replies without signature: what each is, and what the VEN must say about it.

Every one that holds an event holds one that would be believed, were it not for what is wrong with
it.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Iterator
from typing import Callable, NamedTuple

from tests.hostile.stage import Message, Stage
from ven_sdk.testing import Raw

MEGABYTE = 2**20
OADR = b"http://openadr.org/oadr-2.0b/2012/07"
LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10)
)
COMMENT = b"nobody may see this"


class Row(NamedTuple):
    """One hostile reply, and a pattern for the sentence that must be logged about it."""

    make: Callable[[Stage], Message]
    words: str


def edited(*changes: tuple[bytes, bytes], **facts: object) -> Callable[[Stage], Message]:
    """The evil list with texts replaced once each; the evil event comes first in it."""

    def make(stage: Stage) -> bytes:
        data = stage.evil_list(**facts)
        for old, new in changes:
            assert old in data, f"the row is out of date: {old!r} is not in the message"
            data = data.replace(old, new, 1)
        return data

    return make


def cut_out(tag: bytes, times: int = 0) -> Callable[[Stage], Message]:
    """The evil list without (or with several of) the first element of that name."""

    def make(stage: Stage) -> bytes:
        data = stage.evil_list()
        found = re.search(rb"<%s[ >].*?</%s>" % (tag, tag), data, re.DOTALL)
        assert found is not None
        return data.replace(found.group(), found.group() * times, 1)

    return make


def with_dtd(internal: bytes, comment: bytes = COMMENT) -> Callable[[Stage], Message]:
    """The evil list behind a DTD, with a reference in place of its comment."""

    def make(stage: Stage) -> bytes:
        data = stage.evil_list().replace(COMMENT, comment, 1)
        return data.replace(b"?>\n", b"?>\n<!DOCTYPE x " + internal + b">", 1)

    return make


def blocks(size: int, block: bytes = b" " * 65536) -> Iterator[bytes]:
    """``size`` bytes of white space, made as they are sent."""
    return itertools.repeat(block, size // len(block))


def plain(message: Message) -> Callable[[Stage], Message]:
    return lambda stage: message


def payload(value: bytes) -> Callable[[Stage], Message]:
    return edited((b"<ei:payloadFloat><ei:value>3<", b"<ei:payloadFloat><ei:value>" + value + b"<"))


def start(value: bytes) -> Callable[[Stage], Message]:
    def make(stage: Stage) -> bytes:
        return re.sub(
            rb"(<xcal:dtstart><xcal:date-time>)[^<]*", rb"\g<1>" + value, stage.evil_list(), count=1
        )

    return make


def duration(value: bytes) -> Callable[[Stage], Message]:
    return edited((b"<xcal:duration>PT10M<", b"<xcal:duration>" + value + b"<"))


def gzipped(stage: Stage) -> Message:
    return Raw(gzip.compress(stage.evil_list()), headers={"Content-Encoding": "gzip"})


def bomb(layers: int) -> Message:
    data = b"<a>" + b" " * (50 * MEGABYTE) + b"</a>"
    for _ in range(layers):
        data = gzip.compress(data)
    return Raw(data, headers={"Content-Encoding": ", ".join(["gzip"] * layers)})


def one_namespace_short(stage: Stage) -> Message:
    return stage.evil_list().replace(
        b'xmlns:xcal="urn:ietf:params:xml:ns:icalendar-2.0"', b'xmlns:xcal="urn:x"', 1
    )


NOT_XML = "is not well-formed XML"
CODED = "is encoded with '.*although"
"""One reason for all codings: the second is counted."""
DTD = "has a document type declaration or an entity"
FOREIGN = "is no OpenADR 2.0b message"
UNREADABLE = "could not be read"
DEEP = b"<a>" * 100_000

BODIES: dict[str, Row] = {
    # entities and DTDs
    "linear entity expansion": Row(with_dtd(b'[<!ENTITY x "y">]', b"&x;" * 1000), DTD),
    "quadratic entity expansion": Row(
        with_dtd(b'[<!ENTITY x "' + b"x" * 50_000 + b'">]', b"&x;" * 5000), DTD
    ),
    "exponential entity expansion": Row(
        with_dtd(b'[<!ENTITY l0 "ha">' + LAUGHS + b"]", b"&l9;"), DTD
    ),
    "an external entity, a file": Row(
        with_dtd(b'[<!ENTITY x SYSTEM "file:///etc/hostname">]', b"&x;"), DTD
    ),
    "an external entity, a URL": Row(
        with_dtd(b'[<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]', b"&x;"), DTD
    ),
    "an external parameter entity": Row(
        with_dtd(b'[<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]'), DTD
    ),
    "an external DTD": Row(with_dtd(b'SYSTEM "http://127.0.0.1:9/x.dtd"'), DTD),
    "a public DTD": Row(with_dtd(b'PUBLIC "-//OASIS//DTD" "http://127.0.0.1:9/x.dtd"'), DTD),
    "an empty DTD": Row(with_dtd(b"[]"), DTD),
    "an attribute default": Row(with_dtd(b'[<!ATTLIST oadr:oadrPayload x CDATA "y">]'), DTD),
    "an entity that nobody declared": Row(edited((COMMENT, b"&x;")), NOT_XML),
    # encodings
    "UTF-16": Row(
        lambda stage: stage.evil_list().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "is not UTF-8",
    ),
    "UTF-16 without a mark": Row(
        lambda stage: stage.evil_list()[38:].decode().encode("utf-16-le"), NOT_XML
    ),
    "UTF-32": Row(lambda stage: stage.evil_list()[38:].decode().encode("utf-32"), "is not UTF-8"),
    "UTF-7": Row(edited((b"UTF-8", b"UTF-7")), "declares the encoding"),
    "a declared Latin-1": Row(edited((b"UTF-8", b"ISO-8859-1")), "declares the encoding"),
    "bytes that are no UTF-8": Row(edited((COMMENT, b"\xff\xfe")), "is not UTF-8: byte 0xff"),
    "NUL": Row(edited((COMMENT, b"\x00")), NOT_XML),
    "a control character by number": Row(edited((COMMENT, b"&#8;")), NOT_XML),
    # sizes
    "100 MB, said beforehand": Row(
        lambda stage: Raw(
            blocks(100 * MEGABYTE), headers={"Content-Length": str(100 * MEGABYTE)}, ending="close"
        ),
        "is larger than 16777216 bytes",
    ),
    "100 MB in chunks": Row(
        lambda stage: Raw(blocks(100 * MEGABYTE)), "is larger than 16777216 bytes"
    ),
    "100 MB until the end": Row(
        lambda stage: Raw(blocks(100 * MEGABYTE), ending="close"), "is larger than 16777216 bytes"
    ),
    "an endless body": Row(
        lambda stage: Raw(itertools.repeat(b" " * 65536)), "is larger than 16777216 bytes"
    ),
    "a gzip": Row(gzipped, CODED),
    "a gzip bomb": Row(lambda stage: bomb(1), CODED),
    "a gzip bomb in a gzip bomb": Row(lambda stage: bomb(2), CODED),
    "a gzip that does not say so": Row(
        lambda stage: gzip.compress(stage.evil_list()), "is not UTF-8"
    ),
    "deflate": Row(
        lambda stage: Raw(
            zlib.compress(stage.evil_list()), headers={"Content-Encoding": "deflate"}
        ),
        CODED,
    ),
    "depth 100,000": Row(plain(DEEP + DEEP.replace(b"<", b"</")), NOT_XML),
    "depth 100,000 in a comment's place": Row(
        edited((COMMENT, DEEP + DEEP.replace(b"<", b"</"))), NOT_XML
    ),
    "a million elements": Row(
        edited((COMMENT, b"<a/>" * 1_000_000)), "has more than 500000 elements"
    ),
    "a text of 11 MB": Row(edited((COMMENT, b"x" * (11 * MEGABYTE))), NOT_XML),
    "1,000 attributes": Row(
        edited(
            (
                b"<ei:vtnComment>",
                b"<ei:vtnComment %s>" % b" ".join(b'b%d="1"' % i for i in range(1000)),
            )
        ),
        "has more than 256 attributes",
    ),
    "1,000 namespaces": Row(
        edited(
            (
                b"<ei:vtnComment>",
                b"<ei:vtnComment %s>" % b" ".join(b'xmlns:b%d="u%d"' % (i, i) for i in range(1000)),
            )
        ),
        "namespace declarations are in scope",
    ),
    # what is no message
    "white space": Row(plain(b" \n \t<!-- nothing -->"), "no root element|not well-formed"),
    "text": Row(plain(b"Service temporarily unavailable"), NOT_XML),
    "JSON": Row(plain(b'{"oadrDistributeEvent": {}}'), NOT_XML),
    "HTML": Row(plain(b"<!DOCTYPE html><html><head><meta charset=utf-8></head></html>"), DTD),
    "HTML without a doctype": Row(plain(b"<html><body>Welcome</body></html>"), FOREIGN),
    "SOAP": Row(
        lambda stage: (
            b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            + stage.evil_list()[39:]
            + b"</s:Body></s:Envelope>"
        ),
        FOREIGN,
    ),
    "a wrong root": Row(
        edited(
            (b"<oadr:oadrPayload ", b"<oadr:oadrMessage "),
            (b"</oadr:oadrPayload>", b"</oadr:oadrMessage>"),
        ),
        FOREIGN,
    ),
    "a wrong namespace": Row(edited((OADR, b"http://openadr.org/oadr-2.0c/2020/01")), FOREIGN),
    "the namespace of 2.0a": Row(
        edited((OADR, b"http://openadr.org/oadr-2.0a/2012/07")), "OpenADR 2.0a"
    ),
    "another namespace for the times": Row(one_namespace_short, UNREADABLE),
    "an unknown payload": Row(
        edited(
            (b"<oadr:oadrDistributeEvent ", b"<oadr:oadrObeyEvent "),
            (b"</oadr:oadrDistributeEvent>", b"</oadr:oadrObeyEvent>"),
        ),
        "'oadrObeyEvent' is no payload",
    ),
    "no payload at all": Row(
        lambda stage: re.sub(
            rb"<oadr:oadrDistributeEvent.*</oadr:oadrDistributeEvent>", b"", stage.evil_list()
        ),
        "elements, expected one payload",
    ),
    "two payloads": Row(cut_out(b"oadr:oadrDistributeEvent", 2), "elements, expected one payload"),
    "two signed objects": Row(cut_out(b"oadr:oadrSignedObject", 2), "holds 2 oadrSignedObject"),
    "two documents": Row(lambda stage: stage.evil_list() + stage.evil_list()[39:], NOT_XML),
    "something behind the signed object": Row(
        edited((b"</oadr:oadrPayload>", b"<oadr:oadrExtra/></oadr:oadrPayload>")),
        "holds more than a Signature",
    ),
    # what would fill a log
    "a root with a name of 40,000 characters": Row(plain(b"<" + b"x" * 40_000 + b"/>"), FOREIGN),
    "a namespace of 9 MB": Row(plain(b'<a xmlns="' + b"x" * (9 * MEGABYTE) + b'"/>'), FOREIGN),
    "an unknown element with a name of 40,000 characters": Row(
        edited(
            (b"<ei:eventID>evil", b"<ei:event>evil"),
            (b"</ei:eventID>", b"<%s/></ei:event>" % (b"x" * 40_000)),
        ),
        "eventID is missing",
    ),
    "an eventID of 100 KB": Row(
        edited(
            (b"<ei:payloadFloat><ei:value>3<", b"<ei:payloadFloat><ei:value>NaN<"),
            event_id="evil" + "x" * 100_000,
        ),
        "could not be read",
    ),
    "a text of 9 MB for a number": Row(
        payload(b"x" * (9 * MEGABYTE)), "has more than 1000 characters"
    ),
    # elements twice or not at all
    "no eventID": Row(cut_out(b"ei:eventID"), "eventID is missing"),
    "no modificationNumber": Row(
        cut_out(b"ei:modificationNumber"), "modificationNumber is missing"
    ),
    "no dtstart": Row(cut_out(b"xcal:dtstart"), "dtstart is missing|could not be read"),
    "no signals": Row(cut_out(b"ei:eiEventSignals"), "has no signal with intervals"),
    "no intervals": Row(cut_out(b"ei:interval"), "has no signal with intervals"),
    "no active period": Row(cut_out(b"ei:eiActivePeriod"), UNREADABLE),
    "two eventIDs": Row(cut_out(b"ei:eventID", 2), "stands there twice"),
    "two starts": Row(cut_out(b"xcal:dtstart", 2), "stands there twice"),
    "two descriptors": Row(cut_out(b"ei:eventDescriptor", 2), "stands there twice"),
    "two payloads in an interval": Row(cut_out(b"ei:payloadFloat", 2), "stands there twice"),
    # dates and durations
    "the 31st of February": Row(start(b"2030-02-31T00:00:00Z"), "is not a date that exists"),
    "the year 0": Row(start(b"0000-01-01T00:00:00Z"), "is not a date that exists"),
    "the year 99999": Row(start(b"99999-01-01T00:00:00Z"), "is no date and time"),
    "a second before the end of the calendar": Row(
        start(b"9999-12-31T23:59:59Z"), "beyond the calendar"
    ),
    "an offset of 99 hours": Row(start(b"2030-01-01T00:00:00+99:00"), "is not a date that exists"),
    "a start in words": Row(start(b"tomorrow"), "is no date and time"),
    "a start of a megabyte": Row(start(b"2030-01-01T00:00:00Z" * 50_000), "is no date and time"),
    "a duration of 10^12 years": Row(
        duration(b"P1000000000000Y"), "is longer than a thousand years"
    ),
    "a duration of a million digits": Row(
        duration(b"PT" + b"9" * MEGABYTE + b"S"), "is longer than a thousand years"
    ),
    "a negative duration": Row(duration(b"-PT10M"), "is negative"),
    "a duration in words": Row(duration(b"ten minutes"), "is no duration"),
    "half a duration": Row(duration(b"PT"), "is no duration"),
    # numbers
    "NaN": Row(payload(b"NaN"), "is no finite number"),
    "INF": Row(payload(b"INF"), "is no finite number"),
    "-INF": Row(payload(b"-INF"), "is no finite number"),
    "1e999": Row(payload(b"1e999"), "is no finite number"),
    "a number of 5,000 digits": Row(
        payload(b"9" * 5000), "has more than 1000 characters, and is no number"
    ),
    "a number of a million digits": Row(payload(b"9" * MEGABYTE), "has more than 1000 characters"),
    "a small number with a megabyte of zeros": Row(
        payload(b"0" * MEGABYTE + b"3"), "has more than 1000 characters"
    ),
    "a hexadecimal number": Row(payload(b"0x10"), "is no finite number"),
    "a number with an underscore": Row(payload(b"1_000"), "is no finite number"),
    "digits of another script": Row(payload("٣".encode()), "is no finite number"),
    "a negative modificationNumber": Row(
        edited((b"Number>0<", b"Number>-1<")), "modificationNumber"
    ),
    "a modificationNumber of 10^30": Row(
        edited((b"Number>0<", b"Number>1%s<" % (b"0" * 30))), "modificationNumber"
    ),
}
