"""What the VTN acknowledged of requests that ended while the message was under way. It stands in
rows that wait for another request, or in a message that was made of such rows meanwhile and is not
sent yet, for of reports one is under way at a time. Pure functions; the work grows with the
message.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Optional

from ....points.entries import GAP, count_values, pack, unpack
from ....points.tables import row_key
from ....state.change import Change
from ....state.replacement import replace
from ....state.reports import BLOCK, ONCE
from ...state.book import Book
from ...state.deliveries import Delivery, Part

Acknowledged = dict[tuple[str, str, datetime], str]
"""Entries by report, data point and moment."""


class Removal(NamedTuple):
    """The changes that take out what was acknowledged, and how many values these are."""

    changes: tuple[Change, ...]
    values: int


def remove_acknowledged(book: Book, sent: Delivery, left: Optional[Delivery]) -> Removal:
    """Take out what was ``sent`` of requests that ended since; ``left`` is what the outbox still
    has of that message.
    """
    kept = () if left is None else left.parts
    done = _entries_of(part for part in sent.parts if part not in kept)
    if not done:
        return Removal((), 0)
    found = [*_in_rows(book, done), *_in_messages(book, done, left)]
    return Removal(tuple(change for change, _ in found), sum(values for _, values in found))


def _entries_of(parts: Iterator[Part]) -> Acknowledged:
    return {
        (part.specifier, r_id, at): entry
        for part in parts
        for at, entries in part.rows
        for r_id, entry in zip(part.r_ids, unpack(entries))
        if entry and not entry.startswith(GAP)
    }


def _in_rows(book: Book, done: Acknowledged) -> Iterator[tuple[Change, int]]:
    moments = {(specifier, at) for specifier, _, at in done}
    for key, request in book.requests.items():
        if request.ended is None:
            continue
        for specifier, at in moments if key in book.sample_rows else ():
            row = book.samples.get(row_key(key, at)) if specifier == request.specifier else None
            if row is None:
                continue
            rest = _without(done, specifier, request.r_ids, at, row.entries)
            if rest != row.entries:
                left = replace(row, entries=rest) if rest.strip("\t") else None
                taken = count_values(row.entries) - count_values(rest)
                yield Change("samples", row_key(key, at), left), taken


def _in_messages(
    book: Book, done: Acknowledged, left: Optional[Delivery]
) -> Iterator[tuple[Change, int]]:
    """In messages that were never tried."""
    for key, delivery in book.deliveries.items():
        if delivery is left or delivery.refusals or delivery.retry_at is not None:
            continue
        parts = tuple(filter(None, (_rest_of(book, part, done) for part in delivery.parts)))
        if parts != delivery.parts:
            rest = replace(delivery, parts=parts) if parts else None
            yield Change("deliveries", key, rest), _count(delivery.parts) - _count(parts)


def _rest_of(book: Book, part: Part, done: Acknowledged) -> Optional[Part]:
    """The report without what its request took over and the VTN has; as it is where it is the only
    or the last one that the VTN asked for. None where nothing is left.
    """
    request = book.requests.get(part.request)
    if request is None or request.kind in (ONCE, BLOCK) or request.due is None:
        return part
    rows = tuple(
        (at, rest)
        for at, entries in part.rows
        for rest in (
            _without(done, part.specifier, part.r_ids, at, entries)
            if at < request.created
            else entries,
        )
        if rest == entries or count_values(rest)
    )
    return replace(part, rows=rows) if rows else None


def _without(
    done: Acknowledged, specifier: str, r_ids: tuple[str, ...], at: datetime, entries: str
) -> str:
    return pack(
        [
            "" if entry and done.get((specifier, r_id, at)) == entry else entry
            for r_id, entry in zip(r_ids, unpack(entries))
        ]
    )


def _count(parts: tuple[Part, ...]) -> int:
    return sum(count_values(entries) for part in parts for _, entries in part.rows)
