"""What a function of the user is called, and refusing those that would have to be awaited.

Pure functions; they run in the call that received the user's function.
"""

from __future__ import annotations

import functools
import inspect
from typing import Callable

from ..errors import ConfigurationError
from ..text import class_name, text_of

Function = Callable[..., object]
"""A function of the user: what it takes and returns is checked where it is called."""


def name_of(function: Function) -> str:
    """A name that a person finds: module and qualified name."""
    inner = unwrap(function)
    try:
        module = getattr(inner, "__module__", None)
        name = getattr(inner, "__qualname__", None) or class_name(inner)
    except Exception:  # objects that answer for every attribute, and fail
        module, name = None, class_name(inner)
    return f"{text_of(module)}.{text_of(name)}" if module else text_of(name)


def unwrap(function: Function) -> Function:
    """The function inside partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _code_of(function: Function) -> object:
    """What runs when ``function`` is called: itself, or the ``__call__`` of an object."""
    inner = unwrap(function)
    return inner if inspect.isroutine(inner) else getattr(inner, "__call__", inner)  # noqa: B004


def refuse_async(function: Function, what: str) -> None:
    """ConfigurationError for an ``async def``, with the change to make."""
    inner, target = unwrap(function), _code_of(function)
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        name = getattr(inner, "__name__", type(inner).__name__)
        raise ConfigurationError(
            f"{what} {name_of(function)} is an 'async def', which ven_sdk does not await. Make it "
            f"a plain function: change 'async def {name}(...)' to 'def {name}(...)' and leave out "
            f"'await' inside; it may block."
        )


def refuse_generator(function: Function, what: str) -> None:
    """ConfigurationError for a function with ``yield``, of which a call would do nothing."""
    if inspect.isgeneratorfunction(_code_of(function)):
        raise ConfigurationError(
            f"{what} {name_of(function)} has a 'yield', so that a call of it would do nothing. "
            "Make it a plain function: write 'return' in place of 'yield'."
        )


def check_call(function: Function, name: str, parameters: tuple[str, ...]) -> None:
    """ConfigurationError where ``name(*parameters)`` cannot be a call of ``function``. One that
    tells nothing of its parameters passes.
    """
    try:
        signature = inspect.signature(function)
    except Exception:  # a builtin, or an object that fails at it
        return
    try:
        signature.bind(*parameters)
    except TypeError as cause:
        call = f"{name}({', '.join(parameters)})"
        raise ConfigurationError(
            f"{name_of(function)}{signature} cannot be called as {call}: {cause}."
        ) from cause
