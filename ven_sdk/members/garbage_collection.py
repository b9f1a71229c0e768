"""Keeps Python's garbage collector from looking at every VEN again and again.

A full collection looks at all objects, with the interpreter stopped: at 25,000 VENs for seconds,
more on a machine with other work, so that leases run out. What VENs consist of lives as long as
they run here. So it is set aside (``gc.freeze``) when many have begun, and looked at again when
many have ended. A process with few VENs is left alone. Used by the thread of the slots alone.
"""

from __future__ import annotations

import gc
from time import monotonic

MANY = 1000
"""VENs that begin or end before something is done about it."""
CALM = 30.0
"""Seconds after the last VEN began until those that are left are set aside."""


class GarbageCollection:
    """Counts VENs that begin and end, and moves what they are out of the collector's sight."""

    def __init__(self) -> None:
        self._running, self._new, self._ended = 0, 0, 0
        self._began_at = 0.0

    def count_begun(self, vens: int) -> None:
        """So many VENs more run here."""
        if vens:
            self._running += vens
            self._new += vens
            self._began_at = monotonic()

    def count_ended(self, vens: int) -> None:
        """So many VENs run here no more."""
        self._running -= vens
        self._ended += vens

    def look(self) -> None:
        """Do what is due. What is garbage now is collected before anything is set aside."""
        if self._ended > max(MANY, self._running // 4):
            gc.unfreeze()
            self._ended, self._new = 0, self._running
        is_calm = monotonic() - self._began_at > CALM and self._running >= MANY
        if self._new >= MANY or (self._new and is_calm):
            gc.collect()
            gc.freeze()
            self._new = 0

    def stop(self) -> None:
        """Leave everything to the collector again."""
        gc.unfreeze()
        self._running, self._new, self._ended = 0, 0, 0
