"""The two journeys of docs/design.rst are those of the code: a VEN and a VTN talk, every call is
noted, and the functions that the page names are called in the page's order.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import ven_sdk
from tests.test_architecture import ORDER
from ven_sdk import OpenADRClient
from ven_sdk.testing import LocalVTN

PACKAGE = Path(ven_sdk.__file__).parent
PAGE = Path(__file__).resolve().parents[2] / "docs" / "design.rst"
MINE = "your function"
TOLERANCE = 5
"""Modules more or less than the page says: what is read once and kept takes part the first time."""


def journey(title: str) -> list[str]:
    """The functions that a section of the page lists, one an item."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n{title}\n---")[1].split("\n---")[0]
    found = re.findall(r"^#\. (?:``(.+?)``|\*(your function)\*)", section, re.MULTILINE)
    return [name or mine for name, mine in found]


class Trace:
    """Calls of the package's functions on the threads that begin while it is on, as
    ``folder.module.function``, without those of the test kit.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def note(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call":
            return
        path = Path(frame.f_code.co_filename)
        if PACKAGE in path.parents and "testing" not in path.parts:
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            self.calls.append(f"{module.replace('.__init__', '')}.{frame.f_code.co_name}")


@contextmanager
def traced() -> Iterator[Trace]:
    trace = Trace()
    threading.setprofile(trace.note)
    try:
        yield trace
    finally:
        threading.setprofile(None)  # type: ignore[arg-type]


def missing_from(calls: list[str], names: list[str]) -> list[str]:
    """The first name that is not called after those before it, and what follows it."""
    rest = iter(calls)
    for index, name in enumerate(names):
        if name not in rest:
            return names[index:]
    return []


def from_the_poll_that_brought(calls: list[str], mark: int) -> list[str]:
    """The calls from the poll on that brought the first message after ``mark``: it may have begun
    before.
    """
    position = calls.index("oadr20b.services.poll.receive", mark)
    for before in ("oadr20b.services.poll.task", "runtime.conversation._run"):
        position = max(i for i, name in enumerate(calls[:position]) if name == before)
    return calls[position:]


def modules_of(calls: list[str]) -> int:
    """How many modules take part in ``calls``."""
    return len({call.rpartition(".")[0] for call in calls if call != MINE})


def modules_stated(title: str) -> int:
    """How many modules take part in a journey, as the page says."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n{title}\n---")[1].split("\n---")[0]
    return int(re.findall(r"^About (\d+) modules take part", section, re.MULTILINE)[0])


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(poll_frequency=1) as vtn:
        yield vtn


def test_an_event_takes_the_way_that_the_page_describes(vtn: LocalVTN) -> None:
    with traced() as trace, OpenADRClient("ven", vtn.url, poll_frequency=0.2) as client:

        def decide(event: Any) -> str:
            trace.calls.append(MINE)
            return "optIn"

        client.add_handler("on_event", decide)
        vtn.wait_for_polls(2)
        mark = len(trace.calls)
        vtn.assert_opted(vtn.add_event(intervals=[1], dtstart=3600), "optIn")
        vtn.wait_for_polls(2)
        calls = from_the_poll_that_brought(trace.calls, mark)

    title = "An event, from the socket to the answer"
    names = journey(title)
    assert len(names) > 10
    assert missing_from(calls, names) == []
    assert abs(modules_of(calls) - modules_stated(title)) <= TOLERANCE


def test_a_sample_takes_the_way_that_the_page_describes(vtn: LocalVTN) -> None:
    with traced() as trace, OpenADRClient("ven", vtn.url, poll_frequency=0.2) as client:

        def measure() -> float:
            trace.calls.append(MINE)
            return 1.0

        client.add_report(measure, resource_id="meter", measurement="voltage", sampling_rate=1)
        vtn.wait_for_polls(1)
        begin = len(trace.calls)
        vtn.request_report()
        vtn.wait_for_samples(1, timeout=20)
        vtn.wait_for_polls(2)
        calls = trace.calls[begin:]

    title = "A sample, from your function to the acknowledgement"
    names = journey(title)
    assert len(names) > 10
    assert missing_from(calls, names) == []
    assert abs(modules_of(calls) - modules_stated(title)) <= TOLERANCE


def test_the_page_lists_the_parts_in_their_order() -> None:
    section = PAGE.read_text(encoding="utf-8").split("\nThe parts\n---")[1].split("\n---")[0]

    assert tuple(re.findall(r"^   \* - ``(\w+)``$", section, re.MULTILINE)) == ORDER
