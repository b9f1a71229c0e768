"""``Fleet``: many VENs in one process, on one scheduler, bounded pools, one store, and shared connections.

A VEN of a fleet is a ``Ven`` like a client's, on threads that it shares: what one of them does wrong, or what its VTN does
to it, stays its own. Starts are spread, so that ten thousand registrations do not reach the VTN at once.
"""
from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from .config import Duration, duration, settings
from .errors import ConfigurationError, StateError, StoreError
from .identity import Identity
from .life import until_signal
from .log import Repeats
from .runtime.handlers import PARAMETERS, SINGLE, Function, Handlers, Hooks, Registry
from .runtime.runtime import Runtime
from .services.catalogue import Catalogue
from .ven import Ven
from .wiring import build, positive, store_of

log = logging.getLogger("ven_sdk")

IDENTITY = ("cert", "key", "passphrase", "ca_file", "check_hostname", "tls_fingerprint", "vtn_fingerprint",
            "disable_signature", "proxies", "max_response_size")
PAUSE = 0.05
"""Seconds between looks at how many VENs are registered."""
STARTS_A_SECOND = 250
"""How many VENs begin their registration in one second, at the most."""


@dataclass(frozen=True)
class FleetStatus:
    """A fleet at one moment: how many VENs there are, in which state, and their counters added up."""

    vens: int
    states: Dict[str, int]
    counters: Dict[str, int]
    queues: Dict[str, int]
    threads: int


class FleetHandlers(Handlers):
    """One VEN's handlers, with the fleet's behind them: those are called with the VEN as first argument."""

    def __init__(self, shared: Registry) -> None:
        super().__init__()
        self._shared, self.ven = shared, None

    def functions(self, name: str) -> Tuple[Function, ...]:
        """The VEN's own functions, then the fleet's; of those that are one only, the own one comes before the fleet's."""
        own = super().functions(name)
        shared = self._shared.functions(name)
        if not shared or (own and name in SINGLE):
            return own
        ven = self.ven
        return (*own, *(lambda *arguments, function=function: function(ven, *arguments) for function in shared))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._shared


