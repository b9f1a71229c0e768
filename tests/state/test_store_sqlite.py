"""The SQLite store passes the conformance suite; its file is refused, brought up to date or moved
aside rightly.
"""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.errors import ConfigurationError, StoreError
from ven_sdk.state.sqlite import SQLiteStore, file
from ven_sdk.state.store import ChangeRow, Row, Store
from ven_sdk.testing.store_suite import StoreSuite

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX permissions and file names")


class TestSQLiteStore(StoreSuite):
    def make_store(self, tmp_path: Path) -> Store:
        return SQLiteStore(tmp_path / "ven.db")


class NextStore(SQLiteStore):
    """What a later version of the SDK would be."""

    migrations = (
        *SQLiteStore.migrations,
        ("ALTER TABLE facts ADD COLUMN note TEXT", "UPDATE facts SET note = key"),
    )


@contextmanager
def opened(store: SQLiteStore) -> Iterator[SQLiteStore]:
    store.open()
    try:
        yield store
    finally:
        store.close()


def filled(path: Path, rows: int = 50) -> dict[str, list[Row]]:
    """Make a store with ``rows`` rows for each of three VENs; gives what it holds."""
    with opened(SQLiteStore(path)) as store:
        for ven in ("ven-1", "ven-2", "ven-3"):
            store.commit(
                ven,
                [ChangeRow("t", str(number), f'"{number * 7919}"' * 9) for number in range(rows)],
            )
        return {ven: store.load(ven) for ven in store.vens()}


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (number INTEGER)")


# -- where a store can be


def test_check_and_the_constructor_create_nothing(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "ven.db").check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["", ":memory:", 7, None, "a\0b"])
def test_what_is_no_path_is_refused_by_the_constructor(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path of a file"):
        SQLiteStore(path)


@pytest.mark.parametrize("method", ["check", "open"])
def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path, method: str) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        getattr(SQLiteStore(tmp_path / "missing" / "ven.db"), method)()
    with pytest.raises(ConfigurationError, match="not a file"):
        getattr(SQLiteStore(tmp_path), method)()


@posix
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() == 0,
    reason="root may write everywhere: run this as another user",
)
@pytest.mark.parametrize("which", ["folder", "file"])
def test_a_place_without_permission_to_write_is_refused(tmp_path: Path, which: str) -> None:
    path = tmp_path / "ven.db"
    path.touch()
    place = tmp_path if which == "folder" else path
    place.chmod(0o500 if which == "folder" else 0o400)
    try:
        with pytest.raises(ConfigurationError, match="permission"):
            SQLiteStore(path).check()
    finally:
        place.chmod(0o700)


@posix
def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(SQLiteStore(tmp_path / "ven.db")) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"ven.db", "ven.db-wal", "ven.db.lock"} <= set(modes)
    assert set(modes.values()) == {0o600}


@posix
def test_names_that_mean_something_to_a_shell_or_a_url_are_plain_names(tmp_path: Path) -> None:
    for name in ("a b?mode=memory#1%20.db", "büro ☀.db", "'quoted'.db"):
        expected = filled(tmp_path / name, rows=2)
        store = SQLiteStore(str(tmp_path / name))
        store.check()
        with opened(store):
            assert store.load("ven-1") == expected["ven-1"]


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "ven.db").touch()
    store = SQLiteStore(tmp_path / "ven.db")
    store.check()
    assert store.open() == ()
    store.close()


@pytest.mark.parametrize("method", ["check", "open"])
def test_the_database_of_another_application_is_refused_and_left_as_it_is(
    tmp_path: Path, method: str
) -> None:
    path = tmp_path / "invoices.db"
    other_database(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match=r"another application.*invoices"):
        getattr(SQLiteStore(path), method)()
    assert path.read_bytes() == before


# -- who has it


@posix
def test_a_second_name_of_the_file_is_the_same_store(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "ven.db")
    with (
        opened(SQLiteStore(tmp_path / "ven.db")),
        pytest.raises(StoreError, match="another client of this process"),
    ):
        SQLiteStore(tmp_path / "link.db").open()


def test_a_check_beside_an_open_store_leaves_its_locks_alone(tmp_path: Path) -> None:
    """Were the locks gone, another program that closes the file would take the log for abandoned,
    and delete it.
    """
    path = tmp_path / "ven.db"
    with opened(SQLiteStore(path)) as store:
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        SQLiteStore(path).check()
        visit = (
            "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM "
            "facts').fetchall()"
        )
        subprocess.run([sys.executable, "-c", visit, str(path)], check=True, capture_output=True)
        assert (tmp_path / "ven.db-wal").exists()


