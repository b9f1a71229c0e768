"""Rules, the functions that keep them, and small changes of those functions that must turn a test
red.

``python -m tests.mutations [RULE ...]`` makes each mutation in a copy of the tree, runs the one
test that belongs to it there, and says which stayed green. tests/docs/test_mutations.py keeps the
tables true without running them; docs/contributing/ shows them.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ven_sdk"
OPTIONS = (
    *("-B", "-m", "pytest", "-q", "-x", "-n", "0", "-m", "", "-p", "no:cacheprovider"),
    *("--show-capture=no", "--no-header", "--hypothesis-seed=1"),
)


class Mutation(NamedTuple):
    """``old`` stands exactly once in ``function`` (dotted, below ven_sdk), however its lines are
    broken; with ``new`` in its place ``test`` (below tests/) must fail.
    """

    rule: str
    function: str
    old: str
    new: str
    test: str


class Place(NamedTuple):
    """Where a mutation's text stands: characters ``begin`` to ``end`` of ``path``."""

    path: Path
    begin: int
    end: int


class NotThere(LookupError):
    """The function is not there, or the text does not stand in it exactly once."""


def find(mutation: Mutation) -> Place:
    """Where the mutation's text stands; :class:`NotThere` says why it cannot be made."""
    path, name = module_of(mutation.function)
    source = path.read_text(encoding="utf-8")
    first, last = lines_of(source, name, mutation.function)
    found = [
        match.span()
        for match in pattern(mutation.old).finditer(source)
        if first <= source.count("\n", 0, match.start()) + 1 <= last
    ]
    if len(found) != 1:
        raise NotThere(f"{mutation.old!r} stands {len(found)} times in {mutation.function}")
    return Place(path, *found[0])


def module_of(function: str) -> tuple[Path, str]:
    """The file of a dotted name below ven_sdk, and what is left of the name inside it."""
    parts = function.split(".")
    for count in range(len(parts) - 1, 0, -1):
        base = PACKAGE.joinpath(*parts[:count])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path, ".".join(parts[count:])
    raise NotThere(f"there is no module for {function}")


def lines_of(source: str, name: str, function: str) -> tuple[int, int]:
    """First and last line of a function, method or module-level name."""
    node: Optional[ast.AST] = ast.parse(source)
    for part in name.split("."):
        node = next(
            (
                child
                for child in ast.iter_child_nodes(node or ast.Pass())
                if part in names_of(child)
            ),
            None,
        )
    if node is None:
        raise NotThere(f"there is no {function}")
    return getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)


def names_of(node: ast.AST) -> list[str]:
    """What a statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def pattern(text: str) -> re.Pattern[str]:
    """Finds the text whatever its line breaks and trailing commas are."""
    tokens = re.findall(r"\w+|[^\w\s]", text)
    return re.compile(
        r"\s*".join(rf",?\s*{re.escape(t)}" if t in ")]}" else re.escape(t) for t in tokens)
    )


def mutated(mutation: Mutation) -> tuple[Path, str]:
    """The file, and its text with the mutation made."""
    place = find(mutation)
    source = place.path.read_text(encoding="utf-8")
    return place.path, source[: place.begin] + mutation.new.strip() + source[place.end :]


def has_its_test(mutation: Mutation) -> bool:
    """Whether the test that the mutation names is written down."""
    file, _, name = mutation.test.partition("::")
    path = ROOT / "tests" / file
    return path.is_file() and f"def {name}(" in path.read_text(encoding="utf-8")


def rst(table: Iterable[Mutation]) -> str:
    """A table for the documentation."""
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 7 28 32 33",
        "",
        "   * - Rule",
        "     - Function, below ``ven_sdk``",
        "     - Test that turns red",
        "     - Mutation",
    ]
    for mutation in table:
        lines += [
            f"   * - {mutation.rule}",
            f"     - ``{mutation.function}``",
            f"     - ``{mutation.test.split('::')[1]}``",
            f"     - {_short(mutation.old)} → {_short(mutation.new)}",
        ]
    return "\n".join(lines) + "\n"


def _short(code: str) -> str:
    """The code on one line, cut; a mutation is there to be found, not to be read in full."""
    line = " ".join(code.split())
    return f"``{line if len(line) <= 60 else line[:57] + '...'}``" if line else "(gone)"


def outcome(mutation: Mutation, copy: Path) -> str:
    """``red`` if the test fails in the tree ``copy`` with the mutation, else what went wrong."""
    try:
        path, text = mutated(mutation)
    except NotThere as error:
        return str(error)
    target = copy / path.relative_to(ROOT)
    before = target.read_text(encoding="utf-8")
    target.write_text(text, encoding="utf-8")
    try:
        run = subprocess.run(
            [sys.executable, *OPTIONS, f"tests/{mutation.test}"],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        target.write_text(before, encoding="utf-8")
    if run.returncode == 1 and " failed" in run.stdout:
        return "red"
    if run.returncode == 0:
        return "STAYED GREEN"
    return f"could not run: {run.stdout[-300:]}{run.stderr[-300:]}"
