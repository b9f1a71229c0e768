"""The catalogue as 2.0b tells it: one metadata report for each report_specifier_id (T3 to T5), and
the message that they go out in (T1). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Callable, Optional

from ....errors import VenError
from ....instants import EPOCH
from ....schema.common import Payload
from ....schema.points import OfferedReport
from ....state.outcome import Step
from ....tasks import Task
from ...schema.reports import RegisteredReport, RegisterReport, Report
from ...state.book import Book
from ..task import confirmed_by

REGISTER_REPORT = "register report"
"""The name of the catalogue's message."""


def registration_task(
    book: Book,
    accept: Callable[[Optional[Payload]], Step],
    postpone: Callable[[VenError], Step],
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
        postpone,
        service=RegisterReport.service,
        request_name=REGISTER_REPORT,
        confirms=confirmed_by(REGISTER_REPORT, RegisteredReport, ven_id=registration.ven_id),
        insists=True,
        postpone=postpone,
    )


def metadata_reports(book: Book) -> tuple[Report, ...]:
    """What this VEN offers, as it is sent."""
    return metadata_of(book.catalogue.reports(), catalogue_created(book))


def metadata_of(
    offered: Iterable[OfferedReport], created: Optional[datetime] = None
) -> tuple[Report, ...]:
    """Metadata reports of ``offered`` (T4): no dtstart, no intervals."""
    return tuple(
        Report(
            duration=report.duration,
            report_descriptions=tuple(point.description() for point in report.points),
            report_request_id="0",
            report_specifier_id=report.specifier,
            report_name=metadata_name(report.name),
            created_date_time=created,
        )
        for report in offered
    )


def metadata_name(name: str) -> str:
    """T5: what a report is called in the catalogue."""
    return f"x-METADATA_{name[2:]}" if name.startswith("x-") else f"METADATA_{name}"


def catalogue_created(book: Book) -> datetime:
    """The createdDateTime of the catalogue: another one only when the catalogue is another (R8)."""
    state = book.registration
    known = state.catalogue_created
    if known is not None and state.catalogue == book.catalogue.digest():
        return known
    changed = (book.catalogue.changed or state.since or EPOCH).replace(microsecond=0)
    if known is None or changed > known:
        return changed
    return known + timedelta(seconds=1)
