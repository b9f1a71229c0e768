"""Values in a file, a variable, a table of sites or a module of the user's that nobody meant: each
is told on one line that names its place, and nothing escapes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.test_run_file import GOOD, complaint, folder, planned
from ven_sdk import ConfigurationError
from ven_sdk.cli import main
from ven_sdk.cli.run import keys
from ven_sdk.cli.run.build import build

__all__ = ["folder"]  # the fixture

LONGEST_LINE = 5200
NO_END = "9" * 5000
VALUES = {
    "nan": "nan",
    "endless": NO_END,
    "endless hexadecimal": "0x" + "f" * 5000,
    "truth": "true",
    "date": "2026-01-31",
    "time": "12:00:00",
    "before the calendar": "0001-01-01T00:00:00+23:59",
    "after the calendar": "9999-12-31T23:59:59-23:59",
    "nul": '"a\\u0000b"',
    "turned": '"\\u202evil"',
    "cursor": '"a\\u001b[2Jb"',
    "line break": '"a\\nven.toml: all right"',
    "long": f'"{"y" * 100_000}"',
    "blank": '" "',
    "list in list": "[[1]]",
    "table": "{a = {b = 1}}",
    "digits": f'"{NO_END}"',
    "mixed": '["a", 1]',
    "key of a table": '{"\\u001b[2J" = 1}',
}
TABLES = {
    "[ven]": keys.CLIENT,
    "[[reports]]": keys.REPORT,
    **{f"[{name}]": known for name, known in keys.TABLES.items()},
    "[handlers]": dict.fromkeys(("on_event", "before_event")),
}
PLACES = [(table, key) for table, known in TABLES.items() for key in known]


def lines_of(folder: Path, text: str, **environment: str) -> list[str]:
    """What is complained about, a line each; nothing where the values are taken."""
    try:
        build(planned(folder, text, environment))
    except ConfigurationError as error:
        return str(error).replace(f"{folder}/", "").split("\n")
    return []


@pytest.mark.parametrize(("table", "key"), PLACES, ids=[f"{one}-{two}" for one, two in PLACES])
def test_whatever_stands_at_a_key_is_taken_or_told_with_its_place(
    table: str, key: str, folder: Path
) -> None:
    base = (
        GOOD
        if table != "[ven]"
        else "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(key))
    )
    header = "" if table == "[ven]" else f"{table}\n"
    for value in VALUES.values():
        for line in lines_of(folder, f"{base}{header}{key} = {value}\n"):
            assert line.startswith("ven.toml"), line
            assert line.isprintable() and len(line) < LONGEST_LINE


@pytest.mark.parametrize("value", ["\\u001b[2J", "\\u202e", "a\\u0000", "a\\nven.toml: all right"])
@pytest.mark.parametrize(
    "form",
    [
        '"{}" = 1\n' + GOOD,
        GOOD + '"{}" = 1\n',
        GOOD + '[handlers]\n"{}" = "x:y"\n',
        GOOD + '[[reports]]\n"{}" = 1\n',
        '[[vens]]\n"{}" = 1\n',
        '["{}"]\nx = 1\n' + GOOD,
        GOOD + '[[reports]]\nsampling_rate = {{"{}" = 1}}\n',
    ],
)
def test_an_odd_key_is_told_on_one_line(form: str, value: str, folder: Path) -> None:
    lines = lines_of(folder, form.format(value))

    assert lines
    assert all(line.isprintable() and line.startswith("ven.toml") for line in lines), lines


@pytest.mark.parametrize("key", sorted(keys.CLIENT))
def test_an_odd_text_of_a_variable_is_taken_or_told_with_its_name(key: str, folder: Path) -> None:
    name = keys.variable(key)
    for text in (NO_END, "[" * 100_000, "{", "-1", "nan", " ", "\udcff", "\u00b2", "a\nb"):
        for line in lines_of(folder, GOOD, **{name: text}):
            assert name in line and line.isprintable()


@pytest.mark.parametrize("line", ["passphrase_file", "[control]\ntoken_file"])
@pytest.mark.parametrize("path", ['"a\\u0000b"', '"."', NO_END, '"/nowhere/x"'])
def test_a_file_of_a_secret_that_cannot_be_read_is_told(line: str, path: str, folder: Path) -> None:
    assert "ven.toml, line" in complaint(folder, f"{GOOD}{line} = {path}\n")


MODULES = {
    "exits as if all were well": "import sys; sys.exit(0)",
    "exits with a text": "import sys; sys.exit('no device')",
    "raises what cannot be shown": "class E(Exception):\n  def __str__(self): return 7\nraise E()",
    "raises what exits": "class E(Exception):\n  def __str__(self): raise SystemExit\nraise E()",
    "raises no Exception": "class B(BaseException): pass\nraise B('x')",
    "raises lines": "raise ValueError('a\\nven.toml: all right\\x1b[2J')",
    "fails for each name": "def __getattr__(name): raise RuntimeError('x')",
    "has what cannot be shown": "class R:\n  def __repr__(self): raise SystemExit\nf = R()",
    "ends a generator": "raise GeneratorExit",
    "calls itself": "def r(): r()\nr()",
    "is no text": "\0",
}


@pytest.mark.parametrize("source", list(MODULES.values()), ids=list(MODULES))
def test_a_module_that_fails_however_is_named_with_the_line_of_the_file(
    source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "failing_site", raising=False)
    (folder / "failing_site.py").write_text(source, encoding="utf-8")

    (line,) = lines_of(folder, GOOD + "[handlers]\non_event = 'failing_site:f'\n")

    assert line.startswith("ven.toml, line 5") and "failing_site" in line and line.isprintable()


def test_a_function_below_what_has_no_names_is_missing(folder: Path) -> None:
    said = complaint(folder, GOOD + "[handlers]\non_event = 'my_site:not_a_function.f'\n")

    assert "there is no 'f' in my_site" in said


def test_ctrl_c_while_a_module_is_imported_ends_the_program(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "odd_site.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    (folder / "ven.toml").write_text(GOOD + "[handlers]\non_event = 'odd_site:f'\n")

    assert main(["run", "--check", str(folder / "ven.toml")]) == 130


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("ven_name,timeout,timeout\na,1,2\n", "sites.csv, line 1: there are two columns 'timeout'"),
        (f"ven_name,targets\na,{'[' * 100_000}\n", "sites.csv, line 2"),
        (f"ven_name,callback_workers\na,{NO_END}\n", "sites.csv, line 2"),
        ("ven_name,timeout\na,\x1b[2J\n", "sites.csv, line 2"),
        ("ven_name,\x1b[2J\na,1\n", "sites.csv, line 1"),
        (f"ven_name,targets\na,{json.dumps('x' * 100_000)}\n", "sites.csv, line 2"),
    ],
)
def test_an_odd_table_of_sites_is_told_with_its_line(table: str, says: str, folder: Path) -> None:
    (folder / "sites.csv").write_text(table, encoding="utf-8")

    lines = lines_of(folder, "[ven]\nvtn_url = 'http://x.example'\n[fleet]\nsites = 'sites.csv'\n")

    assert any(says in line for line in lines), lines
    assert all(line.isprintable() and len(line) < LONGEST_LINE for line in lines)
