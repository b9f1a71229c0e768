"""The test VTN's page in a real headless browser: what happens is seen, and what is pressed
happens.

With VEN_SDK_PICTURES set to a folder, pictures for the documentation are left there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.browser import Browser, missing
from ven_sdk import OpenADRClient
from ven_sdk.cli.vtn.orders import Orders
from ven_sdk.cli.vtn.page import Page
from ven_sdk.cli.vtn.view import View
from ven_sdk.testing import LocalVTN

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is a browser")
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
        vtn.listeners.append(view.heard)
        page = Page(0, view.state, orders.carry_out)
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


def test_what_makes_no_sense_is_told_at_the_bottom(scene: Scene) -> None:
    scene.browser.write("levels", "one two")
    scene.browser.click("Add", "#form")

    scene.browser.wait_for("levels are numbers", "#toast")
    assert scene.vtn.events == {}


@pytest.mark.skipif(
    not os.environ.get("VEN_SDK_PICTURES"), reason="VEN_SDK_PICTURES names no folder for pictures"
)
def test_pictures_for_the_documentation_are_taken(scene: Scene) -> None:
    folder = Path(os.environ["VEN_SDK_PICTURES"])

    def wait(seconds: int) -> None:
        scene.vtn.wait_for_polls(seconds, seconds * 2)

    wait(8)
    scene.vtn.add_event(
        event_id="evening-peak",
        dtstart=timedelta(seconds=4),
        vtn_comment="two steps, then back",
        intervals=[
            (timedelta(seconds=12), 1),
            (timedelta(seconds=12), 2),
            (timedelta(seconds=12), 1),
        ],
    )
    wait(30)
    scene.vtn.add_event(
        event_id="night-price",
        signal_name="ELECTRICITY_PRICE",
        dtstart=timedelta(seconds=40),
        intervals=[(timedelta(minutes=1), 0.31), (timedelta(minutes=1), 0.24)],
    )
    wait(4)
    scene.browser.picture(folder / "test-vtn.png")
