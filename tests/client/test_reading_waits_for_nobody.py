"""Whatever else waits (a commit for a slow disk, a handler, the VTN's answer, a stop), everything
that can be read is read at once.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
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


class Interrupting:
    """Calls ``reads`` once at each line of the SDK that the thread comes to, as a signal handler
    may that Python runs there.
    """

    def __init__(self, reads: Sequence[Callable[[], object]]) -> None:
        self.reads, self._is_reading = reads, False
        self.places: set[tuple[str, int]] = set()

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("ven_sdk."):
            return None
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and place not in self.places and not self._is_reading:
            self.places.add(place)
            self._is_reading = True
            for read in self.reads:
                read()
            self._is_reading = False
        return self.trace

    def run(self, calls: Sequence[Callable[[], object]]) -> None:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            for call in calls:
                call()
        finally:
            sys.settrace(before)


@pytest.mark.parametrize("whose", ["client", "fleet"])
def test_a_signal_handler_may_read_wherever_it_interrupts(whose: str) -> None:
    with LocalVTN() as vtn:
        scene = Scene(vtn)
        subject = scene.client if whose == "client" else scene.fleet
        subject.start(wait=5)
        vtn.add_event(event_id="first")
        vtn.wait_for_opt("first")
        calls = list(readers_of(subject).values())
        if isinstance(subject, OpenADRClient):
            subject.add_report(resource_id="p", measurement="voltage", r_id="p")
            client = subject
            calls += [
                lambda: client.report_value("p", 1),
                lambda: client.opt_out("first"),
                lambda: client.add_handler("on_error", print),
            ]
        interrupting = Interrupting([lambda: subject.status, subject.health])
        thread = threading.Thread(target=interrupting.run, args=(calls,), daemon=True)
        try:
            thread.start()
            thread.join(30)
            assert not thread.is_alive(), "it waits for what it interrupted"
        finally:
            scene.end()
        assert len(interrupting.places) > 100
