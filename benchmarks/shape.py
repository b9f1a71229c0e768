"""The shape of a source tree in figures: ``python benchmarks/shape.py [TREE ...]`` prints a column
for each tree (a folder that holds ven_sdk/), such as a worktree of an earlier commit.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORT = """
import time
begun = time.process_time()
from ven_sdk import OpenADRClient
print(time.process_time() - begun)
"""


def main(trees: list[Path]) -> None:
    columns = [figures(tree) for tree in trees]
    for name in columns[0]:
        print(f"{name:44}", *(f"{column[name]:>12}" for column in columns))


def figures(tree: Path) -> dict[str, str]:
    """Name and figure of everything that is measured."""
    package = tree / "ven_sdk"
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    parsed = {path: ast.parse(source) for path, source in sources.items()}
    lines = [len(source.splitlines()) for source in sources.values()]
    functions = sorted(body_lines(node) for module in parsed.values() for node in functions_of(module))
    graph = import_graph(package, parsed)
    rings = circles(graph)
    return {
        "modules": str(len(sources)),
        "lines": f"{sum(lines):,}",
        "lines of the longest module": str(max(lines)),
        "functions": f"{len(functions):,}",
        "lines of a function, median": str(statistics.median_low(functions)),
        "lines of a function, 95 %": str(functions[len(functions) * 95 // 100]),
        "lines of the longest function": str(functions[-1]),
        "Any": str(sum(count_any(module) for module in parsed.values())),
        "type: ignore": str(sum(source.count("# type: ignore") for source in sources.values())),
        "circles of imports": str(len(rings)),
        "modules in circles": str(sum(len(ring) for ring in rings)),
        "depth of the import graph": str(depth(graph, rings)),
        "processor time to import OpenADRClient, ms": f"{import_time(tree) * 1000:.0f}",
    }


def functions_of(module: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def body_lines(node: ast.AST) -> int:
    """Lines of the statements, without signature and docstring."""
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def count_any(module: ast.Module) -> int:
    """Uses of the name Any, in annotations that are texts too."""
    names = sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(module))
    texts = sum(
        len(re.findall(r"\bAny\b", node.value))
        for annotated in ast.walk(module)
        for place in (getattr(annotated, "annotation", None), getattr(annotated, "returns", None))
        if place is not None
        for node in ast.walk(place)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return names + texts


def import_graph(package: Path, parsed: dict[Path, ast.Module]) -> dict[str, set[str]]:
    """Which module imports which; imports inside functions and under TYPE_CHECKING count."""
    names = {module_name(package, path): path for path in parsed}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found: set[str] = set()
        for node in ast.walk(parsed[path]):
            for target in targets(package, node, path):
                found.add(target if target in names else target.rpartition(".")[0])
        graph[name] = (found & names.keys()) - {name}
    return graph


def module_name(package: Path, path: Path) -> str:
    dotted = ".".join((package.name, *path.relative_to(package).with_suffix("").parts))
    return dotted[: -len(".__init__")] if dotted.endswith(".__init__") else dotted


def targets(package: Path, node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = (package.name, *path.relative_to(package).parts[:-1])
        base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
        module = ".".join(filter(None, (base, node.module or "")))
        yield from (f"{module}.{alias.name}" for alias in node.names)


def circles(graph: dict[str, set[str]]) -> list[frozenset[str]]:
    """The strongly connected components of more than one module."""
    reach = {name: reachable(graph, name) for name in graph}
    rings = {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}
    return sorted(rings, key=sorted)


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(graph[name])
    return seen


def depth(graph: dict[str, set[str]], rings: list[frozenset[str]]) -> int:
    """Modules on the longest path of imports; a circle counts as one."""
    ring_of = {name: ring for ring in rings for name in ring}

    @cache
    def below(node: frozenset[str]) -> int:
        following = {ring_of.get(other, frozenset((other,))) for name in node for other in graph[name]} - {node}
        return 1 + max(map(below, following), default=0)

    return max(below(ring_of.get(name, frozenset((name,)))) for name in graph)


def import_time(tree: Path, times: int = 9) -> float:
    """Seconds of the processor to import the client in a new process, as after an installation: the
    modules are compiled. The best of so many; one more goes before and compiles.
    """
    with tempfile.TemporaryDirectory() as compiled:
        return min([_import(tree, compiled) for _ in range(times + 1)][1:])


def _import(tree: Path, compiled: str) -> float:
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings["PYTHONPYCACHEPREFIX"] = compiled
    command = [sys.executable, "-c", IMPORT]
    run = subprocess.run(command, cwd=tree, env=settings, capture_output=True, text=True, check=True)
    return float(run.stdout)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or [ROOT])
