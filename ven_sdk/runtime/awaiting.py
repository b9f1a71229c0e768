"""A call that blocks until its exchange is over: what it returns is what happened at the VTN.

Runs on the caller's thread, and holds no lock while it waits.
"""

from __future__ import annotations

from typing import Optional

from ..errors import StateError, TransportError
from ..profile import CallRequest
from .engine import Engine
from .tickets import Ticket


def await_answer(
    engine: Engine, call: str, request: CallRequest, seconds: float, opt_id: Optional[str] = None
) -> None:
    """Owe the message of ``request`` to the VTN, and wait for what comes of that exchange.

    Raises the VTN's refusal, StateError when the registration ended before, and TransportError when
    no answer came within ``seconds``, or before the client was stopped. ``call`` is what errors
    name.
    """
    ticket = Ticket(request.message, request.step if request.anew else None)
    engine.transact(request.step, opens=ticket)
    engine.conversation.hurry(request.message, *request.brings)

    def is_over() -> bool:
        return ticket.is_settled or not request.is_owed(engine.book)

    try:
        is_done = engine.wait(lambda: engine.read(is_over), seconds)
    finally:  # Ctrl-C ends the waiting too
        engine.read(lambda: engine.tickets.remove(ticket))
    if ticket.error is not None:
        raise ticket.error
    if ticket.is_settled:
        return
    if is_done:
        raise StateError(
            f"{call}: the registration ended before the VTN answered, so nothing is owed to it any "
            "more."
        )
    why = (
        "the client was stopped before the VTN answered"
        if engine.stopped
        else f"the VTN gave no answer within {seconds:g} s"
    )
    raise TransportError(f"{call}: {why}. {request.text}", opt_id=opt_id) from ticket.cause
