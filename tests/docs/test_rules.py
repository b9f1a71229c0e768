"""Every rule that code, tests or pages cite stands in docs/protocol, once, and in the conformance
table every test that is named exists.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "docs" / "protocol"
DEFINITION = re.compile(r"^(?:   \* - )?((?:[ETRPGHLS]|O1\.|CR )\d+a?)$", re.MULTILINE)
CITATION = re.compile(
    r"(?<![\w.\-:#'\"/<>=])"
    r"(?:[ETRPGHLS][1-9]\d?a?|O1\.[1-9]\d?|CR[ \u00a0][1-9]\d{0,2})"
    r"(?![\w:'\"/<>=-])"
)
NAME = re.compile(r"def test_((?:[etrpghls]\d{1,2}a?_|o1_\d{1,2}_)+)", re.IGNORECASE)

CODE = sorted(
    path
    for folder in ("ven_sdk", "tests", "samples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
PAGES = sorted(
    {ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *(ROOT / "docs").rglob("[!_]*.rst")}
)


def defined() -> list[str]:
    return [
        rule
        for page in sorted(PROTOCOL.glob("[!_]*.rst"))
        for rule in DEFINITION.findall(page.read_text(encoding="utf-8"))
    ]


RULES = defined()


def prose_of(path: Path) -> Iterator[str]:
    """Docstrings and comments of a module, without directives to tools."""
    source = path.read_text(encoding="utf-8")
    if not CITATION.search(source):  # tokens cost more than all the rest
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield re.sub(r"# (noqa|type: ignore).*", "", token.string)
        elif token.type == tokenize.STRING and token.string.startswith(('"""', 'r"""')):
            yield token.string


def names_of(path: Path) -> Iterator[str]:
    """Rules that names of tests cite: ``test_e6_e7_…``, ``test_o1_3_…``."""
    for found in NAME.findall(path.read_text(encoding="utf-8")):
        for rule in re.findall(r"o1_\d+|[a-z]\d+a?", found.lower()):
            yield rule.replace("o1_", "O1.") if "_" in rule else rule[0].upper() + rule[1:]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_rule_that_code_cites_is_written_down(path: Path) -> None:
    cited = {rule for text in prose_of(path) for rule in CITATION.findall(text)}

    assert {*cited, *names_of(path)} - {*RULES} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_rule_that_a_page_cites_is_written_down(path: Path) -> None:
    text = re.sub(r"``[^`]*``", "", path.read_text(encoding="utf-8"))

    assert {*CITATION.findall(text)} - {*RULES} == set()


def test_every_rule_is_written_down_once() -> None:
    assert sorted(rule for rule in {*RULES} if RULES.count(rule) > 1) == []


def test_there_are_rules_of_every_kind_and_all_are_found() -> None:
    assert {"E6", "O1.3", "T19", "R13", "P4", "H6", "L5", "S9a", "G12", "CR 61"} <= {*RULES}
    assert len(RULES) > 300


def test_the_conformance_table_names_tests_that_exist() -> None:
    page = (PROTOCOL / "conformance.rst").read_text(encoding="utf-8")
    named = set(re.findall(r"``(test_\w+)``", page))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
    }

    assert len(named) > 100
    assert named - there == set()


ROW = re.compile(r"^   \* - (.+)\n     - .+\n     - .*\n     - (.+)\n     -(.*)$", re.MULTILINE)


def test_every_row_of_the_conformance_table_names_a_test_and_a_decision_its_setting() -> None:
    page = (PROTOCOL / "conformance.rst").read_text(encoding="utf-8")
    rows = [row for row in ROW.findall(page) if row[1] != "Status"]

    assert len(rows) == len(re.findall(r"^   \* - ", page, re.MULTILINE)) - 2
    assert [name for name, _, tests in rows if "``test_" not in tests] == []
    decided = [(name, status) for name, status, _ in rows if status.startswith("by design")]
    assert [one for one in decided if not re.search("``|there is no setting", one[1])] == []


STATUS = re.compile(r"^(?:keeps|strict|by design: |VTN$|profile A$)", re.MULTILINE)


def test_no_row_of_the_conformance_table_is_open_and_what_is_by_design_has_its_reason() -> None:
    text = (PROTOCOL / "conformance.rst").read_text(encoding="utf-8")
    rows = re.findall(r"^   \* - (.*)\n     - (.*)\n     - .*\n     - (.*)$", text, re.MULTILINE)
    assert len(rows) > 180
    odd = [row for row in rows if row[2] != "Status" and not STATUS.match(row[2])]
    assert odd == []
