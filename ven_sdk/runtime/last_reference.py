"""What runs although nobody refers to it any more is ended, with a ResourceWarning.

Whoever runs something keeps it apart from the object that users hold: threads, stores and timers
refer to the former only, so that ``weakref`` sees the latter go. Any thread.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import warnings
import weakref
from threading import Thread, current_thread
from typing import Callable, Optional

from ..threads import daemon_thread
from .lifecycle import Lifecycle
from .runtime import Runtime

logger: logging.Logger = logging.getLogger(__name__)

ABANDONED_TIMEOUT = 5.0
_stopping: list[Thread] = []
"""Threads that end what nobody refers to any more."""


class LastReference:
    """Ends ``cycle`` when the last reference to what users hold of it goes. ``describe()`` names it
    at the beginning of a sentence.
    """

    def __init__(self, cycle: Lifecycle, runtime: Runtime, describe: Callable[[], str]) -> None:
        self._cycle, self._runtime, self._describe = cycle, runtime, describe
        self._finalizer: Optional["weakref.finalize[..., object]"] = None
        self.started_at: str = ""

    def watch(self, owner: object) -> None:
        """It is started by somebody who holds ``owner``, after those that nobody holds have ended:
        a notebook cell that runs again begins where the one before has the store and the port.
        """
        wait_for_abandoned(ABANDONED_TIMEOUT)
        if not self._cycle.is_running:
            self.started_at = caller()
        if self._finalizer is None:
            self._finalizer = weakref.finalize(owner, self._end)
            self._finalizer.atexit = False

    def _end(self) -> None:
        """The last reference is gone. This runs wherever that happens, under locks too: the
        stopping is left to a thread.
        """
        if not self._cycle.is_running or not self._runtime.is_of_this_process:
            return
        text = (
            f"{self._describe()} (started at {self.started_at}) was not stopped, and nothing "
            "refers to it any more: it is stopped now. Keep it in a variable, and call stop() or "
            "use 'with'."
        )
        thread = daemon_thread("ven_sdk stopping", self._cycle.stop, ABANDONED_TIMEOUT)
        thread.start()
        _stopping.append(thread)
        logger.warning("%s", text)
        warnings.warn(text, ResourceWarning, stacklevel=2)  # last: it may be an error here


def wait_for_abandoned(seconds: float) -> None:
    """Wait, about ``seconds`` at the most, until what nobody refers to any more has stopped."""
    end = time.monotonic() + seconds
    for thread in tuple(_stopping):
        if thread is current_thread():  # one that ends starts another one
            continue
        thread.join(max(0.0, end - time.monotonic()))
        if not thread.is_alive():
            with contextlib.suppress(ValueError):  # another thread was quicker
                _stopping.remove(thread)


def caller() -> str:
    """File and line in user code that called us."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("ven_sdk"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
