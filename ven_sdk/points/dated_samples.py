"""Samples with a time of their own: each is taken once, however often a callback returns it. Steps
only.

The table ``dated`` has the times that came, ``sent`` the moments that went out: a value for one of
those is late, since the VTN has a value for that time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from ..schema.points import Key
from ..state.book import Book
from ..state.change import Change
from ..state.moments import Moments
from ..state.outcome import NOTHING, Note, Outcome
from ..state.reports import RequestState
from .entries import SampleBatch
from .tables import Rows, dated_key

_NONE = Moments()


def sent_moments(book: Book, key: str) -> Moments:
    """The moments of a request that went out, as far as that is noted."""
    return book.sent.get(key, _NONE)


def enter_dated(
    book: Book,
    rows: Rows,
    takers: Iterable[tuple[str, RequestState]],
    point: Key,
    samples: list[tuple[datetime, str]],
    beside: Iterable[datetime] = (),
) -> tuple[int, list[Change]]:
    """Enter ``samples`` into rows of every taker; returns how many are late, and what to note. The
    times ``beside`` them came as well, for a row that is written elsewhere.
    """
    changes: list[Change] = []
    late = 0
    came = tuple(beside)
    for key, request in takers if samples or came else ():
        name, sent = dated_key(key, point[1]), sent_moments(book, key)
        known = book.dated.get(name) or Moments(before=request.covered.get(point[1]))
        fresh: dict[datetime, str] = {}
        for at, entry in samples:
            if at not in known:
                fresh.setdefault(at, entry)
        for at, entry in fresh.items():
            if at in sent:
                late += 1
            else:
                rows.put(key, request, at, {point[1]: entry})
        noted = [at for at in came if at not in known]
        if fresh or noted or name not in book.dated:
            changes.append(Change("dated", name, known.with_all([*fresh, *noted])))
    return late, changes


def note_naive(point: Key, given: SampleBatch) -> Outcome:
    """A warning, logged once for each data point, where a datetime had no time zone."""
    if not given.naive:
        return NOTHING
    text = "The callback of {}/{} gave datetimes without a time zone. They count as UTC.".format(
        *point
    )
    return Outcome(notes=(Note(text, logging.WARNING, once=f"naive {point}"),))
