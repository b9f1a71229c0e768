"""What a function of the user is called, and refusing those that would have to be awaited.

Pure functions; they run in the call that received the user's function.
"""

from __future__ import annotations

import functools
import inspect
from typing import Callable

from ..errors import ConfigurationError
from ..text import text_of

Function = Callable[..., object]
"""A function of the user: what it takes and returns is checked where it is called."""


def name_of(function: Function) -> str:
    """A name that a person finds: module and qualified name."""
    inner = unwrap(function)
    try:
        module = getattr(inner, "__module__", None)
        name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    except Exception:  # objects that answer for every attribute, and fail
        module, name = None, type(inner).__qualname__
    return f"{text_of(module)}.{text_of(name)}" if module else text_of(name)


def unwrap(function: Function) -> Function:
    """The function inside partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def refuse_async(function: Function, what: str) -> None:
    """ConfigurationError for an ``async def``, with the change to make."""
    inner = unwrap(function)
    target = inner if inspect.isroutine(inner) else getattr(inner, "__call__", inner)  # noqa: B004
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        name = getattr(inner, "__name__", type(inner).__name__)
        raise ConfigurationError(
            f"{what} {name_of(function)} is an 'async def', which ven_sdk does not await. Make it "
            f"a plain function: change 'async def {name}(...)' to 'def {name}(...)' and leave out "
            f"'await' inside; it may block."
        )
