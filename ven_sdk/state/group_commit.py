"""Group commit: callers that wait at the same time are written together by one of them.

A caller puts its ticket in and waits for the turn. Who gets it writes all that wait, and gives the
turn back; those whose tickets are done return, one of the others has the next turn. Any thread may
call it; nothing is held while the writing runs but the turn itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Callable, Generic, Optional, TypeVar

T = TypeVar("T")


class Ticket(Generic[T]):
    """One caller's work on its way. Whoever writes it sets ``error``, or leaves it None."""

    __slots__ = ("done", "error", "work")

    def __init__(self, work: T) -> None:
        self.work: T = work
        self.done: bool = False
        self.error: Optional[Exception] = None


class GroupCommit(Generic[T]):
    """``write(tickets)`` is called by one thread at a time, with at most ``most`` tickets.

    It sets ``error`` of those that failed; what it raises is the error of them all.
    """

    def __init__(self, write: Callable[[Sequence[Ticket[T]]], None], most: int = 500) -> None:
        self._write, self._most = write, most
        self._ready = threading.Condition()
        self._taken = False
        self._waiting: deque[Ticket[T]] = deque()

    def submit(self, work: T) -> None:
        """Return when ``work`` was written; raise its error otherwise."""
        ticket = Ticket(work)
        self._waiting.append(ticket)
        while not ticket.done:
            if self._get_turn(ticket):
                try:
                    self._write_waiting()
                finally:
                    self._end_turn()
        if ticket.error is not None:
            raise ticket.error

    def _get_turn(self, ticket: Ticket[T]) -> bool:
        with self._ready:
            while self._taken and not ticket.done:
                self._ready.wait()
            if ticket.done:
                return False
            self._taken = True
            return True

    def _end_turn(self) -> None:
        with self._ready:
            self._taken = False
            self._ready.notify_all()

    def _write_waiting(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            self._write(batch)
        except Exception as error:
            for ticket in batch:
                ticket.error = ticket.error or error
        except BaseException:  # this thread is interrupted: the others' tickets wait on
            self._waiting.extendleft(reversed(batch))
            raise
        for ticket in batch:
            ticket.done = True
