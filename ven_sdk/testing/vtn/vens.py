"""The VENs that the VTN knows: identity, registration, what waits for their next poll (rules R1 to
R17).

Guarded by the VTN's lock; knows nothing of messages in flight.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional

from ...errors import ConfigurationError
from ...oadr20b.schema.opt import CreateOpt
from ...oadr20b.schema.registration import CreatePartyRegistration, Response
from ...oadr20b.schema.reports import Report
from .reports import AskedReport


@dataclass
class Ven:
    """One VEN. ``asked``: the report requests made to it, by ID; ``pending``: those that it last
    said it runs; ``opts``: its opts by ID; ``offers``: its report catalogue; ``polls``: how often
    it polled.
    """

    ven_name: str
    ven_id: str
    registration_id: Optional[str] = None
    registered: bool = False
    fingerprint: Optional[str] = None
    registration: Optional[CreatePartyRegistration] = None
    offers: tuple[Report, ...] = ()
    asked: dict[str, AskedReport] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    opts: dict[str, CreateOpt] = field(default_factory=dict)
    queue: deque[Any] = field(default_factory=deque)
    news: bool = False
    polls: int = 0
    last_poll: Optional[float] = None
    acknowledgement: Optional[Response] = None

    def forget_requests(self) -> None:
        """A new registration or its end: queue, report requests and opts belong to the old one (R7,
        R17).
        """
        self.queue.clear()
        self.asked.clear()
        self.opts.clear()
        self.pending, self.offers, self.news = (), (), False


class VenTable:
    """All VENs, by venID; found by name and certificate as well (R16)."""

    def __init__(self) -> None:
        self.by_id: dict[str, Ven] = {}
        self._by_name: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._registrations = itertools.count(1)

    def __iter__(self) -> Iterator[Ven]:
        return iter(list(self.by_id.values()))

    def add(self, ven_name: str, ven_id: Optional[str] = None, **facts: Any) -> Ven:
        """A VEN known from now on."""
        ven = Ven(ven_name, ven_id or self._new_id(), **facts)
        self.by_id[ven.ven_id] = ven
        if ven_name:
            self._by_name[ven_name] = ven.ven_id
        return ven

    def remove(self, ven: Ven) -> None:
        """A VEN unknown from now on."""
        self.by_id.pop(ven.ven_id, None)
        if self._by_name.get(ven.ven_name) == ven.ven_id:
            del self._by_name[ven.ven_name]

    def find(
        self,
        *,
        ven_id: Optional[str] = None,
        ven_name: Optional[str] = None,
        fingerprint: Optional[str] = None,
    ) -> Optional[Ven]:
        """By ID if there is one; else by certificate; else by name."""
        if ven_id:
            return self.by_id.get(ven_id)
        if fingerprint:
            for ven in self:
                if ven.fingerprint == fingerprint:
                    return ven
        return self.by_id.get(self._by_name.get(ven_name or "", ""))

    def get(self, ven: Optional[str]) -> Ven:
        """The VEN of that ID or name; None is the only one there is. ConfigurationError lists those
        that there are.
        """
        if ven is None and len(self.by_id) == 1:
            return next(iter(self.by_id.values()))
        found = self.by_id.get(ven or "") or self.by_id.get(self._by_name.get(ven or "", ""))
        if found is not None:
            return found
        there = (
            ", ".join(f"{each.ven_id!r} ({each.ven_name!r})" for each in itertools.islice(self, 10))
            or "none"
        )
        wanted = (
            f"There is no VEN {ven!r}"
            if ven is not None
            else "There is not exactly one VEN, so say which (ven_id=)"
        )
        raise ConfigurationError(f"{wanted}; there are {there}.")

    def select(self, ven: Optional[str]) -> list[Ven]:
        """The VEN of that ID or name, or all of them."""
        return list(self) if ven is None else [self.get(ven)]

    def register(self, ven: Ven, request: CreatePartyRegistration) -> None:
        """Take a registration: the same ID for one that is renewed (R5), a new one for a new
        beginning (R6, R7).
        """
        renewed = (
            ven.registered
            and request.registration_id
            and request.registration_id == ven.registration_id
        )
        if not renewed:
            ven.forget_requests()
            if ven.registration_id is None or ven.registered:
                ven.registration_id = f"registration-{next(self._registrations)}"
        if request.ven_name:
            ven.ven_name = request.ven_name
            self._by_name[request.ven_name] = ven.ven_id
        ven.registered, ven.registration = True, request

    def end(self, ven: Ven) -> None:
        """The registration is over; who the VEN is stays known."""
        ven.forget_requests()
        ven.registered, ven.registration_id = False, None

    def _new_id(self) -> str:
        while True:
            ven_id = f"ven-{next(self._numbers)}"
            if ven_id not in self.by_id:
                return ven_id
