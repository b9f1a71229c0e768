"""What users and data points hold of reports, whatever the protocol: sampling rates, descriptions,
statuses, values. Declarations only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Optional, Union

from ..enums import DATA_QUALITY, READING_TYPE, REPORT_TYPE
from . import slots as wire
from .common import URI, Target
from .record import Record, element
from .units import Measurement

Number = Union[int, float]


@element
class SamplingRate(Record):
    """How often a data point can be sampled: fastest and slowest, or on change."""

    positional = ("min_period", "max_period", "on_change")
    min_period: timedelta = wire.duration("oadr:oadrMinPeriod")
    max_period: timedelta = wire.duration("oadr:oadrMaxPeriod")
    on_change: bool = wire.boolean("oadr:oadrOnChange", default=False, otherwise=False)


@element
class ReportDescription(Record):
    """One data point of a catalogue."""

    r_id: str = wire.text("ei:rID")
    report_subject: tuple[Target, ...] = wire.targets("ei:reportSubject?", Target)
    report_data_source: tuple[Target, ...] = wire.targets("ei:reportDataSource?", Target)
    report_type: str = wire.token("ei:reportType", REPORT_TYPE.values, extensible=True)
    measurement: Optional[Measurement] = wire.measurement(Measurement)
    reading_type: str = wire.token(
        "ei:readingType", READING_TYPE.values, extensible=True, otherwise="x-notApplicable"
    )
    market_context: Optional[str] = wire.text("emix:marketContext", optional=True, pattern=URI)
    sampling_rate: Optional[SamplingRate] = wire.child(
        "oadr:oadrSamplingRate", SamplingRate, optional=True
    )


@element
class LoadControlState(Record):
    """One quantity of a controllable load. Only the current value is needed. A plain number stands
    for it alone.
    """

    positional = ("current", "min", "max", "normal")
    min: Optional[Number] = wire.number("oadr:oadrMin", optional=True)
    max: Optional[Number] = wire.number("oadr:oadrMax", optional=True)
    current: Number = wire.number("oadr:oadrCurrent")
    normal: Optional[Number] = wire.number("oadr:oadrNormal", optional=True)

    @classmethod
    def of(cls, given: Any) -> "LoadControlState":
        """A state of a LoadControlState, of a dict of its fields, or of the current value."""
        if isinstance(given, cls):
            return given
        return cls.from_dict(given) if isinstance(given, Mapping) else cls(current=given)


@element
class ResourceStatus(Record):
    """Whether a resource is online or overridden by hand, and the state of its load control where
    it has one.
    """

    positional = (
        "online",
        "manual_override",
        "capacity",
        "level_offset",
        "percent_offset",
        "set_point",
    )
    online: bool = wire.boolean("oadr:oadrOnline")
    manual_override: bool = wire.boolean("oadr:oadrManualOverride", default=False, otherwise=False)
    capacity: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrCapacity", LoadControlState, optional=True
    )
    level_offset: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrLevelOffset", LoadControlState, optional=True
    )
    percent_offset: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrPercentOffset", LoadControlState, optional=True
    )
    set_point: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrSetPoint", LoadControlState, optional=True
    )


@element
class ReportPayload(Record):
    """One value of one data point: a number in ``value``, or a ``resource_status``."""

    r_id: str = wire.text("ei:rID")
    confidence: Optional[int] = wire.integer("ei:confidence", optional=True, high=100)
    accuracy: Optional[Number] = wire.number("ei:accuracy", optional=True)
    value: Optional[Number] = wire.number("ei:payloadFloat?/ei:value")
    resource_status: Optional[ResourceStatus] = wire.child(
        "oadr:oadrPayloadResourceStatus", ResourceStatus, optional=True
    )
    data_quality: Optional[str] = wire.token(
        "oadr:oadrDataQuality", DATA_QUALITY.values, optional=True, extensible=True
    )

    def flaw(self) -> str:
        """There is one ``ei:payloadBase``, no less and no more."""
        if (self.value is None) is not (self.resource_status is None):
            return ""
        return "value or resource_status: exactly one of the two is needed"
