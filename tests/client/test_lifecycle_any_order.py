"""start(), stop(), run() and the last reference, from any threads in any order: no wish is lost."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from ven_sdk import Fleet, OpenADRClient, StateError, StoreError
from ven_sdk.push.peer import Peer
from ven_sdk.runtime.conversation.exchanges import Exchanges
from ven_sdk.runtime.lifecycle import Lifecycle
from ven_sdk.state.memory import MemoryStore
from ven_sdk.tasks import Task
from ven_sdk.testing import LocalVTN

URL = "http://127.0.0.1:9"
PEER = Peer("127.0.0.1")


class Gate(MemoryStore):
    """Opens when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.leave = threading.Event(), threading.Event()

    def open(self) -> tuple[str, ...]:
        self.entered.set()
        assert self.leave.wait(10)
        return super().open()


def ours() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("ven_sdk-")]


@pytest.mark.parametrize("name", ["somebody", "ven_sdk-handler-1"])
def test_a_stop_that_comes_while_another_thread_starts_ends_what_was_started(name: str) -> None:
    store = Gate()
    client = OpenADRClient("v", URL, store=store)
    starter = threading.Thread(target=client.start)
    starter.start()
    assert store.entered.wait(5)

    stopper = threading.Thread(target=client.stop, name=name)
    stopper.start()
    if name != "somebody":
        stopper.join(5)  # a thread of a pool does not wait for what may wait for it
        assert not stopper.is_alive()
    store.leave.set()
    starter.join(5)
    stopper.join(5)

    assert client.status.state == "stopped"
    assert ours() == []


def test_a_stop_between_run_and_its_start_ends_run() -> None:
    store = Gate()
    client = OpenADRClient("v", URL, store=store)
    runner = threading.Thread(target=client.run)
    runner.start()
    assert store.entered.wait(5)
    stopper = threading.Thread(target=client.stop)
    stopper.start()
    store.leave.set()

    runner.join(5)
    stopper.join(5)

    assert not runner.is_alive()
    assert client.status.state == "stopped"


def test_a_start_that_follows_a_stop_is_left_alone_by_the_run_that_ends() -> None:
    with LocalVTN() as vtn:
        client = OpenADRClient("v", vtn.url)
        runner = threading.Thread(target=client.run)
        runner.start()
        while client.status.state != "registered":
            time.sleep(0.01)
        client.stop()
        client.start(wait=5)
        runner.join(5)
        assert not runner.is_alive()
        assert client.status.state == "registered"
        client.stop()


def test_what_begins_and_ends_does_so_in_turn_whoever_asks() -> None:
    running: list[str] = []

    def begin() -> None:
        assert running == []
        running.append(threading.current_thread().name)

    def end(_seconds: float) -> None:
        assert len(running) == 1
        running.clear()

    life = Lifecycle(begin, end)
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(200):
                life.start() if (turn + number) % 2 else life.stop(1.0)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    life.stop(1.0)

    assert failed == [] and running == [] and not life.is_running


def test_a_client_whose_last_reference_goes_is_stopped_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = OpenADRClient("forgotten", URL)
    client.start()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del client
        gc.collect()
    end = time.monotonic() + 5
    while ours() and time.monotonic() < end:
        time.sleep(0.01)

    assert [each.category for each in seen] == [ResourceWarning]
    assert "'forgotten'" in str(seen[0].message) and "test_lifecycle_any_order.py" in str(
        seen[0].message
    )
    assert ours() == []


def fleet_of_two(**arguments: Any) -> Fleet:
    fleet = Fleet(URL, **arguments)
    for name in ("a", "b"):
        fleet.add(name)
    fleet.add_handler("on_event", lambda ven, event: "optIn")
    return fleet


@pytest.mark.parametrize("listen", [None, "127.0.0.1:0"])
@pytest.mark.parametrize("is_stored", [False, True])
def test_a_fleet_whose_last_reference_goes_is_stopped_and_that_is_said(
    tmp_path: Path, is_stored: bool, listen: Optional[str]
) -> None:
    store = str(tmp_path / "fleet.db") if is_stored else None
    fleet = fleet_of_two(store=store, listen=listen)
    fleet.start()
    held = list(fleet)  # its VENs do not keep it
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del fleet
        gc.collect()
    end = time.monotonic() + 10
    while ours() and time.monotonic() < end:
        time.sleep(0.01)

    assert [each.category for each in seen] == [ResourceWarning]
    assert "fleet of 2 VENs" in str(seen[0].message)
    assert "test_lifecycle_any_order.py" in str(seen[0].message)
    assert ours() == [] and not any(ven.status.state == "registered" for ven in held)
    start_once_the_store_is_free(store, end)


