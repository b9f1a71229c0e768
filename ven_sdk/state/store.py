"""The interface of what a VEN remembers: rows of text, committed in transactions. Implementations
are next to it.

A store knows nothing of the rows: ``state/book.py`` makes them and reads them. Any thread may call
a store; one store serves many VENs, and one VEN never sees the rows of another.
``ven_sdk.testing.store_suite`` tests an implementation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Callable, NamedTuple, Optional

from ..errors import LeaseLostError, StoreError, VenError
from ..text import class_name, is_unicode, text_of


class Row(NamedTuple):
    """One remembered fact: ``value`` is JSON text, ``key`` is unique within the table of a VEN."""

    table: str
    key: str
    value: str


class ChangeRow(NamedTuple):
    """One row to set, or to delete where ``value`` is None."""

    table: str
    key: str
    value: Optional[str]


class Store(ABC):
    """Remembers rows for many VENs. A new store is closed: ``check()``, ``open()``, use,
    ``close()``, ``open()`` again.

    Keys and values are text without NUL characters and lone surrogates, compared exactly: capitals,
    blanks at the end and composed characters make different keys. Errors are
    :class:`~ven_sdk.errors.StoreError`, or :class:`~ven_sdk.errors.ConfigurationError` where the
    store was described wrongly; those of the library underneath are their ``__cause__``.
    """

    durable: bool
    """True where rows survive the process and a loss of power."""
    name: str
    """What messages call the store: its path or address, without secrets."""
    is_leased: bool = False
    """True where rows may have another owner: see ``state/leases.py``. Files and memory have one
    owner, who keeps them."""

    transit: float = 60.0
    """Seconds for which a message that ``holds()`` allowed may be under way."""

    def holds(self, ven: str) -> bool:
        """Whether this owner may act for ``ven`` at this moment. False: send nothing for it."""
        return True

    def watch_lease(self, lost: Callable[[LeaseLostError], None]) -> None:  # noqa: B027
        """Call ``lost(error)``, on a thread of the store, when another has become the owner of all
        that this one had. A file's owner keeps it: nothing is ever called.
        """

    @abstractmethod
    def check(self) -> None:
        """Look whether the store can be opened: called by constructors. It locks, creates and
        changes nothing.

        Raises ConfigurationError where the place is wrong (no such folder, no permission, not a
        store) and StoreError where a newer version wrote it. A damaged store passes: ``open()``
        puts it aside.
        """

    @abstractmethod
    def open(self) -> tuple[str, ...]:
        """Take the store for this client alone and make it ready.

        Returns what the user must be told (a damaged store was put aside): to be logged as errors.
        Raises StoreError when another client or process has it, when a newer version wrote it (both
        versions are named), and when the disk fails; and whatever ``check()`` raises.
        """

    @abstractmethod
    def close(self) -> None:
        """Let others have the store. Waits for commits under way; twice is harmless; no commit is
        lost by it.
        """

    @abstractmethod
    def load(self, ven: str) -> list[Row]:
        """The rows of the VEN ``ven``. Within a table they stand in the order in which they were
        first set.

        Setting a row again leaves it in its place; one that was deleted and set again is the last.
        """

    @abstractmethod
    def vens(self) -> list[str]:
        """The VENs of which there are rows, sorted."""

    @abstractmethod
    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        """Apply the ``changes`` to rows of ``ven``, in order, in one transaction: all of them are
        durable when this returns.

        Raises StoreError with nothing applied, unless it says ``may_be_written``; its ``retryable``
        is True where the same commit can succeed later (disk full, read or write error). Threads
        that call at the same time may share one write to the disk; the failure of one is not the
        failure of the others.
        """

    @abstractmethod
    def forget(self, ven: str) -> None:
        """Delete every row of ``ven``, in one transaction. An unknown one is harmless. Raises as
        ``commit()`` does.
        """


def check_changes(store: Store, ven: str, changes: Sequence[ChangeRow]) -> tuple[ChangeRow, ...]:
    """The changes, when all of them can be stored; otherwise StoreError. For implementations,
    before they begin.
    """
    _check_text(store, ven)
    rows = tuple(ChangeRow(*change) for change in changes)
    for table, key, value in rows:
        _check_text(store, table)
        _check_text(store, key)
        if value is not None:
            _check_text(store, value)
    return rows


def store_error(store: Store, cause: Exception) -> StoreError:
    """``cause`` as a StoreError: a store of somebody else's may raise anything, and what fails may
    work later.
    """
    if isinstance(cause, StoreError):
        return cause
    ours = isinstance(cause, VenError)
    what = str(cause) if ours else f"{class_name(cause)}: {text_of(cause)}"
    error = StoreError(f"The store {store.name!r} failed: {what}", path=store.name, retryable=True)
    error.__cause__ = cause
    return error


def not_open(store: Store) -> StoreError:
    """What to raise when a closed store is used."""
    return StoreError(f"The store {store.name!r} is not open. Call open() first.", path=store.name)


def already_open(store: Store) -> StoreError:
    """What to raise when an open store is opened."""
    return StoreError(f"The store {store.name!r} is open already, by this client.", path=store.name)


def _check_text(store: Store, text: object) -> None:
    if not isinstance(text, str):
        raise StoreError(
            f"A store keeps text, not {type(text).__name__}: {text!r:.80}.", path=store.name
        )
    if "\0" in text or not (text.isascii() or is_unicode(text)):
        raise StoreError(
            f"Text with NUL or lone surrogates cannot be stored: {text!r:.80}.", path=store.name
        )
