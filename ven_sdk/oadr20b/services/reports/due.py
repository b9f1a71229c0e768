"""Which deliveries are due, and which of them wait for something. Pure questions to the book."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ....state.reports import BLOCK, ONCE, RequestState
from .range_queries import waits_for
from .tables import Tick, running, ticks
from .timing import boundary

if TYPE_CHECKING:
    from ....state.book import Book


class Ready(NamedTuple):
    """A request whose delivery is due, and the moment before which samples belong to it."""

    key: str
    request: RequestState
    until: datetime


def due(book: Book, now: datetime) -> list[Ready]:
    """The requests whose delivery time has come, the longest due first."""
    found = [
        Ready(key, request, boundary(request, now))
        for key, request in running(book)
        if request.due is not None and request.due + request.jitter <= now
    ]
    return sorted(found, key=lambda ready: ready.request.due or now)


def ready(book: Book, now: datetime) -> list[Ready]:
    """Those of them that wait for nothing any more."""
    collecting = {key for _, tick in ticks(book) if not tick.flushed for key in tick.requests}
    return [
        one
        for one in due(book, now)
        if not (one.request.kind in (ONCE, BLOCK) and one.key in collecting)
        and not waits_for(book, one.key, one.request, now)
    ]


def unwritten(book: Book, found: Iterable[Ready]) -> frozenset[str]:
    """The periodic requests among ``found`` that have values of before their boundary not yet in a
    row.
    """
    open_ticks: list[Tick] = [tick for _, tick in ticks(book) if not tick.flushed]
    return frozenset(
        one.key
        for one in found
        if one.request.kind not in (ONCE, BLOCK)
        and any(one.key in tick.requests and tick.moment < one.until for tick in open_ticks)
    )


def under_way(book: Book) -> bool:
    """Whether a message waits for its acknowledgement (parked ones do not count)."""
    return any(not delivery.parked for delivery in book.deliveries.values())
