"""The conformance suite of stores that several owners share: slots, leases, fencing. Public.

Subclass :class:`LeasedStoreSuite` as ``StoreSuite``, whose tests it has as well. Leases of less
than a second make it quick; a machine that stops for so long may fail it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable

from ..errors import LeaseLostError, StoreError
from ..state.leases import LeasedStore, Member, SiteRow, Taking, slot_of
from ..state.store import ChangeRow, Row
from .store_suite import StoreSuite, run_together

SHORT, LONG = 0.6, 30.0
"""Seconds: a lease that a test waits for, and one that does not end in a test."""
SLOTS = 8


class LeasedStoreSuite(StoreSuite):
    """Tests that a store must pass that several owners share. ``make_store`` is all to write."""

    def make_leased(self, tmp_path: Path) -> LeasedStore:
        """``make_store()``, which must make such a store here."""
        store = self.make_store(tmp_path)
        assert isinstance(store, LeasedStore)
        assert store.is_leased
        return store

    @contextmanager
    def members(self, tmp_path: Path, *leases: float) -> Iterator[list[LeasedStore]]:
        """One member with each of these leases, ``a``, ``b`` and so on, without slots."""
        with ExitStack() as stack:
            stores = []
            for name, lease in zip("abcdef", leases):
                store = self.make_leased(tmp_path)
                store.join(Member(f"{name}:1", name), lease, SLOTS)
                store.open()
                stack.callback(store.close)
                store.renew()
                stores.append(store)
            yield stores

    # -- who has what

    def test_a_slot_that_somebody_has_is_not_given_to_another(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG, LONG) as (a, b):
            assert a.slots == SLOTS
            assert a.take([1, 2]) == {1, 2}
            assert b.take([2, 3]) == {3}
            assert a.renew().held == {1, 2}
            assert b.renew().held == {3}

    def test_only_one_of_many_that_want_a_slot_gets_it(self, tmp_path: Path) -> None:
        with self.members(tmp_path, *[LONG] * 4) as stores:
            got: list[frozenset[int]] = []
            run_together(*(lambda s=s: got.append(s.take(range(SLOTS))) for s in stores))
            assert sum(map(len, got)) == len(frozenset().union(*got))
            taken = [store.take(range(SLOTS)) for store in stores]
            assert sum(map(len, got)) + sum(map(len, taken)) == SLOTS

    def test_a_renewed_lease_does_not_run_out(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            a.take([1])
            until = time.monotonic() + 2 * SHORT
            while time.monotonic() < until:
                assert a.renew().held == {1}
                assert b.take([1]) == frozenset()
                time.sleep(SHORT / 12)

    def test_what_was_given_back_is_free_at_once(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG, LONG) as (a, b):
            a.take([1, 2])
            a.give_back([1])
            assert b.take([1, 2]) == {1}
            assert a.renew().held == {2}

    def test_how_a_slot_was_left_is_known_to_who_takes_it(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            a.take([1, 2, 3, 4])
            assert {a.taking(slot) for slot in (1, 2, 3, 4)} == {Taking.ANEW}
            a.give_back([1])
            a.give_back([2], Taking.ANEW)
            b.take([1, 2])
            takes(b, 3)
            assert [b.taking(1), b.taking(2), b.taking(3)] == [
                Taking.IN_ORDER,
                Taking.ANEW,
                Taking.BROKEN_OFF,
            ]
            b.give_back([3], Taking.BROKEN_OFF)  # none of its VENs had begun
            assert 3 not in b.renew().held
            assert {row.owner for row in b.owners()[1] if row.slot == 3} == {None}
            b.leave()
        with self.members(tmp_path, LONG) as (c,):
            c.take([1])
            takes(c, 3)
            assert c.taking(1) is Taking.IN_ORDER, "who leaves has ended in order"
            assert c.taking(3) is Taking.BROKEN_OFF, "nobody has made good of what broke off"

    def test_who_leaves_has_nothing_and_is_listed_no_more(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG, LONG) as (a, b):
            a.take([1])
            assert {member.name for member in b.renew().members} == {"a", "b"}
            a.leave()
            assert {member.name for member in b.renew().members} == {"b"}
            assert b.take([1]) == {1}

    def test_a_member_that_does_not_renew_is_listed_as_dead(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (_, b):
            time.sleep(SHORT * 1.1)
            assert {member.name for member in b.renew().members} == {"b"}
            members, _ = b.owners()
            assert {member.name: member.alive for member in members} == {"a": False, "b": True}

    def test_what_a_member_tells_and_is_asked_reaches_the_other(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG, LONG) as (a, b):
            a.renew('{"vens": 3}')
            (told,) = [member.facts for member in b.renew().members if member.name == "a"]
            assert told == '{"vens": 3}'
            assert b.drain("a")
            assert not b.drain("nobody")
            assert a.renew().draining
            assert not b.renew().draining
            b.drain("a", False)
            assert not a.renew().draining

    # -- fencing

    def test_a_commit_after_the_lease_passed_on_is_refused(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            slot = own(a, "ven-1")
            a.commit("ven-1", [ChangeRow("t", "a", "1")])
            takes(b, slot)
            b.commit("ven-1", [ChangeRow("t", "b", "2")])
            for write in (
                lambda: a.commit("ven-1", [ChangeRow("t", "c", "3")]),
                lambda: a.forget("ven-1"),
            ):
                assert isinstance(refusal(write), LeaseLostError)
            assert b.load("ven-1") == [Row("t", "a", "1"), Row("t", "b", "2")]
            assert a.renew().held == frozenset()
            assert not a.holds("ven-1")

    def test_a_slot_that_came_back_is_another_lease(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, SHORT) as (a, b):
            slot = own(a, "ven-1")
            takes(b, slot)
            again = self.make_leased(tmp_path)
            again.join(Member("a:1", "a"), LONG, SLOTS)  # the same owner, with a newer token
            again.open()
            try:
                takes(again, slot)
                error = refusal(lambda: a.commit("ven-1", [ChangeRow("t", "a", "1")]))
                assert isinstance(error, LeaseLostError)
                again.commit("ven-1", [ChangeRow("t", "a", "2")])
            finally:
                again.close()

    def test_a_commit_for_a_slot_never_had_is_refused(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG) as (a,):
            error = refusal(lambda: a.commit("ven-1", [ChangeRow("t", "a", "1")]))
            assert isinstance(error, LeaseLostError)
            assert not a.holds("ven-1")
            assert a.vens() == []

    def test_a_suspended_owner_may_not_send_after_two_thirds_of_its_lease(
        self, tmp_path: Path
    ) -> None:
        with self.members(tmp_path, SHORT) as (a,):
            own(a, "ven-1")
            started = time.monotonic()
            a.renew()
            assert a.holds("ven-1") or time.monotonic() - started > SHORT / 2
            time.sleep(max(0.0, SHORT * 2 / 3 - (time.monotonic() - started)) + 0.02)
            assert not a.holds("ven-1")
            assert a.renew().held, "nobody else wanted it: it goes on"
            assert a.holds("ven-1")

    def test_a_late_renewal_does_not_bring_back_what_another_took(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            takes(b, own(a, "ven-1"))
            assert a.renew().held == frozenset()
            assert b.renew().held

    def test_who_could_not_renew_lets_the_others_renew_before_it_takes_from_them(
        self, tmp_path: Path
    ) -> None:
        with self.members(tmp_path, SHORT, SHORT) as (a, b):
            slot = own(b, "ven-1")
            time.sleep(SHORT * 1.1)  # nobody could reach the store
            a.renew()
            assert a.take([slot]) == frozenset()
            assert b.renew().held == {slot}

    def test_of_a_shared_transaction_only_the_lost_slot_is_refused(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            slots = {own(a, ven): ven for ven in (f"ven-{n}" for n in range(20))}
            slot, ven = sorted(slots.items())[0]
            while b.take([slot]) == frozenset():
                time.sleep(0.02)
            outcomes: dict[str, object] = {}

            def commit(name: str) -> None:
                try:
                    a.commit(name, [ChangeRow("t", "a", "1")])
                    outcomes[name] = "written"
                except LeaseLostError:
                    outcomes[name] = "refused"

            run_together(*(lambda name=name: commit(name) for name in slots.values()))
            assert outcomes.pop(ven) == "refused"
            assert set(outcomes.values()) == {"written"}

    def test_nothing_of_the_old_owner_appears_after_the_new_one_has_read(
        self, tmp_path: Path
    ) -> None:
        with self.members(tmp_path, SHORT, LONG) as (a, b):
            slot = own(a, "ven-1")
            written: list[str] = []

            def write() -> None:
                for number in range(100_000):
                    try:
                        a.commit("ven-1", [ChangeRow("t", "a", str(number))])
                    except LeaseLostError:
                        return
                    written.append(str(number))

            seen: list[Row] = []

            def take_over() -> None:
                takes(b, slot)
                seen.extend(b.load("ven-1"))

            run_together(write, take_over)
            assert seen == b.load("ven-1")
            assert seen == [Row("t", "a", written[-1])]

    # -- one owner of everything

    def test_one_owner_of_all_is_refused_while_a_member_lives(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG) as (a,):
            a.take([1])
            ended = threading.Event()

            def renew() -> None:
                while not ended.wait(0.1):
                    a.renew()

            thread = threading.Thread(target=renew, name="store-suite")
            thread.start()
            try:
                assert "another" in str(refusal(self.make_store(tmp_path).open))
            finally:
                ended.set()
                thread.join()

    def test_one_owner_of_all_waits_for_the_lease_of_a_dead_one(self, tmp_path: Path) -> None:
        with self.members(tmp_path, SHORT) as (a,):
            own(a, "ven-1")
            a.commit("ven-1", [ChangeRow("t", "a", "1")])
            alone = self.make_leased(tmp_path)
            alone.open()
            try:
                assert alone.load("ven-1") == [Row("t", "a", "1")]
                alone.commit("ven-1", [ChangeRow("t", "a", "2")])
                assert alone.holds("ven-1")
            finally:
                alone.close()

    # -- slots and sites

    def test_a_placement_other_than_by_name_counts_and_is_noticed(self, tmp_path: Path) -> None:
        with self.members(tmp_path, LONG) as (a,):
            a.take(range(SLOTS))
            for slot, ven in ((3, "ven-1"), (3, "ven-2"), (4, "ven-3")):
                a.place(ven, slot)
                a.commit(ven, [ChangeRow("t", "a", ven), ChangeRow("t", "b", ven)])
            found = a.load_slot(3)
            assert set(found) == {"ven-1", "ven-2"}
            assert found["ven-1"] == [Row("t", "a", "ven-1"), Row("t", "b", "ven-1")]
            assert a.misplaced_vens(["ven-1", "ven-3", "ven-9"]) == {}
            a.place("ven-1", 5)
            assert a.misplaced_vens(["ven-1", "ven-3"]) == {"ven-1": 3}

    def test_the_table_of_sites_gives_what_was_put_and_says_that_it_changed(
        self, tmp_path: Path
    ) -> None:
        with self.members(tmp_path, LONG) as (a,):
            before = a.renew().revision
            a.put_sites([SiteRow("ven-1", 1, "{}"), SiteRow("ven-2", 2, "{}")])
            a.put_sites([SiteRow("ven-2", 1, '{"a": 1}')])
            assert a.sites(1) == [SiteRow("ven-1", 1, "{}"), SiteRow("ven-2", 1, '{"a": 1}')]
            assert a.sites(2) == []
            assert a.renew().revision > before
            a.remove_sites(["ven-1"])
            assert [site.ven for site in a.sites(1)] == ["ven-2"]


def own(store: LeasedStore, ven: str) -> int:
    """Take the slot of ``ven``; returns its number."""
    slot, deadline = slot_of(ven, store.slots), time.monotonic() + 30
    while not store.holds(ven):  # on a busy machine a short lease may be over before it is held
        assert time.monotonic() < deadline, "what was taken is not held"
        store.renew()
        store.take([slot])
    return slot


def takes(store: LeasedStore, slot: int) -> None:
    """Take a slot as soon as its lease has run out, and believe it only then."""
    deadline = time.monotonic() + 30
    store.renew()
    while store.take([slot]) == frozenset():
        assert time.monotonic() < deadline, "the lease of the other never ran out"
        time.sleep(0.02)
        store.renew()


def refusal(call: Callable[[], object]) -> StoreError:
    """The StoreError that the call raises. ``AssertionError`` if it raises none."""
    try:
        call()
    except StoreError as error:
        return error
    raise AssertionError(f"{call} was accepted")
