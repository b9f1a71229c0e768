"""One member of the drills' fleet, as a process that is killed and suspended.

``fleet_worker.py FOLDER NAME RUN STORE VTN VENS LEASE POLL SLOTS``; VTN is host and port.
FOLDER/journal-NAME-RUN.jsonl has a line when a handler was called and when it returned (synced),
and one after every commit. FOLDER/clock-NAME, if it is there, says by how many seconds this
member's wall clock is wrong.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import re
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ven_sdk import FleetMember, Site
from ven_sdk.runtime.clock import Clock
from ven_sdk.state.postgresql import PostgreSQLStore
from ven_sdk.state.store import ChangeRow

FOLDER, NAME, RUN = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
JOURNAL = os.open(FOLDER / f"journal-{NAME}-{RUN}.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
KEPT = ("events", "samples", "deliveries")


def journal(synced: bool = False, **facts: Any) -> None:
    os.write(JOURNAL, json.dumps({"run": RUN, "at": time.time(), **facts}).encode() + b"\n")
    if synced:
        os.fsync(JOURNAL)


class JournalStore(PostgreSQLStore):
    """Tells the journal what was committed, after the fact."""

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        super().commit(ven, changes)
        rows = [told(row) for row in changes if row.table in KEPT]
        if rows:
            journal(rows=rows)


def told(row: ChangeRow) -> list[Any]:
    """Of an event the calls that have not returned, else the values of the meters."""
    if row.table == "events" and row.value is not None:
        state = json.loads(row.value)
        return [row.table, row.key, [call["handler"] for call in state.get("pending", ())]]
    return [row.table, row.key, re.findall(r"\b1\d{7}\b", row.value or "")]


def handler(name: str) -> Any:
    def handle(ven: Any, event: Any, *_: Any) -> str:
        about = {"handler": name, "event": event.event_id, "number": event.modification_number}
        journal(synced=True, call="begin", **about)
        time.sleep(random.random() * 0.02)
        journal(synced=True, call="return", **about)
        return "optIn"

    return handle


class SteppedClock(Clock):
    """The machine's clock, set by whoever writes FOLDER/clock-NAME."""

    def time(self) -> float:
        try:
            return super().time() + float((FOLDER / f"clock-{NAME}").read_text() or 0)
        except OSError:
            return super().time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), timezone.utc)


OPT_TIMEOUT = 600
"""Seconds: longer than a drill leaves an event without any member, or it would get the default."""
METERS = 10
"""How many VENs have a meter, about, whatever their number: it is read every second."""


def site(number: int, url: str, poll: float, every: int, read: Any) -> Site:
    return Site(
        f"ven-{number}",
        url,
        arguments={"poll_frequency": poll, "opt_timeout": OPT_TIMEOUT},
        reports=(
            {
                "callback": read,
                "resource_id": f"r-{number}",
                "measurement": "voltage",
                "r_id": f"r-{number}",
                "report_specifier_id": f"s-{number}",
                "sampling_rate": 1,
            },
        )
        if number % every == 0
        else (),
    )


def main(store: str, vtn: str, vens: str, lease: str, poll: str, slots: str) -> None:
    logging.basicConfig(
        level=logging.INFO, filename=FOLDER / f"log-{NAME}-{RUN}", format="%(asctime)s %(message)s"
    )
    numbers, lock = itertools.count(10_000_000 + RUN * 10_000), threading.Lock()

    def read() -> Any:
        with lock:
            return None if (FOLDER / "quiet").exists() else next(numbers)

    url = f"http://{vtn}/{NAME}/OpenADR2/Simple/2.0b"
    by_slot: dict[int, list[Site]] = {}
    for number in range(int(vens)):
        made = site(number, url, float(poll), max(4, int(vens) // METERS), read)
        by_slot.setdefault(made.slot(int(slots)), []).append(made)
    member = FleetMember(
        store=JournalStore(f"{store}&application_name={NAME}"),
        sites=lambda slot: by_slot.get(slot, []),
        clock=SteppedClock(),
        name=NAME,
        lease=float(lease),
        slots=int(slots),
    )
    for name in ("on_event", "on_update_event", "on_cancel_event"):
        member.add_handler(name, handler(name))
    while True:
        try:
            member.start()
            break
        except Exception as error:  # the database may be away just now
            print(error, flush=True)
            time.sleep(0.5)
    print("go", flush=True)
    member.run()


if __name__ == "__main__":
    main(*sys.argv[4:10])
