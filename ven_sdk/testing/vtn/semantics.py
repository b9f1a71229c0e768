"""What the schema allows and makes no sense: messages of either side that say nothing, or
contradict themselves. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...oadr20b.schema.events import CreatedEvent, DistributeEvent
from ...oadr20b.schema.registration import CreatedPartyRegistration
from ...oadr20b.schema.reports import CreatedReport, CreateReport, RegisteredReport, UpdateReport
from ...oadr20b.services.events.consistency import find_contradiction
from ...schema.common import Payload


def find_missing_content(record: Payload) -> list[str]:
    """What is missing or contradictory in a message that its schema allows; nothing for most."""
    if isinstance(record, UpdateReport):
        return _update_report(record)
    if isinstance(record, CreatedEvent) and record.response.ok and not record.event_responses:
        return ["an answer without an answer: there is no eventResponse, and no error code (E20)"]
    if isinstance(record, DistributeEvent):
        return _events(record)
    if isinstance(record, (CreateReport, RegisteredReport)):
        ids = [request.report_request_id for request in record.report_requests]
        return [f"the reportRequestID {each!r} stands there twice" for each in _find_doubles(ids)]
    if isinstance(record, CreatedPartyRegistration):
        half = record.response.ok and bool(record.ven_id) != bool(record.registration_id)
        return ["a registration with only one of venID and registrationID"] if half else []
    if isinstance(record, CreatedReport):
        doubled = _find_doubles(record.pending_reports)
        return ["a reportRequestID is pending twice"] if doubled else []
    return []


def _find_doubles(identifiers: Sequence[str]) -> list[str]:
    """Those that stand there more than once."""
    return [each for each in dict.fromkeys(identifiers) if identifiers.count(each) > 1]


def _update_report(record: UpdateReport) -> list[str]:
    if not record.reports:
        return ["a report message without a report"]
    return [
        f"the report for {report.report_request_id!r} has no interval"
        for report in record.reports
        if not report.intervals
    ]


def _events(record: DistributeEvent) -> list[str]:
    ids = [event.event_id for event in record.events]
    twice = [f"event {event_id!r} stands in the list twice" for event_id in _find_doubles(ids)]
    found = [(event.event_id, find_contradiction(event)) for event in record.events]
    return [*twice, *(f"event {event_id!r}: {what}" for event_id, what in found if what)]
