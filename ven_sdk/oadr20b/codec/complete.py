"""What messages leave to be derived: starts, lengths and numbers of intervals (rules E36,
T21).

Called by the reader on records that nobody else has seen yet, the only moment at which a field is
ever set later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, Callable, Optional

from ...schema.events import Event, EventBaseline, Interval
from ...schema.record import Record
from ..schema.reports import Report, ReportInterval
from .findings import Element, Findings

START, LENGTH, UID = 1, 2, 4
DERIVABLE = {"dtstart": START, "duration": LENGTH, "uid": UID}
"""The bits of ``derived``, by the field that was not in the message and is not written either."""
_ZERO = timedelta(0)


def _setter(cls: type[Record], field: str) -> Callable[[Record, object], None]:
    """Sets a field of a record, which is immutable for everybody else."""
    member: MemberDescriptorType = vars(cls)[field]
    return member.__set__


_set_start = _setter(Interval, "dtstart")
_set_length = _setter(Interval, "duration")
_set_uid = _setter(Interval, "uid")
_set_derived = _setter(Interval, "derived")
_set_report_start = _setter(ReportInterval, "dtstart")
_set_report_derived = _setter(ReportInterval, "derived")


# What a message may leave out; in the events that anybody else sees it is there.
_start_of: Callable[[Interval], Optional[datetime]] = attrgetter("dtstart")
_length_of: Callable[[Interval], Optional[timedelta]] = attrgetter("duration")
_uid_of: Callable[[Interval], Optional[str]] = attrgetter("uid")


def complete_event(event: Event, element: Element, findings: Findings) -> None:
    """Fill in the intervals of an event, and refuse one that nobody could execute: no signals, or
    beyond all calendars.
    """
    period = event.active_period
    start, length = period.dtstart, period.duration
    try:
        end = start + length
        _probe(event, end)
        for signal in event.event_signals:
            _fill(signal.intervals, start, end if length else None)
    except OverflowError:
        findings.fail(
            element,
            "reaches beyond the calendar, which ends with the year 9999",
            inside="eiEvent/eiActivePeriod",
        )
    if event.event_descriptor.event_status != "cancelled":
        if not event.event_signals or not all(signal.intervals for signal in event.event_signals):
            findings.fail(element, "has no signal with intervals", inside="eiEvent/eiEventSignals")


def _probe(event: Event, end: datetime) -> None:
    """Raise OverflowError if a moment that belongs to the event does not exist."""
    period = event.active_period
    if period.tolerance or period.recovery_period:
        end + (period.tolerance or _ZERO) + abs(period.recovery_period or _ZERO)
    if period.notification_period or period.ramp_up_period:
        period.dtstart - abs(period.ramp_up_period or _ZERO) - (period.notification_period or _ZERO)


def complete_baseline(baseline: EventBaseline, element: Element, findings: Findings) -> None:
    """The same for a baseline, which has a start of its own."""
    try:
        _fill(baseline.intervals, baseline.dtstart, baseline.dtstart + baseline.duration)
    except OverflowError:
        findings.fail(element, "reaches beyond the calendar, which ends with the year 9999")


def _fill(intervals: Sequence[Interval], moment: datetime, end: Optional[datetime]) -> None:
    for position, interval in enumerate(intervals):
        derived = 0
        start = _start_of(interval)
        if start is None:
            _set_start(interval, moment)
            derived = START
        else:
            moment = start
        length = _length_of(interval)
        if length is None:
            length = _length(intervals, position, moment, end)
            _set_length(interval, length)
            derived |= LENGTH
        if _uid_of(interval) is None:
            _set_uid(interval, str(position))
            derived |= UID
        if derived:
            _set_derived(interval, derived)
        moment += length


def _length(
    intervals: Sequence[Interval], position: int, moment: datetime, end: Optional[datetime]
) -> timedelta:
    """An interval without a length lasts until the next one that says when it starts, or to the
    end.
    """
    following = _start_of(intervals[position + 1]) if position + 1 < len(intervals) else end
    return max(following - moment, _ZERO) if following is not None else _ZERO


def complete_report(report: Report, element: Element, findings: Findings) -> None:
    """Fill in the starts of a report's intervals: each begins where the one before it ended
    (T21).
    """
    moment = report.dtstart
    try:
        for interval in report.intervals:
            if interval.dtstart is not None:
                moment = interval.dtstart
            elif moment is not None:
                _set_report_start(interval, moment)
                _set_report_derived(interval, START)
            if moment is not None and interval.duration:
                moment += interval.duration
    except OverflowError:
        findings.fail(
            element,
            "reaches beyond the calendar, which ends with the year 9999",
            inside="intervals",
        )


COMPLETIONS: dict[type[Record], Callable[[Any, Element, Findings], None]] = {
    Event: complete_event,
    EventBaseline: complete_baseline,
    Report: complete_report,
}
"""By the class of the records that a function completes: it is called with no others."""
