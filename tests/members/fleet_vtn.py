"""The VTN of the drills: the raw one, with a list of events for each VEN, in a process of its own.

Run as a program: ``fleet_vtn.py FOLDER SEED POLL``. It prints its port, makes events until it reads
``quiet`` from stdin, and ends at ``end``. Every body is in FOLDER/vtn.jsonl; the first part of the
path says which member sent it.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.durability.crash_vtn import change
from tests.durability.raw_vtn import Event, Memory, RawVTN, payload, response, text_of

LISTED = 4
"""How many events the list of a VEN holds."""
AHEAD = 7200.0
"""Seconds by which events begin later than in the crash test of one VEN."""
EVERY = 0.05
"""Seconds between changes of some VEN's list of events."""


class FleetVTN(RawVTN):
    """A raw VTN of many VENs. Each has a memory of its own."""

    def __init__(self, *, poll: float, log: str) -> None:
        super().__init__(poll=poll, wishes=("PT1S", "PT1S"), log=log)
        self.each: dict[str, Memory] = {}
        self._ids: set[str] = set()

    def add_event(self, event_id: str, in_seconds: float = 3600, seconds: int = 60) -> Event:
        """One that begins far from now: a member whose clock is an hour ahead has not missed it."""
        return super().add_event(event_id, in_seconds + AHEAD, seconds)

    def take(self, service: str, body: bytes) -> None:
        """Only the log: what thousands of VENs send is not kept in memory."""
        self.note(dir="in", service=service, body=body.decode())

    def _unknown(self, body: bytes) -> bool:
        return text_of("venID", body) not in self.each

    def _CreatePartyRegistration(self, body: bytes, request_id: str) -> bytes:
        reply = super()._CreatePartyRegistration(body, request_id)
        ven_id, _ = self.memory.vens[text_of("oadrVenName", body)]
        self.each.setdefault(ven_id, Memory())
        return reply

    def _of(self, body: bytes) -> Memory:
        return self.each[text_of("venID", body)]

    def _RequestEvent(self, body: bytes, request_id: str) -> bytes:
        if self._unknown(body):
            return payload("oadrResponse", response(request_id, "463"))
        return self._list(self._of(body))

    def _list(self, memory: Memory) -> bytes:
        now = datetime.now(timezone.utc)
        self.memory.serial += 1
        memory.unsaid = False
        return payload(
            "oadrDistributeEvent",
            response() + f"<pyld:requestID>list-{self.memory.serial}</pyld:requestID>"
            "<ei:vtnID>vtn-raw</ei:vtnID>" + "".join(e.xml(now) for e in memory.events.values()),
        )

    def _Poll(self, body: bytes, request_id: str) -> bytes:
        if self._unknown(body):
            return payload("oadrResponse", response("", "452"))
        memory = self._of(body)
        return self._list(memory) if memory.unsaid else payload("oadrResponse", response())

    def _CreatedEvent(self, body: bytes, request_id: str) -> bytes:
        reply = super()._CreatedEvent(body, request_id)
        if not self._unknown(body):
            self._of(body).answered.update(self.memory.answered)
        self.memory.answered.clear()
        return reply

    def disturb(self, chance: random.Random, number: int) -> None:
        """One more event, or a change of one, for some VEN."""
        with self.memory.lock:
            if not self.each:
                return
            memory = self.each[chance.choice(sorted(self.each))]
            whole, self.memory = self.memory, memory
            try:
                change(memory, chance, self, number, LISTED)
            finally:
                self.memory = whole


def main(folder: str, seed: str, poll: str) -> None:
    chance, quiet = random.Random(int(seed)), threading.Event()
    with FleetVTN(poll=float(poll), log=os.path.join(folder, "vtn.jsonl")) as vtn:

        def load() -> None:
            number = 0
            while not quiet.wait(EVERY):
                number += 1
                vtn.disturb(chance, number)

        threading.Thread(target=load, daemon=True).start()
        print(vtn.port, flush=True)
        for line in sys.stdin:
            if line.strip() == "quiet":
                quiet.set()
            elif line.strip() == "end":
                return


if __name__ == "__main__":
    main(*sys.argv[1:4])
