"""Positive controls: what is unusual but legal is handled and answered, so that strictness is not
mistaken for safety.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Callable

import pytest

from tests.hostile.bodies import COMMENT, cut_out, edited
from tests.hostile.stage import EVIL, PATIENCE, Message, Stage, eventually, threads_of
from tests.oadr20b.security.forge import OADR
from ven_sdk.testing import Raw

pytestmark = (
    pytest.mark.keeps_threads
)  # one stage serves all rows; it looks after its threads itself


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.answers_a_good_event()
        yield stage
    eventually(lambda: threads_of() == [], "all threads to end")


def everywhere(stage: Stage) -> bytes:
    """All namespaces declared on every element."""
    data = stage.evil_list()
    names = b"".join(re.findall(rb' xmlns:\w+="[^"]*"', data))
    return re.sub(rb"<([a-z]+:[\w.-]+)", rb"<\1" + names, re.sub(rb' xmlns:\w+="[^"]*"', b"", data))


def odd_prefixes(stage: Stage) -> bytes:
    text = stage.evil_list().decode()
    for prefix, odd in (
        ("oadr", "ns15"),
        ("ei", "_.x"),
        ("xcal", "Ünï"),
        ("strm", "s-1"),
        ("pyld", "oadr2"),
        ("emix", "e"),
    ):
        text = re.sub(rf"(</?|xmlns:| ){prefix}([:=])", rf"\g<1>{odd}\g<2>", text)
    return text.encode()


def default_namespace(stage: Stage) -> bytes:
    text = (
        stage.evil_list()
        .decode()
        .replace("xmlns:oadr=", "xmlns=")
        .replace("<oadr:", "<")
        .replace("</oadr:", "</")
    )
    return text.replace(" oadr:Id=", f' xmlns:o="{OADR}" o:Id=').encode()


def bare_payload(stage: Stage) -> bytes:
    data = stage.evil_list()
    found = re.search(rb"<oadr:oadrDistributeEvent.*</oadr:oadrDistributeEvent>", data)
    root = re.match(rb".*?<oadr:oadrPayload([^>]*)>", data, re.DOTALL)
    assert found is not None and root is not None
    return found.group().replace(
        b"<oadr:oadrDistributeEvent", b"<oadr:oadrDistributeEvent" + root.group(1), 1
    )


def spaced(stage: Stage) -> bytes:
    """White space wherever it may stand, line ends of every kind, and around values."""
    return (
        re.sub(rb"><(?!/)", b">\r\n\t <", stage.evil_list())
        .replace(b">PT10M<", b">\n PT10M\t<")
        .replace(b">3<", b"> 3 <")
    )


GOOD: dict[str, Callable[[Stage], Message]] = {
    "as usual": lambda stage: stage.evil_list(),
    "a byte order mark": lambda stage: codecs.BOM_UTF8 + stage.evil_list(),
    "no XML declaration": lambda stage: stage.evil_list().partition(b"?>\n")[2],
    "a declaration in single quotes, standalone": lambda stage: re.sub(
        rb"<\?xml.*?\?>",
        b"<?xml version='1.0' encoding='utf-8' standalone='yes'?>",
        stage.evil_list(),
    ),
    "ASCII declared": edited((b"UTF-8", b"us-ascii")),
    "years and months in the durations": lambda stage: stage.evil_list().replace(
        b"PT10M", b"P1Y2M3DT4H5M6S"
    ),
    "weeks in the durations": lambda stage: stage.evil_list().replace(b"PT10M", b"2W"),
    "a duration with a P that the schema has not": lambda stage: stage.evil_list().replace(
        b"PT10M", b"P2W"
    ),
    "comments": edited(
        (COMMENT, b"nobody <!-- sees --> may <!----> see <!-- & < > --> this"),
        (b"?>\n", b"?>\n<!-- first -->\n"),
    ),
    "processing instructions": edited(
        (COMMENT, b"nobody <?may see?>this"), (b"?>\n", b"?>\n<?xml-stylesheet href='x'?>\n")
    ),
    "CDATA": edited((COMMENT, b"<![CDATA[nobody <may> & see]]>")),
    "character references": edited((b">evil", b">&#101;&#x76;il")),
    "unusual prefixes": odd_prefixes,
    "a default namespace": default_namespace,
    "every namespace on every element": everywhere,
    "white space everywhere": spaced,
    "no envelope": bare_payload,
    "a fraction of a second with nine digits": lambda stage: re.sub(
        rb"(\d\d)\.\d+Z", rb"\1.123456789Z", stage.evil_list()
    ),
    "times without a Z": lambda stage: re.sub(rb"(:\d\d\.\d+)Z", rb"\1", stage.evil_list()),
    "a number with an exponent": edited((b"<ei:value>3<", b"<ei:value>3.0E0<")),
    "a number with a sign and zeros": edited((b"<ei:value>3<", b"<ei:value>+003.000<")),
    "no schemaVersion": edited((b' ei:schemaVersion="2.0b"', b"")),
    "a schemaLocation": edited(
        (
            b"<oadr:oadrSignedObject ",
            b'<oadr:oadrSignedObject xmlns:xsi="http://www.w3.org/2001/'
            b'XMLSchema-instance" xsi:schemaLocation="http://x y.xsd" ',
        )
    ),
    "an unknown element": edited(
        (b"<ei:eventStatus>", b'<x:new xmlns:x="urn:x">1</x:new><ei:eventStatus>')
    ),
    "no created time": cut_out(b"ei:createdDateTime"),
    "chunks of a byte": lambda stage: Raw(iter([bytes([byte]) for byte in stage.evil_list()])),
    "text/xml with a charset": lambda stage: Raw(
        stage.evil_list(), headers={"Content-Type": "text/xml; charset=utf-8"}
    ),
    "a content encoding of identity": lambda stage: Raw(
        stage.evil_list(), headers={"Content-Encoding": "identity"}
    ),
    "a connection that ends after it": lambda stage: Raw(stage.evil_list(), ending="close"),
    "100 elements deep in what is unknown": edited(
        (b"<ei:eventStatus>", b"<a>" * 100 + b"</a>" * 100 + b"<ei:eventStatus>")
    ),
    "an emoji": edited((COMMENT, "\U0001f50c".encode())),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_merely_unusual_is_handled_and_answered(stage: Stage, kind: str) -> None:
    message = GOOD[kind](stage)
    event_id = f"{EVIL}-{next(stage._numbers) - 1}"

    stage.vtn.reply_once(message)

    eventually(
        lambda: event_id in stage.told,
        f"{kind}: {event_id} to be handled; {stage.client.status.last_error}",
        PATIENCE,
    )
    stage.vtn.wait_for(
        "oadrCreatedEvent",
        where=lambda record: (
            event_id
            in {
                response.event_id
                for response in record.event_responses
                if response.opt_type == "optIn"
            }
        ),
    )
