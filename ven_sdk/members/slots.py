"""The slots of one member: taken, their VENs started and ended, given back to whom they belong.

One thread of its own works off the difference between what the store says and what runs here. The
renewing thread only tells it what it found, so that no catalogue and no handler delays a renewal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Set
from functools import partial
from time import monotonic
from typing import Optional

from ..errors import ConfigurationError, VenError
from ..fleet import Fleet
from ..runtime.engine import Takeover
from ..state.leases import LeasedStore, Renewal, Taking, wanted_slots
from ..state.store import Row
from ..threads import daemon_thread
from ..ven import Ven
from .garbage_collection import GarbageCollection
from .sites import Functions, Site, Sites

logger: logging.Logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between attempts to get slots that another still has."""
WIND_UP = 2.0
"""Seconds in which the VENs of slots that are given back may send what they owe."""
MOVES = 100
"""VENs that all members together give back in one second: as many as one that came can start."""
AHEAD = 2.0
"""Seconds until their turn for which VENs may wait. Who did not begin moves at no cost."""
AGAIN = 10.0
"""Seconds until a catalogue is asked again that failed."""


class MemberSlots:
    """Makes the member ``name`` run the VENs of the slots that it holds, and hold what it should.

    ``wanted`` are the slots that it should hold; ``renewal`` is what the last one found.
    """

    def __init__(
        self,
        name: str,
        store: LeasedStore,
        fleet: Fleet,
        catalogue: Sites,
        functions: Functions,
    ) -> None:
        self._name, self._store, self._fleet = name, store, fleet
        self._catalogue, self._functions = catalogue, functions
        self._ready = threading.Condition()  # guards the next five
        self.renewal: Optional[Renewal] = None
        self.wanted: frozenset[int] = frozenset()
        self._weights: Mapping[str, float] = {}
        self._stopping = False
        self._forced = 0
        self._begun: dict[int, dict[str, Site]] = {}  # this and the rest: of the own thread
        self._again_at: dict[int, float] = {}
        self._revisions: dict[int, int] = {}
        self._in_trouble = False
        self._refused: dict[str, str] = {}
        self._incomplete: set[int] = set()  # slots with VENs that cannot run here
        self._garbage = GarbageCollection()
        self._thread: Optional[threading.Thread] = None

    def start(self) -> None:
        """Begin; what a run before had is forgotten."""
        self._stopping = False
        self._begun, self._revisions, self._refused, self._again_at = {}, {}, {}, {}
        self._incomplete.clear()
        self._thread = daemon_thread("ven_sdk-slots", self._run)
        self._thread.start()

    def stop(self) -> None:
        """Change nothing any more; VENs that run go on."""
        with self._ready:
            self._stopping = True
            self._ready.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._garbage.stop()

    def take_renewal(self, renewal: Renewal) -> None:
        """Take in what a renewal found."""
        members = {each.name: each.weight for each in renewal.members if not each.draining}
        with self._ready:
            if renewal.draining:
                members.pop(self._name, None)
            if members != self._weights or self.renewal is None:
                self._weights = members
                self.wanted = (
                    wanted_slots(self._name, members, self._store.slots)
                    if self._name in members
                    else frozenset()
                )
            self.renewal = renewal
            self._ready.notify_all()

    def reload(self) -> None:
        """Ask the catalogue for all slots again."""
        with self._ready:
            self._forced += 1
            self._ready.notify_all()

    @property
    def running_count(self) -> int:
        """How many slots have their VENs running here."""
        return len(self._begun)

    def problems(self) -> tuple[str, ...]:
        """A sentence for each site that cannot run, at most ten."""
        return tuple(self._refused.copy().values())[:10]

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        seen: Optional[Renewal] = None
        while True:
            with self._ready:
                if not self._stopping and self.renewal is seen:
                    self._ready.wait(LOOK)
                if self._stopping:
                    return
                seen = self.renewal
            try:
                if seen is not None:
                    self._look(seen)
                self._in_trouble = False
            except VenError as error:
                if not self._in_trouble:
                    logger.warning("Slots are not moved now: %s", error)
                self._in_trouble = True
            except Exception:
                logger.exception(
                    "Slots were not moved. This is a fault of ven_sdk: please report it."
                )

    def _look(self, renewal: Renewal) -> None:
        """One pass: what was lost ends first, what is held begins, some slots are given back.

        A slot may be lost at any moment of it. It is not taken again before its VENs ended here:
        they know nothing of what another owner did meanwhile, and would write over it.
        """
        for slot in set(self._begun) - self._store.held_slots:
            self._end([slot], 0.0)
            logger.warning("Slot %d has another owner now: its VENs ended here.", slot)
        self._give_back_unused(self._store.held_slots - self.wanted - self._begun.keys())
        missing = self.wanted - self._store.held_slots - self._begun.keys()
        if missing:
            self._store.take(missing)
        for slot in sorted(self._store.held_slots & self.wanted):
            if self._stopping:
                return
            if slot in self._begun or self._fleet._vens.backlog < AHEAD:
                self._begin(slot, renewal.revision)
        self._give_back(self._store.held_slots - self.wanted)
        self._garbage.look()

    def _give_back_unused(self, unused: Set[int]) -> None:
        """Slots without VENs here are free at once for who should have them. Nothing was done in
        them: who takes them finds them as they were found here.
        """
        self._give(unused, unused)

    def _give_back(self, surplus: Iterable[int]) -> None:
        """A few slots: their VENs are silent only while they move themselves, for no member begins
        more at once than it can.
        """
        left = MOVES / max(1, len(self._weights))
        moving: list[int] = []
        for slot in sorted(surplus):
            left -= len(self._begun.get(slot, ()))
            if moving and left < 0:
                break
            moving.append(slot)
        self._end_and_give(moving)

    def give_up_unstarted(self) -> None:
        """The member stops: slots with VENs that did not start here are given back by themselves,
        so that whoever takes them does not take them for slots that ended in order.
        """
        self._give_back_unused(self._store.held_slots - self._begun.keys())
        started = {ven.settings.ven_name for ven in self._fleet if ven._engine.was_started}
        self._end_and_give(
            slot
            for slot, sites in self._begun.items()
            if slot in self._incomplete or not started.issuperset(sites)
        )

    def _end_and_give(self, slots: Iterable[int]) -> None:
        """End the VENs of these slots, side by side, and give the slots back."""
        slots = sorted(slots)
        if not slots:
            return
        unstarted = self._end(slots, WIND_UP)
        self._give(set(slots), unstarted | self._incomplete.intersection(slots))

    def _give(self, slots: Set[int], incomplete: Set[int]) -> None:
        """Make slots free. Of those that are ``incomplete`` not all VENs ran here: they are left as
        this member found them.
        """
        for left in Taking:
            found = {s for s in incomplete if self._store.taking(s) is left}
            given = found | (slots - incomplete if left is Taking.IN_ORDER else set())
            if given:
                self._store.give_back(given, left)

    def _begin(self, slot: int, revision: int) -> None:
        """Start the VENs of ``slot``, or those that changed since the catalogue was last asked."""
        known = revision + self._forced
        if self._revisions.get(slot) == known or monotonic() < self._again_at.get(slot, 0.0):
            return
        try:
            sites = self._sites(slot)
        except Exception as error:
            self._again_at[slot] = monotonic() + AGAIN
            self._refuse(f"slot {slot}", f"The sites of slot {slot} are not known: {error}")
            return
        self._refused.pop(f"slot {slot}", None)
        rows = None if slot in self._begun else self._store.load_slot(slot)
        before = self._begun.setdefault(slot, {})
        self._incomplete.discard(slot)
        gone = [name for name, site in before.items() if sites.get(name) != site]
        self._fleet._hand_over(gone, WIND_UP if gone else 0.0)
        self._garbage.count_ended(len(gone))
        for name in gone:
            del before[name]
            self._refused.pop(name, None)
        added = [site for name, site in sites.items() if name not in before]
        self._add(slot, added, before, rows)
        self._revisions[slot] = known

    def _sites(self, slot: int) -> dict[str, Site]:
        """What the catalogue gives for ``slot``. What belongs to another is left out: a VEN in two
        slots would run twice.
        """
        given = list(self._catalogue(slot))
        sites = {s.ven_name: s for s in given if s.slot(self._store.slots) == slot}
        if given and not sites:
            raise ConfigurationError(
                f"none of the {len(given)} that the catalogue gives belongs there by its "
                f"placement or name ({given[0].ven_name!r} is in slot "
                f"{given[0].slot(self._store.slots)}: see ven_sdk.slot_of)"
            )
        return sites

    def _add(
        self,
        slot: int,
        sites: list[Site],
        begun: dict[str, Site],
        rows: Optional[Mapping[str, list[Row]]],
    ) -> None:
        """Add VENs. ``rows``: those of all VENs of a slot that begins here; they go on as the slot
        was taken. What is added later, or changed, starts anew.
        """
        for site in sites:
            self._store.place(site.ven_name, slot)
        elsewhere = self._store.misplaced_vens([site.ven_name for site in sites])
        for site in sites:
            name = site.ven_name
            if name in elsewhere:
                self._refuse(
                    name,
                    f"{name} does not start: its rows are in slot {elsewhere[name]}, and the "
                    f"catalogue says slot {slot}. Give it the placement that it had.",
                )
                self._incomplete.add(slot)
                continue
            takeover = (
                None if rows is None else Takeover(rows.get(name, ()), self._store.taking(slot))
            )
            try:
                prepare = partial(self._prepare, site, takeover)
                self._fleet._add(name, site.vtn_url, dict(site.arguments), prepare)
            except VenError as error:
                self._refuse(name, f"{name} does not start: {error}")
                self._incomplete.add(slot)
            else:
                begun[name] = site
        self._garbage.count_begun(sum(site.ven_name in begun for site in sites))

    def _prepare(self, site: Site, takeover: Optional[Takeover], ven: Ven) -> None:
        site.prepare(ven, self._functions)
        ven._engine.takeover = takeover

    def _refuse(self, about: str, text: str) -> None:
        if self._refused.get(about) != text:
            logger.error("%s", text)
        self._refused[about] = text

    def _end(self, slots: Iterable[int], seconds: float) -> set[int]:
        """End the VENs of these slots; returns the slots with some that had not started."""
        names = {name: slot for slot in slots for name in self._begun.get(slot, ())}
        unstarted = self._fleet._hand_over(names, seconds)
        self._garbage.count_ended(len(names))
        for slot in slots:
            self._begun.pop(slot, None)
            self._revisions.pop(slot, None)
        return {names[name] for name in unstarted}
