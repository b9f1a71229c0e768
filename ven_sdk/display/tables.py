"""How a VEN shows itself in a notebook: small HTML tables of events, reports, status, health and
schedules. Any thread; nothing is printed.

Times are UTC unless a zone is asked for. What the VTN wrote is escaped. Frames are in
:mod:`.frames`, pictures in :mod:`.plots`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from ..argument_names import named_arguments
from ..brackets import refuse_call
from ..errors import NoSuchAttributeError, NoSuchKeyError, NoSuchRowError
from ..events.queries import ScheduleRow
from ..near_names import missing_in_rows
from ..presentation import Row, html_of, plot_of, row_of
from ..runtime.status import Health, Status
from ..schema.common import Target
from ..schema.events import ActivePeriod, Event, EventSignal, Interval
from ..schema.units import prefixed_unit
from ..text import write_count
from .plots import plot_event
from .times import Zone, in_zone, zone_of

T = TypeVar("T", covariant=True)
OPEN_END = "open end"
_OF_CLIENT = {
    "plot": "client.plot_schedule(), or plot() of one event",
    **dict.fromkeys(("frame", "to_frame", "to_pandas", "dataframe"), "client.events_frame()"),
}
"""What people look for in rows, and where it is."""
_TABLE = "border-collapse:collapse;font-size:90%;margin:0 0 6px 0"
_CAPTION = "caption-side:top;text-align:left;font-weight:bold;white-space:nowrap;padding:2px 0"
_CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"


# --- tables ---------------------------------------------------------------------------------------


class Rows(tuple[T, ...]):
    """A tuple that a notebook shows as a table; ``rows.table(tz='Europe/Berlin')`` has the times of
    that zone.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers refuse a text by themselves

        def __getitem__(self, place):
            if hasattr(place, "__index__") or isinstance(place, slice):
                try:
                    return super().__getitem__(place)
                except IndexError:
                    raise NoSuchRowError(_count(len(self), place)) from None
            raise NoSuchKeyError(
                f"The rows stand by number, such as [0], not by {place!r}. To find one, write "
                "next((row for row in rows if row.FIELD == ...), None) with the field that says it."
            )

        def __getattr__(self, name):
            if name in _OF_CLIENT:
                raise NoSuchAttributeError(f"Rows have no {name}: write {_OF_CLIENT[name]}.")
            raise missing_in_rows(self, name)

        __call__ = refuse_call
        do_not_call_in_templates = True  # Django calls what is callable

    @named_arguments
    def table(self, tz: Zone = None) -> "Html":
        """The same as a table with its times in ``tz``: a ``tzinfo``, a name, ``'local'``."""
        zone_of(tz)
        return Html(table([row_of(row) for row in self], tz=tz))

    def _repr_html_(self) -> str:
        return str(self.table())


def _count(rows: int, place: object) -> str:
    """What to say of a place that rows do not have."""
    if not rows:
        return (
            f"There are no rows, so that there is no [{place}]. 'for row in rows' suits any number."
        )
    are = "is one row: [0]" if rows == 1 else f"are {rows} rows: [0] to [{rows - 1}]"
    return f"There {are}; there is no [{place}]."


