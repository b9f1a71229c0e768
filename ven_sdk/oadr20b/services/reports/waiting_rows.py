"""Rows that wait for their delivery: the oldest of a request, its own and those that it takes over,
and what is left of them. Pure functions; the work grows with what is taken.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Optional

from ....points.entries import pack, unpack
from ....points.tables import row_key
from ....state.change import Change
from ....state.replacement import replace
from ....state.reports import ONCE, RequestState, SampleRow
from ...state.book import Book


class Ready(NamedTuple):
    """A request whose delivery is due, and the moment before which samples belong to it."""

    key: str
    request: RequestState
    until: datetime


class Source(NamedTuple):
    """A stored row, and the data points of it that a request takes."""

    at: datetime
    order: int
    key: str
    row: SampleRow
    points: tuple[str, ...]


Moment = tuple[datetime, list[Source]]


def oldest_moments(
    book: Book, one: Ready, inherited: dict[str, tuple[str, ...]], most: int, now: datetime
) -> list[Moment]:
    """Up to ``most`` moments of a request with their rows, oldest first: its own, and those that it
    takes over from requests that ended.
    """
    streams = [_own_rows(book, one, now)]
    streams += [
        _rows(book, key, points, order + 1) for order, (key, points) in enumerate(inherited.items())
    ]
    found: list[Moment] = []
    for source in heapq.merge(*streams):
        if found and found[-1][0] == source.at:
            found[-1][1].append(source)
        elif len(found) == most:
            break
        else:
            found.append((source.at, [source]))
    return found


def _rows(book: Book, key: str, points: tuple[str, ...], order: int) -> Iterator[Source]:
    for name in book.sample_rows.keys(key):
        row = book.samples[name]
        yield Source(row.at, order, name, row, points)


def _own_rows(book: Book, one: Ready, now: datetime) -> Iterator[Source]:
    """The rows of before the boundary. One whose time is yet to come (a device's clock is ahead, or
    ours was) belongs to no later delivery either; those between have the next.
    """
    newest = book.sample_rows.newest(one.key)
    is_ahead = newest is not None and book.samples[newest].at > now
    for source in _rows(book, one.key, one.request.r_ids, 0):
        if source.at < one.until or source.at > now or one.request.kind == ONCE:
            yield source
        elif not is_ahead:
            return


def without_taken(book: Book, taken: list[Moment]) -> list[Change]:
    """Remove what was taken from the stored rows. Other data points of a row move to a request of
    their own that ended as well: they wait for their own successor.
    """
    changes: list[Change] = []
    holders: dict[tuple[str, tuple[str, ...]], str] = {}
    for _, sources in taken:
        for source in sources:
            changes.append(Change("samples", source.key, None))
            left = _left_over(book, source)
            if left is not None:
                key = (source.row.request, source.points)
                if key not in holders:
                    holders[key], change = _holder_of_rest(book, *key)
                    changes.append(change)
                row = replace(left, request=holders[key])
                changes.append(Change("samples", row_key(row.request, row.at), row))
    return changes


def _left_over(book: Book, source: Source) -> Optional[SampleRow]:
    """What a request does not take of a row, in the order of the rIDs that are left."""
    pairs = zip(book.requests[source.row.request].r_ids, unpack(source.row.entries))
    left = [entry for r_id, entry in pairs if r_id not in source.points]
    return replace(source.row, entries=pack(left)) if any(left) else None


def _holder_of_rest(book: Book, key: str, points: tuple[str, ...]) -> tuple[str, Change]:
    """The request, ended too, that holds the data points of ``key`` which are not in ``points``."""
    ended = book.requests[key]
    r_ids = tuple(r_id for r_id in ended.r_ids if r_id not in points)
    name, number = f"{key}#rest", 1
    while name in book.requests and book.requests[name].r_ids != r_ids:
        number += 1
        name = f"{key}#rest{number}"
    return name, Change("requests", name, book.requests.get(name) or replace(ended, r_ids=r_ids))
