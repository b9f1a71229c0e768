"""Slots and leases: what a store offers that several owners share. Pure but for the interface.

Every VEN lies in one of a fixed number of slots. An owner takes slots for a time, renews them, and
commits only for slots that it holds; what was taken over by another is refused. The store's clock
alone says when a lease has run out.
"""

from __future__ import annotations

import hashlib
import math
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Optional

from ..argument_names import named_arguments
from ..arguments import text, whole_number
from ..errors import ConfigurationError, LeaseLostError
from ..text import repr_of
from .store import Row, Store

SLOTS = 1024
MOST_SLOTS = 65536
"""How many slots a fleet has that was not told otherwise. Fixed when its store is made."""
LEASE = 15.0
"""Seconds that a slot stays its owner's without a renewal."""
SENDING_SHARE = 2 / 3
"""The part of a lease after which an owner sends nothing more that could not renew it."""
RENEWALS = 6
"""How many times in a lease it is renewed."""
MOVED_WITHIN = 300.0
"""Seconds without an owner after which the VENs of a slot start anew instead of going on."""


class Taking(Enum):
    """How a slot came to its owner, by the store's clock.

    ``IN_ORDER``: the owner before gave it back within the last :data:`MOVED_WITHIN` seconds, and
    said that all its VENs had ended in order. ``BROKEN_OFF``: its lease ran out within that time,
    or who took it then gave it back within that time, and had not begun all of its VENs. ``ANEW``:
    anything else.
    """

    ANEW = "anew"
    IN_ORDER = "in order"
    BROKEN_OFF = "broken off"


class Member(NamedTuple):
    """An owner of slots as the store knows it.

    ``owner`` is one process of the member ``name``: another process of that name is another owner.
    ``facts`` is what it last told of itself, JSON text.
    """

    owner: str
    name: str
    weight: float = 1.0
    draining: bool = False
    facts: str = "{}"
    alive: bool = True


class Renewal(NamedTuple):
    """What a renewal found: the slots that are this owner's, and who else is there.

    ``revision`` grows with every change of the table of sites.
    """

    held: frozenset[int]
    draining: bool
    members: tuple[Member, ...]
    revision: int


class SlotRow(NamedTuple):
    """A slot as the store knows it; ``owner`` is None where it is free. ``seconds`` are left."""

    slot: int
    owner: Optional[str]
    token: int
    seconds: float


class SiteRow(NamedTuple):
    """A site of the store's table: the name of its VEN, its slot, and what it says (JSON text)."""

    ven: str
    slot: int
    text: str