class Html(str):
    """A piece of HTML that a notebook shows as what it is."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


def _escape(text: str) -> str:
    from html import escape  # brings a large table, which only notebooks need

    return escape(text)


def table(rows: Sequence[Row], caption: str = "", *, head: bool = True, tz: Zone = None) -> str:
    """An HTML table with a column for every key that has a value in any row; what stands in it is
    escaped.
    """
    texts = [{column: _text(value, tz) for column, value in row.items()} for row in rows]
    columns = [
        column
        for column in dict.fromkeys(key for row in texts for key in row)
        if any(row.get(column) for row in texts)
    ]
    title = f'<caption style="{_CAPTION}">{_escape(caption)}</caption>' if caption else ""
    if not columns:
        return f"<p><i>{_escape(f'{caption}: none' if caption else 'none')}</i></p>"
    first = "".join(f'<th style="{_CELL}">{_escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_CELL}">{row.get(column, "")}</td>' for column in columns)
        + "</tr>"
        for row in texts
    )
    return f'<table style="{_TABLE}">{title}{f"<tr>{first}</tr>" if head else ""}{body}</table>'


def facts_table(values: Row, caption: str = "", tz: Zone = None) -> str:
    """A table with a line for every fact that there is."""
    return table(
        [{"name": name, "value": value} for name, value in values.items() if _text(value, tz)],
        caption,
        head=False,
        tz=tz,
    )


def _text(value: object, tz: Zone) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return in_zone(value, tz).strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, Mapping):
        return _escape(
            ", ".join(f"{key}: {_format_plain(item, tz)}" for key, item in value.items() if item)
        )
    return _escape(str(value))


def _format_plain(value: object, tz: Zone) -> str:
    return f"{in_zone(value, tz):%H:%M:%S %Z}" if isinstance(value, datetime) else str(value)


# --- rows -----------------------------------------------------------------------------------------


@row_of.register
def _(value: ScheduleRow) -> Row:
    return {
        "start": value.start,
        "end": value.end,
        "signal": value.signal.signal_name,
        "payload": value.payload,
        "unit": prefixed_unit(value.signal.measurement),
        "event": value.event.event_id,
    }


@row_of.register(Event)
def _event_row(event: Event) -> Row:
    return {
        "event": event.event_id,
        "status": event.event_status,
        "answer": event.opt,
        "start": event.active_period.dtstart,
        "duration": event.active_period.duration or OPEN_END,
        "signals": ", ".join(signal.signal_name for signal in event.event_signals),
        "priority": event.priority,
        "test": "yes" if event.test_event else None,
        "modification": event.modification_number,
    }


def event_html(event: Event, tz: Zone = None) -> str:
    """An event: what it is, what this VEN answered, and a line for every interval of every
    signal.
    """
    about = {
        **_event_row(event),
        "programme": event.market_context,
        "for": "; ".join(map(target_text, event.targets)),
        "comment": event.vtn_comment,
    }
    del about["event"], about["signals"]
    steps = [row for signal in event.event_signals for row in _signal_rows(signal)]
    return facts_table(about, f"Event {event.event_id}", tz) + table(steps, tz=tz)


def signal_html(signal: EventSignal, tz: Zone = None) -> str:
    """A signal: a line for every interval."""
    steps = [
        {key: value for key, value in row.items() if key not in ("signal", "type")}
        for row in _signal_rows(signal)
    ]
    return table(steps, f"Signal {signal.signal_name} ({signal.signal_type})", tz=tz)


def interval_html(interval: Interval) -> str:
    """One step of a signal."""
    return facts_table(
        {
            "start": interval.dtstart,
            "duration": interval.duration or OPEN_END,
            "payload": interval.signal_payload,
        },
        f"Interval {interval.uid}" if interval.uid is not None else "Interval",
    )


def period_html(period: ActivePeriod) -> str:
    """When an event is active, and what lies around it."""
    return facts_table(
        {
            "start": period.dtstart,
            "end": period.dtstart + period.duration if period.duration else OPEN_END,
            "duration": period.duration or None,
            "starts up to later": period.tolerance or None,
            "notified before": period.notification_period or None,
            "ramp up": period.ramp_up_period or None,
            "recovery": period.recovery_period or None,
        },
        "Active period",
    )


def _signal_rows(signal: EventSignal) -> list[Row]:
    return [
        {
            "signal": signal.signal_name,
            "type": signal.signal_type,
            "start": step.dtstart,
            "duration": step.duration or OPEN_END,
            "payload": step.signal_payload,
            "unit": prefixed_unit(signal.measurement),
        }
        for step in signal.intervals
    ]


def target_text(target: Target) -> str:
    """A target in words: ``resource_id meter-1``."""
    return ", ".join(f"{kind} {value}" for kind, value in target.items())


# --- clients --------------------------------------------------------------------------------------


def status_html(status: Status, caption: str = "", tz: Zone = None) -> str:
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
        tz,
    )


def health_html(health: Health, tz: Zone = None) -> str:
    """The answer to a supervisor: each problem is a line."""
    problems = {
        f"problem {number}" if len(health.problems) > 1 else "problem": text
        for number, text in enumerate(health.problems, 1)
    }
    caption = "Health: ok" if health.ok else "Health: not ok"
    return facts_table({**problems, **health.facts}, caption, tz)


MOST_VENS = 100
"""VENs of a fleet that have a line of their own."""


def fleet_html(fleet: Iterable[tuple[str, Status, int]], caption: str) -> str:
    """A fleet: a line for each VEN (name, status, level that rules), the first hundred of them."""
    found = list(fleet)
    rows = [
        {
            "VEN": name,
            "state": status.state,
            "since": status.since,
            "last poll": status.last_poll,
            "level": level or None,
            "polls": status.counters.get("polls"),
            "failures": status.counters.get("failures") or None,
            "last error": status.last_error,
        }
        for name, status, level in found[:MOST_VENS]
    ]
    more = len(found) - MOST_VENS
    left = f"; {write_count(more, 'more is', 'more are')} not shown" if more > 0 else ""
    return table(rows, f"{caption}{left}")


def overview_html(
    name: str,
    status: Status,
    health: Health,
    events: Iterable[Event],
    schedule: Iterable[ScheduleRow],
    tz: Zone = None,
) -> Html:
    """A client on one page: status, what is wrong, its events with its answers, its schedule."""
    zone_of(tz)
    wrong = "" if health.ok else health_html(Health(False, health.problems, {}), tz)
    return Html(
        status_html(status, name, tz)
        + wrong
        + table([row_of(event) for event in events], "Events", tz=tz)
        + table([row_of(row) for row in schedule], "Schedule", tz=tz)
    )


html_of.register(Event, event_html)
html_of.register(EventSignal, signal_html)
html_of.register(Interval, interval_html)
html_of.register(ActivePeriod, period_html)
html_of.register(Status, status_html)
html_of.register(Health, health_html)
plot_of.register(Event, plot_event)
