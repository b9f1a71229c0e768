"""A VTN that fails over a message (HTTP 500): one value an interval, then smaller pieces, and
nothing given up. One that calls it unacceptable (400, 406) does not get it again soon.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.oadr20b.services.harness import NOON, Harness
from ven_sdk.errors import TransportError
from ven_sdk.oadr20b.services.reports.outbox import (
    FEW_ROWS,
    PARKED_PAUSE,
    acknowledge,
    message,
    refuse,
)
from ven_sdk.oadr20b.state.deliveries import Delivery, Part
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.state.change import Change
from ven_sdk.state.reports import PERIODIC, RequestState

FAILED = TransportError("HTTP 500", status=500)
SECOND = timedelta(seconds=1)


def delivery(rows: int, r_ids: tuple[str, ...] = ("a", "b")) -> Delivery:
    entries = "\t".join(str(number) for number in range(len(r_ids)))
    part = Part(
        "key",
        "rq",
        "spec",
        "TELEMETRY_USAGE",
        r_ids,
        SECOND,
        tuple((NOON + place * SECOND, entries) for place in range(rows)),
    )
    return Delivery("first", NOON, "ven", (part,))


@pytest.fixture
def harness() -> Harness:
    harness = Harness(catalogue=Catalogue())
    request = RequestState("rq", "spec", ("a", "b"), PERIODIC, SECOND, SECOND, NOON, NOON, due=NOON)
    harness.book.apply([Change("requests", "key", request)])
    return harness


def outbox(harness: Harness) -> list[Delivery]:
    return list(harness.book.deliveries.values())


def test_a_failed_message_is_sent_with_one_value_an_interval(harness: Harness) -> None:
    harness.book.apply([Change("deliveries", "1", delivery(2))])
    harness.apply(refuse(harness.book, "1", FAILED, NOON))
    [again] = outbox(harness)
    intervals = message(again).reports[0].intervals
    assert [[one.r_id for one in each.report_payloads] for each in intervals] == [
        ["a"],
        ["b"],
        ["a"],
        ["b"],
    ]
    assert [each.dtstart for each in intervals] == [NOON, NOON, NOON + SECOND, NOON + SECOND]
    assert again.request_id != "first", "another message is another request"


def test_what_was_acknowledged_so_is_the_form_of_later_messages(harness: Harness) -> None:
    sent = replace(delivery(1), singly=True)
    harness.book.apply([Change("deliveries", "1", sent)])
    harness.apply(acknowledge(harness.book, "1", sent, None, NOON))
    assert harness.book.requests["key"].singly and not outbox(harness)


def test_a_large_message_that_fails_all_the_same_is_halved_and_a_small_one_is_kept(
    harness: Harness,
) -> None:
    harness.book.apply([Change("deliveries", "1", delivery(FEW_ROWS + 1, ("a",)))])
    harness.apply(refuse(harness.book, "1", FAILED, NOON))
    assert sorted(len(each.parts[0].rows) for each in outbox(harness)) == [
        FEW_ROWS // 2,
        FEW_ROWS // 2 + 1,
    ]

    harness.book.deliveries.clear()
    harness.book.apply([Change("deliveries", "9", delivery(1, ("a",)))])
    for _ in range(20):
        harness.apply(refuse(harness.book, "9", FAILED, NOON))
    [kept] = outbox(harness)
    assert kept.parts == delivery(1, ("a",)).parts and kept.retry_at is not None
    assert kept.retry_at > NOON


@pytest.mark.parametrize("status", [400, 406])
def test_h5_what_must_not_be_sent_again_as_it_is_waits_at_once_the_longest_pause(
    status: int, harness: Harness
) -> None:
    harness.book.apply([Change("deliveries", "1", delivery(2))])
    refused = TransportError(f"HTTP {status}", status=status)
    harness.apply(refuse(harness.book, "1", refused, NOON))
    [kept] = outbox(harness)
    assert kept.retry_at == NOON + PARKED_PAUSE and kept.parked
    assert kept.parts == delivery(2).parts
