"""Logging of ``ven-sdk run``: the SDK's lines and the user's own, on standard error, as text or as
JSON lines.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime, timezone
from typing import Optional

from ...log import OneLine
from ..console import colour, columns_of, wants_colour, wrap

LEVEL_STYLES: dict[str, tuple[str, ...]] = {
    "WARNING": ("yellow",),
    "ERROR": ("red",),
    "CRITICAL": ("red", "bold"),
}
FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, thread; exception and the
    record's extras if any.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "thread": record.threadName,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line.update(
            {
                key: value
                for key, value in vars(record).items()
                if key not in _USUAL and key not in line
            }
        )
        return json.dumps(line, default=str, ensure_ascii=False)


class TerminalLines(OneLine):
    """For a person at a terminal: the time of day, the level where it is not INFO, and the message,
    wrapped between words with further lines indented. Tracebacks stay as they are.
    """

    def __init__(self, width: int) -> None:
        logging.Formatter.__init__(self, "%(message)s")
        self._width = width
        self._has_colour = wants_colour(os.environ.get("TERM") != "dumb")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The record in lines that fit."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        when = f"{datetime.fromtimestamp(record.created):%H:%M:%S}"
        indent = len(when) + 2
        lines = wrap(f"{level}{super().formatMessage(record)}", self._width - indent) or [""]
        if self._has_colour:
            styles = LEVEL_STYLES.get(record.levelname)
            lines = [colour(line, *styles) for line in lines] if styles else lines
            when = colour(when, "dim")
        return f"{when}  " + f"\n{' ' * indent}".join(lines)


def _formatter(form: Optional[str], width: int) -> logging.Formatter:
    """JSON or text as asked for; on a terminal of ``width`` columns, lines that fit it."""
    if form == "json":
        return JsonLines()
    return TerminalLines(width) if width and form is None else OneLine()


def set_up(level: Optional[str], form: Optional[str]) -> None:
    """Log to standard error, at one of :data:`LEVELS`, in one of :data:`FORMATS`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form, columns_of(sys.stderr)))
    root = logging.getLogger()
    root.setLevel(level or "INFO")
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
