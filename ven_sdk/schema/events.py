"""Events, whatever the protocol that brings them. Declarations and views only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Optional, Union

from ..argument_names import named_arguments
from ..enums import EVENT_STATUS, RESPONSE_REQUIRED, SIGNAL_NAME, SIGNAL_TYPE
from ..presentation import plot_of
from . import declarations as wire
from .common import URI, Period, Target, by_type
from .declaration import Declaration
from .element import element
from .items import Items
from .record import Record, leading_view, view
from .units import Measurement

Number = Union[int, float]


@element
class EventDescriptor(Record):
    """What an event is: its identity and circumstances. ``test_event`` follows rule E41; its text
    on the wire is kept.
    """

    event_id: str = wire.text("ei:eventID", pattern=r"(?s).*\S.*", refused=True)
    modification_number: int = wire.integer("ei:modificationNumber")
    modification_date_time: Optional[datetime] = wire.date_time(
        "ei:modificationDateTime", optional=True, default=None
    )
    modification_reason: Optional[str] = wire.text(
        "ei:modificationReason", optional=True, default=None
    )
    priority: Optional[int] = wire.integer("ei:priority", optional=True, default=None)
    market_context: Optional[str] = wire.text(
        "ei:eiMarketContext/emix:marketContext", otherwise=None, pattern=URI
    )
    created_date_time: Optional[datetime] = wire.date_time("ei:createdDateTime", otherwise=None)
    event_status: str = wire.token("ei:eventStatus", EVENT_STATUS.values, refused=True)
    test_event: bool = wire.test_flag("ei:testEvent", text_in="test_event_text", default=False)
    vtn_comment: Optional[str] = wire.text("ei:vtnComment", optional=True, default=None)
    test_event_text: Optional[str] = wire.unwired_field(default=None)


@element
class ActivePeriod(Period):
    """When an event is active."""

    components: ClassVar[Declaration] = wire.constant("xcal:components")


@element
class Interval(Record):
    """One step of a signal or baseline.

    ``dtstart`` is always filled in after reading, from the durations where the message leaves it
    out, as are ``duration`` and ``uid``; ``derived`` has a bit (1, 2, 4) for each of the three that
    was, and the writer leaves these out again. ``signal_payload`` is None where a VTN leaves it
    out, which breaks the schema.
    """

    dtstart: datetime = wire.date_time("xcal:dtstart?/xcal:date-time", vital=True, default=None)
    duration: timedelta = wire.duration("xcal:duration?/xcal:duration", vital=True, default=None)
    uid: str = wire.text("xcal:uid?/xcal:text", default=None)
    signal_payload: Optional[Number] = wire.number(
        "ei:signalPayload/ei:payloadFloat/ei:value", otherwise=None, vital=True
    )
    derived: int = wire.unwired_field(default=0)


@element
class EventSignal(Record):
    """One signal of an event: what to do, over which intervals. Its targets are device classes
    only.
    """

    intervals: Items[Interval] = wire.children(
        "strm:intervals/ei:interval", Interval, at_least=1, default=()
    )
    targets: Items[Target] = wire.targets("ei:eiTarget?", Target, default=())
    signal_name: str = wire.token("ei:signalName", SIGNAL_NAME.values, extensible=True)
    signal_type: str = wire.token("ei:signalType", SIGNAL_TYPE.values)
    signal_id: str = wire.text("ei:signalID", otherwise="")
    measurement: Optional[Measurement] = wire.measurement(Measurement, default=None)
    current_value: Optional[Number] = wire.number(
        "ei:currentValue?/ei:payloadFloat/ei:value", default=None
    )

    @view
    def targets_by_type(self) -> dict[str, list[object]]:
        """The targets grouped by kind."""
        return by_type(self.targets)


@element
class EventBaseline(Record):
    """What would have been used without the event; it has a start of its own."""

    dtstart: datetime = wire.date_time("xcal:dtstart/xcal:date-time")
    duration: timedelta = wire.duration("xcal:duration/xcal:duration")
    intervals: Items[Interval] = wire.children(
        "strm:intervals/ei:interval", Interval, at_least=1, default=()
    )
    baseline_id: str = wire.text("ei:baselineID", otherwise="")
    resource_ids: Items[str] = wire.texts("ei:resourceID", default=())
    baseline_name: str = wire.text("ei:baselineName", otherwise="")
    measurement: Optional[Measurement] = wire.measurement(Measurement, default=None)


@element
class Event(Record):
    """One event, whole. The descriptor's fields can be read on the event itself as well."""

    event_descriptor: EventDescriptor = wire.child("ei:eiEvent/ei:eventDescriptor", EventDescriptor)
    active_period: ActivePeriod = wire.child("ei:eiEvent/ei:eiActivePeriod", ActivePeriod)
    event_signals: Items[EventSignal] = wire.children(
        "ei:eiEvent/ei:eiEventSignals/ei:eiEventSignal", EventSignal, at_least=1, default=()
    )
    event_baseline: Optional[EventBaseline] = wire.child(
        "ei:eiEvent/ei:eiEventSignals/ei:eiEventBaseline",
        EventBaseline,
        optional=True,
        default=None,
    )
    targets: Items[Target] = wire.targets("ei:eiEvent/ei:eiTarget", Target, default=())
    response_required: str = wire.token(
        "oadr:oadrResponseRequired",
        RESPONSE_REQUIRED.values,
        default="always",
        otherwise="always",
        refused=True,
        vital=True,
    )

    opt: Optional[str] = wire.unwired_field(default=None)
    """What this VEN answered, ``optIn`` or ``optOut``, in the events that a client hands out; None
    before the answer. No part of the message, and no key.
    """

    @leading_view
    def event_id(self) -> str:
        """``event_descriptor.event_id``."""
        return self.event_descriptor.event_id

    @leading_view
    def modification_number(self) -> int:
        """``event_descriptor.modification_number``."""
        return self.event_descriptor.modification_number

    @leading_view
    def modification_date_time(self) -> Optional[datetime]:
        """``event_descriptor.modification_date_time``."""
        return self.event_descriptor.modification_date_time

    @leading_view
    def modification_reason(self) -> Optional[str]:
        """``event_descriptor.modification_reason``."""
        return self.event_descriptor.modification_reason

    @leading_view
    def event_status(self) -> str:
        """``event_descriptor.event_status``."""
        return self.event_descriptor.event_status

    @leading_view
    def test_event(self) -> bool:
        """``event_descriptor.test_event``."""
        return self.event_descriptor.test_event

    @leading_view
    def priority(self) -> Optional[int]:
        """``event_descriptor.priority``."""
        return self.event_descriptor.priority

    @leading_view
    def market_context(self) -> Optional[str]:
        """``event_descriptor.market_context``."""
        return self.event_descriptor.market_context

    @leading_view
    def created_date_time(self) -> Optional[datetime]:
        """``event_descriptor.created_date_time``."""
        return self.event_descriptor.created_date_time

    @leading_view
    def vtn_comment(self) -> Optional[str]:
        """``event_descriptor.vtn_comment``."""
        return self.event_descriptor.vtn_comment

    @view
    def targets_by_type(self) -> dict[str, list[object]]:
        """The targets grouped by kind."""
        return by_type(self.targets)

    @view
    def target(self) -> Optional[Target]:
        """The first target, or None."""
        return self.targets[0] if self.targets else None

    @named_arguments
    def plot(self, axes: object = None, tz: object = None) -> object:
        """Draw each signal over time, in a panel of its own, or all of them in matplotlib's
        ``axes``; times in ``tz`` (a ``tzinfo``, a name such as ``'Europe/Berlin'``, or ``'local'``;
        UTC if left out).

        Returns the axes (of the first signal; ``.figure`` has all). ConfigurationError without
        matplotlib (extra ``plot``).
        """
        return plot_of(self, axes, tz)
