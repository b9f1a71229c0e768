"""The durable store: one SQLite file, one connection, one writer at a time. Any thread may call it.

Durable means: the write-ahead log is synced before ``commit()`` returns. Threads that wait for
their turn are written in one transaction, and so share one sync. What the file must be like is left
to ``file.py``, what rows mean to ``state/book.py``.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Callable, Optional, Union

from ...errors import ConfigurationError, StoreError
from ...text import is_xml, repr_of
from ..group_commit import GroupCommit, Ticket
from ..lock import ProcessLock
from ..store import ChangeRow, Row, Store, already_open, check_changes, not_open
from .file import MIGRATIONS, StoreFile, checksum, failure

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


class SQLiteStore(Store):
    """A :class:`Store` in the file ``path``, readable for its owner only. ``path`` + ``.lock``
    stands next to it. Whoever uses the connection has the turn of ``_group``.
    """

    durable = True
    migrations = MIGRATIONS

    def __init__(self, path: Union[str, bytes, "os.PathLike[str]"]) -> None:
        """Name the file; nothing is touched. ConfigurationError when ``path`` cannot be a path."""
        try:
            given = os.path.expanduser(os.fsdecode(path))
            # one file, one lock, whichever link leads to it
            self.name: str = os.path.realpath(given)
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
        self._group: GroupCommit[_Work] = GroupCommit(self._write)
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
        with self._group.turn():
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
        with self._group.turn():
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._file.close()
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
        try:
            self._group.submit(work)
        except StoreError:
            raise
        except Exception as cause:
            raise failure(self.name, "written", cause) from cause

    def _write(self, tickets: Sequence[Ticket[_Work]]) -> None:
        """One transaction; where that fails, one for each, so that a failure is its own caller's.
        Who waited for a lock once need not wait again.
        """
        try:
            with self._transaction() as connection:
                for ticket in tickets:
                    ticket.work(connection)
        except Exception as error:
            if len(tickets) == 1 or "locked" in str(error):
                raise
            for ticket in tickets:
                self._write_alone(ticket)

    def _write_alone(self, ticket: Ticket[_Work]) -> None:
        try:
            self._write([ticket])
        except Exception as error:
            ticket.error = error
        ticket.done = True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._require_open()
        self._file.check_presence()
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
        with self._group.turn():
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
