"""JSON lines between a test and its peer process: times and durations survive the way there and
back.

Knows nothing of OpenADR. Imported on both sides; runs in whatever thread calls it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any


def dump(value: Any) -> bytes:
    """``value`` as one line of JSON. A datetime and a timedelta are tagged; other unknown objects
    become their text.
    """
    return (json.dumps(value, default=_tagged) + "\n").encode()


def load(line: bytes) -> Any:
    """The value that :func:`dump` was given; sequences come back as lists."""
    return json.loads(line, object_hook=_untagged)


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"$seconds": value.total_seconds()}
    return str(value)


def _untagged(value: Any) -> Any:
    if "$time" in value:
        return datetime.fromisoformat(value["$time"])
    if "$seconds" in value:
        return timedelta(seconds=value["$seconds"])
    return value
