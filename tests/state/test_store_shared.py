"""A shared store is open as long as one of its users has it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from ven_sdk.errors import StoreError
from ven_sdk.state.shared_store import SharedStore
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow, Row


def test_the_last_user_closes_it(tmp_path: Path) -> None:
    store, other = SharedStore(SQLiteStore(tmp_path / "a.db")), SQLiteStore(tmp_path / "a.db")
    store.check()
    store.open()
    store.open()
    store.commit("ven", [ChangeRow("events", "e", "1")])
    store.close()

    assert store.load("ven") == [Row("events", "e", "1")]
    assert (store.vens(), store.durable, store.name) == (["ven"], True, other.name)
    with pytest.raises(StoreError):
        other.open()
    store.close()
    other.open()
    other.close()


def test_a_store_that_does_not_open_has_no_user(tmp_path: Path) -> None:
    store, other = SharedStore(SQLiteStore(tmp_path / "a.db")), SQLiteStore(tmp_path / "a.db")
    other.open()
    with pytest.raises(StoreError):
        store.open()
    other.close()

    store.open()
    store.forget("nobody")
    store.close()
    other.open()
    other.close()
