"""The slots of a member, pass by pass, with a store that changes its mind in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from ven_sdk import ConfigurationError, Site, slot_of
from ven_sdk.members.slots import MOVES, MemberSlots
from ven_sdk.state.leases import Member, Renewal, Taking
from ven_sdk.state.store import Row

SLOTS = 4
NAME = "ven-0"
SLOT = slot_of(NAME, SLOTS)


class World:
    """Store and fleet of one member that wants everything: what it does, in order."""

    slots = SLOTS
    backlog = 0.0

    def __init__(self) -> None:
        self.held_slots: frozenset[int] = frozenset(range(SLOTS))
        self.done: list[tuple[str, Any]] = []
        self.loses_while_ending: frozenset[int] = frozenset()
        self.left: list[Taking] = []
        self.taken = Taking.ANEW
        self.unstarted: frozenset[str] = frozenset()
        self.refused: frozenset[str] = frozenset()
        self._vens = self

    def take(self, slots: Iterable[int]) -> frozenset[int]:
        taken = frozenset(slots)
        self.done.append(("take", taken))
        self.held_slots |= taken
        return taken

    def taking(self, slot: int) -> Taking:
        return self.taken

    def load_slot(self, slot: int) -> dict[str, list[Row]]:
        return {}

    def give_back(self, slots: Iterable[int], left: Taking = Taking.IN_ORDER) -> None:
        self.done.append(("give back", frozenset(slots)))
        self.left.append(left)
        self.held_slots -= frozenset(slots)

    def place(self, ven: str, slot: int) -> None: ...

    def misplaced_vens(self, vens: Iterable[str]) -> dict[str, int]:
        return {}

    def _add(self, name: str, *_: Any) -> None:
        if name in self.refused:
            raise ConfigurationError("It cannot run here.")
        self.done.append(("begin", name))

    def _hand_over(self, names: Iterable[str], seconds: float) -> frozenset[str]:
        names = list(names)
        for name in names:
            self.done.append(("end", name))
        self.held_slots -= self.loses_while_ending
        self.loses_while_ending = frozenset()
        return self.unstarted & frozenset(names)


def slots_of(world: World, *sites: Site) -> MemberSlots:
    def catalogue(slot: int) -> list[Site]:
        return [site for site in sites if site.slot(SLOTS) == slot]

    own = MemberSlots("a", world, world, catalogue, {})  # type: ignore[arg-type]
    own.take_renewal(renewal(world))
    return own


def renewal(world: World, *others: str) -> Renewal:
    members = tuple(Member(f"{name}:1", name) for name in ("a", *others))
    return Renewal(world.held_slots, False, members, 1)


def names_in(slot: int, count: int) -> list[str]:
    """So many names of VENs that lie in ``slot``."""
    names = (f"ven-{n}" for n in itertools.count())
    return list(itertools.islice((n for n in names if slot_of(n, SLOTS) == slot), count))


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


def test_slots_whose_vens_did_not_begin_are_free_at_once_for_a_newcomer() -> None:
    world = World()
    world.backlog = 60.0  # VENs that begin wait for their turn: none is added ahead of it
    own = slots_of(world, *(Site(f"ven-{n}", "http://127.0.0.1/") for n in range(40)))
    own._look(renewal(world))
    assert world.done == []
    own.take_renewal(renewal(world, "b"))
    given = frozenset(range(SLOTS)) - own.wanted
    assert given
    own._look(renewal(world, "b"))
    assert world.done == [("give back", given)]


def test_vens_move_no_faster_than_a_newcomer_can_begin_them() -> None:
    world = World()
    sites = [Site(n, "http://127.0.0.1/") for slot in range(SLOTS) for n in names_in(slot, MOVES)]
    own = slots_of(world, *sites)
    own._look(renewal(world))
    own.take_renewal(renewal(world, "b", "c"))
    surplus = frozenset(range(SLOTS)) - own.wanted
    assert len(surplus) > 1
    for count in range(1, len(surplus) + 1):
        world.done.clear()
        own._look(renewal(world, "b", "c"))
        assert len(world.held_slots) == SLOTS - count
        ended = [what for what in world.done if what[0] == "end"]
        assert len(ended) == MOVES, "one slot is the least"
    assert world.held_slots == own.wanted


@pytest.mark.parametrize("taken", Taking)
@pytest.mark.parametrize("trouble", ["", "unstarted", "refused"])
def test_a_slot_is_left_in_order_when_all_its_vens_ran_here_and_else_as_it_was_found(
    trouble: str, taken: Taking
) -> None:
    world = World()
    world.taken = taken
    if trouble:
        setattr(world, trouble, frozenset({NAME}))
    own = slots_of(world, Site(NAME, "http://127.0.0.1/"))
    own._look(renewal(world))
    own._end_and_give([SLOT])
    assert world.done[-1] == ("give back", frozenset({SLOT}))
    assert world.left == [taken if trouble else Taking.IN_ORDER]


@pytest.mark.parametrize("taken", Taking)
def test_a_slot_whose_vens_did_not_begin_is_left_as_it_was_found(taken: Taking) -> None:
    world = World()
    world.taken = taken
    world.backlog = 60.0
    own = slots_of(world, Site(NAME, "http://127.0.0.1/"))
    own._look(renewal(world))
    own.take_renewal(renewal(world, "b"))
    own._look(renewal(world, "b"))
    assert world.left == [taken]