def test_a_store_that_could_not_be_opened_is_free_for_the_next(tmp_path: Path) -> None:
    filled(tmp_path / "ven.db", rows=1)
    with opened(NextStore(tmp_path / "ven.db")):
        pass
    with pytest.raises(StoreError):
        SQLiteStore(tmp_path / "ven.db").open()
    with opened(NextStore(tmp_path / "ven.db")) as store:
        assert len(store.vens()) == 3


# -- versions


def test_an_older_file_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    expected = filled(tmp_path / "ven.db")
    with opened(NextStore(tmp_path / "ven.db")) as store:
        assert {ven: store.load(ven) for ven in store.vens()} == expected
    with closing(sqlite3.connect(tmp_path / "ven.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM facts WHERE note = key").fetchone() == (
            150,
        )


@pytest.mark.parametrize("method", ["check", "open"])
def test_a_file_of_a_newer_version_is_refused_with_both_versions(
    tmp_path: Path, method: str
) -> None:
    with opened(NextStore(tmp_path / "ven.db")):
        pass
    with pytest.raises(StoreError, match=r"version 2.*versions up to 1") as caught:
        getattr(SQLiteStore(tmp_path / "ven.db"), method)()
    assert caught.value.path == str(tmp_path / "ven.db")
    assert not caught.value.retryable


# -- damage


def not_a_database(path: Path) -> None:
    path.write_bytes(b"The quick brown fox jumps over the lazy dog. " * 400)


def header_of_zeros(path: Path) -> None:
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])


