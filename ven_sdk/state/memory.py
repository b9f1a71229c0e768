"""The store of a VEN that was given no path: rows in dictionaries, gone with the process. Any
thread may call it.

It keeps its rows from ``close()`` to the next ``open()``, so that a client that is stopped and
started goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from .store import ChangeRow, Row, Store, already_open, check_changes, not_open


class MemoryStore(Store):
    """A :class:`Store` without durability. Dictionaries keep the order of first insertion by
    themselves.
    """

    durable = False
    name = "memory"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[str, dict[tuple[str, str], str]] = {}
        self._is_open = False

    def check(self) -> None:
        """Nothing can be wrong with memory."""

    def open(self) -> tuple[str, ...]:
        """Mark the store as open. Returns nothing to tell; StoreError when it is open already."""
        with self._lock:
            if self._is_open:
                raise already_open(self)
            self._is_open = True
        return ()

    def close(self) -> None:
        """Mark the store as closed; the rows stay for the next ``open()``."""
        with self._lock:
            self._is_open = False

    def load(self, ven: str) -> list[Row]:
        """See :meth:`Store.load`."""
        with self._lock:
            self._require_open()
            return [
                Row(table, key, value) for (table, key), value in self._rows.get(ven, {}).items()
            ]

    def vens(self) -> list[str]:
        """See :meth:`Store.vens`."""
        with self._lock:
            self._require_open()
            return sorted(ven for ven, rows in self._rows.items() if rows)

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        """See :meth:`Store.commit`. Everything that can fail is checked before the first change is
        made.
        """
        accepted = check_changes(self, ven, changes)
        with self._lock:
            self._require_open()
            rows = self._rows.setdefault(ven, {})
            for table, key, value in accepted:
                if value is None:
                    rows.pop((table, key), None)
                else:
                    rows[table, key] = value

    def forget(self, ven: str) -> None:
        """See :meth:`Store.forget`."""
        check_changes(self, ven, ())
        with self._lock:
            self._require_open()
            self._rows.pop(ven, None)

    def _require_open(self) -> None:
        if not self._is_open:
            raise not_open(self)
