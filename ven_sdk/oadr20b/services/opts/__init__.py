"""EiOpt: schedules and opts of resources that the VEN sends (rules O1). Pure functions of the book,
run as steps.

An opt stands in the table ``opts`` from the call that made it until it is withdrawn or expires, and
is sent again under the same IDs until the VTN has answered. The blocking wait of
``client.create_opt`` is the engine's: it looks at the row.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Optional

from ....errors import ConfigurationError, StateError, VenError
from ....schema.events import Event
from ....state.opts import CANCELLED, CANCELLING, CONFIRMED, OWED, REFUSED, OptState
from ....state.outcome import NOTHING, Change, Note, Outcome, Step, Timer
from ...schema.opt import CanceledOpt, CancelOpt, CreatedOpt, CreateOpt
from ..task import Task
from .arguments import (
    checked_event,
    checked_reason,
    checked_text,
    checked_type,
    device_class,
    target_list,
    windows,
)

if TYPE_CHECKING:
    from ....state.book import Book

KEPT = timedelta(minutes=1)
"""How long the row of a refused or withdrawn opt is kept, for whoever waits for the VTN's answer to
see it.
"""
_EPOCH = datetime.min.replace(tzinfo=timezone.utc)


# --- the user's calls -----------------------------------------------------------------------------


def create(
    book: "Book",
    now: datetime,
    *,
    opt_type: str,
    opt_reason: str,
    targets: Any = None,
    vavailability: Any = None,
    event_id: Optional[str] = None,
    modification_number: Optional[int] = None,
    opt_id: Optional[str] = None,
    request_id: Optional[str] = None,
    market_context: Optional[str] = None,
    signal_target_mrid: Optional[str] = None,
) -> tuple[str, Outcome]:
    """The opt's ID, and the Outcome that owes it to the VTN (O1.1). The same ``opt_id`` again
    replaces the earlier one (O1.5).

    Raises ConfigurationError for a wrong argument, named in its text, and StateError while the VEN
    is not registered or for an event that it does not know.
    """
    if (vavailability is None) == (event_id is None):
        raise ConfigurationError(
            "Give either vavailability (a schedule) or event_id (an opt for one event), not both "
            "and not "
            "neither: the VTN takes the one for the other by which is there (O1.3)."
        )
    schedule = None if vavailability is None else windows(vavailability)
    number = checked_event(book, event_id, modification_number)
    ven_id = book.registration.ven_id
    if not ven_id:
        raise StateError(
            "The VEN is not registered, so it has no venID to send an opt with. Wait for "
            "on_registered."
        )
    record = CreateOpt(
        opt_id=checked_text("opt_id", opt_id) or secrets.token_hex(16),
        opt_type=checked_type(opt_type),
        opt_reason=checked_reason(opt_reason),
        market_context=checked_text("market_context", market_context),
        ven_id=ven_id,
        vavailability=schedule,
        created_date_time=now.replace(microsecond=0),
        request_id=checked_text("request_id", request_id) or secrets.token_hex(16),
        event_id=event_id,
        modification_number=number,
        targets=target_list(targets),
        device_class=device_class(signal_target_mrid),
    )
    return record.opt_id, _owed(book, record, now)


def _owed(book: "Book", record: CreateOpt, now: datetime) -> Outcome:
    held = book.opts.get(record.opt_id)
    previous = None if held is None else held.record if held.state == CONFIRMED else held.previous
    row = OptState(record=record, order=book.next_key(), since=now, previous=previous)
    return _kept(row, now)


def cancel(book: "Book", opt_id: str, now: datetime) -> Outcome:
    """Withdraw an opt (O1.7). One that was never confirmed is withdrawn as well: the VTN may have
    it all the same.

    Raises StateError for an opt that is unknown, refused or withdrawn already.
    """
    held = book.opts.get(opt_id)
    if held is None or held.state in (REFUSED, CANCELLED):
        known = ", ".join(repr(key) for key, row in book.opts.items() if row.in_force) or "none"
        raise StateError(f"There is no opt {opt_id!r} to cancel. Opts that stand: {known}.")
    if held.state == CANCELLING:
        return NOTHING
    row = replace(
        held,
        state=CANCELLING,
        order=book.next_key(),
        since=now,
        cancel_request_id=secrets.token_hex(16),
        previous=held.record if held.state == CONFIRMED else held.previous,
        code=None,
        description=None,
    )
    return _kept(row, now)


# --- what is sent ---------------------------------------------------------------------------------


def next_task(book: "Book") -> Optional[Task]:
    """The opt or cancellation that has been owed longest, or None. It stays the same, IDs included,
    until it is answered.
    """
    owed = [row for row in book.opts.values() if row.state in (OWED, CANCELLING)]
    if not owed:
        return None
    row = min(owed, key=lambda one: (one.since or _EPOCH, one.order))
    if row.state == OWED:
        return Task(
            "opt",
            row.record,
            (CreatedOpt,),
            lambda _reply: _answered(row, CONFIRMED),
            lambda error: _refused(row, error),
        )
    record = CancelOpt(
        request_id=row.cancel_request_id or "", opt_id=row.opt_id, ven_id=row.record.ven_id
    )
    return Task(
        "opt cancellation",
        record,
        (CanceledOpt,),
        lambda _reply: _answered(row, CANCELLED),
        lambda error: _not_cancelled(row, error),
    )


def _answered(sent: OptState, state: str) -> Step:
    """The VTN took it. A row that was replaced while the exchange went on is left alone: it is owed
    for itself.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        return _kept(
            replace(sent, state=state, since=now, previous=None, code=None, description=None), now
        )

    return step


