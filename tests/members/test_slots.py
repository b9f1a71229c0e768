"""The slots of a member, pass by pass, with a store that changes its mind in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ven_sdk import Site, slot_of
from ven_sdk.members.slots import MemberSlots
from ven_sdk.state.leases import Member, Renewal

SLOTS = 4
NAME = "ven-0"
SLOT = slot_of(NAME, SLOTS)


class World:
    """Store and fleet of one member that wants everything: what it does, in order."""

    slots = SLOTS

    def __init__(self) -> None:
        self.held_slots: frozenset[int] = frozenset(range(SLOTS))
        self.done: list[tuple[str, Any]] = []
        self.loses_while_ending: frozenset[int] = frozenset()

    def take(self, slots: Iterable[int]) -> frozenset[int]:
        taken = frozenset(slots)
        self.done.append(("take", taken))
        self.held_slots |= taken
        return taken

    def give_back(self, slots: Iterable[int]) -> None:
        self.held_slots -= frozenset(slots)

    def place(self, ven: str, slot: int) -> None: ...

    def misplaced_vens(self, vens: Iterable[str]) -> dict[str, int]:
        return {}

    def _add(self, name: str, *_: Any) -> None:
        self.done.append(("begin", name))

    def _hand_over(self, names: Iterable[str], seconds: float) -> None:
        for name in names:
            self.done.append(("end", name))
        self.held_slots -= self.loses_while_ending
        self.loses_while_ending = frozenset()


def slots_of(world: World, *sites: Site) -> MemberSlots:
    def catalogue(slot: int) -> list[Site]:
        return [site for site in sites if site.slot(SLOTS) == slot]

    own = MemberSlots("a", world, world, catalogue, {})  # type: ignore[arg-type]
    own.take_renewal(renewal(world))
    return own


def renewal(world: World) -> Renewal:
    return Renewal(world.held_slots, False, (Member("a:1", "a"),), 1)


def test_a_slot_that_is_lost_in_the_middle_of_a_pass_is_not_taken_before_its_vens_ended() -> None:
    world = World()
    other = next(f"ven-{n}" for n in range(99) if slot_of(f"ven-{n}", SLOTS) != SLOT)
    own = slots_of(world, Site(NAME, "http://127.0.0.1/"), Site(other, "http://127.0.0.1/"))
    own._look(renewal(world))
    world.done.clear()
    world.held_slots -= {slot_of(other, SLOTS)}
    world.loses_while_ending = frozenset({SLOT})  # another took it, and gave it free again
    own._look(renewal(world))
    own._look(renewal(world))
    ours = [what for what in world.done if what[1] == NAME or what == ("take", frozenset({SLOT}))]
    assert ours == [("end", NAME), ("take", frozenset({SLOT})), ("begin", NAME)]
