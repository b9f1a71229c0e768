"""Pictures of events and of the schedule: a panel for every signal, over one axis of time.

matplotlib is an extra and is imported when a picture is asked for. Any thread that matplotlib
allows; nothing is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, Optional

from ..errors import ConfigurationError
from ..events.queries import ScheduleRow
from ..schema.events import Event, EventSignal
from ..schema.units import prefixed_unit
from ..text import shorten
from .times import Zone, zone_name, zone_of

LONGEST_LABEL = 80
"""Characters of a title or a label."""
OPEN_END = timedelta(hours=1)
"""How much of an interval without an end is drawn."""
LEVELS = (0, 1, 2, 3)
Axes = Any
"""Axes of matplotlib, whose own types do not know that they take datetimes."""


class Step(NamedTuple):
    """``value`` from ``start`` to ``end``; ``is_open`` where there is no end, and ``end`` is where
    the picture stops.
    """

    start: datetime
    end: datetime
    value: float
    is_open: bool = False


class Panel(NamedTuple):
    """What is drawn of one signal."""

    signal: EventSignal
    steps: list[Step]


def plot_event(event: Event, axes: Optional[Axes] = None, tz: Zone = None) -> Axes:
    """Draw each signal of ``event`` over time, in a panel of its own, or all of them in ``axes``;
    times in ``tz``, UTC if left out. A dotted line is now.

    Returns the matplotlib axes (of the first signal; ``.figure`` has all). ConfigurationError
    without matplotlib, or for a zone that there is not.
    """
    panels = [Panel(signal, _steps(signal)) for signal in event.event_signals]
    return _draw(panels, f"Event {event.event_id} ({event.event_status})", axes, tz)


def _steps(signal: EventSignal) -> list[Step]:
    return [
        Step(
            step.dtstart,
            step.dtstart + (step.duration or OPEN_END),
            step.signal_payload,
            not step.duration,
        )
        for step in signal.intervals
        if step.dtstart is not None and step.signal_payload is not None
    ]


def plot_schedule(
    rows: Sequence[ScheduleRow],
    axes: Optional[Axes] = None,
    tz: Zone = None,
    now: Optional[datetime] = None,
) -> Axes:
    """Draw what rules when, a panel for every signal, or all of them in ``axes``; returns as
    :func:`plot_event` does.
    """
    signals = {row.signal.signal_name: row.signal for row in reversed(rows)}
    panels = [
        Panel(
            signals[name],
            [
                Step(row.start, row.end, row.payload)
                for row in rows
                if row.signal.signal_name == name and row.payload is not None
            ],
        )
        for name in sorted(signals)
    ]
    title = "Schedule" if rows else "Schedule: nothing is to be done"
    return _draw(panels, title, axes, tz, now)


def _draw(
    panels: Sequence[Panel],
    title: str,
    axes: Optional[Axes],
    tz: Zone,
    now: Optional[datetime] = None,
) -> Axes:
    zone_of(tz)  # a wrong one is refused before anything is drawn
    moment = now or datetime.now(timezone.utc)
    several = [axes] * max(1, len(panels)) if axes is not None else _panels(max(1, len(panels)))
    for place, (on, panel) in enumerate(zip(several, panels)):
        _draw_panel(on, panel, f"C{place}")
        _mark_now(on, panel, moment)
    several[0].set_title(_as_written(title), loc="left", fontsize="medium", fontweight="bold")
    _time_axis(several[-1], bool(panels), tz, moment)
    if axes is not None and panels:
        axes.set_ylabel("")
        axes.legend()
    return several[0]


def _panels(count: int) -> Sequence[Axes]:
    try:
        from matplotlib import pyplot
    except ImportError as cause:
        raise ConfigurationError(
            "Pictures need matplotlib, which is not installed: pip install 'ven-sdk[plot]'."
        ) from cause
    _, axes = pyplot.subplots(
        count, 1, sharex=True, squeeze=False, figsize=(9, 0.8 + 1.7 * count), layout="constrained"
    )
    return list(axes[:, 0])


def _draw_panel(axes: Axes, panel: Panel, colour: str) -> None:
    """The steps as an outline over a light filling; between steps that do not touch there is
    nothing.
    """
    for run in _runs(panel.steps):
        moments = [*(step.start for step in run), run[-1].end]
        values = [*(step.value for step in run), run[-1].value]
        axes.step(
            moments,
            values,
            where="post",
            color=colour,
            linewidth=1.8,
            label=_label(panel.signal) if run[0] is panel.steps[0] else None,
        )
        axes.fill_between(moments, values, step="post", color=colour, alpha=0.15, linewidth=0)
        if run[-1].is_open:
            axes.annotate(
                "open end",
                (run[-1].end, run[-1].value),
                (-4, 4),
                textcoords="offset points",
                ha="right",
                fontsize="small",
                color=colour,
            )
    _value_axis(axes, panel)


def _mark_now(axes: Axes, panel: Panel, now: datetime) -> None:
    """A dotted line at this moment, where it lies in the picture."""
    if panel.steps and panel.steps[0].start <= now <= max(step.end for step in panel.steps):
        axes.axvline(now, color="0.35", linestyle=":", linewidth=1.2)
        axes.annotate(
            "now",
            (now, 1),
            (3, -3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            va="top",
            fontsize="small",
            color="0.35",
        )


def _runs(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps in groups without a gap."""
    runs: list[list[Step]] = []
    for step in steps:
        if runs and runs[-1][-1].end == step.start:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def _value_axis(axes: Axes, panel: Panel) -> None:
    values = [step.value for step in panel.steps]
    axes.set_ylabel(_label(panel.signal), fontsize="small")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.signal.signal_type == "level" and all(value in LEVELS for value in values):
        axes.set_yticks(LEVELS)
        axes.set_ylim(0, 3.4)
        return
    low, high = min([0.0, *values]), max([0.0, *values])
    room = 0.15 * ((high - low) or 1.0)
    axes.set_ylim(low - (room if low < 0 else 0), high + room)


def _label(signal: EventSignal) -> str:
    unit = prefixed_unit(signal.measurement)
    kind = f"{signal.signal_type}{f', {unit}' if unit else ''}"
    return f"{_as_written(str(signal.signal_name))}\n{_as_written(kind)}"


def _as_written(text: str) -> str:
    """``text`` of the VTN as a label: matplotlib takes what is between dollars for a formula."""
    return shorten(text, LONGEST_LABEL).replace("$", r"\$")


def _time_axis(axes: Axes, has_times: bool, tz: Zone, now: datetime) -> None:
    axes.set_xlabel(zone_name(tz, now), fontsize="small")
    if not has_times:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    from matplotlib import dates

    zone = zone_of(tz) or now.astimezone().tzinfo
    locator = dates.AutoDateLocator(tz=zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=zone))
