"""Running ``ven-sdk`` as a program of its own, for what only a process shows: signals, exit codes,
pipes, terminals.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "ven_sdk"]
PATIENCE = 100.0
"""Seconds that a program may take where nobody says less: only one that hangs takes as long."""
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who set nothing about ven-sdk, and finds this source tree."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VEN_") and name not in ("NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS")
    }
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "PYTHONIOENCODING": "utf-8",
        **more,
    }


def call(*words: str, timeout: float = PATIENCE, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        env=environment(**more),
        check=False,
    )


class Program:
    """A running ``ven-sdk``, whose output (both streams) can be waited for."""

    def __init__(self, *words: str, cwd: Optional[Path] = None, **more: str) -> None:
        self._process = subprocess.Popen(
            [*COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env=environment(**more),
            cwd=cwd,
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_for(self, found: "str | Callable[[str], Any]", timeout: float = PATIENCE) -> str:
        """The first line that holds a text (or that a function says yes to)."""
        fits = (lambda line: found in line) if isinstance(found, str) else found
        with self._news:
            self._news.wait_for(lambda: any(map(fits, self.lines)), timeout)
            for line in self.lines:
                if fits(line):
                    return line
        raise AssertionError(
            f"No line {found!r} within {timeout} s, but:\n" + "\n".join(self.lines)
        )

    def value(self, label: str) -> str:
        """The last word of the line that begins with ``label``."""
        return self.wait_for(lambda line: line.split()[:1] == [label]).split()[-1]

    def end(self, number: int, timeout: float = PATIENCE) -> int:
        """Send a signal; the exit code."""
        self._process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code."""
        code = self._process.wait(timeout)
        self._reader.join(5)
        return code

    @property
    def text(self) -> str:
        """All that it said."""
        return "\n".join(self.lines)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


class TerminalProgram(Program):
    """A running ``ven-sdk`` in a terminal of its own."""

    def __init__(self, *words: str, columns: int = 120, **more: str) -> None:
        ours, theirs = open_terminal(columns)
        self._process = subprocess.Popen(
            [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
        )
        os.close(theirs)
        self._ours = ours
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with open(self._ours, encoding="utf-8", newline="\n") as file, contextlib.suppress(OSError):
            for line in file:
                with self._news:
                    self.lines.append(line.rstrip("\r\n"))
                    self._news.notify_all()

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._reader.join(5)


def open_terminal(columns: int) -> "tuple[int, int]":
    """Both ends of a terminal of that width."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    return ours, theirs


def in_terminal(
    *words: str, timeout: float = PATIENCE, columns: int = 120, **more: str
) -> "tuple[int, str]":
    """Run it in a terminal of its own; exit code and everything that was written."""
    ours, theirs = open_terminal(columns)
    process = subprocess.Popen(
        [*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**more)
    )
    os.close(theirs)
    seen, deadline = b"", time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not piece:
                break
            seen += piece
        return process.wait(max(1.0, deadline - time.monotonic())), seen.decode("utf-8")
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()
