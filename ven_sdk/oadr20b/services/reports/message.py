"""The message of a delivery: built anew for every attempt, the same every time (T20 to T24, T26).
Pure functions.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from ....points.entries import GAP, payload, unpack
from ....schema.record import Items
from ....state.reports import Delivery, Part
from ...schema.reports import Report, ReportInterval, UpdateReport


def message(delivery: Delivery) -> UpdateReport:
    """The message of a delivery: the same every time, also after a restart (T20 to T24)."""
    return UpdateReport(
        request_id=delivery.request_id,
        ven_id=delivery.ven_id,
        reports=tuple(_report(part, delivery) for part in delivery.parts),
    )


def _report(part: Part, delivery: Delivery) -> Report:
    intervals = Items(_interval(part, at, entries) for at, entries in part.rows)
    if delivery.singly:
        intervals = Items(
            each.replace(report_payloads=(one,))
            for each in intervals
            for one in each.report_payloads
        )
    first, final = part.rows[0][0], part.rows[-1][0]
    span = final - first + part.granularity
    return Report(
        dtstart=first,
        duration=timedelta(seconds=-(-span // timedelta(seconds=1))),
        intervals=intervals,
        report_request_id=part.report_request_id,
        report_specifier_id=part.specifier,
        report_name=part.report_name,
        created_date_time=delivery.created,
    )


def _interval(part: Part, at: datetime, entries: str) -> ReportInterval:
    """T21: always with its begin and its duration."""
    if entries.startswith('"'):
        return ReportInterval(dtstart=at, duration=part.granularity, feed=json.loads(entries))
    made = (payload(r_id, entry) for r_id, entry in zip(part.r_ids, unpack(entries)))
    return ReportInterval(
        dtstart=at,
        duration=part.granularity,
        report_payloads=Items(one for one in made if one is not None),
    )


def values_of(delivery: Delivery) -> int:
    """How many samples a message holds, without marked gaps."""
    return sum(
        1
        for part in delivery.parts
        for _, entries in part.rows
        for entry in unpack(entries)
        if entry and entry[0] != GAP
    )
