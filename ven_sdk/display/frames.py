"""Events and samples as pandas frames. pandas is an extra and is imported when a frame is asked
for. Any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Optional

from ..errors import ConfigurationError
from ..profile import UndeliveredSample
from ..schema.events import Event
from ..schema.units import prefixed_unit
from .times import Zone, in_zone, zone_of

if TYPE_CHECKING:
    from pandas import DataFrame


def _pandas() -> ModuleType:
    try:
        import pandas
    except ImportError as cause:
        raise ConfigurationError(
            "Frames need pandas, which is not installed: pip install 'ven-sdk[pandas]'."
        ) from cause
    library: ModuleType = pandas
    return library


def events_frame(events: Iterable[Event], tz: Zone = None) -> "DataFrame":
    """A pandas DataFrame with a row for every interval of every signal; times in ``tz``, UTC if
    left out. ``opt`` is this VEN's answer.
    """
    zone_of(tz)
    columns = [
        "event_id",
        "event_status",
        "signal_name",
        "signal_type",
        "uid",
        "start",
        "end",
        "payload",
        "unit",
        "priority",
        "market_context",
        "test_event",
        "modification_number",
        "opt",
    ]
    rows = [
        (
            event.event_id,
            event.event_status,
            signal.signal_name,
            signal.signal_type,
            step.uid,
            _moment(step.dtstart, tz),
            _moment(_end(step.dtstart, step.duration), tz),
            step.signal_payload,
            prefixed_unit(signal.measurement),
            event.priority,
            event.market_context,
            event.test_event,
            event.modification_number,
            event.opt,
        )
        for event in events
        for signal in event.event_signals
        for step in signal.intervals
    ]
    frame: DataFrame = _pandas().DataFrame(rows, columns=columns)
    return frame.astype({"priority": "Int64", "modification_number": "Int64"})


def _end(start: Optional[datetime], length: Optional[timedelta]) -> Optional[datetime]:
    return start + length if start is not None and length else None


def _moment(at: Optional[datetime], tz: Zone) -> Optional[datetime]:
    return None if at is None else in_zone(at, tz)


def samples_frame(rows: Iterable[UndeliveredSample], tz: Zone = None) -> "DataFrame":
    """A pandas DataFrame of samples: report request, rID, time (in ``tz``, UTC if left out), value,
    data quality, and where they are.
    """
    zone_of(tz)
    moved = [row._replace(time=in_zone(row.time, tz)) for row in rows]
    frame: DataFrame = _pandas().DataFrame(moved, columns=list(UndeliveredSample._fields))
    return frame
