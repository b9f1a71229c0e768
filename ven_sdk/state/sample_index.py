"""The rows of the table ``samples`` by request and time, so that a step's work grows with what it
takes and not with what waits. Kept by ``Book.apply``; no lock of its own.

A row's key is its request and its moment (``points/tables.py``, ``row_key``), so the keys of one
request sort by time, and the index is no more than a sorted list of them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice
from typing import Optional

from .reports import SampleRow


class _Keys:
    """Sorted keys. What stood before ``begin`` is gone, and swept out now and then."""

    __slots__ = ("begin", "keys")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.begin = 0

    def __len__(self) -> int:
        return len(self.keys) - self.begin

    def __iter__(self) -> Iterator[str]:
        return islice(self.keys, self.begin, None)

    def add(self, key: str) -> None:
        if not self.keys or key > self.keys[-1]:
            self.keys.append(key)
        else:
            insort(self.keys, key, self.begin)

    def remove(self, key: str) -> None:
        place = bisect_left(self.keys, key, self.begin)
        if place > self.begin:
            del self.keys[place]
            return
        self.begin += 1
        if self.begin > 1024 and self.begin * 2 > len(self.keys):
            del self.keys[: self.begin]
            self.begin = 0


class SampleIndex:
    """Keys of sample rows by request, oldest first."""

    def __init__(self) -> None:
        self._requests: dict[str, _Keys] = {}

    def __contains__(self, request: str) -> bool:
        """Whether a request has rows."""
        return request in self._requests

    def __iter__(self) -> Iterator[str]:
        """The requests that have rows."""
        return iter(self._requests)

    def keys(self, request: str) -> Iterator[str]:
        """The keys of a request's rows, oldest first."""
        found = self._requests.get(request)
        return iter(()) if found is None else iter(found)

    def newest(self, request: str) -> Optional[str]:
        """The key of a request's newest row."""
        found = self._requests.get(request)
        return None if found is None else found.keys[-1]

    def set(self, key: str, before: Optional[SampleRow], row: Optional[SampleRow]) -> None:
        """The row of ``key`` was ``before`` and becomes ``row``."""
        if before is not None and (row is None or row.request != before.request):
            keys = self._requests[before.request]
            keys.remove(key)
            if not len(keys):
                del self._requests[before.request]
        if row is not None and (before is None or row.request != before.request):
            self._requests.setdefault(row.request, _Keys()).add(key)
