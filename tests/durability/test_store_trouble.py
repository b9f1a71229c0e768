"""A client whose store is full, damaged, too new, or taken: it runs on where it can, and says what
is the matter.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.durability.conftest import EACH_SECOND, hasty_ven
from ven_sdk import OpenADRClient, StoreError
from ven_sdk.runtime.persistence import Persistence
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.testing import LocalVTN


@pytest.fixture
def local() -> Iterator[LocalVTN]:
    with LocalVTN(ask_for_reports=EACH_SECOND) as vtn:
        yield vtn


class SmallDisk(SQLiteStore):
    """Has no more room while ``full``, by SQLite's own measure."""

    full = False
    tries = 0

    def commit(self, ven: str, changes: Any) -> None:
        connection = self._require_open()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages if self.full else 1_000_000}")
        self.tries += 1
        filler = [(ven, "filler", f"{self.tries}", "x" * 9000)] if self.full else []
        super().commit(
            ven,
            [*changes, *(type(changes[0])(table, key, value) for _, table, key, value in filler)],
        )


def test_a_ven_with_a_full_disk_runs_on_in_memory_says_so_and_catches_up(
    local: LocalVTN,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Persistence, "retry", 0.2)
    store, errors = SmallDisk(tmp_path / "ven.db"), []
    with hasty_ven(local.url, tmp_path, store=store) as ven:
        ven.add_handler("on_error", errors.append)
        ven.start(wait=5)
        # When there is no more room
        store.full = True
        first = local.add_event(event_id="first", dtstart=3600)
        local.wait_for_opt(first, "optIn")
        local.wait_for_samples(2)
        # Then it runs on, and says so once
        local.wait_until(lambda: errors and ven.status.queues["unsaved"], 5, "the error")
        assert isinstance(errors[0], StoreError)
        assert errors[0].retryable
        assert any("could not be written" in problem for problem in ven.health().problems)
        assert (
            len(
                [
                    record
                    for record in caplog.records
                    if record.getMessage().endswith("when it can.")
                ]
            )
            == 1
        )
        # And when there is room again, everything is written
        store.full = False
        local.wait_until(lambda: not ven.status.queues["unsaved"], 5, "the store to catch up")
        assert ven.health().ok, ven.health().problems
    again: list[str] = []
    with hasty_ven(local.url, tmp_path) as ven:
        ven.add_handler("on_event", lambda event: again.append(event.event_id) or "optIn")
        ven.start(wait=5)
        local.wait_for_polls(local.ven().polls + 2)
        assert again == []
        assert [event.event_id for event in ven.events] == ["first"]
        local.wait_for_samples(len(local.samples) + 1)
    local.assert_no_doubles()


class Foreign(SQLiteStore):
    """A store of somebody else's, that raises what its library does."""

    error: "Exception | None" = None

    def commit(self, ven: str, changes: Any) -> None:
        if self.error is not None:
            raise self.error
        super().commit(ven, changes)


@pytest.mark.parametrize("error", [OSError(5, "device"), ValueError("x\ny"), KeyError("k")])
def test_whatever_a_store_raises_the_ven_runs_on_says_so_and_catches_up(
    error: Exception, local: LocalVTN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Persistence, "retry", 0.2)
    store, errors = Foreign(tmp_path / "ven.db"), []
    with hasty_ven(local.url, tmp_path, store=store) as ven:
        ven.add_handler("on_error", errors.append)
        ven.start(wait=5)
        store.error = error
        first = local.add_event(event_id="first", dtstart=3600)
        local.wait_for_opt(first, "optIn")
        local.wait_until(lambda: errors, 5, "the error")
        assert isinstance(errors[0], StoreError) and type(error).__name__ in str(errors[0])
        store.error = None
        local.wait_until(lambda: not ven.status.queues["unsaved"], 5, "the store to catch up")
        assert len(errors) == 1


@pytest.mark.parametrize("method", ["open", "load"])
def test_what_a_store_raises_at_the_start_is_an_error_of_ours(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "ven.db")

    def fail(*_: Any) -> Any:
        raise OSError(5, "device")

    setattr(store, method, fail)
    with pytest.raises(StoreError, match="device"):
        OpenADRClient("v", "http://127.0.0.1:9", store=store).start()


