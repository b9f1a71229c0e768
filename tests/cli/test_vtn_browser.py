"""The test VTN's page in a real headless browser: what happens is seen, and what is pressed
happens.

Pictures for the documentation are taken by ``docs/pictures.py``.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from tests.cli.browser import Browser, missing
from ven_sdk import OpenADRClient
from ven_sdk.cli.vtn.orders import Orders
from ven_sdk.cli.vtn.page import Page
from ven_sdk.cli.vtn.view import View
from ven_sdk.testing import LocalVTN

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(missing()), reason=missing() or "there is a browser"),
]
LEVELS = (5200, 3300, 1600, 900)


class Scene(NamedTuple):
    vtn: LocalVTN
    browser: Browser
    client: OpenADRClient
    updates: list[Any]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def scene(browser: Browser) -> Iterator[Scene]:
    updates: list[Any] = []
    with LocalVTN(vtn_id="test-vtn", ask_for_reports=True) as vtn:
        orders = Orders(vtn)
        view = View(vtn, orders)
        vtn.listeners.append(view.note_message)
        page = Page(0, view.state, orders.carry_out, view.message)
        client = OpenADRClient("site-a", vtn.url, allow_jitter=False)
        client.add_report(
            callback=lambda: LEVELS[client.current_level()] + random.randrange(-80, 80),
            resource_id="meter-1",
            measurement="powerReal",
            sampling_rate=timedelta(seconds=1),
        )
        client.add_handler("on_event", lambda event: "optIn")
        client.add_handler("on_update_event", lambda event: updates.append(event) or "optIn")
        try:
            with client:
                vtn.assert_registered("site-a")
                browser.open(page.url)
                browser.complaints()  # those of the scene before
                yield Scene(vtn, browser, client, updates)
        finally:
            orders.clear_faults()
            browser.open("about:blank")
            page.close()


def test_a_ven_its_reports_and_its_messages_are_seen(scene: Scene) -> None:
    scene.browser.wait_for("site-a", "#vens")
    scene.browser.wait_for("registered", "#vens")
    scene.browser.wait_for("UpdateReport", "#log")
    scene.browser.wait_until(
        lambda: (
            scene.browser.script("return document.querySelectorAll('svg.chart circle').length") >= 2
        ),
        "two samples in the chart",
    )
    assert scene.vtn.url in scene.browser.text("#url")
    assert scene.browser.complaints() == []


def test_an_event_is_added_modified_and_cancelled(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    browser.write("begin", "60")
    browser.write("levels", "1 3")
    browser.write("comment", "<b>peak</b> & more")
    browser.click("Add", "#form")
    browser.wait_for("optIn", "#events")
    (event_id,) = vtn.events
    assert "<b>peak</b> & more" in browser.text("#events")
    assert [step.signal_payload for step in vtn.events[event_id].event_signals[0].intervals] == [
        1,
        3,
    ]

    browser.click("Modify", "#events")
    browser.wait_for(f"Modify {event_id}", "#form-title")
    browser.write("levels", "2")
    browser.click("Modify", "#form")
    browser.wait_for("modification 1", "#events")
    vtn.assert_opted(event_id, "optIn", modification_number=1)
    assert [event.modification_number for event in scene.updates] == [1]

    browser.click("Cancel", "#events")
    browser.wait_for("cancelled", "#events")
    browser.wait_until(
        lambda: not scene.client.events or scene.client.events[0].event_status == "cancelled",
        "the VEN to know of the cancellation",
    )
    assert browser.complaints() == []


def test_a_fault_is_switched_on_and_off(scene: Scene) -> None:
    browser = scene.browser
    browser.wait_for("500", "#faults")
    browser.click("500", "#faults")
    browser.wait_for("500 (", "#faults")
    browser.wait_for("HTTP 500", "#log")

    browser.click("500", "#faults")
    browser.wait_until(lambda: "500 (" not in browser.text("#faults"), "the fault to be off")
    scene.vtn.wait_for_polls(1, 15)


def test_what_makes_no_sense_is_told_at_its_field(scene: Scene) -> None:
    scene.browser.write("levels", "one two")
    scene.browser.click("Add", "#form")

    scene.browser.wait_for("levels are numbers", "#e-levels")
    assert scene.vtn.events == {}


def refreshed(scene: Scene) -> None:
    """Until the page has been drawn anew at least twice."""
    scene.browser.script("window.drawnBefore = state.now")
    scene.browser.wait_until(
        lambda: scene.browser.script("return state.now > window.drawnBefore + 2.2"), "two refreshes"
    )


def test_a_level_that_there_is_not_is_told_at_its_field(scene: Scene) -> None:
    browser = scene.browser
    browser.write("levels", "1 5")
    browser.click("Add", "#form")

    browser.wait_for("SIMPLE takes the levels 0, 1, 2 and 3, not 5", "#e-levels")
    assert browser.script("return document.activeElement.name") == "levels"
    assert browser.script("return document.activeElement.getAttribute('aria-invalid')") == "true"
    assert scene.vtn.events == {}


def choose(browser: Browser, name: str, value: str) -> None:
    """As a person does: what the list does not have cannot be chosen."""
    chosen = browser.script(
        "const list = document.getElementById(arguments[0]); list.value = arguments[1];"
        "list.dispatchEvent(new Event('input', {bubbles: true})); return list.value",
        name,
        value,
    )
    assert chosen == value


def test_a_decimal_comma_is_understood(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    choose(browser, "signal", "ELECTRICITY_PRICE")
    browser.write("levels", "0,25 0,5")
    browser.click("Add", "#form")
    browser.wait_for("optIn", "#events")

    [event] = vtn.events.values()
    assert [step.signal_payload for step in event.event_signals[0].intervals] == [0.25, 0.5]


def test_commas_separate_levels(scene: Scene) -> None:
    scene.browser.write("levels", "1,2,1")
    scene.browser.click("Add", "#form")
    scene.browser.wait_for("1 → 2 → 1", "#events")


@pytest.mark.parametrize(
    "signal, typed, levels",
    [
        ("SIMPLE", "1 2 1", [1, 2, 1]),
        ("SIMPLE", "1,2", [1, 2]),
        ("SIMPLE", "1, 2, 1", [1, 2, 1]),
        ("SIMPLE", "1;2", [1, 2]),
        ("SIMPLE", "0,5", [0.5]),
        ("SIMPLE", "0,25 0,5", [0.25, 0.5]),
        ("ELECTRICITY_PRICE", "0,25", [0.25]),
        ("ELECTRICITY_PRICE", "1,2", [1.2]),
        ("ELECTRICITY_PRICE", "0,25 0,5", [0.25, 0.5]),
        ("ELECTRICITY_PRICE", "0,25, 0,5", [0.25, 0.5]),
        ("ELECTRICITY_PRICE", "0,25; -0,5", [0.25, -0.5]),
        ("ELECTRICITY_PRICE", "0.25,0.5,1", [0.25, 0.5, 1]),
        ("ELECTRICITY_PRICE", "1 ,2", None),
        ("ELECTRICITY_PRICE", "1,,2 3", None),
        ("ELECTRICITY_PRICE", ",", None),
    ],
)
def test_levels_are_read_as_they_were_meant(
    scene: Scene, signal: str, typed: str, levels: "list[float] | None"
) -> None:
    read = (
        "try { return levels(arguments[0], arguments[1]); }"
        "catch (wrong) { if (wrong.field !== 'levels') throw wrong; return null; }"
    )
    assert scene.browser.script(read, typed, signal) == levels


def test_the_form_can_be_filled_in_before_the_vtn_has_answered(browser: Browser) -> None:
    answers = threading.Event()

    def state() -> dict[str, object]:
        answers.wait(30)
        return {}

    page = Page(0, state, lambda order: None, lambda number: None)
    try:
        browser.open(page.url)
        choose(browser, "signal", "ELECTRICITY_PRICE")
    finally:
        answers.set()
        browser.open("about:blank")
        page.close()


def test_what_is_typed_and_chosen_stays_through_refreshes_and_when_the_page_is_loaded_anew(
    scene: Scene,
) -> None:
    browser = scene.browser
    browser.wait_for("registered", "#vens")
    ven = scene.vtn.ven("site-a")
    browser.wait_until(
        lambda: browser.script("return document.getElementById('for').options.length") == 2,
        "the VEN to be offered",
    )
    typed = ["ELECTRICITY_PRICE", ven.ven_id, "90", "0,25 0,5"]
    choose(browser, "signal", typed[0])
    choose(browser, "for", typed[1])
    browser.write("begin", typed[2])
    browser.write("levels", typed[3])
    form = (
        "const fields = document.getElementById('form').elements;"
        "return ['signal_name', 'ven', 'begin', 'levels'].map(name => fields[name].value)"
    )
    refreshed(scene)

    assert browser.script(form) == typed
    browser.open(browser.script("return location.href"))
    browser.wait_until(lambda: browser.script(form) == typed, f"the form to say {typed}")


def test_who_is_chosen_stays_chosen_when_the_vtn_has_forgotten_it(scene: Scene) -> None:
    browser = scene.browser
    browser.wait_for("registered", "#vens")
    stays = browser.script(
        "const list = document.getElementById('for'); list.value = arguments[0];"
        "const known = state.vens; state.vens = []; choices(); state.vens = known;"
        "return list.value",
        scene.vtn.ven("site-a").ven_id,
    )
    assert stays == scene.vtn.ven("site-a").ven_id


def test_a_refresh_keeps_focus_scroll_and_open_rows(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    for number in range(40):
        vtn.add_event(event_id=f"e{number}", dtstart=3600 + number, intervals=[1])
    browser.wait_for("e39", "#events")
    browser.wait_for("reports", "#vens")
    browser.script(
        "document.querySelector('#vens details').open = true;"
        "document.getElementById('events').scrollTop = 150;"
        "document.querySelector('#faults button').focus();"
        "window.focused = document.activeElement"
    )
    refreshed(scene)

    assert browser.script("return document.querySelector('#vens details').open")
    assert browser.script("return document.getElementById('events').scrollTop") == 150
    assert browser.script("return document.activeElement === window.focused")


def test_a_thousand_events_scroll_in_their_place(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    for number in range(1000):
        vtn.add_event(
            event_id=f"e{number}", ven_id="somebody else", dtstart=3600 + number, intervals=[1]
        )
    browser.wait_for("1000", "#event-count", timeout=30)

    box = "const box = document.getElementById('events'); return "
    assert browser.script(f"{box} box.querySelectorAll('tbody tr').length") == 1000
    assert browser.script(f"{box} box.clientHeight") <= 345
    assert browser.script(f"{box} box.scrollHeight > 10000")
    browser.write("comment", "still quick")
    assert browser.script("return document.querySelector('[name=comment]').value") == "still quick"


def test_a_click_on_a_message_shows_its_xml(scene: Scene) -> None:
    browser = scene.browser
    browser.wait_for("CreatePartyRegistration", "#log")
    browser.click("CreatePartyRegistration", "#log")

    browser.wait_for("oadrVenName", "#message")
    assert "site-a" in browser.text("#message pre")
    assert "oadrCreatedPartyRegistration" in browser.text("#message")
    browser.press("Escape")
    browser.wait_until(
        lambda: not browser.script("return document.getElementById('message').open"), "closed"
    )


def test_reports_are_requested_and_cancelled(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    browser.wait_for("1 asked for", "#vens")
    browser.script("document.querySelector('#vens details').open = true")
    browser.click("Cancel report", "#vens")
    browser.wait_until(lambda: "asked for" not in browser.text("#vens"), "the report cancelled")
    browser.click("Ask", "#vens")
    browser.wait_for("1 asked for", "#vens")

    states = [asked.state for asked in vtn.ven("site-a").asked.values()]
    assert states.count("over") == 1
    assert browser.complaints() == []


def test_everything_can_be_reached_by_the_keyboard_alone(scene: Scene) -> None:
    browser, vtn = scene.browser, scene.vtn
    browser.wait_for("registered", "#vens")
    reached = []
    for _ in range(60):
        browser.press("Tab")
        reached.append(
            browser.script(
                "const at = document.activeElement; return at.name || at.id || at.innerText"
            )
        )
        if reached[-1] == "send":
            browser.press("Enter")
            break
    browser.wait_for("optIn", "#events")
    browser.press("Tab")

    assert len(vtn.events) == 1
    assert {"vens", "events", "begin", "seconds", "levels", "comment"} <= set(reached)


def test_a_phone_shows_everything_without_scrolling_sideways(scene: Scene) -> None:
    browser = scene.browser
    browser.resize(390, 844)
    try:
        scene.vtn.add_event(
            event_id="a-rather-long-name-of-an-event-that-somebody-thought-of", intervals=[1, 2]
        )
        browser.wait_for("optIn", "#events")
        browser.wait_for("UpdateReport", "#log")

        assert browser.script("return document.documentElement.scrollWidth") <= 390
        assert browser.script(
            "return [...document.querySelectorAll('button, input, select')]"
            "  .filter(each => each.offsetParent && !each.closest('.scroll'))"
            "  .every(each => each.getBoundingClientRect().right <= 390)"
        )
        assert browser.script(
            "return [...document.querySelectorAll('.scroll')]"
            "  .every(each => each.scrollWidth <= each.clientWidth + 1)"
        )
    finally:
        browser.resize(1400, 1000)
