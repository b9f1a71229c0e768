"""Samples run as a user runs them: a process of their own, told by variables where things are,
ended by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from ven_sdk.testing import LocalVTN

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
SECONDS = 20


class Program:
    """A sample that runs; ``lines`` is what it has printed."""

    def __init__(self, name: str, env: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(SAMPLES / name)],
            env=env,
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()

    def wait_for_line(self, text: str) -> str:
        """The first line that holds ``text``."""
        with self._said:
            found = self._said.wait_for(lambda: any(text in line for line in self.lines), SECONDS)
            assert found, f"{text!r} was not printed. What was:\n" + "\n".join(self.lines)
            return next(line for line in self.lines if text in line)

    def interrupt(self) -> None:
        """Ctrl-C; it must end by itself, with exit code 0 and no traceback."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(SECONDS) == 0, "\n".join(self.lines)
        self._reader.join()
        assert not any("Traceback" in line for line in self.lines), "\n".join(self.lines)

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


Run = Callable[..., Any]


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(poll_frequency=1, ask_for_reports=True, strict=True) as vtn:
        yield vtn


@pytest.fixture
def run(vtn: LocalVTN, clean_env: dict[str, str], tmp_path: Path) -> Run:
    """``with run('quick_start.py', MODBUS=...) as program:``"""

    @contextlib.contextmanager
    def running(name: str, **variables: str) -> Iterator[Program]:
        program = Program(name, {**clean_env, "VTN_URL": vtn.url, **variables}, tmp_path)
        try:
            yield program
            program.interrupt()
        finally:
            program.kill()

    return running
