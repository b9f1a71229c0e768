"""What a blocking call waits for: a ticket for the very exchange that the call asked for.

A ticket is opened before the exchange is owed, under the name of the message. The conversation
takes the tickets that are open when it sends that message, and settles exactly these with what came
of it; one opened meanwhile waits for the next, which it owes again if the one under way used up
what it had asked for. Where a call asks for nothing else than what is under way (the same opt is
withdrawn by two threads), it joins that exchange. Two threads hold two tickets. A ticket for what
is no longer owed (another opt has the ID by now) is no claim to the next message: whoever holds it
waits for the exchange that is under way, at the most. Everything here runs under the lock of the
transactions.
"""

from __future__ import annotations

from typing import Callable, Optional

from ..errors import VenError
from ..state.outcome import Step
from ..tasks import MessageName


class Ticket:
    """One caller's claim to the result of an exchange. ``error`` is the VTN's refusal, or None;
    ``cause`` the last failure that was no answer. ``owe`` is the step that owes the message again;
    ``is_owed()`` says whether what the call asked for still is.
    """

    __slots__ = ("cause", "error", "is_owed", "is_settled", "name", "owe")

    def __init__(
        self,
        name: MessageName,
        owe: Optional[Step] = None,
        is_owed: Callable[[], bool] = lambda: True,
    ) -> None:
        self.name: MessageName = name
        self.owe: Optional[Step] = owe
        self.is_owed: Callable[[], bool] = is_owed
        self.is_settled: bool = False
        self.error: Optional[VenError] = None
        self.cause: Optional[VenError] = None

    def settle(self, error: Optional[VenError] = None) -> None:
        """The exchange is over: the VTN agreed, or ``error`` says why not."""
        self.is_settled, self.error = True, error


class Tickets:
    """The tickets that are open, and of those the ones whose exchange is under way, by the name of
    the message. Of one name one message is under way at a time.
    """

    __slots__ = ("_open", "_under_way")

    def __init__(self) -> None:
        self._open: dict[MessageName, list[Ticket]] = {}
        self._under_way: dict[MessageName, list[Ticket]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def add(self, ticket: Ticket, *, joins: bool = False) -> None:
        """It waits for the next message of its name; one that ``joins``, for the one under way."""
        self._open.setdefault(ticket.name, []).append(ticket)
        if joins and ticket.name in self._under_way:
            self._under_way[ticket.name].append(ticket)

    def remove(self, ticket: Ticket) -> None:
        """Nobody waits for it any more."""
        held = self._open.get(ticket.name, [])
        if ticket in held:
            held.remove(ticket)
        if not held:
            self._open.pop(ticket.name, None)

    def begin(self, name: MessageName) -> None:
        """The message is sent: those that are open now are claims to its result."""
        opened = self._open.get(name)
        claims = [one for one in opened or () if not one.is_settled and one.is_owed()]
        self._under_way[name] = claims

    def fail(self, name: MessageName, cause: VenError) -> None:
        """No answer came. They go on to wait."""
        for ticket in self._under_way.get(name, ()):
            ticket.cause = cause

    def settle(self, name: MessageName, error: Optional[VenError]) -> bool:
        """The exchange is over: the VTN agreed, or ``error`` says why not. Whether anybody waited
        for it. Who asked for something that is owed all the same (its registration ended meanwhile)
        goes on to wait.
        """
        claims = self._under_way.pop(name, ())
        settled = [one for one in claims if one.owe or not one.is_owed()]
        for ticket in settled:
            ticket.settle(error)
        return bool(settled)

    def end(self, name: MessageName) -> None:
        """The message is no longer under way, whatever came of it."""
        self._under_way.pop(name, None)

    def is_open(self, ticket: Ticket) -> bool:
        """Whether an answer may still come: what the call asked for is owed, or under way."""
        return ticket.is_owed() or ticket in self._under_way.get(ticket.name, ())

    def is_under_way(self, name: MessageName) -> bool:
        """Whether the message was sent, and nothing has settled it yet."""
        return name in self._under_way

    def left_over(self, name: MessageName) -> Optional[Step]:
        """The step that owes the message again, for whoever asked while it was under way."""
        if name not in self._open:
            return None
        open_now = (one for one in self._open.get(name, ()) if not one.is_settled)
        return next((one.owe for one in open_now if one.owe is not None), None)
