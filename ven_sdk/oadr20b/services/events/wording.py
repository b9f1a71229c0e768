"""What the log says about a list of events: what changed in it, in words that an operator
understands. Times are those of this machine's zone, as the log's own are. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ....events import timing
from ....instants import to_local
from ....schema.events import Event, EventSignal
from ....state.events import EventState

MOST_NAMED = 5
"""Events of one list that a line names; the others are counted."""
MOST_VALUES = 4
"""Values of a signal that a line shows."""


def describe_change(state: EventState, change: str, now: datetime) -> str:
    """``'evening-peak' SIMPLE 1, 2 from 17:00, new``; of a refused event code and reason."""
    event = state.event
    if state.code != "200":
        return f"{event.event_id!r} is refused with code {state.code}: {state.reason}"
    test = ", a test" if event.test_event else ""
    return f"{event.event_id!r} {_signals(event)} {_start(state, now)}{test}, {change}"


def describe_missing(keys: Sequence[str]) -> str:
    """The events that a complete list no longer has."""
    verb = "is" if len(keys) == 1 else "are"
    names = name_some([repr(key) for key in keys])
    return f"{names} {verb} gone from the VTN's list: cancelled (implied_cancel=True)."


def name_some(texts: Sequence[str]) -> str:
    """The first few of ``texts``; how many more there are."""
    more = len(texts) - MOST_NAMED
    return ", ".join(texts[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def join_changes(changes: Sequence[str]) -> str:
    """One line of what a list changed."""
    more = len(changes) - MOST_NAMED
    return f"events: {'; '.join(changes[:MOST_NAMED])}" + (
        f"; and {more} more." if more > 0 else "."
    )


def _signals(event: Event) -> str:
    return " and ".join(map(_signal, event.event_signals)) or "without signals"


def _signal(signal: EventSignal) -> str:
    values = [_value(interval.signal_payload) for interval in signal.intervals]
    return f"{signal.signal_name} {_shorten_values(values)}"


def _shorten_values(values: Sequence[str]) -> str:
    return ", ".join(values[:MOST_VALUES]) + (" …" if len(values) > MOST_VALUES else "")


def _value(payload: object) -> str:
    return "without a value" if payload is None else f"{payload}"


def _start(state: EventState, now: datetime) -> str:
    """When it begins, with the day where that is not today."""
    start = to_local(state.start)
    if start.date() == to_local(now).date():
        when = f"{start:%H:%M}"
    else:
        when = start.isoformat(sep=" ", timespec="minutes")[:16]
    return f"{'since' if timing.status(state, now) == 'active' else 'from'} {when}"
