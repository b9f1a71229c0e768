"""The threads that the SDK makes: with a name, and which no handler of ``logging`` stops."""

from __future__ import annotations

import threading
from typing import Callable

from .log import guard_loggers


def daemon_thread(
    name: str, function: Callable[..., object], *arguments: object
) -> threading.Thread:
    """A thread that runs ``function(*arguments)``, not yet started. It ends with the process."""
    guard_loggers()
    return threading.Thread(target=function, args=arguments, name=name, daemon=True)


def last_thread(name: str, function: Callable[..., object], *arguments: object) -> threading.Thread:
    """The same, but the end of the process waits for it: it must be one that ends soon."""
    guard_loggers()
    return threading.Thread(target=function, args=arguments, name=name, daemon=False)
