"""``Fleet``: many VENs in one process, on one scheduler, bounded pools, one store, and shared
connections.

A VEN of a fleet is a ``Ven`` like a client's, on threads that it shares: what one of them does
wrong, or what its VTN does to it, stays its own. Starts are spread, so that ten thousand
registrations do not reach the VTN at once.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any, Callable, Optional

from .arguments import (
    MOST_THREADS,
    SMALLEST_RESPONSE,
    Duration,
    flag,
    known_arguments,
    named_arguments,
    optional_text,
    proxy_addresses,
    waiting_seconds,
    whole,
)
from .config import Settings, base_url, settings
from .errors import ConfigurationError, StateError, StoreError
from .identity import Identity, check_files
from .log import Repeats
from .points.catalogue import Catalogue
from .runtime.engine import Engine
from .runtime.runtime import Runtime
from .runtime.signals import until_signal
from .state.memory import MemoryStore
from .state.shared import SharedStore
from .usercode.functions import Function
from .usercode.handlers import PARAMETERS, SINGLE, Handlers, Hooks, Registry
from .values import dataclass
from .ven import Ven
from .wiring import build, store_of

log: logging.Logger = logging.getLogger("ven_sdk")

IDENTITY = (
    "cert",
    "key",
    "passphrase",
    "ca_file",
    "check_hostname",
    "tls_fingerprint",
    "vtn_fingerprint",
    "disable_signature",
    "proxies",
    "max_response_size",
)
SETTINGS = frozenset(field.name for field in fields(Settings)) - {
    "ven_name",
    "vtn_url",
    "xml_signature",
}
STARTS_A_SECOND = 250
"""How many VENs begin their registration in one second, at the most."""
STORE_PAUSE = 5.0
"""Seconds until a VEN is begun again whose rows could not be read."""
PAUSE = 0.1
"""Seconds between looks at a whole fleet."""


@dataclass(frozen=True)
class FleetStatus:
    """A fleet at one moment: how many VENs there are, in which state, and their counters added up.

    ``states`` counts VENs by the state that ``ven.status`` gives. ``threads`` are all of this
    library's in the process.
    """

    vens: int
    states: dict[str, int]
    counters: dict[str, int]
    queues: dict[str, int]
    threads: int


class FleetHandlers(Handlers):
    """One VEN's handlers, with the fleet's behind them: those are called with the VEN as first
    argument.
    """

    def __init__(self, shared: Registry) -> None:
        super().__init__()
        self._shared = shared
        self.ven: Optional[Ven] = None

    def functions(self, name: str) -> tuple[Function, ...]:
        """The VEN's own functions, then the fleet's; of those that are one only, the own one comes
        before the fleet's.
        """
        own = super().functions(name)
        shared = self._shared.functions(name)
        if not shared or (own and name in SINGLE):
            return own
        return (*own, *(partial(function, self.ven) for function in shared))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._shared


class FleetHooks(Hooks):
    """One VEN's hooks, and the fleet's after them."""

    def __init__(self, shared: Hooks) -> None:
        super().__init__()
        self._shared = shared

    def functions(self, name: str) -> tuple[Function, ...]:
        """The VEN's own hooks, then the fleet's."""
        return (*super().functions(name), *self._shared.functions(name))

    def __bool__(self) -> bool:
        return bool(self._functions) or bool(self._shared)


class Fleet:
    """Many VENs on shared threads.

    ``add`` makes one (arguments as ``OpenADRClient`` has them, and it returns a ``Ven``);
    ``vtn_url`` given here serves all that do not name their own. ``store`` is one file for all.
    ``add_handler(name, f)`` is for all VENs: ``f`` gets the VEN before the usual arguments; a VEN's
    own handler comes first.

    ``exchange_workers`` threads talk to each VTN, ``handler_workers`` run event handlers,
    ``callback_workers`` report callbacks. Where one does not come back soon, another takes its
    place, up to a hundred more. At most ``start_rate`` VENs begin in one second.
    ``ConfigurationError`` for what it cannot use.
    """

    @named_arguments
    def __init__(
        self,
        vtn_url: Optional[str] = None,
        *,
        store: Any = None,
        exchange_workers: int = 8,
        handler_workers: int = 8,
        callback_workers: int = 4,
        start_rate: float = STARTS_A_SECOND,
    ) -> None:
        self._vtn_url = None if vtn_url is None else base_url(vtn_url)
        self._store = SharedStore(store_of(store))
        self._store.check()
        self._has_store = False
        self._workers = whole("exchange_workers", exchange_workers, 1, MOST_THREADS)
        self._runtime = Runtime(
            exchange_workers=self._workers,
            many=True,
            handler_workers=whole("handler_workers", handler_workers, 1, MOST_THREADS),
            callback_workers=whole("callback_workers", callback_workers, 1, MOST_THREADS),
        )
        if (
            isinstance(start_rate, bool)
            or not isinstance(start_rate, (int, float))
            or not start_rate > 0
        ):
            raise ConfigurationError(
                f"start_rate must be a number of VENs a second, more than 0, not {start_rate!r}."
            )
        self._rate = start_rate
        self._start_at = 0.0
        self._handlers = Registry(
            {
                name: ("ven", *wanted)
                for name, wanted in PARAMETERS.items()
                if name != "before_event"
            },
            "fleet handler",
        )
        self._hooks, self._repeats = Hooks(), Repeats(log, limit=4096)
        self._vens: dict[str, Ven] = {}
        self._identities: dict[tuple[Any, ...], tuple[Identity, int]] = {}
        self._lock = (
            threading.Lock()
        )  # guards the two dicts and _start_at; nothing slow happens under it
        self._life = threading.Lock()
        self._ended = threading.Event()
        self._running = False

    # --- members ----------------------------------------------------------------------------------

    def add(self, ven_name: str, vtn_url: Optional[str] = None, **arguments: Any) -> Ven:
        """Add a VEN; in a running fleet it starts soon. ConfigurationError for wrong arguments or a
        name taken.

        ``arguments`` are those of ``OpenADRClient`` but for what the fleet has for all: store,
        callback_workers, debug and show_fingerprint.
        """
        return self._add(ven_name, vtn_url, arguments, lambda ven: None)

    def _add(
        self,
        ven_name: str,
        vtn_url: Optional[str],
        arguments: dict[str, Any],
        prepare: Callable[[Ven], None],
    ) -> Ven:
        """``add``; ``prepare`` gives the VEN its reports and handlers before it can start."""
        url = vtn_url or self._vtn_url
        if url is None:
            raise ConfigurationError(
                f"The VEN {ven_name!r} has no vtn_url: give it to add() or to Fleet()."
            )
        known_arguments("Fleet.add()", arguments, sorted(SETTINGS.union(IDENTITY)))
        own = {name: arguments.pop(name) for name in IDENTITY if name in arguments}
        check_files(*(own.get(name) for name in ("cert", "key", "passphrase", "ca_file")))
        for name in ("tls_fingerprint", "vtn_fingerprint"):
            optional_text(name, own.get(name))
        for name in ("check_hostname", "disable_signature"):
            own[name] = flag(name, own.get(name, name == "check_hostname"))
        own["proxies"] = proxy_addresses(own.get("proxies"))
        if "max_response_size" in own:
            whole("max_response_size", own["max_response_size"], SMALLEST_RESPONSE)
        signs = own.get("cert") is not None and not own.get("disable_signature", False)
        checked = settings(ven_name, url, xml_signature=signs, **arguments)
        self._check_free(ven_name)
        ven = self._made(checked, self._identity(checked, own))
        try:
            prepare(ven)
        except BaseException:
            self._release(ven._engine)
            raise
        with self._lock:
            free = self._vens.setdefault(ven_name, ven) is ven
            running = self._running
        if not free:
            self._release(ven._engine)
            self._check_free(ven_name)
        if running:
            self._begin_soon(ven)
        return ven

    def _check_free(self, ven_name: str) -> None:
        if ven_name in self._vens:
            raise ConfigurationError(
                f"The fleet has a VEN named {ven_name!r} already; names must differ."
            )

    def _made(self, checked: Settings, identity: Identity) -> Ven:
        handlers, hooks = FleetHandlers(self._handlers), FleetHooks(self._hooks)
        catalogue = Catalogue(now=self._runtime.clock.now)
        engine = build(
            checked, identity, self._runtime, self._store, handlers, hooks, catalogue, self._repeats
        )
        ven = handlers.ven = Ven(checked, engine, handlers, hooks, catalogue)
        return ven

    def _identity(self, checked: Settings, arguments: dict[str, Any]) -> Identity:
        """VENs with the same certificate and trust share connections."""
        key = (
            checked.vtn_url.split(":")[0],
            checked.timeout,
            checked.replay_window,
            *(_comparable(arguments.get(name)) for name in IDENTITY),
        )
        with self._lock:
            known = self._identities.get(key)
        made = (
            known[0]
            if known
            else Identity(
                **arguments,
                timeout=checked.timeout,
                replay_window=checked.replay_window,
                secure=checked.vtn_url.startswith("https:"),
                max_idle=1 if arguments.get("cert") else self._workers,
            )
        )
        with self._lock:
            identity, users = self._identities.get(key, (made, 0))
            self._identities[key] = (identity, users + 1)
        return identity

    def remove(self, ven_name: str, *, cancel: bool = False) -> None:
        """Take a VEN out of the fleet; with ``cancel`` its registration is cancelled first, which
        blocks and may raise as ``cancel_registration`` does. Its rows leave the store. StateError
        for a name that there is not."""
        ven = self[ven_name]
        if cancel:
            ven.cancel_registration()
        if self._take_out(ven) and self._running:
            self._store.forget(ven_name)

    def _take_out(self, ven: Ven) -> bool:
        """The VEN ends here; its rows stay. False when another thread took it out."""
        with self._lock:
            if self._vens.pop(ven.settings.ven_name, None) is None:
                return False
        engine = ven._engine
        engine.close()
        engine.close_store()
        engine.read(
            lambda: setattr(engine.keeper, "store", MemoryStore())
        )  # what still runs for it writes nothing more
        self._release(engine)
        return True

    def _hand_over(self, ven_names: Iterable[str], seconds: float) -> None:
        """Take VENs out for another owner of their rows: for up to ``seconds`` they send what is
        owed, and handlers return; nothing new begins.
        """
        vens = [ven for ven in map(self._vens.get, ven_names) if ven is not None]
        deadline = self._runtime.clock.monotonic() + seconds
        if seconds:
            for ven in vens:
                ven._engine.conversation.closing = True
            for ven in vens:
                ven._engine.settle(deadline - self._runtime.clock.monotonic())
        for ven in vens:
            self._take_out(ven)

    def _release(self, engine: Engine) -> None:
        """The engine uses its identity no more; the last one to do so closes the connections."""
        used = engine.exchange.identity
        used.forget_keeper(engine.remember_nonce)
        with self._lock:
            for key, (identity, users) in list(self._identities.items()):
                if identity is used and users > 1:
                    self._identities[key] = (identity, users - 1)
                elif identity is used:
                    del self._identities[key]
                    used.connections.close()

    def __getitem__(self, ven_name: str) -> Ven:
        ven = self._vens.get(ven_name)
        if ven is None:
            raise StateError(f"The fleet has no VEN named {ven_name!r}.")
        return ven

    def __iter__(self) -> Iterator[Ven]:
        with self._lock:
            return iter(tuple(self._vens.values()))

    def __len__(self) -> int:
        return len(self._vens)

    def __contains__(self, ven_name: object) -> bool:
        return ven_name in self._vens

    # --- handlers ---------------------------------------------------------------------------------

    def add_handler(self, name: str, function: Callable[..., Any]) -> None:
        """Call ``function(ven, ...)`` when ``name`` happens to any VEN. ``before_event`` belongs to
        single VENs.
        """
        self._handlers.add(name, function, single=name in SINGLE)

    def add_hook(self, name: str, function: Callable[..., Any]) -> None:
        """Call ``function`` with every message of every VEN."""
        self._hooks.add(name, function)

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all VENs, spread over ``len(fleet) / start_rate`` seconds; returns at once.
        Harmless when it runs.

        StoreError when another process has the store. A disk without room stops nobody: see
        ``OpenADRClient``."""
        self._runtime.check_process()
        with self._life:
            if not self._running:
                self._start()

    def _start(self) -> None:
        self._ended.clear()
        texts = self._open_store()
        self._runtime.start()
        with self._lock:
            self._running, self._start_at = True, 0.0
            vens, identities = tuple(self._vens.values()), tuple(self._identities.values())
        for text in texts:
            log.error("%s", text)
        for identity, _ in identities:
            identity.connections.reopen()
        for ven in vens:
            self._begin_soon(ven)
        log.info("A fleet of %d VENs starts.", len(vens))
        trusting = sum(ven._engine.exchange.identity.verifier is None for ven in vens)
        if trusting:
            log.warning(
                "Messages from the VTN are not authenticated for %d VENs: vtn_fingerprint is not "
                "set. Whoever "
                "answers at their vtn_url is obeyed.",
                trusting,
            )

    def _open_store(self) -> tuple[str, ...]:
        try:
            texts = self._store.open()
        except StoreError as error:
            if not error.retryable:
                raise
            return ()  # each VEN tries for itself, says so, and runs on in memory
        self._has_store = True
        return texts

    def _begin_soon(self, ven: Ven) -> None:
        """Start the VEN when its turn has come: no more than ``start_rate`` in a second."""
        now = self._runtime.clock.monotonic()
        with self._lock:
            at = max(now, self._start_at)
            self._start_at = at + 1.0 / self._rate
        self._runtime.scheduler.after(at - now, partial(self._begin, ven))

    def _begin(self, ven: Ven) -> None:
        self._runtime.pools["step"].submit(
            ven, lambda: self._begun(ven), f"start of {ven.settings.ven_name}"
        )

    def _begun(self, ven: Ven) -> None:
        engine = ven._engine
        if (
            not self._running
            or not engine.stopped
            or self._vens.get(ven.settings.ven_name) is not ven
        ):
            return
        try:
            if self._store.durable:
                for text in (*engine.open_store(), *engine.restore()):
                    log.error("%s", text)
                engine.exchange.identity.recall_nonces(engine.book.nonces)
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

    def _begin_later(self, ven: Ven, error: StoreError) -> None:
        """Its rows are owned by whoever can read them: without them the VEN does not begin."""
        self._repeats.say("store", logging.ERROR, f"{error} VENs start when it can be read.")
        ven._engine.close_store()
        self._runtime.scheduler.after(STORE_PAUSE, partial(self._begin, ven))

    def stop(self, timeout: Duration = 10) -> None:
        """Stop all VENs in order, as ``OpenADRClient.stop`` does; twice is harmless."""
        self._runtime.check_process()
        seconds = waiting_seconds("timeout", timeout)
        self._ended.set()
        own = threading.current_thread().name.startswith("ven_sdk-")
        if not self._life.acquire(blocking=not own):
            return  # another thread is stopping, and waits for this one
        try:
            if self._running:
                self._end(seconds)
        finally:
            self._life.release()

    def _end(self, seconds: float) -> None:
        deadline = self._runtime.clock.monotonic() + seconds
        self._running = False
        engines = [ven._engine for ven in self]
        self._wind_up([engine for engine in engines if not engine.stopped], deadline - seconds / 2)
        for engine in engines:
            engine.close()
        for identity, _ in tuple(self._identities.values()):
            identity.connections.close()
        unfinished = self._runtime.stop(max(0.0, deadline - self._runtime.clock.monotonic()))
        for engine in engines:
            engine.close_store()
        if self._has_store:
            self._has_store = False
            self._store.close()
        log.info(
            "The fleet stopped.%s", f" Left behind: {', '.join(unfinished)}." if unfinished else ""
        )

    def _wind_up(self, engines: list[Engine], deadline: float) -> None:
        """Nothing new begins; handlers may return and what is owed is sent, all VENs side by side,
        until ``deadline``.
        """
        clock = self._runtime.clock
        for engine in engines:
            engine.conversation.closing = True
        self._runtime.pools["handler"].settle(max(0.0, deadline - clock.monotonic()))
        owing = [engine for engine in engines if engine.owes()]
        for engine in owing:
            engine.conversation.wake()
        for engine in owing:
            engine.wind_up(max(0.0, deadline - clock.monotonic()))

    def run(self) -> None:
        """Start, block until ``stop()``, Ctrl-C or SIGTERM, then stop."""
        until_signal(self.start, self._ended, self.stop)

    def __enter__(self) -> "Fleet":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> FleetStatus:
        """Counts over all VENs; the cost is one look at each."""
        states: "Counter[str]" = Counter()
        counters: "Counter[str]" = Counter(exchanges=0, failures=0, polls=0)
        queues: "Counter[str]" = Counter(answers=0, events=0, samples=0, deliveries=0)
        for ven in self:
            engine = ven._engine
            book, counts = engine.book, engine.counters
            states[ven._state()] += 1
            for name in ("exchanges", "failures", "polls"):
                counters[name] += getattr(counts, name)
            for name in queues:
                queues[name] += len(book.tables[name])
        threads = sum(thread.name.startswith("ven_sdk-") for thread in threading.enumerate())
        return FleetStatus(len(self), dict(states), dict(counters), dict(queues), threads)

    def wait(self, registered: int, timeout: Duration = timedelta(minutes=1)) -> bool:
        """Wait until so many VENs are registered; False when that took longer than ``timeout``."""
        clock = self._runtime.clock
        deadline = clock.monotonic() + waiting_seconds("timeout", timeout)
        while True:
            waiting = [ven for ven in self if ven._engine.stopped or not ven._is_registered()]
            if len(self) - len(waiting) >= registered:
                return True
            left = deadline - clock.monotonic()
            if left <= 0:
                return False
            begun = next((ven for ven in waiting if not ven._engine.stopped), None)
            if begun is None or not begun._engine.wait(begun._is_registered, min(left, PAUSE)):
                self._ended.wait(min(left, PAUSE))  # nobody has begun yet, or others are quicker


def _comparable(value: Any) -> Any:
    """``value`` as part of a key: equal for what means the same."""
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
