"""While a commit waits for a slow disk, everything that can be read is read at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Callable

from ven_sdk import OpenADRClient
from ven_sdk.state.memory import MemoryStore
from ven_sdk.state.store import ChangeRow
from ven_sdk.testing import LocalVTN


class SlowDisk(MemoryStore):
    """Commits wait while ``hangs``."""

    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.waiting, self.leave = False, threading.Event(), threading.Event()

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        if self.hangs:
            self.waiting.set()
            assert self.leave.wait(20)
        super().commit(ven, changes)


def test_status_health_events_level_and_schedule_do_not_wait_for_a_slow_disk() -> None:
    store = SlowDisk()
    with LocalVTN() as vtn:
        client = OpenADRClient("v", vtn.url, store=store, poll_frequency=0.05, on_event="optIn")
        client.add_report(int, resource_id="r", measurement="voltage")
        client.start(wait=5)
        vtn.wait_for_opt(vtn.add_event(event_id="e1"))
        store.hangs = True
        vtn.add_event(event_id="e2")
        assert store.waiting.wait(5)

        reads: list[Callable[[], Any]] = [
            lambda: client.status,
            client.health,
            lambda: client.events,
            client.active_events,
            client.next_event,
            client.current_level,
            client.schedule,
            lambda: client.opts,
            lambda: client.reports,
            lambda: client.ven_id,
            lambda: repr(client),
        ]
        done: list[float] = []
        reader = threading.Thread(target=lambda: [(read(), done.append(1)) for read in reads])
        began = time.monotonic()
        reader.start()
        reader.join(5)
        took = time.monotonic() - began
        store.hangs = False
        store.leave.set()
        client.stop()

    assert len(done) == len(reads), f"read {len(done)} waits"
    assert took < 3
