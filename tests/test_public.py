"""What is public: the names in ``__all__`` of ``ven_sdk``, ``ven_sdk.enums``, ``ven_sdk.objects``
and ``ven_sdk.testing``. All of it has a docstring and complete types.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PUBLIC = [
    import_module(name)
    for name in ("ven_sdk", "ven_sdk.enums", "ven_sdk.objects", "ven_sdk.testing")
]
EVERY = [pytest.param(module, id=module.__name__) for module in PUBLIC]


def members(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in module.__all__:
        value = getattr(module, name)
        yield f"{module.__name__}.{name}", value
        if inspect.isclass(value) and value.__module__.startswith("ven_sdk"):
            for attribute, member in inspect.getmembers(value):
                if not attribute.startswith("_") and (
                    inspect.isroutine(member) or isinstance(member, property)
                ):
                    yield f"{module.__name__}.{name}.{attribute}", member


@pytest.mark.parametrize("module", EVERY)
def test_all_that_is_named_is_there_and_named_once(module: ModuleType) -> None:
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("module", EVERY)
def test_what_is_public_has_a_docstring(module: ModuleType) -> None:
    silent = [
        name
        for name, value in members(module)
        if (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, property))
        and not (inspect.getdoc(value) or "").strip()
    ]

    assert inspect.getdoc(module)
    assert silent == []


@pytest.mark.parametrize("module", EVERY)
def test_every_public_parameter_and_return_has_a_type(module: ModuleType) -> None:
    untyped = (
        [
            f"{name}({parameter})"
            for name, value in members(module)
            if inspect.isfunction(value) and value.__module__.startswith("ven_sdk")
            for parameter in (*inspect.signature(value).parameters, "return")
            if parameter != "self" and parameter not in inspect.get_annotations(value)
        ]
        if hasattr(inspect, "get_annotations")
        else []
    )

    assert untyped == []


@pytest.mark.long
@pytest.mark.skipif(
    not importlib.util.find_spec("pyright"), reason="pip install '.[dev]' brings pyright"
)
def test_types_are_complete(root: Path) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pyright",
            "--verifytypes",
            "ven_sdk",
            "--ignoreexternal",
            "--outputjson",
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(run.stdout)["typeCompleteness"]
    incomplete = [
        one["name"] for one in found["symbols"] if one["isExported"] and not one["isTypeKnown"]
    ]

    assert incomplete == []
    assert found["completenessScore"] == 1
