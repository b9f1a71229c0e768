"""Writing for people: lines, colour where the terminal has it, and one progress line that stays at
the bottom.

Any thread may write: a lock keeps lines whole. On what is no terminal there are plain lines only,
no progress, no colour.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
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
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
WITHOUT_TERMINAL = 1000
NARROWEST = 20
"""Columns that a text has at least, however narrow the terminal is."""


class Console:
    """Standard output (or ``out``) and standard error. ``is_live`` says whether a person is
    watching a terminal.
    """

    def __init__(self, out: Optional[TextIO] = None, err: Optional[TextIO] = None) -> None:
        self.out: TextIO = sys.stdout if out is None else out
        self.err: TextIO = sys.stderr if err is None else err
        self.is_live: bool = _is_terminal(self.out)
        self.has_colour: bool = wants_colour(self.is_live)
        self.draws: bool = _takes_unicode(self.out)
        self._lock = threading.Lock()
        self._progress = ""

    @property
    def width(self) -> int:
        """Columns of the terminal; many where there is none, so that nothing is wrapped for a
        file.
        """
        return columns_of(self.out) or WITHOUT_TERMINAL

    def paragraph(
        self,
        text: str,
        *styles: str,
        indent: int = 0,
        first: str = "",
        most: int = WITHOUT_TERMINAL,
    ) -> None:
        """Write ``text`` behind ``first`` (which may have colours), wrapped between words to the
        width (``most`` columns of text), with further lines indented by ``indent``.
        """
        drawn, head = self._draw_text(text), self._draw_text(first)
        room = min(self.width, indent + most)
        longest = max(map(len, drawn.split()), default=0)
        indent = min(indent, max(0, room - longest))  # a long word may stand further left
        taken = len(ESCAPE.sub("", head))
        fits = taken + len(drawn.partition(" ")[0]) <= room
        lines = wrap(drawn, room, first=taken if fits else indent, indent=indent)
        coloured = [" " * indent + self.colour(line, *styles) for line in lines]
        if not fits:
            coloured.insert(0, head.rstrip())
        elif coloured:
            coloured[0] = head + coloured[0][indent:]
        else:
            coloured = [head.rstrip()]
        self.line("\n".join(coloured))

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
            before, self._progress = self._progress, self.colour(self._fit(text), "dim")
            if before or text:
                self._write(f"{CLEAR_LINE}{self._progress}")

    def error(self, command: str, text: str) -> None:
        """Write to standard error, behind the name of the command; wrapped where that is a
        terminal.
        """
        self.progress()
        prefix = f"ven-sdk {command}:" if command else "ven-sdk:"
        style = _is_terminal(self.err) and wants_colour(True)
        lines, width = text.split("\n"), columns_of(self.err)
        if width:
            taken = [len(prefix) + 1] + [0] * len(lines)
            wrapped = [wrap(line, width, first=at) or [""] for line, at in zip(lines, taken)]
            lines = [piece for line in wrapped for piece in line]
        print(
            f"{colour(prefix, 'red', 'bold') if style else prefix} " + "\n".join(lines),
            file=self.err,
            flush=True,
        )

    def colour(self, text: str, *styles: str) -> str:
        """``text`` in these styles, or as it is."""
        return colour(text, *styles) if self.has_colour and text and styles else text

    def _fit(self, text: str) -> str:
        """``text`` cut to less than the width, with an ellipsis where something is missing."""
        drawn, room = self._draw_text(text), self.width - 1
        mark = self._draw_text("…")
        return drawn if len(drawn) <= room else drawn[: max(0, room - len(mark))].rstrip() + mark

    def _draw_text(self, text: str) -> str:
        """``text`` as this output can show it: plain marks where it takes no others."""
        if self.draws:
            return text
        for mark, plain in PLAIN_MARKS.items():
            text = text.replace(mark, plain)
        encoding = self.out.encoding or "ascii"
        return text.encode(encoding, "replace").decode(encoding)

    def _write(self, text: str) -> None:
        self.out.write(self._draw_text(text))
        self.out.flush()


def wrap(text: str, width: int, *, first: int = 0, indent: int = 0) -> list[str]:
    """``text`` in lines of at most ``width`` columns, of which the first line has ``first`` taken
    and the others ``indent``; words stay whole, so that a longer one has a line of its own.
    """
    lines = textwrap.wrap(
        text,
        max(width, NARROWEST),
        initial_indent=" " * first,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line[first if number == 0 else indent :] for number, line in enumerate(lines)]


def columns_of(stream: TextIO) -> int:
    """The width of the terminal that ``stream`` writes to (COLUMNS has precedence); 0 where it is
    none.
    """
    try:
        if not stream.isatty():
            return 0
        number = stream.fileno()
    except (OSError, ValueError):
        return 0
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    try:
        return os.get_terminal_size(number).columns or 80
    except OSError:
        return 80


def colour(text: str, *styles: str) -> str:
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
