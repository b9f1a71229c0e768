"""What the letter of the specification wants of a VEN's catalogues and of its data. Pure functions;
see :mod:`.letter`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Optional

from ...oadr20b.schema.reports import (
    RegisterReport,
    Report,
    ReportInterval,
    ReportRequest,
    UpdateReport,
)
from ...schema.points import SUMMED, ReportDescription
from .reports import METADATA
from .vens import Ven

USAGE = ("powerReal", "energyReal", "pulseCount")


def catalogue(record: RegisterReport, ven: Ven) -> list[str]:
    """A catalogue: whole, unique, and with the fixed content of well-known names."""
    found = []
    asked = {
        request_id
        for request_id, each in ven.asked.items()
        if each.request.report_specifier.report_specifier_id == METADATA
    }
    if record.report_request_id and record.report_request_id not in asked:
        found.append("a catalogue that nobody asked for has a reportRequestID (CR 311)")
    specifiers = [report.report_specifier_id for report in record.reports]
    found += [
        f"reportSpecifierID {each!r} stands in the catalogue twice (CR 308)"
        for each in _find_doubles(specifiers)
    ]
    for report in record.reports:
        found += [f"{report.report_specifier_id!r}: {what}" for what in _offer(report)]
    return found


def _find_doubles(names: Sequence[str]) -> list[str]:
    return [each for each in dict.fromkeys(names) if names.count(each) > 1]


def _offer(report: Report) -> list[str]:
    found = []
    if report.report_request_id != "0":
        found.append(f"reportRequestID is {report.report_request_id!r}, not 0 (CR 311)")
    if report.intervals or report.dtstart is not None:
        found.append("a catalogue has neither dtstart nor intervals (CR 305)")
    if report.report_id is not None:
        found.append("eiReportID is not used (CR 339)")
    if report.duration is None:
        found.append("duration is missing (CR 312)")
    points = report.report_descriptions
    found += [f"rID {each!r} stands there twice (CR 308)" for each in _doubled_points(points)]
    name = report.report_name or ""
    for point in points:
        found += [f"rID {point.r_id!r}: {what}" for what in _point(point, name, report.duration)]
    if not name.startswith(("METADATA_", "x-")):
        found.append(f"reportName {name!r} has no METADATA_ before it (CR 308)")
    return found


def _doubled_points(points: Iterable[ReportDescription]) -> list[str]:
    return _find_doubles([point.r_id for point in points])


def _point(point: ReportDescription, name: str, kept: Optional[timedelta]) -> list[str]:
    found = []
    rate = point.sampling_rate
    if rate is None and name.startswith("METADATA_TELEMETRY"):
        found.append("oadrSamplingRate is missing (CR 333)")
    if rate is not None and kept is not None and rate.max_period > kept:
        found.append(f"it may be sampled each {rate.max_period}, but {kept} are kept (CR 312)")
    return found + _content(point, name)


def _content(point: ReportDescription, name: str) -> list[str]:
    """Well-known names come with fixed content."""
    unit = point.measurement.name if point.measurement is not None else None
    if name.endswith("_USAGE") and not name.startswith("x-"):
        wanted = point.report_type == "usage" and point.reading_type == "Direct Read"
        if not wanted or unit not in USAGE:
            return [
                f"{name} with {point.report_type}, {unit}, {point.reading_type}: the well-known "
                "name goes with usage, powerReal, energyReal or pulseCount, and Direct Read; give "
                "it a name that begins with x- (CR 331)"
            ]
    if name == "METADATA_TELEMETRY_STATUS":
        wanted = point.report_type == "x-resourceStatus" and unit is None
        if not wanted or point.reading_type != "x-notApplicable":
            return [f"{name} goes with x-resourceStatus, no unit, x-notApplicable (CR 331)"]
    return []


# --- requests of the VEN --------------------------------------------------------------------------


def requests(wanted: Iterable[ReportRequest]) -> list[str]:
    """What a VEN asks of the VTN: readingType says nothing, and METADATA has rID 0."""
    found = []
    for request in wanted:
        specifier = request.report_specifier
        for each in specifier.specifier_payloads:
            about = f"request {request.report_request_id!r}, rID {each.r_id!r}"
            if each.reading_type != "x-notApplicable":
                found.append(f"{about}: readingType is {each.reading_type!r} (CR 338)")
            if each.measurement is not None:
                found.append(f"{about}: a request has no itemBase (CR 321)")
            if specifier.report_specifier_id == METADATA and each.r_id != "0":
                found.append(f"{about}: METADATA is asked for with rID 0 (CR 308)")
    return found


# --- data -----------------------------------------------------------------------------------------


def data(record: UpdateReport, ven: Ven) -> list[str]:
    """Reports with data."""
    return [
        f"report {report.report_request_id!r}: {what}"
        for report in record.reports
        for what in _data(report, ven)
    ]


def _data(report: Report, ven: Ven) -> list[str]:
    found = []
    name = report.report_name or ""
    if "METADATA" in name:
        found.append(f"reportName is {name!r}: data has the name without METADATA_ (CR 313)")
    if report.report_descriptions:
        found.append("data comes without descriptions (CR 313)")
    if report.dtstart is None:
        found.append("dtstart is missing (CR 313)")
    stamped = [each for each in report.intervals if each.dtstart is not None and not each.derived]
    if report.dtstart is not None and stamped and report.dtstart != stamped[0].dtstart:
        found.append("dtstart is not that of the first interval (CR 314)")
    if 0 < len(stamped) < len(report.intervals):
        found.append("some intervals have a dtstart, others not (CR 314)")
    moments = [each.dtstart for each in stamped if each.dtstart is not None]
    if moments != sorted(moments):
        found.append("intervals do not stand oldest first (CR 314)")
    if any(not each.uid for each in report.intervals if each.derived):
        found.append("an interval without dtstart has no uid (CR 316)")
    return found + _points(report, ven)


def _points(report: Report, ven: Ven) -> list[str]:
    asked = ven.asked.get(report.report_request_id)
    offered = {
        point.r_id: point
        for offer in ven.offers
        if offer.report_specifier_id == report.report_specifier_id
        for point in offer.report_descriptions
    }
    if asked is None or not offered:
        return []
    wanted = [each.r_id for each in asked.request.report_specifier.specifier_payloads]
    found = []
    for interval in report.intervals:
        there = [payload.r_id for payload in interval.report_payloads]
        missing = [r_id for r_id in wanted if r_id not in there]
        if missing and not interval.feed:
            found.append(f"an interval lacks {', '.join(map(repr, missing))} (CR 300)")
        found += _duration(interval, [offered[r_id] for r_id in there if r_id in offered])
        found += _quality(interval)
    return list(dict.fromkeys(found))


def _duration(interval: ReportInterval, points: Sequence[ReportDescription]) -> list[str]:
    """Sums are about a span, instants are not; a mixture may have one."""
    sums = [point.measurement is not None and point.measurement.name in SUMMED for point in points]
    if sums and all(sums) and not interval.duration:
        return ["an interval of summed values has no duration (CR 315, 342)"]
    if sums and not any(sums) and interval.duration is not None:
        return ["an interval of values of an instant has a duration (CR 315, 342)"]
    return []


def _quality(interval: ReportInterval) -> list[str]:
    return [
        f"rID {each.r_id!r} is marked {each.data_quality!r}: what stands in for a missing value is "
        "of the Quality Bad family (CR 318)"
        for each in interval.report_payloads
        if (each.data_quality or "").startswith("No Quality")
    ]
