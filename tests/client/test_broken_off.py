"""A start() or stop() that breaks off anywhere, by Ctrl-C, a port, a disk: nothing is left running,
and the next start() is as any other.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable

import pytest

from ven_sdk import ConfigurationError, Fleet, OpenADRClient, StateError
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.testing import LocalVTN

Make = Callable[..., Any]
HASTY: dict[str, Any] = {"allow_jitter": False, "poll_frequency": 0.2}


class Breaking(SQLiteStore):
    """Raises ``error`` once in the method ``at``."""

    at = ""
    error: BaseException = KeyboardInterrupt()

    def _break(self, method: str) -> None:
        if self.at == method:
            self.at = ""
            raise self.error

    def open(self) -> tuple[str, ...]:
        self._break("open")
        return super().open()

    def load(self, ven: str) -> Any:
        rows = super().load(ven)
        self._break("load")
        return rows

    def commit(self, ven: str, changes: Any) -> None:
        super().commit(ven, changes)
        if threading.current_thread() is threading.main_thread():
            self._break("commit")

    def close(self) -> None:
        super().close()
        self._break("close")


def client(vtn: LocalVTN, **arguments: Any) -> OpenADRClient:
    return OpenADRClient("v", vtn.url, on_event="optIn", **{**HASTY, **arguments})


def fleet(vtn: LocalVTN, **arguments: Any) -> Fleet:
    made = Fleet(vtn.url, **{**HASTY, **arguments})
    made.add("v")
    return made


def ours() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("ven_sdk-") and "vtn" not in name]


def is_alone(vtn: LocalVTN) -> bool:
    """Whether one VEN polls, once a period."""
    before = len(vtn.received_of("oadrPoll"))
    vtn.wait_until(lambda: len(vtn.received_of("oadrPoll")) >= before + 4, 10, "polls")
    polls = vtn.received_of("oadrPoll")[before:]
    return polls[3].at - polls[0].at > timedelta(seconds=0.4)


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN() as made:
        yield made


@pytest.mark.parametrize("make", [client, fleet])
@pytest.mark.parametrize("at", ["open", "load", "commit", "close"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(5, "device"), SystemExit(1)])
def test_a_start_or_stop_that_a_store_breaks_off_leaves_nothing_behind(
    error: BaseException, at: str, make: Make, vtn: LocalVTN, tmp_path: Path
) -> None:
    store = Breaking(tmp_path / "ven.db")
    store.at, store.error = at, error
    made = make(vtn, store=store)
    try:
        made.start()
        made.stop(2)
    except BaseException:
        assert not ours()
    store.at = ""
    made.stop(2)

    made.start(wait=5)
    alone = is_alone(vtn)
    made.stop(2)

    assert alone and not ours()
    with make(vtn, store=tmp_path / "ven.db"):  # the store is free
        pass


class Interrupting(logging.Filter):
    """Ctrl-C comes while the warning of a second VEN is written, once."""

    def filter(self, record: logging.LogRecord) -> bool:
        logging.getLogger(record.name).removeFilter(self)
        raise KeyboardInterrupt


@pytest.mark.parametrize("make", [client, fleet])
def test_a_start_that_is_interrupted_at_its_end_leaves_nothing_behind(
    make: Make, vtn: LocalVTN, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("ven_sdk.runtime.same_vens")
    with make(vtn):
        second = make(vtn)
        log.addFilter(Interrupting())
        with pytest.raises(KeyboardInterrupt):
            second.start()
    assert not ours()

    with make(vtn):
        assert not [record for record in caplog.records if record.name == log.name]


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("make", [client, fleet])
def test_a_stop_that_is_interrupted_while_a_handler_runs_has_stopped(
    make: Make, vtn: LocalVTN, request: pytest.FixtureRequest
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & has it ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    entered, leave = threading.Event(), threading.Event()

    def interrupt() -> None:
        entered.wait(5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def hold(*_: Any) -> str:
        entered.set()
        leave.wait(10)
        return "optIn"

    made = make(vtn)
    made.add_handler("on_event", hold)
    made.start(wait=5)
    vtn.add_event(event_id="e")
    assert entered.wait(5)
    thread = threading.Timer(0.2, interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        made.stop(20)
    thread.join()
    leave.set()

    made.start(wait=5)
    alone = is_alone(vtn)
    made.stop(2)

    assert alone and not ours()


@pytest.mark.parametrize("make", [client, fleet])
def test_a_port_that_is_taken_keeps_the_ven_from_starting_and_nothing_is_sent(make: Make) -> None:
    with LocalVTN(push=True) as vtn, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        made = make(vtn, listen=f"127.0.0.1:{port}", **_pushed(make, port))
        with pytest.raises(ConfigurationError, match="listen"):
            made.start()
        ven = made if isinstance(made, OpenADRClient) else made["v"]
        assert ven.status.state == "stopped" and not ours()
        with pytest.raises(StateError):
            ven.register()
        assert not vtn.received
        other.close()
        made.start(wait=5)
        made.stop(2)


def _pushed(make: Make, port: int) -> dict[str, str]:
    path = "" if make is client else "/{ven_name}"
    return {"push": f"http://127.0.0.1:{port}{path}"}
