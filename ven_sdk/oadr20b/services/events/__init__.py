"""EiEvent: what the engine and the registration call. The rules stand in the modules ``event_*``
beside this one.

::

    event_list    a list is taken in            event_change   what it makes of one event
    event_run     what is due, handler calls    event_time     when things happen
    event_filter  is it meant for us            event_answer   oadrCreatedEvent

Pure functions of the book and the time; they run as steps of the engine.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional

from ....errors import ConfigurationError, StateError, VenError
from ....events import timing as times
from ....events.decision import OPTS
from ....events.execution import all_of, resumed, settle
from ....schema.common import Payload
from ....schema.events import DistributeEvent, RequestEvent
from ....state.events import LIST_KEY
from ....state.outcome import NOTHING, Change, Note, Outcome, Step
from .. import opts
from ..task import Task
from . import transitions as change
from .incoming_list import receive
from .responses import ANSWER, answer_task, last_list

if TYPE_CHECKING:
    from ....state.book import Book
    from ....state.events import EventState

__all__ = [
    "ANSWER",
    "answer_task",
    "deciding",
    "drop_all",
    "look_again",
    "opt",
    "receive",
    "request_task",
    "resume",
]


def request_task(
    book: "Book", accept: Callable[[Optional[Payload]], Step], refuse: Callable[[VenError], Step]
) -> Task:
    """Ask for the complete list (R1, H6, P11): without a replyLimit, for an answer to that would
    not be complete (E1).
    """
    record = RequestEvent(
        request_id=book.request_id("event request"), ven_id=book.registration.ven_id or ""
    )
    return Task("event request", record, (DistributeEvent,), accept, refuse)


def deciding(book: "Book", now: datetime) -> bool:
    """Whether a handler that was called because of the last list has not answered yet (P4, E17)."""
    rows = (book.events.get(key) for key in last_list(book).fresh)
    return any(state is not None and state.waiting and state.decision is not None for state in rows)


def opt(
    book: "Book", event_id: str, opt_type: str, reason: Optional[str], now: datetime
) -> Outcome:
    """``client.opt_in`` and ``client.opt_out``: the VEN's decision, given or changed at any time
    (E18, E23).

    Raises StateError for an event that is unknown, refused, cancelled or over. A running handler's
    later return counts no more. ``reason`` goes out as the response's description.
    """
    if opt_type not in OPTS:
        raise ConfigurationError(f"opt_type must be 'optIn' or 'optOut', not {opt_type!r}.")
    held = book.events.get(event_id)
    if held is None or change.is_gone(held):
        raise StateError(
            f"There is no event {event_id!r}. Known: "
            f"{', '.join(map(repr, sorted(book.events)[:10])) or 'none'}."
        )
    _check_open(held, event_id, now)
    outcome = settle(book, event_id, held, change.chosen(held, opt_type, reason), now)
    standing = opts.event_opt(book, event_id)
    if standing is None:
        return outcome
    return outcome + Outcome(
        notes=(
            Note(
                f"The VTN ignores this opt for event {event_id!r} while opt {standing!r} about "
                f"it stands (O1.2). Withdraw that by "
                "client.cancel_opt first.",
                logging.WARNING,
            ),
        )
    )


def _check_open(held: "EventState", event_id: str, now: datetime) -> None:
    status = times.status(held, now)
    if held.code != "200":
        raise StateError(
            f"Event {event_id!r} was refused with code {held.code} ({held.reason}); there is "
            f"nothing to opt for."
        )
    if status in ("cancelled", "completed"):
        raise StateError(f"Event {event_id!r} is {status}; its opt can no longer be changed.")


def drop_all(book: "Book", now: datetime, reason: str) -> Outcome:
    """R11, R12: the registration is gone. Running events end, all are forgotten, no answer is owed
    any more.
    """
    outcomes = [
        settle(book, key, held, change.dropped(book, held), now)
        for key, held in book.events.items()
    ]
    if not outcomes:
        return Outcome(changes=(Change("collecting", LIST_KEY, None),))
    note = Note(f"{len(outcomes)} events are dropped: the registration was {reason}.")
    return all_of(outcomes) + Outcome(
        changes=(Change("collecting", LIST_KEY, None),), notes=(note,)
    )


def look_again(book: "Book", now: datetime) -> Outcome:
    """The clock was set back: timers that had run out for nothing are set again. Nothing that was
    done is done again.
    """
    return all_of(settle(book, key, held, held, now) for key, held in book.events.items())


def resume(book: "Book", now: datetime) -> Outcome:
    """After a start: calls that had not returned are made again, timers set, and what fell due
    meanwhile is done.
    """
    if not book.events:
        return NOTHING
    return all_of(resumed(book, key, held, now) for key, held in book.events.items())
