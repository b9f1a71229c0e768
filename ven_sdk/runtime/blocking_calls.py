"""A call that blocks until its exchange is over: what it returns is what happened at the VTN.

Runs on the caller's thread, and holds no lock while it waits.
"""

from __future__ import annotations

from typing import Optional

from ..errors import StateError, TransportError
from ..profile import CallRequest
from ..state.registration import MADE
from .conversation.failures import Scope, scope_of
from .engine import Engine
from .tickets import Ticket

PERMANENT: frozenset[Scope] = frozenset((Scope.MISSING, Scope.CLOSED, Scope.UNACCEPTABLE))
"""Failures that do not pass by themselves."""


def await_answer(
    engine: Engine, call: str, request: CallRequest, seconds: float, opt_id: Optional[str] = None
) -> None:
    """Owe the message of ``request`` to the VTN, and wait for what comes of that exchange.

    Raises the VTN's refusal, StateError when the registration ended before, and TransportError when
    no answer came within ``seconds``, or before the client was stopped. ``call`` is what errors
    name.
    """
    ticket = Ticket(
        request.message,
        request.step if request.anew else None,
        lambda: request.is_owed(engine.book),
    )
    engine.transact(request.step, opens=ticket)
    engine.conversation.send_at_once(request.message, *request.brings)

    def is_over() -> bool:
        return (
            ticket.is_settled
            or _scope_of_cause(ticket) in _ends_waiting(request)
            or not engine.tickets.is_open(ticket)
        )

    try:
        engine.wait(lambda: engine.read(is_over), seconds)
    finally:  # Ctrl-C ends the waiting too
        engine.withdraw(ticket)
    if ticket.error is not None:
        raise ticket.error
    if ticket.is_settled:
        return
    if not engine.read(ticket.is_owed):
        what = "its time was over, or something else took its place,"
        if engine.book.registration.phase not in MADE:
            what = "the registration ended"
        raise StateError(
            f"{call}: {what} before the VTN answered, so nothing is owed to it any more."
        )
    status = ticket.cause.status if isinstance(ticket.cause, TransportError) else None
    raise TransportError(
        f"{call}: {_describe_end(engine, ticket, seconds)} {request.text}",
        status=status,
        opt_id=opt_id,
    ) from ticket.cause


def _ends_waiting(request: CallRequest) -> frozenset[Scope]:
    """The failures after which waiting cannot help: somebody has to change something. Where the
    message is given up for such a failure, its ticket is settled with it.
    """
    return PERMANENT if request.stays_owed else frozenset((Scope.CLOSED,))


def _scope_of_cause(ticket: Ticket) -> Optional[Scope]:
    """How far the last failure reaches, if there was one."""
    return None if ticket.cause is None else scope_of(ticket.cause)


def _describe_end(engine: Engine, ticket: Ticket, seconds: float) -> str:
    """Why the call ends without an answer."""
    last = ticket.cause
    if engine.stopped:
        return "the client was stopped before the VTN answered."
    if last is not None and scope_of(last) in PERMANENT:
        return str(last)
    state = engine.book.registration
    if last is None and (state.phase not in MADE or state.stands):
        cause = engine.counters.last_error
        about = "" if cause is None else f" The last error: {cause}"
        return f"the VEN was not registered within {seconds:g} s.{about}"
    if last is not None and scope_of(last) is not Scope.LINK:
        return f"it was not done within {seconds:g} s. The last answer: {last}"
    return f"the VTN gave no answer within {seconds:g} s."
