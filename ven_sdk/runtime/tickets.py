"""What a blocking call waits for: a ticket for the very exchange that the call asked for.

A ticket is opened before the exchange is owed, under the name of the message. The conversation
takes the tickets that are open when it sends that message, and settles exactly these with what came
of it; one opened meanwhile waits for the next. Two threads hold two tickets. Everything here runs
under the lock of the transactions.
"""

from __future__ import annotations

from typing import Optional

from ..errors import VenError

Name = tuple[str, str]
"""The kind of message and its key, as a task has them."""


class Ticket:
    """One caller's claim to the result of an exchange. ``error`` is the VTN's refusal, or None;
    ``cause`` the last failure that was no answer.
    """

    __slots__ = ("cause", "error", "is_settled", "name")

    def __init__(self, name: Name) -> None:
        self.name: Name = name
        self.is_settled: bool = False
        self.error: Optional[VenError] = None
        self.cause: Optional[VenError] = None

    def settle(self, error: Optional[VenError] = None) -> None:
        """The exchange is over: the VTN agreed, or ``error`` says why not."""
        self.is_settled, self.error = True, error


class Tickets:
    """The tickets that are open, by the name of the message."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[Name, list[Ticket]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def add(self, ticket: Ticket) -> None:
        """It waits for the next message of its name."""
        self._open.setdefault(ticket.name, []).append(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Nobody waits for it any more."""
        held = self._open.get(ticket.name, [])
        if ticket in held:
            held.remove(ticket)
        if not held:
            self._open.pop(ticket.name, None)

    def of(self, name: Name) -> tuple[Ticket, ...]:
        """Those that are open now."""
        return tuple(self._open.get(name, ()))
