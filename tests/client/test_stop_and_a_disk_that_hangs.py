"""stop() keeps its time while a commit hangs: what is left is done when the disk comes back, unless
the VEN was started again by then.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Callable

import pytest

from tests.client.test_reading_waits_for_nobody import SlowDisk
from tests.shared import eventually
from ven_sdk import Fleet, OpenADRClient
from ven_sdk.testing import LocalVTN

PATIENCE = 8.0
"""Seconds in which a stop(1) has returned, also on a slow machine; the disk hangs for 20."""


def of_client(vtn: LocalVTN, store: SlowDisk) -> Any:
    client = OpenADRClient("v", vtn.url, store=store, poll_frequency=0.05)
    client.add_handler("on_event", lambda event: "optIn")
    return client


def of_fleet(vtn: LocalVTN, store: SlowDisk) -> Any:
    fleet = Fleet(vtn.url, store=store, poll_frequency=0.05)
    for name in ("v", "w", "x"):
        fleet.add(name)
    fleet.add_handler("on_event", lambda ven, event: "optIn")
    return fleet


def by_an_event(subject: Any, vtn: LocalVTN) -> None:
    vtn.add_event(event_id="late")


def by_a_call(subject: Any, vtn: LocalVTN) -> None:
    ven = subject["v"] if isinstance(subject, Fleet) else subject
    threading.Thread(target=lambda: ven.opt_out("early"), daemon=True).start()


@pytest.mark.parametrize("make", [of_client, of_fleet])
@pytest.mark.parametrize("hang", [by_an_event, by_a_call])
@pytest.mark.parametrize("again", [True, False], ids=["started again", "stopped"])
def test_stop_keeps_its_time_while_a_commit_hangs(
    make: Callable[[LocalVTN, SlowDisk], Any],
    hang: Callable[[Any, LocalVTN], None],
    again: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ven_sdk")
    with LocalVTN() as vtn:
        store = SlowDisk()
        subject = make(vtn, store)
        subject.start(wait=10)
        vtn.add_event(event_id="early")
        eventually(lambda: len(vtn.answers) == len(vtn.vens), "the first answers")
        store.hangs = True
        hang(subject, vtn)
        assert store.waiting.wait(10)

        began = time.monotonic()
        subject.stop(1)
        assert time.monotonic() - began < PATIENCE
        assert "a commit to the store" in caplog.text
        store.hangs = False
        store.leave.set()
        if again:
            subject.start(wait=10)
            vtn.add_event(event_id="afterwards")
            eventually(
                lambda: [one.event_id for one in vtn.answers].count("afterwards") == len(vtn.vens),
                "the answers after the restart",
            )
            subject.stop()
        eventually(lambda: "closing" not in str(threading.enumerate()), "the store is closed")
        with OpenADRClient("other", vtn.url, store=store):
            pass  # it is free for others
