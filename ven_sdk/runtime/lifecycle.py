"""Starting and stopping, asked for by any threads in any order.

One thread at a time begins or ends what is run; the others wait for it, and a wish to stop is never
lost: whoever begins or ends looks, before it lets go, whether somebody wants it stopped meanwhile.
So a ``stop()`` that comes while another thread starts ends what was started. A thread of the pools
never waits for its own end: it leaves the wish and goes on. No lock is held while anything begins
or ends.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Callable, Optional

from ..errors import VenError


def do_all(*steps: Callable[[], object]) -> None:
    """Do each of ``steps`` in order, whatever those before it raise: what begins or ends may break
    off anywhere, by Ctrl-C or a disk, and nothing may be left running.
    """
    with ExitStack() as stack:
        for step in reversed(steps):
            stack.callback(step)


class Lifecycle:
    """Whether something runs. ``begin()`` makes it run, ``end(seconds)`` ends it within about so
    many seconds; neither is called twice in a row, nor by two threads at once.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[float], None]) -> None:
        self._begin, self._end = begin, end
        self._changed = threading.Condition()
        self._busy: Optional[threading.Thread] = None
        self._end_within: Optional[float] = None
        self._watchers: list[threading.Event] = []
        self.is_running: bool = False
        self._failure: Optional[VenError] = None

    def start(self) -> None:
        """Begin, unless it runs. Raises what ``begin`` raises; nothing runs then."""
        if not self._take():
            return
        try:
            if not self.is_running:
                self._failure = None
                self._begin()
                self.is_running = True
        finally:
            self._let_go()

    def stop(self, seconds: float) -> None:
        """End, if it runs or is about to. Where another thread begins or ends at this moment, that
        one does it: it is waited for up to ``seconds``, but not by a thread of a pool.
        """
        own = threading.current_thread()
        with self._changed:
            for watcher in self._watchers:
                watcher.set()
            self._watchers.clear()
            self._end_within = seconds
            if self._busy is not None:
                if self._busy is not own and not own.name.startswith("ven_sdk-"):
                    self._changed.wait_for(self._is_idle, seconds)
                return
            self._busy = own
        self._let_go()

    def fail(self, error: VenError, seconds: float) -> None:
        """``stop()`` because of ``error``, which ``check()`` raises until the next start."""
        self._failure = error
        self.stop(seconds)

    def check(self) -> None:
        """Raise what ended it, unless that was somebody's wish."""
        if self._failure is not None:
            raise self._failure

    def next_stop(self) -> threading.Event:
        """An event that the next ``stop()`` sets."""
        watcher = threading.Event()
        with self._changed:
            self._watchers.append(watcher)
        return watcher

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until nobody begins or ends, at most ``seconds``."""
        with self._changed:
            self._changed.wait_for(self._is_idle, seconds)

    def _is_idle(self) -> bool:
        return self._busy is None

    def _take(self) -> bool:
        own = threading.current_thread()
        with self._changed:
            if self._busy is own:
                return False
            self._changed.wait_for(self._is_idle)
            self._busy, self._end_within = own, None
        return True

    def _let_go(self) -> None:
        """End what somebody wants ended, and let the next thread come."""
        try:
            while self._wants_end():
                seconds, self.is_running = self._end_within or 0.0, False
                self._end(seconds)
        except BaseException:
            self._free()
            raise

    def _wants_end(self) -> bool:
        """Whether there is something to end; where there is not, this thread is done."""
        with self._changed:
            if self._end_within is not None and self.is_running:
                return True
            self._busy, self._end_within = None, None
            self._changed.notify_all()
            return False

    def _free(self) -> None:
        with self._changed:
            self._busy, self._end_within = None, None
            self._changed.notify_all()
