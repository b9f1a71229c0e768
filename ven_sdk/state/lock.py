"""A lock between processes: a file that the operating system locks for one holder, and frees when
that process dies.

The file holds the pid of the holder for messages only; it is never deleted, since deleting it would
let two processes lock two different files of one name. Called from any thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import weakref
from typing import Optional

from ..errors import ConfigurationError, StoreError
from ..text import repr_of

if sys.platform == "win32":
    import msvcrt

    # locked bytes cannot be read by others, so the lock stands far behind the pid
    _FAR_AWAY = 1 << 30

    def _seize(file: int) -> None:
        os.lseek(file, _FAR_AWAY, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)
else:
    import fcntl

    def _seize(file: int) -> None:
        # flock, not lockf: a lockf lock vanishes when any other descriptor of the file is closed in
        # this process, and does not keep a second client of the same process out.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_PID = re.compile(rb"(\d{1,20}\r?\n)?")


class ProcessLock:
    """Keeps ``path`` for one holder on this machine: neither another process nor another object of
    this one gets it.

    ``pid`` is the process that took it, or None. A child made by fork() sees its parent's pid
    there, and drops its copy of the descriptor: otherwise the lock would outlive the parent for as
    long as the child runs.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.pid: Optional[int] = None
        self._file: Optional[int] = None
        if hasattr(os, "register_at_fork"):
            lock = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: _drop(lock()))

    def check(self, subject: str) -> None:
        """ConfigurationError where a file of somebody else has the name of the lock: it would be
        written over.
        """
        check_reachable(self.path, subject)
        if os.path.exists(self.path) and not is_lock(self.path):
            raise ConfigurationError(
                f"The store {subject!r} needs a lock file {self.path!r}, and there is another file "
                "of that name, which is left as it is. Give the store another path."
            )

    def acquire(self, subject: str) -> None:
        """Take the lock for ``subject`` (what messages call it), or raise StoreError that names the
        holder. ConfigurationError where the file is somebody else's.
        """
        self.check(subject)
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as cause:
            raise StoreError(
                f"The lock {self.path!r} of {subject!r} cannot be opened: {cause.strerror}. It "
                f"must be writable for the user that runs the VEN.",
                path=subject,
            ) from cause
        try:
            _seize(file)
        except OSError as cause:
            holder = _read_pid(file)
            os.close(file)
            raise StoreError(_held_text(subject, holder), path=subject) from cause
        self._file, self.pid = file, os.getpid()
        with contextlib.suppress(OSError):  # a full disk must not keep a VEN from starting
            os.ftruncate(file, 0)
            os.write(file, b"%d\n" % self.pid)

    def release(self) -> None:
        """Let others have the lock; harmless when it is not held."""
        _drop(self)
        self.pid = None

    def is_inherited(self) -> bool:
        """Whether this is the child of a fork, and the lock its parent's."""
        return self.pid not in (None, os.getpid())


def is_lock(path: str) -> bool:
    """Whether the file ``path`` can be one of our locks: there is the pid of a holder in it, or
    nothing where the disk was full.
    """
    if not os.path.isfile(path):  # to open a FIFO would wait for its other end
        return False
    try:
        with open(path, "rb") as file:
            return _PID.fullmatch(file.read(32)) is not None
    except OSError:  # it may be locked, which only ours are: acquire() says what is wrong
        return True


def check_reachable(path: str, subject: str) -> None:
    """ConfigurationError where no file can ever be at ``path``: its name is too long, or links lead
    in a circle. ``subject`` is the store that needs it.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, PermissionError):
        return
    except OSError as cause:
        raise ConfigurationError(
            f"The store {repr_of(subject)} cannot be a file, or have {repr_of(path)} beside it: "
            f"{cause.strerror}. Give another path."
        ) from cause


def _drop(lock: Optional[ProcessLock]) -> None:
    if lock is not None and lock._file is not None:
        with contextlib.suppress(OSError):  # a fork may have come just when it was closed
            os.close(lock._file)
        lock._file = None


def _read_pid(file: int) -> Optional[int]:
    try:
        return int(os.read(file, 32))
    except (OSError, ValueError):  # not written yet
        return None


def _held_text(subject: str, holder: Optional[int]) -> str:
    elsewhere = ""
    if holder == os.getpid():
        who = "another client of this process uses it"
        elsewhere = " (in a notebook: before its variable gets another)"
    else:
        who = (
            "another process uses it"
            if holder is None
            else f"another process (pid {holder}) uses it"
        )
    return (
        f"The store {subject!r} cannot be opened: {who}. One client or one Fleet has a store for "
        f"itself: stop the other one{elsewhere}, or give this one a store of its own."
    )
