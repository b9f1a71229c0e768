"""The frame of ``ven-sdk``: help, what was mistyped, exit codes, colours, pipes that are closed
early.
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.programs import COMMAND, call, environment, in_terminal
from ven_sdk import __version__
from ven_sdk.cli import main
from ven_sdk.cli.console import Console
from ven_sdk.cli.parser import COMMANDS
from ven_sdk.testing import pki


def test_the_overview_names_every_command_and_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["--help"])

    out = capsys.readouterr().out
    assert code == 0
    assert all(f"  {name} " in out for name in COMMANDS)
    assert "Exit codes" in out


def test_nothing_typed_is_wrong_usage_but_shows_the_overview(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert "usage: ven-sdk" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([name, "--help"])

    assert code == 0
    assert f"usage: ven-sdk {name}" in capsys.readouterr().out


def test_an_unknown_command_is_met_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docter", "https://vtn.example.com"]) == 2
    assert "There is no command 'docter' (did you mean doctor?)." in capsys.readouterr().err


def test_an_unknown_option_is_met_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "https://vtn.example.com", "--cafile", "x"]) == 2

    err = capsys.readouterr().err
    assert "no option --cafile (did you mean --ca-file?)" in err
    assert "Try: ven-sdk doctor --help" in err


def test_a_missing_argument_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 2
    assert "URL" in capsys.readouterr().err


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ven-sdk {__version__}\n"


def test_the_module_is_the_program() -> None:
    done = call("--version")

    assert (done.returncode, done.stdout) == (0, f"ven-sdk {__version__}\n")


def test_the_frame_does_not_load_what_no_command_asked_for() -> None:
    code = (
        "import sys, ven_sdk.cli as c; c.main(['--version']); "
        "print([m for m in ('lxml', 'requests', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", code], capture_output=True, text=True, env=environment(), check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_pipe_that_is_closed_early_is_no_traceback(tmp_path: Path) -> None:
    cert, _ = pki.identity("piped").write(tmp_path, "piped")
    process = subprocess.Popen(
        [*COMMAND, "fingerprint", *[cert] * 2000],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(os.name != "posix", reason="descriptors as POSIX has them")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("words", "code"), [("--version", 0), ("run --example", 0), ("fingerprint nowhere.pem", 2)]
)
def test_a_service_without_standard_streams_is_served(words: str, code: int, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *words.split()],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_terminal_gets_colours_and_no_color_takes_them_away(tmp_path: Path) -> None:
    cert, _ = pki.identity("coloured").write(tmp_path, "coloured")

    _, coloured = in_terminal("fingerprint", cert)
    _, plain = in_terminal("fingerprint", cert, NO_COLOR="1")
    _, dumb = in_terminal("fingerprint", cert, TERM="dumb")

    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "\x1b[" not in dumb


def test_a_file_gets_no_colours_unless_they_are_forced(tmp_path: Path) -> None:
    cert, _ = pki.identity("filed").write(tmp_path, "filed")

    assert "\x1b[" not in call("fingerprint", cert).stdout
    assert "\x1b[" in call("fingerprint", cert, FORCE_COLOR="1").stdout
    assert "\x1b[" not in call("fingerprint", cert, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_a_terminal_without_unicode_gets_plain_marks() -> None:
    raw = io.BytesIO()
    console = Console(io.TextIOWrapper(raw, encoding="ascii"))

    console.line("✓ VEN → VTN … überall")

    assert raw.getvalue() == b"ok VEN -> VTN ... ?berall\n"


def test_the_progress_line_stays_below_the_lines() -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    out = Terminal()
    console = Console(out)

    console.progress("waiting")
    console.line("something happened")
    console.progress()

    shown = out.getvalue().replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert shown.endswith("\r\x1b[2Ksomething happened\nwaiting\r\x1b[2K")
