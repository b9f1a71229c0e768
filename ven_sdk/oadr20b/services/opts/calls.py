"""What ``client.create_opt`` and ``client.cancel_opt`` ask for: rows that are owed to the VTN
(rules O1). Pure functions of the book; they run as steps.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....arguments import text
from ....errors import ConfigurationError, StateError
from ....profile import OptFacts
from ....state.outcome import NOTHING, Outcome
from ....state.replacement import replace
from ....text import shorten
from ...schema.opt import CreateOpt
from ...state.opts import CANCELLED, CANCELLING, CONFIRMED, REFUSED, OptState
from .arguments import (
    check_context,
    check_event,
    check_reason,
    check_text,
    check_type,
    choose_targets,
    read_device_class,
    read_targets,
    read_windows,
)
from .rows import store_row

if TYPE_CHECKING:
    from ...state.book import Book


def read_facts(facts: OptFacts) -> OptFacts:
    """What the user says of an opt, with targets and windows read: iterables are the user's own
    code, which runs in the call and not in a step. ``ConfigurationError`` for wrong ones.
    """
    given = facts["vavailability"]
    return {
        **facts,
        "targets": read_targets(facts["targets"]) or None,
        "vavailability": None if given is None else read_windows(given),
        "request_id": check_text("request_id", facts["request_id"]) or secrets.token_hex(16),
    }


def create(
    book: "Book",
    now: datetime,
    *,
    opt_id: str,
    opt_type: str,
    opt_reason: str,
    targets: object = None,
    vavailability: object = None,
    event_id: Optional[str] = None,
    modification_number: Optional[int] = None,
    request_id: Optional[str] = None,
    market_context: Optional[str] = None,
    signal_target_mrid: Optional[str] = None,
) -> Outcome:
    """Owe an opt to the VTN (O1.1). The same ``opt_id`` again replaces the earlier one (O1.5).

    Raises ConfigurationError for a wrong argument, named in its text, and StateError while the VEN
    is not registered, for an event that it does not know or that wants no response.
    """
    if (vavailability is None) == (event_id is None):
        raise ConfigurationError(
            "Give either vavailability (a schedule) or event_id (an opt for one event), not both "
            "and not neither: the VTN takes the one for the other by which is there (O1.3)."
        )
    event_id = check_text("event_id", event_id)
    schedule = None if vavailability is None else read_windows(vavailability)
    number, event = check_event(book, event_id, modification_number)
    ven_id = book.registration.ven_id
    if not ven_id:
        raise StateError(
            "The VEN is not registered, so it has no venID to send an opt with. Wait for "
            "on_registered."
        )
    record = CreateOpt(
        opt_id=text("opt_id", opt_id),
        opt_type=check_type(opt_type),
        opt_reason=check_reason(opt_reason),
        market_context=check_context(market_context, event_id),
        ven_id=ven_id,
        vavailability=schedule,
        created_date_time=now.replace(microsecond=0),
        request_id=check_text("request_id", request_id) or secrets.token_hex(16),
        event_id=event_id,
        modification_number=number,
        targets=choose_targets(read_targets(targets), event, ven_id),
        device_class=read_device_class(signal_target_mrid),
    )
    return _owe(book, record, now)


def _owe(book: "Book", record: CreateOpt, now: datetime) -> Outcome:
    row = book.opts.get(record.opt_id)
    held = None if row is None else row.standing
    previous = None if held is None else held.record if held.state == CONFIRMED else held.previous
    row = OptState(record=record, order=book.next_key(), since=now, previous=previous)
    return store_row(row)


def cancel(book: "Book", opt_id: str, now: datetime) -> Outcome:
    """Withdraw a schedule (O1.7). One that was never confirmed is withdrawn as well: the VTN may
    have it all the same.

    Raises StateError for an opt that is unknown, refused or withdrawn already, and for an opt of an
    event, which only the opposite opt changes; ConfigurationError for an ID that is no text.
    """
    row = book.opts.get(check_text("opt_id", opt_id) or "")
    held = None if row is None else row.standing
    if held is None or held.state in (REFUSED, CANCELLED):
        standing = (key for key, row in book.opts.items() if row.standing.in_force)
        known = ", ".join(map(repr, standing)) or "none"
        raise StateError(
            f"There is no opt {opt_id!r} to cancel. Opts that stand: {shorten(known)}."
        )
    if held.record.event_id is not None:
        opposite = "optIn" if held.opt_type == "optOut" else "optOut"
        raise StateError(
            f"Opt {opt_id!r} is about event {held.record.event_id!r} and cannot be withdrawn "
            f"(O1.7). Send the opposite: client.create_opt({opposite!r}, ..., "
            f"event_id={held.record.event_id!r})."
        )
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
    return store_row(row)
