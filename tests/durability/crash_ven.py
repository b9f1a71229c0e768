"""The VEN that the crash test kills: a program of a user's, with journals that tell what it had
been told and committed.

``crash_ven.py FOLDER URL RUN``. FOLDER/journal.jsonl gets a line before and after every handler
call (synced), and one after every commit of the store. FOLDER/stages holds, at any moment, how many
threads are in which stage; a kill leaves it as it was. With ``CRASH_AT=17:before`` the process
kills itself at that commit. It pushes and measures until FOLDER/quiet exists.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.durability.crash_stages import STAGES, of_payload
from ven_sdk import OpenADRClient, VenError
from ven_sdk.oadr20b.exchange import Exchange
from ven_sdk.runtime.engine import Engine
from ven_sdk.state.sqlite import SQLiteStore
from ven_sdk.state.store import ChangeRow

FOLDER, URL, RUN = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
NUMBER, _, MOMENT = (os.environ.get("CRASH_AT") or "0:").partition(":")
JOURNAL = os.open(FOLDER / "journal.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


KEPT = ("events", "samples", "deliveries", "opts")
"""The tables that the counting looks at."""


class Stages:
    """How many threads are in which stage, in memory that outlives the process."""

    def __init__(self) -> None:
        with open(FOLDER / "stages", "wb") as file:
            file.write(bytes(len(STAGES)))
        with open(FOLDER / "stages", "r+b") as file:
            self._map = mmap.mmap(file.fileno(), len(STAGES))
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def inside(self, stage: str) -> Iterator[None]:
        place = STAGES.index(stage)
        with self._lock:
            self._map[place] += 1
        try:
            yield
        finally:
            with self._lock:
                self._map[place] -= 1


stages = Stages()


def journal(synced: bool = False, **facts: Any) -> None:
    os.write(JOURNAL, json.dumps({"run": RUN, "at": time.time(), **facts}).encode() + b"\n")
    if synced:
        os.fsync(JOURNAL)


class CrashStore(SQLiteStore):
    """Tells the journal what was committed, after the fact, and dies where it is told to."""

    commits = 0

    def commit(self, ven: str, changes: Sequence[ChangeRow]) -> None:
        self.commits += 1
        die = int(NUMBER) == self.commits
        with stages.inside("commit"):
            if die and MOMENT == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            super().commit(ven, changes)
        if die and MOMENT == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        journal(commit=self.commits, rows=[told(row) for row in changes if row.table in KEPT])


def told(row: ChangeRow) -> list[Any]:
    """What the counting needs of a committed row: of an event the calls that have not returned,
    else the text.
    """
    if row.table == "events" and row.value is not None:
        state = json.loads(row.value)
        return [row.table, row.key, [call["handler"] for call in state.get("pending", ())]]
    if row.table == "opts":
        return [row.table, row.key, None]
    return [row.table, row.key, None if row.value is None else re.findall(r"\b1\d{7}\b", row.value)]


def staged() -> None:
    """Have the stages of exchanges and steps marked."""
    post, transact = Exchange.post, Engine.transact

    def marked_post(self: Exchange, record: Any, service: str = "") -> Any:
        with stages.inside(of_payload(record.wire_name)):
            return post(self, record, service)

    def marked_transact(self: Engine, *arguments: Any, **keywords: Any) -> Any:
        with stages.inside("step"):
            return transact(self, *arguments, **keywords)

    Exchange.post, Engine.transact = marked_post, marked_transact  # type: ignore[method-assign]


def handler(name: str) -> Any:
    def handle(event: Any, *_: Any) -> str:
        with stages.inside("handler"):
            about = {"handler": name, "event": event.event_id, "number": event.modification_number}
            journal(synced=True, call="begin", **about)
            time.sleep(random.random() * 0.05)
            journal(synced=True, call="return", **about)
            return "optIn"

    return handle


class Meter:
    """Values that no run of this program gives twice."""

    def __init__(self) -> None:
        self._next = 10_000_000 + RUN * 10_000
        self._lock = threading.Lock()

    def value(self) -> Any:
        with self._lock:
            self._next += 1
            return self._next

    def read(self) -> Any:
        with stages.inside("callback"):
            time.sleep(random.random() * 0.02)
            return None if (FOLDER / "quiet").exists() else self.value()


def push(client: OpenADRClient, meter: Meter) -> None:
    while (
        client.status.state == "stopped"
    ):  # what is pushed before the start is kept in memory only
        time.sleep(0.01)
    while not (FOLDER / "quiet").exists():
        value = meter.value()
        with stages.inside("push"):
            client.report_value("pushed", value)
        journal(pushed=value)
        time.sleep(0.01)


def opt(client: OpenADRClient) -> None:
    """Opt out of a minute of tomorrow now and then; blocks until the VTN answered."""
    number = 0
    while not (FOLDER / "quiet").exists():
        time.sleep(0.2)
        number += 1
        begin = datetime.now(timezone.utc) + timedelta(days=1, minutes=number)
        with contextlib.suppress(VenError), stages.inside("create_opt"):
            client.create_opt(
                "optOut",
                "notParticipating",
                opt_id=f"opt-{RUN}-{number}",
                vavailability=[{"dtstart": begin, "duration": timedelta(minutes=1)}],
            )


def main() -> None:
    staged()
    meter = Meter()
    client = OpenADRClient(
        "ven-crash",
        URL,
        store=CrashStore(FOLDER / "ven.db"),
        poll_frequency=0.1,
        allow_jitter=False,
    )
    client.add_report(
        meter.read, resource_id="a", measurement="voltage", r_id="called", sampling_rate=1
    )
    client.add_report(None, resource_id="b", measurement="voltage", r_id="pushed", sampling_rate=1)
    for name in ("on_event", "on_update_event", "on_cancel_event"):
        client.add_handler(name, handler(name))
    print("go", flush=True)
    threading.Thread(target=push, args=(client, meter), daemon=True).start()
    threading.Thread(target=opt, args=(client,), daemon=True).start()
    client.run()


if __name__ == "__main__":
    main()
