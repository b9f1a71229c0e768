"""Delivery: samples that are due are frozen into one message, which is resent identically until it
is acknowledged (T26).

One message is under way at a time. What becomes due meanwhile waits as rows, so that after an
outage many intervals, of several requests, share a message (T24), oldest first (T23), within
``MOST_VALUES``. Steps only.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Optional

from ....points.data_points import STATUS
from ....points.entries import GAP, pack, unpack
from ....state.outcome import NOTHING, Change, Note, Outcome
from ....state.reports import BLOCK, ONCE, Delivery, Part, RequestState, SampleRow
from .due import Ready
from .endings import heirs
from .range_queries import ranged_points
from .tables import forgotten, point_of
from .timing import next_due

if TYPE_CHECKING:
    from ....state.book import Book

MOST_INTERVALS, MOST_VALUES = 1000, 5000
"""How much one message holds, at most; one interval always fits. That is below 1 MB, which many
servers take for a limit.
"""


class Source(NamedTuple):
    """A stored row, and the data points of it that a request takes."""

    key: str
    row: SampleRow
    holder: RequestState
    points: tuple[str, ...]


# --- freezing -------------------------------------------------------------------------------------


def freeze(book: Book, now: datetime, found: list[Ready]) -> Outcome:
    """Make the next message of what is due, and plan the next deliveries of its requests."""
    if not found:
        return NOTHING
    share = max(1, MOST_INTERVALS // len(found)), max(1, MOST_VALUES // len(found))
    sources = _sources(book, found, share, now)
    parts: list[Part] = []
    changes: list[Change] = []
    edits: dict[str, Optional[SampleRow]] = {}
    silent: list[str] = []
    for one in found:
        rows, rest = _cut(one, sources.get(one.key, {}), share)
        part, last = _part(book, one, rows)
        _take(edits, rows)
        if part is not None:
            parts.append(part)
            changes += _noted_times(book, one, part)
        elif not rest:
            silent.append(one.request.report_request_id)
        changes += _planned(book, one, part, last, rest)
    changes += [Change("samples", key, row) for key, row in edits.items()]
    if parts:
        key = book.next_key()
        changes.append(
            Change(
                "deliveries",
                key,
                Delivery(
                    book.request_id(f"delivery {key}"),
                    now.replace(microsecond=0),
                    book.registration.ven_id,
                    tuple(parts),
                    singly=any(one.request.singly for one in found),
                ),
            )
        )
    return Outcome(changes=tuple(changes), notes=_silence(found, silent))


def _sources(
    book: Book, found: list[Ready], share: tuple[int, int], now: datetime
) -> dict[str, dict[datetime, list[Source]]]:
    """The rows of each request by moment: its own, and those that it takes over from requests that
    ended.

    Rows stand in the order in which they were taken. So the search ends when every request has more
    than its share, except where rows are taken over: two of them may be of one moment, wherever
    they stand. A sample whose time is yet to come (a device's clock is ahead, or ours was) belongs
    to no later delivery either.
    """
    until = {one.key: one for one in found}
    taken_over = heirs(book)
    missing = {} if taken_over else {one.key: _most(one, share) + 1 for one in found}
    sources: dict[str, dict[datetime, list[Source]]] = {}
    for row_key, row in book.samples.items():
        own = until.get(row.request)
        if own is not None:
            if row.at < own.until or row.at > now or own.request.kind == ONCE:
                sources.setdefault(row.request, {}).setdefault(row.at, []).insert(
                    0, Source(row_key, row, own.request, own.request.r_ids)
                )
                if _found_enough(missing, row.request):
                    break
            continue
        for heir, points in _by_heir(taken_over.get(row.request)).items():
            if heir in until:
                sources.setdefault(heir, {}).setdefault(row.at, []).append(
                    Source(row_key, row, book.requests[row.request], points)
                )
    return sources


def _found_enough(missing: dict[str, int], request: str) -> bool:
    """Count a row of ``request``; whether every request has what it needs."""
    if request in missing:
        missing[request] -= 1
        if not missing[request]:
            del missing[request]
            return not missing
    return False


def _by_heir(points: Optional[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for r_id, heir in (points or {}).items():
        found[heir] = (*found.get(heir, ()), r_id)
    return found


def _cut(
    one: Ready, moments: Mapping[datetime, list[Source]], share: tuple[int, int]
) -> tuple[list[tuple[datetime, list[Source]]], bool]:
    """The oldest moments that fit into the message, and whether more are left. A moment is never
    cut in two.
    """
    ordered = sorted(moments)
    most = _most(one, share)
    return [(at, moments[at]) for at in ordered[:most]], len(ordered) > most


def _most(one: Ready, share: tuple[int, int]) -> int:
    """How many intervals of a request fit into its share of a message."""
    return max(1, min(share[0], share[1] // max(1, len(one.request.r_ids))))


def _part(
    book: Book, one: Ready, rows: list[tuple[datetime, list[Source]]]
) -> tuple[Optional[Part], dict[str, str]]:
    """T19: the rows with a value or a marked gap for every data point; and the last value of
    each.
    """
    request = one.request
    last = dict(request.last)
    blanks = {r_id: "" if _is_status(book, request, r_id) else GAP for r_id in request.r_ids}
    frozen = []
    for at, sources in rows:
        values = _values(sources)
        if any(values.values()):
            last.update((r_id, value) for r_id, value in values.items() if value)
            frozen.append(
                (
                    at,
                    pack(
                        [
                            values.get(r_id) or (GAP + last[r_id] if r_id in last else blanks[r_id])
                            for r_id in request.r_ids
                        ]
                    ),
                )
            )
    if not frozen and request.kind == ONCE and not rows:
        only = pack([GAP + last[r_id] if r_id in last else blanks[r_id] for r_id in request.r_ids])
        frozen = [(request.origin, only)] if only.strip("\t") else []
    if not frozen:
        return None, last
    return Part(
        one.key,
        request.report_request_id,
        request.specifier,
        _name(book, request),
        request.r_ids,
        request.granularity,
        tuple(frozen),
    ), last


def _values(sources: list[Source]) -> dict[str, str]:
    """What is known of one moment; the request's own row goes before one that it takes over."""
    values: dict[str, str] = {}
    for source in sources:
        for r_id, entry in zip(source.holder.r_ids, unpack(source.row.entries)):
            if entry and r_id in source.points:
                values.setdefault(r_id, entry)
    return values


def _take(edits: dict[str, Optional[SampleRow]], rows: list[tuple[datetime, list[Source]]]) -> None:
    """Remove what was taken from the stored rows; other data points of a row stay for their own
    heir.
    """
    for _, sources in rows:
        for source in sources:
            row = edits.get(source.key, source.row)
            if row is None:
                continue
            left = [
                "" if r_id in source.points else entry
                for r_id, entry in zip(source.holder.r_ids, unpack(row.entries))
            ]
            edits[source.key] = replace(row, entries=pack(left)) if any(left) else None


def _is_status(book: Book, request: RequestState, r_id: str) -> bool:
    point = point_of(book, request, r_id)
    return point is not None and point.report_name == STATUS


def _name(book: Book, request: RequestState) -> str:
    """T20: the name of the data report."""
    return next(
        (
            point.report_name
            for key, point in book.catalogue.by_key.items()
            if key[0] == request.specifier
        ),
        "TELEMETRY_USAGE",
    )


def _planned(
    book: Book, one: Ready, part: Optional[Part], last: dict[str, str], rest: bool
) -> tuple[Change, ...]:
    """The request with its next delivery; gone when the last one had nothing to send."""
    following = one.request.due if rest else next_due(one.request, one.until)
    if following is None and part is None and not _in_outbox(book, one.key):
        return forgotten(book, one.key)
    runs = book.collecting.get(f"runs {one.key}", one.request.runs)
    return (
        Change(
            "requests",
            one.key,
            replace(
                one.request, due=following, last=last, runs=runs, covered=_covered(book, one, part)
            ),
        ),
    )


def _in_outbox(book: Book, key: str) -> bool:
    return any(
        part.request == key for delivery in book.deliveries.values() for part in delivery.parts
    )


def _covered(book: Book, one: Ready, part: Optional[Part]) -> dict[str, datetime]:
    """Also how far data points with times of their own have been sent, for the time after a
    restart.
    """
    times = book.collecting.get(f"times {one.key}")
    if part is None or not times:
        return one.request.covered
    newest = part.rows[-1][0]
    dated = [
        r_id
        for r_id in times
        if not any(point.r_id == r_id for point in ranged_points(book, one.request))
    ]
    return {**one.request.covered, **dict.fromkeys(dated, newest)}


def _noted_times(book: Book, one: Ready, part: Part) -> tuple[Change, ...]:
    """Which moments were sent, where samples may come with times of their own or from a range."""
    if f"times {one.key}" not in book.collecting and not (
        len(part.r_ids) > 1 and ranged_points(book, one.request)
    ):
        return ()
    sent = (*book.collecting.get(f"sent {one.key}", ()), *(at for at, _ in part.rows))
    return (Change("collecting", f"sent {one.key}", sent[-4096:]),)


def _silence(found: list[Ready], silent: list[str]) -> tuple[Note, ...]:
    names = [
        one.request.report_request_id
        for one in found
        if one.request.kind in (ONCE, BLOCK) and one.request.report_request_id in silent
    ]
    return tuple(
        Note(
            f"Report request {name} ends without a report: none of its callbacks had a value.",
            logging.WARNING,
        )
        for name in names
    )
