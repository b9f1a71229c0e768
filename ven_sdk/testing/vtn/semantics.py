"""What the schema allows and makes no sense: messages of either side that say nothing. Pure
functions.
"""

from __future__ import annotations

from ...oadr20b.schema.registration import CreatedPartyRegistration
from ...oadr20b.schema.reports import CreatedReport, UpdateReport
from ...schema.common import Payload
from ...schema.events import CreatedEvent, DistributeEvent


def find_missing_content(record: Payload) -> list[str]:
    """What is missing in a message that its schema does not ask for; nothing for most."""
    if isinstance(record, UpdateReport):
        return _update_report(record)
    if isinstance(record, CreatedEvent) and record.response.ok and not record.event_responses:
        return ["an answer without an answer: there is no eventResponse, and no error code (E20)"]
    if isinstance(record, DistributeEvent):
        return _events(record)
    if isinstance(record, CreatedPartyRegistration):
        half = record.response.ok and bool(record.ven_id) != bool(record.registration_id)
        return ["a registration with only one of venID and registrationID"] if half else []
    if isinstance(record, CreatedReport):
        doubled = len(set(record.pending_reports)) != len(record.pending_reports)
        return ["a reportRequestID is pending twice"] if doubled else []
    return []


def _update_report(record: UpdateReport) -> list[str]:
    if not record.reports:
        return ["a report message without a report"]
    return [
        f"the report for {report.report_request_id!r} has no interval"
        for report in record.reports
        if not report.intervals
    ]


def _events(record: DistributeEvent) -> list[str]:
    identifiers = [event.event_id for event in record.events]
    return [
        f"event {event_id!r} stands in the list twice"
        for event_id in dict.fromkeys(identifiers)
        if identifiers.count(event_id) > 1
    ]
