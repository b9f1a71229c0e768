"""``FleetMember``: one of many processes or machines that run one fleet together.

All members share a store. It owns: every VEN lies in a slot, every slot has one owner at a time,
and nobody tells a member what to do but the store's table of members. One thread renews the leases,
another takes slots, starts their VENs, and gives back what others should have. Which VENs a slot
has is asked of ``sites``.

A VEN whose slot is taken over goes on as the registered VEN that it is; the theory of that, and
what is made good of replies that died with the member before, stands in
``oadr20b/services/registration/moving.py``. How a slot was left is the store's to say
(``state.leases.Taking``): *in order* only where every VEN of the slot ran there, and ended in
order; whatever a member is not sure of it leaves as not in order, and the VENs start anew.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable, Optional

from ..argument_names import named_arguments
from ..arguments import Duration, duration, optional_text, waiting_seconds
from ..errors import ConfigurationError, VenError
from ..fleet import Fleet
from ..fleet.arguments import OWN, check_names
from ..fleet.push import NAME
from ..push.peer import Peer, Response
from ..runtime.lifecycle import Lifecycle
from ..runtime.signals import run_until_stopped
from ..runtime.status import Health
from ..state.leases import LEASE, RENEWALS, SLOTS, Member, Renewal, seconds_awake
from ..text import repr_of
from ..threads import daemon_thread
from ..usercode.attributes import CheckedAttributes
from .sites import Catalogue, Functions, SiteTable, store_of_fleet
from .slots import MemberSlots

logger: logging.Logger = logging.getLogger(__name__)

_OWN = ("store", "sites", "name", "weight", "lease", "slots", "functions")
FACTS_EVERY = 15.0
"""Seconds between counts over all VENs for the table of members."""
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

    Arguments:
        store: ``postgresql://...``, the same for all members.
        sites (None): ``sites(slot)`` gives the :class:`Site` of every VEN of a slot (others are
            left out). None: the store's own table (:class:`SiteTable`).
        name (None): this member's for good; None: host and process.
        weight (1.0): how much it takes, beside the others' weights.
        lease (15 s): how long a slot is its own without a renewal; at least 1 s.
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
        sites: Optional[Catalogue] = None,
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
        self._lease = duration("lease", lease).total_seconds()
        self._slots = _check_numbers(self._lease, slots, weight)
        self._weight = weight
        self.fleet: Fleet = Fleet(store=self._store, **fleet)
        self.fleet._push.is_shared = True
        catalogue = sites if sites is not None else SiteTable(self._store)
        given = functions or {}
        self._own_slots = MemberSlots(self.name, self._store, self.fleet, catalogue, given)
        self._life = Lifecycle(self._begin, self._end)
        self._renewing = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._renewed_at = 0.0
        self._facts, self._facts_at = "{}", 0.0
        self._trouble = ""

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

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Join the fleet and return at once; harmless when it runs. StoreError where the store
        cannot be reached; ConfigurationError where it is one client's, not a fleet's.
        """
        self._life.start()

    def _begin(self) -> None:
        owner = f"{self.name}:{secrets.token_hex(8)}"
        self._store.join(Member(owner, self.name, self._weight), self._lease, self._slots)
        self._renewing.clear()
        self.fleet.start()
        try:
            self._check_slots()
            self._renew()
        except BaseException:
            self.fleet.stop()
            raise
        self._own_slots.start()
        self._thread = daemon_thread("ven_sdk-member", self._run)
        self._thread.start()
        logger.info("%s is a member of the fleet in %s.", self.name, self._store.name)

    def _check_slots(self) -> None:
        if self._store.slots < 2:
            raise ConfigurationError(
                f"The store {self._store.name!r} was made for one client or one Fleet, with one "
                "slot. Copy it into a fleet's: ven-sdk store copy FROM TO."
            )

    def stop(self, timeout: Duration = GRACE) -> None:
        """Leave the fleet: what is owed is sent within ``timeout`` (a duration), then all slots are
        free for the others at once.

        From anywhere, a handler too; twice is harmless.
        """
        self._life.stop(waiting_seconds("timeout", timeout))

    def _end(self, seconds: float) -> None:
        try:
            self._store.drain(self.name)  # so that the others want what this one has
        except VenError as error:
            logger.warning("%s", error)
        self._own_slots.stop()
        self._give_up_unstarted()
        self.fleet.stop(seconds)  # closes the store, which leaves the fleet
        self.fleet._hand_over([ven.settings.ven_name for ven in self.fleet], 0.0)
        self._renewing.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _give_up_unstarted(self) -> None:
        try:
            self._own_slots.give_up_unstarted()
        except VenError as error:
            logger.warning("%s", error)

    def run(self) -> None:
        """Start, block until ``stop()``, Ctrl-C or SIGTERM, then stop within ``GRACE``."""
        run_until_stopped(self._life, self.start, self.stop, GRACE)

    def __enter__(self) -> FleetMember:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reload(self) -> None:
        """Ask ``sites`` again for every slot that runs here, and do what has changed."""
        self._own_slots.reload()

    # --- leases -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._renewing.wait(self._lease / RENEWALS):
            try:
                self._renew()
            except VenError as error:
                self._say(error)
            except Exception:
                logger.exception("A renewal failed. This is a fault of ven_sdk: please report it.")

    def _renew(self) -> None:
        started = seconds_awake()
        renewal = self._store.renew(self._facts_text())
        self._renewed_at = started
        if self._trouble:
            logger.warning("The store %s can be reached again.", self._store.name)
            self._trouble = ""
        self._own_slots.take_renewal(renewal)

    def _say(self, error: VenError) -> None:
        if not self._life.is_running:
            return  # stopping: the store is closed
        if not self._trouble:
            logger.error("%s Nothing is sent when two thirds of the lease have passed.", error)
        self._trouble = str(error)

    def _facts_text(self) -> str:
        now = seconds_awake()
        if now >= self._facts_at:
            self._facts_at = now + FACTS_EVERY
            status = self.fleet.status
            facts: Mapping[str, object] = {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "vens": status.vens,
                "states": status.states,
                "counters": status.counters,
                "queues": status.queues,
            }
            self._facts = json.dumps(facts)
        return self._facts

    # --- what it is like --------------------------------------------------------------------------

    @property
    def status(self) -> MemberStatus:
        """Counts over the VENs that run here; the cost is one look at each."""
        fleet, renewal = self.fleet.status, self._own_slots.renewal or _NOTHING
        silent = max(0.0, seconds_awake() - self._renewed_at) if self._renewed_at else 0.0
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
            may_send=self._thread is not None and silent < self._lease * 2 / 3,
        )

    def health(self) -> Health:
        """Whether this member does its share: not ok without leases, or with sites that fail."""
        status = self.status
        problems = list(self._own_slots.problems())
        if self._thread is None:
            problems.insert(0, "It is not running.")
        elif not status.may_send:
            problems.insert(
                0,
                f"The leases were not renewed for {status.silent_for.total_seconds():.0f} s: "
                f"nothing is sent. {self._trouble}".strip(),
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
    if sites is not None and not callable(sites):
        raise ConfigurationError(f"sites is a function of a slot, not {repr_of(sites)}.")
    if functions is not None and not (
        isinstance(functions, Mapping) and all(map(callable, functions.values()))
    ):
        raise ConfigurationError(
            f"functions are a dict of names to functions, not {repr_of(functions)}."
        )


def _check_push(push: object) -> None:
    """At one path for all, a member with one VEN there would take what is for another's."""
    if isinstance(push, str) and NAME not in push:
        raise ConfigurationError(
            f"push is {push!r}, the same for VENs of all members, and an event list need not say "
            f"for which it is: put {NAME} into it, such as 'https://ven.example.com/{NAME}'."
        )


def _check_numbers(lease: float, slots: int, weight: float) -> int:
    if lease < 1:
        raise ConfigurationError(f"lease must be at least 1 s, not {lease:g} s.")
    if isinstance(slots, bool) or not isinstance(slots, int) or not 2 <= slots <= 65536:
        raise ConfigurationError(f"slots must be a number from 2 to 65536, not {repr_of(slots)}.")
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not weight > 0:
        raise ConfigurationError(f"weight must be a number more than 0, not {repr_of(weight)}.")
    return slots
