"""Fleets in trouble: one VEN's VTN, link or handler, and what the others notice of it (nothing)."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.shared import eventually
from tests.test_fleet import fleet_of
from ven_sdk import Fleet, StoreError
from ven_sdk.runtime.conversation.polling import Polling
from ven_sdk.runtime.persistence import Persistence
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.testing import LocalVTN, Stalled

PATIENCE = 20.0
PERIOD = 0.25
ON_TIME = 1.0
"""What a VEN that waits for another's timeout cannot keep, and a busy machine can: usual are 0.001
s.
"""


@pytest.fixture
def lateness(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[float]]:
    """How late each poll of one VEN began, in seconds."""
    late: "dict[Any, list[float]]" = {}
    begin = Polling.begin

    def note(self: Polling, now: float) -> None:
        late.setdefault(self._book, []).append(max(0.0, -self.seconds_to_period(now)))
        begin(self, now)

    monkeypatch.setattr(Polling, "begin", note)
    return lambda ven: late.get(ven._engine.book, [])


def test_a_vtn_that_hangs_delays_only_its_own_vens(lateness: Any) -> None:
    with LocalVTN() as good, LocalVTN() as bad:
        fleet = Fleet(exchange_workers=4, start_rate=2000)
        for number in range(20):
            fleet.add(f"good-{number}", good.url, poll_frequency=PERIOD)
            fleet.add(f"bad-{number}", bad.url, poll_frequency=PERIOD, timeout=10)
        with fleet:
            assert fleet.wait(40, PATIENCE)
            with bad.fault(Stalled()) as stalled:
                stalled.wait_for_hits(10)
                vens = [fleet[f"good-{number}"] for number in range(20)]
                before = [len(lateness(ven)) for ven in vens]
                eventually(
                    lambda: all(len(lateness(ven)) > count + 6 for ven, count in zip(vens, before)),
                    "polls go on",
                )
                late = [
                    delay for ven, count in zip(vens, before) for delay in lateness(ven)[count:]
                ]
            began = time.monotonic()
            fleet.stop(5)
    assert sorted(late)[int(len(late) * 0.9)] < ON_TIME, "polls of VENs of the other VTN came late"
    assert time.monotonic() - began < 7


def test_vens_that_hang_at_one_vtn_leave_the_others_there_alone(lateness: Any) -> None:
    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url, exchange_workers=4, start_rate=2000)
        for number in range(24):
            fleet.add(f"ven-{number}", poll_frequency=PERIOD, timeout=10)
        with fleet:
            assert fleet.wait(24, PATIENCE)
            hanging = [
                vtn.fault(Stalled(ven_id=fleet[f"ven-{number}"].ven_id)) for number in range(8)
            ]
            for fault in hanging:
                fault.wait_for_hits(1, PATIENCE)
            eventually(lambda: len(_stuck(fleet)) >= 8, "the pool sees that they do not come back")
            vens = [fleet[f"ven-{number}"] for number in range(8, 24)]
            before = [len(lateness(ven)) for ven in vens]
            eventually(
                lambda: all(len(lateness(ven)) > count + 6 for ven, count in zip(vens, before)),
                "polls go on",
            )
            late = [
                delay for ven, count in zip(vens, before) for delay in lateness(ven)[count + 1 :]
            ]
            for fault in hanging:
                fault.clear()
            fleet.stop(5)
    assert sorted(late)[int(len(late) * 0.9)] < ON_TIME


def _stuck(fleet: Fleet) -> Any:
    return [
        running
        for name, pool in fleet._runtime.pools.items()
        if name.startswith("exchange ")
        for running in pool.stuck()
    ]


def test_handlers_that_block_delay_neither_polls_nor_other_handlers() -> None:
    release = threading.Event()
    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url, handler_workers=2, start_rate=2000)
        for number in range(12):
            fleet.add(f"ven-{number}", poll_frequency=PERIOD)
        blocked = {f"ven-{number}" for number in range(6)}

        def on_event(ven: Any, event: Any) -> str:
            if ven.settings.ven_name in blocked:
                release.wait(PATIENCE)
            return "optIn"

        fleet.add_handler("on_event", on_event)
        with fleet:
            try:
                assert fleet.wait(12, PATIENCE)
                vtn.add_event(event_id="e", dtstart=3600)
                for number in range(6, 12):
                    assert (
                        vtn.wait_for_opt(
                            "e", timeout=PATIENCE, ven_id=fleet[f"ven-{number}"].ven_id
                        ).opt_type
                        == "optIn"
                    )
                polls = fleet["ven-0"].status.counters["polls"]
                eventually(
                    lambda: fleet["ven-0"].status.counters["polls"] > polls + 2,
                    "polls of a VEN whose handler blocks",
                )
                assert not [name for name in blocked if vtn.opt_of("e", fleet[name].ven_id)]
            finally:
                release.set()
            for name in blocked:
                assert (
                    vtn.wait_for_opt("e", timeout=PATIENCE, ven_id=fleet[name].ven_id).opt_type
                    == "optIn"
                )


def test_a_vtn_that_is_not_there_keeps_no_ven_from_starting_or_stopping() -> None:
    with LocalVTN() as vtn:
        fleet = Fleet(start_rate=2000)
        for number in range(5):
            fleet.add(f"here-{number}", vtn.url)
            fleet.add(f"nowhere-{number}", "http://127.0.0.1:9")
        with fleet:
            assert fleet.wait(5, PATIENCE)
            assert not fleet.wait(6, 0.1)
            eventually(lambda: fleet.status.counters["failures"] >= 5, "failures of the others")
            assert {name: state for name, state in fleet.status.states.items() if state} == {
                "registered": 5,
                "connecting": 5,
            }
            began = time.monotonic()
            fleet.stop()
            assert time.monotonic() - began < 5


class FullDisk(SQLiteStore):
    """Cannot be opened while ``full``."""

    full = True

    def open(self) -> tuple[str, ...]:
        if self.full:
            raise StoreError(
                "The store has no room: database or disk is full.", path=self.name, retryable=True
            )
        return super().open()


def test_a_fleet_starts_with_a_full_disk_and_writes_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Persistence, "retry", 0.2)
    store = FullDisk(tmp_path / "fleet.db")
    with LocalVTN() as vtn:
        with fleet_of(vtn, 3, store=store) as fleet:
            assert fleet.wait(3, PATIENCE)
            assert all(ven.status.queues["unsaved"] for ven in fleet)
            store.full = False
            eventually(
                lambda: not any(ven.status.queues["unsaved"] for ven in fleet),
                "the store to catch up",
            )
            known = {ven.settings.ven_name: ven.ven_id for ven in fleet}
        with fleet_of(vtn, 3, store=tmp_path / "fleet.db") as fleet:
            assert fleet.wait(3, PATIENCE)
            assert {ven.settings.ven_name: ven.ven_id for ven in fleet} == known
        asked = [
            one.record.registration_id for one in vtn.received_of("oadrCreatePartyRegistration")
        ]
    assert asked[3:] and None not in asked[3:]
    assert "has no room" in caplog.text


class Forgetting(SQLiteStore):
    """Cannot delete the rows of a VEN while ``full``."""

    full = False

    def forget(self, ven: str) -> None:
        if self.full:
            raise StoreError("The disk is full.", path=self.name, retryable=True)
        super().forget(ven)


def rows_of(path: Path, ven: str) -> list[Any]:
    store = SQLiteStore(path)
    store.open()
    try:
        return store.load(ven)
    finally:
        store.close()


@pytest.mark.parametrize("room", ["before the next", "before the end", "after the end", "at once"])
def test_a_ven_that_is_removed_while_the_disk_is_full_leaves_no_row_once_there_is_room(
    room: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Forgetting(tmp_path / "fleet.db")
    with LocalVTN() as vtn, fleet_of(vtn, 3, store=store) as fleet:
        assert fleet.wait(3, PATIENCE)
        store.full = room != "at once"
        fleet.remove("ven-0")
        assert "ven-0" not in fleet
        assert ("removed leave it when it works again" in caplog.text) is store.full
        store.full = room == "after the end"
        if room == "before the next":
            fleet.remove("ven-1")
            assert not store.load("ven-0")
        fleet.stop()
        store.full = False
        if room == "after the end":
            fleet.start()
            fleet.stop()

    assert not rows_of(tmp_path / "fleet.db", "ven-0") and rows_of(tmp_path / "fleet.db", "ven-2")


@pytest.mark.parametrize("full", [False, True])
def test_a_ven_begins_with_no_row_of_one_of_its_name_that_was_removed(
    full: bool, tmp_path: Path
) -> None:
    store = Forgetting(tmp_path / "fleet.db")
    with LocalVTN() as vtn, fleet_of(vtn, 1, store=store) as fleet:
        assert fleet.wait(1, PATIENCE)
        vtn.add_event(event_id="e", dtstart=3600)
        eventually(lambda: fleet["ven-0"].events, "the event")
        store.full = full
        if not full:
            fleet.stop()
        fleet.remove("ven-0")
        vtn.drop_event("e")
        store.full = False
        again = fleet.add("ven-0", poll_frequency=0.2)
        fleet.start(wait=PATIENCE)
        assert not again.events


def test_a_store_that_another_has_keeps_a_fleet_from_starting(tmp_path: Path) -> None:
    with LocalVTN() as vtn, fleet_of(vtn, 1, store=tmp_path / "fleet.db"):
        second = fleet_of(vtn, 1, store=tmp_path / "fleet.db")
        with pytest.raises(StoreError, match=r"fleet\.db"):
            second.start()


def test_what_a_handler_returns_after_the_fleet_has_stopped_is_written(tmp_path: Path) -> None:
    entered, leave, calls = threading.Semaphore(0), threading.Event(), []
    path = tmp_path / "fleet.db"

    def slow(ven: Any, event: Any) -> str:
        calls.append(ven.settings.ven_name)
        entered.release()
        leave.wait(PATIENCE)
        return "optOut"

    with LocalVTN() as vtn:
        fleet = fleet_of(vtn, 2, store=path)
        fleet.add_handler("on_event", slow)
        fleet.start()
        assert fleet.wait(2, PATIENCE)
        vtn.add_event(event_id="e", dtstart=3600)
        assert entered.acquire(timeout=PATIENCE)
        assert entered.acquire(timeout=PATIENCE)
        fleet.stop(timeout=0.2)
        leave.set()
        # The store is looked at when both are back: it is open meanwhile, and for one at a time.
        eventually(
            lambda: all(state.opt for ven in fleet for state in ven._engine.snapshot("events")),
            "both returns",
        )
        assert _opts(path) == ["optOut", "optOut"]
        with fleet_of(vtn, 2, store=path) as fleet:
            fleet.add_handler("on_event", slow)
            assert fleet.wait(2, PATIENCE)
            for ven in fleet:
                assert (
                    vtn.wait_for_opt("e", timeout=PATIENCE, ven_id=ven.ven_id).opt_type == "optOut"
                )
    assert sorted(calls) == ["ven-0", "ven-1"]


def _opts(path: Path) -> list[Any]:
    store = SQLiteStore(path)
    store.open()
    try:
        rows = [
            json.loads(row.value)
            for ven in store.vens()
            for row in store.load(ven)
            if row.table == "events"
        ]
    finally:
        store.close()
    return [row.get("opt") for row in rows]
