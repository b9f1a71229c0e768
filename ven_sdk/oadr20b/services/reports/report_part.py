"""One report of a message: the moments that it holds, each with a value or a placeholder for every
data point (T19). Pure functions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ....points.entries import is_value, unpack
from ....points.placeholders import fill, has_spans, span_of
from ....points.sampling import spacing_of
from ....points.timing import INSTANT, begin_of, floor
from ....state.reports import BLOCK, CHANGE, ONCE, RequestState
from ...state.book import Book
from ...state.deliveries import Part
from .waiting_rows import Moment, Ready, Source


def report_part(
    book: Book, one: Ready, moments: list[Moment]
) -> tuple[Optional[Part], dict[str, str]]:
    """T19: the moments with a value or a placeholder for every data point; and the last value of
    each. A report that is due goes out, be it with placeholders only.
    """
    request = one.request
    last = dict(request.last)
    rows = []
    for at, sources in moments:
        values = _values(book, sources)
        last.update((r_id, value) for r_id, value in values.items() if is_value(value))
        row = fill(book, request, values, last)
        if any(values.values()) or all(source.row.request == one.key for source in sources):
            rows += [(at, row)] if row.strip("\t") else []
    if not moments:
        rows = _without_samples(book, one, last)
    if not rows:
        return None, last
    part = Part(
        one.key,
        request.report_request_id,
        request.specifier,
        _report_name(book, request),
        request.r_ids,
        request.granularity or span_of(book, request),
        tuple(rows),
        spans=has_spans(book, request),
    )
    return part, last


def _without_samples(book: Book, one: Ready, last: dict[str, str]) -> list[tuple[datetime, str]]:
    """The only interval of a report for which nothing was sampled; none where all gaps are left
    out.
    """
    moment = _moment_of(book, one)
    row = fill(book, one.request, {}, last, is_quiet=one.request.kind == CHANGE)
    return [] if moment is None or not row.strip("\t") else [(moment, row)]


def _moment_of(book: Book, one: Ready) -> Optional[datetime]:
    """The moment of a report without samples: the last one of its period that was to be sampled;
    None where that was before the request began.
    """
    request = one.request
    if request.kind in (ONCE, BLOCK):
        return request.origin
    spacing = request.granularity or spacing_of(book, request) or request.back
    moment = floor(request.origin, spacing, one.until - INSTANT)
    return moment if moment >= begin_of(request) else None


def _values(book: Book, sources: list[Source]) -> dict[str, str]:
    """What is known of one moment; the request's own row goes before one that it takes over."""
    values: dict[str, str] = {}
    for source in sources:
        r_ids = book.requests[source.row.request].r_ids
        for r_id, entry in zip(r_ids, unpack(source.row.entries)):
            if entry and r_id in source.points:
                values.setdefault(r_id, entry)
    return values


def _report_name(book: Book, request: RequestState) -> str:
    """T20: the name of the data report."""
    return next(
        (
            point.report_name
            for key, point in book.catalogue.by_key.items()
            if key[0] == request.specifier
        ),
        "TELEMETRY_USAGE",
    )
