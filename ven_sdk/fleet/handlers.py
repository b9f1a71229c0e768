"""Handlers and hooks of a VEN in a fleet: its own, and those of all VENs. Any thread may add;
reading takes no lock.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Callable, Optional, TypeVar

from ..argument_names import named_arguments
from ..arguments import Duration
from ..runtime.runtime import Runtime
from ..usercode.attributes import CheckedAttributes, check_handler_name
from ..usercode.functions import Function
from ..usercode.handlers import PARAMETERS, SINGLE, Handlers, Hooks
from ..ven import Ven

F = TypeVar("F", bound=Callable[..., object])
FLEET = "fleet's "
"""Before the names of the fleet's ``before_event`` handlers."""


class SharedHandlers(Handlers):
    """The fleet's own handlers: each gets the VEN before its usual arguments."""

    parameters: "dict[str, tuple[str, ...]]" = {
        name: ("ven", *wanted) for name, wanted in PARAMETERS.items()
    }
    what = "fleet handler"


class FleetHandlers(Handlers):
    """One VEN's handlers, with the fleet's behind them: those are called with the VEN as first
    argument.
    """

    def __init__(self, shared: Handlers) -> None:
        super().__init__()
        self._shared = shared
        self.ven: Optional[Ven] = None

    def functions(self, name: str) -> tuple[Function, ...]:
        """The VEN's own functions, then the fleet's; of those that are one only, the own one comes
        before the fleet's.
        """
        own = super().functions(name)
        shared = self._shared.functions(name.removeprefix(FLEET))
        if name.startswith("before_event:"):
            return own  # numbered: the fleet's of that number is another
        if not shared or (own and name in SINGLE):
            return own
        return (*own, *(partial(function, self.ven) for function in shared))

    def leads(self) -> tuple[tuple[str, timedelta], ...]:
        """The VEN's own ``before_event`` handlers, and the fleet's under names of their own."""
        shared = ((f"{FLEET}{name}", lead) for name, lead in self._shared.leads())
        return (*super().leads(), *shared)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._shared


class FleetHooks(Hooks):
    """One VEN's hooks, and the fleet's after them."""

    def __init__(self, shared: Hooks) -> None:
        super().__init__()
        self._shared = shared

    def functions(self, name: str) -> tuple[Function, ...]:
        """The VEN's own hooks, then the fleet's."""
        return (*super().functions(name), *self._shared.functions(name))

    def __bool__(self) -> bool:
        return bool(self._functions) or bool(self._shared)


class FleetHandlerCalls(CheckedAttributes):
    """The part of a fleet that takes the user's functions."""

    _handlers: SharedHandlers
    _hooks: Hooks
    _runtime: Runtime

    def add_handler(
        self, name: str, function: Callable[..., object], *, lead: Optional[Duration] = None
    ) -> None:
        """Call ``function(ven, ...)`` when ``name`` happens to any VEN; ``function`` gets the VEN
        before the usual arguments. ``lead`` belongs to ``before_event``. ``ConfigurationError`` as
        a client's ``add_handler`` raises it; ``StateError`` in the child of a fork.
        """
        self._runtime.check_process()
        self._handlers.add_handler(name, function, lead)

    def on(self, name: str, *, lead: Optional[Duration] = None) -> Callable[[F], F]:
        """``@fleet.on('on_event')`` before a function does what ``add_handler`` does, with the same
        ``name``, ``lead`` and ``ConfigurationError``.
        """

        check_handler_name(name, "fleet")

        @named_arguments
        def decorate(function: F) -> F:
            self.add_handler(name, function, lead=lead)
            return function

        return decorate

    def add_hook(self, name: str, function: Callable[..., object]) -> None:
        """Call ``function`` with every message of every VEN that passes the hook ``name``.
        ``StateError`` in the child of a fork.
        """
        self._runtime.check_process()
        self._hooks.add(name, function)
