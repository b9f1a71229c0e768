"""The file of the SQLite store: where it may stand, its versions, whether it is sound, and what to
do when it is not.

``sqlite.py`` holds the process lock while it opens a file here, and writes and reads the rows. Run
by the thread that calls ``check()`` or ``open()``. Each row carries a checksum, because SQLite
notices a damaged structure but not a flipped bit in a text.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import zlib
from itertools import chain, count
from pathlib import Path
from typing import Optional

from ...errors import ConfigurationError, StoreError
from ..lock import check_reachable, is_lock

APPLICATION_ID = 0x56454E53
"""Marks our files in the SQLite header ("VENS"), so that nobody's other database is taken for a
damaged store.
"""

Migrations = tuple[tuple[str, ...], ...]
MIGRATIONS: Migrations = (
    # Version 1. WITHOUT ROWID: a VEN's rows lie together, and a commit touches one tree instead of
    # table and index.
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        "CREATE TABLE facts (ven TEXT NOT NULL, tab TEXT NOT NULL, key TEXT NOT NULL, position "
        "INTEGER NOT NULL, "
        "value TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (ven, tab, key)) WITHOUT ROWID",
    ),
)
"""What makes version n + 1 of version n, one transaction each. Released steps never change; new
ones are added.
"""

FULLY_CHECKED_SIZE = 128 * 1024 * 1024
"""Bytes up to which ``open()`` checks every page and row: 1 s per 100 MB on a small server. Of a
larger file it only walks the tree, 20 times as fast; a damaged text in it is found when somebody
reads it."""

_SETTINGS = (
    # FULL in WAL mode; and safe on a file system where WAL mode cannot be had
    "PRAGMA synchronous = EXTRA",
    "PRAGMA fullfsync = ON",  # macOS: fsync() alone leaves data in the drive's cache
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_size_limit = 16777216",
)
_MAGIC = b"SQLite format 3\0"
_MARK, _OUR_MARK = slice(68, 72), APPLICATION_ID.to_bytes(4, "big")
"""Where the mark stands in the header of a SQLite file."""
_BESIDE = {
    "-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"),
    "-journal": (b"\xd9\xd5\x05\xf9", b"\0\0\0\0"),
    "-shm": (b"\x18\xe2\x2d\0", b"\0\x2d\xe2\x18", b"\0\0\0\0"),
}
"""What SQLite's files beside a database begin with."""
LONGEST_SUFFIX = ".damaged-20000101T000000Z-99-journal"
"""What may stand in a name of ours after that of the store."""
_FAULTS = (sqlite3.Error, UnicodeError)
"""What reading a damaged file raises: the names in SQLite's own error message need not be text."""
_DISK_TROUBLE = ("locked", "disk i/o error", "disk is full", "unable to open", "readonly")


