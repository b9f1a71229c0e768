"""``python -m tests.mutations [RULE ...]``: all mutations, or those of the rules named. It exits
with 1 if one of them stays green.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations import ROOT, Mutation, conversation, events, failures, outcome, reports

TABLE = (
    *events.TABLE,
    *reports.TABLE,
    *conversation.TABLE,
    *failures.TABLE,
)
WORKERS = 2


def main(arguments: Sequence[str]) -> int:
    chosen = [one for one in TABLE if not arguments or {*arguments} & {*one.rule.split(", ")}]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies = [copy_of_the_tree(Path(folder) / str(number)) for number in range(WORKERS)]
        shares = pool.map(run_share, (chosen[n::WORKERS] for n in range(WORKERS)), copies)
        red = sum(share for share in list(shares))
    print(f"{red} of {len(chosen)} mutations turned their test red.")
    return 0 if red == len(chosen) else 1


def run_share(mutations: Sequence[Mutation], copy: Path) -> int:
    """Run these one after the other in a tree of their own; how many were noticed."""
    red = 0
    for mutation in mutations:
        result = outcome(mutation, copy)
        red += result == "red"
        if result != "red":
            print(f"{mutation.rule:9} {mutation.function}: {result}", flush=True)
    return red


def copy_of_the_tree(target: Path) -> Path:
    for name in ("ven_sdk", "tests", "docs"):
        shutil.copytree(
            ROOT / name,
            target / name,
            ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"),
        )
    shutil.copy(ROOT / "setup.cfg", target)
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
