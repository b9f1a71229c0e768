"""What the fuzzers share: mutations of messages, and the way that each mutated message is taken
through the SDK.

The way is the one of a polled reply, without network and threads: parser, envelope, reader
(tolerant and strict), the service that the record is for, and the writer. Whatever is raised must
be an error of the SDK.
"""

from __future__ import annotations

import copy
import random
import re
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Callable, Optional

from lxml import etree

from tests.shared import wire_examples
from ven_sdk import OpenADRClient
from ven_sdk.errors import VenError
from ven_sdk.oadr20b.codec import envelope, parsing, reader
from ven_sdk.oadr20b.services import poll
from ven_sdk.state.change import Change

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
SLOW = 5.0

VALUES = [
    b"",
    b" ",
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"-INF",
    b"9" * 400,
    b"0x10",
    b"1_0",
    b"+5",
    b".5",
    b"5.",
    b"1e-400",
    b"true",
    b"P",
    b"PT",
    b"PT0S",
    b"-PT1H",
    b"P1000Y",
    b"P99999999999D",
    b"2W",
    b"P2W",
    b"PT1.5S",
    b"PT9999999999S",
    b"P1Y2M3DT4H",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:59Z",
    b"2026-02-30T00:00:00Z",
    b"2026-11-21T24:00:00Z",
    b"2026-11-21T12:00:00+14:00",
    b"2026-11-21T12:00:00",
    b"0000-00-00T00:00:00Z",
    b"2026-11-21T12:00:60Z",
    b"evil",
    "٣".encode(),
    "\U0001f50c".encode(),
    b"&amp;",
    b"&#0;",
    b"&x;",
    b"<a/>",
    b"<![CDATA[x]]>",
    b"<!-- -->",
    b"<?x?>",
    b"x" * 70_000,
    b"always",
    b"cancelled",
    b"level",
    b"x-",
    b"x-y",
    b"2.0a",
    b"METADATA",
    b"TELEMETRY_STATUS",
    b"4294967295",
]
PIECES = [
    b"<!DOCTYPE a>",
    b"<!ENTITY x 'y'>",
    b"]>",
    b"]]>",
    b"<",
    b">",
    b"/>",
    b"</",
    b"'",
    b'"',
    b"=",
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"&#xD800;",
    b" xmlns=''",
    b" xmlns:ei='urn:x'",
    b" xsi:nil='true'",
    b"<?xml?>",
    b"-->",
]
_TEXT = re.compile(rb">([^<]+)<")
_ATTRIBUTE = re.compile(rb"\"([^\"]*)\"")


def seeds() -> list[bytes]:
    """The example messages."""
    return [path.read_bytes() for path in wire_examples()]


