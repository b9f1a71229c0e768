"""How a VEN shows itself in a notebook: small HTML tables and pandas frames; pictures are in
:mod:`.plots`.

pandas is an extra and is imported when a frame is asked for. Any thread; nothing is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

from ..errors import ConfigurationError
from ..oadr20b.schema.reports import Report, ReportDescription
from ..presentation import html_of, plot_of
from ..runtime.status import Status
from ..schema.common import Target
from ..schema.events import Event, EventSignal
from .plots import plot_event

_TABLE = "border-collapse:collapse;font-size:90%;margin:0 0 6px 0"
_CAPTION = "caption-side:top;text-align:left;font-weight:bold;white-space:nowrap;padding:2px 0"
_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"


# --- tables ---------------------------------------------------------------------------------------


class Rows(tuple[Any, ...]):
    """A tuple that a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return table([row_of(row) for row in self])


def _escaped(text: str) -> str:
    from html import escape  # brings a large table, which only notebooks need

    return escape(text)


def table(rows: Sequence[Mapping[str, Any]], caption: str = "", *, head: bool = True) -> str:
    """An HTML table with a column for every key that has a value in any row; what stands in it is
    escaped.
    """
    columns = [
        column
        for column in dict.fromkeys(key for row in rows for key in row)
        if any(_text(row.get(column)) for row in rows)
    ]
    title = f'<caption style="{_CAPTION}">{_escaped(caption)}</caption>' if caption else ""
    if not columns:
        return f"<p><i>{_escaped(f'{caption}: none' if caption else 'none')}</i></p>"
    first = "".join(f'<th style="{_CELL}">{_escaped(column)}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_CELL}">{_text(row.get(column))}</td>' for column in columns)
        + "</tr>"
        for row in rows
    )
    return f'<table style="{_TABLE}">{title}{f"<tr>{first}</tr>" if head else ""}{body}</table>'


def facts_table(values: Mapping[str, Any], caption: str = "") -> str:
    """A table with a line for every fact that there is."""
    return table(
        [{"name": name, "value": value} for name, value in values.items() if _text(value)],
        caption,
        head=False,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        there = value if value.tzinfo is None else value.astimezone(timezone.utc)
        return there.strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, Mapping):
        return _escaped(", ".join(f"{key}: {item}" for key, item in value.items() if item))
    return _escaped(str(value))


def row_of(value: Any) -> dict[str, Any]:
    """One line about an event, a report, a schedule's row, an opt or anything else."""
    if isinstance(value, Event):
        return _event_row(value)
    if isinstance(value, Report):
        return {
            "report": value.report_specifier_id,
            "name": _plain_name(value),
            "data points": ", ".join(each.r_id for each in value.report_descriptions),
        }
    if hasattr(value, "payload") and hasattr(value, "event"):
        return {
            "start": value.start,
            "end": value.end,
            "signal": value.signal.signal_name,
            "payload": value.payload,
            "unit": _unit(value.signal),
            "event": value.event.event_id,
        }
    if hasattr(value, "opt_id"):
        return {
            "opt": value.opt_id,
            "type": value.opt_type,
            "state": value.state,
            "event": value.record.event_id,
        }
    return {"value": value}


def _event_row(event: Event) -> dict[str, Any]:
    return {
        "event": event.event_id,
        "status": event.event_status,
        "start": event.active_period.dtstart,
        "duration": event.active_period.duration or "open end",
        "signals": ", ".join(signal.signal_name for signal in event.event_signals),
        "priority": event.priority,
        "test": "yes" if event.test_event else None,
        "modification": event.modification_number,
    }


