"""Rows of the table ``opts``: how long they stand, and what makes them go. Pure functions, run as
steps.

``since``, the moment of the last change of a row, decides when a refused or withdrawn one goes.
Where it lies ahead because the clock was set back, the minute counts from now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ....errors import TransportError
from ....instants import shift
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome, Step, Timer
from ....state.replacement import replace
from ....text import shorten
from ...schema.opt import CreateOpt
from ...state.opts import CANCELLED, CANCELLING, CONFIRMED, OWED, REFUSED, REPLACED, OptState
from ..market_context import is_same

if TYPE_CHECKING:
    from ...state.book import Book

KEPT = timedelta(minutes=1)
"""How long the row of a refused or withdrawn opt is kept, for whoever waits for the VTN's answer to
see it.
"""


def expiry(row: OptState) -> Optional[datetime]:
    """When a row goes by itself: a minute after a refusal or withdrawal, or with the last window of
    its schedule. One that is owed has a minute to be sent in: the windows may be over already, and
    somebody waits for what the VTN says to that.
    """
    kept = None if row.since is None else shift(row.since, KEPT)
    if row.state in (REFUSED, CANCELLED):
        return kept
    end = None if row.record.vavailability is None else last_end(row.record)
    return max(end, kept) if end and kept and row.state == OWED else end


def last_end(record: CreateOpt) -> Optional[datetime]:
    """The end of a schedule; None where a window has no end (a duration of zero, O1.6)."""
    parts = record.vavailability.components if record.vavailability is not None else ()
    if not parts or any(not part.duration for part in parts):
        return None
    return max(shift(part.dtstart, part.duration) for part in parts)


def store_row(row: OptState) -> Outcome:
    """Remember ``row``, and set the timer that makes it go."""
    return Outcome(changes=(Change("opts", row.opt_id, row),), timers=(_build_timer(row),))


def _build_timer(row: OptState) -> Timer:
    moment = expiry(row)
    return Timer(f"opt:{row.opt_id}", moment, None if moment is None else _look_again(row.opt_id))


def _look_again(opt_id: str) -> Step:
    def step(book: "Book", now: datetime) -> Outcome:
        row = book.opts.get(opt_id)
        return NOTHING if row is None else look_at(row, now)

    return step


def look_at(row: OptState, now: datetime) -> Outcome:
    """Forget a row whose time has come; a refused replacement uncovers the opt that stood before it
    (O1.5).
    """
    dated = row.state in (REFUSED, CANCELLED, OWED)
    if dated and row.since is not None and row.since > now:
        return store_row(replace(row, since=now))
    moment = expiry(row)
    if moment is None or now < moment:
        return Outcome(timers=(_build_timer(row),))
    if row.state == REFUSED and row.previous is not None:
        return store_row(OptState(record=row.previous, state=CONFIRMED, order=row.order, since=now))
    return _forget([row], "its last window is over")


def _forget(rows: Iterable[OptState], why: str) -> Outcome:
    """The rows go. That the VTN never got one of them is reported, whoever waited for it or not."""
    gone = tuple(rows)
    return Outcome(
        changes=tuple(Change("opts", row.opt_id, None) for row in gone),
        timers=tuple(Timer(f"opt:{row.opt_id}") for row in gone),
        notes=_tell_unsent([row.opt_id for row in gone if row.state == OWED], why),
    )


def _tell_unsent(opt_ids: list[str], why: str) -> tuple[Note, ...]:
    if not opt_ids:
        return ()
    text = (
        f"Opts that the VTN never confirmed are given up, for {why}: {shorten(', '.join(opt_ids))}"
    )
    return (Note(text, logging.WARNING, error=TransportError(text)),)


def forget_replaced(book: "Book", row: OptState) -> Outcome:
    """O1.2, O1.5: a confirmed opt takes the place of earlier ones of its kind that name nothing
    else: a schedule of the same type and market context, or an opt of the same event. A replaced
    schedule can still be withdrawn, which is no error.
    """
    if row.state != CONFIRMED:
        return NOTHING
    ven_id = book.registration.ven_id
    gone = {
        key: other if other.record.event_id is None else None
        for key, other in book.opts.items()
        if key != row.opt_id and other.state == CONFIRMED and _is_replaced(other, row, ven_id)
    }
    return Outcome(
        changes=tuple(
            Change("opts", key, None if other is None else replace(other, state=REPLACED))
            for key, other in gone.items()
        )
    )


def _is_replaced(old: OptState, new: OptState, ven_id: Optional[str]) -> bool:
    before, after = old.record, new.record
    if before.event_id != after.event_id or before.device_class != after.device_class:
        return False
    if after.event_id is None:
        same_kind = before.opt_type == after.opt_type
        if not same_kind or not is_same(before.market_context, after.market_context):
            return False
    whole = not after.targets or any(target.ven_id == ven_id for target in after.targets)
    return whole or (bool(before.targets) and set(before.targets) <= set(after.targets))


def forget_event(book: "Book", event_id: str) -> tuple[Change, ...]:
    """Opts about an event that is forgotten go with it, except those that somebody waits for."""
    return tuple(
        Change("opts", key, None)
        for key, row in book.opts.items()
        if row.record.event_id == event_id and row.state == CONFIRMED
    )


def forget_confirmed(book: "Book", now: datetime) -> Outcome:
    """Rule R7: opts that the VTN had are part of the registration that is gone. One that is owed is
    sent under the new registration, also where it is under way: what the VTN says to that is of the
    old one. One that is being withdrawn no longer replaces any.
    """
    gone = [key for key, row in book.opts.items() if row.state not in (OWED, CANCELLING)]
    left = [
        replace(row, previous=None, order=book.next_key() if row.state == OWED else row.order)
        for row in book.opts.values()
        if row.opt_id not in gone
    ]
    return Outcome(
        changes=(
            *(Change("opts", key, None) for key in gone),
            *(Change("opts", row.opt_id, row) for row in left),
        ),
        timers=tuple(Timer(f"opt:{key}") for key in gone),
    )


def forget_all(book: "Book", now: datetime) -> Outcome:
    """The registration ended (R11, R12), and the opts with it. A caller who waits finds that the
    row is missing.
    """
    return _forget(book.opts.values(), "the registration ended")


def resume(book: "Book", now: datetime) -> Outcome:
    """After a start, and after the clock was set back: the timers of all rows, and what expired
    meanwhile leaves.
    """
    outcome = NOTHING
    for row in book.opts.values():
        if row.state == CANCELLING and row.record.event_id is not None:
            # owed by an earlier version; there is no such cancellation (O1.7)
            outcome += store_row(replace(row, state=CONFIRMED, previous=None))
        else:
            outcome += look_at(row, now)
    return outcome
