"""The durable store: one SQLite file, one connection, one writer at a time. Any thread may call it.

Durable means: the write-ahead log is synced before ``commit()`` returns. Threads that wait for
their turn are written in one transaction, and so share one sync. What the file must be like is left
to ``sqlite_file.py``, what rows mean to ``book.py``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Callable, Optional, Union

from ..errors import ConfigurationError, StoreError
from ..text import is_xml, repr_of
from .lock import ProcessLock
from .sqlite_file import MIGRATIONS, StoreFile, checksum, failure
from .store import ChangeRow, Row, Store, already_open, check_changes, not_open

_SET = (
    "INSERT INTO facts (ven, tab, key, position, value, crc) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (ven, tab, key) DO UPDATE "
    "SET value = excluded.value, crc = excluded.crc - excluded.position + facts.position"
)
_DELETE = "DELETE FROM facts WHERE ven = ? AND tab = ? AND key = ?"
_FORGET = "DELETE FROM facts WHERE ven = ?"
_LOAD = "SELECT tab, key, value FROM facts WHERE ven = ? ORDER BY position"
_VENS = "SELECT DISTINCT ven FROM facts"

_Work = Callable[[sqlite3.Connection], None]


class _Ticket:
    """One caller's transaction on its way to the disk."""

    def __init__(self, work: _Work) -> None:
        self.work = work
        self.done = False
        self.error: Optional[Exception] = None


class SQLiteStore(Store):
    """A :class:`Store` in the file ``path``, readable for its owner only. ``path`` + ``.lock``
    stands next to it.

    Group commit: a caller puts its ticket into ``_waiting`` and waits for the turn. Who gets it
    writes all tickets that wait, and gives the turn back; those whose tickets are done return, one
    of the others has the next turn. ``_ready`` guards ``_taken`` only: it is never held while
    SQLite works.
    """

    durable = True
    migrations = MIGRATIONS

    def __init__(self, path: Union[str, bytes, "os.PathLike[str]"]) -> None:
        """Name the file; nothing is touched. ConfigurationError when ``path`` cannot be a path."""
        try:
            given = os.path.expanduser(os.fsdecode(path))
            self.name: str = os.path.realpath(
                given
            )  # one file, one lock, whichever link leads to it
        except (TypeError, ValueError) as cause:
            raise ConfigurationError(
                f"store must be the path of a file, not {repr_of(path)}."
            ) from cause
        if given in ("", ":memory:") or not is_xml(given):
            raise ConfigurationError(
                f"store must be the path of a file, not {repr_of(given)}. Leave it out to keep the "
                "state in memory."
            )
        self._file = StoreFile(self.name, self.migrations)
        self._lock = ProcessLock(self.name + ".lock")
        self._ready = threading.Condition()
        self._taken = False
        self._waiting: deque[_Ticket] = deque()
        self._connection: Optional[sqlite3.Connection] = None
        self._positions: Iterator[int] = count(1)

    def check(self) -> None:
        """See :meth:`Store.check`."""
        self._file.check()
        self._lock.check(self.name)

    def open(self) -> tuple[str, ...]:
        """See :meth:`Store.open`. A damaged file becomes ``path`` + ``.damaged-`` + the time in
        UTC.
        """
        self._refuse_in_child()
        with self._turn():
            if self._connection is not None:
                raise already_open(self)
            self.check()
            self._lock.acquire(self.name)
            try:
                self._connection, warnings = self._file.open()
            except BaseException:
                self._lock.release()
                raise
            self._positions = count(self._file.position + 1)
            return warnings

    def close(self) -> None:
        """See :meth:`Store.close`. SQLite moves its log into the file; in the child of a fork
        nothing happens.
        """
        if self._lock.is_inherited():
            return
        with self._turn():
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._lock.release()

    def load(self, ven: str) -> list[Row]:
        """See :meth:`Store.load`."""
        check_changes(self, ven, ())
        return [Row(*row) for row in self._read(_LOAD, ven)]

    def vens(self) -> list[str]:
        """See :meth:`Store.vens`."""
        return sorted(ven for (ven,) in self._read(_VENS))

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        """See :meth:`Store.commit`."""
        rows = check_changes(self, ven, changes)
        self._transact(lambda connection: self._apply(connection, ven, rows))

    def forget(self, ven: str) -> None:
        """See :meth:`Store.forget`."""
        check_changes(self, ven, ())
        self._transact(lambda connection: _run(connection, _FORGET, ven))

    def _transact(self, work: _Work) -> None:
        self._refuse_in_child()
        ticket = _Ticket(work)
        self._waiting.append(ticket)
        with self._turn(ticket) as mine:
            if mine:
                self._write_waiting()
        if isinstance(ticket.error, StoreError):
            raise ticket.error
        if ticket.error is not None:
            raise failure(self.name, "written", ticket.error) from ticket.error

    @contextlib.contextmanager
    def _turn(self, ticket: Optional[_Ticket] = None) -> Iterator[bool]:
        """Wait for the turn, or until another thread has done ``ticket``: gives whether this thread
        has the turn.
        """
        mine = False
        try:
            with self._ready:
                while self._taken and not (ticket and ticket.done):
                    self._ready.wait()
                mine = not (ticket and ticket.done)
                self._taken = self._taken or mine
            yield mine
        finally:
            if mine:
                with self._ready:
                    self._taken = False
                    self._ready.notify_all()

    def _write_waiting(self) -> None:
        """With the turn. Only what is done leaves the queue: an interrupt of this thread loses
        nobody's ticket.
        """
        try:
            self._write([ticket for ticket in self._waiting.copy() if not ticket.done])
        finally:
            while self._waiting and self._waiting[0].done:
                self._waiting.popleft()

    def _write(self, batch: Sequence[_Ticket]) -> None:
        try:
            with self._transaction() as connection:
                for ticket in batch:
                    ticket.work(connection)
        except Exception as error:
            if len(batch) > 1 and "locked" not in str(
                error
            ):  # who waited for a lock once need not wait again
                for ticket in batch:
                    self._write([ticket])
                return
            for ticket in batch:
                ticket.error = error
        for ticket in batch:
            ticket.done = True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._require_open()
        try:
            if connection.in_transaction:  # of a rollback that failed
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself rolls back after some errors
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise

    def _apply(self, connection: sqlite3.Connection, ven: str, rows: Sequence[ChangeRow]) -> None:
        for table, key, value in rows:
            if value is None:
                _run(connection, _DELETE, ven, table, key)
            else:
                position = next(self._positions)
                crc = checksum(position, ven.encode(), table.encode(), key.encode(), value.encode())
                _run(connection, _SET, ven, table, key, position, value, crc)

    def _read(self, query: str, *values: str) -> list[tuple[str, ...]]:
        self._refuse_in_child()
        with self._turn():
            try:
                return self._require_open().execute(query, values).fetchall()
            except sqlite3.Error as cause:
                raise failure(self.name, "read", cause) from cause

    def _require_open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise not_open(self)
        return self._connection

    def _refuse_in_child(self) -> None:
        # Before any lock: one that another thread of the parent held at the fork is never released
        # in the child.
        if self._lock.is_inherited():
            raise StoreError(
                f"The store {self.name!r} was opened by process {self._lock.pid}; this is process "
                f"{os.getpid()}, made by fork(). Make the client in the child, with a store of "
                f"its own.",
                path=self.name,
            )


def _run(connection: sqlite3.Connection, statement: str, *values: Union[str, int]) -> None:
    connection.execute(statement, values)
