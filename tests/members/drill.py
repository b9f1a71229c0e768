"""A fleet of processes under load, killed and suspended at random; what came of it, counted.

Used by the tests for seconds, and by ``benchmarks/fleet_drill.py`` for as long as is wanted. The
counting reads the VTN's raw log, the members' journals, and what triggers in the database wrote
down; it uses nothing of the SDK.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Optional

from tests import postgresql
from tests.durability.crash_count import LOSSES, count

HERE = Path(__file__).resolve().parent
SLOTS = 64
TRIGGERS = """
CREATE TABLE watch_owners (slot int, owner text, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE watch_stale (slot int, ven text, writer text, owner text);
CREATE FUNCTION watch_slots() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO watch_owners (slot, owner) VALUES (NEW.slot, NEW.owner); RETURN NULL; END $$;
CREATE TRIGGER watch AFTER UPDATE ON ven_sdk.slots FOR EACH ROW
  WHEN (OLD.token <> NEW.token OR OLD.owner IS DISTINCT FROM NEW.owner)
  EXECUTE FUNCTION watch_slots();
CREATE FUNCTION watch_facts() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE has text; BEGIN
  SELECT split_part(owner, ':', 1) INTO has FROM ven_sdk.slots
    WHERE slot = coalesce(NEW.slot, OLD.slot);
  IF has IS DISTINCT FROM current_setting('application_name') THEN
    INSERT INTO watch_stale VALUES (coalesce(NEW.slot, OLD.slot), coalesce(NEW.ven, OLD.ven),
      current_setting('application_name'), has);
  END IF; RETURN NULL; END $$;
CREATE TRIGGER watch AFTER INSERT OR UPDATE OR DELETE ON ven_sdk.facts FOR EACH ROW
  EXECUTE FUNCTION watch_facts();
"""


class Drill:
    """``workers`` members that run ``vens`` VENs, a VTN, a database. ``with`` ends them all."""

    def __init__(
        self,
        folder: Path,
        *,
        vens: int = 32,
        workers: int = 3,
        lease: float = 3.0,
        poll: float = 1.0,
        slots: int = SLOTS,
        seed: int = 1,
    ) -> None:
        self.folder, self.vens, self.lease, self.poll = folder, vens, lease, poll
        self.slots = slots
        self.names = [f"w{number}" for number in range(workers)]
        self.chance = random.Random(seed)
        self.seed = seed
        self.database = postgresql.make_server()
        self.vtn: Optional[subprocess.Popen[str]] = None
        self.port = 0
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._runs = 0
        self._read = 0  # how far the VTN's log was read, and what stood there
        self._messages: list[tuple[float, str, str, bytes]] = []
        self._names: dict[str, str] = {}
        self._asked: dict[str, str] = {}

    def __enter__(self) -> Drill:
        self.vtn = subprocess.Popen(
            [sys.executable, HERE / "fleet_vtn.py", self.folder, str(self.seed), f"{self.poll:g}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.vtn.stdout is not None
        self.port = int(self.vtn.stdout.readline())
        self.start(self.names[0], wait=True)
        self.sql(TRIGGERS)
        for name in self.names[1:]:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers.values(), *([self.vtn] if self.vtn else [])):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        self.database.stop()

    def start(self, name: str, wait: bool = False) -> None:
        """A new process for the member ``name``."""
        self._runs += 1
        url, port = self.addresses(name)
        words = [url, port, self.vens, f"{self.lease:g}", f"{self.poll:g}", self.slots]
        with open(self.folder / f"out-{name}-{self._runs}", "wb") as out:
            self.workers[name] = subprocess.Popen(
                [
                    *self.machine(name),
                    sys.executable,
                    HERE / "fleet_worker.py",
                    *map(str, (self.folder, name, self._runs, *words)),
                ],
                stdout=out,
                stderr=out,
            )
        if wait:
            path, deadline = self.folder / f"out-{name}-{self._runs}", time.monotonic() + 30
            while "go" not in path.read_text():
                assert time.monotonic() < deadline, path.read_text()
                time.sleep(0.05)

    def addresses(self, name: str) -> tuple[str, str]:
        """The database's address for the member ``name``, and the VTN's host and port."""
        return self.database.url(), f"127.0.0.1:{self.port}"

    def machine(self, name: str) -> list[str]:
        """What goes before the command that starts the member ``name``."""
        return []

    def kill(self, name: str) -> None:
        """kill -9, and nobody there for a moment."""
        self.workers[name].kill()
        self.workers[name].wait()

    def suspend(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        os.kill(self.workers[name].pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.workers[name].pid, signal.SIGCONT)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """What the database says, or does."""
        import psycopg

        with psycopg.connect(self.database.url().partition("?")[0], autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def heard_from(self, member: str) -> frozenset[str]:
        """The VENs whose newest message came from ``member``."""
        newest = {name: sender for _, name, sender, _ in self.messages()}
        return frozenset(name for name, sender in newest.items() if sender == member)

    def all_poll(
        self, since: float, seconds: float, among: Optional[frozenset[str]] = None
    ) -> dict[str, float]:
        """Wait until every VEN (``among`` them) has polled after ``since``; returns when each did,
        from then.
        """
        deadline = time.monotonic() + seconds
        wanted = self.vens if among is None else len(among)
        first: dict[str, float] = {}
        looked = 0
        while True:
            messages = self.messages()
            for at, name, _, body in messages[looked:]:
                if at >= since and b"oadrPoll" in body and (among is None or name in among):
                    first.setdefault(name, at)
            looked = len(messages)
            if len(first) == wanted:
                return {name: at - since for name, at in first.items()}
            assert time.monotonic() < deadline, f"only {len(first)} of {wanted} VENs poll"
            time.sleep(0.1)

    def messages(self) -> list[tuple[float, str, str, bytes]]:
        """(when, VEN, member, first bytes) of all that the VTN got from registered VENs so far."""
        with open(self.folder / "vtn.jsonl", "rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):  # being written
                    break
                self._read += len(line)
                self._take(json.loads(line))
        return self._messages

    def _take(self, facts: dict[str, Any]) -> None:
        body = facts["body"].encode()
        if facts["dir"] == "in":
            if b"CreatePartyRegistration" in body:
                self._asked[_text("requestID", body)] = _text("oadrVenName", body)
            elif _text("venID", body) in self._names:
                member = re.sub(r"(Oadr|Ei).*", "", facts["service"].strip("/").partition("/")[0])
                name = self._names[_text("venID", body)]
                self._messages.append((facts["at"], name, member, body[-300:]))
        elif b"CreatedPartyRegistration" in body and _text("requestID", body) in self._asked:
            self._names[_text("venID", body)] = self._asked.pop(_text("requestID", body))

    def finish(self, seconds: float = 30.0) -> dict[str, Any]:
        """Make no more events and samples, let everything be delivered, stop in order; the
        figures.
        """
        (self.folder / "quiet").touch()
        assert self.vtn is not None and self.vtn.stdin is not None
        self.vtn.stdin.write("quiet\n")
        self.vtn.stdin.flush()
        self._settle(seconds)
        codes = [self._stopped(process) for process in self.workers.values()]
        owners = self.sql(
            "SELECT slot, owner, extract(epoch FROM at) FROM watch_owners ORDER BY at"
        )
        stale = self.sql("SELECT * FROM watch_stale")
        (self.folder / "owners.json").write_text(json.dumps(owners, default=float))
        self.vtn.stdin.write("end\n")
        self.vtn.stdin.flush()
        self.vtn.wait(30)
        return {
            **self._count(),
            "commits by a stale owner": stale,
            "messages by a stale owner": self._stale_messages(owners),
            "changes of owners": len(owners),
            "exit codes": codes,
        }

    def _settle(self, seconds: float) -> None:
        """Until nothing that was begun is owed any more."""
        deadline = time.monotonic() + seconds
        time.sleep(2 * self.lease + 2 * self.poll)
        while time.monotonic() < deadline:
            figures = self._count()
            if not any(figures[name] for name in LOSSES):
                return
            time.sleep(0.5)

    def _stopped(self, process: subprocess.Popen[bytes]) -> Optional[int]:
        process.terminate()
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            return None

    def _count(self) -> dict[str, Any]:
        lines = [
            line
            for path in self.folder.glob("journal-*.jsonl")
            for line in path.read_bytes().splitlines()
        ]
        whole = [(facts["at"], line) for line in lines if (facts := _parsed(line))]
        (self.folder / "journal.jsonl").write_bytes(b"\n".join(line for _, line in sorted(whole)))
        return count(self.folder)

    def _stale_messages(self, owners: list[tuple[Any, ...]]) -> list[Any]:
        """What a member sent for a VEN whose slot had another owner at that moment."""
        history: dict[int, list[tuple[float, str]]] = {}
        for slot, owner, at in owners:
            history.setdefault(slot, []).append((float(at), (owner or "").partition(":")[0]))
        found = []
        for at, ven, member, body in self.messages():
            slot = _slot(ven, self.slots)
            before = [who for when, who in history.get(slot, ()) if when <= at]
            if before and before[-1] not in ("", member):
                found.append([at, ven, member, before[-1], body.decode()])
        return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:  # torn by a kill
        return {}
    return found


def _slot(ven: str, slots: int) -> int:
    """The slot of a VEN, worked out by hand."""
    return int.from_bytes(hashlib.sha256(ven.encode()).digest()[:8], "big") % slots


def _text(name: str, body: bytes) -> str:
    found = re.search(rf"<(?:\w+:)?{name}(?: [^<>]*)?>([^<]*)</".encode(), body)
    return found.group(1).decode() if found else ""
