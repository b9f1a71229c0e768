"""The newest values of one data point, packed: a time takes 8 bytes and an entry its text, so that
thousands of data points keep hundreds of values each. Frozen values.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..instants import EPOCH
from .reports import LastValue

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class RecentValues:
    """Values by time, oldest first: microseconds since 1970, and entries joined by tabs."""

    times: bytes = b""
    entries: str = ""

    def __len__(self) -> int:
        return len(self.times) // 8

    def __iter__(self) -> Iterator[LastValue]:
        for time, entry in zip(array("q", self.times), self.entries.split("\t")):
            yield LastValue(EPOCH + time * MICROSECOND, entry)

    @property
    def newest(self) -> LastValue:
        """The last of them; there must be one."""
        (time,) = array("q", self.times[-8:])
        return LastValue(EPOCH + time * MICROSECOND, self.entries.rpartition("\t")[2])

    def with_values(self, values: Sequence[LastValue], most: int) -> RecentValues:
        """These and ``values``, of all the newest ``most``."""
        if not values:
            return self
        added = array("q", [(value.at - EPOCH) // MICROSECOND for value in values])
        times = self.times + added.tobytes()
        texts = [self.entries] * bool(self.times) + [value.entry for value in values]
        entries = "\t".join(texts)
        surplus = len(times) // 8 - most
        for _ in range(surplus):
            entries = entries[entries.index("\t") + 1 :] if "\t" in entries else ""
        return RecentValues(times[max(0, surplus) * 8 :], entries)

    def cut_after(self, moment: datetime) -> RecentValues:
        """Those that are not later than ``moment``."""
        kept = [value for value in self if value.at <= moment]
        return RecentValues().with_values(kept, len(kept))
