"""Calls of user code for one VEN: put onto the pools, run there without a lock, their result given
to the step that waits for it.

Calls of one lane run in order, never two at once, over a restart too: the pools see to it. A call
of a handler that did not begin before the client was stopped stands in the book and is made after
the next start; one that still runs then is not made again, but what it returns is that of the call
which would be. A call of a report callback that did not begin is given up, so that it is asked
anew.
"""

from __future__ import annotations

import logging
from typing import Callable

from ..errors import HandlerError
from ..schema.events import Event
from ..state.outcome import NOT_CALLED, Call, Step
from ..text import LONGEST, shorten
from ..usercode import invoke
from ..usercode.handlers import SINGLE, Handlers
from .runtime import Runtime
from .troubles import Troubles


class Calls:
    """``is_stopped(call)`` says that the call may not begin any more; ``transact(step)`` runs what
    its result leads to.
    """

    def __init__(
        self,
        owner: object,
        name: str,
        runtime: Runtime,
        handlers: Handlers,
        troubles: Troubles,
        is_stopped: Callable[[Call], bool],
        transact: Callable[[Step], object],
    ) -> None:
        self._owner, self._name, self._runtime = owner, name, runtime
        self._handlers, self._troubles = handlers, troubles
        self._is_stopped, self._transact = is_stopped, transact
        self._not_begun: dict[int, Call] = {}
        self._starts = 0

    def submit(self, call: Call) -> None:
        """Make ``call`` when its turn has come."""
        self._not_begun[id(call)] = call
        self._runtime.pools[call.pool].submit(
            (self._owner, call.lane) if call.pool == "handler" else call.lane,
            lambda: self._make(call),
            f"{call.handler} of {self._name}",
        )

    def _make(self, call: Call) -> None:
        if self._is_stopped(call):
            return
        if self._not_begun.pop(id(call), None) is None:
            return  # it waited while the VEN was stopped and started: another stands for it
        starts = self._starts
        if call.function is not None:
            result: object = invoke(call.function, call.arguments, call.keywords)
            errors: tuple[HandlerError, ...] = (result,) if isinstance(result, HandlerError) else ()
        else:
            result, errors = self._handlers.call(call.handler, call.arguments)
        for error in errors:
            self._report(call, error)
        if call.done is not None:
            self._transact(call.done(result))
        if starts != self._starts:
            self._answer_for_successor(call, result)

    def _answer_for_successor(self, call: Call, result: object) -> None:
        """The VEN was stopped and started while user code ran: the same call waits for its turn."""
        for other in self._not_begun.copy().values():
            is_same = (call.lane, call.handler) == (other.lane, other.handler)
            if other.done is not None and is_same and call.arguments == other.arguments:
                if self._not_begun.pop(id(other), None) is not None:
                    self._transact(other.done(result))
                return

    def _report(self, call: Call, error: HandlerError) -> None:
        """Log a failure of user code, counted for each event, and tell ``on_error``; a failure of
        ``on_error`` itself is logged only.
        """
        key = f"handler {error.handler} {call.handler} {call.lane}"
        text = f"{error} {_consequence(call)}"
        if call.handler == "on_error":
            self._troubles.repeats.note(key[:LONGEST], logging.ERROR, shorten(text))
        else:
            self._troubles.report(error, key, text, logging.ERROR)

    def give_up_waiting(self) -> None:
        """The VEN starts: what waited for its turn when it stopped is asked anew."""
        self._starts += 1
        waiting, self._not_begun = self._not_begun, {}
        for call in waiting.values():
            if call.pool == "report" and call.done is not None:
                self._transact(call.done(NOT_CALLED))


def _consequence(call: Call) -> str:
    """What a failure in user code means for the VTN."""
    if call.pool == "report":
        return "The report goes out with a gap."
    if call.handler in SINGLE:
        (event, *_) = call.arguments
        assert isinstance(event, Event)
        return f"Event {event.event_id!r} gets optOut, unless it was decided otherwise meanwhile."
    return "Everything else goes on."