def cut_in_two(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_digit_changed(path: Path) -> None:
    data = path.read_bytes()
    assert b'"7919"' in data
    path.write_bytes(data.replace(b'"7919"', b'"7909"', 1))


def no_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE facts")


def other_columns(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE facts RENAME COLUMN crc TO sum")


@pytest.mark.parametrize(
    "damage",
    [not_a_database, header_of_zeros, cut_in_two, a_digit_changed, no_tables, other_columns],
)
def test_a_damaged_file_is_moved_aside_and_the_store_starts_anew(
    tmp_path: Path, damage: Any
) -> None:
    # Given
    path = tmp_path / "ven.db"
    filled(path)
    damage(path)
    damaged = path.read_bytes()
    store = SQLiteStore(path)
    store.check()
    # When
    (warning,) = store.open()
    # Then
    (aside,) = tmp_path.glob("ven.db.damaged-????????T??????Z")
    assert aside.read_bytes() == damaged
    assert repr(str(path)) in warning
    assert repr(str(aside)) in warning
    assert store.vens() == []
    store.commit("ven-1", [ChangeRow("t", "a", "1")])
    store.close()
    assert store.open() == (), "the new file is sound"
    assert store.load("ven-1") == [Row("t", "a", "1")]
    store.close()


@pytest.mark.parametrize(
    "content",
    [b'[ven]\nname = "v"\n' * 20, b"-----BEGIN PRIVATE KEY-----\nMII\n", b"x", b"\0" * 4096],
)
def test_a_file_that_is_no_store_is_refused_and_stays_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    store = SQLiteStore(path)

    for use in (store.check, store.open, lambda: OpenADRClient("v", "http://vtn", store=path)):
        with pytest.raises(ConfigurationError, match="is no store of ven_sdk"):
            use()

    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["site.toml"]


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("CREATE TABLE notes (text)", *statements):
            connection.execute(statement)
        connection.commit()


def with_foreign_lock(path: Path) -> None:
    path.write_text("[ven]")
    Path(f"{path}.lock").write_text("[[package]]")


def with_empty_lock(path: Path) -> None:
    path.write_text("[ven]")
    Path(f"{path}.lock").touch()  # as the package filelock makes it


def encrypted_with_log(path: Path) -> None:
    path.write_bytes(bytes(range(7, 256)) * 40)
    Path(f"{path}-wal").write_bytes(b"log")


def damaged_of_another_program(path: Path) -> None:
    database(path, *(f"CREATE TABLE t{n} (a)" for n in range(40)))
    path.write_bytes(path.read_bytes()[:5000])


def empty_of_another_program(path: Path) -> None:
    database(path, "PRAGMA application_id = 7", "DROP TABLE notes")


def empty_with_our_version(path: Path) -> None:
    database(path, "PRAGMA user_version = 1", "DROP TABLE notes")


def empty_with_a_version_below_0(path: Path) -> None:
    database(path, "PRAGMA user_version = -1", "DROP TABLE notes")


def text_with_the_name_of_the_log(path: Path) -> None:
    Path(f"{path}-wal").write_text("my diary")


def text_with_the_name_of_the_journal(path: Path) -> None:
    Path(f"{path}-journal").write_text("my diary")


def text_with_the_name_of_the_index(path: Path) -> None:
    Path(f"{path}-shm").write_text("my diary")


@pytest.mark.parametrize(
    "make",
    [
        with_foreign_lock,
        with_empty_lock,
        encrypted_with_log,
        damaged_of_another_program,
        empty_of_another_program,
        empty_with_our_version,
        empty_with_a_version_below_0,
        text_with_the_name_of_the_log,
        text_with_the_name_of_the_journal,
        text_with_the_name_of_the_index,
    ],
)
def test_what_belongs_to_another_program_stays_as_it_is_whatever_stands_beside_it(
    tmp_path: Path, make: Any
) -> None:
    path = tmp_path / "theirs"
    make(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    store = SQLiteStore(path)

    for use in (store.check, store.open, lambda: OpenADRClient("v", "http://vtn", store=path)):
        with pytest.raises(ConfigurationError):
            use()

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_file_that_has_the_name_of_the_lock_is_not_written_over(tmp_path: Path) -> None:
    theirs = tmp_path / "poetry.lock"
    theirs.write_text("[[package]]")
    store = SQLiteStore(tmp_path / "poetry")

    for use in (store.check, store.open):
        with pytest.raises(ConfigurationError, match=r"poetry\.lock.*left as it is"):
            use()

    assert theirs.read_text() == "[[package]]"


def circle_of_links(path: Path) -> None:
    path.symlink_to(path)


def circle_of_links_for_the_lock(path: Path) -> None:
    circle_of_links(Path(f"{path}.lock"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def pipe_for_the_lock(path: Path) -> None:
    pipe(Path(f"{path}.lock"))


def link_to_a_device_for_the_lock(path: Path) -> None:
    Path(f"{path}.lock").symlink_to("/dev/null")


@posix
@pytest.mark.parametrize(
    "make",
    [
        circle_of_links,
        circle_of_links_for_the_lock,
        pipe,
        pipe_for_the_lock,
        link_to_a_device_for_the_lock,
    ],
)
def test_what_can_never_be_a_file_is_refused_at_once(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "ven.db")

    for method in ("check", "open"):
        with pytest.raises(ConfigurationError):
            getattr(SQLiteStore(tmp_path / "ven.db"), method)()


def test_a_name_that_leaves_no_room_for_the_files_beside_it_is_refused(tmp_path: Path) -> None:
    for length in (230, 252, 300):
        with pytest.raises(ConfigurationError, match="cannot be a file"):
            SQLiteStore(tmp_path / ("n" * length)).check()
    SQLiteStore(tmp_path / ("n" * 200)).check()


def test_what_sqlite_left_of_a_store_that_was_deleted_does_no_harm(tmp_path: Path) -> None:
    store, path = SQLiteStore(tmp_path / "ven.db"), tmp_path / "ven.db"
    store.open()
    store.commit("v", [ChangeRow("t", "a", "1")])
    left = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    store.close()
    path.unlink()
    for suffix, content in left.items():
        Path(f"{path}{suffix}").write_bytes(content)

    assert store.open() == ()
    assert store.load("v") == []
    store.close()


def test_a_database_that_has_a_table_of_our_name_by_chance_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wiki.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE facts (subject, sentence)")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(ConfigurationError, match="another application"):
        SQLiteStore(path).open()

    assert path.read_bytes() == before


def test_a_new_file_never_meets_the_log_of_the_damaged_one(tmp_path: Path) -> None:
    # Given a damaged file beside the log and the journal of better days
    path = tmp_path / "ven.db"
    with opened(SQLiteStore(path)) as store:
        store.commit("ven-1", [ChangeRow("t", "old", "1")])
        log = (tmp_path / "ven.db-wal").read_bytes()
    not_a_database(path)
    (tmp_path / "ven.db-wal").write_bytes(log[:-100])
    (tmp_path / "ven.db-journal").write_bytes(log)
    # When
    assert len(store.open()) == 1
    store.commit("ven-1", [ChangeRow("t", "new", "1")])
    store.close()
    # Then
    assert store.open() == ()
    assert store.load("ven-1") == [Row("t", "new", "1")]
    store.close()


def test_files_damaged_in_the_same_second_get_names_of_their_own(tmp_path: Path) -> None:
    filled(tmp_path / "ven.db")
    for _ in range(3):
        not_a_database(tmp_path / "ven.db")
        with opened(SQLiteStore(tmp_path / "ven.db")):
            pass
    assert len(list(tmp_path.glob("ven.db.damaged-*"))) == 3


def test_no_flipped_byte_changes_what_is_loaded_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "ven.db"
    expected = filled(path, rows=20)
    sound = path.read_bytes()
    chance = random.Random(6)
    for _ in range(100):
        place = chance.randrange(100, len(sound))  # behind the header, which holds the version
        path.write_bytes(
            sound[:place] + bytes([sound[place] ^ chance.randrange(1, 256)]) + sound[place + 1 :]
        )
        store = SQLiteStore(path)
        store.check()
        warnings = store.open()
        rows = {ven: store.load(ven) for ven in store.vens()}
        store.close()
        assert rows == ({} if warnings else expected), f"byte {place}"


def test_the_rows_of_a_large_file_are_not_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "ven.db")
    a_digit_changed(tmp_path / "ven.db")
    monkeypatch.setattr(file, "FULLY_CHECKED_SIZE", 1)
    store = SQLiteStore(tmp_path / "ven.db")
    assert store.open() == ()
    store.close()


def test_damage_that_shows_while_the_store_is_open_is_an_error_of_ours(tmp_path: Path) -> None:
    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        no_tables(tmp_path / "ven.db")
        with pytest.raises(StoreError, match="cannot be written") as caught:
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
        assert not caught.value.retryable
        assert isinstance(caught.value.__cause__, sqlite3.Error)
        with pytest.raises(StoreError, match="cannot be read"):
            store.load("ven-1")


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be deleted here")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_deleted_or_replaced_while_it_is_open_is_told_at_the_next_commit(
    replaced: bool, tmp_path: Path
) -> None:
    path = tmp_path / "ven.db"
    with opened(SQLiteStore(path)) as store:
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        if replaced:
            (tmp_path / "backup.db").write_bytes(path.read_bytes())
            (tmp_path / "backup.db").replace(path)
        else:
            path.unlink()
        with pytest.raises(StoreError, match="deleted or replaced") as caught:
            store.commit("ven-1", [ChangeRow("t", "b", "1")])
        assert caught.value.retryable


def test_a_file_system_that_counts_no_links_is_no_file_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.fstat

    def look_without_links(descriptor: int) -> os.stat_result:
        facts = list(look(descriptor))
        facts[stat.ST_NLINK] = 0
        return os.stat_result(facts)

    monkeypatch.setattr(os, "fstat", look_without_links)
    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        assert [row.key for row in store.load("ven-1")] == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be moved here")
def test_a_file_that_is_moved_while_it_is_open_has_what_is_committed(tmp_path: Path) -> None:
    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        (tmp_path / "ven.db").rename(tmp_path / "moved.db")
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        assert [row.key for row in store.load("ven-1")] == ["a"]


# -- the disk


def limit_pages(store: SQLiteStore, pages: int) -> None:
    """Make the disk full, as far as SQLite is concerned."""
    assert store._connection is not None
    store._connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_retryable_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        store.commit("ven-1", [ChangeRow("t", "a", "1")])
        limit_pages(store, 4)
        changes = [ChangeRow("t", "a", None), ChangeRow("t", "b", "x" * 50_000)]
        with pytest.raises(StoreError, match="full") as caught:
            store.commit("ven-1", changes)
        assert caught.value.retryable
        assert store.load("ven-1") == [Row("t", "a", "1")], "nothing was applied"
        limit_pages(store, 1000)
        store.commit("ven-1", changes)
        assert [row.key for row in store.load("ven-1")] == ["b"]


def test_on_a_full_disk_what_still_fits_is_written(tmp_path: Path) -> None:
    refused: list[bool] = []

    def large() -> None:
        for _ in range(20):
            try:
                store.commit("large", [ChangeRow("t", "a", "x" * 100_000)])
            except StoreError as error:
                refused.append(error.retryable)

    def small(thread: int) -> None:
        for number in range(20):
            store.commit("small", [ChangeRow("t", f"{thread}-{number}", "1")])

    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        limit_pages(store, 15)
        threads = [threading.Thread(target=large) for _ in range(2)]
        threads += [threading.Thread(target=small, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == [True] * 40
        assert len(store.load("small")) == 40
        assert store.load("large") == []


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with opened(SQLiteStore(tmp_path / "ven.db")) as store:
        assert store._connection is not None
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._connection.execute("PRAGMA synchronous").fetchone()[0] >= 2
