"""The store on PostgreSQL: rows of many VENs, for one owner or for the members of a fleet.

Durable means: the database has committed, on its disk, before ``commit()`` returns. Threads that
commit at the same time share a transaction. Every commit looks in the same statement whether the
VEN's slot is still this owner's. Any thread may call it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Callable, Optional

from ...errors import LeaseLostError, StoreError
from ..group_commit import GroupCommit, Ticket
from ..lease_thread import LeaseThread, take_every_slot
from ..leases import (
    LEASE,
    MOVED_WITHIN,
    SENDING_SHARE,
    SLOTS,
    LeasedStore,
    Member,
    Renewal,
    SiteRow,
    SlotRow,
    Taking,
    hash_slot,
    lease_lost,
    seconds_awake,
)
from ..store import ChangeRow, Row, already_open, check_changes, not_open
from . import schema as sql
from .batch import Work, as_values
from .database import Database
from .link import Address, Link, Rows

logger: logging.Logger = logging.getLogger(__name__)


class PostgreSQLStore(LeasedStore):
    """A :class:`~ven_sdk.Store` in the schema ``schema`` (``ven_sdk``) of a PostgreSQL database.

    ``url`` is ``postgresql://user@host/database``, with ``?schema=`` and what libpq knows;
    passwords belong into ``PGPASSWORD`` or a passfile. ``lease`` counts for one owner of all slots;
    a fleet's member says its own. ``slots`` counts where the store is made. The extra
    ``postgresql`` brings what it needs.
    """

    durable = True

    def __init__(self, url: str, *, lease: float = LEASE, slots: int = 1) -> None:
        self._address = Address(url)
        self.name: str = self._address.name
        self._link = Link(self._address)
        self._database = Database(self._link, self._address)
        self._member = Member("", "")
        self._joined = False
        self._lease = lease
        self.transit: float = lease * (1 - SENDING_SHARE)
        self._new_slots = slots
        self.slots = 0
        self._places: dict[str, int] = {}
        self._tokens: dict[int, int] = {}  # replaced, never changed: readers need no lock
        self._takings: dict[int, Taking] = {}
        self._deadline = 0.0
        self._patient_until = 0.0
        self._has_left = False
        self._owning = threading.Lock()  # one renewal, taking or giving back at a time
        self._opening = threading.Lock()
        self._thread: Optional[LeaseThread] = None
        self._lost: Callable[[LeaseLostError], None] = _log_loss
        self._group: GroupCommit[Work] = GroupCommit(self._write)
        self._batches = count(1)
        self._pid: Optional[int] = None

    # --- opening and closing ----------------------------------------------------------------------

    def watch_lease(self, lost: Callable[[LeaseLostError], None]) -> None:
        """See :meth:`Store.watch_lease`. A fleet's member finds it out by its own renewals."""
        self._lost = lost

    def check(self) -> None:
        """See :meth:`Store.check`. A database that cannot be reached now passes."""
        self._database.check()

    def version(self) -> int:
        """See :meth:`LeasedStore.version`."""
        return self._database.version()

    @property
    def known_version(self) -> int:
        """The version that this ven_sdk makes."""
        return len(self._database.migrations)

    def join(self, member: Member, lease: float, slots: int = SLOTS) -> None:
        """See :meth:`LeasedStore.join`. ``lease`` in seconds."""
        self._member, self._joined, self._lease, self._new_slots = member, True, lease, slots
        self.transit = lease * (1 - SENDING_SHARE)

    def open(self) -> tuple[str, ...]:
        """See :meth:`Store.open`. Without ``join()`` it waits until the lease of an owner that died
        has run out, and raises when that owner turns out to live. ``StoreError`` says why it cannot
        be opened.
        """
        self._refuse_in_child()
        with self._opening:
            if self._link.is_open:
                raise already_open(self)
            try:
                self.slots: int = self._database.open(self._new_slots)
                self._link.open(self._lease)
                self._has_left, self._deadline, self._patient_until = False, 0.0, 0.0
            except StoreError as error:
                # Never begun without: another may be the owner.
                raise StoreError(str(error), path=self.name) from error
            try:
                if not self._joined:
                    self._take_all()
            except BaseException:
                self._link.close()
                raise
            self._pid = os.getpid()
        return ()

    def _take_all(self) -> None:
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._member = Member(f"{name}:{secrets.token_hex(8)}", name)
        thread = LeaseThread(self, self._lease, lambda error: self._lost(error))
        try:
            self.renew()
            thread.start()
            take_every_slot(self)
            thread.own_every_slot()
        except BaseException:
            thread.stop()
            self._leave_if_possible()
            raise
        self._thread = thread

    def close(self) -> None:
        """See :meth:`Store.close`. An owner of all slots gives them up; a member has left."""
        if self._pid not in (None, os.getpid()):
            return
        with self._opening:
            if not self._link.is_open:
                return
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.stop()
            self._leave_if_possible()
            self._link.close()

    def _leave_if_possible(self) -> None:
        try:
            self.leave()
        except StoreError as error:
            logger.warning("%s The slots become free when their leases run out.", error)

    # --- rows -------------------------------------------------------------------------------------

    def holds(self, ven: str) -> bool:
        """See :meth:`Store.holds`: False from two thirds of a lease without a renewal on."""
        return self.slot(ven) in self._tokens and seconds_awake() < self._deadline

    @property
    def held_slots(self) -> frozenset[int]:
        """See :attr:`LeasedStore.held_slots`."""
        return frozenset(self._tokens)

    def slot(self, ven: str) -> int:
        """See :meth:`LeasedStore.slot`."""
        place = self._places.get(ven)
        return hash_slot(ven, self.slots or 1) if place is None else place

    def place(self, ven: str, slot: int) -> None:
        """See :meth:`LeasedStore.place`."""
        if slot == hash_slot(ven, self.slots or 1):
            self._places.pop(ven, None)
        else:
            self._places[ven] = slot

    def load(self, ven: str) -> list[Row]:
        """See :meth:`Store.load`."""
        check_changes(self, ven, ())
        return [Row(*row) for row in self._run(sql.LOAD, slot=self.slot(ven), ven=ven)]

    def load_slot(self, slot: int) -> dict[str, list[Row]]:
        """See :meth:`LeasedStore.load_slot`."""
        found: dict[str, list[Row]] = {}
        for ven, *row in self._run(sql.LOAD_SLOT, slot=slot):
            found.setdefault(ven, []).append(Row(*row))
        return found

    def vens(self) -> list[str]:
        """See :meth:`Store.vens`."""
        return sorted(ven for (ven,) in self._run(sql.VENS))

    def misplaced_vens(self, vens: Sequence[str]) -> Mapping[str, int]:
        """See :meth:`LeasedStore.misplaced_vens`."""
        slots = [self.slot(ven) for ven in vens]
        return dict(self._run(sql.MISPLACED, vens=list(vens), slots=slots))

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        """See :meth:`Store.commit`."""
        self._submit(ven, check_changes(self, ven, changes))

    def forget(self, ven: str) -> None:
        """See :meth:`Store.forget`."""
        check_changes(self, ven, ())
        self._submit(ven, None)

    def _submit(self, ven: str, rows: Optional[tuple[ChangeRow, ...]]) -> None:
        self._refuse_in_child()
        if not self._link.is_open:
            raise not_open(self)
        slot = self.slot(ven)
        if slot not in self._tokens:
            raise lease_lost(self, ven, slot)
        self._group.submit(Work(slot, ven, rows))

    def _write(self, tickets: Sequence[Ticket[Work]]) -> None:
        """One statement, one transaction; where that fails by its contents, one for each."""
        commits = [ticket for ticket in tickets if ticket.work.rows is not None]
        try:
            self._execute(sql.COMMIT, commits, as_values([ticket.work for ticket in commits]))
        except StoreError as error:
            if error.retryable or len(commits) < 2:
                raise
            for ticket in commits:
                self._write_alone(ticket)
        for ticket in tickets:
            if ticket.work.rows is None:
                self._execute(sql.FORGET, [ticket], {"ven": ticket.work.ven})

    def _write_alone(self, ticket: Ticket[Work]) -> None:
        try:
            self._execute(sql.COMMIT, [ticket], as_values([ticket.work]))
        except StoreError as error:
            ticket.error = error

    def _execute(
        self, statement: str, tickets: Sequence[Ticket[Work]], values: dict[str, object]
    ) -> None:
        """What is not this owner's any more is left out by the statement."""
        if not tickets:
            return
        tokens = self._tokens
        slots = sorted({ticket.work.slot for ticket in tickets} & tokens.keys())
        owned = {"slots": slots, "tokens": [tokens[slot] for slot in slots]}
        owner = {"owner": self._member.owner, "batch": next(self._batches)}
        held = {slot for (slot,) in self._link.run(statement, {**values, **owned, **owner})}
        for ticket in tickets:
            if ticket.work.slot not in held:
                ticket.error = lease_lost(self, ticket.work.ven, ticket.work.slot)

    # --- leases -----------------------------------------------------------------------------------

    def renew(self, facts: str = "{}") -> Renewal:
        """See :meth:`LeasedStore.renew`."""
        with self._owning:
            if self._has_left:
                raise not_open(self)
            started = seconds_awake()
            values = {**self._me(), "lease": self._lease, "facts": facts}
            ((slots, tokens, draining, revision),) = self._link.run(sql.RENEW, values, probe=True)
            self._tokens = dict(zip(slots or (), tokens or ()))
            if 0.0 < self._deadline < started:
                # What kept this owner from renewing may have kept the others: they get a lease's
                # time to say that they live.
                self._patient_until = started + self._lease
            self._deadline = started + self._lease * SENDING_SHARE
            members = tuple(Member(*row) for row in self._link.run(sql.LIVE_MEMBERS))
            return Renewal(frozenset(self._tokens), draining, members, revision)

    def take(self, slots: Iterable[int]) -> frozenset[int]:
        """See :meth:`LeasedStore.take`."""
        with self._owning:
            values = {
                "owner": self._member.owner,
                "lease": self._lease,
                "slots": list(slots),
                "expired": seconds_awake() >= self._patient_until,
            }
            found = self._link.run(sql.TAKE, values)
            self._takings.update((slot, _taking(given, age)) for slot, _, given, age in found)
            taken: dict[int, int] = {slot: token for slot, token, *_ in found}
            self._tokens = {**self._tokens, **taken}
            return frozenset(taken)

    def taking(self, slot: int) -> Taking:
        """See :meth:`LeasedStore.taking`."""
        return self._takings.get(slot, Taking.ANEW)

    def give_back(self, slots: Iterable[int], left: Taking = Taking.IN_ORDER) -> None:
        """See :meth:`LeasedStore.give_back`."""
        given = set(slots)
        with self._owning:
            self._tokens = {s: token for s, token in self._tokens.items() if s not in given}
            values = {
                "owner": self._member.owner,
                "slots": sorted(given),
                "next": sql.BROKEN_OFF if left is Taking.BROKEN_OFF else None,
                "soon": left is not Taking.ANEW,
            }
            self._link.run(sql.GIVE_BACK, values)

    def leave(self) -> None:
        """See :meth:`LeasedStore.leave`."""
        with self._owning:
            self._tokens, self._has_left = {}, True
            self._link.run(sql.LEAVE, {"owner": self._member.owner})

    def owners(self) -> tuple[tuple[Member, ...], tuple[SlotRow, ...]]:
        """See :meth:`LeasedStore.owners`."""
        members = tuple(Member(*row) for row in self._run(sql.ALL_MEMBERS))
        return members, tuple(SlotRow(*row) for row in self._run(sql.SLOTS))

    def drain(self, name: str, draining: bool = True) -> bool:
        """See :meth:`LeasedStore.drain`."""
        return bool(self._run(sql.DRAIN, name=name, draining=draining))

    def _me(self) -> dict[str, object]:
        member = self._member
        return {"owner": member.owner, "name": member.name, "weight": member.weight}

    # --- sites ------------------------------------------------------------------------------------

    def sites(self, slot: int) -> list[SiteRow]:
        """See :meth:`LeasedStore.sites`."""
        return [SiteRow(*row) for row in self._run(sql.SITES, slot=slot)]

    def put_sites(self, sites: Iterable[SiteRow]) -> None:
        """See :meth:`LeasedStore.put_sites`."""
        rows = {site.ven: site for site in sites}.values()
        self._run(
            sql.PUT_SITES,
            vens=[row.ven for row in rows],
            slots=[row.slot for row in rows],
            texts=[row.text for row in rows],
        )

    def remove_sites(self, vens: Iterable[str]) -> None:
        """See :meth:`LeasedStore.remove_sites`."""
        self._run(sql.REMOVE_SITES, vens=list(vens))

    def _run(self, statement: str, **values: object) -> Rows:
        self._refuse_in_child()
        return self._link.read(statement, values)

    def _refuse_in_child(self) -> None:
        if self._pid not in (None, os.getpid()):
            raise StoreError(
                f"The store {self.name!r} was opened by process {self._pid}; this is process "
                f"{os.getpid()}, made by fork(). Make the client in the child.",
                path=self.name,
            )


def _taking(given: bool, age: Optional[float]) -> Taking:
    """``age``: seconds since its lease ran out, or since it was given back in order."""
    if age is None or age > MOVED_WITHIN:
        return Taking.ANEW
    return Taking.IN_ORDER if given else Taking.BROKEN_OFF


def _log_loss(error: LeaseLostError) -> None:
    logger.error("%s", error)
