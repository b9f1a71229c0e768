"""What people see fits their terminal: no line is longer than it, no word is broken, and what
cannot show colours gets none.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.programs import ESCAPE, call, in_terminal
from ven_sdk.cli import main
from ven_sdk.cli.console import Console, wrap
from ven_sdk.cli.parser import COMMANDS
from ven_sdk.testing import LocalVTN

WIDTHS = (60, 80, 120, 200)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def rows(text: str) -> "list[str]":
    """What stood on one row of the terminal: a redrawn line counts each time."""
    plain = ESCAPE.sub("", text)
    return [piece.rstrip() for line in plain.split("\n") for piece in line.split("\r")]


def too_long(text: str, columns: int) -> "list[str]":
    return [row for row in rows(text) if len(row) > columns]


# --- the demo -------------------------------------------------------------------------------------

DEMOS = {
    "60": (60, {}),
    "80": (80, {}),
    "200": (200, {"NO_COLOR": "1"}),
    "dumb": (80, {"TERM": "dumb"}),
    "ascii": (80, {"PYTHONIOENCODING": "ascii"}),
}


@pytest.mark.long
@pytest.mark.parametrize("name", list(DEMOS))
def test_the_demo_fits_breaks_no_word_and_is_coloured_where_that_can_be_shown(name: str) -> None:
    columns, more = DEMOS[name]

    code, out = in_terminal("demo", columns=columns, **more)

    assert code == 0, out
    assert not too_long(out, columns)
    words = {word.rstrip(",;:.") for word in " ".join(rows(out)).split()}
    assert {"please", "register", "'meter-1-powerReal'", "'registration-1'", "'peak-1'"} <= words
    assert bool(COLOUR.search(out)) == (not {"NO_COLOR", "TERM"} & more.keys())
    assert ("\x1b" in out) == (more.get("TERM") != "dumb")


# --- doctor, run, vtn, help -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(tls=True) as vtn:
        yield vtn


@pytest.mark.parametrize("columns", WIDTHS)
def test_doctor_fits(columns: int, vtn: LocalVTN) -> None:
    own = vtn.client_cert("a VEN with quite a long name")
    good = ("--ca-file", vtn.ca_file, "--cert", own.cert, "--key", own.key)
    for words, code in (good, 0), ((), 1):
        done, out = in_terminal("doctor", vtn.url, *words, columns=columns)

        assert done == code, out
        assert not [row for row in too_long(out, columns) if " " in row.strip()]


def test_doctor_says_the_same_words_in_every_width(vtn: LocalVTN) -> None:
    def words(columns: int) -> "list[str]":
        _, out = in_terminal("doctor", vtn.url, columns=columns)
        return re.sub(r"\(\d+ ms\)", "", " ".join(rows(out))).split()

    assert words(60) == words(200)


@pytest.mark.parametrize("columns", (60, 120))
def test_the_log_of_run_and_of_vtn_fits(columns: int, tmp_path: Path) -> None:
    from tests.cli.programs import TerminalProgram

    with TerminalProgram("vtn", "--port", "0", "--no-page", columns=columns) as vtn:
        url = re.search(r"http://\S+", ESCAPE.sub("", vtn.wait_for("vtn_url")))
        assert url is not None
        with TerminalProgram("run", columns=columns, VEN_NAME="site-a", VEN_VTN_URL=url[0]) as ven:
            vtn.wait_for("CreatePartyRegistration: I am 'site-a'")
            vtn.wait_for("which events are there?")
            assert ven.end(signal.SIGTERM) == 0
        assert vtn.end(signal.SIGTERM) == 0

    assert not too_long(vtn.text, columns)
    assert not [row for row in too_long(ven.text, columns) if " " in row.strip()]


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_overview_fits(columns: int) -> None:
    _, out = in_terminal("--help", columns=columns)

    assert len(rows(out)) > 5
    assert not too_long(out, columns)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {60: in_terminal(command, "--help", columns=60)[1]}
    for columns in (80, 120, 200):  # a process for each width would cost more than it shows
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main([command, "--help"]) == 0
        shown[columns] = capsys.readouterr().out

    for columns, out in shown.items():
        assert len(rows(out)) > 5
        assert not too_long(out, columns)


@pytest.mark.parametrize("line", ["rum", "certify nope", "run nope.toml", "init metr"])
def test_what_is_wrong_fits_and_breaks_no_word(line: str) -> None:
    _, whole = in_terminal(*line.split(), columns=1000, NO_COLOR="1")
    for columns in (60, 80):
        code, shown = in_terminal(*line.split(), columns=columns, NO_COLOR="1")

        assert code == 2
        assert max(map(len, shown.splitlines())) <= columns
        assert shown.split() == whole.split()


def test_what_is_no_terminal_is_not_wrapped() -> None:
    out = call("doctor", "http://127.0.0.1:9/a/rather/long/path/that/goes/on/and/on").stdout

    assert max(map(len, out.splitlines())) > 60
    assert "\x1b" not in out


# --- the console ----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", range(20, 81, 7))
def test_wrapping_keeps_every_word(width: int) -> None:
    text = "a word " * 9 + "http://127.0.0.1:8080/OpenADR2/Simple/2.0b well-known reportRequestID"

    lines = wrap(text, width)

    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line for line in lines)


def test_a_long_word_stands_further_left(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(out=StringIO())
    monkeypatch.setattr(Console, "width", 30)

    console.paragraph("see " + "x" * 28, indent=20, first="label".ljust(20))

    assert console.out.getvalue().splitlines()[-1] == "  " + "x" * 28  # type: ignore[attr-defined]
