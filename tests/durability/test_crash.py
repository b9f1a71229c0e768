"""A VEN process killed under load, counted from a raw log that the SDK did not write.

``benchmarks/crash.py`` is the long form.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable

import pytest

from benchmarks.crash import crash, crash_at_points
from tests.durability.crash_count import LOSSES, count

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX"),
    pytest.mark.timeout(90),
    pytest.mark.long,
]
SEED = 20240607


def assert_nothing_lost(figures: dict[str, Any]) -> None:
    assert {name: figures[name] for name in LOSSES} == {name: [] for name in LOSSES}, f"seed {SEED}"
    assert figures["exit code"] == 0
    assert figures["events"]
    assert figures["handler calls"]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a crash test."""
    folder = tmp_path_factory.mktemp("crash")
    (folder / "figures.json").write_text(json.dumps(crash(folder, kills=8, seed=SEED, span=1.2)))
    return folder


def test_nothing_is_lost_or_doubled_by_kill_9_at_random_moments(killed: Path) -> None:
    figures = json.loads((killed / "figures.json").read_text())
    assert_nothing_lost(figures)
    assert figures["samples committed"] > 20
    assert figures["report messages"]
    assert figures["opts committed"]


def test_nothing_is_lost_or_doubled_by_kill_9_around_the_first_commits(tmp_path: Path) -> None:
    figures = crash_at_points(tmp_path, seed=SEED, points=3)
    assert_nothing_lost(figures)
    assert figures["points hit"] == 6


def without(text: str) -> Callable[[str], str]:
    return lambda log: "".join(line for line in log.splitlines(keepends=True) if text not in line)


FORGERIES: dict[str, Any] = {
    "samples lost": ("vtn.jsonl", without("oadrUpdateReport")),
    "answers missing": ("vtn.jsonl", without("oadrCreatedEvent")),
    "opts lost": ("vtn.jsonl", without("oadrCreateOpt")),
    "events missed": ("journal.jsonl", without('"handler": "on_')),
    "samples doubled": (
        "vtn.jsonl",
        lambda log: (
            log
            + log.replace("UpdateReport", "UpdateReport ").replace(
                "createdDateTime>2", "createdDateTime>1"
            )
        ),
    ),
    "samples unsaid": (
        "vtn.jsonl",
        lambda log: (
            log
            + log.replace(
                "</ei:payloadFloat>",
                "</ei:payloadFloat><oadr:oadrDataQuality>Quality Bad - Last Known Value"
                "</oadr:oadrDataQuality>",
            )
        ),
    ),
    "delivered again after commit": ("journal.jsonl", lambda log: log + log),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_the_counting_notices(name: str, killed: Path, tmp_path: Path) -> None:
    for file in ("vtn.jsonl", "journal.jsonl"):
        shutil.copy(killed / file, tmp_path / file)
    changed, forge = FORGERIES[name]
    (tmp_path / changed).write_text(forge((tmp_path / changed).read_text()))
    assert count(tmp_path)[name]
