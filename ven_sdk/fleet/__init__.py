"""``Fleet``: many VENs in one process, on one scheduler, bounded pools, one store, and shared
connections.

A VEN of a fleet is a ``Ven`` like a client's, on threads that it shares: what one of them does
wrong, or what its VTN does to it, stays its own. Starts are spread, so that ten thousand
registrations do not reach the VTN at once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ..argument_names import named_arguments
from ..arguments import (
    MOST_THREADS,
    Duration,
    as_float,
    quantity,
    waiting_seconds,
    whole_number,
)
from ..client_lifecycle import SHORTEST_TIMEOUT, STOP_TIMEOUT, short_timeout
from ..config import Settings
from ..display.tables import fleet_html
from ..errors import ConfigurationError, StateError, TransportError
from ..log import Repeats
from ..near_names import did_you_mean, public_names
from ..points.catalogue import Catalogue
from ..profiles import vtn_address
from ..push.peer import Peer, Response, check_request
from ..runtime.clock import Clock, checked_clock
from ..runtime.engine import Engine
from ..runtime.runtime import Runtime
from ..runtime.signals import run_until_stopped
from ..runtime.status import Health
from ..state.shared_store import SharedStore
from ..text import repr_of, write_count
from ..transport.identity import Identity
from ..usercode.handlers import Hooks
from ..ven import Ven
from ..wiring import build, store_of
from .arguments import OWN, check_names
from .handlers import FleetHandlerCalls, FleetHandlers, FleetHooks, SharedHandlers
from .identities import Identities, check_common
from .lifecycle import FleetLifecycle
from .push import FleetPush
from .status import FleetStatus, examine, take_status
from .vens import VenChecks, Vens

__all__ = ["Fleet", "FleetStatus"]

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..state.store import Store
    from .arguments import VenArguments

logger: logging.Logger = logging.getLogger(__name__)

STARTS_A_SECOND = 250
"""How many VENs begin their registration in one second, at the most."""
SLOWEST_RATE = 1e-3
"""VENs that begin in one second, at the least."""
MOST_NAMED = 5
"""Troubles that an error names."""


class Fleet(FleetHandlerCalls):
    """Many VENs on shared threads: ``add`` makes one and returns its :class:`~ven_sdk.Ven`.

    ``add_handler(name, f)`` is for all VENs: ``f`` gets the VEN before the usual arguments; a VEN's
    own handler comes first. Where a thread does not come back soon, another takes its place, up to
    a hundred more.

    Keep the fleet in a variable: its VENs do not keep it. A started one whose last reference goes
    is stopped, with a ResourceWarning, although somebody may hold ``fleet['a']``.

    Arguments:
        vtn_url (None): the VTN of all VENs that do not name their own.
        store (None): one file for all, ``postgresql://...`` or a Store; None: in memory.
        exchange_workers (8): threads that talk to each VTN, 1 to 1000.
        handler_workers (8): threads that run event handlers.
        callback_workers (4): threads that run report callbacks.
        start_rate (250): VENs that begin in one second, at the most.
        listen (None): host and port, such as ``'0.0.0.0:8443'``: the one address where all VENs
            with ``push`` are called. ``cert``, ``key`` and ``ca_file`` given here are the
            listener's.
        clock (None): a :class:`~ven_sdk.testing.ManualClock` for tests.
        **common: arguments of ``add`` that all VENs share, such as ``ca_file`` or ``timeout``. In
            ``push``, ``{ven_name}`` is each VEN's name.

    Raises:
        ConfigurationError: an argument, or a file that one names, cannot be used.
    """

    _elsewhere = {
        **{name: f"of a VEN: fleet['NAME'].{name}" for name in public_names(Ven)},
        "vens": "the fleet itself: for ven in fleet",
    }

    @named_arguments
    def __init__(
        self,
        vtn_url: Optional[str] = None,
        *,
        store: Union[str, "os.PathLike[str]", Store, None] = None,
        exchange_workers: int = 8,
        handler_workers: int = 8,
        callback_workers: int = 4,
        start_rate: float = STARTS_A_SECOND,
        listen: Optional[str] = None,
        clock: Optional[Clock] = None,
        **common: Unpack[VenArguments],
    ) -> None:
        check_names("Fleet()", common, OWN)
        check_common(dict(common), vtn_url)
        self._common = dict(common)
        self._checks = VenChecks(self._common)
        self._vtn_url = None if vtn_url is None else vtn_address(vtn_url)
        self._store = SharedStore(store_of(store))
        self._store.check()
        self._workers = whole_number("exchange_workers", exchange_workers, 1, MOST_THREADS)
        self._runtime = Runtime(
            exchange_workers=self._workers,
            many=True,
            clock=checked_clock(clock),
            handler_workers=whole_number("handler_workers", handler_workers, 1, MOST_THREADS),
            callback_workers=whole_number("callback_workers", callback_workers, 1, MOST_THREADS),
        )
        self._handlers = SharedHandlers()
        self._hooks = Hooks()
        self._repeats = Repeats(logger, limit=4096)
        self._identities = Identities(self._workers)
        self._push = FleetPush(listen, self._common, _teller(self._repeats))
        rate = as_float(quantity("start_rate", start_rate))
        if rate < SLOWEST_RATE:
            raise ConfigurationError(
                f"start_rate must be at least {SLOWEST_RATE:g} a second, not {rate:g}."
            )
        self._vens = Vens(self._runtime, self._store, self._push, self._repeats, rate)
        self._lifecycle = FleetLifecycle(
            self._runtime, self._store, self._vens, self._push, self._identities
        )

    # --- members ----------------------------------------------------------------------------------

    def add(
        self, ven_name: str, vtn_url: Optional[str] = None, **arguments: Unpack[VenArguments]
    ) -> Ven:
        """Add a VEN; in a running fleet it starts soon.

        Arguments:
            ven_name: its name at the VTN, and in the fleet.
            vtn_url (None): its VTN; None: the fleet's.
            **arguments: those of ``OpenADRClient``, but for what the fleet has for all: ``store``,
                ``callback_workers``, ``clock``, ``debug``, ``show_fingerprint``, ``on_event``,
                ``listen``, ``push_ack``, ``poll_fallback``. They come before those that ``Fleet``
                was given for all.

        Raises:
            ConfigurationError: a wrong argument, or a name that is taken.
            StateError: in the child of a fork.
        """
        return self._add(ven_name, vtn_url, dict(arguments), lambda ven: None)

    def _add(
        self,
        ven_name: str,
        vtn_url: Optional[str],
        arguments: dict[str, Any],
        prepare: Callable[[Ven], None],
    ) -> Ven:
        """``add``; ``prepare`` gives the VEN its reports and handlers before it can start."""
        self._runtime.check_process()
        url = self._vtn_url if vtn_url is None else vtn_url
        if url is None:
            raise ConfigurationError(
                f"The VEN {ven_name!r} has no vtn_url: give it to add() or to Fleet()."
            )
        checked, own = self._checks.check(ven_name, url, arguments)
        self._push.check(checked.push)
        self._check_free(ven_name)
        if checked.timeout < SHORTEST_TIMEOUT:
            text = short_timeout(f"timeout of the VEN {ven_name!r}", checked.timeout)
            self._repeats.note("short timeout", logging.WARNING, text)
        ven = self._make_ven(checked, self._identities.get(checked, own))
        try:
            prepare(ven)
        except BaseException:
            self._release(ven._engine)
            raise
        if not self._vens.add(ven):
            self._release(ven._engine)
            self._check_free(ven_name)
        self._lifecycle.look_for_twin(ven)
        return ven

    def _check_free(self, ven_name: str) -> None:
        if ven_name in self._vens:
            raise ConfigurationError(
                f"The fleet has a VEN named {ven_name!r} already; names must differ."
            )

    def _make_ven(self, checked: Settings, identity: Identity) -> Ven:
        handlers, hooks = FleetHandlers(self._handlers), FleetHooks(self._hooks)
        catalogue = Catalogue(now=self._runtime.clock.now)
        engine = build(
            checked, identity, self._runtime, self._store, handlers, hooks, catalogue, self._repeats
        )
        ven = handlers.ven = Ven(checked, engine, handlers, hooks, catalogue)
        return ven

    def remove(self, ven_name: str, *, cancel: bool = False) -> None:
        """Take the VEN ``ven_name`` out of the fleet; with ``cancel`` its registration is cancelled
        first, which blocks and may raise as ``cancel_registration`` does. Its rows leave the store.
        StateError for a name that there is not.
        """
        self._runtime.check_process()
        ven = self[ven_name]
        if cancel:
            ven.cancel_registration()
        if self._take_out(ven):
            self._vens.forget_rows(ven_name)

    def _take_out(self, ven: Ven) -> bool:
        """The VEN ends here; its rows stay. False when another thread took it out."""
        if not self._vens.remove(ven):
            return False
        self._release(ven._engine)
        return True

    def _hand_over(self, ven_names: Iterable[str], seconds: float) -> frozenset[str]:
        """Take VENs out for another owner of their rows: for up to ``seconds`` they send what is
        owed, and handlers return; nothing new begins. Returns those that had not started.
        """
        names = frozenset(ven_names)
        vens = [ven for ven in map(self._vens.get, names) if ven is not None]
        deadline = self._runtime.clock.monotonic() + seconds
        if seconds:
            for ven in vens:
                ven._engine.begin_closing()
            for ven in vens:
                ven._engine.settle(deadline - self._runtime.clock.monotonic())
        for ven in vens:
            self._take_out(ven)
        return names - {ven.settings.ven_name for ven in vens if ven._engine.was_started}

    def _release(self, engine: Engine) -> None:
        """The engine uses its identity no more; the last one to do so closes the connections."""
        engine.profile.detach()
        self._identities.release(engine.profile.identity)

    def __getitem__(self, ven_name: str) -> Ven:
        ven = self._vens.get(ven_name) if isinstance(ven_name, str) else None
        if ven is None:
            near = did_you_mean(ven_name, [each.settings.ven_name for each in self._vens])
            raise StateError(f"The fleet has no VEN named {repr_of(ven_name)}.{near}")
        return ven

    def __iter__(self) -> Iterator[Ven]:
        return iter(self._vens)

    def _repr_html_(self) -> str:
        found = [(ven.settings.ven_name, ven.status, ven.current_level()) for ven in self]
        registered = sum(1 for _, status, _ in found if status.state == "registered")
        vens = write_count(len(found), "VEN", "VENs")
        return fleet_html(found, f"Fleet: {vens}, {registered} registered")

    def __len__(self) -> int:
        return len(self._vens)

    def __contains__(self, ven_name: object) -> bool:
        return isinstance(ven_name, str) and ven_name in self._vens

    # --- push -------------------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Take in an HTTP request that a VTN pushed to one of the VENs, for a web server of your
        own; 404 where no VEN is meant. ``path``, ``body`` and ``peer`` are those of
        ``Ven.receive``. ``StateError`` in the child of a fork.
        """
        self._runtime.check_process()
        check_request(path, body, peer)
        return self._push.receive(path, body, peer)

    # --- lifecycle --------------------------------------------------------------------------------

    def start(self, wait: Optional[Duration] = None) -> None:
        """Start all VENs, spread over ``len(fleet) / start_rate`` seconds; returns at once, or with
        ``wait`` when all are registered. Harmless when it runs.

        StoreError when another process has the store. A disk without room stops nobody: see
        ``OpenADRClient``. ``TransportError`` when not all were registered within ``wait``: the
        fleet goes on, and ``health()`` names those that are missing.
        """
        self._runtime.check_process()
        seconds = None if wait is None else waiting_seconds("wait", wait)
        self._lifecycle.start(self)
        if seconds is not None and not self.wait(len(self), seconds):
            problems = self.health().problems
            raise TransportError(
                f"Not all VENs were registered within {seconds:g} s; the fleet goes on. "
                f"{' '.join(problems[:MOST_NAMED])}"
            )

    def stop(self, timeout: Duration = STOP_TIMEOUT) -> None:
        """Stop all VENs in order, within ``timeout`` (a duration), as ``OpenADRClient.stop`` does;
        twice is harmless.
        """
        self._runtime.check_process()
        seconds = waiting_seconds("timeout", timeout)
        self._lifecycle.stop(seconds)

    def run(self) -> None:
        """Start, block until ``stop()``, Ctrl-C or SIGTERM, then stop. LeaseLostError where another
        owner of the store ended it.
        """
        self._runtime.check_process()
        run_until_stopped(self._lifecycle.cycle, self.start, self.stop, STOP_TIMEOUT)

    def __enter__(self) -> "Fleet":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def status(self) -> FleetStatus:
        """Counts over all VENs; the cost is one look at each."""
        return take_status(tuple(self))

    def health(self) -> Health:
        """Whether all is well with every VEN, and a sentence that names the VEN for everything that
        is not. The cost is that of each VEN's ``health()``.
        """
        return examine(tuple(self), self.status, self._vens.is_running)

    def __repr__(self) -> str:
        vens, states = write_count(len(self), "VEN", "VENs"), self.status.states
        return f"<Fleet of {vens}, {states.get('registered', 0)} registered>"

    def wait(self, registered: int, timeout: Duration = timedelta(minutes=1)) -> bool:
        """Wait until so many VENs are ``registered``; False when that took longer than
        ``timeout``. ``StateError`` in the child of a fork.
        """
        self._runtime.check_process()
        seconds = waiting_seconds("timeout", timeout)
        registered = whole_number("registered", registered, 0)
        return self._vens.wait(registered, seconds, self._lifecycle.cycle.next_stop)


def _teller(repeats: Repeats) -> Callable[[str, str], object]:
    return lambda once, text: repeats.note(once, logging.WARNING, "%s", text)
