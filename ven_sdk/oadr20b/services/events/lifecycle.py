"""What happens to all events together: the list is asked for, the VEN starts, the clock is set
back, the registration is gone. Pure functions; they run as steps.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Callable, Optional

from ....errors import VenError
from ....events import versions
from ....events.execution import carry_out, combine, resume_event
from ....instants import shift
from ....schema.common import Payload
from ....state.change import Change
from ....state.outcome import NOTHING, Note, Outcome, Step
from ....state.replacement import replace
from ....tasks import Task
from ....usercode.handlers import NOBODY_DECIDES
from ...schema.events import DistributeEvent, RequestEvent

if TYPE_CHECKING:
    from ...state.book import Book

LIST_REQUEST = "event request"
"""The name of the message that asks for the list of events, and of its requestID."""


def request_task(
    book: "Book", accept: Callable[[Optional[Payload]], Step], refuse: Callable[[VenError], Step]
) -> Task:
    """Ask for the complete list (R1, H6, P11): without a replyLimit, for an answer to that would
    not be complete (E1).
    """
    record = RequestEvent(
        request_id=book.request_id(LIST_REQUEST), ven_id=book.registration.ven_id or ""
    )
    return Task(LIST_REQUEST, record, (DistributeEvent,), accept, refuse)


def is_deciding(book: "Book", now: datetime) -> bool:
    """Whether a handler that was called because of the last list has not answered yet (P4, E17)."""
    rows = (book.events.get(key) for key in book.event_list.fresh)
    return any(state is not None and state.waiting and state.decision is not None for state in rows)


def drop_all(book: "Book", now: datetime, reason: str, *, is_another_vtn: bool = False) -> Outcome:
    """R11, R12: the registration is gone. Running events end, all are forgotten, no answer is owed
    any more. Where ``is_another_vtn`` took the place of theirs, its list has none of them: handlers
    are told as of a list that leaves them out.
    """
    drop = versions.drop_missing if is_another_vtn else versions.drop
    outcomes = [
        carry_out(book, key, held, drop(book, held, now), now) for key, held in book.events.items()
    ]
    if not outcomes:
        return Outcome(changes=(Change("event_list", "", None),))
    count = "1 event is" if len(outcomes) == 1 else f"{len(outcomes)} events are"
    note = Note(f"{count} dropped: the registration was {reason}.")
    return combine(outcomes) + Outcome(changes=(Change("event_list", "", None),), notes=(note,))


def look_again(book: "Book", now: datetime) -> Outcome:
    """The clock was set back: timers that had run out for nothing are set again. Nothing that was
    done is done again.
    """
    return combine(carry_out(book, key, held, held, now) for key, held in book.events.items())


def shift_deadlines(book: "Book", now: datetime, by: timedelta) -> Outcome:
    """E18: whoever decides about an event has ``opt_timeout`` for it, also when the clock is set
    meanwhile.
    """
    return combine(
        carry_out(book, key, held, replace(held, deadline=shift(held.deadline, by)), now)
        for key, held in book.events.items()
        if held.waiting and held.deadline is not None
    )


def resume(book: "Book", now: datetime) -> Outcome:
    """After a start: calls that had not returned are made again, timers set, and what fell due
    meanwhile is done. Where nobody decides about events, the log says so before the first comes.
    """
    notes: tuple[Note, ...] = ()
    if not book.settings.report_only and not book.has_handler("on_event"):
        notes = (Note(NOBODY_DECIDES, logging.WARNING, once="no on_event handler"),)
    if not book.events:
        return Outcome(notes=notes) if notes else NOTHING
    return Outcome(notes=notes) + combine(
        resume_event(book, key, held, now) for key, held in book.events.items()
    )
