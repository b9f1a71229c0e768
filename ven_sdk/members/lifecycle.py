"""Beginning and ending of a member, and the thread that renews its leases: what its threads need,
without the member itself, so that one whose last reference goes while it runs is stopped, with a
ResourceWarning. ``status`` is read by any thread.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from typing import NamedTuple, Optional

from ..errors import ConfigurationError, VenError
from ..fleet import Fleet
from ..runtime.last_reference import LastReference
from ..runtime.lifecycle import Lifecycle, do_all
from ..state.leases import RENEWALS, SENDING_SHARE, LeasedStore, Member, seconds_awake
from ..threads import daemon_thread
from .slots import MemberSlots

logger: logging.Logger = logging.getLogger(__name__)

FACTS_EVERY = 15.0
"""Seconds between counts over all VENs for the table of members."""


class Lease(NamedTuple):
    """How a member holds slots: for so many ``seconds``, of so many ``slots``, with its weight."""

    seconds: float
    slots: int
    weight: float


class MemberLifecycle:
    """Starts and stops what the member ``name`` consists of. ``cycle`` says whether it runs;
    ``trouble`` is why the leases could not be renewed.
    """

    def __init__(
        self, name: str, store: LeasedStore, fleet: Fleet, slots: MemberSlots, lease: Lease
    ) -> None:
        self._name, self._store, self._fleet, self._slots = name, store, fleet, slots
        self._lease = lease
        self.cycle: Lifecycle = Lifecycle(self._begin, self._end)
        self._last_reference = LastReference(
            self.cycle, fleet._runtime, lambda: f"The member {name!r} of a fleet"
        )
        self._ending = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._renewed_at = 0.0
        self._facts, self._facts_at = "{}", 0.0
        self.trouble: str = ""

    def start(self, member: object) -> None:
        """Start, unless it runs; ``member`` is whose last reference is watched."""
        self._last_reference.watch(member)
        self.cycle.start()

    def _begin(self) -> None:
        owner = f"{self._name}:{secrets.token_hex(8)}"
        member = Member(owner, self._name, self._lease.weight)
        self._store.join(member, self._lease.seconds, self._lease.slots)
        self._ending.clear()
        self._fleet.start()
        try:
            self._check_slots()
            self._renew()
            self._slots.start()
            self._thread = daemon_thread("ven_sdk-member", self._run)
            self._thread.start()
        except BaseException:
            do_all(self._slots.stop, self._fleet.stop, self._end_thread)
            raise
        logger.info("%s is a member of the fleet in %s.", self._name, self._store.name)

    def _check_slots(self) -> None:
        if self._store.slots < 2:
            raise ConfigurationError(
                f"The store {self._store.name!r} was made for one client or one Fleet, with one "
                "slot. Copy it into a fleet's: ven-sdk store copy FROM TO."
            )

    def _end(self, seconds: float) -> None:
        do_all(
            self._drain,
            self._slots.stop,
            self._give_up_unstarted,
            lambda: self._fleet.stop(seconds),  # closes the store, which leaves the fleet
            lambda: self._fleet._hand_over([ven.settings.ven_name for ven in self._fleet], 0.0),
            self._end_thread,
        )

    def _drain(self) -> None:
        try:
            self._store.drain(self._name)  # so that the others want what this one has
        except VenError as error:
            logger.warning("%s", error)

    def _end_thread(self) -> None:
        self._ending.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _give_up_unstarted(self) -> None:
        try:
            self._slots.give_up_unstarted()
        except VenError as error:
            logger.warning("%s", error)

    # --- leases -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.wait(self._lease.seconds / RENEWALS):
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
        if self.trouble:
            logger.warning("The store %s can be reached again.", self._store.name)
            self.trouble = ""
        self._slots.take_renewal(renewal)

    def _say(self, error: VenError) -> None:
        if not self.cycle.is_running:
            return  # stopping: the store is closed
        if not self.trouble:
            logger.error("%s Nothing is sent when two thirds of the lease have passed.", error)
        self.trouble = str(error)

    def _facts_text(self) -> str:
        now = seconds_awake()
        if now >= self._facts_at:
            self._facts_at = now + FACTS_EVERY
            status = self._fleet.status
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

    @property
    def is_renewing(self) -> bool:
        """Whether the leases are renewed again and again."""
        return self._thread is not None

    @property
    def silent_for(self) -> float:
        """Seconds since the leases were last renewed."""
        return max(0.0, seconds_awake() - self._renewed_at) if self._renewed_at else 0.0

    @property
    def may_send(self) -> bool:
        """Whether messages are sent: until two thirds of a lease have passed without a renewal."""
        return self.is_renewing and self.silent_for < self._lease.seconds * SENDING_SHARE
