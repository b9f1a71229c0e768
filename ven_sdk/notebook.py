"""How a VEN shows itself in a notebook: small HTML tables, pandas frames, matplotlib pictures.

pandas and matplotlib are extras and are imported when a frame or a picture is asked for. Any thread; nothing is printed.
"""
from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Dict, List, Optional, Tuple

from .errors import ConfigurationError
from .schema.events import Event, EventSignal
from .schema.reports import Report

_TABLE = "border-collapse:collapse;font-size:90%"
_CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top"
OPEN_END = timedelta(hours=1)
"""How much of an event without an end is drawn."""


# --- tables ----------------------------------------------------------------------------------------------------------

class Rows(Tuple[Any, ...]):
    """A tuple that a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return table([row_of(row) for row in self])


def table(rows: Sequence[Mapping[str, Any]], caption: str = "") -> str:
    """An HTML table with a column for every key; what stands in it is escaped."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        return f"<p><i>{html.escape(caption or 'nothing')}</i></p>"
    head = "".join(f'<th style="{_CELL}">{html.escape(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{_text(row.get(column))}</td>' for column in columns) + "</tr>"
                   for row in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f'<table style="{_TABLE}">{title}<tr>{head}</tr>{body}</table>'


def facts(values: Mapping[str, Any], caption: str = "") -> str:
    """A table with a line for every fact."""
    return table([{"": name, " ": value} for name, value in values.items()], caption)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping):
        return html.escape(", ".join(f"{key}: {item}" for key, item in value.items() if item))
    return html.escape(str(value))


def row_of(value: Any) -> Dict[str, Any]:
    """One line about an event, a report, a schedule's row or anything else."""
    if isinstance(value, Event):
        return _event_row(value)
    if isinstance(value, Report):
        return {"report": value.report_specifier_id, "name": value.report_name,
                "data points": ", ".join(each.r_id for each in value.report_descriptions)}
    if hasattr(value, "payload") and hasattr(value, "event"):
        return {"start": value.start, "end": value.end, "signal": value.signal.signal_name, "payload": value.payload,
                "event": value.event.event_id}
    if hasattr(value, "opt_id"):
        return {"opt": value.opt_id, "type": value.opt_type, "state": value.state, "event": value.record.event_id}
    return {"value": value}


def _event_row(event: Event) -> Dict[str, Any]:
    return {"event": event.event_id, "status": event.event_status, "start": event.active_period.dtstart,
            "duration": event.active_period.duration or "open end",
            "signals": ", ".join(signal.signal_name for signal in event.event_signals), "priority": event.priority,
            "test": "yes" if event.test_event else None, "modification": event.modification_number}


def event_html(event: Event) -> str:
    """An event: what it is, and a line for every interval of every signal."""
    rows = [{"signal": signal.signal_name, "type": signal.signal_type, "uid": step.uid, "start": step.dtstart,
             "duration": step.duration, "payload": step.signal_payload}
            for signal in event.event_signals for step in signal.intervals]
    return table([_event_row(event)]) + table(rows)


def report_html(report: Report) -> str:
    """A report of the catalogue: a line for every data point."""
    rows = [{"rID": each.r_id, "type": each.report_type, "reading": each.reading_type,
             "measurement": each.measurement.description if each.measurement else None,
             "unit": each.measurement.unit if each.measurement else None,
             "source": ", ".join(str(value) for target in each.report_data_source for value in target.values())}
            for each in report.report_descriptions]
    return table(rows, f"{report.report_specifier_id} ({report.report_name})")


def status_html(status: Any, caption: str = "") -> str:
    """A client's status."""
    return facts({"state": status.state, "since": status.since, "last poll": status.last_poll,
                  "last error": status.last_error, "counters": status.counters, "waiting": status.queues,
                  "stuck": ", ".join(running.about for running in status.stuck)}, caption)


# --- frames ----------------------------------------------------------------------------------------------------------

