"""The VENs of a fleet by name: each begins in its turn, and ends for itself. Any thread may add,
remove and look; VENs begin on the pool for timers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Callable, Optional

from ..arguments import text
from ..config import Settings, settings
from ..errors import StoreError
from ..log import Repeats
from ..profiles import complete_settings, vtn_address
from ..runtime.engine import Engine
from ..runtime.runtime import Runtime
from ..state.shared_store import SharedStore
from ..ven import Ven
from .arguments import check_names
from .identities import ARGUMENTS, check_arguments
from .push import FleetPush, arguments_of_one

logger: logging.Logger = logging.getLogger(__name__)

PAUSE = 0.1
"""Seconds between looks at a whole fleet."""
STORE_PAUSE = 5.0
"""Seconds until a VEN is begun again whose rows could not be read."""
MOST_KINDS = 256
"""How many combinations of arguments are known that were checked."""
PLAIN = frozenset({str, int, float, bool, type(None), timedelta})
"""Types of arguments of which equal ones mean the same, now and later."""


class Vens:
    """VENs on one runtime. At most ``rate`` begin in one second, and only while ``is_running``.

    The lock guards the tables; nothing slow happens under it. A VEN's own lock is held while it
    starts or ends: a start that is under way is over before it ends, one that comes finds it gone.
    """

    def __init__(
        self, runtime: Runtime, store: SharedStore, push: FleetPush, repeats: Repeats, rate: float
    ) -> None:
        self._runtime, self._store, self._push = runtime, store, push
        self._repeats, self._rate = repeats, rate
        self._removed: set[str] = set()  # whose rows leave the store when it is open
        self._lock = threading.RLock()  # guards the rest
        self._by_name: dict[str, Ven] = {}
        self._locks: dict[Ven, threading.Lock] = {}
        self._start_at = 0.0
        self.is_running: bool = False

    def get(self, ven_name: str) -> Optional[Ven]:
        """The VEN of this name, or None."""
        return self._by_name.get(ven_name)

    def find_url(self, ven_name: str) -> Optional[str]:
        """The address of the VTN of the VEN of this name, or None."""
        ven = self._by_name.get(ven_name)
        return None if ven is None else ven.settings.vtn_url

    def __contains__(self, ven_name: object) -> bool:
        return ven_name in self._by_name

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Ven]:
        if self._runtime.is_inherited:
            return iter(tuple(self._by_name.values()))  # nobody changes them here
        with self._lock:
            return iter(tuple(self._by_name.values()))

    # --- coming and going -------------------------------------------------------------------------

    def add(self, ven: Ven) -> bool:
        """Take the VEN in, and let it begin soon where the fleet runs; False where its name is
        taken.
        """
        name = ven.settings.ven_name
        with self._lock:
            if self._by_name.setdefault(name, ven) is not ven:
                return False
            self._locks[ven] = threading.Lock()
            self._push.add(ven)
            is_running = self.is_running
        if is_running:
            self.begin_soon(ven)
        return True

    def remove(self, ven: Ven) -> bool:
        """The VEN ends here; its rows stay. False when another thread removed it."""
        with self._lock:
            if self._by_name.pop(ven.settings.ven_name, None) is None:
                return False
            lock = self._locks.pop(ven)
            self._push.remove(ven)
        engine = ven._engine
        with lock:
            engine.close()
            engine.close_store()
            engine.detach_store()  # what still runs for it writes nothing more
        return True

    def forget_rows(self, ven_name: str) -> None:
        """The rows of a VEN that was removed leave the store, at once or when it can do that."""
        self._removed.add(ven_name)
        if self.is_running:
            self.forget_removed()

    def forget_removed(self) -> None:
        """The store is open: rows of VENs that were removed leave it now. Where it fails, they
        leave it with those of the next one, or when the fleet stops.
        """
        for name in tuple(self._removed):
            try:
                self._store.forget(name)
            except StoreError as error:
                text = f"{error} The rows of VENs that were removed leave it when it works again."
                self._repeats.note("removed rows", logging.ERROR, text)
                return
            self._removed.discard(name)

    # --- beginning --------------------------------------------------------------------------------

    def begin(self) -> tuple[Ven, ...]:
        """Let VENs begin from now on; those that there are, which have to be told."""
        with self._lock:
            self.is_running, self._start_at = True, 0.0
            return tuple(self._by_name.values())

    def begin_soon(self, ven: Ven) -> None:
        """Start the VEN when its turn has come: no more than ``start_rate`` in a second."""
        now = self._runtime.clock.monotonic()
        with self._lock:
            at = max(now, self._start_at)
            self._start_at = at + 1.0 / self._rate
        self._runtime.scheduler.call_after(at - now, partial(self._begin, ven))

    @property
    def backlog(self) -> float:
        """Seconds until a VEN that is added now would begin."""
        return max(0.0, self._start_at - self._runtime.clock.monotonic())

    def _begin(self, ven: Ven) -> None:
        """Its turn has come; another comes where the VTN's threads cannot keep up with those that
        began: who is registered polls in time, whatever the number that starts.
        """
        if self.is_running and ven in self._locks and ven._engine.conversation.lanes.is_behind:
            self.begin_soon(ven)
            return
        self._runtime.pools["step"].submit(
            ven, lambda: self._start_unless_ended(ven), f"start of {ven.settings.ven_name}"
        )

    def _start_unless_ended(self, ven: Ven) -> None:
        """The VEN starts, unless it or the fleet has ended since its turn was set."""
        lock = self._locks.get(ven)
        if lock is not None:
            with lock:
                if self.is_running and ven._engine.stopped and ven in self._locks:
                    self._start_one(ven)

    def _start_one(self, ven: Ven) -> None:
        engine = ven._engine
        try:
            if self._store.durable:
                texts = engine.open_store()
                self._forget_namesake(ven.settings.ven_name)
                for text in (*texts, *engine.restore()):
                    logger.error("%s", text)
        except StoreError as error:
            if self._store.is_leased:
                self._begin_later(ven, error)
                return
            engine.report(
                error,
                f"store of {ven.settings.ven_name}",
                f"{error} {ven.settings.ven_name} starts without it.",
                logging.ERROR,
            )
        engine.start()

    def _forget_namesake(self, ven_name: str) -> None:
        """A VEN that begins goes on from no rows of one that was removed."""
        if ven_name in self._removed:
            self.forget_removed()
            self._removed.discard(ven_name)  # what is written from now on is its own

    def _begin_later(self, ven: Ven, error: StoreError) -> None:
        """Its rows are owned by whoever can read them: without them the VEN does not begin."""
        self._repeats.note("store", logging.ERROR, f"{error} VENs start when it can be read.")
        ven._engine.close_store()
        self._runtime.scheduler.call_after(STORE_PAUSE, partial(self._begin, ven))

    # --- ending -----------------------------------------------------------------------------------

    def end(self) -> list[Engine]:
        """Let nobody begin any more; the engines of all that there are."""
        with self._lock:
            self.is_running = False
            return [ven._engine for ven in self._by_name.values()]

    def close(self, seconds: float) -> None:
        """Let nothing of any VEN begin any more. What starts or is committed at this moment is
        waited for up to ``seconds``.
        """
        deadline = self._runtime.clock.monotonic() + seconds
        with self._lock:
            locks = tuple(self._locks.items())
        for ven, lock in locks:
            is_mine = lock.acquire(timeout=max(0.0, deadline - self._runtime.clock.monotonic()))
            try:
                ven._engine.close(deadline - self._runtime.clock.monotonic())
            finally:
                if is_mine:
                    lock.release()

    def close_store(self, seconds: float) -> bool:
        """None of them uses the store any more. False where a commit hangs for longer than
        ``seconds``: that VEN leaves the store when it has returned.
        """
        deadline = self._runtime.clock.monotonic() + seconds
        left = [
            ven
            for ven in self
            if not ven._engine.close_store(deadline - self._runtime.clock.monotonic())
        ]
        return not left

    def end_in_order(self, engines: list[Engine], deadline: float) -> None:
        """Nothing new begins; handlers may return and what is owed is sent, all VENs side by side,
        until ``deadline``, in monotonic seconds.
        """
        clock = self._runtime.clock
        for engine in engines:
            engine.begin_closing()
        self._runtime.pools["handler"].settle(max(0.0, deadline - clock.monotonic()))
        owing = [engine for engine in engines if engine.owes()]
        for engine in owing:
            engine.conversation.lanes.wake()
        for engine in owing:
            engine.end_in_order(max(0.0, deadline - clock.monotonic()))

    # --- waiting ----------------------------------------------------------------------------------

    def wait(
        self, registered: int, seconds: float, next_stop: Callable[[], threading.Event]
    ) -> bool:
        """Wait until so many VENs are registered; False when that took longer than ``seconds``.
        ``next_stop()`` gives an event that the end of the fleet sets.
        """
        clock = self._runtime.clock
        deadline = clock.monotonic() + seconds
        while True:
            waiting = [ven for ven in self if ven._engine.stopped or not ven._is_registered()]
            if len(self) - len(waiting) >= registered:
                return True
            left = min(deadline - clock.monotonic(), PAUSE)
            if left <= 0:
                return False
            begun = next((ven for ven in waiting if not ven._engine.stopped), None)
            if begun is None or not begun._engine.wait(begun._is_registered, left):
                next_stop().wait(left)  # nobody has begun yet, or others are quicker


class VenChecks:
    """Makes the settings of each VEN, and the arguments of its identity, of those that ``add`` is
    given before the ``common`` ones. What many VENs have in common is checked with the first.
    """

    def __init__(self, common: Mapping[str, object]) -> None:
        self._common = common
        self._known: dict[tuple[object, ...], Settings] = {}

    def check(
        self, ven_name: str, url: str, given: Mapping[str, object]
    ) -> tuple[Settings, dict[str, object]]:
        """``ConfigurationError`` for what cannot be used."""
        check_names("Fleet.add()", given, ("ven_name", "vtn_url"))
        arguments = arguments_of_one(self._common, given, ven_name)
        own = check_arguments(
            {name: arguments.pop(name) for name in ARGUMENTS if name in arguments}
        )
        signs = own.get("cert") is not None and not own.get("disable_signature", False)
        key = _key_of(signs, arguments)
        known = None if key is None else self._known.get(key)
        if known is not None:
            return replace(
                known, ven_name=text("ven_name", ven_name), vtn_url=vtn_address(url, ven_name)
            ), own
        checked = complete_settings(settings(ven_name, url, xml_signature=signs, **arguments))
        if key is not None and len(self._known) < MOST_KINDS:
            self._known[key] = checked
        return checked, own


def _key_of(signs: bool, arguments: Mapping[str, object]) -> Optional[tuple[object, ...]]:
    """What is equal for VENs whose settings differ in name and VTN only; None where that cannot be
    told, or where the address that the VTN calls is their own.
    """
    if arguments.get("push") is not None or not PLAIN.issuperset(map(type, arguments.values())):
        return None
    return (signs, *((name, type(value), value) for name, value in arguments.items()))
