"""The user's handlers and hooks by name, checked when they are added. Any thread may add; reading
takes no lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import timedelta
from enum import Enum
from typing import NamedTuple, Optional

from ..arguments import Duration, duration
from ..brackets import is_function
from ..errors import ConfigurationError, HandlerError
from ..log import Repeats
from ..near_names import did_you_mean
from ..text import repr_of, text_of
from .calls import invoke
from .decisions import check_decision
from .functions import Function, check_call, name_of, refuse_async, refuse_generator

logger: logging.Logger = logging.getLogger(__name__)

PARAMETERS: dict[str, tuple[str, ...]] = {
    "on_event": ("event",),
    "on_update_event": ("event",),
    "on_cancel_event": ("event", "implied"),
    "on_event_start": ("event",),
    "on_interval_start": ("event", "signal", "interval"),
    "on_event_end": ("event",),
    "before_event": ("event",),
    "on_registered": (),
    "on_registration_lost": ("reason",),
    "on_error": ("error",),
    "on_report": ("report",),
}
SINGLE = ("on_event", "on_update_event")
OF_CONSTRUCTOR = " A word is for the constructor: OpenADRClient(..., on_event='optIn')."
NOBODY_DECIDES = (
    "There is no on_event handler: events are answered with optOut. Set one by "
    "client.add_handler('on_event', ...)."
)
HOOKS: dict[str, tuple[str, ...]] = {
    "before_send_xml": ("text",),
    "after_receive_xml": ("text",),
    "before_schema_validation": ("text",),
    "before_parse_xml": ("text",),
    "after_parse_xml": ("message_type", "record"),
}


def check_name(what: str, name: object, known: Iterable[str]) -> None:
    """ConfigurationError for a name that is none of those ``known``; ``what`` it is a name of."""
    if not isinstance(name, str) or name not in known:
        raise ConfigurationError(
            f"There is no {what} {repr_of(name)}."
            + did_you_mean(name, known)
            + (" The name comes first, then the function." if callable(name) else "")
            + f" Known are: {', '.join(known)}."
        )


class Registry:
    """Functions by name. ``functions(name)`` gives them in the order they were added."""

    def __init__(self, parameters: dict[str, tuple[str, ...]], what: str) -> None:
        self._parameters, self._what = parameters, what
        self._lock = threading.RLock()
        self._functions: dict[str, tuple[Function, ...]] = {}

    def add(self, name: str, function: Function, *, single: bool = False) -> None:
        """Add ``function``; with ``single`` it replaces the one before, with a log line."""
        self.check(name, function)
        with self._lock:
            before = self._functions.get(name, ())
            self._functions[name] = (function,) if single else (*before, function)
        if single and before and before[0] is not function:
            logger.info("%s replaces %s as %s.", name_of(function), name_of(before[0]), name)

    def check(self, name: str, function: object) -> None:
        """ConfigurationError for an unknown name, no callable, an ``async def``, or a wrong number
        of parameters.
        """
        check_name(self._what, name, self._parameters)
        if not is_function(function) or _makes_values(function, name):
            hint = OF_CONSTRUCTOR if name in SINGLE and isinstance(function, str) else ""
            raise ConfigurationError(
                f"The {self._what} for {name} must be a function, not {repr_of(function)}.{hint}"
            )
        refuse_async(function, f"The {self._what}")
        refuse_generator(function, f"The {self._what}")
        check_call(function, name, self._parameters[name])

    def functions(self, name: str) -> tuple[Function, ...]:
        """The functions of ``name``, oldest first."""
        return self._functions.get(name, ())

    def __bool__(self) -> bool:
        return bool(self._functions)

    def __contains__(self, name: object) -> bool:
        return bool(self._functions.get(str(name)))


def _makes_values(function: object, name: str) -> bool:
    """Whether this is ``int``, ``enums.OPT`` or the like: it can be called, and handles nothing.
    Where a decision is wanted, no class gives one.
    """
    return isinstance(function, type) and (
        name in SINGLE or issubclass(function, Enum) or function.__module__ == "builtins"
    )


class HandlerResult(NamedTuple):
    """What came of calling the functions of a handler: the last one's return, or the first error;
    and all errors.
    """

    value: object
    errors: tuple[HandlerError, ...] = ()


class Handlers(Registry):
    """Event and lifecycle handlers. ``before_event`` handlers have a lead each and are known as
    ``before_event:N``.
    """

    parameters: dict[str, tuple[str, ...]] = PARAMETERS
    what = "handler"

    def __init__(self) -> None:
        super().__init__(self.parameters, self.what)
        self._failing: dict[tuple[str, int], str] = {}
        self._leads: tuple[tuple[str, timedelta, Function], ...] = ()

    def add_handler(self, name: str, function: Function, lead: Optional[Duration] = None) -> None:
        """Add a handler. ``lead`` belongs to ``before_event`` alone: how long before the start it
        is called. ``ConfigurationError`` for an unknown name or a function that cannot be called
        so.
        """
        if not isinstance(name, str) or str.__str__(name) != "before_event":
            if lead is not None:
                raise ConfigurationError(
                    f"lead belongs to the handler before_event, not to {text_of(name)}."
                )
            self.add(name, function, single=name in SINGLE)
            if name in SINGLE:
                self._note((name, 0), None)  # the function that failed is gone
            return
        if lead is None:
            raise ConfigurationError(
                "before_event needs lead: how long before the start it is called, "
                "as in add_handler('before_event', f, lead=timedelta(minutes=5))."
            )
        self.check(name, function)
        with self._lock:
            self._leads = (
                *self._leads,
                (
                    f"before_event:{len(self._leads)}",
                    duration("lead", lead, 0.0, timedelta(days=366)),
                    function,
                ),
            )

    def leads(self) -> tuple[tuple[str, timedelta], ...]:
        """(handler name, lead) of every ``before_event`` handler."""
        return tuple((name, lead) for name, lead, _ in self._leads)

    def functions(self, name: str) -> tuple[Function, ...]:
        """The functions of ``name``; ``before_event:N`` names one of those with a lead."""
        return super().functions(name) or tuple(
            function for key, _, function in self._leads if key == name
        )

    def call(self, name: str, arguments: tuple[object, ...]) -> HandlerResult:
        """Call all functions of ``name`` in order, whatever those before did."""
        value: object = None
        errors: list[HandlerError] = []
        for position, function in enumerate(self.functions(name)):
            value = invoke(function, arguments)
            if name in SINGLE:
                value = check_decision(
                    value, name_of(function), str(getattr(arguments[0], "event_id", ""))
                )
            failure = value if type(value) is HandlerError else None
            self._note((name, position), failure)
            if failure is not None:
                errors.append(failure)
        return HandlerResult(errors[0] if errors else value, tuple(errors))

    def _note(self, place: tuple[str, int], failure: Optional[HandlerError]) -> None:
        """Remember how the last call of a function went."""
        if failure is None and place not in self._failing:
            return
        with self._lock:  # a new dict: others are reading the old one
            others = {key: text for key, text in self._failing.items() if key != place}
            self._failing = others if failure is None else {**others, place: str(failure)}

    def problems(self) -> tuple[str, ...]:
        """A sentence for every function whose last call failed, for ``health()``. No lock: the
        child of a fork may read as well.
        """
        failing = sorted(self._failing.items())
        return tuple(
            f"The last call of the handler {name} failed: {text}" for (name, _), text in failing
        )


def nearest_handler(name: str) -> Optional[str]:
    """The handler that an attribute's name stands for but for case and underscores (``onEvent``),
    or None.
    """
    plain = {known.replace("_", ""): known for known in PARAMETERS}
    return plain.get(name.replace("_", "").lower())


class Hooks(Registry):
    """Hooks on messages: their return is ignored; an exception is logged, then counted."""

    def __init__(self) -> None:
        super().__init__(HOOKS, "hook")
        self._repeats = Repeats(logger)

    def run(self, name: str, *arguments: object) -> None:
        """Call the hooks of ``name``."""
        for function in self.functions(name):
            result = invoke(function, arguments)
            if type(result) is HandlerError:
                text = f"The hook {name} failed and the message goes on: {result}"
                self._repeats.note(f"{name} {result.handler}", logging.WARNING, text)
