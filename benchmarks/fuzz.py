"""Fuzzes parser, codec and services for some minutes.

    python -m benchmarks.fuzz --minutes 10 --seed 1

Mutated wire examples (see tests/hostile/fuzzing.py) take the way of a polled reply. What raises
something else than an error of the SDK is written to ``--out``, one file each, and the exit status
is 1. docs/fuzzing.rst says what a run found.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import traceback
from pathlib import Path

from tests.hostile.fuzzing import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    arguments = parser.parse_args()
    found = {}

    def report(data: bytes, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
        key = (type(error).__name__, place and (place.filename, place.lineno))
        if key in found:
            return
        found[key] = data
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / f"{hashlib.sha256(data).hexdigest()[:16]}.xml").write_bytes(data)
        print("".join(traceback.format_exception(type(error), error, error.__traceback__)), file=sys.stderr, flush=True)

    way = run(arguments.minutes * 60, arguments.seed, report)
    for name, count in way.counts.items():
        print(f"{name:>20}: {count}")
    print(f"{'slowest':>20}: {way.slowest[0] * 1000:.1f} ms for {len(way.slowest[1])} bytes")
    print(f"{'other exceptions':>20}: {len(found)} kinds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
