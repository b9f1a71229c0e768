"""A VEN that goes on in another process: what it sends, and what it makes good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Optional

import pytest

from tests.oadr20b.services.harness import MINUTE, NOON, SECOND, Harness
from ven_sdk.oadr20b.schema.events import DistributeEvent, EventResponse
from ven_sdk.oadr20b.schema.registration import CreatedPartyRegistration
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.oadr20b.services import registration
from ven_sdk.oadr20b.services.registration.phases import PHASES, terms_of
from ven_sdk.oadr20b.services.registration.takeover import LIST_WITHIN
from ven_sdk.oadr20b.state.event_list import EventList
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.state.change import Change
from ven_sdk.state.registration import Registration

BOOTSTRAP_BEGINS = "query"


def left(phase: str = "registered", **given: Any) -> Harness:
    """A VEN whose rows another process left in ``phase``; ``facts`` change the registration."""
    facts = given.pop("facts", {})
    harness = Harness(catalogue=Catalogue(), poll_frequency=30, **given)
    known = {
        "ven_id": "ven",
        "registration_id": "reg",
        "vtn_id": "vtn",
        "vtn_url": harness.settings.vtn_url,
        "terms": terms_of(harness.settings),
        "catalogue": harness.book.catalogue.digest(),
        **facts,
    }
    harness.book.apply([Change("registration", "", Registration(phase=phase, **known))])
    return harness


def go_on(harness: Harness, in_order: bool = False) -> Registration:
    harness.run(lambda book, now: registration.go_on(book, now, in_order))
    found: Registration = harness.book.registration
    return found


def wanted_list(harness: Harness) -> Optional[timedelta]:
    due = harness.book.list_due
    return None if due is None else due - NOON


def list_of(vtn_id: str = "vtn") -> DistributeEvent:
    return DistributeEvent(
        response=EiResponse(response_code="200", request_id="r"),
        request_id="r",
        vtn_id=vtn_id,
        events=(),
    )


def take_list(harness: Harness, reply: DistributeEvent) -> int:
    """The VEN gets the list that it asked for; how many rows of the registration that wrote."""
    before = harness.book.versions["registration"]
    harness.post(registration.request_events(harness.book), reply)
    written: int = harness.book.versions["registration"] - before
    return written


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("phase", PHASES)
def test_a_registration_that_stands_goes_on_and_one_that_was_begun_begins_again(
    phase: str, in_order: bool
) -> None:
    harness = left(phase)
    expected = phase if phase in ("registered", "cancelling", "cancelled") else BOOTSTRAP_BEGINS
    assert go_on(harness, in_order).phase == expected
    assert (registration.next_task(harness.book) is None) == (phase in ("registered", "cancelled"))


@pytest.mark.parametrize("seed", range(20))
def test_after_a_process_that_broke_off_the_list_is_wanted_within_a_poll_period(seed: int) -> None:
    harness = left(seed=seed)
    go_on(harness)
    wait = wanted_list(harness)
    assert wait is not None and timedelta(0) <= wait < 30 * SECOND
    assert not registration.is_list_due(harness.book, NOON + wait - SECOND)
    assert registration.is_list_due(harness.book, NOON + wait)
    assert any(timer.at == NOON + wait for timer in harness.timers.values()), "the lanes are woken"


def test_where_polls_are_rare_the_list_comes_within_a_minute() -> None:
    waits = []
    for seed in range(50):
        harness = left(seed=seed)
        harness.book.settings = replace(harness.settings, poll_frequency=timedelta(hours=1))
        go_on(harness)
        waits.append(wanted_list(harness))
    assert LIST_WITHIN == MINUTE
    assert all(wait is not None and wait < MINUTE for wait in waits)
    assert len(set(waits)) == 50, "they are spread"


def test_a_list_that_changes_nothing_writes_nothing_and_is_asked_for_once() -> None:
    harness = left()
    go_on(harness)
    assert take_list(harness, list_of()) == 0
    assert wanted_list(harness) is None
    assert not registration.is_list_due(harness.book, NOON + timedelta(days=1))


def test_after_an_end_in_order_nothing_is_asked_where_no_event_is_held() -> None:
    harness = left()
    go_on(harness, in_order=True)
    assert wanted_list(harness) is None and not harness.timers


def test_after_an_end_in_order_the_list_is_asked_where_events_are_held() -> None:
    harness = left()
    harness.book.events["e"] = object()  # type: ignore[assignment]
    go_on(harness, in_order=True)
    assert wanted_list(harness) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"report_only": True},
        {"xml_signature": True},
        {"registration_id": "reg-2"},
        {"push": "https://ven.example.com"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_ven_that_says_something_else_of_itself_registers_anew(changed: dict[str, Any]) -> None:
    harness = left(**changed)
    harness.book.apply(
        [
            Change(
                "registration",
                "",
                replace(harness.book.registration, terms=terms_of(left().settings)),
            )
        ]
    )
    assert go_on(harness, in_order=True).phase == BOOTSTRAP_BEGINS


def test_a_registration_of_an_earlier_version_whose_terms_are_not_known_is_made_again() -> None:
    assert go_on(left(facts={"terms": None})).phase == BOOTSTRAP_BEGINS


def test_a_catalogue_that_changed_is_offered_without_a_registration() -> None:
    harness = left(facts={"catalogue": "another"})
    assert go_on(harness, in_order=True).phase == "registered"
    assert registration.is_catalogue_due(harness.book)


class TestAnotherAddress:
    """Whether the same VTN answers there, its list tells: so that comes first."""

    def moved(self, **facts: Any) -> Harness:
        return left(facts={"vtn_url": "http://localhost/elsewhere", **facts})

    def test_the_list_comes_before_the_first_poll(self) -> None:
        harness = self.moved()
        assert go_on(harness, in_order=True).phase == "registered"
        assert registration.is_list_due(harness.book, NOON)

    def test_the_same_vtn_is_known_there_from_then_on(self) -> None:
        harness = self.moved()
        go_on(harness)
        take_list(harness, list_of())
        state = harness.book.registration
        assert (state.phase, state.vtn_url) == ("registered", harness.settings.vtn_url)

    def test_with_another_vtn_the_ven_begins_anew(self) -> None:
        harness = self.moved()
        go_on(harness)
        take_list(harness, list_of("another"))
        assert harness.book.registration.phase == BOOTSTRAP_BEGINS
        reply = CreatedPartyRegistration(
            response=EiResponse(response_code="200", request_id="r"),
            vtn_id="another",
            registration_id=None,
            ven_id=None,
        )
        harness.post(registration.next_task(harness.book), reply)
        assert harness.book.registration.registration_id is None, "the IDs were another VTN's"

    def test_a_vtn_that_has_no_id_is_asked_from_the_beginning(self) -> None:
        assert go_on(self.moved(vtn_id=None)).phase == BOOTSTRAP_BEGINS


class TestParting:
    """What only the process that ends knows is committed before the next one begins."""

    def part(self, harness: Harness, is_exchanging: bool = False) -> bool:
        harness.run(lambda book, now: registration.part(book, now, is_exchanging))
        resync: bool = harness.book.registration.resync
        return resync

    def test_who_owes_and_awaits_nothing_writes_nothing(self) -> None:
        harness = left()
        before = harness.book.versions["registration"]
        assert not self.part(harness)
        assert harness.book.versions["registration"] == before

    def test_a_reply_that_is_awaited_counts_as_lost(self) -> None:
        harness = left()
        assert self.part(harness, is_exchanging=True)
        go_on(harness, in_order=True)
        assert registration.is_list_due(harness.book, NOON), "at once"

    def test_a_list_that_was_wanted_and_has_not_come_is_still_wanted(self) -> None:
        harness = left()
        go_on(harness)
        assert self.part(harness)

    def test_answers_about_events_that_are_not_held_come_again_with_the_list(self) -> None:
        harness = left()
        refusal = EventResponse(
            response_code="462",
            request_id="r",
            event_id="e",
            modification_number=0,
            opt_type="optOut",
        )
        harness.book.apply([Change("event_list", "", EventList("r", others=(refusal,)))])
        assert self.part(harness)

    @pytest.mark.parametrize("phase", [phase for phase in PHASES if phase != "registered"])
    def test_a_bootstrap_under_way_has_its_phase_and_needs_no_more(self, phase: str) -> None:
        assert not self.part(left(phase), is_exchanging=True)