def start_once_the_store_is_free(store: Optional[str], end: float) -> None:
    """What ended gives its store back after its threads have ended."""
    while True:
        try:
            with fleet_of_two(store=store):
                return
        except StoreError:
            assert time.monotonic() < end, "the store is not given back"
            time.sleep(0.01)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("make", [lambda: OpenADRClient("v", URL), fleet_of_two])
def test_a_warning_that_is_made_an_error_keeps_nothing_running(make: Callable[[], Any]) -> None:
    made = make()
    made.start()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del made
        gc.collect()
    end = time.monotonic() + 10
    while ours() and time.monotonic() < end:
        time.sleep(0.01)

    assert ours() == []


@pytest.mark.parametrize("make", [lambda: OpenADRClient("v", URL), fleet_of_two])
def test_what_was_stopped_goes_without_a_word(make: Callable[[], Any]) -> None:
    for stops in (1, 2):
        made = make()
        for _ in range(stops):
            made.start()
            made.stop()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            del made
            gc.collect()


def test_a_second_client_for_the_same_ven_and_vtn_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = OpenADRClient("v", URL), OpenADRClient("v", URL)
    with caplog.at_level(logging.WARNING, "ven_sdk"), first:
        with second:
            pass
        said = [line for line in caplog.messages if "Two clients" in line]
    assert len(said) == 1 and "test_lifecycle_any_order.py" in said[0] and "stop()" in said[0]
    caplog.clear()
    with first:
        pass
    assert not [line for line in caplog.messages if "Two clients" in line]


def fleet_of_v() -> Fleet:
    fleet = Fleet(URL)
    fleet.add("v")
    return fleet


def client_of_v() -> OpenADRClient:
    return OpenADRClient("v", URL)


class Growing(Fleet):
    """A fleet that gets its VEN when it runs."""

    def start(self, wait: Any = None) -> None:
        super().start()
        if "v" not in self:
            self.add("v")

    def stop(self, timeout: Any = 10) -> None:
        self.remove("v")
        super().stop(timeout)


