"""``oadrCreatedEvent``: which responses are owed and ready, and what their acknowledgement means
(rules E15 to E25).

Pure functions of the book. What arrives while an answer is under way is not lost: exactly what was
sent counts as acknowledged, compared by value.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Optional

from ....errors import VenError
from ....events.execution import carry_out, combine
from ....state.change import Change
from ....state.events import EventState
from ....state.outcome import NOTHING, Note, Outcome, Step
from ....state.replacement import replace
from ....tasks import Task
from ...schema.events import CreatedEvent, EventResponse
from ...state.event_list import EventList
from .. import answers

if TYPE_CHECKING:
    from ...state.book import Book

ANSWER = "event answer"
"""The name of the task that delivers an ``oadrCreatedEvent``."""
SHOWN = 5
"""How many events a log line names."""
FAILURES, PATIENCE = 3, 600.0
"""How often the VTN may fail over an answer (HTTP 500), and for how many seconds, before that
counts as a refusal. Answers that were sent together are sent one by one as soon as they failed so
often.
"""
FEW = 500
"""Up to how many answers are sent one by one when they were refused together."""


def build_response(
    event_id: str, number: int, request_id: str, code: str, opt: str, text: Optional[str] = None
) -> EventResponse:
    """Rules E20, E22: a response to an event and modification number as received, under the list's
    top-level requestID.
    """
    return EventResponse(
        response_code=code,
        response_description=text or answers.TEXTS.get(code),
        request_id=request_id,
        event_id=event_id,
        modification_number=number,
        opt_type=opt,
    )


def response_for(state: EventState, request_id: str) -> EventResponse:
    """The response to an event that is held: the opt held (E15, E23), its refusal, or optIn for a
    cancellation (E24). Where a newer version could not be read (E11), its number gets 454 with the
    opt that is held for the version that goes on.
    """
    key, number = state.event.event_id, state.event.modification_number
    if state.cancelled is not None:
        return build_response(key, number, request_id, "200", "optIn")
    opt = state.opt or "optOut"
    if state.unread is None:
        return build_response(key, number, request_id, state.code, opt, state.reason)
    goes_on = f"; modification {number} goes on" if state.code == "200" else ""
    text = f"this version cannot be read{goes_on}"
    return build_response(key, state.unread, request_id, "454", opt, text)


def is_ready(state: EventState) -> bool:
    """Whether its decision has been made, so that nothing is invented (P4, E18)."""
    return not state.waiting or state.cancelled is not None


def collect_ready(book: "Book") -> tuple[EventResponse, ...]:
    """Every response that is owed and decided (E17)."""
    last, rows = book.event_list, book.events
    if not (book.owed or last.due):
        return last.others
    keys = dict.fromkeys(book.owed)
    keys.update(dict.fromkeys(key for key in last.due if key in rows))
    found = [
        response_for(rows[key], _request_id(last, key, rows[key]))
        for key in keys
        if is_ready(rows[key])
    ]
    return (*last.others, *found)


def owes_answer(book: "Book") -> bool:
    """Whether any response is owed, be it decided or not."""
    last = book.event_list
    return bool(book.owed or last.due or last.others)


def owes_unheld(book: "Book") -> bool:
    """Whether responses are owed about events that are not held: this process alone knows them."""
    return bool(book.event_list.others)


def _request_id(last: EventList, key: str, state: EventState) -> str:
    return last.request_id_of(key, state.request_id)


def answer_tasks(book: "Book") -> Iterator[Task]:
    """One ``oadrCreatedEvent`` with everything that is ready (E17); then, one by one, the answers
    that were refused together: one that the VTN fails over holds up no other.
    """
    ready, suspects = collect_ready(book), book.suspects
    rest = tuple(one for one in ready if one not in suspects) if suspects else ready
    if rest:
        yield _answer_task(book, rest)
    for one in ready if suspects else ():
        if one in suspects:
            yield _answer_task(book, (one,))


def _answer_task(book: "Book", sent: tuple[EventResponse, ...]) -> Task:
    """Its eiResponse stays 200, whatever the events' codes (E19), with an empty requestID (E20,
    E21).
    """
    record = CreatedEvent(
        response=answers.response(), event_responses=sent, ven_id=book.registration.ven_id or ""
    )
    return Task(
        ANSWER,
        record,
        (),
        lambda _reply: acknowledge(sent),
        lambda error: refuse(sent, error),
        about=_describe(book, sent),
        give_up=FAILURES,
        give_up_after=0.0 if 1 < len(sent) <= FEW else PATIENCE,
        key=_key(sent),
    )


def _key(sent: tuple[EventResponse, ...]) -> str:
    """Answers that are sent one by one fail one by one."""
    return sent[0].event_id if len(sent) == 1 else ""


def _describe(book: "Book", sent: tuple[EventResponse, ...]) -> str:
    """What is answered, for the log; of many the first few."""
    texts = [f"{one.event_id!r} {_describe_answer(book, one)}" for one in sent[:SHOWN]]
    return ", ".join(texts) + (f" and {len(sent) - SHOWN} more" if len(sent) > SHOWN else "")


def _describe_answer(book: "Book", response: EventResponse) -> str:
    held = book.events.get(response.event_id)
    if response.response_code != "200":
        return f"{response.opt_type} {response.response_code}"
    if held is not None and held.cancelled is not None:
        return "cancellation confirmed"
    return response.opt_type


def acknowledge(sent: tuple[EventResponse, ...]) -> Step:
    """The VTN took note of ``sent``; an acknowledged cancellation is forgotten (E8)."""

    def step(book: "Book", now: datetime) -> Outcome:
        last, done = book.event_list, set(sent)
        settled, outcomes = set(), []
        for key in {response.event_id for response in sent} & book.events.keys():
            state = book.events[key]
            if response_for(state, _request_id(last, key, state)) in done:
                settled.add(key)
                outcomes.append(_acknowledge(book, key, state, now))
        rest = replace(
            last,
            due=last.due - settled,
            others=tuple(one for one in last.others if one not in done),
        )
        return combine(outcomes) + (
            NOTHING if rest == last else Outcome(changes=(Change("event_list", "", rest),))
        )

    return step


def _acknowledge(book: "Book", key: str, state: EventState, now: datetime) -> Outcome:
    if not state.owed:
        return NOTHING
    return carry_out(book, key, state, replace(state, owed=False), now)


def refuse(sent: tuple[EventResponse, ...], error: VenError) -> Step:
    """The VTN did not want the answer: logged and dropped. What it still waits for comes with its
    next list (E15, E25).

    Of a few answers in one message it may be one only: VTNs stop reading there, so each is sent
    again by itself.
    """
    if 1 < len(sent) <= FEW:
        note = Note(
            f"{error} The {len(sent)} answers are sent again one by one.",
            logging.WARNING,
            once="answers refused",
        )
        return lambda book, now: Outcome(
            changes=(Change("suspects", "", _suspects_with(book, sent)),), notes=(note,)
        )
    names = ", ".join(f"{response.event_id!r}" for response in sent[:5]) + (
        " …" if len(sent) > 5 else ""
    )
    note = Note(
        f"{error} The answer about {names} is not sent again.",
        logging.WARNING,
        once="answer refused",
        error=error,
    )
    return lambda book, now: acknowledge(sent)(book, now) + Outcome(notes=(note,))


def _suspects_with(book: "Book", sent: tuple[EventResponse, ...]) -> frozenset[EventResponse]:
    """``sent``, and those from before that are still owed."""
    return book.suspects.intersection(collect_ready(book)).union(sent)
