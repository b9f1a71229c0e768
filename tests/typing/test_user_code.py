"""mypy and pyright accept what is right in a user's program and refuse what is wrong: in one that
was written by hand, and in one about every public record.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.typing.records import program

CODE = Path(__file__).parent / "user_code.py"
Place = tuple[str, int]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    written = tmp_path_factory.mktemp("typing") / "all_records.py"
    written.write_text(program(), encoding="utf-8")
    return [CODE, written]


def refused_lines(programs: list[Path]) -> set[Place]:
    return {
        (path.name, number)
        for path in programs
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("# refused")
    }


def run(root: Path, programs: list[Path], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, *map(str, programs)],
        cwd=root,
        text=True,
        capture_output=True,
        timeout=240,
    )
    return done.stdout


@pytest.mark.timeout(300)
@pytest.mark.skipif(not importlib.util.find_spec("mypy"), reason="pip install '.[dev]' brings mypy")
def test_mypy_refuses_the_marked_lines_and_no_others(root: Path, programs: list[Path]) -> None:
    said = run(root, programs, "mypy", "--strict", "--no-error-summary")

    places = re.findall(r"(\w+\.py):(\d+): error", said)
    assert {(name, int(line)) for name, line in places} == refused_lines(programs), said


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not importlib.util.find_spec("pyright"), reason="pip install '.[dev]' brings pyright"
)
def test_pyright_refuses_the_marked_lines_and_no_others(root: Path, programs: list[Path]) -> None:
    said = run(root, programs, "pyright", "--outputjson")

    found = {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in json.loads(said)["generalDiagnostics"]
        if each["severity"] == "error"
    }
    assert found == refused_lines(programs), said


def test_the_program_is_about_every_record_and_has_each_kind_of_mistake() -> None:
    text = program()

    assert text.count("def about_") > 60
    assert text.count("# refused") > 4 * text.count("def about_")
