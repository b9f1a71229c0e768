"""The log lines about a list of events say what happened in words that an operator understands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, Harness, opted_in

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(ven: Harness) -> list[str]:
    found = [note.text for note in ven.notes]
    ven.notes.clear()
    return found


STEPS = [signal(1, 2, each=30 * MINUTE)]
PRICE = signal(0.15, name="ELECTRICITY_PRICE", kind="price", id="s1")


@pytest.mark.parametrize(
    "given, line",
    [
        ({"signals": STEPS}, "'evening-peak' SIMPLE 1, 2 from 13:00, new."),
        ({"start": NOON + 26 * HOUR}, "'evening-peak' SIMPLE 1 from 2026-07-02 14:00, new."),
        ({"start": NOON - 30 * MINUTE}, "'evening-peak' SIMPLE 1 since 11:30, new."),
        (
            {"signals": [signal(1, 2, 3, 1, 2, each=12 * MINUTE)]},
            "'evening-peak' SIMPLE 1, 2, 3, 1 … from 13:00, new.",
        ),
        (
            {"signals": [signal(1), PRICE]},
            "'evening-peak' SIMPLE 1 and ELECTRICITY_PRICE 0.15 from 13:00, new.",
        ),
        ({"test": True}, "'evening-peak' SIMPLE 1 from 13:00, a test, new."),
        ({"number": 4}, "'evening-peak' SIMPLE 1 from 13:00, new."),
    ],
    ids=["plain", "another day", "late", "many values", "two signals", "a test", "any number"],
)
def test_a_new_event_is_told_with_its_values_and_its_start(
    given: dict[str, Any], line: str
) -> None:
    ven = Harness(opted_in())

    ven.send(distribute(event("evening-peak", **given)))

    assert lines(ven) == [f"events: {line}"]


def test_each_change_has_its_words_and_a_repeated_list_none() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a"), event("b"), event("c")))
    ven.answer()
    lines(ven)

    ven.send(distribute(event("a"), event("b"), event("c")))
    assert lines(ven) == []

    ven.send(distribute(event("a", 1, signals=[signal(3)]), event("b", 1, status="cancelled")))
    assert lines(ven) == [
        "events: 'a' SIMPLE 3 from 13:00, modification 1; 'b' is cancelled by the VTN.",
        "'c' is gone from the VTN's list: cancelled (implied_cancel=True).",
    ]

    ven.answer()
    ven.send(distribute())
    assert lines(ven) == ["'a' is gone from the VTN's list: cancelled (implied_cancel=True)."]


def test_a_refused_event_is_told_with_code_and_reason() -> None:
    ven = Harness(opted_in(), market_contexts=["http://ours"])

    ven.send(distribute(event("a", context="http://other")))

    assert lines(ven) == [
        "events: 'a' is refused with code 462: market context 'http://other' is not served here."
    ]


def test_of_many_events_a_few_are_named() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(*(event(f"e{number}") for number in range(9))))
    (line,) = lines(ven)
    assert line.count("new") == 5
    assert line.endswith("; and 4 more.")

    ven.send(distribute())
    assert lines(ven)[0].startswith("'e0', 'e1', 'e2', 'e3', 'e4' and 4 more are gone")


def test_what_ended_by_itself_is_not_told_as_cancelled() -> None:
    ven = Harness(opted_in())
    ven.send(distribute(event("a", tolerance=timedelta(hours=5))))
    ven.answer()
    ven.advance(ven.book.events["a"].start + HOUR)
    lines(ven)

    ven.send(distribute())

    assert lines(ven) == []
