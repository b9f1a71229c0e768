"""What rules now and what comes: the questions of a PLC bridge, a BACnet point or a web page (rules
E27, E39, E41, E50).

Pure functions over a snapshot: a tuple of rows of the table ``events``. Any thread may call them,
at any time, as often as it likes; they take one pass over the rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Optional, Union

from ..argument_names import checked_value
from ..instants import LAST, shift
from ..schema.events import Event, EventSignal, Interval, Number
from ..state.events import EventState
from . import timing

States = tuple[EventState, ...]
Rank = tuple[float, datetime, str]
SIMPLE = ("SIMPLE", "simple")
HIGHEST_LEVEL = 3


@checked_value
@dataclass(frozen=True)
class ScheduleRow:
    """What rules for a while.

    Attributes:
        start: the moment itself: start tolerance and modifications are in it; aware UTC.
        end: likewise.
        event: the event.
        signal: its signal.
        interval: the signal's interval.
        payload: its number; None where it has none.
    """

    start: datetime
    end: datetime
    event: Event
    signal: EventSignal
    interval: Interval
    payload: Optional[Number]


# --- events ---------------------------------------------------------------------------------------


def events(states: States, now: datetime) -> tuple[Event, ...]:
    """``client.events``: each with the ``event_status`` (E27) and the ``current_value`` (E39) of
    now, by start.

    Events that this VEN refused, or that are gone from the VTN's list and do not run on (E31), are
    left out.
    """
    return tuple(
        show_event(state, now) for state in sorted(filter(_is_known, states), key=_by_start)
    )


def active_events(states: States, now: datetime) -> tuple[Event, ...]:
    """Events whose time is now, whatever the opt, those that rule by E50 first. A cancelled one
    counts while it runs on.
    """
    found = [state for state in states if _is_now(state, now) and _is_known(state)]
    return tuple(show_event(state, now) for state in sorted(found, key=_rank))


def next_event(states: States, now: datetime) -> Optional[Event]:
    """The event that starts next, or None; one opted out of is not waited for."""
    ahead = [
        state
        for state in states
        if state.start > now and state.cancelled is None and state.opt != "optOut"
    ]
    first = min((state.start for state in ahead), default=None)
    found = [state for state in ahead if state.start == first]
    return show_event(min(found, key=_rank), now) if found else None


def show_event(state: EventState, now: datetime) -> Event:
    """The event as it is now: status (E27) and current values (E39: 0 outside active for SIMPLE,
    else none).
    """
    event, descriptor = state.event, state.event.event_descriptor
    if state.opt is not None:
        event = event.replace(opt=state.opt)
    status = timing.status(state, now)
    running = _is_now(state, now)
    values = [
        _current_value(state, signal, now) if running else _idle_value(signal)
        for signal in event.event_signals
    ]
    if any(value != signal.current_value for value, signal in zip(values, event.event_signals)):
        event = event.replace(
            event_signals=[
                signal.replace(current_value=value)
                for value, signal in zip(values, event.event_signals)
            ]
        )
    if status != descriptor.event_status:
        event = event.replace(event_descriptor=descriptor.replace(event_status=status))
    return event


def _current_value(state: EventState, signal: EventSignal, now: datetime) -> Optional[Number]:
    piece = timing.current_span(state, signal, now)
    return _idle_value(signal) if piece is None else signal.intervals[piece.position].signal_payload


def _idle_value(signal: EventSignal) -> Optional[Number]:
    return 0 if signal.signal_name in SIMPLE else None


def _is_known(state: EventState) -> bool:
    return state.code == "200" and (state.cancelled != "list" or state.started)


def _is_now(state: EventState, now: datetime) -> bool:
    """Whether the event's time is now; after a cancellation only what runs on (E31)."""
    if now < state.start or state.over or (state.cancelled is not None and not state.started):
        return False
    end = timing.end_of_run(state)
    return (end is None or now < end) and (state.cancelled is None or state.end_at is not None)


def _by_start(state: EventState) -> tuple[datetime, str]:
    return state.start, state.event.event_id


def _rank(state: EventState) -> Rank:
    """Rule E50: lower non-zero priority first, 0 or absent last; then what became active first.
    So it is decided which of two events that overlap rules (E49); the ID decides between equals.
    """
    return state.event.priority or float("inf"), state.start, state.event.event_id


# --- what rules -----------------------------------------------------------------------------------


def current_level(states: States, now: datetime) -> int:
    """The SIMPLE level that rules now, 0 to 3 (E42); test events and events not opted in to do not
    count (E41).
    """
    level = signal_now(states, "SIMPLE", now)
    return 0 if level is None else min(max(int(level), 0), HIGHEST_LEVEL)


