"""The exchanges of EiOpt: what is sent next, and what the VTN's reply makes of the row.

Rules O1. Pure functions of the book.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ....errors import VenError
from ....instants import FIRST, to_local
from ....state.outcome import NOTHING, Note, Outcome, Step
from ....state.replacement import replace
from ....tasks import Task
from ....text import write_count
from ...schema.opt import CanceledOpt, CancelOpt, CreatedOpt, CreateOpt
from ...state.opts import CANCELLED, CANCELLING, CONFIRMED, OWED, REFUSED, OptState
from ..task import confirmed_by, list_alone
from .rows import forget_replaced, store_row

if TYPE_CHECKING:
    from ...state.book import Book

CREATION, CANCELLATION = "opt", "opt cancellation"
UNKNOWN = frozenset({"452"})
"""What the VTN says of an opt that it does not have. That is what was wanted of a withdrawal of one
that was never confirmed, or of one whose withdrawal was not answered.
"""


def list_tasks(book: "Book") -> Iterator[Task]:
    """The opts and cancellations that are owed, the one owed longest first. Each stays the same,
    IDs included, until it is answered; one that the VTN fails over blocks no other.
    """
    owed = [row for row in book.opts.values() if row.state in (OWED, CANCELLING)]
    for row in sorted(owed, key=lambda one: (one.since or FIRST, one.order)):
        yield from _list_one(book, row)


def _list_one(book: "Book", row: OptState) -> Iterator[Task]:
    if row.state == OWED:
        name, build, refuse = CREATION, _creation, _refuse
    else:
        name, build, refuse = CANCELLATION, _cancellation, _keep
    return list_alone(
        name,
        CreateOpt.service,
        lambda: (build(book, row),),
        row.opt_id,
        lambda error: refuse(row, error),
    )


def is_owed(book: "Book", opt_id: str, request_id: str) -> bool:
    """Whether the opt still has to be answered by the VTN: that of this requestID, and no other
    that has its ID by now.
    """
    row = book.opts.get(opt_id)
    return row is not None and row.state == OWED and row.record.request_id == request_id


def is_cancelling(book: "Book", opt_id: str) -> bool:
    """Whether the withdrawal of the opt still has to be answered by the VTN."""
    row = book.opts.get(opt_id)
    return row is not None and row.state == CANCELLING


def _creation(book: "Book", row: OptState) -> Task:
    return Task(
        CREATION,
        row.record.replace(ven_id=book.registration.ven_id or row.record.ven_id),
        (CreatedOpt,),
        lambda _reply: _acknowledge(row, CONFIRMED),
        lambda error: _refuse(row, error),
        about=_describe(row),
        key=row.opt_id,
        needs_service=True,
        confirms=confirmed_by(CREATION, CreatedOpt, opt_id=row.opt_id),
    )


def _cancellation(book: "Book", row: OptState) -> Task:
    record = CancelOpt(
        request_id=row.cancel_request_id or "",
        opt_id=row.opt_id,
        ven_id=book.registration.ven_id or row.record.ven_id,
    )
    return Task(
        CANCELLATION,
        record,
        (CanceledOpt,),
        lambda _reply: _acknowledge(row, CANCELLED),
        lambda error: _keep(row, error),
        about=repr(row.opt_id),
        key=row.opt_id,
        needs_service=True,
        done_by=frozenset() if row.previous else UNKNOWN,
        confirms=confirmed_by(CANCELLATION, CanceledOpt, opt_id=row.opt_id),
    )


def _describe(row: OptState) -> str:
    """What the log says about an opt that is sent."""
    record = row.record
    if record.event_id is not None:
        return f"{row.opt_id!r}: {row.opt_type} of event {record.event_id!r}, {record.opt_reason}"
    windows = record.vavailability.components if record.vavailability is not None else ()
    begin = f"{to_local(windows[0].dtstart):%Y-%m-%d %H:%M}" if windows else "now"
    later = write_count(len(windows) - 1, "more window", "more windows")
    more = f" and {later}" if len(windows) > 1 else ""
    return f"{row.opt_id!r}: {row.opt_type} from {begin}{more}, {record.opt_reason}"


def _acknowledge(sent: OptState, state: str) -> Step:
    """The VTN took it. A row that was replaced while the exchange went on is left alone: it is owed
    for itself.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        row = replace(sent, state=state, since=now, previous=None, code=None, description=None)
        return forget_replaced(book, row) + store_row(row)

    return step


def _refuse(sent: OptState, error: VenError) -> Step:
    """A refused opt is kept for a minute for whoever waits; an opt that it was to replace goes on
    to stand.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        return store_row(_with_code(replace(sent, state=REFUSED, since=now), error)) + _log(
            f"{error}", error
        )

    return step


def _keep(sent: OptState, error: VenError) -> Step:
    """O1.7: 452 means that the VTN does not have the opt, so it is gone; after any other refusal it
    still stands.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        left = REFUSED if error.response_code in UNKNOWN else CONFIRMED
        row = replace(sent, state=left, since=now, previous=None)
        return store_row(_with_code(row, error)) + _log(f"{error}", error)

    return step


def lose_cancellation(opt_id: str) -> Step:
    """The reply to a withdrawal was lost. The VTN may have it, and say to the next one that it does
    not know the opt (452): that is what was wanted then.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        row = book.opts.get(opt_id)
        if row is None or row.state != CANCELLING or row.previous is None:
            return NOTHING
        return store_row(replace(row, previous=None))

    return step


def _with_code(row: OptState, error: VenError) -> OptState:
    return replace(
        row,
        code=error.response_code,
        description=getattr(error, "response_description", None) or str(error),
    )


def _log(text: str, error: VenError) -> Outcome:
    return Outcome(notes=(Note(text, logging.WARNING, error=error),))
