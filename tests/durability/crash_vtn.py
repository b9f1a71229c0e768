"""The second process of the crash test: a raw VTN that makes a load of events of its own until it
is told to be quiet.

Run as a program: ``crash_vtn.py FOLDER SEED``. It prints its port, then obeys lines from stdin
(``quiet``, ``end``). Every body it gets or sends is in FOLDER/vtn.jsonl.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.durability.raw_vtn import Memory, RawVTN

EVERY = 0.1
"""Seconds between changes of the list of events."""
LISTED = 60
"""How many events the list holds; answered ones make room for new ones (rule E25)."""


def change(
    memory: Memory, chance: random.Random, vtn: RawVTN, number: int, listed: int = LISTED
) -> None:
    """One more event, or a change of one of the last few; at most ``listed`` that are answered."""
    with memory.lock:
        recent = [event for event in list(memory.events.values())[-8:] if not event.cancelled]
        kind = chance.random()
        if recent and kind < 0.25:
            chance.choice(recent).modification += 1
        elif recent and kind < 0.4:
            event = chance.choice(recent)
            event.modification += 1
            event.cancelled = True
        else:
            vtn.add_event(f"e{number:05d}", in_seconds=3600)
        answered = [
            key
            for key, event in memory.events.items()
            if memory.answered.get(key) == event.modification
        ]
        for key in answered[: max(0, len(memory.events) - listed)]:
            del memory.events[key]
        memory.unsaid = True


def main(folder: str, seed: str) -> None:
    chance, quiet = random.Random(int(seed)), threading.Event()
    with RawVTN(poll=1, wishes=("PT1S", "PT1S"), log=os.path.join(folder, "vtn.jsonl")) as vtn:

        def load() -> None:
            number = 0
            while not quiet.wait(EVERY):
                number += 1
                change(vtn.memory, chance, vtn, number)

        threading.Thread(target=load, daemon=True).start()
        print(vtn.port, flush=True)
        for line in sys.stdin:
            if line.strip() == "quiet":
                quiet.set()
            elif line.strip() == "end":
                return


if __name__ == "__main__":
    main(*sys.argv[1:3])