class Mutator:
    """Makes hostile messages of good ones. The same ``chance`` gives the same messages."""

    def __init__(self, messages: list[bytes], chance: random.Random) -> None:
        self._messages, self._chance = messages, chance
        self._ways: list[Callable[[bytes], bytes]] = [
            self._text,
            self._text,
            self._text,
            self._attribute,
            self._cut,
            self._insert,
            self._flip,
            self._splice,
            self._elements,
            self._elements,
            self._rename,
        ]

    def message(self) -> bytes:
        """One message, changed in one to four places."""
        data = self._chance.choice(self._messages)
        for _ in range(self._chance.choice((1, 1, 1, 2, 2, 3, 4))):
            data = self._chance.choice(self._ways)(data)
        return data

    def _at(self, data: bytes) -> int:
        return self._chance.randrange(len(data) + 1)

    def _matched(self, pattern: Any, data: bytes) -> bytes:
        found = list(pattern.finditer(data))
        if not found:
            return data
        match = self._chance.choice(found)
        return data[: match.start(1)] + self._chance.choice(VALUES) + data[match.end(1) :]

    def _text(self, data: bytes) -> bytes:
        return self._matched(_TEXT, data)

    def _attribute(self, data: bytes) -> bytes:
        return self._matched(_ATTRIBUTE, data)

    def _cut(self, data: bytes) -> bytes:
        begin, end = sorted((self._at(data), self._at(data)))
        return data[:begin] + data[min(end, begin + self._chance.choice((1, 10, 1000))) :]

    def _insert(self, data: bytes) -> bytes:
        place = self._at(data)
        return data[:place] + self._chance.choice(PIECES) + data[place:]

    def _flip(self, data: bytes) -> bytes:
        place = self._chance.randrange(len(data)) if data else 0
        return data[:place] + bytes([self._chance.randrange(256)]) + data[place + 1 :]

    def _splice(self, data: bytes) -> bytes:
        other = self._chance.choice(self._messages)
        return data[: self._at(data)] + other[self._at(other) :]

    def _rename(self, data: bytes) -> bytes:
        names = re.findall(rb"<(\w+:[\w.-]+)", data)
        if len(names) < 2:
            return data
        return data.replace(
            *(b"<" + name for name in self._chance.sample(names, 2)), self._chance.choice((1, -1))
        )

    def _elements(self, data: bytes) -> bytes:
        """Elements dropped, doubled, exchanged, moved into each other: what stays well-formed and
        gets furthest.
        """
        try:
            root = etree.fromstring(data, parsing.safe_parser("verbatim"))
        except (etree.LxmlError, ValueError):
            return data
        inner = [element for element in root.iter("*") if element.getparent() is not None]
        if not inner:
            return data
        one, two = self._chance.choice(inner), self._chance.choice(inner)
        parent = one.getparent()
        way = self._chance.randrange(4)
        if way == 0:
            parent.remove(one)
        elif way == 1:
            parent.insert(parent.index(one), copy.deepcopy(one))
        elif way == 2:
            two.insert(self._chance.randrange(len(two) + 1), copy.deepcopy(one))
        else:
            parent.insert(self._chance.randrange(len(parent)), one)
        return etree.tostring(root)


class Way:
    """The way of a message through the SDK. ``counts`` tells how far they came; ``slowest`` which
    took longest.
    """

    def __init__(self) -> None:
        client = OpenADRClient("ven", "http://127.0.0.1:9", ven_id="ven-7")
        client.add_report(
            callback=lambda: 1,
            resource_id="device",
            measurement="voltage",
            report_specifier_id="spec-1",
            r_id="r-1",
        )
        client.add_handler("on_event", lambda event: "optIn")
        self.book = client._engine.book
        self.counts: Counter[str] = Counter()
        self.slowest: tuple[float, bytes] = (0.0, b"")
        self._forget()

    def _forget(self) -> None:
        for rows in self.book.tables.values():
            rows.clear()
        state = replace(
            self.book.registration,
            phase="registered",
            ven_id="ven-7",
            registration_id="reg-1",
            vtn_id=None,
        )
        self.book.apply([Change("registration", "", state)])

    def go(self, data: bytes) -> Optional[Exception]:
        """Take a message through; the exception that is no error of the SDK, or None."""
        begin = time.perf_counter()
        try:
            self._go(data)
        except VenError:
            pass
        except Exception as error:
            return error
        seconds = time.perf_counter() - begin
        if seconds > self.slowest[0]:
            self.slowest = (seconds, data)
        return TimeoutError(f"{seconds:.1f} s") if seconds > SLOW else None

    def _go(self, data: bytes) -> None:
        self.counts["made"] += 1
        if self.counts["made"] % 500 == 0:
            self._forget()
        payload = envelope.payload_of(parsing.parse(data))
        self.counts["through the safe parser"] += 1
        try:
            reader.read(payload, strict=True)
            self.counts["read strictly"] += 1
        except VenError:
            pass
        record = reader.read(payload).record
        self.counts["read"] += 1
        str(record), record.to_dict()
        outcome = poll.receive(self.book, record, NOW)
        self.book.apply(outcome.changes)
        self.counts["handled"] += 1
        envelope.message(record)
        self.counts["written again"] += 1


def run(
    seconds: float, seed: int, report: Callable[[bytes, Exception], None], least: float = 0
) -> Way:
    """Fuzz for so long, and ``least`` messages at the least; every message that raises something
    else than our errors goes to ``report``.
    """
    mutator, way = Mutator(seeds(), random.Random(seed)), Way()
    end = time.monotonic() + seconds
    while time.monotonic() < end or way.counts["made"] < least:
        data = mutator.message()
        error = way.go(data)
        if error is not None:
            report(data, error)
    return way