def event_html(event: Event) -> str:
    """An event: what it is, and a line for every interval of every signal."""
    about = {
        **_event_row(event),
        "programme": event.market_context,
        "for": "; ".join(map(_target, event.targets)),
        "comment": event.vtn_comment,
    }
    rows = [
        {
            "signal": signal.signal_name,
            "type": signal.signal_type,
            "start": step.dtstart,
            "duration": step.duration or "open end",
            "payload": step.signal_payload,
            "unit": _unit(signal),
        }
        for signal in event.event_signals
        for step in signal.intervals
    ]
    del about["event"], about["signals"]
    return facts_table(about, f"Event {event.event_id}") + table(rows)


def _target(target: Target) -> str:
    return ", ".join(f"{kind} {value}" for kind, value in target.items())


def _unit(signal: EventSignal) -> Optional[str]:
    return (
        _scaled(signal.measurement.scale, signal.measurement.unit) if signal.measurement else None
    )


def _scaled(scale: Optional[str], unit: Optional[str]) -> Optional[str]:
    return f"{scale}{unit}" if unit and scale and scale != "none" else unit


def report_html(report: Report) -> str:
    """A report of the catalogue: a line for every data point."""
    name, kind = report.report_specifier_id, _plain_name(report)
    return table(
        [_data_point(each) for each in report.report_descriptions],
        f"Report {name}" if kind == name else f"Report {name} ({kind})",
    )


def _plain_name(report: Report) -> str:
    """A catalogue's report is named METADATA_ on the wire, which tells a reader nothing."""
    return (report.report_name or "").replace("METADATA_", "", 1)


def _data_point(point: ReportDescription) -> dict[str, Any]:
    rate, measured = point.sampling_rate, point.measurement
    return {
        "rID": point.r_id,
        "measurement": measured.description if measured else None,
        "unit": _scaled(measured.scale, measured.unit) if measured else None,
        "type": point.report_type,
        "reading": point.reading_type,
        "every": _spacing(rate.min_period, rate.max_period) if rate else None,
        "source": "; ".join(map(_target, point.report_data_source)),
    }


def _spacing(shortest: timedelta, longest: timedelta) -> str:
    return str(shortest) if shortest == longest else f"{shortest} to {longest}"


def status_html(status: Any, caption: str = "") -> str:
    """A client's status."""
    return facts_table(
        {
            "state": status.state,
            "since": status.since,
            "last poll": status.last_poll,
            "last error": status.last_error,
            "at": status.last_error_at,
            "counters": status.counters,
            "kept": status.queues,
            "stuck": ", ".join(running.about for running in status.stuck),
        },
        caption,
    )


# --- frames ---------------------------------------------------------------------------------------


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as cause:
        raise ConfigurationError(
            "Frames need pandas, which is not installed: pip install 'ven-sdk[pandas]'."
        ) from cause
    return pandas


def events_frame(events: Iterable[Event]) -> Any:
    """A pandas DataFrame with a row for every interval of every signal; times are UTC."""
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
    ]
    rows = [
        (
            event.event_id,
            event.event_status,
            signal.signal_name,
            signal.signal_type,
            step.uid,
            step.dtstart,
            _end(step.dtstart, step.duration),
            step.signal_payload,
            _unit(signal),
            event.priority,
            event.market_context,
            event.test_event,
            event.modification_number,
        )
        for event in events
        for signal in event.event_signals
        for step in signal.intervals
    ]
    frame = _pandas().DataFrame(rows, columns=columns)
    return frame.astype({"priority": "Int64", "modification_number": "Int64"})


def _end(start: Optional[datetime], length: Optional[timedelta]) -> Optional[datetime]:
    return start + length if start is not None and length else None


def samples_frame(rows: Iterable[tuple[str, str, datetime, Any, Optional[str], str]]) -> Any:
    """A pandas DataFrame of samples: report request, rID, time, value, data quality, and where they
    are.
    """
    columns = ["report_request_id", "r_id", "time", "value", "data_quality", "state"]
    return _pandas().DataFrame(list(rows), columns=columns)


html_of.register(Event, event_html)
html_of.register(Report, report_html)
html_of.register(Status, status_html)
plot_of.register(Event, plot_event)
