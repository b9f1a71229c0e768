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
from typing import Callable, Optional

from ....errors import VenError
from ....points.clock_steps import newest_moment
from ....points.entries import unpack
from ....points.tables import TIMER, look_now, pending_ids, point_key
from ....points.timing import EPOCH
from ....schema.common import Payload
from ....state.change import Change
from ....state.outcome import NOTHING, Outcome, Step
from ....state.reports import LastValue, SampleRow
from ....tasks import Task
from ...schema.reports import RegisteredReport, RegisterReport
from ...state.book import Book
from ..task import confirmed_by
from .endings import cancel, forget_requests
from .from_vtn import (
    ask,
    ask_task,
    is_unanswered,
    offers,
    stop_report,
    take_data,
    take_offer,
)
from .metadata import catalogue_created, metadata_of
from .outbox import delivery_task, next_delivery
from .queries import counters, offered_reports, samples
from .requests import take_registered, take_request
from .step import look

__all__ = [
    "TIMER",
    "ask",
    "ask_task",
    "is_unanswered",
    "cancel",
    "catalogue_created",
    "counters",
    "delivery_due",
    "delivery_task",
    "forget_requests",
    "look",
    "take_offer",
    "offered_reports",
    "offers",
    "pending_ids",
    "take_registered",
    "registration_task",
    "take_request",
    "resume",
    "stop_report",
    "take_data",
    "samples",
]

REGISTER_REPORT = "register report"
"""The name of the catalogue's message."""
_CONFIRMS_CATALOGUE = confirmed_by(REGISTER_REPORT, RegisteredReport)


def registration_task(
    book: Book,
    accept: Callable[[Optional[Payload]], Step],
    refuse: Callable[[VenError], Step],
    postpone: Optional[Callable[[VenError], Step]] = None,
) -> Task:
    """The catalogue, all of it (T1), also when it is empty; it names a METADATA request only if it
    answers one (T3). The message is built when it is sent: the task is found at each poll for as
    long as a VTN does not take the catalogue.
    """
    registration, request_id = book.registration, book.request_id(REGISTER_REPORT)
    offered, created = book.catalogue.reports(), catalogue_created(book)

    def build() -> RegisterReport:
        return RegisterReport(
            request_id=request_id,
            reports=metadata_of(offered, created),
            ven_id=registration.ven_id,
            report_request_id=registration.catalogue_request,
        )

    return Task(
        REGISTER_REPORT,
        build,
        (RegisteredReport,),
        accept,
        refuse,
        service=RegisterReport.service,
        request_name=REGISTER_REPORT,
        confirms=_CONFIRMS_CATALOGUE,
        insists=True,
        postpone=postpone,
    )


def resume(book: Book, now: datetime) -> Outcome:
    """At a start: collection and delivery go on from what is remembered; what was sampled is not
    sampled again. A VEN that offers nothing and remembers nothing has nothing to look for: whatever
    begins later sets the timer.
    """
    ends = {
        key: [book.samples[name] for name in (next(book.sample_rows.keys(key)), newest)]
        for key in book.sample_rows
        for newest in (book.sample_rows.newest(key),)
        if newest is not None and key in book.requests
    }
    runs = tuple(
        Change("runs", key, (*book.requests[key].runs, (first.at, last.at)))
        for key, (first, last) in ends.items()
    )
    newest = {key: last for key, (_, last) in ends.items()}
    return Outcome(
        changes=(
            *runs,
            *_last_values(book, newest),
            Change("looks", "", max(now, newest_moment(book))),
        )
    ) + (look_now(now) if _has_work(book) else NOTHING)


def _has_work(book: Book) -> bool:
    return bool(book.catalogue.by_key or book.requests or book.samples or book.deliveries)


def _last_values(book: Book, newest: Mapping[str, SampleRow]) -> Iterator[Change]:
    """The last known values: those sent last, and then those of the newest rows."""
    for request in book.requests.values():
        for r_id, entry in request.last.items():
            key = point_key((request.specifier, r_id))
            yield Change("known", key, LastValue(EPOCH, entry))
    for name, row in newest.items():
        request = book.requests[name]
        for r_id, entry in zip(request.r_ids, unpack(row.entries)):
            if entry:
                key = point_key((request.specifier, r_id))
                yield Change("known", key, LastValue(row.at, entry))


def delivery_due(book: Book, now: datetime) -> bool:
    """Whether ``delivery_task`` would give a message; cheap, since it makes none."""
    return next_delivery(book, now) is not None
