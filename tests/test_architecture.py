"""The shape of the package, read from its source: who imports whom, which library is used where,
how long things are.

Imports under ``if TYPE_CHECKING`` do not run and do not count; imports inside functions do. See
docs/design.rst.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "ven_sdk"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAX_MODULE_LINES = 400
# Any switches a type checker off for all that touches it. It is left where the type is not ours or
# is known at run time only: a user's value, rows that a table's name chooses, generated code, JSON
# and TOML, private sides of libraries. The number may only fall.
MAX_ANY = 147
MAX_FUNCTION_LINES = 45

# The parts of the package, lowest first. A part imports only from parts above its own line. A new
# part gets a line here.
ORDER = (
    "_version",
    "text",
    "instants",
    "errors",
    "near_names",
    "brackets",
    "presentation",
    "vocabulary",
    "enums",
    "argument_names",
    "log",
    "threads",
    "arguments",
    "addresses",
    "config",
    "usercode",
    "schema",
    "security",
    "transport",
    "push",
    "state",
    "events",
    "points",
    "tasks",
    "profile",
    "profile_kind",
    "runtime",
    "display",
    "oadr20b",
    "profiles",
    "objects",
    "wiring",
    "ven",
    "client_lifecycle",
    "client",
    "fleet",
    "members",
    "metrics",
    "__init__",
    "testing",
    "cli",
    "__main__",
)

# What only OpenADR 2.0b needs is known to the list of profiles, to the records that users make, and
# to what stands at the other end of the wire: the test VTN and the doctor.
MAY_USE_OADR20B = frozenset({"oadr20b", "profiles", "objects", "testing", "cli"})

# Texts that only OpenADR 2.0b has. A record of ``schema``, which other profiles use too, says where
# its fields are in the XML of 2.0b.
ADDRESS_TEXT = re.compile(r"OpenADR2/|openadr\.org/|docs\.oasis-open\.org")
WIRE_TEXT = re.compile(rf"{ADDRESS_TEXT.pattern}|\b(ei|oadr|strm|xcal|emix|pyld|power|dsig):\w")

# Where a library may be used. What stands in no line may be used anywhere.
LIBRARY_HOME: dict[str, frozenset[str]] = {
    "lxml": frozenset({"oadr20b", "testing"}),
    "defusedxml": frozenset({"oadr20b", "testing"}),
    "signxml": frozenset({"oadr20b"}),
    "requests": frozenset({"transport"}),
    "urllib3": frozenset({"transport"}),
    "cryptography": frozenset({"oadr20b", "security", "transport", "testing", "cli"}),
    "sqlite3": frozenset({"state"}),
    "psycopg": frozenset({"state"}),
    "psycopg_pool": frozenset({"state"}),
    "prometheus_client": frozenset({"metrics", "cli"}),
    "pandas": frozenset({"display"}),
    "matplotlib": frozenset({"display"}),
}

# Private names of libraries, and the one module that may use them. Each has a test that fails where
# a new version of the library has not got them.
SEAMS = {
    "ven_sdk/schema/dataclass_seam.py": ("_FIELD", "_field_type", "__dataclass_fields__"),
    "ven_sdk/security/ssl_seam.py": ("_sslobj", "_msg_callback"),
    "ven_sdk/oadr20b/security/signxml_seam.py": ("_tostring", "_fromstring", "_c14n"),
    "ven_sdk/transport/requests_seam.py": ("HTTPAdapter", "init_poolmanager", "cert_verify"),
    "ven_sdk/transport/incoming.py": ("will_close", "fp"),
    "ven_sdk/oadr20b/codec/findings.py": ("_Element", "_ElementUnicodeResult"),
    "ven_sdk/cli/parser.py": ("_SubParsersAction", "_option_string_actions", "_fill_text"),
}

# How a module names what it logs to: users filter by ``ven_sdk`` and its children; the wire log has
# a name of its own.
LOGGERS = frozenset(
    {"logger = logging.getLogger(__name__)", "wire_logger = logging.getLogger(WIRE)"}
)

# A bare participle or adverb as a name says neither what a function does nor what it gives. Facts
# that are read as attributes may be one (``taken``); so may what is public, or overrides what is.
PARTICIPLE = re.compile(
    r"[a-z]+ed|made|told|held|sent|taken|given|gone|known|seen|shown|drawn|done"
)
ADVERB = re.compile(
    r"soon|again|apart|beside|together|aside|alone|ahead|elsewhere|twice|once|then|behind"
    r"|until|over|back|out|off|inside|within|enough|whole|bare|brief|swift|quiet|whose|who"
    r"|anything|late|thin"
)
# An image says nothing to who looks for the field's word: lifecycle, persistence, timing, tables.
IMAGE = re.compile(r"life|keeper|ledger|raster|pump|heirs?|patient|swift|pocket|mouth|brain")
NO_PARTICIPLE = frozenset({"feed", "need", "seed"})
PUBLIC_NAMES = frozenset(
    {
        "schema/units.py:named",
        "testing/pki.py:expired",
        "testing/vtn/faults.py:Stalled",
        "testing/vtn/journal.py:Received",
        "testing/vtn/pusher.py:Pushed",
    }
)

# Pure values and functions: nothing that waits, talks, locks or parses.
PURE = frozenset({"schema", "events", "points", "oadr20b/services", "oadr20b/schema"})
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

# Our own parts in which such things happen: what is pure imports nothing of them.
HAPPENING = frozenset(
    {"security", "transport", "push", "runtime", "oadr20b/security", "oadr20b/codec"}
)


class Import(NamedTuple):
    """One import of a module: the top of what is imported, and where."""

    part: str
    top: str
    where: str
    folder: str


def part_of(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].replace(".py", "")


def folder_of(path: Path) -> str:
    """The folder of a file inside the package, two levels deep at most: ``events``,
    ``oadr20b/services``.
    """
    return "/".join(path.relative_to(PACKAGE).parts[:-1][:2])


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


@functools.cache
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
                folder_of(path),
            )


def own_part(target: str) -> str:
    """The part of our own package that ``target`` lies in; names that the package itself exports
    count as __init__.
    """
    name = target.partition(".")[2].partition(".")[0]
    known = (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
    return name if name and known else "__init__"


@functools.cache
def all_imports() -> "list[Import]":
    return [found for path in MODULES for found in imports(path)]


def test_every_part_of_the_package_has_its_place_in_the_order() -> None:
    parts = {part_of(path) for path in MODULES}

    assert parts <= set(ORDER), f"say in ORDER where these stand: {sorted(parts - set(ORDER))}"


def test_imports_point_one_way() -> None:
    upwards = [
        found.where
        for found in all_imports()
        if found.top.split(".")[0] == PACKAGE.name
        and ORDER.index(own_part(found.top)) > ORDER.index(found.part)
    ]

    assert upwards == []


def test_what_only_one_profile_needs_is_known_to_few() -> None:
    users = {found.part for found in all_imports() if found.top.startswith("ven_sdk.oadr20b")}

    assert users <= MAY_USE_OADR20B


MAKE_THREADS = frozenset(
    {
        "ven_sdk/threads.py",
        *("ven_sdk/cli/certify/sources.py", "ven_sdk/cli/certify/trial_base.py"),
        *("ven_sdk/testing/store_suite.py", "ven_sdk/testing/leased_store_suite.py"),
    }
)
"""Modules that make threads: of the SDK, of the user's program that is examined, of suites."""


