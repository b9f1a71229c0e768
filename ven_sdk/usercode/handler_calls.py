"""Handlers and hooks as a client takes them: by name, by decorator, or set as attributes. Any
thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from ..argument_names import named_arguments
from ..arguments import Duration
from .attributes import CheckedAttributes, check_handler_name
from .handlers import Handlers, Hooks

if TYPE_CHECKING:
    from ..errors import VenError
    from ..schema.events import Event, EventSignal, Interval

F = TypeVar("F", bound=Callable[..., object])


class HandlerCalls(CheckedAttributes):
    """The part of a client that takes the user's functions."""

    _handlers: Handlers
    _hooks: Hooks
    _check_usable: Callable[[str], None]
    """StateError where the named call could have no effect."""

    def add_handler(
        self, name: str, function: Callable[..., object], *, lead: Optional[Duration] = None
    ) -> None:
        """Call ``function`` when ``name`` happens; see the table of handlers.

        One function for ``on_event`` and ``on_update_event`` (a second replaces it), any number for
        the others.

        Arguments:
            name: of the handler: ``'on_event'``, ``'on_event_start'``, ``'on_registered'`` ...
            function: a plain function; it may block.
            lead (None): with ``before_event`` alone: how long before the start, a duration.

        Raises:
            ConfigurationError: an unknown name, a wrong number of parameters, an ``async def``, or
                no callable.
            StateError: in the child of a fork, or of a VEN that was removed from its fleet.
        """
        self._check_usable("add_handler()")
        self._handlers.add_handler(name, function, lead)

    def on(self, name: str, *, lead: Optional[Duration] = None) -> Callable[[F], F]:
        """``@client.on('on_event')`` before a function adds it as a handler. ``name``, ``lead`` and
        ``ConfigurationError`` are those of ``add_handler``.
        """
        check_handler_name(name, "client")

        @named_arguments
        def decorate(function: F) -> F:
            self.add_handler(name, function, lead=lead)
            return function

        return decorate

    def add_hook(self, name: str, function: Callable[..., object]) -> None:
        """Call ``function`` with every message that passes the hook ``name``; see the table of
        hooks. Its return is ignored. ``ConfigurationError`` for an unknown name or no callable,
        ``StateError`` as ``add_handler``.
        """
        self._check_usable("add_hook()")
        self._hooks.add(name, function)

    if TYPE_CHECKING:  # what may be set; anything else is refused by type checkers as well
        on_event: Callable[[Event], object]
        on_update_event: Callable[[Event], object]
        on_cancel_event: Callable[[Event, bool], object]
        on_event_start: Callable[[Event], object]
        on_interval_start: Callable[[Event, EventSignal, Interval], object]
        on_event_end: Callable[[Event], object]
        on_registered: Callable[[], object]
        on_registration_lost: Callable[[str], object]
        on_error: Callable[[VenError], object]
        on_report: Callable[[Any], object]
