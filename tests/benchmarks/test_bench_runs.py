"""The benchmarks work: very small forms of them, in processes of their own. What they measure is
nobody's concern here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / "benchmarks"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        importlib.util.find_spec("openleadr") is None,
        reason="openleadr, the peer, is not installed",
    ),
    pytest.mark.skipif(
        not sys.platform.startswith("linux")
        or shutil.which("taskset") is None
        or (os.cpu_count() or 1) < 2,
        reason="the benchmarks need Linux, taskset and two cores",
    ),
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def _run(script: str, *arguments: str, work: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, **environment},
        cwd=work,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-1000:]
    return done.stdout


def _bench(work: Path, *arguments: str) -> dict[str, Any]:
    _run(
        "bench.py",
        "--peer-python",
        sys.executable,
        "--sdk-python",
        sys.executable,
        "--work",
        str(work),
        "--quick",
        "--quiet",
        "1",
        *arguments,
        work=work,
    )
    cases: dict[str, Any] = json.loads((work / "results.json").read_text())["cases"]
    return cases


def test_every_group_of_cases_gives_figures_in_our_column(work: Path) -> None:
    cases = _bench(
        work,
        "--adapters",
        "ven_sdk",
        "--only",
        "build/poll/ec256,build/update1/unsigned,parse/events1/,poll/mtls/ec256,client/http/,turn/http/unsigned,known/10/",
    )
    assert len(cases) > 8
    assert not [
        name
        for name, got in cases.items()
        if "error" in got["ven_sdk"][0] or "absent" in got["ven_sdk"][0]
    ]


def test_the_peer_and_the_limit_run_beside_it(work: Path) -> None:
    cases = _bench(work, "--only", "build/created1/unsigned")
    (got,) = cases.values()
    assert all(got[name][0]["us"] > 0 for name in ("openleadr", "limit", "floor", "ven_sdk"))


def test_what_our_column_builds_is_valid(work: Path) -> None:
    cases = _bench(work, "--check", "--adapters", "ven_sdk")
    assert {result["xsd"] for result in cases.values()} == {"valid"}
    assert all(
        result["signature"] == "valid"
        for name, result in cases.items()
        if not name.endswith("None")
    )


def test_small_fleets_are_measured(work: Path) -> None:
    cases = _bench(work, "--fleet-runs", "ven_sdk::http::5:1,ven_sdk::mtls:ec256:2:1")
    assert all(result["polls"] and not result["failures"] for result in cases.values())


def test_the_soak_and_the_punctuality_of_starts(work: Path) -> None:
    config = {"VEN_BENCH_CONFIG": str(work / "config.json")}
    assert "known at the end: 1 event(s)" in _run("soak.py", "--polls", "300", work=work, **config)
    assert "5 of 5" in _run(
        "punctuality.py", "--events", "5", "--seconds", "0.5", work=work, **config
    )