class StoreFile:
    """The file ``path``, an absolute one. ``position`` is the highest position of a row when it was
    opened.

    While a connection is open, a descriptor beside it tells whether the file is still there, unless
    its file system counts no links. It is closed after the connection, whose locks would go with
    it.
    """

    def __init__(self, path: str, migrations: Migrations) -> None:
        self.path = path
        self.migrations = migrations
        self.position: int = 0
        self._descriptor: Optional[int] = None
        self._counts_links = False

    def check(self) -> None:
        """Raise ConfigurationError or StoreError where ``open()`` would, as far as a look without a
        change can tell.

        The file is read by SQLite only: to open and close it by other means would drop the locks of
        a connection that this process may have to it. ``immutable`` takes no locks and creates no
        files.
        """
        self.check_place()
        if not os.path.exists(self.path):
            return
        uri = Path(self.path).as_uri() + "?mode=ro&immutable=1"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
                is_new = self._check_version(connection) == 0
        except _FAULTS as cause:
            self._refuse_foreign(cause)
        else:
            if is_new:  # SQLite takes a file of a few bytes for an empty one
                self._refuse_foreign(None)

    def _refuse_foreign(self, cause: Optional[Exception]) -> None:
        if self._is_foreign():
            raise ConfigurationError(
                f"{self.path!r} is no store of ven_sdk but another kind of file, which is left "
                "as it is. Give the path of a store, or of a file that does not exist yet."
            ) from cause

    def _is_foreign(self) -> bool:
        """Whether nothing says that the file, which SQLite cannot read, was ever a store: a lock
        with a pid stands beside each, and our mark in its beginning. Asked where SQLite cannot
        read it, so that this process has no connection whose locks the look could drop.
        """
        lock = self.path + ".lock"
        if os.path.exists(lock) and os.path.getsize(lock) and is_lock(lock):
            return False
        with contextlib.suppress(OSError), open(self.path, "rb") as file:
            begin = file.read(_MARK.stop)
            return begin != b"" and not (begin.startswith(_MAGIC) and begin[_MARK] == _OUR_MARK)
        return True

    def check_place(self) -> None:
        """Raise ConfigurationError when no store can be at this path."""
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            raise ConfigurationError(
                f"The folder {folder!r} of the store {self.path!r} does not exist. Create it."
            )
        for place in (self.path, self.path + LONGEST_SUFFIX):
            check_reachable(place, self.path)
        self._check_beside()
        if os.path.exists(self.path) and not os.path.isfile(self.path):
            raise ConfigurationError(
                f"The store {self.path!r} is not a file. Give the path of a file."
            )
        for place in filter(os.path.exists, (folder, self.path)):
            if not os.access(place, os.R_OK | os.W_OK):
                raise ConfigurationError(
                    f"The store {self.path!r} needs permission to read and write {place!r}, which "
                    "the user that runs the VEN does not have."
                )

    def _check_beside(self) -> None:
        """Where there is no store yet, a file with the name of one of SQLite's is somebody else's:
        SQLite would delete it, or write over it.
        """
        for suffix, begins in () if os.path.exists(self.path) else _BESIDE.items():
            beside = self.path + suffix
            if os.path.isfile(beside) and not _begins_with(beside, begins):
                raise ConfigurationError(
                    f"The store {self.path!r} needs a file {beside!r} of its own, and there is "
                    "another file of that name, which is left as it is. Give the store another "
                    "path."
                )

    def open(self) -> tuple[sqlite3.Connection, tuple[str, ...]]:
        """A connection to a sound file of this version, and what the user must be told: of damage,
        and of hard links, since a lock keeps others from one name only.

        The caller keeps other processes away. A damaged file is moved aside and a new one made.
        Raises StoreError.
        """
        try:
            return self._connect(), self._describe_links()
        except _FAULTS as cause:
            if _is_disk_trouble(cause):
                raise failure(self.path, "opened", cause) from cause
            damage = str(cause)
        aside = self._move_aside()
        try:
            connection = self._connect()
        except sqlite3.Error as cause:
            raise failure(self.path, "made anew", cause) from cause
        return connection, (
            f"The store {self.path!r} is damaged ({damage}). It was moved to {aside!r} and is not "
            f"used; the VEN starts anew with an empty store. Look at the health of the disk.",
        )

    def _describe_links(self) -> tuple[str, ...]:
        if self._descriptor is None or os.fstat(self._descriptor).st_nlink < 2:
            return ()
        return (
            f"The store {self.path!r} has another name too (a hard link). Nobody may use it under "
            "that one meanwhile, as both would write over each other; a backup is a copy of it, "
            "made while the VEN is stopped.",
        )

    def check_presence(self) -> None:
        """StoreError where somebody deleted or replaced the open file: nobody would find there what
        is written.
        """
        if self._descriptor is None or not self._counts_links:
            return
        if os.fstat(self._descriptor).st_nlink == 0:
            raise StoreError(
                f"The store {self.path!r} was deleted or replaced while it is in use. Stop the "
                "VEN, put the file in its place, and start it again.",
                path=self.path,
                retryable=True,
            )

    def close(self) -> None:
        """The connection is closed: the file is looked at no more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _connect(self) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            self._create()
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._migrate(connection, self._check_version(connection))
            for setting in _SETTINGS:
                connection.execute(setting)
            if os.path.getsize(self.path) <= FULLY_CHECKED_SIZE:
                _check_rows(connection)
            self.position = connection.execute("SELECT max(position) FROM facts").fetchone()[0] or 0
            with contextlib.suppress(OSError):  # no descriptors left: nothing is looked at
                self._descriptor = os.open(self.path, os.O_RDONLY)
                self._counts_links = os.fstat(self._descriptor).st_nlink > 0
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Make the file before SQLite does, for its owner only; SQLite gives its log the same
        permissions.
        """
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as cause:
            raise StoreError(
                f"The store {self.path!r} cannot be made: {cause.strerror}.",
                path=self.path,
                retryable=True,
            ) from cause

    def _check_version(self, connection: sqlite3.Connection) -> int:
        """The version of the file, 0 of an empty one."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        is_used = bool(tables or mark or version)
        if mark != APPLICATION_ID and is_used and not self._has_our_table(connection, tables):
            raise ConfigurationError(
                f"{self.path!r} is a database of another application (its tables: "
                f"{', '.join(sorted(tables)) or 'none':.200}), not a store. Give another path."
            )
        known = len(self.migrations)
        if version < 0:
            raise sqlite3.DatabaseError(f"its version is {version}")
        if version > known:
            raise StoreError(
                f"The store {self.path!r} has version {version}, made by a newer ven_sdk; this "
                f"one knows versions up to {known}. Update ven_sdk, or give another path.",
                path=self.path,
            )
        return int(version)

    def _has_our_table(self, connection: sqlite3.Connection, tables: set[str]) -> bool:
        """Whether a database without our mark has our table: a store whose mark was damaged."""
        rows = connection.execute("PRAGMA table_info(facts)") if tables == {"facts"} else ()
        columns = [row[1] for row in rows]
        return columns[:3] == ["ven", "tab", "key"]

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        for number, statements in enumerate(self.migrations[version:], version + 1):
            # rolled back when the connection is closed after an error
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")

    def _move_aside(self) -> str:
        stamped = self.path + time.strftime(".damaged-%Y%m%dT%H%M%SZ", time.gmtime())
        names = chain((stamped,), (f"{stamped}-{number}" for number in count(2)))
        aside = next(name for name in names if not os.path.exists(name))
        try:
            # the file last: no new one may meet the log of the old one
            for part in ("-wal", "-shm", "-journal", ""):
                if os.path.exists(self.path + part):
                    os.replace(self.path + part, aside + part)
        except OSError as cause:
            raise StoreError(
                f"The store {self.path!r} is damaged and cannot be moved aside: "
                f"{cause.strerror}. Move it yourself.",
                path=self.path,
            ) from cause
        return aside


def _begins_with(path: str, begins: tuple[bytes, ...]) -> bool:
    """Whether a file is empty or begins with one of ``begins``; True where it cannot be read."""
    try:
        with open(path, "rb") as file:
            found = file.read(4)
    except OSError:
        return True
    return found == b"" or found in begins


def failure(path: str, verb: str, cause: Exception) -> StoreError:
    """The error for what SQLite raised; the disk's trouble can pass, damage and wrong use
    cannot.
    """
    hint = "If the file is damaged, the next start moves it aside."
    retryable = _is_disk_trouble(cause)
    if retryable:
        hint = "Look at the room on the disk and at its health; the same can succeed later."
    return StoreError(
        f"The store {path!r} cannot be {verb}: {cause}. {hint}", path=path, retryable=retryable
    )


def _is_disk_trouble(cause: Exception) -> bool:
    # By its text: SQLite's error codes reach Python from 3.11 on only.
    return isinstance(cause, sqlite3.OperationalError) and any(
        text in str(cause).lower() for text in _DISK_TROUBLE
    )


def checksum(position: int, *texts: bytes) -> int:
    """Of a row: its position, and VEN, table, key and value. NUL occurs in none of them, so they
    cannot be confused.

    The position is added, so that SQL can replace it when a row that is set again keeps its place.
    """
    return zlib.crc32(b"\0".join(texts)) + position


def _check_rows(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.Error when a page is broken or a row is not what was written."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    connection.text_factory = bytes  # the checksum is over bytes, and damaged ones need not be text
    try:
        for crc, position, *texts in connection.execute(
            "SELECT crc, position, ven, tab, key, value FROM facts"
        ):
            if checksum(position, *texts) != crc:
                raise sqlite3.DatabaseError("the checksum of a row is wrong")
    except TypeError as cause:
        raise sqlite3.DatabaseError("a row holds something other than text") from cause
    finally:
        connection.text_factory = str
