"""EiReport: catalogues, requests and data (messages.md section 6). Declarations only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Optional, Union

from ...enums import DATA_QUALITY, READING_TYPE, REPORT_NAME, REPORT_TYPE
from ...schema import slots as wire
from ...schema.common import URI, EiResponse, Payload, Period, Target, schema_version
from ...schema.record import Record, element
from ...schema.units import Measurement

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


@element
class ReportInterval(Record):
    """The values of one moment or span, one payload for each data point; or a Green Button
    ``feed``.

    ``dtstart`` is filled in after reading where the message leaves it out; ``derived`` is 1 then.
    """

    dtstart: Optional[datetime] = wire.date_time("xcal:dtstart?/xcal:date-time")
    duration: Optional[timedelta] = wire.duration("xcal:duration?/xcal:duration")
    uid: Optional[str] = wire.text("xcal:uid?/xcal:text")
    report_payloads: tuple[ReportPayload, ...] = wire.children(
        "oadr:oadrReportPayload", ReportPayload
    )
    feed: Optional[str] = wire.markup("oadr:oadrGBPayload?/atom:feed", optional=False)
    derived: int = wire.unwired(default=0)

    def flaw(self) -> str:
        """There is at least one ``strm:streamPayloadBase``."""
        return (
            ""
            if self.report_payloads or self.feed
            else "report_payloads or feed: at least one is needed"
        )


@element
class Report(Record):
    """A catalogue entry (``report_descriptions``, ``report_request_id`` 0) or data (``dtstart``,
    ``intervals``).
    """

    dtstart: Optional[datetime] = wire.date_time("xcal:dtstart?/xcal:date-time")
    duration: Optional[timedelta] = wire.duration("xcal:duration?/xcal:duration")
    intervals: tuple[ReportInterval, ...] = wire.children(
        "strm:intervals?/ei:interval", ReportInterval
    )
    report_id: Optional[str] = wire.text("ei:eiReportID", optional=True)
    report_descriptions: tuple[ReportDescription, ...] = wire.children(
        "oadr:oadrReportDescription", ReportDescription
    )
    report_request_id: str = wire.text("ei:reportRequestID", default="0", otherwise="")
    report_specifier_id: str = wire.text("ei:reportSpecifierID")
    report_name: Optional[str] = wire.token(
        "ei:reportName", REPORT_NAME.values, optional=True, extensible=True
    )
    created_date_time: Optional[datetime] = wire.date_time("ei:createdDateTime", otherwise=None)


@element
class ReportPeriod(Period):
    """The span that a report request covers; a zero duration means until it is cancelled."""


@element
class SpecifierPayload(Record):
    """One data point that is asked for."""

    r_id: str = wire.text("ei:rID")
    measurement: Optional[Measurement] = wire.measurement(Measurement)
    reading_type: str = wire.token(
        "ei:readingType",
        READING_TYPE.values,
        extensible=True,
        default="x-notApplicable",
        otherwise="x-notApplicable",
    )


@element
class ReportSpecifier(Record):
    """What is asked for: spacing of samples, spacing of deliveries, the span, and the data
    points.
    """

    report_specifier_id: str = wire.text("ei:reportSpecifierID")
    granularity: Optional[timedelta] = wire.duration(
        "xcal:granularity/xcal:duration", otherwise=None
    )
    report_back_duration: Optional[timedelta] = wire.duration(
        "ei:reportBackDuration/xcal:duration", otherwise=None
    )
    report_interval: Optional[ReportPeriod] = wire.child(
        "ei:reportInterval", ReportPeriod, optional=True
    )
    specifier_payloads: tuple[SpecifierPayload, ...] = wire.children(
        "ei:specifierPayload", SpecifierPayload, at_least=1
    )


@element
class ReportRequest(Record):
    """A request for a report. ``report_request_id`` is the key of what runs because of it."""

    report_request_id: str = wire.text("ei:reportRequestID")
    report_specifier: ReportSpecifier = wire.child("ei:reportSpecifier", ReportSpecifier)


@element
class RegisterReport(Payload):
    """The catalogue of what the sender can report; ``report_request_id`` only in the answer to a
    METADATA request.
    """

    wire_name = "oadrRegisterReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    reports: tuple[Report, ...] = wire.children("oadr:oadrReport", Report)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)
    report_request_id: Optional[str] = wire.text("ei:reportRequestID", optional=True)


@element
class RegisteredReport(Payload):
    """The catalogue was received; requests may come with it (rule T12)."""

    wire_name = "oadrRegisteredReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    report_requests: tuple[ReportRequest, ...] = wire.children(
        "oadr:oadrReportRequest", ReportRequest
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class CreateReport(Payload):
    """Requests for reports."""

    wire_name = "oadrCreateReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    report_requests: tuple[ReportRequest, ...] = wire.children(
        "oadr:oadrReportRequest", ReportRequest, at_least=1
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class CreatedReport(Payload):
    """Answer to requests, with the IDs of all that run now (rule T11)."""

    wire_name = "oadrCreatedReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    pending_reports: tuple[str, ...] = wire.texts("oadr:oadrPendingReports/ei:reportRequestID")
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class UpdateReport(Payload):
    """Data."""

    wire_name = "oadrUpdateReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    reports: tuple[Report, ...] = wire.children("oadr:oadrReport", Report)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class CancelReport(Payload):
    """Ends requests; with ``report_to_follow`` one last report is wanted."""

    wire_name = "oadrCancelReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    report_request_ids: tuple[str, ...] = wire.texts("ei:reportRequestID", at_least=1)
    report_to_follow: bool = wire.boolean("pyld:reportToFollow", otherwise=False)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class UpdatedReport(Payload):
    """Data was received. A ``cancel_report`` in it gets no answer of its own (rule T31)."""

    wire_name = "oadrUpdatedReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    cancel_report: Optional[CancelReport] = wire.child(
        "oadr:oadrCancelReport", CancelReport, optional=True
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)


@element
class CanceledReport(Payload):
    """Requests were cancelled; the IDs of those that still run."""

    wire_name = "oadrCanceledReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    pending_reports: tuple[str, ...] = wire.texts("oadr:oadrPendingReports/ei:reportRequestID")
    ven_id: Optional[str] = wire.text("ei:venID", optional=True)