def _refused(sent: OptState, error: VenError) -> Step:
    """A refused opt is kept for a minute for whoever waits; an opt that it was to replace goes on
    to stand.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        return _kept(_with_code(replace(sent, state=REFUSED, since=now), error), now) + _said(
            f"{error}", error
        )

    return step


def _not_cancelled(sent: OptState, error: VenError) -> Step:
    """O1.7: 452 means that the VTN does not have the opt, so it is gone; after any other refusal it
    still stands.

    An opt that was never confirmed and is unknown to the VTN is what the user wanted: cancelled.
    """

    def step(book: "Book", now: datetime) -> Outcome:
        if book.opts.get(sent.opt_id) != sent:
            return NOTHING
        unknown = error.response_code == "452"
        if unknown and sent.previous is None:
            return _kept(replace(sent, state=CANCELLED, since=now), now)
        row = replace(sent, state=REFUSED if unknown else CONFIRMED, since=now, previous=None)
        return _kept(_with_code(row, error), now) + _said(f"{error}", error)

    return step


def _with_code(row: OptState, error: VenError) -> OptState:
    return replace(
        row,
        code=error.response_code,
        description=getattr(error, "response_description", None) or str(error),
    )


def _said(text: str, error: VenError) -> Outcome:
    return Outcome(notes=(Note(text, logging.WARNING, error=error),))


# --- leaving --------------------------------------------------------------------------------------


def leaves(row: OptState) -> Optional[datetime]:
    """When a row goes by itself: a minute after a refusal or withdrawal, or with the last window of
    its schedule.
    """
    if row.state in (REFUSED, CANCELLED):
        return None if row.since is None else row.since + KEPT
    return None if row.record.vavailability is None else last_end(row.record)


def last_end(record: CreateOpt) -> Optional[datetime]:
    """The end of a schedule; None where a window has no end (a duration of zero, O1.6)."""
    parts = record.vavailability.components if record.vavailability is not None else ()
    if not parts or any(not part.duration for part in parts):
        return None
    return max(part.dtstart + part.duration for part in parts)


def _kept(row: OptState, now: datetime) -> Outcome:
    return Outcome(changes=(Change("opts", row.opt_id, row),), timers=(_timer(row),))


def _timer(row: OptState) -> Timer:
    moment = leaves(row)
    return Timer(f"opt:{row.opt_id}", moment, None if moment is None else _tick(row.opt_id))


def _tick(opt_id: str) -> Step:
    def step(book: "Book", now: datetime) -> Outcome:
        row = book.opts.get(opt_id)
        return NOTHING if row is None else _looked_at(row, now)

    return step


def _looked_at(row: OptState, now: datetime) -> Outcome:
    """Forget a row whose time has come; a refused replacement uncovers the opt that stood before it
    (O1.5).
    """
    moment = leaves(row)
    if moment is None or now < moment:
        return Outcome(timers=(_timer(row),))
    if row.state == REFUSED and row.previous is not None:
        return _kept(
            OptState(record=row.previous, state=CONFIRMED, order=row.order, since=now), now
        )
    return Outcome(
        changes=(Change("opts", row.opt_id, None),), timers=(Timer(f"opt:{row.opt_id}"),)
    )


def event_gone(book: "Book", event_id: str) -> Outcome:
    """Opts about an event that is forgotten go with it, except those that somebody waits for."""
    if not book.opts:
        return NOTHING
    gone = [
        key
        for key, row in book.opts.items()
        if row.record.event_id == event_id and row.state == CONFIRMED
    ]
    return Outcome(
        changes=tuple(Change("opts", key, None) for key in gone),
        timers=tuple(Timer(f"opt:{key}") for key in gone),
    )


def forget(book: "Book", now: datetime) -> Outcome:
    """Rule R7: opts were part of the registration that is gone. A caller who waits finds that the
    row is missing.
    """
    return Outcome(
        changes=tuple(Change("opts", key, None) for key in book.opts),
        timers=tuple(Timer(f"opt:{key}") for key in book.opts),
    )


def resume(book: "Book", now: datetime) -> Outcome:
    """After a start: the timers of all rows, and what expired meanwhile leaves."""
    outcome = NOTHING
    for row in book.opts.values():
        outcome += _looked_at(row, now)
    return outcome


# --- what others ask ------------------------------------------------------------------------------


def standing(rows: tuple[OptState, ...]) -> tuple[OptState, ...]:
    """``client.opts``: opts that stand or are being sent, in the order in which they were made; any
    thread, from a snapshot.
    """
    return tuple(
        sorted(
            (row for row in rows if row.state not in (REFUSED, CANCELLED)),
            key=lambda row: (row.record.created_date_time or _EPOCH, row.order),
        )
    )


def event_opt(book: "Book", event_id: str) -> Optional[str]:
    """O1.2: the ID of an opt for that event, which the VTN puts before later ``oadrCreatedEvent``\\
    s.
    """
    return next(
        (key for key, row in book.opts.items() if row.in_force and row.record.event_id == event_id),
        None,
    )


def opted_out(book: "Book", event: Event) -> bool:
    """O1.9: an opt-out schedule of the whole VEN covers part of the event's active period, in its
    market context.
    """
    return any(
        row.in_force and row.record.opt_type == "optOut" and _covers(book, row.record, event)
        for row in book.opts.values()
    )


def _covers(book: "Book", record: CreateOpt, event: Event) -> bool:
    if (
        record.vavailability is None
        or record.market_context not in (None, event.market_context)
        or record.device_class
    ):
        return False
    if record.targets and not any(
        target.ven_id == book.registration.ven_id for target in record.targets
    ):
        if not event.targets or not set(event.targets) <= set(record.targets):
            return False
    period = event.active_period
    end = period.dtstart + period.duration if period.duration else None
    return any(
        (end is None or part.dtstart < end)
        and (not part.duration or period.dtstart < part.dtstart + part.duration)
        for part in record.vavailability.components
    )
