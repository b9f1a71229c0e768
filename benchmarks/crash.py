#!/usr/bin/env python3
"""The crash test: a VEN process killed by SIGKILL at random moments under load, against a VTN in a
second process.

    python benchmarks/crash.py [--kills 200] [--seed 20240607] [--span 1.5]
    python benchmarks/crash.py --points      killed before and after every commit of a run, instead

Prints kills by stage, and losses and doubles as counted by tests/durability/crash_count.py from the
VTN's raw log.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.durability.crash_count import LOSSES, count  # noqa: E402
from tests.durability.crash_stages import found  # noqa: E402

PROGRAMS = ROOT / "tests" / "durability"
SETTLE = 30.0
"""Seconds within which everything owed must have arrived once the load has ended."""


class Crashes:
    """One crash test in ``folder``; ``kill`` and ``kill_at`` are repeated, then ``settle``."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed, self.run = folder, seed, 0
        self.stages: list[list[str]] = []
        self._vtn = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "crash_vtn.py"), str(folder), str(seed)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._vtn.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._vtn.stdout.readline())}"

    def __enter__(self) -> "Crashes":
        return self

    def __exit__(self, *_: object) -> None:
        self._vtn.kill()
        self._vtn.communicate()

    def start(self, crash_at: str = "") -> "subprocess.Popen[str]":
        """The next run of the VEN; returns just before it calls ``start()``."""
        self.run += 1
        with open(self.folder / "ven.log", "ab") as log:
            ven = subprocess.Popen(
                [sys.executable, str(PROGRAMS / "crash_ven.py"), str(self.folder), self.url, str(self.run)],
                text=True,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "CRASH_AT": crash_at},
            )
        assert ven.stdout is not None
        line = ven.stdout.readline()
        assert line == "go\n", f"the VEN did not start: see {self.folder / 'ven.log'}"
        return ven

    def kill(self, seconds: float) -> None:
        """Start the VEN and kill it so many seconds later."""
        ven = self.start()
        time.sleep(seconds)
        ven.send_signal(signal.SIGKILL)
        self._bury(ven)

    def kill_at(self, point: str, patience: float = 10) -> bool:
        """Have the VEN kill itself at a commit; False when it never came so far (it is ended
        then).
        """
        ven = self.start(point)
        try:
            ven.wait(patience)
        except subprocess.TimeoutExpired:
            ven.send_signal(signal.SIGKILL)
            self._bury(ven)
            return False
        self._bury(ven)
        return True

    def _bury(self, ven: "subprocess.Popen[str]") -> None:
        ven.communicate()
        self.stages.append(found((self.folder / "stages").read_bytes()))

    def settle(self) -> dict[str, Any]:
        """End the load, let the VEN run on until nothing is owed or time is up, stop it by SIGTERM,
        and count.
        """
        assert self._vtn.stdin is not None
        self._vtn.stdin.write("quiet\n")
        self._vtn.stdin.flush()
        (self.folder / "quiet").touch()
        ven = self.start()
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            time.sleep(2.0)
            figures = count(self.folder)
            lost = any(figures[name] for name in LOSSES if name != "samples doubled")
            if figures["events"] and figures["samples committed"] and not lost:
                break
        ven.send_signal(signal.SIGTERM)
        ven.communicate(timeout=20)
        figures = count(self.folder)
        figures["exit code"] = ven.returncode
        figures["stages"] = dict(Counter(stage for stages in self.stages for stage in stages).most_common())
        return figures


def crash(folder: Path, *, kills: int, seed: int, span: float) -> dict[str, Any]:
    """Kill ``kills`` times at moments uniform over the first ``span`` seconds of a run."""
    chance = random.Random(seed)
    with Crashes(folder, seed) as crashes:
        for number in range(kills):
            crashes.kill(chance.uniform(0, span))
            if number % 20 == 19:
                print(f"{number + 1} kills", file=sys.stderr)
        return crashes.settle()


def crash_at_points(folder: Path, *, seed: int, points: int) -> dict[str, Any]:
    """Kill once before and once after each of the first ``points`` commits of a run."""
    hit = 0
    with Crashes(folder, seed) as crashes:
        for number in range(1, points + 1):
            hit += sum(crashes.kill_at(f"{number}:{moment}") for moment in ("before", "after"))
        return {"points hit": hit, **crashes.settle()}


def main(arguments: Optional[list[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20240607)
    parser.add_argument("--span", type=float, default=1.5)
    parser.add_argument("--points", type=int, nargs="?", const=40, default=0)
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="ven-crash-"))
    begun = time.monotonic()
    figures = (
        crash_at_points(folder, seed=given.seed, points=given.points)
        if given.points
        else crash(folder, kills=given.kills, seed=given.seed, span=given.span)
    )
    bad = [name for name in LOSSES if figures[name]]
    print(json.dumps({name: len(value) if isinstance(value, list) else value for name, value in figures.items()}, indent=1))
    print(f"seed {given.seed}, {time.monotonic() - begun:.0f} s" + (f"; logs in {folder}" if bad or given.keep else ""))
    for name in bad:
        print(name, figures[name][:5])
    if not bad and not given.keep:
        shutil.rmtree(folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