def signal_now(states: States, signal_name: str, now: datetime) -> Optional[Number]:
    """The payload of that signal that rules now (E50), or None.

    Events compete for each signal by itself: a price of one programme does not silence the level of
    another. Test events and events not opted in to do not count, nor does an interval without a
    value.
    """
    names = _spellings(signal_name)
    found = [
        state
        for state in states
        if _is_now(state, now) and is_in_force(state) and _signal(state, names) is not None
    ]
    for state in sorted(found, key=_rank):
        signal = _signal(state, names)
        piece = timing.current_span(state, signal, now) if signal is not None else None
        if signal is not None and piece is not None:
            value: Optional[Number] = signal.intervals[piece.position].signal_payload
            if value is not None:
                return value
    return None


def is_in_force(state: EventState) -> bool:
    """Whether loads are to follow the event: opted in to (or running while a change of it is
    decided), and no test (E41).
    """
    return (
        state.participates and (state.started or not state.waiting) and not state.event.test_event
    )


def _spellings(signal_name: str) -> tuple[str, ...]:
    return SIMPLE if signal_name in SIMPLE else (signal_name,)


def _signal(state: EventState, names: tuple[str, ...]) -> Optional[EventSignal]:
    """The event's signal of that name; one for all devices comes before one for a device class
    (E44).
    """
    found = [
        signal
        for position, signal in enumerate(state.event.event_signals)
        if signal.signal_name in names and position not in state.other_devices
    ]
    return min(found, key=lambda signal: len(signal.targets), default=None)


# --- what comes -----------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """One interval of one event. ``rank``: what has no value comes last, then E50 decides."""

    rank: tuple[bool, Rank]
    start: datetime
    end: datetime
    state: EventState
    signal: EventSignal
    position: int


def schedule(
    states: States, now: datetime, hours: Union[float, int] = 24
) -> tuple[ScheduleRow, ...]:
    """What rules in the next ``hours``, signal by signal, by time: at each moment the row says what
    ``signal_now`` will say.

    Rows are cut to [now, now + hours) and where another event supersedes (E50); a superseded event
    has further rows where it resumes.
    """
    until = _end_of(now, hours)
    taking_part = [
        state for state in states if is_in_force(state) and _is_known(state) and not state.over
    ]
    names = sorted(
        {
            _spellings(signal.signal_name)
            for state in taking_part
            for signal in state.event.event_signals
        }
    )
    rows = [
        row
        for spellings in names
        for row in _find_ruling(list(_list_pieces(taking_part, spellings, now, until)))
    ]
    return tuple(
        sorted(rows, key=lambda row: (row.start, row.signal.signal_name, row.event.event_id))
    )


def _end_of(now: datetime, hours: float) -> datetime:
    try:
        return shift(now, timedelta(hours=hours))
    except (OverflowError, ValueError):  # more hours than a timedelta holds, or no number
        return LAST if hours > 0 else now


def _list_pieces(
    states: Iterable[EventState], names: tuple[str, ...], now: datetime, until: datetime
) -> Iterator[_Piece]:
    """The intervals of that signal that lie within [now, until), whoever rules."""
    for state in states:
        signal = _signal(state, names)
        last = (state.end if state.cancelled is None else timing.end_of_run(state)) or until
        if (
            signal is None
            or state.start >= until
            or last <= now
            or (state.cancelled is not None and not _is_now(state, now))
        ):
            continue
        for piece in timing.interval_spans(state, signal):
            start, end = max(piece.start, now), min(piece.end or until, last, until)
            if start < end:
                empty = signal.intervals[piece.position].signal_payload is None
                yield _Piece((empty, _rank(state)), start, end, state, signal, piece.position)


def _find_ruling(pieces: list[_Piece]) -> Iterator[ScheduleRow]:
    """Sweep over all boundaries, the best of those that run first; neighbours of one interval
    become one row.
    """
    pieces.sort(key=lambda piece: piece.start)
    moments = sorted({moment for piece in pieces for moment in (piece.start, piece.end)})
    heap: list[tuple[tuple[bool, Rank], int]] = []
    begun, row = 0, None
    for start, end in zip(moments, moments[1:]):
        while begun < len(pieces) and pieces[begun].start <= start:
            heapq.heappush(heap, (pieces[begun].rank, begun))
            begun += 1
        while heap and pieces[heap[0][1]].end <= start:
            heapq.heappop(heap)
        following = _row(pieces[heap[0][1]], start, end) if heap else None
        if (
            row is not None
            and following is not None
            and row.end == start
            and row.interval is following.interval
        ):
            row = ScheduleRow(row.start, end, row.event, row.signal, row.interval, row.payload)
            continue
        if row is not None:
            yield row
        row = following
    if row is not None:
        yield row


def _row(piece: _Piece, start: datetime, end: datetime) -> ScheduleRow:
    interval = piece.signal.intervals[piece.position]
    return ScheduleRow(
        start, end, piece.state.event, piece.signal, interval, interval.signal_payload
    )
