"""The examples of docs/testing.rst run, as they stand there."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ven_sdk.testing import LocalVTN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.rst"
BLOCKS: list[str] = [
    textwrap.dedent(block)
    for block in re.findall(
        r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8")
    )
]


def functions_of(block: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "example"}
    exec(compile(block, str(PAGE), "exec"), scope)
    return {name: value for name, value in scope.items() if name.startswith("test_")}


def test_there_are_examples() -> None:
    assert len(BLOCKS) == 7


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_example_passes(number: int) -> None:
    for test in functions_of(BLOCKS[number]).values():
        if "local_vtn" in inspect.signature(test).parameters:
            with LocalVTN(ask_for_reports=True) as vtn:
                test(vtn)
        else:
            test()
