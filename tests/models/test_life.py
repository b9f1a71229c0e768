"""A model of life: eight threads start, stop, add, remove, register and fork as chance has it, with
the interpreter switching threads as often as it can. Short as a test; VEN_SDK_LIFE_SECONDS=600 runs
it for ten minutes.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from ven_sdk import Fleet, OpenADRClient, VenError
from ven_sdk.testing import LocalVTN

SECONDS = float(os.environ.get("VEN_SDK_LIFE_SECONDS") or 4)
THREADS, NAMES = 8, 12
CHILD_SECONDS = 20


class Life:
    """Two clients and a fleet, and what any thread may do with them."""

    def __init__(self, vtn: LocalVTN, folder: Path, seed: int) -> None:
        self.vtn, self.chance = vtn, random.Random(seed)
        self.clients = [
            OpenADRClient(f"client-{number}", vtn.url, store=folder / f"{number}.db", timeout=2)
            for number in range(2)
        ]
        self.fleet = Fleet(vtn.url, store=folder / "fleet.db", start_rate=10_000)
        self.fleet.add("stays", poll_frequency=0.2, timeout=2)
        self.done: Counter[str] = Counter()
        self.foreign: list[str] = []
        self.ends = time.monotonic() + SECONDS
        self.acts: dict[str, Callable[[], object]] = {
            "start": lambda: self.client.start(),
            "start and wait": lambda: self.client.start(wait=1),
            "stop": lambda: self.client.stop(1),
            "register": lambda: self.client.register(),
            "run": self.run,
            "fleet start": self.fleet.start,
            "fleet stop": lambda: self.fleet.stop(1),
            "add": lambda: self.fleet.add(self.name, poll_frequency=0.2, timeout=2),
            "remove": lambda: self.fleet.remove(self.name),
            "look": lambda: (self.client.status, self.fleet.status),
            "fork": self.fork,
        }

    @property
    def client(self) -> OpenADRClient:
        return self.chance.choice(self.clients)

    @property
    def name(self) -> str:
        return f"ven-{self.chance.randrange(NAMES)}"

    def run(self) -> None:
        client = self.client
        timer = threading.Timer(0.1, client.stop, (1,))
        timer.start()
        client.run()
        timer.join()

    def fork(self) -> None:
        """A child may use no client that its parent had started."""
        client = self.client
        started = client._lifecycle.runtime.is_of_this_process
        child = os.fork()
        if child == 0:
            signal.alarm(CHILD_SECONDS)
            code = 0
            if started and client._lifecycle.runtime._pid is not None:
                try:
                    client.opt_in("nothing")
                    code = 1
                except VenError as error:
                    code = 0 if "fork" in str(error) else 2
            os._exit(code)
        status = os.waitpid(child, 0)[1]
        if status:
            self.foreign.append(f"a child ended with {status}")

    def live(self) -> None:
        while time.monotonic() < self.ends and not self.foreign:
            act = self.chance.choice(list(self.acts))
            try:
                self.acts[act]()
            except VenError:
                self.done[f"{act}, refused"] += 1
            except BaseException:
                self.foreign.append(f"{act}: {traceback.format_exc()}")
            self.done[act] += 1


@contextlib.contextmanager
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def own_threads() -> list[str]:
    return [
        each.name
        for each in threading.enumerate()
        if each.name.startswith("ven_sdk-") and "vtn" not in each.name
    ]


@pytest.mark.timeout(SECONDS + 180)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .*multi-threaded:DeprecationWarning")
def test_whatever_eight_threads_ask_for_nothing_is_lost_and_nothing_is_left(tmp_path: Path) -> None:
    with LocalVTN(check=False) as vtn:
        life = Life(vtn, tmp_path, int(os.environ.get("VEN_SDK_LIFE_SEED") or 1))
        with switching_often():
            threads = [threading.Thread(target=life.live) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SECONDS + 60)
            assert not any(thread.is_alive() for thread in threads), stacks(threads)
        print(sum(life.done.values()), dict(life.done))
        assert life.foreign == []
        life.fleet.start()
        assert life.fleet.wait(len(life.fleet), 30), life.fleet.status  # no VEN is lost
        members = {ven.settings.ven_name for ven in life.fleet}
        for client in life.clients:
            client.stop(5)
        before = {ven.ven_name: ven.polls for ven in vtn.vens.values()}
        time.sleep(1)
        polled = {v.ven_name for v in vtn.vens.values() if v.polls > before.get(v.ven_name, 0)}
        assert polled <= members, "zombies poll"
        life.fleet.stop(5)
        assert own_threads() == []


def stacks(threads: list[threading.Thread]) -> str:
    frames = sys._current_frames()
    return "\n".join(
        "".join(traceback.format_stack(frames[each.ident]))
        for each in threads
        if each.ident in frames
    )
