"""What a service function wants done: values only, carried out by ``runtime/transactions.py``. No
thread, no I/O.

A *step* is a pure, short function of the book and the time. It runs under the book's lock; its
changes are committed, and only then its timers and calls begin.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Optional

from .change import Change

ProfileBook = Any
"""The book of the profile at work: a :class:`~ven_sdk.state.book.Book` with the tables of that
protocol. Which protocol it is, the address of the VTN decides.
"""
Step = Callable[[ProfileBook, datetime], "Outcome"]
"""``step(book, now)``; ``now`` is aware UTC, corrected for the VTN's clock (rule E40)."""


class NotCalled:
    """The result of a call that never began, since the VEN was stopped first."""


NOT_CALLED = NotCalled()


@dataclass(frozen=True)
class Call:
    """User code to run. Calls of one ``lane`` run in order, never two at once; other lanes run side
    by side.

    ``handler`` is the name it was registered under (``on_event`` …); with ``function`` given that
    is what is called, and ``handler`` only names it for people. ``pool`` is ``handler`` or
    ``report``. ``done(result)`` gives the step to run with what came of it: what was returned, or
    the :class:`~ven_sdk.errors.HandlerError` that says why there is nothing. A report's call that
    waited when the VEN stopped is done at the next start, with :data:`NOT_CALLED`.
    """

    lane: Hashable
    handler: str
    arguments: tuple[object, ...] = ()
    done: Optional[Callable[[Any], Step]] = None
    function: Optional[Callable[..., object]] = None
    keywords: Mapping[str, object] = field(default_factory=dict)
    pool: str = "handler"


@dataclass(frozen=True)
class Timer:
    """Run ``step`` at the moment ``at`` (aware UTC). It replaces the timer of the same ``key``;
    ``at`` None cancels it. Without ``step`` the profile's step of this ``key`` is run.
    """

    key: str
    at: Optional[datetime] = None
    step: Optional[Step] = None


@dataclass(frozen=True)
class Note:
    """Something to say: a log line of ``level``, given to ``on_error`` as well when ``error`` is
    set.

    Notes with the same ``once`` are logged the first time and counted afterwards.
    """

    text: str
    level: int = logging.INFO
    once: Optional[str] = None
    error: Optional[Exception] = None


@dataclass(frozen=True)
class Outcome:
    """Everything a step asks for. Outcomes add up with ``+``, in order."""

    changes: tuple[Change, ...] = ()
    calls: tuple[Call, ...] = ()
    timers: tuple[Timer, ...] = ()
    notes: tuple[Note, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        if other is NOTHING:
            return self
        return Outcome(
            self.changes + other.changes,
            self.calls + other.calls,
            self.timers + other.timers,
            self.notes + other.notes,
        )


NOTHING = Outcome()
