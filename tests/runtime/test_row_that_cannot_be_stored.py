"""Commits that fail: a row that no store can hold is refused alone, and what may have been written
though its answer was lost is deleted when it has gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from ven_sdk.errors import StoreError
from ven_sdk.runtime.clock import Clock
from ven_sdk.runtime.persistence import Persistence
from ven_sdk.state.change import Change
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.store import ChangeRow


class DurableMemory(MemoryStore):
    durable = True


class Rows(NamedTuple):
    tables: Any

    def rows_of(self, changes: Sequence[Change]) -> list[ChangeRow]:
        return [ChangeRow(*change) for change in changes]


def test_a_row_with_nul_spoils_neither_its_neighbours_nor_what_follows() -> None:
    store, errors, mended = DurableMemory(), [], []
    book: Any = Rows({"nonces": {}})
    persistence = Persistence("v", store, book, Clock(), errors.append, lambda: mended.append(1))
    persistence.open()

    persistence.commit([Change("nonces", "good", "1"), Change("nonces", "bad\0", "1")])
    persistence.commit([Change("nonces", "later", "1")])

    assert [row.key for row in store.load("v")] == ["good", "later"]
    assert persistence.unsaved_rows == 0
    assert len(errors) == 1 and isinstance(errors[0], StoreError)


class Unsure(DurableMemory):
    """Its answers get lost while ``is_away``: a commit is made, or not, and fails either way."""

    def __init__(self, writes: bool) -> None:
        super().__init__()
        self.writes, self.is_away = writes, False

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        if self.writes or not self.is_away:
            super().commit(ven, changes)
        if self.is_away:
            raise StoreError("No answer.", retryable=True, may_be_written=True)


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("tries_between", [0, 1])
def test_a_row_that_came_and_went_is_gone_though_its_commit_was_made_without_an_answer(
    writes: bool, tries_between: int
) -> None:
    store, tables = Unsure(writes), {"samples": {}}
    book: Any = Rows(tables)
    persistence = Persistence("v", store, book, Clock(), lambda error: None, lambda: None)
    persistence.open()
    store.is_away = True
    persistence.commit([Change("samples", "tried", "1")])
    tables["samples"]["tried"] = "1"
    persistence.commit([Change("samples", "waits", "1")])
    tables["samples"]["waits"] = "1"
    for _ in range(tries_between):
        persistence.save()
    persistence.commit([Change("samples", "tried", None), Change("samples", "waits", None)])
    store.is_away = False
    persistence.save()
    assert (persistence.unsaved_rows, store.load("v")) == (0, [])
