"""A call that blocks until its exchange is over: what it returns is what happened at the VTN.

Runs on the caller's thread, and holds no lock while it waits.
"""

from __future__ import annotations

from typing import Optional

from ..errors import StateError, TransportError
from ..profile import CallRequest
from .engine import Engine
from .failures import Scope, scope_of
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
        is_missing = request.stays_owed and _says_missing(ticket)
        return ticket.is_settled or is_missing or not request.is_owed(engine.book)

    try:
        is_done = engine.wait(lambda: engine.read(is_over), seconds)
    finally:  # Ctrl-C ends the waiting too
        engine.read(lambda: engine.tickets.remove(ticket))
    if ticket.error is not None:
        raise ticket.error
    if ticket.is_settled:
        return
    if is_done and not engine.read(lambda: request.is_owed(engine.book)):
        raise StateError(
            f"{call}: the registration ended before the VTN answered, so nothing is owed to it any "
            "more."
        )
    status = ticket.cause.status if isinstance(ticket.cause, TransportError) else None
    raise TransportError(
        f"{call}: {_describe_end(engine, ticket, seconds)} {request.text}",
        status=status,
        opt_id=opt_id,
    ) from ticket.cause


def _says_missing(ticket: Ticket) -> bool:
    """Whether the last failure says that the VTN does not offer the service."""
    return ticket.cause is not None and scope_of(ticket.cause) is Scope.MISSING


def _describe_end(engine: Engine, ticket: Ticket, seconds: float) -> str:
    """Why the call ends without an answer."""
    if engine.stopped:
        return "the client was stopped before the VTN answered."
    if _says_missing(ticket):
        return str(ticket.cause)
    last = ticket.cause if isinstance(ticket.cause, TransportError) else None
    if last is not None and last.status is not None:
        return f"it was not done within {seconds:g} s. The last answer: {last}"
    return f"the VTN gave no answer within {seconds:g} s."
