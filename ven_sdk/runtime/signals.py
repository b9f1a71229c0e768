"""Running until somebody says stop: signal handlers set and put back. Used by ``run()`` of clients
and fleets.
"""

from __future__ import annotations

import logging
import signal
import threading
from typing import Callable

from .lifecycle import Lifecycle

logger: logging.Logger = logging.getLogger(__name__)

LOOK = 0.2
"""Seconds after which a signal is seen at the latest."""


def until_signal(
    start: Callable[[], None], ended: threading.Event, stop: Callable[[], None]
) -> None:
    """Start, wait until ``ended`` (set by ``stop()`` from elsewhere, Ctrl-C or SIGTERM), stop.

    Only the main thread may set signal handlers; elsewhere it just waits. The handlers found are
    put back. A second Ctrl-C while stopping raises KeyboardInterrupt, for the impatient.
    """
    if threading.current_thread() is not threading.main_thread():
        start()
        ended.wait()
        stop()
        return
    asked: dict[str, int] = {}

    def end(number: int, _frame: object) -> None:
        # Nothing but a note: this runs in the middle of whatever the main thread was doing, and may
        # hold no lock of its.
        if "signal" in asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked["signal"] = number

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        start()
        while not asked and not ended.wait(LOOK):
            pass  # a signal just before the wait would not end it, and is seen after it
        if asked:
            logger.info("Stopping on %s.", signal.Signals(asked["signal"]).name)
        stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def run_until_stopped(
    lifecycle: Lifecycle, start: Callable[[], None], stop: Callable[[], None], seconds: float
) -> None:
    """``start()``, wait for the end of ``lifecycle``, Ctrl-C or SIGTERM, ``stop()``. A stop of
    another thread is waited for up to ``seconds``; another start after it is left alone. Raises the
    error that ended it.
    """
    ended = lifecycle.next_stop()

    def end() -> None:
        if ended.is_set():
            lifecycle.wait_until_idle(seconds)
        else:
            stop()

    until_signal(start, ended, end)
    lifecycle.check()
