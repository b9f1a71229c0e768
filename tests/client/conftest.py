"""A raw VTN in this process, and programs of a user's in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from tests.durability.raw_vtn import RawVTN

Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def vtn() -> Iterator[RawVTN]:
    with RawVTN(wishes=("PT1S", "PT1S")) as vtn:
        yield vtn


@pytest.fixture
def program(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[Program]:
    """``program(text, *arguments)`` starts a script with warnings on; what is still alive after the
    test is killed.
    """
    started = []

    def start(text: str, *arguments: object) -> "subprocess.Popen[str]":
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(textwrap.dedent(text), encoding="utf-8")
        started.append(
            subprocess.Popen(
                [sys.executable, "-u", "-X", "dev", str(script), *map(str, arguments)],
                env=clean_env,
                cwd=tmp_path,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
