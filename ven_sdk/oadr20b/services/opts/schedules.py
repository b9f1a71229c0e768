"""What the opts that stand mean for events (O1.2, O1.9), and what ``client.opts`` shows. Pure
functions; ``list_standing`` of a snapshot, in any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ....instants import FIRST, shift
from ....schema.events import Event
from ...schema.opt import CreateOpt
from ...state.opts import CANCELLED, REFUSED, REPLACED, OptState
from ..market_context import is_same

if TYPE_CHECKING:
    from ...state.book import Book


def list_standing(rows: tuple[OptState, ...]) -> tuple[OptState, ...]:
    """``client.opts``: opts that stand or are being sent, in the order in which they were made; any
    thread, from a snapshot.
    """
    return tuple(
        sorted(
            (
                row.standing
                for row in rows
                if row.standing.state not in (REFUSED, CANCELLED, REPLACED)
            ),
            key=lambda row: (row.record.created_date_time or FIRST, row.order),
        )
    )


def find_opt_of(book: "Book", event_id: str) -> Optional[str]:
    """O1.2: the ID of an opt for that event, which the VTN puts before later ``oadrCreatedEvent``\\
    s.
    """
    return next(
        (
            key
            for key, row in book.opts.items()
            if row.standing.in_force and row.standing.record.event_id == event_id
        ),
        None,
    )


def is_opted_out(book: "Book", event: Event) -> bool:
    """O1.9: an opt-out schedule of the whole VEN covers part of the event's active period, in its
    market context.
    """
    standing = (row.standing for row in book.opts.values())
    return any(
        row.in_force and row.record.opt_type == "optOut" and _covers(book, row.record, event)
        for row in standing
    )


def _has_context(record: CreateOpt, event: Event) -> bool:
    return is_same(record.market_context, event.market_context)


def _covers(book: "Book", record: CreateOpt, event: Event) -> bool:
    if (
        record.vavailability is None
        or not (record.market_context is None or _has_context(record, event))
        or record.device_class
    ):
        return False
    if record.targets and not any(
        target.ven_id == book.registration.ven_id for target in record.targets
    ):
        if not event.targets or not set(event.targets) <= set(record.targets):
            return False
    period = event.active_period
    end = shift(period.dtstart, period.duration) if period.duration else None
    return any(
        (end is None or part.dtstart < end)
        and (not part.duration or period.dtstart < shift(part.dtstart, part.duration))
        for part in record.vavailability.components
    )
