"""One owner of all slots of a store: how it becomes that, and the thread that renews its leases."""

from __future__ import annotations

import logging
import threading
from typing import Callable

from ..errors import LeaseLostError, StoreError
from ..threads import daemon_thread
from .leases import RENEWALS, LeasedStore, SlotRow, seconds_awake

logger: logging.Logger = logging.getLogger(__name__)

LOOK = 0.2
"""Seconds between looks at slots that somebody has."""


class LeaseThread:
    """Renews all leases of ``store`` several times in each, until ``stop()``; logs trouble once.

    ``lost(error)`` is called here when another has become the owner.
    """

    def __init__(
        self, store: LeasedStore, lease: float, lost: Callable[[LeaseLostError], None]
    ) -> None:
        self._store, self._pause, self._lost = store, lease / RENEWALS, lost
        self._ended = threading.Event()
        self._in_trouble = False
        self._owned: frozenset[int] = frozenset()
        self._thread = daemon_thread("ven_sdk-lease", self._run)

    def start(self) -> None:
        """Begin renewing."""
        self._thread.start()

    def own_every_slot(self) -> None:
        """From now on the store is this owner's: what a renewal does not find is lost."""
        self._owned = frozenset(range(self._store.slots))

    def stop(self) -> None:
        """End the thread, after a renewal that is under way."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            try:
                self._renew()
            except Exception as error:
                self._say(error)

    def _renew(self) -> None:
        owned = self._owned  # as it was before the renewal
        held = self._store.renew().held
        if self._in_trouble:
            logger.warning("The store %r can be reached again.", self._store.name)
        self._in_trouble = False
        if owned - held:
            self._owned = frozenset()
            self._lost(
                LeaseLostError(
                    f"The store {self._store.name!r} has another owner now: nothing is sent or "
                    "written here any more, and what ran on it ends. One client or one Fleet has "
                    "a store for itself: stop the other one, then start this one again.",
                    path=self._store.name,
                )
            )

    def _say(self, error: Exception) -> None:
        if not self._in_trouble:
            logger.error("%s Without it nothing is sent when the lease has run out.", error)
        self._in_trouble = True


def take_every_slot(store: LeasedStore) -> None:
    """Become the owner of all slots: at once of free ones, of others when their leases ran out.

    StoreError when an owner renews its lease meanwhile: it lives, and another client is running.
    """
    missing = set(range(store.slots))
    before: dict[int, tuple[SlotRow, float]] = {}
    waiting = threading.Event()
    while True:
        missing -= store.take(missing)
        if not missing:
            return
        now = seconds_awake()
        members, slots = store.owners()
        names = {member.owner: member.name for member in members}
        for row in slots:
            if row.slot in missing and row.owner is not None:
                seen, moment = before.setdefault(row.slot, (row, now))
                if row.seconds > seen.seconds - (now - moment) + LOOK or row.owner != seen.owner:
                    raise _in_use(store, names.get(row.owner, row.owner))
        waiting.wait(LOOK)


def _in_use(store: LeasedStore, owner: str) -> StoreError:
    return StoreError(
        f"The store {store.name!r} cannot be opened: another client or member of a fleet uses it "
        f"({owner}). One client or one Fleet has a store for itself: stop the other one, or give "
        "this one a schema of its own (?schema=name).",
        path=store.name,
    )
