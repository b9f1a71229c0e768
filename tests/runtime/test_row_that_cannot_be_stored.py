"""A row that no store can hold is refused alone: what comes with it and after it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
    assert persistence.waiting == 0
    assert len(errors) == 1 and isinstance(errors[0], StoreError)
