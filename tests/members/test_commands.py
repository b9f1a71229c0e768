"""``ven-sdk store`` and ``ven-sdk fleet``: what they say, and what a copy is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import postgresql
from tests.members.conftest import SLOTS, Crew, eventually
from ven_sdk.cli import main
from ven_sdk.state.leases import slot_of
from ven_sdk.state.postgresql import PostgreSQLStore
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow, Store

Out = pytest.CaptureFixture[str]


def fill(store: Store, vens: int = 3) -> dict[str, list[tuple[str, ...]]]:
    """Some VENs with rows; returns them."""
    store.open()
    for number in range(vens):
        rows = [
            ChangeRow(table, key, json.dumps(f"{number}")) for table in "ab" for key in "zyx☀\n"
        ]
        store.commit(f"ven-{number}", [*rows, ChangeRow("a", "x" * 4000, "1")])
        store.commit(f"ven-{number}", [ChangeRow("a", "z", None), ChangeRow("a", "z", '"last"')])
    try:
        return content(store)
    finally:
        store.close()


def content(store: Store) -> dict[str, list[tuple[str, ...]]]:
    return {ven: sorted(enumerate_by_table(store, ven)) for ven in store.vens()}


def enumerate_by_table(store: Store, ven: str) -> list[tuple[str, ...]]:
    numbers: dict[str, int] = {}
    found = []
    for row in store.load(ven):
        numbers[row.table] = numbers.get(row.table, 0) + 1
        found.append((row.table, f"{numbers[row.table]:06d}", row.key, row.value))
    return found


def opened(store: Store) -> dict[str, list[tuple[str, ...]]]:
    store.open()
    try:
        return content(store)
    finally:
        store.close()


class TestStore:
    def test_a_copy_to_postgresql_and_back_has_every_row_in_its_place(
        self, database: postgresql.Server, tmp_path: Path, capsys: Out
    ) -> None:
        url = database.url("copied")
        before = fill(SQLiteStore(tmp_path / "a.db"))
        assert main(["store", "copy", str(tmp_path / "a.db"), url]) == 0
        assert "33 rows copied" in capsys.readouterr().out
        store = PostgreSQLStore(url)
        assert opened(store) == before
        assert store.slots == 1024
        assert main(["store", "copy", url, str(tmp_path / "b.db")]) == 0
        assert opened(SQLiteStore(tmp_path / "b.db")) == before

    def test_a_copy_into_a_store_that_holds_something_is_refused(
        self, database: postgresql.Server, tmp_path: Path, capsys: Out
    ) -> None:
        fill(SQLiteStore(tmp_path / "a.db"))
        fill(PostgreSQLStore(database.url("full")))
        assert main(["store", "copy", str(tmp_path / "a.db"), database.url("full")]) == 1
        assert "empty one" in capsys.readouterr().err

    @pytest.mark.parametrize("action", ["check", "copy"])
    def test_what_is_not_there_is_not_made(
        self, database: postgresql.Server, tmp_path: Path, capsys: Out, action: str
    ) -> None:
        target = [str(tmp_path / "to.db")] if action == "copy" else []
        assert main(["store", action, str(tmp_path / "no.db"), *target]) == 2
        assert main(["store", action, database.url("no"), *target]) in (1, 2)
        assert not (tmp_path / "no.db").exists()
        assert main(["store", "check", database.url("no")]) == 1
        assert "holds no store yet" in capsys.readouterr().err

    def test_check_says_what_is_there_and_changes_nothing(
        self, database: postgresql.Server, tmp_path: Path, capsys: Out
    ) -> None:
        fill(SQLiteStore(tmp_path / "a.db"))
        data = (tmp_path / "a.db").read_bytes()
        assert main(["store", "check", str(tmp_path / "a.db")]) == 0
        assert "3 VENs, 33 rows" in capsys.readouterr().out
        assert (tmp_path / "a.db").read_bytes() == data
        (tmp_path / "a.db").write_bytes(data[:5000] + bytes(2000) + data[7000:])
        assert main(["store", "check", str(tmp_path / "a.db")]) == 1
        assert "damaged" in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.glob("a.db*")) == ["a.db", "a.db.lock"]

    def test_check_says_when_a_store_is_in_use(self, tmp_path: Path, capsys: Out) -> None:
        store = SQLiteStore(tmp_path / "a.db")
        store.open()
        try:
            assert main(["store", "check", str(tmp_path / "a.db")]) == 1
            assert "another" in capsys.readouterr().err
        finally:
            store.close()

    def test_migrate_makes_a_store_for_a_fleet(
        self, database: postgresql.Server, capsys: Out
    ) -> None:
        assert main(["store", "migrate", database.url("made")]) == 0
        assert "version 0 before, 1 now" in capsys.readouterr().out
        assert main(["store", "check", database.url("made")]) == 0
        assert "1024 slots, 0 owned; 0 members live" in capsys.readouterr().out


class TestFleet:
    def test_status_who_and_drain_tell_and_do_what_they_say(
        self, crew: Crew, capsys: Out, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VEN_STORE", crew.url)
        crew.put(12)
        crew.member("a")
        crew.member("b")
        where = crew.all_run(12, members=2)
        assert main(["fleet", "status"]) == 0
        out = capsys.readouterr().out
        assert f"{SLOTS} slots, 0 without an owner" in out
        assert main(["fleet", "who", "ven-3"]) == 0
        assert (
            f"ven-3 is in slot {slot_of('ven-3', SLOTS)}, which {where['ven-3']} has"
            in capsys.readouterr().out
        )
        assert main(["fleet", "who", "nobody"]) == 1
        assert "no rows there yet" in capsys.readouterr().out
        assert main(["fleet", "drain", "b"]) == 0
        eventually(lambda: crew.members["b"].status.vens == 0, "b gave all away")
        assert main(["fleet", "drain", "b", "--undo"]) == 0
        crew.all_run(12, members=2)
        assert main(["fleet", "drain", "c"]) == 1
        assert "There are: a, b" in capsys.readouterr().err

    def test_status_as_json_counts_slots_without_an_owner(self, crew: Crew, capsys: Out) -> None:
        crew.put(3)
        a = crew.member("a")
        crew.all_run(3)
        assert main(["fleet", "status", "--store", crew.url, "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["members"]
        assert (row["name"], row["state"], row["slots"]) == ("a", "alive", SLOTS)
        a.stop()
        assert main(["fleet", "status", "--store", crew.url, "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["free"] == SLOTS

    def test_a_store_without_members_and_no_store_at_all_are_told_apart(
        self, database: postgresql.Server, tmp_path: Path, capsys: Out
    ) -> None:
        assert main(["fleet", "status", "--store", database.url("empty")]) == 2
        assert "no member was ever started" in capsys.readouterr().err
        assert main(["fleet", "status", "--store", str(tmp_path / "a.db")]) == 2
        assert "postgresql://" in capsys.readouterr().err
