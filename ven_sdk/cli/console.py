"""Writing for people: lines, colour where the terminal has it, and one progress line that stays at
the bottom.

Any thread may write: a lock keeps lines whole. On what is no terminal there are plain lines only,
no progress, no colour.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from typing import Optional, TextIO

STYLES: dict[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
PLAIN_MARKS: dict[str, str] = {
    "✓": "ok",
    "✗": "FAILED",
    "→": "->",
    "←": "<-",
    "…": "...",
    "•": "*",
    "·": "-",
    "–": "-",
    "━": "=",
    "│": "|",
}
CLEAR_LINE = "\r\x1b[2K"


class Console:
    """Standard output (or ``out``) and standard error. ``is_live`` says whether a person is
    watching a terminal.
    """

    def __init__(self, out: Optional[TextIO] = None, err: Optional[TextIO] = None) -> None:
        self.out = sys.stdout if out is None else out
        self.err = sys.stderr if err is None else err
        self.is_live = _is_terminal(self.out)
        self.has_colour = wants_colour(self.is_live)
        self.draws = _takes_unicode(self.out)
        self._lock = threading.Lock()
        self._progress = ""

    @property
    def width(self) -> int:
        """Columns of the terminal; many where there is none, so that nothing is wrapped for a
        file.
        """
        return shutil.get_terminal_size().columns if self.is_live else 1000

    def line(self, text: str = "") -> None:
        """Write a line above the progress line, and flush it: somebody is waiting for it."""
        with self._lock:
            self._write(f"{CLEAR_LINE if self._progress else ''}{text}\n{self._progress}")

    def progress(self, text: str = "") -> None:
        """What is being waited for, at the bottom of a terminal; an empty text takes it away.
        Elsewhere nothing.
        """
        if not self.is_live:
            return
        with self._lock:
            before, self._progress = self._progress, text
            if before or text:
                self._write(f"{CLEAR_LINE}{text}")

    def error(self, command: str, text: str) -> None:
        """Write to standard error, behind the name of the command."""
        self.progress()
        prefix = f"ven-sdk {command}" if command else "ven-sdk"
        style = _is_terminal(self.err) and wants_colour(True)
        print(
            f"{paint(prefix + ':', 'red', 'bold') if style else prefix + ':'} {text}",
            file=self.err,
            flush=True,
        )

    def paint(self, text: str, *styles: str) -> str:
        """``text`` in these styles, or as it is."""
        return paint(text, *styles) if self.has_colour and text and styles else text

    def _write(self, text: str) -> None:
        if not self.draws:
            for mark, plain in PLAIN_MARKS.items():
                text = text.replace(mark, plain)
            encoding = self.out.encoding or "ascii"
            text = text.encode(encoding, "replace").decode(encoding)
        self.out.write(text)
        self.out.flush()


def paint(text: str, *styles: str) -> str:
    """``text`` with the escape sequences of these styles."""
    return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m"


def wants_colour(is_live: bool) -> bool:
    """NO_COLOR (no-color.org) has the last word, then FORCE_COLOR, then the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return is_live or bool(os.environ.get("FORCE_COLOR"))


def _is_terminal(stream: TextIO) -> bool:
    try:
        is_terminal = stream.isatty()
    except ValueError:  # closed
        return False
    if os.name == "nt" and not (os.environ.get("WT_SESSION") or os.environ.get("TERM")):
        return False  # an old console shows escape sequences as they are
    return is_terminal and os.environ.get("TERM") != "dumb"


def _takes_unicode(stream: TextIO) -> bool:
    try:
        "✓→…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
