"""Group commit: callers that wait at the same time are written together by one of them.

A caller puts its ticket in and waits for the turn. Who gets it writes all that wait, and gives the
turn back; those whose tickets are done return, one of the others has the next turn. Whoever must
not meet a writer, such as a reader, waits for a turn as well. Any thread may call it; nothing is
held while the writing runs but the turn itself. A signal handler that interrupts whoever has the
turn, and wants it too, is refused: it would wait for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Callable, Generic, Optional, TypeVar

from ..errors import StoreError

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

    It sets ``error`` of those that failed; what it raises is the error of all that are not yet
    ``done``. It may say of single ones that they are.
    """

    def __init__(self, write: Callable[[Sequence[Ticket[T]]], None], most: int = 500) -> None:
        self._write, self._most = write, most
        self._ready = threading.Condition()  # guards the next alone
        self._taken = False
        self._owner: Optional[int] = None
        self._waiting: deque[Ticket[T]] = deque()

    def submit(self, work: T) -> None:
        """Return when ``work`` was written; raise its error otherwise."""
        ticket = Ticket(work)
        self._waiting.append(ticket)
        while not ticket.done:
            with self.turn(ticket) as is_mine:
                if is_mine:
                    self._write_waiting()
        if ticket.error is not None:
            raise ticket.error

    @contextmanager
    def turn(self, ticket: Optional[Ticket[T]] = None) -> Iterator[bool]:
        """Wait for the turn, or until another thread has done ``ticket``: gives whether this thread
        has the turn. StoreError where it has it already.
        """
        is_mine, own = False, threading.get_ident()
        if self._owner == own:
            raise StoreError(
                "The store cannot be used here: a signal handler (or __del__) interrupted this "
                "thread while it used the store.",
                retryable=True,
            )
        try:
            with self._ready:
                while self._taken and not (ticket and ticket.done):
                    self._ready.wait()
                is_mine = not (ticket and ticket.done)
                if is_mine:
                    self._taken, self._owner = True, own
            yield is_mine
        finally:
            if is_mine:
                with self._ready:
                    self._taken, self._owner = False, None
                    self._ready.notify_all()

    def _write_waiting(self) -> None:
        """With the turn. Only what is done leaves the queue: an interrupt of this thread loses
        nobody's ticket.
        """
        batch = [ticket for ticket in self._waiting.copy() if not ticket.done][: self._most]
        try:
            self._write_batch(batch)
        finally:
            while self._waiting and self._waiting[0].done:
                self._waiting.popleft()

    def _write_batch(self, batch: Sequence[Ticket[T]]) -> None:
        try:
            self._write(batch)
        except Exception as error:
            for ticket in batch:
                if not ticket.done:
                    ticket.error = ticket.error or error
        for ticket in batch:
            ticket.done = True
