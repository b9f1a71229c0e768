"""Real processes with the SQLite store: killed at any moment, forked, out of room. No committed row
is lost.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ven_sdk.errors import StoreError
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 and fork() are POSIX")
ROOT = str(Path(__file__).resolve().parents[2])
SEED = 20240606
KILLS = 15

PRELUDE = """
import os, resource, signal, sys, threading
from ven_sdk.errors import StoreError
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow
store = SQLiteStore(sys.argv[1])
warnings = store.open()
def rows(number):
    return [ChangeRow("t", f"{number:09d}-{part}", "x" * 700) for part in range(3)]
def say(text):
    os.write(1, f"{text}\\n".encode())
"""

COUNTING = (
    PRELUDE
    + """
assert warnings == ()
def work(ven):
    for number in range(int(sys.argv[2]), 10 ** 9):
        store.commit(ven, rows(number))
        say(f"{ven} {number}")
for ven in ("ven-1", "ven-2"):
    threading.Thread(target=work, args=(ven,)).start()
"""
)


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
    )


def run(script: str, *arguments: object) -> list[str]:
    """The lines that the script prints, once it and all its children are gone; it must end well."""
    child = start(script, *arguments)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output
    return output.split("\n")[:-1]


def line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().rstrip("\n")


@pytest.mark.long
def test_what_was_committed_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    printed: set[str] = set()
    for kill in range(KILLS):
        # Given a process that commits
        child = start(COUNTING, tmp_path / "ven.db", kill * 10_000)
        lines = [line(child) for _ in range(chance.randrange(1, 400))]
        # When it is killed some microseconds after one of its commits
        for _ in range(chance.randrange(30_000)):
            pass
        child.send_signal(signal.SIGKILL)
        lines += child.communicate()[0].split("\n")[:-1]
        printed.update(lines)
        # Then the next client opens the store without a hand, and finds every commit that returned,
        # whole
        store = SQLiteStore(tmp_path / "ven.db")
        assert store.open() == ()
        for ven in ("ven-1", "ven-2"):
            found = Counter(row.key.split("-")[0] for row in store.load(ven))
            assert set(found.values()) <= {3}, f"a torn transaction after kill {kill} (seed {SEED})"
            missing = {text for text in printed if text.startswith(ven)} - {
                f"{ven} {int(key)}" for key in found
            }
            assert missing == set(), f"lost after kill {kill} (seed {SEED})"
        store.close()
    assert len(printed) > KILLS


def test_the_second_process_is_told_the_pid_of_the_first_and_gets_the_store_when_that_is_killed(
    tmp_path: Path,
) -> None:
    child = start(PRELUDE + "say('open'); signal.pause()", tmp_path / "ven.db")
    try:
        assert line(child) == "open"
        store = SQLiteStore(tmp_path / "ven.db")
        store.check()
        with pytest.raises(StoreError, match=rf"another process \(pid {child.pid}\) uses it"):
            store.open()
    finally:
        child.kill()
        child.communicate()
    assert store.open() == ()
    store.close()


FORKING = (
    PRELUDE
    + """
store.commit("ven-1", rows(1))
child = os.fork()
if child == 0:
    commit = lambda: store.commit("ven-1", rows(2))
    for use in (commit, lambda: store.load("ven-1"), store.open, store.vens):
        try:
            use()
        except StoreError as error:
            say(error)
    store.close()
    sys.exit()  # as Python programs end, with the connection among the garbage
os.waitpid(child, 0)
store.commit("ven-1", rows(3))
say(len(store.load("ven-1")))
"""
)


def test_the_child_of_a_fork_is_refused_and_does_the_store_no_harm(tmp_path: Path) -> None:
    *refusals, kept = run(FORKING, tmp_path / "ven.db")
    assert ["made by fork()" in text for text in refusals] == [True] * 4
    assert kept == "6"
    store = SQLiteStore(tmp_path / "ven.db")
    assert store.open() == ()
    assert len(store.load("ven-1")) == 6
    store.close()


def test_a_forked_child_does_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    script = (
        PRELUDE
        + "child = os.fork()\nsay(f'child {os.getpid()}') if child == 0 else None\nsignal.pause()"
    )
    parent = start(script, tmp_path / "ven.db")
    child = int(line(parent).split()[1])
    parent.kill()
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()
    try:
        store = SQLiteStore(tmp_path / "ven.db")
        assert store.open() == ()
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        store.close()
    finally:
        os.kill(child, signal.SIGKILL)


NO_ROOM = (
    PRELUDE
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store.commit("ven-1", rows(1))
before = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
for number in range(2, 100):
    try:
        store.commit("ven-1", rows(number))
    except StoreError as error:
        say(error.retryable)
        break
say(len(store.load("ven-1")) == 3 * (number - 1))
resource.setrlimit(resource.RLIMIT_FSIZE, before)
store.commit("ven-1", rows(number))
say(len(store.load("ven-1")) == 3 * number)
"""
)


def test_a_write_error_of_the_system_is_retryable_and_passes_with_its_cause(tmp_path: Path) -> None:
    assert run(NO_ROOM, tmp_path / "ven.db") == ["True", "True", "True"]
    store = SQLiteStore(tmp_path / "ven.db")
    assert store.open() == ()
    assert len(store.load("ven-1")) >= 6
    store.close()
