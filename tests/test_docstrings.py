"""What a reader of a signature must know stands in the docstring: the errors that a public function
raises, and the unit of each number that is a time.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Union

PACKAGE = Path(__file__).resolve().parent.parent / "ven_sdk"
Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]

UNIT = re.compile(
    r"seconds|minutes|hours|days|bytes|monotonic|factor|fraction|share|between 0 and 1|percent"
    r"|Hz|hertz|volt|\bV\b|\bs\b|\bms\b|times|number|unit|value|level",
    re.IGNORECASE,
)
NOT_OUR_CALLER = {"AttributeError", "NotImplementedError", "StopIteration", "SystemExit"}
"""Raised as Python's own protocols want it."""


def public_functions(path: Path) -> Iterator[tuple[str, Function, str]]:
    """Qualified name, node, and the docstrings that a reader sees: its own, or its class's for a
    constructor.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from _public(tree, "", "")


def _public(node: ast.AST, prefix: str, above: str) -> Iterator[tuple[str, Function, str]]:
    for child in ast.iter_child_nodes(node):
        name = getattr(child, "name", "")
        if isinstance(child, ast.ClassDef) and not name.startswith("_"):
            yield from _public(child, f"{prefix}{name}.", ast.get_docstring(child) or "")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if any("overload" in ast.unparse(one) for one in child.decorator_list):
                continue
            said = ast.get_docstring(child) or ""
            if name == "__init__":
                yield prefix + name, child, above + said
            elif not name.startswith("_"):
                yield prefix + name, child, said


def raised_by(function: Function) -> set[str]:
    """The names of the exceptions that the function's own statements raise."""
    found = set()
    for node in _own_statements(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            called = node.exc.func
            found.add(called.id if isinstance(called, ast.Name) else getattr(called, "attr", ""))
    return {name for name in found if name[:1].isupper()} - NOT_OUR_CALLER


def _own_statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield child
            yield from _own_statements(child)


def floats_of(function: Function) -> list[str]:
    """The parameters that are annotated as float."""
    arguments = function.args
    return [
        one.arg
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if one.annotation is not None
        and re.search(r"\bfloat\b", ast.unparse(one.annotation))
        and "Callable" not in ast.unparse(one.annotation)
    ]


@functools.cache
def all_functions() -> "list[tuple[str, Function, str]]":
    return [
        (f"{path.relative_to(PACKAGE)}:{function.lineno} {name}", function, said)
        for path in sorted(PACKAGE.rglob("*.py"))
        for name, function, said in public_functions(path)
    ]


def test_a_public_function_says_what_it_raises() -> None:
    silent = [
        f"{where}: {', '.join(sorted(missing))}"
        for where, function, said in all_functions()
        if (missing := {name for name in raised_by(function) if name not in said})
    ]

    assert silent == [], "\n".join(silent)


def test_a_number_has_a_unit_in_its_name_or_in_the_docstring() -> None:
    without = [
        f"{where}: {name}"
        for where, function, said in all_functions()
        for name in floats_of(function)
        if not UNIT.search(name) and not (name in said and UNIT.search(said))
    ]

    assert without == [], "\n".join(without)
