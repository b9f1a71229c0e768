"""What stands between a VEN's book and its store: one transaction for each step, and what to do
when the disk fails.

With a failing disk changes wait in memory, and go out when there is room again. What changes
something here is called under the lock of the transactions; any thread may look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Callable

from ..errors import LeaseLostError, StoreError, VenError
from ..state.book import Book
from ..state.change import Change
from ..state.store import ChangeRow, Row, Store, check_changes, store_error
from .clock import Clock

Place = tuple[str, str]
LEASED_RETRY = 2.0


class Persistence:
    """Writes the changes of the VEN ``name`` to ``store``.

    ``failed(error)`` is called when they could not be written, ``mended()`` when all that waited
    has been. ``retry`` is how many seconds pass between attempts. ``is_lost``: another owner may
    have the rows, so that nothing is written any more; nor where ``is_detached``, since the VEN was
    taken out.
    """

    retry: float = 30.0

    __slots__ = (
        "_book",
        "_clock",
        "_failed",
        "_failed_at",
        "_is_open",
        "_mended",
        "_name",
        "_unknown",
        "_waiting",
        "is_detached",
        "is_lost",
        "store",
    )

    def __init__(
        self,
        name: str,
        store: Store,
        book: Book,
        clock: Clock,
        failed: Callable[[StoreError], None],
        mended: Callable[[], None],
    ) -> None:
        self.store: Store = store
        self._name, self._book, self._clock, self._failed, self._mended = (
            name,
            book,
            clock,
            failed,
            mended,
        )
        self._waiting: dict[Place, ChangeRow] = {}
        self._unknown: set[Place] = set()  # those of them that the store certainly never had
        self._failed_at = 0.0
        self._is_open = False
        self.is_detached: bool = False
        self.is_lost: bool = False

    @property
    def pause(self) -> float:
        """Seconds between attempts. Short where another may take the rows over, since what is not
        written then is lost.
        """
        return min(self.retry, LEASED_RETRY) if self.store.is_leased else self.retry

    @property
    def unsaved_rows(self) -> int:
        """Rows that stand in memory only because the store failed."""
        return len(self._waiting)

    @property
    def is_open(self) -> bool:
        """Whether the store was there when it was last needed."""
        return self._is_open

    def may_act(self) -> bool:
        """Whether no other owner of the store can be running this VEN, or would begin without
        something that was done: what waits to be written comes first.
        """
        if not self.store.is_leased:
            return True
        return not (self.is_lost or self._waiting) and self.store.holds(self._name)

    def sending_time(self) -> float:
        """For how many seconds a message that is sent now may be under way; 0: send none."""
        return self.store.transit if self.may_act() else 0.0

    def open(self) -> tuple[str, ...]:
        """Lock the store; texts for the operator come back. A disk without room is no reason not to
        run: the VEN begins in memory then, and writes when it can. Harmless where it is open.
        """
        if self._is_open:
            return ()
        try:
            texts = self.store.open()
        except VenError as error:
            if not (isinstance(error, StoreError) and error.retryable):
                raise
            self._is_open = False
            self._defer((), error)
            return ()
        except Exception as cause:
            raise store_error(self.store, cause) from cause
        self._is_open, self.is_lost = True, False
        return texts

    def load(self) -> Sequence[Row]:
        """The rows that the store holds. StoreError where they cannot be read."""
        try:
            return self.store.load(self._name)
        except VenError:
            raise
        except Exception as cause:
            raise store_error(self.store, cause) from cause

    def close(self) -> None:
        """Let others have the store. What a handler returns after this is written all the same, if
        that can be.
        """
        if self._is_open:
            self._is_open = False
            self.store.close()

    def commit(self, changes: Sequence[Change], *, late: bool = False) -> None:
        """Write ``changes`` in one transaction, and what waited before them. ``late``: a store that
        is opened for it is closed again.
        """
        if not self.store.durable or self.is_lost or self.is_detached:
            return
        rows = self._book.rows_of(changes)
        if self._waiting:
            self._remember(rows)
            if self._clock.monotonic() - self._failed_at < self.pause:
                return
            rows = list(self._waiting.values())
        if rows:
            self._write(rows, late)

    def _write(self, rows: list[ChangeRow], late: bool) -> None:
        try:
            if not self._is_open:
                self.store.open()
                self._is_open = True
            else:
                late = False
            self.store.commit(self._name, rows)
            if late:
                self.close()
        except LeaseLostError as error:
            self.lose(error)
            return
        except Exception as cause:
            trouble = store_error(self.store, cause)
            sound = rows if trouble.retryable else self._storable(rows)
            if len(sound) < len(rows):
                self._leave_out(rows, sound, trouble, late)
            else:
                self._defer(rows, trouble)
            return
        if self._waiting:
            self._waiting.clear()
            self._unknown.clear()
            self._mended()

    def _storable(self, rows: Iterable[ChangeRow]) -> list[ChangeRow]:
        """Those of ``rows`` that a store can hold: each is looked at alone."""
        sound: list[ChangeRow] = []
        for row in rows:
            with contextlib.suppress(StoreError):
                sound += check_changes(self.store, self._name, (row,))
        return sound

    def _leave_out(
        self, rows: list[ChangeRow], sound: list[ChangeRow], error: StoreError, late: bool
    ) -> None:
        """What no store can hold stays in memory only, and spoils nothing else."""
        for row in rows:
            if row not in sound:
                self._waiting.pop((row.table, row.key), None)
        self._failed(error)
        if sound:
            self._write(sound, late)

    def _defer(self, rows: Iterable[ChangeRow], error: StoreError) -> None:
        if not self._waiting:
            self._remember(rows)
        if error.may_be_written:
            self._unknown.clear()
        self._failed_at = self._clock.monotonic()
        self._failed(error)

    def _remember(self, rows: Iterable[ChangeRow]) -> None:
        """Keep rows until they can be written. What came and went meanwhile leaves nothing: the
        disk may be full for weeks. What may have been written all the same is deleted as well: a
        sample that went out would go out again.
        """
        for row in rows:
            place = row.table, row.key
            if row.value is None and place in self._unknown:
                del self._waiting[place]
                self._unknown.discard(place)
                continue
            if place not in self._waiting and row.key not in self._book.tables[row.table]:
                self._unknown.add(place)
            self._waiting[place] = row

    def lose(self, error: LeaseLostError) -> None:
        """Another is the owner of the rows: it does what is due, and nothing is written here."""
        if not self.is_lost:
            self.is_lost = True
            self._waiting.clear()
            self._failed(error)

    def detach(self) -> None:
        """Write nothing more: the rows belong to somebody else, or to nobody."""
        self.is_detached = True

    def save(self, *, late: bool = False) -> None:
        """Try now to write what could not be written."""
        if self._waiting:
            self._failed_at = float("-inf")
            self.commit((), late=late)
