"""Whatever else waits (a commit for a slow disk, a handler, the VTN's answer, a stop), everything
that can be read is read at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Callable

import pytest

from ven_sdk import Fleet, OpenADRClient
from ven_sdk.brackets import is_function
from ven_sdk.metrics import exposition
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.store import ChangeRow
from ven_sdk.testing import LocalVTN

ACTING = frozenset(
    {
        *("add", "add_handler", "add_hook", "add_report", "on", "remove", "report_value"),
        *("cancel_opt", "cancel_registration", "create_opt", "opt_in", "opt_out", "register"),
        *("receive", "request_events", "request_report", "run", "start", "stop", "wait"),
    }
)
"""Members that do something; all others read."""
DRAWING = frozenset({"plot_schedule", "overview", "events_frame", "samples_frame"})
"""Members that import a library to draw or to tabulate first."""
ARGUMENTS = {"signal_now": ("SIMPLE",)}
PATIENCE = 5.0
"""Seconds for all reads together; what is waited for takes 20."""


class SlowDisk(MemoryStore):
    """Commits wait while ``hangs``."""

    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.waiting, self.leave = False, threading.Event(), threading.Event()

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        if self.hangs:
            self.waiting.set()
            assert self.leave.wait(20)
        super().commit(ven, changes)


def readers_of(subject: object) -> dict[str, Callable[[], object]]:
    """All members that read, by name, as calls."""
    found: dict[str, Callable[[], object]] = {
        "repr": lambda: repr(subject),
        "_repr_html_": lambda: subject._repr_html_(),  # type: ignore[attr-defined]
        "metrics": lambda: exposition(subject),  # type: ignore[arg-type]
    }
    for name in dir(type(subject)):
        if not name.startswith("_") and name not in ACTING | DRAWING:
            found[name] = lambda name=name: read(subject, name)  # type: ignore[misc]
    return found


def read(subject: object, name: str) -> object:
    member = getattr(subject, name)
    return member(*ARGUMENTS.get(name, ())) if is_function(member) else member


class Scene:
    """A client and a fleet of one at a test VTN, both with slow disks."""

    def __init__(self, vtn: LocalVTN) -> None:
        self.vtn, self.store, self.fleet_store = vtn, SlowDisk(), SlowDisk()
        self.held, self.leave = threading.Event(), threading.Event()
        self.client = OpenADRClient("v", vtn.url, store=self.store, poll_frequency=0.05)
        self.fleet = Fleet(vtn.url, store=self.fleet_store, poll_frequency=0.05)
        self.fleet.add("member").add_handler("on_event", lambda event: "optIn")
        self.client.add_handler("on_event", self.decide)
        self.client.add_report(int, resource_id="r", measurement="voltage", sampling_rate=1)

    def decide(self, event: Any) -> str:
        if event.event_id == "held":
            self.held.set()
            assert self.leave.wait(20)
        return "optIn"

    def end(self) -> None:
        self.leave.set()
        for store in (self.store, self.fleet_store):
            store.hangs = False
            store.leave.set()
        self.client.stop()
        self.fleet.stop()


@contextmanager
def slow_disk(scene: Scene) -> Iterator[None]:
    scene.store.hangs = scene.fleet_store.hangs = True
    scene.vtn.add_event(event_id="late")
    assert scene.store.waiting.wait(PATIENCE) and scene.fleet_store.waiting.wait(PATIENCE)
    yield


@contextmanager
def held_handler(scene: Scene) -> Iterator[None]:
    scene.vtn.add_event(event_id="held")
    assert scene.held.wait(PATIENCE)
    yield


@contextmanager
def stop_under_way(scene: Scene) -> Iterator[None]:
    scene.vtn.add_event(event_id="held")
    assert scene.held.wait(PATIENCE)
    stops = [threading.Thread(target=stop) for stop in (scene.client.stop, scene.fleet.stop)]
    for stop in stops:
        stop.start()
    yield
    scene.leave.set()
    for stop in stops:
        stop.join(20)


@contextmanager
def silent_vtn(scene: Scene) -> Iterator[None]:
    fault = scene.vtn.fault("stalled")
    fault.wait_for_hits(2, timeout=PATIENCE)
    calls = [
        threading.Thread(target=swallow, args=(scene.client.request_events,)),
        threading.Thread(target=swallow, args=(lambda: scene.client.create_opt("optIn", "other"),)),
    ]
    for call in calls:
        call.start()
    yield
    fault.clear()


def swallow(call: Callable[[], object]) -> None:
    with suppress(Exception):
        call()


@pytest.mark.parametrize("situation", [slow_disk, held_handler, stop_under_way, silent_vtn])
def test_whatever_waits_everything_that_can_be_read_is_read_at_once(
    situation: Callable[[Scene], Any],
) -> None:
    with LocalVTN() as vtn:
        scene = Scene(vtn)
        scene.client.start(wait=5)
        scene.fleet.start(wait=5)
        vtn.add_event(event_id="first")
        vtn.wait_for_opt("first")
        reads = {
            f"{name} of {subject!r}": reader
            for subject in (scene.client, scene.fleet, scene.fleet["member"])
            for name, reader in readers_of(subject).items()
        }
        done: list[str] = []
        try:
            with situation(scene):
                thread = threading.Thread(
                    target=lambda: [(reader(), done.append(name)) for name, reader in reads.items()]
                )
                thread.start()
                thread.join(PATIENCE)
                in_time = list(done)
        finally:
            scene.end()

    assert len(reads) > 30
    assert in_time == list(reads), f"{list(reads)[len(in_time)]} waits, or fails"
