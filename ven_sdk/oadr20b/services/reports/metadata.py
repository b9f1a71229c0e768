"""The catalogue as 2.0b tells it: one metadata report for each report_specifier_id (T3 to T5).
Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Optional

from ....points.timing import EPOCH
from ....schema.points import OfferedReport
from ...schema.reports import Report
from ...state.book import Book


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
