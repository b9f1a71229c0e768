"""``FleetMember``: one of many processes or machines that run one fleet together.

All members share a store. It owns: every VEN lies in a slot, every slot has one owner at a time,
and nobody tells a member what to do but the store's table of members. One thread renews the leases
(``lifecycle``), another takes slots, starts their VENs, and gives back what others should have
(``slots``). Which VENs a slot has is asked of ``sites``.

A VEN whose slot is taken over goes on as the registered VEN that it is; the theory of that, and
what is made good of replies that died with the member before, stands in
``oadr20b/services/registration/takeover.py``. How a slot was left is the store's to say
(``state.leases.Taking``): *in order* only where every VEN of the slot ran there, and ended in
order; whatever a member is not sure of it leaves as not in order, and the VENs start anew.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable, Optional

from ..argument_names import named_arguments
from ..arguments import Duration, as_float, optional_text, quantity, waiting_seconds
from ..brackets import is_function
from ..errors import ConfigurationError
from ..fleet import Fleet
from ..fleet.arguments import OWN, check_names
from ..fleet.push import NAME
from ..push.peer import Peer, Response
from ..runtime.signals import run_until_stopped
from ..runtime.status import Health
from ..state.leases import LEASE, MOST_SLOTS, SLOTS, Renewal
from ..text import repr_of
from ..usercode.attributes import CheckedAttributes
from ..usercode.functions import check_call, refuse_async
from .lifecycle import Lease, MemberLifecycle
from .sites import Functions, Sites, SiteTable, store_of_fleet
from .slots import MemberSlots

_OWN = ("store", "sites", "name", "weight", "lease", "slots", "functions")
GRACE = 25
"""Seconds for stopping: less than what supervisors give (Kubernetes 30, systemd 90)."""


@dataclass(frozen=True)
class MemberStatus:
    """A member at one moment. ``slots`` it holds, of them ``running`` have their VENs; ``wanted``
    are those that it should have. ``states``, ``counters`` and ``queues`` are its fleet's.

    ``silent_for``: since its leases were last renewed. ``may_send`` is False from two thirds of a
    lease on. ``members`` are the names of all that live.
    """

    name: str
    draining: bool
    slots: int
    running: int
    wanted: int
    vens: int
    states: dict[str, int]
    counters: dict[str, int]
    queues: dict[str, int]
    members: tuple[str, ...]
    silent_for: timedelta
    may_send: bool


class FleetMember(CheckedAttributes):
    """Runs its share of a fleet; other members run theirs. Start as many as are needed, anywhere.

    Keep it in a variable: a started member whose last reference goes leaves the fleet, with a
    ResourceWarning, although somebody may hold its ``fleet``.

    Arguments:
        store: ``postgresql://...``, the same for all members.
        sites (None): ``sites(slot)`` gives the :class:`Site` of every VEN of a slot (others are
            left out). None: the store's own table (:class:`SiteTable`).
        name (None): this member's for good; None: host and process.
        weight (1.0): how much it takes, beside the others' weights.
        lease (15 s): how long a slot is its own without a renewal; 1 s to 7 days.
        slots (1024): into how many parts the fleet is cut, 2 to 65536. Counts when the store is
            made.
        functions (None): those that sites name, by their names.
        **fleet: arguments of :class:`Fleet`, but for ``store``.

    Raises:
        ConfigurationError: an argument cannot be used, or the store cannot be shared.
    """

    _own = ("name", "fleet")

    @named_arguments
    def __init__(
        self,
        *,
        store: Any,
        sites: Optional[Sites] = None,
        name: Optional[str] = None,
        weight: float = 1.0,
        lease: Duration = LEASE,
        slots: int = SLOTS,
        functions: Optional[Functions] = None,
        **fleet: Any,
    ) -> None:
        check_names("FleetMember()", fleet, (*_OWN, *OWN))
        _check_catalogue(sites, functions)
        _check_push(fleet.get("push"))
        self.name: str = optional_text("name", name) or f"{socket.gethostname()}-{os.getpid()}"
        self._store = store_of_fleet(store)
        seconds = waiting_seconds("lease", lease, 1.0)
        share = as_float(quantity("weight", weight))
        checked = _check_slots(slots)
        self.fleet: Fleet = Fleet(store=self._store, **fleet)
        self.fleet._push.is_shared = True
        catalogue = sites if sites is not None else SiteTable(self._store)
        given = functions or {}
        self._own_slots = MemberSlots(self.name, self._store, self.fleet, catalogue, given)
        self._lifecycle = MemberLifecycle(
            self.name, self._store, self.fleet, self._own_slots, Lease(seconds, checked, share)
        )

    # --- handlers ---------------------------------------------------------------------------------

    def add_handler(self, name: str, function: Callable[..., object]) -> None:
        """Call ``function(ven, ...)`` when ``name`` happens to any VEN that runs here."""
        self.fleet.add_handler(name, function)

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Take in an HTTP request that a VTN pushed to a VEN that runs here: ``path``, ``body`` and
        ``peer`` are those of ``Fleet.receive``. 503 with ``Retry-After`` for one that may run on
        another member: a load balancer asks that one, or the VTN comes again.
        """
        return self.fleet.receive(path, body, peer)

    # --- lifecycle --------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the fleet and return at once; harmless when it runs. StoreError where the store
        cannot be reached; ConfigurationError where it is one client's, not a fleet's.
        """
        self._lifecycle.start(self)

    def stop(self, timeout: Duration = GRACE) -> None:
        """Leave the fleet: what is owed is sent within ``timeout`` (a duration), then all slots are
        free for the others at once.

        From anywhere, a handler too; twice is harmless.
        """
        self._lifecycle.cycle.stop(waiting_seconds("timeout", timeout))

    def run(self) -> None:
        """Start, block until ``stop()``, Ctrl-C or SIGTERM, then stop within ``GRACE``."""
        run_until_stopped(self._lifecycle.cycle, self.start, self.stop, GRACE)

    def __enter__(self) -> FleetMember:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reload(self) -> None:
        """Ask ``sites`` again for every slot that runs here, and do what has changed."""
        self._own_slots.reload()

    # --- what it is like --------------------------------------------------------------------------

    @property
    def status(self) -> MemberStatus:
        """Counts over the VENs that run here; the cost is one look at each."""
        fleet, renewal = self.fleet.status, self._own_slots.renewal or _NOTHING
        silent = self._lifecycle.silent_for
        return MemberStatus(
            name=self.name,
            draining=renewal.draining,
            slots=len(self._store.held_slots),
            running=self._own_slots.running_count,
            wanted=len(self._own_slots.wanted),
            vens=fleet.vens,
            states=fleet.states,
            counters=fleet.counters,
            queues=fleet.queues,
            members=tuple(sorted({member.name for member in renewal.members})),
            silent_for=timedelta(seconds=silent),
            may_send=self._lifecycle.may_send,
        )

    def health(self) -> Health:
        """Whether this member does its share: not ok without leases, or with sites that fail."""
        status = self.status
        problems = list(self._own_slots.problems())
        if not self._lifecycle.is_renewing:
            problems.insert(0, "It is not running.")
        elif not status.may_send:
            problems.insert(
                0,
                f"The leases were not renewed for {status.silent_for.total_seconds():.0f} s: "
                f"nothing is sent. {self._lifecycle.trouble}".strip(),
            )
        facts = {
            "name": status.name,
            "slots": status.slots,
            "vens": status.vens,
            "states": status.states,
            "draining": status.draining,
        }
        return Health(ok=not problems, problems=tuple(problems), facts=facts)

    def wait(self, registered: int, timeout: Duration = timedelta(minutes=1)) -> bool:
        """Wait until so many VENs are ``registered`` here; False when that took longer than
        ``timeout``.
        """
        return self.fleet.wait(registered, timeout)


_NOTHING = Renewal(frozenset(), False, (), 0)


def _check_catalogue(sites: object, functions: object) -> None:
    if sites is not None and not is_function(sites):
        raise ConfigurationError(f"sites is a function of a slot, not {repr_of(sites)}.")
    if sites is not None:
        refuse_async(sites, "sites")
        check_call(sites, "sites", ("slot",))
    if functions is None:
        return
    if not isinstance(functions, Mapping) or not all(
        isinstance(name, str) and is_function(function) for name, function in functions.items()
    ):
        raise ConfigurationError(
            f"functions are a dict of names to functions, not {repr_of(functions)}."
        )
    for name, function in functions.items():
        refuse_async(function, f"functions[{name!r}]")


def _check_push(push: object) -> None:
    """At one path for all, a member with one VEN there would take what is for another's."""
    if isinstance(push, str) and NAME not in push:
        raise ConfigurationError(
            f"push is {push!r}, the same for VENs of all members, and an event list need not say "
            f"for which it is: put {NAME} into it, such as 'https://ven.example.com/{NAME}'."
        )


def _check_slots(slots: int) -> int:
    if isinstance(slots, bool) or not isinstance(slots, int) or not 2 <= slots <= MOST_SLOTS:
        raise ConfigurationError(
            f"slots must be a number from 2 to {MOST_SLOTS}, not {repr_of(slots)}."
        )
    return slots
