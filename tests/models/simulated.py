"""A VEN without threads, whose time is moved by hand, in front of a
:class:`~tests.models.peer.PeerVTN`.

All of it is the SDK's own except the network (``PeerVTN.post`` stands where connections post), the
threads (one queue in the place of all pools) and the store's disk. A call that blocks lets time
pass until it returns, as it would with threads.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Callable, Optional

from tests.durability.fake_world import FakeRuntime
from tests.models.peer import PeerVTN
from ven_sdk.config import settings
from ven_sdk.errors import VenError
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.state.change import Change
from ven_sdk.state.store import ChangeRow, Row, Store, check_changes
from ven_sdk.testing import ManualClock
from ven_sdk.transport.sessions import Reply
from ven_sdk.usercode.handlers import Handlers, Hooks
from ven_sdk.ven import Ven
from ven_sdk.wiring import build

URL = "http://vtn.example/OpenADR2/Simple/2.0b"


class Rows(Store):
    """A durable store that survives the process by standing outside of it."""

    durable, name = True, "rows"

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[str, str], str]] = {}
        self.is_open = False

    def check(self) -> None:
        pass

    def open(self) -> tuple[str, ...]:
        self.is_open = True
        return ()

    def close(self) -> None:
        self.is_open = False

    def load(self, ven: str) -> list[Row]:
        return [Row(*place, value) for place, value in self.rows.get(ven, {}).items()]

    def vens(self) -> list[str]:
        return sorted(self.rows)

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        rows = self.rows.setdefault(ven, {})
        for table, key, value in check_changes(self, ven, changes):
            if value is None:
                rows.pop((table, key), None)
            else:
                rows[table, key] = value

    def forget(self, ven: str) -> None:
        self.rows.pop(ven, None)


class PassingClock(ManualClock):
    """A clock on which waiting lets the world go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on: Callable[[float], None] = lambda seconds: None

    def wait(
        self,
        condition: threading.Condition,
        until: Optional[float],
        machine_until: Optional[float] = None,
    ) -> None:
        self.go_on(3600.0 if until is None else max(0.0, until - self.monotonic()))


class Network:
    """What an identity's connections are to the SDK: ``post`` and a life."""

    def __init__(self, answer: Callable[[str, bytes], Reply]) -> None:
        self._answer = answer

    def post(self, url: str, body: bytes, *_: object) -> Reply:
        return self._answer(url, body)

    def renew(self, context: object) -> None:
        pass

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        pass


class Lines(logging.Handler):
    """The warnings and errors of the SDK, with the moment of each."""

    def __init__(self, moment: Callable[[], float]) -> None:
        super().__init__(logging.WARNING)
        self.moment = moment
        self.seen: list[tuple[float, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((self.moment(), record.getMessage()))


class SimulatedVen:
    """One VEN through all its processes: ``start``, ``stop``, ``kill`` and time."""

    def __init__(self, seed: int, url: str = URL, **arguments: Any) -> None:
        self.url = url
        self.clock = PassingClock()
        self.clock.go_on = self._pass
        self.vtn = PeerVTN(self.clock.now, self.clock.monotonic, self.clock.advance)
        self.store = Rows()
        self.chance = random.Random(seed)
        self.arguments = {"poll_frequency": 10, "allow_jitter": False, "timeout": 20, **arguments}
        self.decisions: dict[tuple[str, int], str] = {}
        self.errors: list[tuple[float, VenError]] = []
        self.read = 0
        self.lines = Lines(self.clock.monotonic)
        logging.getLogger("ven_sdk").addHandler(self.lines)
        self._new_process()

    def _new_process(self) -> None:
        self.runtime = FakeRuntime(self.clock)
        handlers, hooks = Handlers(), Hooks()
        catalogue = Catalogue(now=self.clock.now)
        chosen = settings("ven", self.url, **self.arguments)
        identity = SigningIdentity(secure=False)
        identity.connections = Network(self.vtn.post)  # type: ignore[assignment]
        self.engine = build(chosen, identity, self.runtime, self.store, handlers, hooks, catalogue)
        self.engine.book.chance = random.Random(self.chance.random())
        self.ven = Ven(chosen, self.engine, handlers, hooks, catalogue)
        self.ven.add_handler("on_event", self._decide)
        self.ven.add_handler("on_error", self._note)
        self.ven.add_report(
            self._measure, resource_id="meter", measurement="voltage", sampling_rate=10, r_id="p"
        )
        self.running = False

    def _decide(self, event: Any) -> str:
        opt = "optIn" if self.chance.random() < 0.7 else "optOut"
        self.decisions[event.event_id, event.modification_number] = opt
        return opt

    def _note(self, error: VenError) -> None:
        self.errors.append((self.clock.monotonic(), error))

    def _measure(self) -> float:
        self.read += 1
        return float(self.read)

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        if not self.running:
            self.engine.open_store()
            self.engine.restore()
            self.engine.start()
            self.running = True

    def stop(self) -> None:
        if self.running:
            self.engine.wind_up(5.0)
            self.engine.close()
            self.engine.close_store()
            self.runtime.jobs.queue.clear()
            self.running = False

    def kill(self) -> None:
        """The process dies here and now; the next one starts with what the store holds."""
        self.runtime.jobs.queue.clear()
        self.store.is_open = False
        self._new_process()

    def close(self) -> None:
        logging.getLogger("ven_sdk").removeHandler(self.lines)

    def remembered(self) -> dict[tuple[str, str], Any]:
        """What the book holds of what it is to keep, as a store would have it."""
        tables = self.engine.book.tables
        return {
            (row.table, row.key): json.loads(row.value)
            for row in self.engine.book.rows_of(
                Change(table, key, value)
                for table, rows in tables.items()
                for key, value in rows.items()
            )
            if row.value is not None
        }

    # --- time -------------------------------------------------------------------------------------

    def _pass(self, limit: float) -> None:
        """Whatever is due; where nothing is, time to the next timer, ``limit`` seconds at most."""
        wait = self.runtime.scheduler.run_due()
        jobs = self.runtime.jobs.queue
        if jobs:
            for _ in range(len(jobs)):
                jobs.popleft()()
            return
        step = limit if wait is None else min(wait, limit)
        self.clock.advance(max(step, 1e-6))

    def run(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self._pass(end - self.clock.monotonic())

    def set_clock(self, delta: timedelta) -> None:
        """Set the wall clock."""
        self.clock.step(delta)
