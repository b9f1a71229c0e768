"""The facts of one VEN as others read them: a book, and the two locks under which it is read. The
theory of both stands in :mod:`.transactions`. Any thread, and the user's signal handlers, which
Python runs anywhere in the main thread: a lock that a reader takes is reentrant.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Callable, TypeVar

from ..state.book import Book, TableRow
from ..state.change import Change
from .runtime import Runtime

T = TypeVar("T")


class Facts:
    """A book that others read while it changes."""

    def __init__(self, book: Book, runtime: Runtime) -> None:
        self.book: Book = book
        self.runtime: Runtime = runtime
        self._lock = threading.RLock()
        self._applying = threading.RLock()
        self._snapshots: dict[str, tuple[int, tuple[TableRow, ...]]] = {}

    def read(self, function: Callable[[], T]) -> T:
        """What ``function`` finds in the book while nobody changes it."""
        with self._lock:
            return function()

    def look(self, function: Callable[[], T]) -> T:
        """What ``function`` finds in the book between two changes; commits are not waited for.
        ``function`` takes no lock.
        """
        if self.runtime.is_inherited:
            return function()
        with self._applying:
            return function()

    def snapshot(self, table: str) -> tuple[TableRow, ...]:
        """The rows of ``table``, oldest first; made anew only when it changed."""
        known = self._snapshots.get(table)
        if known is None or known[0] != self.book.versions[table]:
            known = self._snapshots[table] = self.look(
                lambda: (self.book.versions[table], tuple(self.book.tables[table].values()))
            )
        return known[1]

    def _apply(self, changes: Iterable[Change]) -> None:
        with self._applying:
            self.book.apply(changes)
