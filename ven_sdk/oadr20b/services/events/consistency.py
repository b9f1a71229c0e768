"""Does an event make sense in itself: durations that add up, values in their range, signalIDs that
differ (E34, E55, E57). Asked in strict mode only; real VTNs send such events. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple, Optional

from ....instants import ZERO
from ....schema.events import Event, EventSignal, Interval, Number


class Range(NamedTuple):
    """The values that a signal may have; ``whole``: no fractions."""

    low: float
    high: float
    whole: bool = False

    def has(self, value: Optional[Number]) -> bool:
        """Whether ``value`` is one of them."""
        if value is None:
            return False
        return self.low <= value <= self.high and not (self.whole and value != int(value))


RANGES: Mapping[tuple[str, str], Range] = {
    ("SIMPLE", "level"): Range(0, 3, whole=True),
    ("simple", "level"): Range(0, 3, whole=True),
    ("CHARGE_STATE", "multiplier"): Range(0.0, 1.0),
    ("LOAD_DISPATCH", "level"): Range(-10, 10, whole=True),
    ("LOAD_CONTROL", "x-loadControlCapacity"): Range(0.0, 1.0),
    ("LOAD_CONTROL", "x-loadControlLevelOffset"): Range(-(2**31), 2**31, whole=True),
}


def find_contradiction(event: Event) -> Optional[str]:
    """What in ``event`` cannot be meant, in a sentence, or None."""
    return _find_wrong_length(event) or _find_wrong_value(event) or _find_same_id(event)


def _find_wrong_length(event: Event) -> Optional[str]:
    """E34: intervals add up to the event; one without end lasts as long as its last interval."""
    length = event.active_period.duration
    for signal in event.event_signals:
        found = _describe_length(signal.intervals, length)
        if found is not None:
            return f"the intervals of signal {signal.signal_name!r} {found}, the event {length}"
    baseline = event.event_baseline
    if baseline is not None:
        found = _describe_length(baseline.intervals, baseline.duration)
        if found is not None:
            return f"the intervals of the baseline {found}, the baseline {baseline.duration}"
    return None


def _describe_length(intervals: Iterable[Interval], length: timedelta) -> Optional[str]:
    lengths = [interval.duration or ZERO for interval in intervals]
    if not length:
        return f"last {sum(lengths, ZERO)}" if lengths and lengths[-1] else None
    return None if sum(lengths, ZERO) == length else f"last {sum(lengths, ZERO)}"


def _find_wrong_value(event: Event) -> Optional[str]:
    for signal in event.event_signals:
        allowed = RANGES.get((signal.signal_name, signal.signal_type))
        if allowed is None:
            continue
        for value in _values(signal):
            if not allowed.has(value):
                return f"{value} is no value of signal {signal.signal_name} {signal.signal_type}"
    return None


def _values(signal: EventSignal) -> Iterable[Optional[Number]]:
    return (interval.signal_payload for interval in signal.intervals)


def _find_same_id(event: Event) -> Optional[str]:
    """E55: signalIDs differ within an event."""
    ids = [signal.signal_id for signal in event.event_signals]
    twice = next((one for one in ids if ids.count(one) > 1), None)
    return None if twice is None else f"two signals have the signalID {twice!r}"
