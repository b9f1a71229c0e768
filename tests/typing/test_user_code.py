"""mypy and pyright accept what is right in a user's program and refuse what is wrong."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parent / "user_code.py"


def refused_lines() -> set[int]:
    lines = CODE.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}


def run(root: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, str(CODE)],
        cwd=root,
        text=True,
        capture_output=True,
        timeout=240,
    )
    return done.stdout


@pytest.mark.timeout(300)
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="pip install '.[dev]' brings mypy")
def test_mypy_refuses_the_marked_lines_and_no_others(root: Path) -> None:
    said = run(root, "mypy", "--strict", "--no-error-summary")

    found = {int(line) for line in re.findall(r"user_code\.py:(\d+): error", said)}
    assert found == refused_lines(), said


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not importlib.util.find_spec("pyright"), reason="pip install '.[dev]' brings pyright"
)
def test_pyright_refuses_the_marked_lines_and_no_others(root: Path) -> None:
    said = run(root, "pyright", "--outputjson")

    found = {
        each["range"]["start"]["line"] + 1
        for each in json.loads(said)["generalDiagnostics"]
        if each["severity"] == "error"
    }
    assert found == refused_lines(), said
