"""The store on PostgreSQL passes the conformance suite, and bears what databases do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import postgresql
from tests.shared import examples
from ven_sdk import ConfigurationError, StoreError
from ven_sdk.state.group_commit import Ticket
from ven_sdk.state.leases import Member
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.postgresql import PostgreSQLStore, link
from ven_sdk.state.postgresql.batch import Work
from ven_sdk.state.postgresql.schema import MIGRATIONS
from ven_sdk.state.store import ChangeRow, Row
from ven_sdk.testing.leased_store_suite import LeasedStoreSuite, run_together


class TestConformance(LeasedStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, postgresql_server: postgresql.Server) -> None:
        self.server = postgresql_server

    def make_store(self, tmp_path: Path) -> PostgreSQLStore:
        schema = "s" + re.sub(r"\W", "_", str(tmp_path)[-30:]).lower()
        return PostgreSQLStore(self.server.url(schema), lease=15.0)  # answers may take 5 s


@pytest.fixture
def server() -> Iterator[postgresql.Server]:
    """A server of this test's own, which it may kill."""
    with postgresql.running_server() as own:
        yield own


CHANGE = [ChangeRow("t", "a", "1")]


def until_written(store: PostgreSQLStore, changes: list[ChangeRow]) -> None:
    """Commit as a VEN does that waits between attempts."""
    deadline = time.monotonic() + 30
    while True:
        try:
            store.commit("ven-1", changes)
            return
        except StoreError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.long
