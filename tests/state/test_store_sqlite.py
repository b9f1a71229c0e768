"""The SQLite store passes the conformance suite."""
from pathlib import Path

from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import Store
from ven_sdk.testing.store_suite import StoreSuite


class TestSQLiteStore(StoreSuite):
    def make_store(self, tmp_path: Path) -> Store:
        return SQLiteStore(tmp_path / "ven.db")
