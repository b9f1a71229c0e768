"""Functions of the user: what they are called, which are refused, and how they are called.

::

    functions   names, partials, coroutine functions     calls      calling them; failures as values
    decisions   what on_event may return                 handlers   handlers and hooks by name

Whatever user code does when it runs (on pool threads), a value or a HandlerError comes back.
"""

from __future__ import annotations

from .calls import close_awaitable, describe_failure, invoke
from .functions import name_of, refuse_async, unwrap

__all__ = [
    "close_awaitable",
    "describe_failure",
    "invoke",
    "name_of",
    "refuse_async",
    "unwrap",
]
