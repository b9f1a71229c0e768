"""The queue of protocol answers to what the VTN asked (P4): sent in order, before the next poll,
kept until delivered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Optional

from ...errors import VenError
from ...points.tables import look_now
from ...schema.common import Payload
from ...state.change import Change
from ...state.outcome import NOTHING, Note, Outcome, Step
from ...state.replacement import replace
from ...tasks import Task
from ..schema.payloads import PAYLOADS
from ..schema.registration import Response
from ..schema.reports import CreatedReport
from ..schema.responses import EiResponse
from ..state.answers import Answer
from .task import OK, list_alone

if TYPE_CHECKING:
    from ..state.book import Book

MOST_WAITING = 30
"""Answers that wait to be sent, at most."""
GOES_AHEAD = timedelta(minutes=1)
"""How long the data of a report request waits for an answer that the VTN does not take."""
TEXTS = {
    "200": "OK",
    "450": "out of sequence",
    "451": "not allowed",
    "452": "invalid ID",
    "453": "not recognised",
    "454": "invalid data",
    "459": "compliance error",
    "460": "signal not supported",
    "461": "report not supported",
    "462": "target mismatch",
    "463": "not registered",
    "469": "deployment error",
    "500": "responder failed",
}


def response(
    code: str = OK, request_id: Optional[str] = "", description: Optional[str] = None
) -> EiResponse:
    """An eiResponse; ``request_id`` is echoed, empty where the request had none (G6)."""
    return EiResponse(
        response_code=code,
        response_description=description or TEXTS.get(code),
        request_id=request_id or "",
    )


def owe(
    book: Book,
    record: Payload,
    now: datetime,
    *,
    courtesy: bool = False,
    service: str = "",
    requests: Iterable[str] = (),
) -> Outcome:
    """Owe ``record`` to the VTN, at ``service`` if not its own, before the data of the report
    ``requests``. A second courtesy is not queued while one waits.
    """
    if courtesy and any(answer.courtesy for answer in book.answers.values()):
        return NOTHING
    answer = Answer(
        payload=record.wire_name,
        record=record.to_dict(),
        created=now,
        courtesy=courtesy,
        service=service or record.service or "EiEvent",
        requests=tuple(requests),
    )
    return _drop_oldest(book, now) + Outcome(changes=(Change("answers", book.next_key(), answer),))


def _drop_oldest(book: Book, now: datetime) -> Outcome:
    """Room for one more answer. A VTN that takes none of them, and asks all the same, would have
    them pile up, and all else wait for them when it takes them again.
    """
    outcome = NOTHING
    for key in list(book.answers)[: max(0, len(book.answers) - MOST_WAITING + 1)]:
        outcome += _forget(key, book.answers[key])(book, now)
    if outcome is NOTHING:
        return outcome
    note = Note(
        f"The VTN goes on asking and takes no answers: of more than {MOST_WAITING} that wait the "
        "oldest are dropped. It asks again if it wants them.",
        logging.WARNING,
        once="answers dropped",
    )
    return outcome + Outcome(notes=(note,))


def owe_response(
    book: Book,
    now: datetime,
    code: str = OK,
    request_id: str = "",
    *,
    courtesy: bool = False,
    service: str = "",
) -> Outcome:
    """Owe an ``oadrResponse`` with our venID (G10) to ``service``."""
    record = Response(response=response(code, request_id), ven_id=book.registration.ven_id)
    return owe(book, record, now, courtesy=courtesy, service=service)


def list_tasks(book: Book) -> Iterator[Task]:
    """The answers that are owed, in order (P4). One that the VTN fails over holds up no other."""
    for key, answer in book.answers.items():
        yield from _list_one(key, answer)


def _list_one(key: str, answer: Answer) -> Iterator[Task]:
    return list_alone(
        f"answer {answer.payload}",
        answer.service or "EiEvent",
        lambda: (_task(key, answer),),
        key,
        lambda error: _drop(key, answer, error),
    )


def forget_all(book: Book) -> Outcome:
    """Nobody waits for the answers that are owed any more."""
    gone = tuple(Change("answers", key, None) for key in book.answers)
    return Outcome(changes=gone) if gone else NOTHING


def _task(key: str, answer: Answer) -> Task:
    """The message is built when it is sent: many may wait for what failed before."""
    payload = PAYLOADS[answer.payload]
    return Task(
        name=f"answer {answer.payload}",
        content=lambda: payload.from_dict(answer.record),
        expects=(),
        accept=lambda _reply: _forget(key, answer),
        refuse=lambda error: _drop(key, answer, error),
        service=answer.service or payload.service,
        give_up=1 if answer.courtesy else 5,
        key=key,
        postpone=(lambda _error: _let_data_go(key)) if answer.requests else None,
        weight=2 if answer.payload == CreatedReport.wire_name else 1,
    )


def _let_data_go(key: str) -> Step:
    """T16: the data comes after the answer, but not never. A moment that lies ahead, since the
    clock was set back, is long ago.
    """

    def step(book: Book, now: datetime) -> Outcome:
        answer = book.answers.get(key)
        if answer is None or not answer.requests:
            return NOTHING
        if timedelta(0) <= now - answer.created < GOES_AHEAD:
            return NOTHING
        alone = replace(answer, requests=())
        return Outcome(changes=(Change("answers", key, alone),)) + look_now(now)

    return step


def _forget(key: str, answer: Answer) -> Step:
    gone = Outcome(changes=(Change("answers", key, None),))
    return lambda book, now: gone + (look_now(now) if answer.requests else NOTHING)


def _drop(key: str, answer: Answer, error: VenError) -> Step:
    def step(book: Book, now: datetime) -> Outcome:
        note = Note(
            f"{answer.payload} is not sent again: {error}",
            logging.WARNING,
            error=error,
        )
        said = Outcome(notes=() if answer.courtesy else (note,))
        return _forget(key, answer)(book, now) + said

    return step
