"""What users and data points hold of reports, whatever the protocol: sampling rates, descriptions,
statuses, values. Declarations only.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Callable, ClassVar, NamedTuple, Optional, Union

from ..argument_names import named_arguments
from ..arguments import flag
from ..enums import DATA_QUALITY, READING_TYPE, REPORT_TYPE
from . import declarations as wire
from .common import URI, Target
from .element import element
from .items import Items
from .record import Record
from .units import Measurement

Number = Union[int, float]
Key = tuple[str, str]
"""What identifies a data point within its VEN: (report_specifier_id, r_id)."""
SUMMED = frozenset({"energyApparent", "energyReactive", "energyReal", "pulseCount"})
"""Measurements whose values are sums over a span."""
LEAST_KEPT, MOST_KEPT = 100, 4096
"""How many of the newest values of a data point are kept."""


@element
class SamplingRate(Record):
    """How often a data point can be sampled: fastest and slowest, or on change."""

    min_period: timedelta = wire.duration("oadr:oadrMinPeriod", kw_only=False)
    max_period: timedelta = wire.duration("oadr:oadrMaxPeriod", kw_only=False)
    on_change: bool = wire.boolean(
        "oadr:oadrOnChange", default=False, otherwise=False, kw_only=False
    )


@element
class ReportDescription(Record):
    """One data point of a catalogue."""

    r_id: str = wire.text("ei:rID")
    report_subject: Items[Target] = wire.targets("ei:reportSubject?", Target, default=())
    report_data_source: Items[Target] = wire.targets("ei:reportDataSource?", Target, default=())
    report_type: str = wire.token("ei:reportType", REPORT_TYPE.values, extensible=True)
    measurement: Optional[Measurement] = wire.measurement(Measurement, default=None)
    reading_type: str = wire.token(
        "ei:readingType", READING_TYPE.values, extensible=True, otherwise="x-notApplicable"
    )
    market_context: Optional[str] = wire.text(
        "emix:marketContext", optional=True, pattern=URI, default=None
    )
    sampling_rate: Optional[SamplingRate] = wire.child(
        "oadr:oadrSamplingRate", SamplingRate, optional=True, default=None
    )


@element
class LoadControlState(Record):
    """One quantity of a controllable load. Only the current value is needed. A plain number stands
    for it alone.
    """

    positional: ClassVar[tuple[str, ...]] = ("current", "min", "max", "normal")
    min: Optional[Number] = wire.number("oadr:oadrMin", optional=True, default=None)
    max: Optional[Number] = wire.number("oadr:oadrMax", optional=True, default=None)
    current: Number = wire.number("oadr:oadrCurrent")
    normal: Optional[Number] = wire.number("oadr:oadrNormal", optional=True, default=None)

    if TYPE_CHECKING:  # by position the fields have another order than on the wire

        def __init__(
            self,
            current: Number,
            min: Optional[Number] = None,
            max: Optional[Number] = None,
            normal: Optional[Number] = None,
        ) -> None: ...

    @classmethod
    @named_arguments
    def of(cls, given: Union[LoadControlState, Mapping[str, object], Number]) -> LoadControlState:
        """A state of a LoadControlState, of a dict of its fields, or of the current value."""
        if isinstance(given, cls):
            return given
        return cls.from_dict(given) if isinstance(given, Mapping) else cls(current=given)


_GivenState = Union[LoadControlState, Mapping[str, object], Number, None]


@element
class ResourceStatus(Record):
    """Whether a resource is online or overridden by hand, and the state of its load control where
    it has one.
    """

    online: bool = wire.boolean("oadr:oadrOnline", kw_only=False)
    manual_override: bool = wire.boolean(
        "oadr:oadrManualOverride", default=False, otherwise=False, kw_only=False
    )
    capacity: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrCapacity",
        LoadControlState,
        optional=True,
        default=None,
        kw_only=False,
    )
    level_offset: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrLevelOffset",
        LoadControlState,
        optional=True,
        default=None,
        kw_only=False,
    )
    percent_offset: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrPercentOffset",
        LoadControlState,
        optional=True,
        default=None,
        kw_only=False,
    )
    set_point: Optional[LoadControlState] = wire.child(
        "oadr:oadrLoadControlState?/oadr:oadrSetPoint",
        LoadControlState,
        optional=True,
        default=None,
        kw_only=False,
    )

    if TYPE_CHECKING:  # the constructor takes what stands for a LoadControlState too

        def __init__(
            self,
            online: bool,
            manual_override: bool = False,
            capacity: _GivenState = None,
            level_offset: _GivenState = None,
            percent_offset: _GivenState = None,
            set_point: _GivenState = None,
        ) -> None: ...

    def after_init(self) -> None:
        """Refuse a text such as ``'no'``, which would count as True. ``ConfigurationError`` for
        anything but True and False.
        """
        flag("online", self.online)
        flag("manual_override", self.manual_override)


@element
class ReportPayload(Record):
    """One value of one data point: a number in ``value``, or a ``resource_status``."""

    r_id: str = wire.text("ei:rID")
    confidence: Optional[int] = wire.integer("ei:confidence", optional=True, high=100, default=None)
    accuracy: Optional[Number] = wire.number("ei:accuracy", optional=True, default=None)
    value: Optional[Number] = wire.number("ei:payloadFloat?/ei:value", vital=True, default=None)
    resource_status: Optional[ResourceStatus] = wire.child(
        "oadr:oadrPayloadResourceStatus", ResourceStatus, optional=True, default=None
    )
    data_quality: Optional[str] = wire.token(
        "oadr:oadrDataQuality", DATA_QUALITY.values, optional=True, extensible=True, default=None
    )

    def flaw(self) -> str:
        """There is one ``ei:payloadBase``, no less and no more."""
        if (self.value is None) is not (self.resource_status is None):
            return ""
        return "value or resource_status: exactly one of the two is needed"


# --- what a VEN offers ---


@dataclass(frozen=True)
class DataPoint:
    """One thing that this VEN can report: one ``oadrReportDescription``, and where its values come
    from.

    ``callback`` None: values are pushed. ``ranged``: the callback is asked for a span (mode
    ``full``, and history). ``gaps`` ``mark``: where there is no value, a placeholder of bad quality
    goes out (T19); ``omit``: nothing. ``interval_duration``: whether its intervals have a duration;
    None: as T21 says, where it is ``summed``.
    """

    report_specifier_id: str
    r_id: str
    report_name: str
    data_collection_mode: str
    callback: Optional[Callable[..., object]]
    lane: Hashable
    measurement: Optional[Measurement]
    report_type: str
    reading_type: str
    sampling_rate: SamplingRate
    report_duration: timedelta
    report_dtstart: Optional[datetime]
    market_context: Optional[str]
    report_data_source: tuple[Target, ...]
    report_subject: tuple[Target, ...]
    resource_id: Optional[str]
    gaps: str = "mark"
    interval_duration: Optional[bool] = None

    @property
    def key(self) -> Key:
        """What identifies a data point within its VEN."""
        return (self.report_specifier_id, self.r_id)

    @property
    def is_ranged(self) -> bool:
        """Whether the callback is asked for a span of time."""
        return self.callback is not None and self.data_collection_mode == "full"

    @property
    def is_sampled(self) -> bool:
        """Whether the callback gives the value of now."""
        return self.callback is not None and self.data_collection_mode != "full"

    @property
    def is_summed(self) -> bool:
        """Whether a value is about a span (energy, pulses), not an instant (power, status)."""
        return self.measurement is not None and self.measurement.name in SUMMED

    @property
    def kept_values(self) -> int:
        """How many of its newest values the VEN keeps: those of ``report_duration`` at the fastest
        sampling, between 100 and ``MOST_KEPT`` (T41).
        """
        wanted = -(-self.report_duration // self.sampling_rate.min_period)
        return max(LEAST_KEPT, min(wanted, MOST_KEPT))

    @property
    def storage(self) -> timedelta:
        """How much of it is kept. What a range callback gives, its source keeps."""
        kept = self.kept_values * self.sampling_rate.min_period
        return self.report_duration if self.is_ranged else min(self.report_duration, kept)

    @property
    def is_history(self) -> bool:
        """Whether it is offered for the past only."""
        return self.report_name.startswith("HISTORY_")

    def description(self) -> ReportDescription:
        """What the catalogue says about it."""
        return ReportDescription(
            r_id=self.r_id,
            report_subject=self.report_subject,
            market_context=self.market_context,
            report_data_source=self.report_data_source,
            report_type=self.report_type,
            measurement=self.measurement,
            reading_type=self.reading_type,
            sampling_rate=self.sampling_rate,
        )


class OfferedReport(NamedTuple):
    """The data points that share a report_specifier_id; there is at least one."""

    points: tuple[DataPoint, ...]

    @property
    def specifier(self) -> str:
        """The report_specifier_id."""
        return self.points[0].report_specifier_id

    @property
    def name(self) -> str:
        """The report_name, which all of them share (T7)."""
        return self.points[0].report_name

    @property
    def duration(self) -> timedelta:
        """How much of it the VEN keeps, in whole seconds, at least a sampling period (T4)."""
        longest = max(max(point.storage, point.sampling_rate.max_period) for point in self.points)
        return -(-longest // timedelta(seconds=1)) * timedelta(seconds=1)