def test_threads_are_made_in_one_place() -> None:
    makers = {
        name_of(path) for path in MODULES if "threading.Thread(" in path.read_text(encoding="utf-8")
    }

    assert makers == MAKE_THREADS


def test_texts_of_one_profile_stand_in_its_folder() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} {node.value!r}"
        for path in MODULES
        if part_of(path) not in MAY_USE_OADR20B
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value not in docstrings(path)
        and (WIRE_TEXT if part_of(path) != "schema" else ADDRESS_TEXT).search(node.value)
    ]

    assert wrong == []


@functools.cache
def docstrings(path: Path) -> frozenset[str]:
    """Texts that stand alone: those of modules, classes, functions and fields."""
    return frozenset(
        str(node.value.value)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def module_name(path: Path) -> str:
    return ".".join((PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def import_graph() -> dict[str, set[str]]:
    """Which module imports which, imports under TYPE_CHECKING and inside functions included."""
    names = {module_name(path): path for path in MODULES}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        found: set[str] = set()
        for node in ast.walk(parse(path)):
            for target in targets(node, path):
                found.add(target if target in names else target.rpartition(".")[0])
        graph[name] = (found & names.keys()) - {name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module."""
    reach = {name: reachable(graph, name) for name in graph}
    found = {tuple(sorted(o for o in reach[n] if n in reach[o])) for n in graph if n in reach[n]}
    return [list(members) for members in sorted(found)]


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(graph[name])
    return seen


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(import_graph()) == []


def test_schema_and_services_are_pure() -> None:
    wrong = [
        found.where
        for found in all_imports()
        if found.folder in PURE
        and (found.top.split(".")[0] in IMPURE or HAPPENING & own_folders(found.top))
    ]

    assert wrong == []


def own_folders(target: str) -> set[str]:
    """The part of our own package that ``target`` lies in, and the folder inside that."""
    package, *parts = target.split(".")
    return {parts[0], "/".join(parts[:2])} if package == PACKAGE.name else set()


@pytest.mark.parametrize("library", sorted(LIBRARY_HOME))
def test_a_library_is_used_only_where_it_belongs(library: str) -> None:
    wrong = [
        found.where
        for found in all_imports()
        if found.top.split(".")[0] == library and found.part not in LIBRARY_HOME[library]
    ]

    assert wrong == []


@pytest.mark.parametrize("home", SEAMS)
def test_private_names_of_a_library_stand_in_one_module(home: str) -> None:
    names = set(SEAMS[home])
    users = {
        name_of(path) for path in MODULES for node in ast.walk(parse(path)) if names & said_by(node)
    }

    assert users == {home}


def said_by(node: ast.AST) -> set[str]:
    """The names that a node uses or defines."""
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, (ast.FunctionDef, ast.alias)):
        return {node.name}
    return {str(node.value)} if isinstance(node, ast.Constant) else set()


def test_only_the_exchange_and_the_test_vtn_use_the_codec() -> None:
    users = {
        found.where.partition(":")[0]
        for found in all_imports()
        if found.top.startswith("ven_sdk.oadr20b.codec") and found.folder != "oadr20b/codec"
    }

    assert {
        name
        for name in users
        if not name.startswith(("ven_sdk/testing/", "ven_sdk/cli/", "ven_sdk/oadr20b/exchange.py"))
    } == set()


def test_nothing_of_the_sdk_is_asynchronous_or_configures_logging() -> None:
    wrong = [
        found.where
        for found in all_imports()
        if found.top.split(".")[0] == "asyncio" or found.top.startswith("logging.config")
    ]

    assert wrong == []


def test_a_module_that_logs_has_a_logger_of_its_own_name() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno} {ast.unparse(node)}"
        for path in MODULES
        for node in parse(path).body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and is_logger(node.value)
        if ast.unparse(node).replace(": logging.Logger", "") not in LOGGERS
    ]

    assert wrong == []


def is_logger(value: Optional[ast.AST]) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith("getLogger")


def test_every_module_says_what_it_is_responsible_for() -> None:
    assert [name_of(path) for path in MODULES if not ast.get_docstring(parse(path))] == []


def test_no_module_class_or_function_is_named_by_a_bare_participle_an_adverb_or_an_image() -> None:
    wrong = [
        f"{where}:{name}"
        for path in MODULES
        for where, name in named_things(path)
        if is_bare(name) and f"{where.removeprefix('ven_sdk/')}:{name}" not in PUBLIC_NAMES
    ]

    assert wrong == []


def named_things(path: Path) -> Iterator[tuple[str, str]]:
    """The module, its classes, and its functions but for those that are read as attributes."""
    yield name_of(path), path.stem
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.FunctionDef)
            and not any(ast.unparse(each).endswith("property") for each in node.decorator_list)
        ):
            yield name_of(path), node.name


def is_bare(name: str) -> bool:
    word = name.strip("_")
    word = word if word[1:] != word[1:].lower() else word.lower()
    kinds = (PARTICIPLE, ADVERB, IMAGE)
    return word not in NO_PARTICIPLE and any(kind.fullmatch(word) for kind in kinds)


def test_no_module_is_too_long() -> None:
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }

    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_any_stands_at_real_boundaries_only() -> None:
    counts = {name_of(path): count_any(parse(path)) for path in MODULES}

    assert sum(counts.values()) <= MAX_ANY, {name: n for name, n in counts.items() if n}


def count_any(module: ast.Module) -> int:
    """Uses of the name, also in annotations that are texts."""
    nodes = list(ast.walk(module))
    places = [getattr(node, kind, None) for node in nodes for kind in ("annotation", "returns")]
    texts = [
        str(node.value)
        for place in places
        if place is not None
        for node in ast.walk(place)
        if isinstance(node, ast.Constant)
    ]
    names = sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)
    return names + sum(len(re.findall(r"\bAny\b", text)) for text in texts)


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
        "ven_sdk.codec.plan",
        "ven_sdk.state.book.Book",
    ]
