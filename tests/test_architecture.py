"""The shape of the package, read from its source: who imports whom, which library is used where,
how long things are.

Imports under ``if TYPE_CHECKING`` do not run and do not count; imports inside functions do. See
docs/design.rst.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "ven_sdk"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 45

BASE = frozenset({"_version", "errors", "enums", "log", "usercode", "values"})
SCHEMA = BASE | {"schema"}
STATE = SCHEMA | {"state", "config"}
SERVICES = STATE | {"services"}
EXCHANGE = SCHEMA | {"config", "codec", "security", "transport"}
RUNTIME = SERVICES | EXCHANGE | {"exchange"}
ENGINE = RUNTIME | {"identity", "runtime", "objects", "notebook", "plots", "life"}
VEN = ENGINE | {"wiring", "ven"}
CLIENT = VEN | {"client", "fleet"}

# What each part may import from our own package, besides itself. A new part of the package gets a
# line here.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "_version": frozenset(),
    "errors": frozenset(),
    "enums": frozenset({"errors"}),
    "values": frozenset(),
    "log": frozenset({"errors", "values"}),
    "usercode": frozenset({"errors", "log"}),
    "schema": BASE,
    "objects": SCHEMA,
    "state": SCHEMA | {"config"},
    "config": SCHEMA | {"security", "transport"},
    "services": SERVICES,
    "codec": SCHEMA,
    "security": BASE | {"config"},
    "transport": BASE | {"config"},
    "exchange": EXCHANGE,
    "runtime": RUNTIME,
    "plots": SERVICES | {"objects"},
    "notebook": SERVICES | {"objects", "plots"},
    "identity": BASE | {"config", "security", "transport"},
    "life": BASE,
    "wiring": ENGINE,
    "ven": ENGINE,
    "client": VEN,
    "fleet": VEN,
    "metrics": ENGINE | {"ven"},
    "testing": CLIENT,
    "cli": CLIENT | {"testing"},
    "__main__": frozenset({"cli"}),
    "__init__": CLIENT,
}

# Where a library may be used. What stands in no line may be used anywhere.
LIBRARY_HOME: dict[str, frozenset[str]] = {
    "lxml": frozenset({"codec", "security", "testing"}),
    "defusedxml": frozenset({"codec", "security", "testing"}),
    "signxml": frozenset({"security"}),
    "requests": frozenset({"transport"}),
    "urllib3": frozenset({"transport"}),
    "cryptography": frozenset({"security", "transport", "testing", "cli"}),
    "sqlite3": frozenset({"state"}),
    "prometheus_client": frozenset({"metrics", "cli"}),
    "pandas": frozenset({"notebook"}),
    "matplotlib": frozenset({"plots"}),
}

# Pure values and functions: nothing that waits, talks, locks or parses.
PURE = frozenset({"schema", "services"})
IMPURE = frozenset(
    {
        "lxml",
        "defusedxml",
        "requests",
        "urllib3",
        "signxml",
        "cryptography",
        "threading",
        "concurrent",
        "queue",
        "socket",
        "ssl",
        "http",
        "sqlite3",
        "asyncio",
        "subprocess",
    }
)


class Import(NamedTuple):
    """One import of a module: the top of what is imported, and where."""

    part: str
    top: str
    where: str


def part_of(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].replace(".py", "")


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below ``node`` except what stands under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield other
                yield from running_nodes(other)
            continue
        yield child
        yield from running_nodes(child)


def targets(node: ast.AST, path: Path) -> Iterator[str]:
    """The absolute dotted names that an import statement names, ``from . import x`` resolved."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = (PACKAGE.name, *path.relative_to(PACKAGE).parts[:-1])
        base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
        module = ".".join(filter(None, (base, node.module or "")))
        yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(path: Path) -> Iterator[Import]:
    for node in running_nodes(parse(path)):
        for target in targets(node, path):
            yield Import(
                part_of(path),
                target,
                f"{name_of(path)}:{getattr(node, 'lineno', 0)} imports {target}",
            )


def own_part(target: str) -> str:
    """The part of our own package that ``target`` lies in; names that the package itself exports
    count as __init__.
    """
    name = target.partition(".")[2].partition(".")[0]
    known = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if name and known else "__init__"


ALL_IMPORTS: list[Import] = [found for path in MODULES for found in imports(path)]


def test_every_part_of_the_package_has_its_place_in_the_layers() -> None:
    parts: set[str] = {part_of(path) for path in MODULES}

    assert parts <= MAY_IMPORT.keys(), (
        f"say in MAY_IMPORT what these may import: {sorted(parts - MAY_IMPORT.keys())}"
    )


def test_imports_point_one_way() -> None:
    wrong = [
        found.where
        for found in ALL_IMPORTS
        if found.top.split(".")[0] == PACKAGE.name
        and own_part(found.top) not in MAY_IMPORT.get(found.part, frozenset()) | {found.part}
    ]

    assert wrong == []


def test_no_part_may_import_one_that_may_import_it() -> None:
    both_ways = [
        (one, other)
        for one, allowed in MAY_IMPORT.items()
        for other in allowed
        if one in MAY_IMPORT.get(other, frozenset())
        and {one, other} not in ({"config", "security"}, {"config", "transport"})
    ]

    assert [pair for pair in both_ways if pair[0] != pair[1]] == []


def test_schema_and_services_are_pure() -> None:
    wrong = [
        found.where
        for found in ALL_IMPORTS
        if found.part in PURE and found.top.split(".")[0] in IMPURE
    ]

    assert wrong == []


@pytest.mark.parametrize("library", sorted(LIBRARY_HOME))
def test_a_library_is_used_only_where_it_belongs(library: str) -> None:
    wrong = [
        found.where
        for found in ALL_IMPORTS
        if found.top.split(".")[0] == library and found.part not in LIBRARY_HOME[library]
    ]

    assert wrong == []


def test_only_the_exchange_and_the_test_vtn_use_the_codec() -> None:
    users = {
        found.part for found in ALL_IMPORTS if found.top.startswith("ven_sdk.oadr20b.codec.")
    } - {"codec"}

    assert users <= {"exchange", "testing", "cli"}


def test_nothing_of_the_sdk_is_asynchronous_or_configures_logging() -> None:
    wrong = [
        found.where
        for found in ALL_IMPORTS
        if found.top.split(".")[0] == "asyncio" or found.top.startswith("logging.config")
    ]

    assert wrong == []


def test_every_module_says_what_it_is_responsible_for() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(parse(path))] == []


def test_no_module_is_too_long() -> None:
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    too_long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {body_lines(function)} lines"
        for path in MODULES
        for function in ast.walk(parse(path))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and body_lines(function) > MAX_FUNCTION_LINES
    ]

    assert too_long == []


def body_lines(function: ast.AST) -> int:
    """Lines of a function's statements: neither its signature, which may list many options, nor its
    docstring.
    """
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_reader_of_imports_sees_what_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "ven_sdk")
    module = tmp_path / "ven_sdk" / "codec" / "sample.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "from typing import TYPE_CHECKING\nimport lxml.etree\nfrom .. import errors\nfrom . "
        "import plan\n"
        "if TYPE_CHECKING:\n    import signxml\ndef f():\n    from ..state.book import Book\n",
        encoding="utf-8",
    )

    assert [found.top for found in imports(module)] == [
        "typing.TYPE_CHECKING",
        "lxml.etree",
        "ven_sdk.errors",
        "ven_sdk.oadr20b.codec.plan",
        "ven_sdk.state.book.Book",
    ]
