"""The store in memory passes the conformance suite."""

from __future__ import annotations

from pathlib import Path

from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.store import ChangeRow, Row, Store
from ven_sdk.testing.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore()

    def test_it_says_that_it_is_not_durable(self) -> None:
        assert not MemoryStore().durable

    def test_it_keeps_its_rows_from_stop_to_start(self) -> None:
        store = MemoryStore()
        store.open()
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        store.close()
        store.open()
        assert store.load("ven-1") == [Row("t", "a", "1")]
