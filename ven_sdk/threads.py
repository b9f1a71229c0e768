"""The threads that the SDK makes: daemons with a name, which no handler of ``logging`` stops."""

from __future__ import annotations

import threading
from typing import Callable

from .log import guard_loggers


def daemon_thread(
    name: str, function: Callable[..., object], *arguments: object
) -> threading.Thread:
    """A thread that runs ``function(*arguments)``, not yet started."""
    guard_loggers()
    return threading.Thread(target=function, args=arguments, name=name, daemon=True)