class LeasedStore(Store):
    """A store that several owners share, each with slots of its own.

    ``open()`` alone makes the caller the owner of every slot, renewed by a thread of the store. For
    a member of a fleet ``join()`` comes before ``open()``: then the store takes and renews nothing
    by itself. All methods raise StoreError as ``commit()`` does; ``commit()`` and ``forget()``
    raise LeaseLostError for a VEN whose slot this owner does not hold (any more).
    """

    is_leased = True
    slots: int
    """How many slots there are; known once the store is open."""

    @property
    @abstractmethod
    def held_slots(self) -> frozenset[int]:
        """The slots of this owner, as far as it knows."""

    @abstractmethod
    def join(self, member: Member, lease: float, slots: int = SLOTS) -> None:
        """Be this member of a fleet from the next ``open()`` on, with leases of ``lease`` seconds.

        ``slots`` counts where the store is made by that ``open()``.
        """

    @abstractmethod
    def renew(self, facts: str = "{}") -> Renewal:
        """Prolong all slots of this owner and its row among the members, in one statement."""

    @abstractmethod
    def take(self, slots: Iterable[int]) -> frozenset[int]:
        """Become the owner of those of ``slots`` that are free or whose lease has run out.

        Who could not renew for most of a lease takes free ones only for the length of another: the
        same trouble may have kept the others from renewing.
        """

    @abstractmethod
    def taking(self, slot: int) -> Taking:
        """How ``slot`` came to this owner when it took it last."""

    @abstractmethod
    def give_back(self, slots: Iterable[int], left: Taking = Taking.IN_ORDER) -> None:
        """Make these slots free. Waits for commits under way. ``left`` is how whoever takes them
        soon takes them: ``IN_ORDER`` only where every VEN of theirs ran here, and ended in order.
        """

    @abstractmethod
    def leave(self) -> None:
        """Stop being a member: all slots become free, in order; the row among the members goes."""

    @abstractmethod
    def version(self) -> int:
        """The version of what is stored there, 0 where nothing is. The store need not be open."""

    @abstractmethod
    def slot(self, ven: str) -> int:
        """The slot of a VEN."""

    @abstractmethod
    def place(self, ven: str, slot: int) -> None:
        """Say in which slot ``ven`` lies, where that is not ``slot_of(ven, slots)``."""

    @abstractmethod
    def misplaced_vens(self, vens: Sequence[str]) -> Mapping[str, int]:
        """Those of ``vens`` that have rows in another slot than theirs, with that slot."""

    @abstractmethod
    def load_slot(self, slot: int) -> dict[str, list[Row]]:
        """The rows of all VENs of a slot, as ``load()`` gives them."""

    @abstractmethod
    def owners(self) -> tuple[tuple[Member, ...], tuple[SlotRow, ...]]:
        """All members and all slots, as they are now. Any client may ask; no slot is needed."""

    @abstractmethod
    def drain(self, name: str, draining: bool = True) -> bool:
        """Ask the member ``name`` to give back all that it has; False where there is none."""

    @abstractmethod
    def sites(self, slot: int) -> list[SiteRow]:
        """The sites of the store's own table that lie in ``slot``."""

    @abstractmethod
    def put_sites(self, sites: Iterable[SiteRow]) -> None:
        """Add sites to the store's own table, or replace those of the same VENs."""

    @abstractmethod
    def remove_sites(self, vens: Iterable[str]) -> None:
        """Delete sites from the store's own table. The rows of their VENs stay."""


@named_arguments
def slot_of(name: str, slots: int = SLOTS) -> int:
    """The slot of a VEN, of 0 to ``slots`` - 1. ``name`` is its ``placement`` where it has one,
    else its ``ven_name``. ``ConfigurationError`` for what is no name or no number of slots.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"slot_of() takes the name of a VEN, not {repr_of(name)}.")
    return hash_slot(text("ven_name", name), whole_number("slots", slots, 1, MOST_SLOTS))


def hash_slot(name: str, slots: int) -> int:
    """``slot_of`` for what was checked before."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % slots


def wanted_slots(name: str, members: Mapping[str, float], slots: int) -> frozenset[int]:
    """The slots that rendezvous hashing gives the member ``name`` among ``members`` (name: weight).

    Every member works out the same; when one of them comes or goes, only what it gets or had moves.
    Weights are positive numbers; twice the weight, twice the slots.
    """
    return frozenset(
        slot
        for slot in range(slots)
        if max(members, key=lambda each: _score(each, slot, members)) == name
    )


def _score(name: str, slot: int, members: Mapping[str, float]) -> tuple[float, str]:
    digest = hashlib.sha256(f"{slot}/{name}".encode()).digest()
    chance = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 2)
    return -members[name] / math.log(chance), name


def lease_lost(store: Store, ven: str, slot: int) -> LeaseLostError:
    """What to raise when a VEN's slot is not this owner's."""
    return LeaseLostError(
        f"The VEN {ven!r} may not be written to {store.name!r} here: its slot {slot} is not (or no "
        "longer) this owner's. It ends here; whoever has the slot runs it.",
        path=store.name,
    )


def seconds_awake() -> float:
    """A clock that nobody sets, and that counts the time a machine was suspended where it can."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
