"""The lanes of a VEN, and what each sends next: the order in which 2.0b wants what is owed (rules
P4, E17, R1). A message that cannot be listed holds up no other. Pure functions of the book.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ...tasks import Lane, Task, Turn
from . import answers, events, opts, registration, reports
from .task import list_alone

if TYPE_CHECKING:
    from ..state.book import Book
    from .poll import Polls

POLLS, ANSWERS, REPORTS, OPTS = "polls", "answers", "reports", "opts"
LANES: tuple[Lane, ...] = (
    Lane(POLLS, "registration, polls and answers"),
    Lane(ANSWERS, "what must not wait for a poll that is held", overtakes_polls=True),
    Lane(REPORTS, "reports", uploads=True, table="deliveries"),
    Lane(OPTS, "opts", uploads=True, table="opts"),
)
STEP, LIST = (registration.REGISTRATION, "EiRegisterParty"), (events.LIST_REQUEST, "EiEvent")
CATALOGUE = reports.REGISTER_REPORT, "EiReport"


def list_tasks(lane: str, book: Book, turn: Turn, polls: Polls) -> Iterator[Task]:
    """The messages that ``lane`` has to send, the most urgent first; ``polls`` has the poll."""
    if lane == POLLS:
        return _talk(book, turn, polls)
    if lane == ANSWERS:
        return _talk(book, turn._replace(is_poll_due=False), polls)
    if book.registration.phase != "registered":
        return iter(())
    if lane == OPTS:
        return opts.list_tasks(book)
    return list_alone(
        reports.DELIVERY, "EiReport", lambda: (reports.delivery_task(book, turn.now),)
    )


def _talk(book: Book, turn: Turn, polls: Polls) -> Iterator[Task]:
    """The registration, answers, and the poll in the end."""
    state = book.registration
    if state.phase == "new":
        return
    step: Optional[Task] = None
    if registration.is_step_due(book):
        step = next(list_alone(*STEP, lambda: (registration.next_task(book),)), None)
    if step is not None and state.phase in registration.BOOTSTRAP and not turn.is_closing:
        yield step  # before what is owed, which may be more than the pace lets out in a minute
        step = None
    if book.answers and state.phase != "query" and state.known:
        yield from answers.list_tasks(book)
    may_answer = state.phase == "registered" and not (book.settings.report_only or turn.is_holding)
    if turn.is_closing and state.phase != "cancelling":
        if may_answer:
            yield from _event_answers(book)
        return
    if step is not None:
        yield step
    if state.phase != "registered":
        return
    if registration.is_list_due(book, turn.now) and not book.settings.report_only:
        yield from list_alone(*LIST, lambda: (registration.request_events(book),))
    if may_answer:
        yield from _event_answers(book)
    if registration.is_catalogue_due(book):
        yield from list_alone(*CATALOGUE, lambda: (registration.register_reports(book),))
    yield from reports.ask_tasks(book)
    if turn.is_poll_due:
        yield polls.task(book)


def _event_answers(book: Book) -> Iterator[Task]:
    if events.owes_answer(book):
        yield from list_alone(events.ANSWER, "EiEvent", lambda: events.answer_tasks(book))


def owes(book: Book, now: datetime) -> bool:
    """Whether something is owed to the VTN that could be sent now."""
    if book.registration.phase != "registered":
        return bool(book.answers) and book.registration.phase == "cancelled"
    return bool(
        book.answers
        or next(_event_answers(book), None)
        or next(opts.list_tasks(book), None)
        or reports.delivery_due(book, now)
    )
