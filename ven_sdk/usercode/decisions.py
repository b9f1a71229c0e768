"""What a handler that decides about an event may return. Values and one function; no state.

Runs on pool threads, with objects of the user that may do anything when they are looked at.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Callable, Union, cast

from ..arguments import choice
from ..brackets import refuse_call
from ..errors import HandlerError, ReadOnlyError
from ..near_names import missing_attribute
from ..text import repr_of

OPTS = ("optIn", "optOut")


class Deferral(enum.Enum):
    """The type of :data:`DEFER`; an enum so that the one member survives pickling."""

    DEFER = "DEFER"

    def __repr__(self) -> str:
        return "DEFER"

    __call__ = refuse_call

    if not TYPE_CHECKING:  # type checkers refuse both by themselves

        def __getattr__(self, name: str) -> object:
            raise missing_attribute(self, name, tuple)

        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith("_"):
                raise ReadOnlyError(f"DEFER is fixed: {name} cannot be set.")
            super().__setattr__(name, value)


DEFER = Deferral.DEFER
"""Returned by ``on_event`` or ``on_update_event``: the answer comes later, by ``client.opt_in`` or
``client.opt_out``.
"""

Decision = Union[str, Deferral, HandlerError]
"""``optIn``, ``optOut``, ``DEFER``, or why there is none: the event is opted out of then."""


def check_decision(result: object, handler: str, event_id: str) -> Decision:
    """``result`` of the function ``handler`` as a decision; a HandlerError for what is none.

    A HandlerError stays what it is.
    """
    try:
        if result is DEFER or type(result) is HandlerError:
            decision: Decision = result
            return decision
        if isinstance(result, str):
            text = str.__str__(result)  # the text itself, whatever a subclass says
            return OPTS[OPTS.index(text)]
    except BaseException:  # comparing is user code too: what fails here is no decision
        pass
    return HandlerError(
        f"{handler} returned {repr_of(result)} for event {event_id!r}; expected 'optIn', "
        f"'optOut' or ven_sdk.DEFER. The event is opted out of.",
        handler=handler,
    )


def decision_handler(given: object) -> Callable[..., object]:
    """The handler that ``on_event=`` means: a function, or the same answer to every event.
    ``ConfigurationError`` for any other text.
    """
    if not isinstance(given, str):
        return cast("Callable[..., object]", given)  # checked where handlers are added
    opt = choice("on_event", given, OPTS)

    def answer_every_event(event: object) -> str:
        return opt

    return answer_every_event
