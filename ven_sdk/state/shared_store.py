"""One store for many VENs that open and close it each for itself: a fleet's."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Callable

from ..errors import LeaseLostError
from .store import ChangeRow, Row, Store


class SharedStore(Store):
    """``store``, open as long as one of its users has it open: whoever calls ``open()`` calls
    ``close()`` once.

    The lock is held while the store opens or closes, so that nobody uses one that is half open;
    commits do not wait for it.
    """

    def __init__(self, store: Store) -> None:
        self.durable: bool = store.durable
        self.name: str = store.name
        self.is_leased: bool = store.is_leased
        self.transit: float = store.transit
        self._store = store
        self._users = 0
        self._lock = threading.RLock()

    def holds(self, ven: str) -> bool:
        """See :meth:`Store.holds`."""
        return self._store.holds(ven)

    def watch_lease(self, lost: Callable[[LeaseLostError], None]) -> None:
        """See :meth:`Store.watch_lease`."""
        self._store.watch_lease(lost)

    def check(self) -> None:
        """See :meth:`Store.check`."""
        self._store.check()

    def open(self) -> tuple[str, ...]:
        """See :meth:`Store.open`. What the user must be told comes to the first one."""
        with self._lock:
            told = self._store.open() if self._users == 0 else ()
            self._users += 1
            self.transit = self._store.transit
            return told

    def close(self) -> None:
        """The last of its users closes the store."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._store.close()

    def load(self, ven: str) -> list[Row]:
        """See :meth:`Store.load`."""
        return self._store.load(ven)

    def vens(self) -> list[str]:
        """See :meth:`Store.vens`."""
        return self._store.vens()

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        """See :meth:`Store.commit`."""
        self._store.commit(ven, changes)

    def forget(self, ven: str) -> None:
        """See :meth:`Store.forget`."""
        self._store.forget(ven)
