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
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, Callable, Optional

from tests.durability.fake_world import FakeRuntime, Jobs
from tests.models.peer import Killed, PeerVTN
from ven_sdk.config import settings
from ven_sdk.errors import StoreError, VenError
from ven_sdk.instants import EPOCH
from ven_sdk.oadr20b.identity import SigningIdentity
from ven_sdk.points.catalogue import Catalogue
from ven_sdk.state.change import Change
from ven_sdk.state.store import ChangeRow, Row, Store, check_changes
from ven_sdk.testing import ManualClock
from ven_sdk.testing.clock import NANO
from ven_sdk.transport.sessions import Reply
from ven_sdk.usercode.handlers import Handlers, Hooks
from ven_sdk.ven import Ven
from ven_sdk.wiring import build

LOOK = 15.0
"""Seconds between looks whether something has come about."""
URL = "http://vtn.example/OpenADR2/Simple/2.0b"


class Rows(Store):
    """A durable store that survives the process by standing outside of it."""

    durable, name = True, "rows"

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[str, str], str]] = {}
        self.is_open = self.is_full = False

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
        if self.is_full:
            raise StoreError("The disk is full.", retryable=True)
        rows = self.rows.setdefault(ven, {})
        for table, key, value in check_changes(self, ven, changes):
            if value is None:
                rows.pop((table, key), None)
            else:
                rows[table, key] = value

    def forget(self, ven: str) -> None:
        self.rows.pop(ven, None)


class PassingClock(ManualClock):
    """A clock on which waiting lets the world go on. It is read ten times for each message, always
    in the one thread: so it takes no lock, and nobody has to be woken.
    """

    def __init__(self) -> None:
        super().__init__()
        self.go_on: Callable[[float], None] = lambda seconds: None

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=(self._wall + self._elapsed) / NANO)

    def time(self) -> float:
        return (self._wall + self._elapsed) / NANO

    def monotonic(self) -> float:
        return self._elapsed / NANO

    def read_both(self) -> tuple[datetime, float]:
        return self.now(), self._elapsed / NANO

    def let_pass(self, seconds: float) -> None:
        """``advance``, as fast as it can be."""
        self._elapsed += round(seconds * NANO)

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

    def last_before(self, moment: float) -> float:
        """When the last line until ``moment`` was logged."""
        return next((at for at, _ in reversed(self.seen) if at <= moment), float("-inf"))


class Pool:
    """One pool of a :class:`HoldingRuntime`: its jobs go into the one queue, unless it is held,
    as if user code had all of its threads.
    """

    is_full = False

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self.held: Optional[list[Callable[[], None]]] = None

    def submit(self, key: Hashable, function: Callable[[], None], about: str = "") -> None:
        if self.held is None:
            self._jobs.submit(key, function, about)
        else:
            self.held.append(function)

    def release(self) -> None:
        self._jobs.queue.extend(self.held or ())
        self.held = None

    def count_waiting(self) -> int:
        return len(self.held or ())

    def stuck(self) -> tuple[Any, ...]:
        return ()

    def settle(self, timeout: float) -> bool:
        return not self.held


class HoldingRuntime(FakeRuntime):
    """The runtime without threads, whose pools can be held one by one."""

    def _make_pools(self) -> None:
        super()._make_pools()
        for name in ("report", "handler"):
            self.pools[name] = Pool(self.jobs)  # type: ignore[assignment]


class SimulatedVen:
    """One VEN through all its processes: ``start``, ``stop``, ``kill`` and time."""

    def __init__(self, seed: int, url: str = URL, **arguments: Any) -> None:
        self.url = url
        self.clock = PassingClock()
        self.clock.go_on = self._pass
        self.vtn = PeerVTN(self.clock.now, self.clock.monotonic, self.clock.let_pass)
        self.store = Rows()
        self.chance = random.Random(seed)
        self.vtn.chance = random.Random(seed)
        self.arguments = {"poll_frequency": 10, "allow_jitter": False, "timeout": 20, **arguments}
        self.decisions: dict[tuple[str, int], str] = {}
        self.decided: set[tuple[str, int, str]] = set()
        self.share_of_failures = 0.0
        self.failed: list[tuple[float, str]] = []
        self.starts: list[float] = []
        self.errors: list[tuple[float, VenError]] = []
        self.read = 0
        self.lines = Lines(self.clock.monotonic)
        logging.getLogger("ven_sdk").addHandler(self.lines)
        self._new_process()

    def _new_process(self) -> None:
        self.runtime = HoldingRuntime(self.clock)
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
        fails = self.chance.random() < self.share_of_failures
        opt = "optOut" if fails or self.chance.random() > 0.7 else "optIn"
        self.note_decision(event.event_id, event.modification_number, opt)
        if fails:
            self.failed.append((self.clock.monotonic(), event.event_id))
            raise ValueError(f"no relay for {event.event_id!r}")
        return opt

    def note_decision(self, event_id: str, number: int, opt: str) -> None:
        """What the VTN is to be told of a version of an event, from now on."""
        self.decisions[event_id, number] = opt
        self.decided.add((event_id, number, opt))

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
            self.starts.append(self.clock.monotonic())

    def stop(self) -> None:
        if self.running:
            self.vtn.dies = ""
            self.engine.end_in_order(5.0)
            self.engine.close()
            self.engine.close_store()
            self.forget_jobs()
            self.running = False

    def kill(self) -> None:
        """The process dies here and now; the next one starts with what the store holds."""
        self.forget_jobs()
        self.store.is_open = False
        self._new_process()

    def hold(self, pool: str) -> None:
        """User code has all threads of ``pool`` from now on."""
        if self.pool(pool).held is None:
            self.pool(pool).held = []

    def release(self) -> None:
        """It returns."""
        for name in ("report", "handler"):
            self.pool(name).release()

    def pool(self, name: str) -> Pool:
        found = self.runtime.pools[name]
        assert isinstance(found, Pool)
        return found

    def forget_jobs(self) -> None:
        """The threads end, and with them what waited for them."""
        self.runtime.jobs.queue.clear()
        for name in ("report", "handler"):
            self.pool(name).held = None

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
                if jobs:  # a call that blocks in a handler may have run them
                    jobs.popleft()()
            return
        step = limit if wait is None else min(wait, limit)
        self.clock.let_pass(max(step, 1e-6))

    def run(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            try:
                self._pass(end - self.clock.monotonic())
            except Killed:
                self.kill()
                self.start()

    def longest_silence(self, seconds: float) -> float:
        """The longest time without a poll in the next ``seconds``, which pass."""
        begun = self.clock.monotonic()
        self.run(seconds)
        polls = [one.at for one in self.vtn.sent if one.name == "oadrPoll" and one.at >= begun]
        moments = [begun, *polls, self.clock.monotonic()]
        return max(after - before for before, after in zip(moments, moments[1:]))

    def run_until(self, condition: Callable[[], object], seconds: float) -> None:
        """Let time pass until ``condition()``, ``seconds`` at most."""
        end = self.clock.monotonic() + seconds
        while not condition() and self.clock.monotonic() < end:
            self.run(min(LOOK, end - self.clock.monotonic()))

    def set_clock(self, delta: timedelta) -> None:
        """Set the wall clock."""
        self.clock.step(delta)
