"""How the report catalogue of OpenADR 2.0b shows itself in a notebook; imported where a VEN is put
together. Pure functions.
"""

from __future__ import annotations

from datetime import timedelta

from ..display.tables import table, target_text
from ..presentation import Row, html_of, row_of
from ..schema.points import ReportDescription
from ..schema.units import prefixed_unit
from .schema.reports import Report
from .state.opts import OptState


@row_of.register
def _(value: Report) -> Row:
    return {
        "report": value.report_specifier_id,
        "name": _plain_name(value),
        "data points": ", ".join(each.r_id for each in value.report_descriptions),
    }


@row_of.register
def _(value: OptState) -> Row:
    return {
        "opt": value.opt_id,
        "type": value.opt_type,
        "state": value.state,
        "event": value.record.event_id,
    }


@html_of.register(Report)
def report_html(report: Report) -> str:
    """A report of the catalogue: a line for every data point."""
    name, kind = report.report_specifier_id, _plain_name(report)
    return table(
        [_data_point(each) for each in report.report_descriptions],
        f"Report {name}" if kind == name else f"Report {name} ({kind})",
    )


def _plain_name(report: Report) -> str:
    """A catalogue's report is named METADATA_ on the wire, which tells a reader nothing."""
    return (report.report_name or "").replace("METADATA_", "", 1)


def _data_point(point: ReportDescription) -> Row:
    rate, measured = point.sampling_rate, point.measurement
    return {
        "rID": point.r_id,
        "measurement": measured.description if measured else None,
        "unit": prefixed_unit(point.measurement),
        "type": point.report_type,
        "reading": point.reading_type,
        "every": _spacing(rate.min_period, rate.max_period) if rate else None,
        "source": "; ".join(map(target_text, point.report_data_source)),
    }


def _spacing(shortest: timedelta, longest: timedelta) -> str:
    return str(shortest) if shortest == longest else f"{shortest} to {longest}"
