"""A signal handler runs in the middle of whatever the main thread does, a commit too. What it asks
of the VEN that it interrupted is done afterwards, or refused; nothing waits for itself.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from tests.shared import eventually
from ven_sdk import DEFER, Fleet, OpenADRClient, StateError, VenError
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow, Store
from ven_sdk.testing import LocalVTN, ReportWish

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends itself a signal")
AWAITED: dict[str, Callable[[OpenADRClient], object]] = {
    "create_opt": lambda client: client.create_opt("optOut", "economic", event_id="e1"),
    "cancel_registration": lambda client: client.cancel_registration(),
    "register": lambda client: client.register(),
    "request_events": lambda client: client.request_events(),
}
DONE: dict[str, Callable[[OpenADRClient], object]] = {
    "opt_in": lambda client: client.opt_in("e1"),
    "opt_out": lambda client: client.opt_out("e1"),
    "report_value": lambda client: client.report_value("p", 2.0),
    "status": lambda client: client.status,
    "health": lambda client: client.health(),
    "events": lambda client: client.events,
}


class _Interrupted:
    """The main thread gets a signal in the middle of its next commit."""

    durable = True
    is_armed = False

    def interrupt(self) -> None:
        if self.is_armed and threading.current_thread() is threading.main_thread():
            self.is_armed = False
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)  # the handler runs before this returns


class Memory(_Interrupted, MemoryStore):
    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        self.interrupt()
        super().commit(ven, changes)


class File(_Interrupted, SQLiteStore):
    def _apply(self, connection: Any, ven: str, rows: Sequence[ChangeRow]) -> None:
        self.interrupt()
        super()._apply(connection, ven, rows)


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return Memory() if request.param == "memory" else File(str(tmp_path / "ven.db"))


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    wish = ReportWish(granularity=1, report_back_duration=1)
    with LocalVTN(check=False, ask_for_reports=wish) as vtn:
        yield vtn


def started(vtn: LocalVTN, store: Store) -> OpenADRClient:
    """A client that knows the event ``e1``, and which the VTN has asked for the values of ``p``."""
    client = OpenADRClient(
        "v", vtn.url, store=store, timeout=5, poll_frequency=0.1, allow_jitter=False
    )
    client.add_report(resource_id="d", measurement="voltage", sampling_rate=1, r_id="p")
    client.on_event = lambda event: DEFER
    client.start(wait=10)
    vtn.add_event(event_id="e1")
    assert client._engine.wait(lambda: bool(client.events and client.reports), 10)
    return client


def interrupt(store: Any, client: OpenADRClient, call: Callable[[], object]) -> list[object]:
    """What comes of ``call`` in a signal handler that interrupts ``report_value`` in its commit."""
    seen: list[object] = []

    def handler(number: int, frame: object) -> None:
        try:
            seen.append(call())
        except VenError as error:
            seen.append(error)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        store.is_armed = True
        client.report_value("p", 1.0)
    finally:
        signal.signal(signal.SIGUSR1, before)
    return seen


@pytest.mark.parametrize("name", AWAITED)
def test_a_call_that_waits_for_the_vtn_is_refused_where_it_interrupts_one_of_the_same_ven(
    name: str, store: Any, vtn: LocalVTN
) -> None:
    client = started(vtn, store)
    (error,) = interrupt(store, client, lambda: AWAITED[name](client))
    assert isinstance(error, StateError) and "in a thread" in str(error)
    AWAITED[name](client)  # and works afterwards
    client.stop()


@pytest.mark.parametrize("name", DONE)
def test_what_waits_for_nobody_is_done_where_it_interrupts_a_call_of_the_same_ven(
    name: str, store: Any, vtn: LocalVTN
) -> None:
    client = started(vtn, store)
    (found,) = interrupt(store, client, lambda: DONE[name](client))
    assert not isinstance(found, VenError)
    values = {1.0, 2.0} if name == "report_value" else {1.0}
    eventually(lambda: values <= {one.value for one in vtn.samples}, "the values arrive")
    if name in ("opt_in", "opt_out"):
        wanted = {"opt_in": "optIn", "opt_out": "optOut"}[name]
        eventually(lambda: [one.opt_type for one in vtn.answers][-1:] == [wanted], "the answer")
    assert client.status.queues["unsaved"] == 0
    client.stop()


def test_a_wrong_call_is_refused_at_once_where_it_interrupts_another(
    store: Any, vtn: LocalVTN
) -> None:
    client = started(vtn, store)
    (error,) = interrupt(store, client, lambda: client.opt_in("unknown"))
    assert isinstance(error, StateError) and "unknown" in str(error)
    client.stop()


def test_stop_in_a_signal_handler_that_interrupts_a_commit_stops_after_it(
    store: Any, vtn: LocalVTN
) -> None:
    client = started(vtn, store)
    assert interrupt(store, client, lambda: client.stop(5)) == [None]
    for thread in threading.enumerate():
        if thread.name == "ven_sdk stopping":
            thread.join(10)
    assert client.status.state == "stopped" and client.status.queues["unsaved"] == 0
    client.start(wait=10)
    client.stop()


def test_in_a_fleet_a_call_that_interrupts_the_commit_of_another_ven_waits_for_no_one(
    store: Any, vtn: LocalVTN
) -> None:
    fleet = Fleet(vtn.url, store=store, poll_frequency=0.1, allow_jitter=False)
    for name in ("a", "b"):
        ven = fleet.add(name)
        ven.add_report(resource_id="d", measurement="voltage", sampling_rate=1, r_id="p")
    fleet.start(wait=10)
    assert all(ven._engine.wait(lambda ven=ven: bool(ven.reports), 10) for ven in fleet)

    found: Optional[list[object]] = interrupt(
        store,
        fleet["a"],  # type: ignore[arg-type]
        lambda: fleet["b"].report_value("p", 2.0),
    )
    assert found == [None]
    eventually(lambda: {1.0, 2.0} <= {one.value for one in vtn.samples}, "both values arrive")
    fleet.stop()