class Fleet:
    """Many VENs on shared threads.

    ``add`` makes one (arguments as ``OpenADRClient`` has them, and it returns a ``Ven``); ``vtn_url`` given here serves all
    that do not name their own. ``store`` is one file for all. ``add_handler(name, f)`` is for all VENs: ``f`` gets the VEN
    before the usual arguments; a VEN's own handler comes first.
    """

    def __init__(self, vtn_url: Optional[str] = None, *, store: Any = None, exchange_workers: int = 8,
                 handler_workers: int = 8, callback_workers: int = 4, start_rate: float = STARTS_A_SECOND) -> None:
        self._vtn_url = vtn_url
        self._store = store_of(store)
        self._store.check()
        self._workers = positive("exchange_workers", exchange_workers)
        self._runtime = Runtime(exchange_workers=self._workers,
                                handler_workers=positive("handler_workers", handler_workers),
                                callback_workers=positive("callback_workers", callback_workers))
        self._rate = start_rate
        self._handlers = Registry({name: ("ven", *wanted) for name, wanted in PARAMETERS.items() if name != "before_event"},
                                  "fleet handler")
        self._hooks, self._repeats = Hooks(), Repeats(log, limit=4096)
        self._vens: Dict[str, Ven] = {}
        self._identities: Dict[Tuple[Any, ...], Tuple[Identity, int]] = {}
        self._lock = threading.Lock()
        self._life = threading.Lock()
        self._ended = threading.Event()
        self._running = False

    # --- members --------------------------------------------------------------------------------------------------

    def add(self, ven_name: str, vtn_url: Optional[str] = None, **arguments: Any) -> Ven:
        """Add a VEN; in a running fleet it starts at once. ConfigurationError for wrong arguments or a name taken."""
        url = vtn_url or self._vtn_url
        if url is None:
            raise ConfigurationError(f"The VEN {ven_name!r} has no vtn_url: give it to add() or to Fleet().")
        identity_arguments = {name: arguments.pop(name) for name in IDENTITY if name in arguments}
        signs = identity_arguments.get("cert") is not None and not identity_arguments.get("disable_signature", False)
        checked = settings(ven_name, url, xml_signature=signs, **arguments)
        identity = self._identity(checked, identity_arguments)
        handlers, catalogue = FleetHandlers(self._handlers), Catalogue()
        ven = Ven(checked, build(checked, identity, self._runtime, self._store, handlers, self._hooks, catalogue, self._repeats),
                  handlers, self._hooks, catalogue)
        handlers.ven = ven  # type: ignore[assignment]
        with self._lock:
            if ven_name in self._vens:
                raise ConfigurationError(f"The fleet has a VEN named {ven_name!r} already; names must differ.")
            self._vens[ven_name] = ven
            running = self._running
        if running:
            self._begin(ven)
        return ven

    def _identity(self, checked: Any, arguments: Dict[str, Any]) -> Identity:
        """VENs with the same certificate and trust share connections."""
        key = (checked.vtn_url.split("/")[0], checked.timeout, checked.replay_window,
               *(repr(arguments.get(name)) for name in IDENTITY))
        with self._lock:
            known = self._identities.get(key)
        identity = known[0] if known else Identity(
            **arguments, timeout=checked.timeout, replay_window=checked.replay_window,
            secure=checked.vtn_url.startswith("https:"), max_idle=1 if arguments.get("cert") else self._workers)
        with self._lock:
            identity, users = self._identities.get(key, (identity, 0))
            self._identities[key] = (identity, users + 1)
        return identity

    def remove(self, ven_name: str, *, cancel: bool = False) -> None:
        """Take a VEN out of the fleet; with ``cancel`` its registration is cancelled first. Its rows leave the store."""
        ven = self[ven_name]
        if cancel:
            ven.cancel_registration()
        with self._lock:
            self._vens.pop(ven_name, None)
            self._release(ven)
        ven._engine.close()
        if self._running:
            self._store.forget(ven_name)

    def _release(self, ven: Ven) -> None:
        for key, (identity, users) in list(self._identities.items()):
            if identity is ven._engine.exchange.identity:
                if users > 1:
                    self._identities[key] = (identity, users - 1)
                else:
                    del self._identities[key]
                    identity.connections.close()

    def __getitem__(self, ven_name: str) -> Ven:
        ven = self._vens.get(ven_name)
        if ven is None:
            raise StateError(f"The fleet has no VEN named {ven_name!r}.")
        return ven

    def __iter__(self) -> Iterator[Ven]:
        return iter(tuple(self._vens.values()))

    def __len__(self) -> int:
        return len(self._vens)

    def __contains__(self, ven_name: object) -> bool:
        return ven_name in self._vens

    # --- handlers -------------------------------------------------------------------------------------------------

    def add_handler(self, name: str, function: Callable[..., Any]) -> None:
        """Call ``function(ven, ...)`` when ``name`` happens to any VEN."""
        self._handlers.add(name, function, single=name in SINGLE)

    def add_hook(self, name: str, function: Callable[..., Any]) -> None:
        """Call ``function`` with every message of every VEN."""
        self._hooks.add(name, function)

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all VENs, spread over ``len(fleet) / start_rate`` seconds; returns at once. Harmless when it runs."""
        self._runtime.check_process()
        with self._life:
            if self._running:
                return
            self._ended.clear()
            texts = self._store.open()
            self._runtime.start()
            with self._lock:
                self._running = True
                vens = tuple(self._vens.values())
            for text in texts:
                log.error("%s", text)
            for identity, _ in self._identities.values():
                identity.connections.reopen()
            for place, ven in enumerate(vens):
                self._runtime.scheduler.after(place / self._rate, lambda ven=ven: self._begin(ven))
            log.info("A fleet of %d VENs starts.", len(vens))
            trusting = sum(ven._engine.exchange.identity.verifier is None for ven in vens)
            if trusting:
                log.warning("Messages from the VTN are not authenticated for %d VENs: vtn_fingerprint is not set. Whoever "
                            "answers at their vtn_url is obeyed.", trusting)

    def _begin(self, ven: Ven) -> None:
        self._runtime.pools["step"].submit(ven, lambda: self._begun(ven), f"start of {ven.settings.ven_name}")

    def _begun(self, ven: Ven) -> None:
        engine = ven._engine
        if not self._running or not engine.stopped or ven.settings.ven_name not in self._vens:
            return
        try:
            if self._store.durable:
                for text in engine.restore():
                    log.error("%s", text)
                engine.exchange.identity.recall_nonces(engine.book.nonces)
        except StoreError as error:
            engine.report(error, f"store of {ven.settings.ven_name}", f"{error} {ven.settings.ven_name} starts without it.",
                          logging.ERROR)
        engine.start()

    def stop(self, timeout: Duration = 10) -> None:
        """Stop all VENs in order, as ``OpenADRClient.stop`` does; twice is harmless."""
        self._runtime.check_process()
        seconds = duration("timeout", timeout).total_seconds()
        self._ended.set()
        own = threading.current_thread().name.startswith("ven_sdk-")
        if not self._life.acquire(blocking=not own):
            return
        try:
            if self._running:
                self._end(seconds)
        finally:
            self._life.release()

    def _end(self, seconds: float) -> None:
        deadline = self._runtime.clock.monotonic() + seconds
        self._running = False
        engines = [ven._engine for ven in self]
        busy = []
        for engine in engines:
            engine.conversation.closing = True
            if not engine.stopped and engine.owes():
                busy.append(engine)
                engine.conversation.wake()
        for engine in busy:
            engine.wind_up(max(0.0, deadline - seconds / 2 - self._runtime.clock.monotonic()))
        for engine in engines:
            engine.close()
        for identity, _ in self._identities.values():
            identity.connections.close()
        unfinished = self._runtime.stop(max(0.0, deadline - self._runtime.clock.monotonic()))
        self._store.close()
        log.info("The fleet stopped.%s", f" Left behind: {', '.join(unfinished)}." if unfinished else "")

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
        counters: "Counter[str]" = Counter()
        queues: "Counter[str]" = Counter()
        for ven in self:
            engine = ven._engine
            states[ven._state()] += 1
            counters.update(exchanges=engine.counters.exchanges, failures=engine.counters.failures,
                            polls=engine.counters.polls)
            queues.update(answers=len(engine.book.answers), events=len(engine.book.events),
                          samples=len(engine.book.samples), deliveries=len(engine.book.deliveries))
        threads = sum(thread.name.startswith("ven_sdk-") for thread in threading.enumerate())
        return FleetStatus(len(self), dict(states), dict(counters), dict(queues), threads)

    def wait(self, registered: int, timeout: Duration = timedelta(minutes=1)) -> bool:
        """Wait until so many VENs are registered; False when that took longer than ``timeout``."""
        clock = self._runtime.clock
        deadline = clock.monotonic() + duration("timeout", timeout).total_seconds()
        while self.status.states.get("registered", 0) < registered:
            left = deadline - clock.monotonic()
            if left <= 0:
                return False
            begun = next((ven for ven in self if not ven._engine.stopped and not ven._is_registered()), None)
            if begun is None or not begun._engine.wait(begun._is_registered, min(left, PAUSE)):
                self._ended.wait(min(left, PAUSE))     # nobody has begun yet, or others are quicker
        return True
