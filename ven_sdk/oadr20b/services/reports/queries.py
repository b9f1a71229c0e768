"""What a person wants to see of reports: what is offered, what waits, what was counted. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ....points.entries import payload, unpack
from ....points.tables import pending_ids
from ....profile import UndeliveredSample
from ...schema.reports import Report
from ...state.book import Book
from .metadata import metadata_reports


def samples(book: Book) -> list[UndeliveredSample]:
    """The samples that the VTN has not acknowledged, oldest first."""
    found: list[UndeliveredSample] = []
    for delivery in book.deliveries.values():
        for part in delivery.parts:
            for at, entries in part.rows:
                found += _row(part.report_request_id, part.r_ids, at, entries, "sent")
    for row in book.samples.values():
        request = book.requests.get(row.request)
        if request is not None:
            found += _row(request.report_request_id, request.r_ids, row.at, row.entries, "waiting")
    return sorted(found, key=lambda one: (one.time, one.report_request_id, one.r_id))


def _row(
    request: str, r_ids: tuple[str, ...], at: datetime, entries: str, state: str
) -> Iterator[UndeliveredSample]:
    for r_id, entry in zip(r_ids, unpack(entries)):
        found = payload(r_id, entry) if entry and not entry.startswith('"') else None
        if found is not None:
            value = found.value if found.value is not None else found.resource_status
            yield UndeliveredSample(request, r_id, at, value, found.data_quality, state)


def offered_reports(book: Book) -> tuple[Report, ...]:
    """``client.reports``: what this VEN offers."""
    return metadata_reports(book)


def counters(book: Book) -> dict[str, int]:
    """For ``client.status``: requests that run, and what happened to samples since the start of the
    process.

    ``samples_late`` came after their report had gone out, ``samples_dropped`` were given up
    (max_backlog, refused), ``gaps`` are moments for which a callback had no value.
    """
    found = book.counts
    return {
        "report_requests": len(pending_ids(book)),
        "samples_taken": found.taken,
        "samples_delivered": found.delivered,
        "samples_late": found.late,
        "samples_dropped": found.dropped,
        "gaps": found.gaps,
        "report_messages": found.messages,
    }