def growing_fleet_of_v() -> Fleet:
    return Growing(URL)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (client_of_v, fleet_of_v, "A client and a fleet"),
        (fleet_of_v, client_of_v, "A client and a fleet"),
        (fleet_of_v, fleet_of_v, "Two fleets"),
        (fleet_of_v, growing_fleet_of_v, "Two fleets"),
        (client_of_v, growing_fleet_of_v, "A client and a fleet"),
        (growing_fleet_of_v, client_of_v, "A client and a fleet"),
    ],
)
def test_fleets_that_run_as_the_same_ven_are_warned_of(
    first: Callable[[], Any],
    second: Callable[[], Any],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, other = first(), second()
    one.start()
    other.start()
    other.stop()
    one.stop()
    other.start()
    other.stop()

    lines = [line for line in caplog.messages if "of this process run as VEN 'v'" in line]
    assert len(lines) == 1
    assert said in lines[0] and "test_lifecycle_any_order.py" in lines[0] and "stop()" in lines[0]


def test_a_third_client_is_warned_of_the_second_when_the_first_has_stopped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clients = [client_of_v() for _ in range(3)]
    clients[0].start()
    clients[1].start()
    clients[0].stop()
    caplog.clear()
    clients[2].start()
    for client in clients:
        client.stop()

    assert len([line for line in caplog.messages if "Two clients" in line]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .*multi-threaded:DeprecationWarning")
def test_in_the_child_of_a_fork_every_call_that_would_change_something_is_refused() -> None:
    client = OpenADRClient("v", URL)
    client.add_report(resource_id="d", measurement="voltage", r_id="p")
    client.start()
    calls: list[Any] = [
        client.start,
        client.stop,
        client.run,
        lambda: client.opt_in("e"),
        lambda: client.opt_out("e"),
        lambda: client.report_value("p", 1),
        lambda: client.add_report(resource_id="x", measurement="voltage"),
        lambda: client.create_opt("optOut", "economic", event_id="e"),
        lambda: client.cancel_opt("o"),
        lambda: client.request_report("r"),
        client.register,
        client.cancel_registration,
        client.request_events,
        lambda: client.receive("/", b"", PEER),
        lambda: client.add_handler("on_error", print),
        lambda: client.add_hook("before_send_xml", print),
        lambda: setattr(client, "on_event", lambda event: "optIn"),
    ]
    wrong = in_a_child(
        [lambda: client.status, client.health, lambda: client.events, lambda: repr(client)], calls
    )
    client.stop()

    assert wrong == 0


def in_a_child(reads: list[Any], changes: list[Any]) -> int:
    """How many of these do wrong in the child of a fork: reads return, changes are refused."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the parent's handler would go on testing
        signal.alarm(20)  # no read may wait for a lock that a thread of the parent held
        wrong = 0
        for read in reads:
            try:
                read()
            except BaseException:
                wrong += 1
        for change in changes:
            try:
                change()
                wrong += 1
            except StateError:
                pass
            except BaseException:
                wrong += 1
        os._exit(wrong)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .*multi-threaded:DeprecationWarning")
def test_a_fleet_in_the_child_of_a_fork_is_read_whatever_locks_were_held_and_never_changed() -> (
    None
):
    fleet = Fleet(URL)
    ven = fleet.add("v")
    fleet.start()
    engine = ven._engine
    locks = (
        fleet._vens._lock,
        engine._lock,
        engine._applying,
        engine.changes.lock,
        engine.conversation._lock,
        ven._handlers._lock,
    )
    with contextlib.ExitStack() as held:
        for lock in locks:
            held.enter_context(lock)
        wrong = in_a_child(
            [
                lambda: fleet.status,
                lambda: fleet.health(),
                lambda: list(fleet),
                lambda: len(fleet),
                lambda: "v" in fleet,
                lambda: repr(fleet),
                fleet._repr_html_,
                lambda: ven.status,
                ven.health,
                lambda: ven.events,
                lambda: ven.opts,
                lambda: ven.reports,
                ven.schedule,
                ven.current_level,
            ],
            [
                fleet.start,
                fleet.stop,
                fleet.run,
                lambda: fleet.receive("/", b"", PEER),
                lambda: fleet.add_handler("on_error", print),
                lambda: fleet.add_hook("before_send_xml", print),
                lambda: fleet.wait(1, 0.1),
                lambda: fleet.add("w"),
                lambda: fleet.remove("v"),
                ven.register,
                lambda: ven.opt_in("e"),
            ],
        )
    fleet.stop()

    assert wrong == 0


def test_a_timeout_that_is_too_short_is_warned_of_in_a_fleet_as_in_a_client(caplog: Any) -> None:
    fleet = Fleet(URL, timeout=2)
    for number in range(3):
        fleet.add(f"v{number}")

    said = [line for line in caplog.messages if "wait at least 5 s" in line]
    assert len(said) == 1 and "'v0'" in said[0] and "2 s" in said[0]


def test_a_poll_that_stop_left_behind_is_the_last_of_its_conversation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, leave = threading.Event(), threading.Event()
    performed: list[tuple[Exchanges, Task]] = []
    perform = Exchanges.perform

    def perform_slowly(exchanges: Exchanges, task: Task) -> None:
        performed.append((exchanges, task))
        if task.poll and not entered.is_set():
            entered.set()
            assert leave.wait(20)
        perform(exchanges, task)

    def polls_of_the_next() -> int:
        return sum(task.poll and each is not performed[0][0] for each, task in performed)

    monkeypatch.setattr(Exchanges, "perform", perform_slowly)
    with LocalVTN() as vtn:
        client = OpenADRClient("v", vtn.url, poll_frequency=0.1)
        client.start(wait=10)
        assert entered.wait(10)
        client.stop(0.1)
        client.start(wait=10)
        before = len(performed)
        leave.set()
        end = time.monotonic() + 15
        while polls_of_the_next() < 5 and time.monotonic() < end:
            time.sleep(0.01)
        client.stop()

    assert polls_of_the_next() >= 5
    assert all(each is not performed[0][0] for each, _ in performed[before:])
