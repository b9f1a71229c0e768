"""The conformance suite of stores: what any implementation of :class:`ven_sdk.state.store.Store`
must do. Public.

Subclass :class:`StoreSuite` in a test module and say how a store is made; pytest runs the rest. It
needs nothing but the standard library and starts threads of its own, which are gone when a test
ends.

.. code-block:: python

   class TestMyStore(StoreSuite):
       def make_store(self, tmp_path):
           return MyStore(f"postgresql://localhost/test?schema={tmp_path.name}")
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

from ..errors import StoreError
from ..state.store import ChangeRow, Row, Store

AWKWARD_KEYS = (
    "",
    " ",
    "a",
    "A",
    "a ",
    " a",
    "á",
    "a\u0301",
    "'",
    '"',
    "%",
    "_",
    "\\",
    "a;--",
    "☀",
    "🔌",
    "\n",
    "\t",
    "x" * 500,
)
"""Keys that a store must tell apart, and give back as they were."""


class StoreSuite:
    """Tests that a store must pass. ``make_store`` is the only method to write; ``reopen`` can be
    replaced.

    ``tmp_path`` is pytest's fresh folder of the test: use it, or its name, to keep the tests apart.
    """

    def make_store(self, tmp_path: Path) -> Store:
        """A closed store; with the same ``tmp_path`` a second client of the same rows, where the
        store is durable.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how its store is made")

    def reopen(self, store: Store, tmp_path: Path) -> Store:
        """Close ``store`` and open it again: by another object where that finds the rows."""
        store.close()
        again = self.make_store(tmp_path) if store.durable else store
        again.open()
        return again

    @contextmanager
    def open_new(self, tmp_path: Path) -> Iterator[Store]:
        """An open store for the length of a test."""
        store = self.make_store(tmp_path)
        store.check()
        assert store.open() == (), "a new store has nothing to warn of"
        try:
            yield store
        finally:
            store.close()

    # -- rows

    def test_a_new_store_holds_nothing(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            assert store.load("ven-1") == []
            assert store.vens() == []

    def test_rows_come_back_in_the_order_in_which_they_were_first_set(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            for key in ("c", "a", "b"):
                store.commit("ven-1", [ChangeRow("events", key, "{}")])
            assert store.load("ven-1") == [
                Row("events", "c", "{}"),
                Row("events", "a", "{}"),
                Row("events", "b", "{}"),
            ]

    def test_a_row_that_is_set_again_keeps_its_place(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1"), ChangeRow("t", "b", "1")])
            store.commit("ven-1", [ChangeRow("t", "a", "2")])
            assert store.load("ven-1") == [Row("t", "a", "2"), Row("t", "b", "1")]

    def test_a_row_that_was_deleted_and_set_again_is_the_last(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1"), ChangeRow("t", "b", "1")])
            store.commit("ven-1", [ChangeRow("t", "a", None), ChangeRow("t", "a", "2")])
            assert store.load("ven-1") == [Row("t", "b", "1"), Row("t", "a", "2")]

    def test_order_continues_after_a_restart(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "z", "1"), ChangeRow("t", "y", "1")])
            again = self.reopen(store, tmp_path)
            try:
                again.commit("ven-1", [ChangeRow("t", "a", "1"), ChangeRow("t", "z", "2")])
                assert [row.key for row in again.load("ven-1")] == ["z", "y", "a"]
            finally:
                again.close()

    def test_the_changes_of_one_commit_apply_one_after_the_other(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit(
                "ven-1",
                [
                    ChangeRow("t", "a", "1"),
                    ChangeRow("t", "a", "2"),
                    ChangeRow("t", "b", "1"),
                    ChangeRow("t", "b", None),
                ],
            )
            assert store.load("ven-1") == [Row("t", "a", "2")]

    def test_to_delete_what_is_not_there_is_harmless(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", None)])
            store.commit("ven-1", [])
            assert store.load("ven-1") == []

    def test_the_same_key_in_two_tables_is_two_rows(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1"), ChangeRow("u", "a", "2")])
            store.commit("ven-1", [ChangeRow("t", "a", None)])
            assert store.load("ven-1") == [Row("u", "a", "2")]

    def test_keys_are_compared_exactly_and_come_back_as_they_were(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            for name in AWKWARD_KEYS:
                store.commit(name, [ChangeRow(name, key, json.dumps(key)) for key in AWKWARD_KEYS])
            again = self.reopen(store, tmp_path)
            try:
                assert again.vens() == sorted(AWKWARD_KEYS)
                for name in AWKWARD_KEYS:
                    assert again.load(name) == [
                        Row(name, key, json.dumps(key)) for key in AWKWARD_KEYS
                    ]
            finally:
                again.close()

    def test_values_come_back_as_they_were(self, tmp_path: Path) -> None:
        values = [
            "",
            "{}",
            "null",
            "0",
            "1.50",
            " 7 ",
            "1e400",
            "\r\n",
            "Grüße ☀ 🔌",
            "ÿ" * 300_000,
            "[" * 1_000_000,
        ]
        with self.open_new(tmp_path) as store:
            store.commit(
                "ven-1", [ChangeRow("t", str(place), value) for place, value in enumerate(values)]
            )
            assert [row.value for row in store.load("ven-1")] == values

    def test_many_rows_go_into_one_commit(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit(
                "ven-1", [ChangeRow("samples", str(number), "{}") for number in range(10_000)]
            )
            assert [row.key for row in store.load("ven-1")] == [
                str(number) for number in range(10_000)
            ]

    # -- VENs

    def test_one_ven_does_not_see_the_rows_of_another(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            store.commit("ven-2", [ChangeRow("t", "a", "2"), ChangeRow("t", "b", "2")])
            store.commit("ven-2", [ChangeRow("t", "b", None)])
            assert store.load("ven-1") == [Row("t", "a", "1")]
            assert store.load("ven-2") == [Row("t", "a", "2")]
            assert store.vens() == ["ven-1", "ven-2"]

    def test_a_forgotten_ven_leaves_the_others_alone(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            for ven in ("ven-1", "ven-2"):
                store.commit(ven, [ChangeRow("t", "a", "1"), ChangeRow("u", "a", "1")])
            store.forget("ven-1")
            store.forget("nobody")
            assert store.vens() == ["ven-2"]
            assert store.load("ven-1") == []
            assert len(store.load("ven-2")) == 2

    def test_a_ven_without_rows_is_not_listed(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            store.commit("ven-1", [ChangeRow("t", "a", None)])
            assert store.vens() == []

    # -- transactions

    def test_a_refused_commit_changes_nothing(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            bad: tuple[Any, ...] = (b"bytes", 1, {}, "\ud800", "NUL \0")
            for value in bad:
                changes = [
                    ChangeRow("t", "a", None),
                    ChangeRow("t", "b", "1"),
                    ChangeRow("t", "c", value),
                ]
                assert not _refusal(store.commit, "ven-1", changes).retryable
            assert store.load("ven-1") == [Row("t", "a", "1")]

    def test_everything_that_was_committed_is_there_after_a_restart(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.commit("ven-1", [ChangeRow("t", "a", "1"), ChangeRow("t", "b", "1")])
            store.commit("ven-1", [ChangeRow("t", "a", None), ChangeRow("u", "c", "3")])
            again = self.reopen(store, tmp_path)
            try:
                assert again.load("ven-1") == [Row("t", "b", "1"), Row("u", "c", "3")]
            finally:
                again.close()

    def test_threads_that_commit_at_the_same_time_lose_nothing(self, tmp_path: Path) -> None:
        def work(thread: int) -> None:
            for number in range(25):
                rows = [Row("t", f"{number}-{part}", str(thread)) for part in range(3)]
                store.commit(f"ven-{thread}", [ChangeRow(*row) for row in rows])
                assert store.load(f"ven-{thread}")[-3:] == rows

        with self.open_new(tmp_path) as store:
            run_together(*(lambda thread=thread: work(thread) for thread in range(8)))
            for thread in range(8):
                expected = [
                    Row("t", f"{number}-{part}", str(thread))
                    for number in range(25)
                    for part in range(3)
                ]
                assert store.load(f"ven-{thread}") == expected

    def test_a_reader_sees_whole_transactions_only(self, tmp_path: Path) -> None:
        finished = threading.Event()

        def write() -> None:
            try:
                for number in range(60):
                    store.commit("ven-1", [ChangeRow("t", key, str(number)) for key in "abc"])
            finally:
                finished.set()

        def read() -> None:
            while not finished.is_set():
                rows = store.load("ven-1")
                assert len(rows) in (0, 3)
                assert len({row.value for row in rows}) < 2, "rows of two transactions"

        with self.open_new(tmp_path) as store:
            run_together(write, read, read)

    def test_the_failure_of_one_thread_is_not_the_failure_of_the_others(
        self, tmp_path: Path
    ) -> None:
        refused: list[StoreError] = []

        def good(thread: int) -> None:
            for number in range(20):
                store.commit("ven-1", [ChangeRow("t", f"{thread}-{number}", "1")])

        def bad() -> None:
            value: Any = object()
            for _ in range(20):
                refused.append(
                    _refusal(
                        store.commit,
                        "ven-1",
                        [ChangeRow("t", "x", "1"), ChangeRow("t", "y", value)],
                    )
                )

        with self.open_new(tmp_path) as store:
            run_together(lambda: good(1), bad, lambda: good(2), bad)
            assert len(refused) == 40
            assert len(store.load("ven-1")) == 40

    # -- opening and closing

    def test_a_store_that_is_not_open_refuses_with_a_store_error(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            store.close()
            for use in (
                lambda: store.commit("ven-1", [ChangeRow("t", "a", "1")]),
                lambda: store.forget("ven-1"),
                lambda: store.load("ven-1"),
                store.vens,
            ):
                assert "not open" in str(_refusal(use))
            store.open()
            assert store.load("ven-1") == []

    def test_to_close_twice_or_before_opening_is_harmless(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.close()
        store.open()
        store.close()
        store.close()

    def test_to_open_twice_is_refused_and_the_store_works_on(self, tmp_path: Path) -> None:
        with self.open_new(tmp_path) as store:
            assert store.name in str(_refusal(store.open))
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            assert store.load("ven-1") == [Row("t", "a", "1")]

    def test_a_second_client_of_a_durable_store_is_refused_until_the_first_closed_it(
        self, tmp_path: Path
    ) -> None:
        with self.open_new(tmp_path) as store:
            if not store.durable:
                return
            second = self.make_store(tmp_path)
            second.check()
            assert "another" in str(_refusal(second.open))
            store.commit("ven-1", [ChangeRow("t", "a", "1")])
            store.close()
            second.open()
            try:
                assert second.load("ven-1") == [Row("t", "a", "1")]
            finally:
                second.close()

    def test_a_commit_under_way_is_finished_or_refused_by_close_and_never_lost(
        self, tmp_path: Path
    ) -> None:
        returned: list[str] = []

        def work(thread: int) -> None:
            for number in range(1000):
                key = f"{thread}-{number}"
                try:
                    store.commit("ven-1", [ChangeRow("t", key, "1")])
                except StoreError:  # closed
                    return
                returned.append(key)
                if len(returned) == 20:
                    store.close()

        with self.open_new(tmp_path) as store:
            run_together(lambda: work(1), lambda: work(2), lambda: work(3))
            again = self.reopen(store, tmp_path)
            try:
                assert {row.key for row in again.load("ven-1")} == set(returned)
            finally:
                again.close()


def _refusal(call: Callable[..., object], *arguments: object) -> StoreError:
    """The StoreError that the call raises."""
    try:
        call(*arguments)
    except StoreError as error:
        return error
    raise AssertionError(f"{call} accepted {arguments}")


def run_together(*works: Callable[[], object]) -> None:
    """Run each on a thread of its own until all are done; raise what the first raised."""
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,), name="store-suite") for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