class TestTrouble:
    def test_a_database_killed_and_started_again_has_all_that_was_committed(
        self, server: postgresql.Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = PostgreSQLStore(server.url(), lease=1.5)
        store.open()
        try:
            store.commit("ven-1", CHANGE)
            server.kill()
            with pytest.raises(StoreError, match="cannot be reached") as raised:
                store.commit("ven-1", [ChangeRow("t", "b", "2")])
            assert raised.value.retryable
            started = time.monotonic()
            for _ in range(100):
                with pytest.raises(StoreError):
                    store.commit("ven-1", [ChangeRow("t", "b", "2")])
            assert time.monotonic() - started < 2, "a database away is waited for by nobody"
            server.start()
            until_written(store, [ChangeRow("t", "c", "3")])
            assert [row.key for row in store.load("ven-1")] == ["a", "c"]
            assert not [record for record in caplog.records if record.name.startswith("psycopg")]
        finally:
            store.close()

    def test_a_database_that_hangs_fails_in_time_and_writes_nothing_old_afterwards(
        self, server: postgresql.Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link, "ANSWER_SECONDS", 1.0)
        store = PostgreSQLStore(server.url(), lease=60)
        store.open()
        try:
            store.commit("ven-1", CHANGE)
            server.suspend()
            started = time.monotonic()
            with pytest.raises(StoreError) as raised:
                store.commit("ven-1", [ChangeRow("t", "a", "old")])
            assert raised.value.retryable
            assert time.monotonic() - started < 10
            server.resume()
            store.renew()
            until_written(store, [ChangeRow("t", "a", "new")])
            time.sleep(0.3)
            assert store.load("ven-1") == [Row("t", "a", "new")]
        finally:
            store.close()

    def test_connections_that_an_operator_ends_are_made_anew(
        self, server: postgresql.Server
    ) -> None:
        store = PostgreSQLStore(server.url(), lease=60)
        store.open()
        try:
            import psycopg

            with psycopg.connect(server.url().partition("?")[0], autocommit=True) as operator:
                operator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
            store.commit("ven-1", CHANGE)
            assert store.load("ven-1") == [Row("t", "a", "1")]
        finally:
            store.close()

    def test_without_its_database_a_store_does_not_open_and_is_not_begun_without(
        self, server: postgresql.Server
    ) -> None:
        store = PostgreSQLStore(server.url())
        server.kill()
        store.check()
        with pytest.raises(StoreError, match="cannot be reached") as raised:
            store.open()
        assert not raised.value.retryable

    def test_an_owner_that_cannot_renew_sends_no_more_and_goes_on_when_it_can(
        self, server: postgresql.Server
    ) -> None:
        store = PostgreSQLStore(server.url(), lease=1.5)
        store.open()
        try:
            assert store.holds("ven-1")
            server.kill()
            time.sleep(1.1)
            assert not store.holds("ven-1")
            server.start()
            until_written(store, CHANGE)
            deadline = time.monotonic() + 10
            while not store.holds("ven-1"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            store.close()


class TestAddresses:
    @pytest.mark.parametrize(
        ("end", "text"),
        [
            ("/nowhere", "nowhere"),
            ("/postgres?schema=A;b", "schema"),
            ("/postgres?no_such_option=1", "not understood"),
            ("/postgres?schema=pg_catalog", "not a store"),
        ],
    )
    def test_a_wrong_address_is_refused_when_the_store_is_named(
        self, postgresql_server: postgresql.Server, end: str, text: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=text):
            PostgreSQLStore(f"postgresql://ven@127.0.0.1:{postgresql_server.port}{end}").check()

    def test_no_password_is_in_what_messages_call_the_store(self) -> None:
        pytest.importorskip("psycopg")
        store = PostgreSQLStore("postgresql://me:secret@127.0.0.1/db?password=other&schema=a")
        assert store.name == "postgresql://me@127.0.0.1/db?schema=a"

    def test_a_store_of_a_newer_version_is_refused(
        self, postgresql_server: postgresql.Server
    ) -> None:
        url = postgresql_server.url("newer")
        store = PostgreSQLStore(url)
        store.open()
        store.close()
        store._database.migrations = (*MIGRATIONS, ("SELECT 1",))
        store.open()
        store.close()
        with pytest.raises(StoreError, match="version 2"):
            PostgreSQLStore(url).check()

    def test_members_that_start_at_once_make_the_store_once(
        self, postgresql_server: postgresql.Server
    ) -> None:
        stores = [PostgreSQLStore(postgresql_server.url("at_once")) for _ in range(4)]
        for number, store in enumerate(stores):
            store.join(Member(f"{number}", f"{number}"), 15.0, 16)
        run_together(*(store.open for store in stores))
        for store in stores:
            assert store.slots == 16
            store.close()


KEYS = st.sampled_from(["a", "b", "c", "x" * 3000, "y" * 3000])
CHANGES = st.lists(
    st.builds(ChangeRow, st.sampled_from("tu"), KEYS, st.none() | st.sampled_from("123")),
    max_size=8,
)


class TestModel:
    @examples(25)
    @given(commits=st.lists(st.tuples(st.sampled_from(["ven-1", "ven-2"]), CHANGES), max_size=6))
    def test_any_batch_leaves_what_one_commit_after_the_other_leaves(
        self, postgresql_server: postgresql.Server, commits: list[tuple[str, list[ChangeRow]]]
    ) -> None:
        store, model = PostgreSQLStore(postgresql_server.url("model")), MemoryStore()
        store.open()
        model.open()
        try:
            for ven in ("ven-1", "ven-2"):
                store.forget(ven)
            for ven, changes in commits:
                model.commit(ven, changes)
            tickets = [
                Ticket(Work(store.slot(ven), ven, tuple(changes))) for ven, changes in commits
            ]
            store._write(tickets)
            assert [ticket.error for ticket in tickets] == [None] * len(tickets)
            for ven in ("ven-1", "ven-2"):
                assert store.load(ven) == model.load(ven)
        finally:
            store.close()


LEFT_OPEN = """
import gc, os, sys
from ven_sdk.state.postgresql import PostgreSQLStore
from ven_sdk.state.store import ChangeRow
store = PostgreSQLStore(sys.argv[1], lease=30)
store.open()
child = os.fork()
if child == 0:
    del store
    gc.collect()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
store.commit("ven-1", [ChangeRow("t", "a", "1")])
assert store.load("ven-1")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork()")
def test_an_exit_without_close_and_a_fork_are_quiet_and_leave_the_connections_alone(
    postgresql_server: postgresql.Server,
) -> None:
    quiet = ("-X", "dev", "-W", "ignore::DeprecationWarning")
    done = subprocess.run(
        [sys.executable, *quiet, "-c", LEFT_OPEN, postgresql_server.url("left_open")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
