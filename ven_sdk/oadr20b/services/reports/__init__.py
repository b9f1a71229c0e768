"""EiReport: what the rest of the SDK asks of the report services, in one place. Steps, tasks and
views; nothing of its own.

::

    requests (T11-T15, T28-T31)  ->  collection, ranges (T17-T19)  ->  delivery, outbox (T20-T26)
    catalogue (T1-T10)               values that are pushed            the VTN's own reports
    (T32-T35)

All of it stands in the tables ``requests``, ``samples`` and ``deliveries``; one timer runs the step
``look``, which may be run at any other time too: after the clock was set back, for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional

from ....errors import VenError
from ....points.entries import unpack
from ....schema.common import Payload
from ....state.outcome import Change, Outcome, Step
from ....state.reports import SampleRow
from ...schema.reports import RegisteredReport, RegisterReport, Report
from ..task import Task
from .endings import cancel, forget_requests
from .from_vtn import (
    ask,
    ask_task,
    asking,
    expected,
    offered,
    offers,
    received,
    stop_report,
    updated,
)
from .metadata import catalogue_created, metadata_reports
from .outbox import delivery_task, next_delivery
from .pushed_values import find_point, value
from .requests import registered, requested
from .step import pump as look
from .tables import counters as counted_so_far
from .tables import known_key, pending, running, soon
from .timing import EPOCH

if TYPE_CHECKING:
    from ....state.book import Book

__all__ = [
    "ask",
    "ask_task",
    "asking",
    "cancel",
    "catalogue_created",
    "counters",
    "delivery_due",
    "delivery_task",
    "expected",
    "find_point",
    "forget_requests",
    "look",
    "next_delivery_at",
    "offered",
    "offered_reports",
    "offers",
    "pending",
    "received",
    "registered",
    "registration_task",
    "requested",
    "resume",
    "stop_report",
    "updated",
    "value",
]


def registration_task(
    book: Book, accept: Callable[[Optional[Payload]], Step], refuse: Callable[[VenError], Step]
) -> Task:
    """The catalogue, all of it (T1), also when it is empty; it names a METADATA request only if it
    answers one (T3).
    """
    record = RegisterReport(
        request_id=book.request_id("register report"),
        reports=metadata_reports(book),
        ven_id=book.registration.ven_id,
        report_request_id=book.registration.catalogue_request,
    )
    return Task("register report", record, (RegisteredReport,), accept, refuse)


def resume(book: Book, now: datetime) -> Outcome:
    """At a start: collection and delivery go on from what is remembered; what was sampled is not
    sampled again.
    """
    first: dict[str, SampleRow] = {}
    last: dict[str, SampleRow] = {}
    for row in book.samples.values():
        if row.request not in book.requests:
            continue  # the store lost the request; the row expires
        if row.request not in first or row.at < first[row.request].at:
            first[row.request] = row
        if row.request not in last or row.at > last[row.request].at:
            last[row.request] = row
    runs = tuple(
        Change("collecting", f"runs {key}", (*book.requests[key].runs, (first[key].at, row.at)))
        for key, row in last.items()
    )
    return Outcome(changes=(*runs, *_known(book, last))) + soon(now)


def _known(book: Book, newest: Mapping[str, SampleRow]) -> Iterator[Change]:
    """The last known values: those sent last, and then those of the newest rows."""
    for request in book.requests.values():
        for r_id, entry in request.last.items():
            yield Change("collecting", known_key((request.specifier, r_id)), (EPOCH, entry))
    for key, row in newest.items():
        request = book.requests[key]
        for r_id, entry in zip(request.r_ids, unpack(row.entries)):
            if entry:
                yield Change("collecting", known_key((request.specifier, r_id)), (row.at, entry))


def delivery_due(book: Book, now: datetime) -> bool:
    """Whether ``delivery_task`` would give a message; cheap, since it makes none."""
    return next_delivery(book, now) is not None


def next_delivery_at(book: Book, now: datetime) -> Optional[datetime]:
    """When the next report is due to be made, or sent again; None when no request runs."""
    times = [
        request.due + request.jitter for _, request in running(book) if request.due is not None
    ]
    times += [delivery.retry_at or now for delivery in book.deliveries.values()]
    return min(times, default=None)


# --- views ----------------------------------------------------------------------------------------


def offered_reports(book: Book) -> tuple[Report, ...]:
    """``client.reports``: what this VEN offers."""
    return metadata_reports(book)


def counters(book: Book) -> dict[str, int]:
    """For ``client.status``: requests that run, and what happened to samples since the start of the
    process.

    ``samples_late`` came after their report had gone out, ``samples_dropped`` were given up
    (max_backlog, refused), ``gaps`` are moments for which a callback had no value.
    """
    found = counted_so_far(book)
    return {
        "report_requests": len(pending(book)),
        "samples_taken": found.taken,
        "samples_delivered": found.delivered,
        "samples_late": found.late,
        "samples_dropped": found.dropped,
        "gaps": found.gaps,
        "report_messages": found.messages,
    }
