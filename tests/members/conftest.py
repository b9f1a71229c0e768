"""A PostgreSQL and a VTN for the tests of this folder, and fleets of members in one process."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Callable, Optional

import pytest

from tests import postgresql
from ven_sdk import FleetMember, Site, SiteTable
from ven_sdk.testing import LocalVTN

SLOTS, LEASE = 16, 1.5
PATIENCE = 40.0


@pytest.fixture(scope="session")
def database() -> Iterator[postgresql.Server]:
    """A running server; the test is skipped where there is none to be had."""
    with postgresql.running_server() as server:
        yield server


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """What ``condition`` gives as soon as that is true."""
    end = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        threading.Event().wait(0.02)


class Crew:
    """Members of one fleet in this process, with a VTN."""

    def __init__(
        self, vtn: LocalVTN, database: postgresql.Server, schema: str, stack: ExitStack
    ) -> None:
        self.vtn, self.database, self._stack = vtn, database, stack
        self.url = database.url(schema)
        self.members: dict[str, FleetMember] = {}
        self._count = 0

    def put(self, count: int, **arguments: Any) -> None:
        """So many sites in the table: ``ven-0`` and so on."""
        given = {"poll_frequency": 0.3, **arguments}
        self._count = count
        with SiteTable(self.url, slots=SLOTS) as table:
            table.put(Site(f"ven-{n}", self.vtn.url, arguments=given) for n in range(count))

    def member(self, name: str, start: bool = True, **arguments: Any) -> FleetMember:
        """A member, started."""
        given = {"lease": LEASE, "slots": SLOTS, "start_rate": 500, **arguments}
        member = self.members[name] = FleetMember(store=self.url, name=name, **given)
        self._stack.callback(member.stop)
        if start:
            member.start()
        return member

    def where(self) -> dict[str, list[str]]:
        """The VENs that run now, with the members that have them registered."""
        found: dict[str, list[str]] = {}
        for name, member in self.members.items():
            for ven in member.fleet:
                if ven.status.state == "registered":
                    found.setdefault(ven.settings.ven_name, []).append(name)
        return found

    def all_run(self, count: int, members: Optional[int] = None) -> dict[str, str]:
        """Wait until so many VENs run, each on one member; returns where."""

        def settled() -> Optional[dict[str, str]]:
            where = self.where()
            if len(where) != count or any(len(names) != 1 for names in where.values()):
                return None
            flat = {ven: names[0] for ven, names in where.items()}
            return flat if members is None or len(set(flat.values())) == members else None

        found: dict[str, str] = eventually(settled, f"{count} VENs each on one member")
        return found

    def all_poll(self) -> None:
        """Wait until each site that was put has polled twice from now on: what a VEN had to ask for
        where it began, or where it was moved to, has gone out before.
        """
        mark = self.vtn.mark()

        def settled() -> bool:
            polls = Counter(one.ven_id for one in self.vtn.received_of("oadrPoll", after=mark))
            return len(polls) == self._count and min(polls.values()) >= 2

        eventually(settled, "all poll")


@pytest.fixture
def crew(database: postgresql.Server, request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Members that are stopped after the test."""
    schema = f"m{abs(hash(request.node.nodeid)) % 10**12}"
    with LocalVTN() as vtn, ExitStack() as stack:
        yield Crew(vtn, database, schema, stack)
