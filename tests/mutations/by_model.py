"""``python -m tests.mutations.by_model [STEPS] [RULE ...]``: puts the old faults of the failures'
table back, one at a time, and lets the model of the hostile peer look for each.

Says after how many steps the model found it, and by which broken promise. What it does not find, a
table or a test beside it does: see ``python -m tests.mutations``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations import ROOT, Mutation, NotThere, failures, mutated
from tests.mutations.__main__ import WORKERS, copy_of_the_tree

STEPS = "2000"


def main(arguments: Sequence[str]) -> int:
    steps = next(filter(str.isdigit, arguments), STEPS)
    rules = {one for one in arguments if not one.isdigit()}
    chosen = [one for one in failures.TABLE if not rules or one.rule in rules]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies = [copy_of_the_tree(Path(folder) / str(number)) for number in range(WORKERS)]
        shares = pool.map(
            lambda share, copy: [look_for(one, copy, steps) for one in share],
            (chosen[number::WORKERS] for number in range(WORKERS)),
            copies,
        )
        found = sum(map(sum, shares))
    print(f"The model found {found} of {len(chosen)} old faults.")
    return 0


def look_for(mutation: Mutation, copy: Path, steps: str) -> bool:
    """Whether the model finds the old fault, put back in the tree ``copy``."""
    try:
        path, text = mutated(mutation)
    except NotThere as error:
        print(error)
        return False
    target = copy / path.relative_to(ROOT)
    before = target.read_text(encoding="utf-8")
    target.write_text(text, encoding="utf-8")
    try:
        run = subprocess.run(
            [sys.executable, "-B", "-m", "tests.models.test_peer"],
            cwd=copy,
            env={**os.environ, "VEN_SDK_PEER_STEPS": steps},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        target.write_text(before, encoding="utf-8")
    said = (run.stdout or run.stderr).strip().splitlines()[-1:]
    print(f"{mutation.rule:4} {mutation.function}: {''.join(said)}", flush=True)
    return run.returncode == 1 and "steps" in run.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
