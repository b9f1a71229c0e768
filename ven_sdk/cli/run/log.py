"""Logging of ``ven-sdk run``: the SDK's lines and the user's own, on standard error, as text or as
JSON lines.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any, Optional

from ...errors import ConfigurationError
from ...log import OneLine

FORMATS = ("text", "json")
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, thread; exception and the
    record's extras if any.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
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


def set_up(level: Optional[str], form: Optional[str]) -> None:
    """Log to standard error. ConfigurationError for a level or format that there is not."""
    if form not in (None, *FORMATS):
        raise ConfigurationError(
            f"log format must be one of {', '.join(map(repr, FORMATS))}, not {form!r}."
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else OneLine())
    root = logging.getLogger()
    try:
        root.setLevel((level or "INFO").upper())
    except ValueError as cause:
        raise ConfigurationError(
            f"There is no log level {level!r}. Use DEBUG, INFO, WARNING, ERROR or CRITICAL."
        ) from cause
    root.handlers[:] = [handler]
    logging.captureWarnings(True)
