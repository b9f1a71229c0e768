"""Functions of the user's: what they are called, refusing those that cannot be called, and calling
them.

Whatever they do when they run (on pool threads), a value or a HandlerError comes back.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ..errors import ConfigurationError, HandlerError
from ..log import told

log = logging.getLogger(__name__)


def name_of(function: Callable[..., Any]) -> str:
    """A name that a person finds: module and qualified name."""
    inner = unwrapped(function)
    module = getattr(inner, "__module__", None)
    name = getattr(inner, "__qualname__", None) or type(inner).__qualname__
    return f"{module}.{name}" if module else str(name)


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function inside partials."""
    while isinstance(function, functools.partial):
        function = function.func
    return function


def refuse_async(function: Callable[..., Any], what: str) -> None:
    """ConfigurationError for an ``async def``, with the change to make."""
    inner = unwrapped(function)
    target = inner if inspect.isroutine(inner) else getattr(inner, "__call__", inner)  # noqa: B004
    if inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target):
        name = getattr(inner, "__name__", type(inner).__name__)
        raise ConfigurationError(
            f"{what} {name_of(function)} is an 'async def', which ven_sdk does not await. Make "
            f"it a plain function: change "
            f"'async def {name}(...)' to 'def {name}(...)' and leave out 'await' inside; it may "
            f"block."
        )


def invoke(
    function: Callable[..., Any],
    arguments: tuple[Any, ...] = (),
    keywords: Optional[Mapping[str, Any]] = None,
) -> Any:
    """What ``function`` returned, or a HandlerError (never raised) with the cause."""
    try:
        result = function(*arguments, **(keywords or {}))
    except BaseException as cause:  # SystemExit too: user code must not end a thread of ours
        log.debug("%s raised", name_of(function), exc_info=True)
        error = HandlerError(f"{name_of(function)} raised {told(cause)}", handler=name_of(function))
        error.__cause__ = cause
        return error
    if inspect.isawaitable(result):
        close(result)
        return HandlerError(
            f"{name_of(function)} returned an awaitable, which was closed. Handlers and "
            f"callbacks are plain "
            "functions: return the value itself.",
            handler=name_of(function),
        )
    return result


def close(awaitable: Any) -> None:
    """End an awaitable that nobody will await, so that it does not complain when it goes."""
    end = getattr(awaitable, "close", None) or getattr(awaitable, "cancel", None)
    if end is not None:
        end()
