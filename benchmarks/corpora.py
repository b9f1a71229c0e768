"""Reads folders of messages and says of each file what became of it: read right, read with notes, a
part left out, or refused, with the reason. Usage: python benchmarks/corpora.py FOLDER... [--all]

For messages that other projects published. What is no OpenADR 2.0b message (other versions, schemas,
parts of messages) is counted apart. Nothing is sent and nothing is kept.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ven_sdk.errors import PayloadError  # noqa: E402
from ven_sdk.oadr20b.codec import parsing, reader  # noqa: E402
from ven_sdk.oadr20b.schema.payloads import PAYLOADS  # noqa: E402

ENVELOPE = ("oadrPayload", "oadrSignedObject")


def is_message(data: bytes) -> bool:
    """Whether a file is meant as a message of 2.0b: it has the root of one, and none of 2.0a."""
    if b"openadr.org/oadr-2.0a" in data:
        return False
    found = re.search(rb"<(?:[\w.-]+:)?(\w+)[\s/>]", re.sub(rb"<[?!].*?>", b"", data))
    name = found.group(1).decode() if found else ""
    return name in ENVELOPE or name in PAYLOADS


def judge(data: bytes) -> tuple[str, list[str]]:
    """What became of one message, and why."""
    try:
        reading = reader.read_message(parsing.parse(data))
    except PayloadError as error:
        return "refused", [str(error)]
    lost = [note for note in reading.deviations if "left out" in note]
    faulty = [str(one.error) for one in getattr(reading.record, "faulty", ())]
    if faulty or lost:
        return "part lost", faulty + lost
    return ("read, noted" if reading.deviations else "read right"), list(reading.deviations)


def main() -> None:
    """Read the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--all", action="store_true", help="name what was read right too")
    chosen = parser.parse_args()
    counts: Counter[str] = Counter()
    for folder in chosen.folders:
        for path in sorted(folder.rglob("*.xml")):
            data = path.read_bytes()
            if not is_message(data):
                counts["no message of 2.0b"] += 1
                continue
            verdict, why = judge(data)
            counts[verdict] += 1
            if chosen.all or verdict in ("part lost", "refused"):
                print(f"{verdict:12} {path.relative_to(folder)}")
                for reason in why[:5]:
                    print(f"             {reason[:160]}")
    print(", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items())))


if __name__ == "__main__":
    main()
