"""kill -9 between the bytes of a push and its answer: what was acknowledged is in the store, and is
handled; what the VTN has the answer of is not handled again.

``VEN_SDK_KILLS`` says how many moments are tried.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.models.texts import VTNEvent
from tests.push.pusher import PATH, PushingVTN, soon
from tests.push.wire import response

KILLS = int(os.environ.get("VEN_SDK_KILLS") or 5)
VENS = """
import json, os, sys
from ven_sdk import OpenADRClient
import ven_sdk.oadr20b.pushed_messages, ven_sdk.push.server
import ven_sdk.state.sqlite, ven_sdk.transport.sessions

def decide(event):
    os.write(1, f"handled {event.event_id}\\n".encode())
    return "optIn"

def run(url, push, listen, store):
    client = OpenADRClient("ven", url, push=push, listen=listen, store=store)
    client.add_handler("on_event", decide)
    client.start(wait=60)
    os.write(1, b"ready\\n")
    client.run()

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*json.loads(line))
        os._exit(0)
    os.write(1, f"pid {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"ended\\n")
"""
PATIENCE = 60.0


class Vens:
    """VENs one after the other, each a process of its own, forked off one that has imported all.
    ``handled`` is what the handler of the last one said.
    """

    def __init__(self, vtn: PushingVTN, store: Path) -> None:
        self._vtn, self._store = vtn, store
        self._process = subprocess.Popen(
            [sys.executable, "-c", VENS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        self.handled: list[str] = []
        self._said: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                word, _, rest = line.strip().partition(" ")
                self.handled.append(rest) if word == "handled" else self._said.append(line.strip())
                self._changed.notify_all()

    def start(self) -> None:
        """Another one."""
        self.handled, self._said = [], []
        port = port_of_nobody()
        words = [self._vtn.url, f"http://localhost:{port}", f"127.0.0.1:{port}", str(self._store)]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def wait_until_ready(self) -> None:
        self._wait("ready")

    def kill(self) -> None:
        """At once; what it said before is read."""
        os.kill(int(self._wait("pid ").split()[1]), signal.SIGKILL)
        self._wait("ended")

    def close(self) -> None:
        self.kill()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._reader.join()
        self._process.stdout.close()
        self._process.wait()

    def _wait(self, beginning: str) -> str:
        with self._changed:
            assert self._changed.wait_for(lambda: self._find(beginning), PATIENCE), self._said
        return self._find(beginning)

    def _find(self, beginning: str) -> str:
        return next((each for each in self._said if each.startswith(beginning)), "")


def port_of_nobody() -> int:
    """A free port that no outgoing connection of this machine takes meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@pytest.fixture
def vtn() -> Iterator[PushingVTN]:
    with PushingVTN() as pushing:
        yield pushing


@pytest.fixture
def vens(vtn: PushingVTN, tmp_path: Path) -> Iterator[Vens]:
    made = Vens(vtn, tmp_path / "ven.db")
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.timeout(60 + 20 * KILLS)
def test_no_acknowledged_event_is_lost_and_no_answered_one_is_handled_again(
    tmp_path: Path, vtn: PushingVTN, vens: Vens
) -> None:
    store, moments, counts = tmp_path / "ven.db", random.Random(7), Counter[str]()
    vens.start()
    vens.wait_until_ready()
    usual = seconds_of_a_push(vtn)
    for number in range(KILLS):
        name = f"event-{number:04}"
        vens.wait_until_ready()
        vtn.events = {name: VTNEvent(name, soon(), 600)}
        with PushButOneByte(vtn) as (connection, last):
            connection.sendall(last)
            time.sleep(moments.uniform(0, moments.choice((2, 30)) * usual))
            vens.kill()
            acknowledged = response(connection)[0] == 200
        answered = bool(vtn.answered(name))
        handled = vens.handled.count(name)
        kept = is_kept(store, name)
        assert kept or not acknowledged, f"{name} was acknowledged, and is not in the store"
        counts.update(acknowledged=acknowledged, kept=kept, handled=handled, answered=answered)
        vens.start()
        assert vtn.wait_for(lambda name=name: vtn.answered(name), PATIENCE), f"{name} was lost"
        vens.wait_until_ready()
        again = vens.handled.count(name)
        assert handled + again >= 1
        assert not (answered and again), f"{name} was handled again after its answer was sent"
    print(f"{KILLS} kills within {30_000 * usual:.0f} ms: {dict(counts)}")


def seconds_of_a_push(vtn: PushingVTN) -> float:
    """From the last byte of a push to its answer, at the median."""
    taken = []
    for number in range(5):
        vtn.events = {f"before-{number}": VTNEvent(f"before-{number}", soon(), 600)}
        with PushButOneByte(vtn) as (connection, last):
            begun = time.monotonic()
            connection.sendall(last)
            assert response(connection)[0] == 200
            taken.append(time.monotonic() - begun)
    return statistics.median(taken)


class PushButOneByte:
    """A push of the whole list of which all has been sent but the last byte."""

    def __init__(self, vtn: PushingVTN) -> None:
        self._vtn = vtn

    def __enter__(self) -> tuple[socket.socket, bytes]:
        body = self._vtn.listed()
        place = urlsplit(self._vtn.address)
        head = (
            f"POST {place.path}{PATH}EiEvent HTTP/1.1\r\nHost: ven\r\n"
            f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        whole = head.encode() + body
        self._connection = self._vtn.connect()
        self._connection.sendall(whole[:-1])
        return self._connection, whole[-1:]

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def is_kept(store: Path, name: str) -> bool:
    """Whether the file has the event."""
    with contextlib.closing(sqlite3.connect(store)) as file:
        rows = file.execute("SELECT value FROM facts WHERE tab = 'events'").fetchall()
    return any(name in value for (value,) in rows)
