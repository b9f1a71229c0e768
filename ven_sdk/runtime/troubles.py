"""What one VEN says of troubles: a log line the first time and then a count, ``on_error``, the last
error.

The one place that bounds how much is said: at most :data:`TROUBLES_A_MINUTE` lines of WARNING or
above, and as many calls of ``on_error``, whatever the VTN answers. What goes beyond is counted, and
the count is logged with the next line. Failures of user code are counted for each event and data
point, and stand outside of that bound. Any thread may call everything here; the lock guards
numbers only, nothing is logged under it.
"""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import Callable

from ..errors import HandlerError, VenError
from ..log import Repeats
from ..state.outcome import Note
from ..text import LONGEST, shorten, write_count
from ..usercode.exceptions import drop_tracebacks
from .clock import Clock
from .rates import Window
from .status import Counters

logger: logging.Logger = logging.getLogger(__name__)

TROUBLES_A_MINUTE = 15
"""Lines of WARNING and above, and calls of ``on_error``, that a VEN makes of what a VTN does."""
STILL = 60.0
"""Seconds from one line to the next about a trouble that goes on, however seldom it is met."""


class Troubles:
    """The troubles of one VEN. ``tell(error)`` calls the user's ``on_error``; ``later(seconds,
    function)`` calls the function then, unless the VEN was stopped.
    """

    def __init__(
        self,
        repeats: Repeats,
        clock: Clock,
        counters: Counters,
        tell: Callable[[VenError], None],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self.repeats: Repeats = repeats
        self._clock, self._counters, self._tell, self._later = clock, counters, tell, later
        self._lasting: dict[str, tuple[float, int, str]] = {}  # next line, level, text
        self._lock = threading.RLock()
        self._lines = Window(TROUBLES_A_MINUTE)
        self._calls = Window(TROUBLES_A_MINUTE)
        self._left_out = 0

    def report(
        self,
        error: VenError,
        key: str,
        text: str,
        level: int = logging.WARNING,
        *,
        lasts: bool = False,
    ) -> None:
        """Log ``text`` the first time and count it afterwards; tell ``on_error`` the first time,
        and keep it as the last error. One that ``lasts`` is logged once a minute while it goes on.
        """
        drop_tracebacks(error)
        self._counters.last_error, self._counters.last_error_at = error, self._clock.now()
        now, key = self._clock.monotonic(), key[:LONGEST]
        bounded = not isinstance(error, HandlerError)
        if bounded and self.repeats.count(key) == 0 and not self._may_log(now):
            return
        count = self.repeats.note(key, level, shorten(text))
        if lasts:
            self._watch(key, level, str(error), now)
        if count == 1 and (not bounded or self._may_tell(now)):
            self._tell(error)

    def _watch(self, key: str, level: int, text: str, now: float) -> None:
        """See that ``key`` is logged once a minute from now on."""
        with self._lock:
            known = self._lasting.get(key)
            at = now + STILL if known is None else known[0]
            self._lasting[key] = (at, level, text)
        if known is None:
            self._later(STILL, lambda: self._remind(key, at))

    def begin(self) -> None:
        """The VEN starts: what was to be called later went with the stop before."""
        now = self._clock.monotonic()
        with self._lock:
            lasting = tuple(self._lasting.items())
        for key, (at, _, _) in lasting:
            self._later(max(0.0, at - now), partial(self._remind, key, at))

    def _remind(self, key: str, at: float) -> None:
        with self._lock:
            known = self._lasting.get(key)
        if known is None or known[0] != at:
            return  # it ended, and may have begun anew
        _, level, text = known
        if self.repeats.remind(key, level, text):
            following = self._clock.monotonic() + STILL
            with self._lock:
                self._lasting[key] = (following, level, text)
            self._later(STILL, lambda: self._remind(key, following))
        else:
            with self._lock:
                self._lasting.pop(key, None)

    def note(self, note: Note) -> None:
        """Log what a step had to say."""
        if isinstance(note.error, VenError):
            self.report(note.error, note.once or note.text, note.text, note.level)
        elif not self._is_bounded(note) or self._may_log(self._clock.monotonic()):
            self._log(note)

    def _is_bounded(self, note: Note) -> bool:
        """Whether it counts as a new warning. Repetitions are counted where they are logged."""
        if note.level < logging.WARNING:
            return False
        return note.once is None or self.repeats.count(note.once[:LONGEST]) == 0

    def _log(self, note: Note) -> None:
        if note.once is not None:
            self.repeats.note(note.once[:LONGEST], note.level, shorten(note.text))
        else:
            self.repeats.log(note.level, shorten(note.text))

    def end(self, key: str, what: str, level: int = logging.INFO) -> None:
        """The trouble ``key`` is over."""
        with self._lock:
            self._lasting.pop(key, None)
        self.repeats.end(key, what, level)

    def _may_log(self, now: float) -> bool:
        with self._lock:
            allowed = self._lines.allow(now)
            left_out = self._left_out
            self._left_out = 0 if allowed else left_out + 1
        if allowed and left_out:
            logger.warning(
                "%s left out: they came too fast.",
                write_count(left_out, "further warning was", "further warnings were"),
            )
        return allowed

    def _may_tell(self, now: float) -> bool:
        with self._lock:
            return self._calls.allow(now)
