"""EiReport: catalogues, requests and data. Declarations only."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Optional

from ...enums import READING_TYPE, REPORT_NAME
from ...errors import PayloadError
from ...schema import declarations as wire
from ...schema.common import Payload, Period
from ...schema.element import element
from ...schema.items import Items
from ...schema.points import ReportDescription, ReportPayload
from ...schema.record import Record
from ...schema.units import Measurement
from .responses import EiResponse, schema_version


@element
class ReportInterval(Record):
    """The values of one moment or span, one payload for each data point; or a Green Button
    ``feed``.

    ``dtstart`` is filled in after reading where the message leaves it out; ``derived`` is 1 then.
    """

    dtstart: Optional[datetime] = wire.date_time(
        "xcal:dtstart?/xcal:date-time", vital=True, default=None
    )
    duration: Optional[timedelta] = wire.duration(
        "xcal:duration?/xcal:duration", vital=True, default=None
    )
    uid: Optional[str] = wire.text("xcal:uid?/xcal:text", default=None)
    report_payloads: Items[ReportPayload] = wire.children(
        "oadr:oadrReportPayload", ReportPayload, vital=False, default=()
    )
    feed: Optional[str] = wire.markup("oadr:oadrGBPayload?/atom:feed", optional=False, default=None)
    derived: int = wire.unwired_field(default=0)

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

    dtstart: Optional[datetime] = wire.date_time(
        "xcal:dtstart?/xcal:date-time", vital=True, default=None
    )
    duration: Optional[timedelta] = wire.duration("xcal:duration?/xcal:duration", default=None)
    intervals: Items[ReportInterval] = wire.children(
        "strm:intervals?/ei:interval", ReportInterval, at_least=1, default=()
    )
    report_id: Optional[str] = wire.text("ei:eiReportID", optional=True, default=None)
    report_descriptions: Items[ReportDescription] = wire.children(
        "oadr:oadrReportDescription", ReportDescription, vital=False, default=()
    )
    report_request_id: str = wire.text("ei:reportRequestID", default="0", otherwise="")
    report_specifier_id: str = wire.text("ei:reportSpecifierID")
    report_name: Optional[str] = wire.token(
        "ei:reportName", REPORT_NAME.values, optional=True, extensible=True, default=None
    )
    created_date_time: Optional[datetime] = wire.date_time("ei:createdDateTime", otherwise=None)


@element
class ReportPeriod(Period):
    """The span that a report request covers; a zero duration means until it is cancelled, and so
    does none.
    """

    duration: timedelta = wire.duration(
        "xcal:properties/xcal:duration/xcal:duration", otherwise=timedelta(0), vital=True
    )


@element
class SpecifierPayload(Record):
    """One data point that is asked for."""

    r_id: str = wire.text("ei:rID")
    measurement: Optional[Measurement] = wire.measurement(Measurement, default=None)
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
        "xcal:granularity/xcal:duration", otherwise=None, vital=True
    )
    report_back_duration: Optional[timedelta] = wire.duration(
        "ei:reportBackDuration/xcal:duration", otherwise=None, vital=True
    )
    report_interval: Optional[ReportPeriod] = wire.child(
        "ei:reportInterval", ReportPeriod, optional=True, vital=True, default=None
    )
    specifier_payloads: Items[SpecifierPayload] = wire.children(
        "ei:specifierPayload", SpecifierPayload, at_least=1, default=()
    )


@element
class ReportRequest(Record):
    """A request for a report. ``report_request_id`` is the key of what runs because of it."""

    report_request_id: str = wire.text("ei:reportRequestID")
    report_specifier: ReportSpecifier = wire.child("ei:reportSpecifier", ReportSpecifier)


@element
class FaultyRequest(Record):
    """A report request that could not be read: what is known of it, as far as it could be, and
    why.
    """

    report_request_id: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    report_specifier_id: Optional[str] = wire.unwired_field(
        hidden=False, compare=True, default=None
    )
    error: PayloadError = wire.unwired_value(PayloadError)


@element
class FaultyReport(Record):
    """A report that could not be read: what is known of it, as far as it could be, and why."""

    report_request_id: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    report_specifier_id: Optional[str] = wire.unwired_field(
        hidden=False, compare=True, default=None
    )
    error: PayloadError = wire.unwired_value(PayloadError)


@element
class RegisterReport(Payload):
    """The catalogue of what the sender can report; ``report_request_id`` only in the answer to a
    METADATA request.
    """

    wire_name = "oadrRegisterReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    reports: Items[Report] = wire.children("oadr:oadrReport", Report, faulty="faulty", default=())
    faulty: Items[FaultyReport] = wire.unwired_items(FaultyReport, default=())
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
    report_request_id: Optional[str] = wire.text("ei:reportRequestID", optional=True, default=None)


@element
class RegisteredReport(Payload):
    """The catalogue was received; requests may come with it (rule T12)."""

    wire_name = "oadrRegisteredReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    report_requests: Items[ReportRequest] = wire.children(
        "oadr:oadrReportRequest", ReportRequest, faulty="faulty", default=()
    )
    faulty: Items[FaultyRequest] = wire.unwired_items(FaultyRequest, default=())
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class CreateReport(Payload):
    """Requests for reports."""

    wire_name = "oadrCreateReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    report_requests: Items[ReportRequest] = wire.children(
        "oadr:oadrReportRequest", ReportRequest, at_least=1, faulty="faulty", default=()
    )
    faulty: Items[FaultyRequest] = wire.unwired_items(FaultyRequest, default=())
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class CreatedReport(Payload):
    """Answer to requests, with the IDs of all that run now (rule T11)."""

    wire_name = "oadrCreatedReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    pending_reports: Items[str] = wire.texts(
        "oadr:oadrPendingReports/ei:reportRequestID", default=()
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class UpdateReport(Payload):
    """Data."""

    wire_name = "oadrUpdateReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    reports: Items[Report] = wire.children("oadr:oadrReport", Report, faulty="faulty", default=())
    faulty: Items[FaultyReport] = wire.unwired_items(FaultyReport, default=())
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class CancelReport(Payload):
    """Ends requests; with ``report_to_follow`` one last report is wanted."""

    wire_name = "oadrCancelReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    report_request_ids: Items[str] = wire.texts("ei:reportRequestID", at_least=1, default=())
    report_to_follow: bool = wire.boolean("pyld:reportToFollow", otherwise=False)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class UpdatedReport(Payload):
    """Data was received. A ``cancel_report`` in it gets no answer of its own (rule T31)."""

    wire_name = "oadrUpdatedReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    cancel_report: Optional[CancelReport] = wire.child(
        "oadr:oadrCancelReport", CancelReport, optional=True, default=None
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class CanceledReport(Payload):
    """Requests were cancelled; the IDs of those that still run."""

    wire_name = "oadrCanceledReport"
    service = "EiReport"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    pending_reports: Items[str] = wire.texts(
        "oadr:oadrPendingReports/ei:reportRequestID", default=()
    )
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