def test_what_comes_and_goes_while_the_disk_is_full_takes_no_memory(
    local: LocalVTN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Persistence, "retry", 0.1)
    store = SmallDisk(tmp_path / "ven.db")
    with hasty_ven(local.url, tmp_path, store=store) as ven:
        ven.start(wait=5)
        store.full = True
        for number in range(30):
            event = local.add_event(event_id=f"e{number}", dtstart=3600)
            local.wait_for_opt(event, "optIn")
            local.drop_event(event)
        local.wait_until(lambda: not ven.events, 5, "the last event to go")
        before = store.tries
        assert ven.status.queues["unsaved"] < 12
        local.wait_until(lambda: store.tries >= before + 4, 5, "four more tries")
        assert len(ven._engine.scheduler._monotonic.rows) < 20


def test_a_damaged_store_is_moved_aside_with_an_error_that_names_both_files(
    local: LocalVTN, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, errors = tmp_path / "ven.db", []
    store = SQLiteStore(path)
    store.open()
    store.close()
    path.write_bytes(path.read_bytes()[:100] + b"\x13" * 5000)
    with hasty_ven(local.url, tmp_path) as ven:
        ven.add_handler("on_error", errors.append)
        ven.start(wait=5)
        local.wait_until(lambda: errors, 5, "on_error")
    (aside,) = [
        name
        for name in os.listdir(tmp_path)
        if "damaged" in name and "-wal" not in name and "-shm" not in name
    ]
    text = str(errors[0])
    assert str(path) in text
    assert aside in text
    assert [record.levelno for record in caplog.records if aside in record.getMessage()] == [
        logging.ERROR
    ]
    assert (tmp_path / aside).read_bytes()[120:130] == b"\x13" * 10


def test_a_store_with_a_hard_link_is_told_that_its_lock_does_not_cover(
    local: LocalVTN, tmp_path: Path
) -> None:
    path, errors = tmp_path / "ven.db", []
    store = SQLiteStore(path)
    store.open()
    store.close()
    os.link(path, tmp_path / "backup.db")
    with hasty_ven(local.url, tmp_path) as ven:
        ven.add_handler("on_error", errors.append)
        ven.start(wait=5)
        local.wait_until(lambda: errors, 5, "on_error")
    assert "hard link" in str(errors[0]) and str(path) in str(errors[0])


def test_a_row_that_cannot_be_read_is_left_out_and_told(local: LocalVTN, tmp_path: Path) -> None:
    with hasty_ven(local.url, tmp_path) as ven:
        ven.start(wait=5)
    store = SQLiteStore(tmp_path / "ven.db")
    store.open()
    store.commit("ven1", [type(store.load("ven1")[0])("events", "e1", json.dumps({"event": 3}))])
    store.close()
    errors: list[Any] = []
    with hasty_ven(local.url, tmp_path) as ven:
        ven.add_handler("on_error", errors.append)
        ven.start(wait=5)
        local.wait_until(lambda: errors, 5, "on_error")
    assert "'e1'" in str(errors[0])


def test_a_store_of_a_newer_version_is_refused_by_the_constructor(
    local: LocalVTN, tmp_path: Path
) -> None:
    with hasty_ven(local.url, tmp_path) as ven:
        ven.start(wait=5)
    connection = sqlite3.connect(tmp_path / "ven.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="99"):
        OpenADRClient("ven1", local.url, store=tmp_path / "ven.db")


HOLDER = """
import sys, threading
from ven_sdk import OpenADRClient
client = OpenADRClient("ven1", sys.argv[1], store=sys.argv[2])
client.start(wait=10)
print("started", flush=True)
sys.stdin.read()
"""


def test_the_second_process_is_told_so_by_start_and_can_start_when_the_first_has_gone(
    local: LocalVTN, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDER, local.url, str(tmp_path / "ven.db")],
        env=clean_env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "started\n"
        second = OpenADRClient("ven1", local.url, store=tmp_path / "ven.db")
        with pytest.raises(StoreError, match=rf"pid {first.pid}"):
            second.start()
        assert second.status.state == "stopped"
    finally:
        first.kill()
        first.communicate()
    second.start(wait=5)
    second.stop()


def test_two_clients_of_one_process_cannot_have_one_store(local: LocalVTN, tmp_path: Path) -> None:
    with hasty_ven(local.url, tmp_path) as ven:
        ven.start(wait=5)
        other = OpenADRClient("ven2", local.url, store=tmp_path / "ven.db")
        with pytest.raises(StoreError, match="another client of this process"):
            other.start()
        assert ven.status.state == "registered"