def _pandas() -> Any:
    try:
        import pandas
    except ImportError as cause:
        raise ConfigurationError("Frames need pandas, which is not installed: pip install 'ven-sdk[pandas]'.") from cause
    return pandas


def events_frame(events: Iterable[Event]) -> Any:
    """A pandas DataFrame with a row for every interval of every signal; times are UTC."""
    columns = ["event_id", "event_status", "signal_name", "signal_type", "uid", "start", "end", "payload", "unit",
               "priority", "market_context", "test_event", "modification_number"]
    rows = [(event.event_id, event.event_status, signal.signal_name, signal.signal_type, step.uid, step.dtstart,
             _end(step.dtstart, step.duration), step.signal_payload, signal.measurement.unit if signal.measurement else None,
             event.priority, event.market_context, event.test_event, event.modification_number)
            for event in events for signal in event.event_signals for step in signal.intervals]
    return _pandas().DataFrame(rows, columns=columns)


def _end(start: Optional[datetime], length: Optional[timedelta]) -> Optional[datetime]:
    return start + length if start is not None and length else None


def samples_frame(rows: Iterable[Tuple[str, str, datetime, Any, Optional[str], str]]) -> Any:
    """A pandas DataFrame of samples: report request, rID, time, value, data quality, and where they are."""
    columns = ["report_request_id", "r_id", "time", "value", "data_quality", "state"]
    return _pandas().DataFrame(list(rows), columns=columns)


# --- pictures --------------------------------------------------------------------------------------------------------

def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError as cause:
        raise ConfigurationError("Pictures need matplotlib, which is not installed: pip install 'ven-sdk[plot]'.") from cause
    return pyplot.subplots(figsize=(9, 3), layout="constrained")[1]


def plot_event(event: Event, axes: Any = None) -> Any:
    """Draw the signals of ``event`` as steps over time; returns the matplotlib axes."""
    axes = _axes(axes)
    for signal in event.event_signals:
        moments, values = _steps(signal)
        axes.step(moments, values, where="post", label=f"{signal.signal_name} ({signal.signal_type})")
    _finish(axes, f"Event {event.event_id}: {event.event_status}", len(event.event_signals) > 1)
    return axes


def _steps(signal: EventSignal) -> Tuple[List[datetime], List[float]]:
    moments: List[datetime] = []
    values: List[float] = []
    for step in signal.intervals:
        if step.dtstart is not None:
            moments += [step.dtstart, step.dtstart + (step.duration or OPEN_END)]
            values += [step.signal_payload, step.signal_payload]
    return moments, values


def plot_schedule(rows: Sequence[Any], axes: Any = None) -> Any:
    """Draw what rules when, a line for every signal; returns the matplotlib axes."""
    axes = _axes(axes)
    names = list(dict.fromkeys(row.signal.signal_name for row in rows))
    for name in names:
        moments: List[datetime] = []
        values: List[float] = []
        for row in rows:
            if row.signal.signal_name != name:
                continue
            if moments and row.start > moments[-1]:
                moments.append(moments[-1])
                values.append(float("nan"))         # nothing rules between the two
            moments += [row.start, row.end]
            values += [row.payload, row.payload]
        axes.step(moments, values, where="post", label=name)
    _finish(axes, "Schedule" if rows else "Schedule: nothing is to be done", len(names) > 1)
    return axes


def _finish(axes: Any, title: str, legend: bool) -> None:
    from matplotlib import dates
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set_title(title)
    axes.set_xlabel("UTC")
    axes.margins(y=0.15)
    axes.grid(alpha=0.3)
    if legend or axes.get_legend_handles_labels()[1]:
        axes.legend()


# Records know nothing of notebooks; they learn it here, when a client is imported.
Event._repr_html_ = event_html  # type: ignore[attr-defined]
Event.plot = plot_event  # type: ignore[attr-defined]
Report._repr_html_ = report_html  # type: ignore[attr-defined]
