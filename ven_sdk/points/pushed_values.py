"""Values that the user pushes (``client.report_value``): samples without a callback.

``read_value`` runs in the user's call, without a lock: iterables and numbers of others are code of
others. The rest are steps.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Optional

from ..errors import ConfigurationError
from ..schema.points import DataPoint
from ..state.book import Book
from ..state.change import Change
from ..state.moments import Moments
from ..state.outcome import Outcome
from ..state.reports import ASKED, LastValue, RequestState
from ..text import repr_of, text_of
from .catalogue import Catalogue
from .data_points import STATUS, moment
from .dated_samples import note_naive, sent_moments
from .entries import SampleBatch, read_numbers, read_statuses
from .recent import keep_values
from .tables import Rows, count, dated_key, point_key

_NONE = Moments()


class PushedValue(NamedTuple):
    """A value that the user pushed, as it was read: none of the user's objects is left in it."""

    point: DataPoint
    at: datetime
    entry: str
    naive: bool


def find_point(catalogue: Catalogue, name: str) -> DataPoint:
    """The data point of an rID, or of a resource_id that only one data point has.
    ConfigurationError lists what there is.
    """
    points = tuple(catalogue.by_key.values())
    found = [point for point in points if point.r_id == name] or [
        point for point in points if point.resource_id == name
    ]
    if len(found) == 1:
        return found[0]
    listed = (
        ", ".join(repr(point.r_id) for point in (found or points)) or "none: call add_report first"
    )
    if not found:
        raise ConfigurationError(f"There is no data point {name!r}. The r_ids are: {listed}.")
    raise ConfigurationError(
        f"{name!r} stands for several data points. Name one by its r_id: {listed}; an r_id that "
        "two reports share cannot be pushed to."
    )


def read_value(
    catalogue: Catalogue, name: str, given: object, at: Optional[datetime], now: datetime
) -> PushedValue:
    """What the user pushed; without ``at`` it is of now. ``ConfigurationError`` for an unknown data
    point, or a value that cannot be sent.
    """
    point = find_point(catalogue, name)
    if point.is_ranged:
        raise ConfigurationError(
            f"{point.r_id!r} has data_collection_mode 'full': its callback is asked for values, so "
            "they cannot be pushed."
        )
    read = _read(point, given)
    if len(read.samples) != 1:
        raise ConfigurationError(
            f"report_value takes one value that can be sent, not {repr_of(given)}. Leave the call "
            "out when there is no value."
        )
    own, entry = read.samples[0]
    taken_at = own or moment("at", at) or now
    naive = read.naive or (own is None and at is not None and at.utcoffset() is None)
    return PushedValue(point, taken_at, entry, naive)


def enter_value(book: Book, value: PushedValue) -> Outcome:
    """Take in a sample for every request that wants the data point; kept until the VTN has
    acknowledged it. While no request runs, it is kept only if one did: it goes out under the next
    one.
    """
    naive = note_naive(value.point.key, SampleBatch(naive=value.naive))
    return _enter(book, value.point, value.at, value.entry) + naive


def _read(point: DataPoint, given: object) -> SampleBatch:
    try:
        return read_statuses(given) if point.report_name == STATUS else read_numbers(given)
    except Exception as cause:  # numbers, iterables and time zones are code of others
        why = text_of(cause).replace("it returned", "the value is")
        raise ConfigurationError(f"report_value({point.r_id!r}): {why}.") from cause


def _enter(book: Book, point: DataPoint, at: datetime, entry: str) -> Outcome:
    rows, late = Rows(book), 0
    changes: list[Change] = [Change("known", point_key(point.key), LastValue(at, entry))]
    changes += keep_values(book, point.key, [(at, entry)])
    for key, request in takers_of(book, point):
        name = dated_key(key, point.r_id)
        known = book.dated.get(name, _NONE)
        if at in known or at in sent_moments(book, key):
            late = 1  # there is a value for this time already, and it may have been sent
            continue
        rows.put(key, request, at, {point.r_id: entry})
        changes.append(Change("dated", name, known.with_all((at,))))
    return Outcome(changes=(*changes, *rows.changes(), *count(book, taken=1, late=late)))


def takers_of(book: Book, point: DataPoint) -> list[tuple[str, RequestState]]:
    """The requests that get a pushed value: those that run, or else the one that ended last."""
    wanting = [
        (key, request)
        for key, request in book.requests.items()
        if request.kind != ASKED
        and request.specifier == point.report_specifier_id
        and point.r_id in request.r_ids
    ]
    alive = [
        (key, request)
        for key, request in wanting
        if request.ended is None and request.due is not None
    ]
    return alive or [(key, request) for key, request in wanting if request.ended is not None][-1:]
