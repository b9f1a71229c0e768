"""What docs/command-line.rst and docs/deployment.rst show: commands that can be typed, files that
can be read.
"""

from __future__ import annotations

import configparser
import re
import shlex
import sys
import textwrap
from importlib import import_module, util
from pathlib import Path

import pytest

from ven_sdk.cli.parser import COMMANDS, parser_for
from ven_sdk.cli.run.build import build
from ven_sdk.cli.run.file import load
from ven_sdk.cli.run.plan import make_plan
from ven_sdk.cli.vtn.orders import Orders
from ven_sdk.cli.vtn.script import read
from ven_sdk.testing import LocalVTN

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = (DOCS / "command-line.rst", DOCS / "deployment.rst")
needs_toml = pytest.mark.skipif(
    not (util.find_spec("tomllib") or util.find_spec("tomli")), reason="no TOML reader"
)


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(
        rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [textwrap.dedent(block) for block in found]


UNIT = DOCS.parent / "deploy" / "ven.service"


def typed() -> list[str]:
    lines = [
        line
        for page in PAGES
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line and "export " not in line
    ]
    units = [
        line.partition("=")[2]
        for block in [UNIT.read_text(encoding="utf-8")]
        for line in block.splitlines()
        if line.startswith("ExecStart")
    ]
    return [line.lstrip("$ ") for line in lines] + units


@pytest.mark.parametrize("line", typed())
def test_what_a_page_types_can_be_typed(line: str) -> None:
    program, name, *words = shlex.split(line)

    assert program.endswith("ven-sdk")
    assert parser_for(name, import_module(f"ven_sdk.cli.{COMMANDS[name].module}")).parse_args(words)


def test_every_command_stands_on_the_page() -> None:
    text = PAGES[0].read_text(encoding="utf-8")

    assert [
        name
        for name in COMMANDS
        if f"``{name}``" not in text or f"\n{name}\n{'-' * len(name)}" not in text
    ] == []


@needs_toml
def test_the_file_of_the_page_makes_a_client_with_the_module_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_site.py").write_text(blocks(PAGES[0], "python")[0], encoding="utf-8")
    (tmp_path / "ven.toml").write_text(blocks(PAGES[0], "toml")[0], encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_site", raising=False)

    client = build(make_plan(load(str(tmp_path / "ven.toml")), {}, {}))

    assert client.settings.ven_name == "site-a"
    sys.modules.pop("my_site", None)


@needs_toml
def test_the_script_of_the_page_can_be_played(tmp_path: Path) -> None:
    (tmp_path / "evening.toml").write_text(
        next(b for b in blocks(PAGES[0], "toml") if "[[steps]]" in b), encoding="utf-8"
    )
    with LocalVTN() as vtn:
        orders = Orders(vtn)
        for _, step, _ in read(str(tmp_path / "evening.toml")):
            orders.carry_out(step)
        orders.clear_faults()

        assert vtn.events["evening-peak"].event_status == "cancelled"


def test_the_unit_is_one() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(UNIT.read_text(encoding="utf-8"))

    assert set(unit) >= {"Unit", "Service", "Install"}
    assert "literalinclude:: ../deploy/ven.service" in PAGES[1].read_text(encoding="utf-8")


def test_the_pictures_of_the_pages_are_there() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = re.findall(r"^\.\. image:: (\S+)", text, re.MULTILINE)

    assert len(named) == 6
    assert [name for name in named if not (DOCS / name).is_file()] == []
