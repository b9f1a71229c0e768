"""``ven-sdk vtn`` as a program: ports, certificates for a VEN, scripts, signals."""

from __future__ import annotations

import importlib.util
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.cli.programs import Program
from ven_sdk import OpenADRClient
from ven_sdk.cli import main
from ven_sdk.cli.vtn.script import read
from ven_sdk.errors import ConfigurationError

needs_toml = pytest.mark.skipif(
    not (importlib.util.find_spec("tomllib") or importlib.util.find_spec("tomli")),
    reason="no TOML reader: the extra 'toml' brings one for Python before 3.11",
)
FREE = ("--port", "0", "--page-port", "0", "--poll-frequency", "1")


def test_a_ven_registers_with_it_the_page_answers_and_sigterm_ends_it() -> None:
    with Program("vtn", *FREE) as program:
        with OpenADRClient("visitor", program.value("vtn_url")) as client:
            client.start(wait=10)
            with urllib.request.urlopen(program.value("page"), timeout=5) as page:
                assert b"<title>Test VTN</title>" in page.read()

        program.wait_for("CreatePartyRegistration")
        assert program.end(signal.SIGTERM) == 0
        assert "Traceback" not in program.text


def test_with_tls_and_signatures_it_leaves_what_a_ven_needs(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    with Program("vtn", *FREE, "--no-page", "--tls", str(folder), "--sign") as program:
        client = OpenADRClient(
            "careful",
            program.value("vtn_url"),
            ca_file=program.value("ca_file"),
            cert=program.value("cert"),
            key=program.value("key"),
            vtn_fingerprint=program.value("vtn_fingerprint"),
        )
        client.start(wait=10)
        client.stop()

        assert program.end(signal.SIGINT) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["ca.pem", "ven.key", "ven.pem"]


@needs_toml
def test_a_script_is_played(tmp_path: Path) -> None:
    script = tmp_path / "evening.toml"
    script.write_text(
        '[[steps]]\nat = "1 s"\ndo = "cancel_event"\nevent_id = "unknown"\n'
        '[[steps]]\nat = "0.2 s"\ndo = "add_event"\nevent_id = "e1"\nbegin = "1 min"\nsteps = '
        '[["1 min", 2]]\n'
    )
    with Program("vtn", *FREE, "--script", str(script)) as program:
        program.wait_for("script: add_event")
        assert "evening.toml, line 1: There is no event 'unknown'" in program.wait_for("script, ")
        assert program.end(signal.SIGTERM) == 0


@needs_toml
def test_all_that_is_wrong_in_a_script_is_told_before_it_begins(tmp_path: Path) -> None:
    script = tmp_path / "bad.toml"
    script.write_text(f"{STEP}do = 'fualt'\n\n{STEP}do = 'forget'\nvne = 'a'\n")

    with pytest.raises(ConfigurationError, match=r"'fault'.*\n.*line 5: vne.*'ven'"):
        read(str(script))


STEP = "[[steps]]\nat = '1 h'\n"


@needs_toml
@pytest.mark.parametrize(
    "text, says",
    [
        ("[[step]]\n", "line 1: a script consists of tables"),
        ("[[steps]]\nat = 'noon'\ndo = 'announce'\n", "line 1: at: expected seconds"),
        ("[[steps]]\nat = -1\ndo = 'announce'\n", "line 1: at: it is counted from the start"),
        ("[[steps]]\ndo = 'announce'\n", "line 1: at: it is missing"),
        ("[[steps]]\nat = 1\n", "There is no order do = None"),
        ("[[steps]]\nat = 1\ndo = 'add_evnt'\n", "Did you mean 'add_event'"),
        (f"{STEP}do = 'add_event'\ndtstart = 5\n", "Did you mean 'begin'"),
        (f"{STEP}do = 'add_event'\nintervals = [1]\n", "Did you mean 'steps'"),
        (f"{STEP}do = 'add_event'\nsteps = [[60, 9]]\n", "SIMPLE takes the levels 0, 1, 2 and 3"),
        (f"{STEP}do = 'add_event'\nsignal_name = 'SIMPEL'\n", "Did you mean 'SIMPLE'"),
        (f"{STEP}do = 'cancel_event'\n", "event_id: cancel_event needs event_id"),
        (f"{STEP}do = 'fault'\nname = 'slwo'\n", "Did you mean 'slow'"),
        (f"{STEP}do = 'fault'\nname = 'slow'\ntimes = 0\n", "times"),
        (f"{STEP}do = 'clear_faults'\nname = 'slow'\n", "clear_faults takes nothing, not 'name'"),
        ("ven_name = 'a'\n", "line 1: a script consists of tables"),
    ],
)
def test_a_script_that_cannot_be_read_is_complained_about(
    text: str, says: str, tmp_path: Path
) -> None:
    script = tmp_path / "bad.toml"
    script.write_text(text)

    with pytest.raises(ConfigurationError, match=says):
        read(str(script))


@pytest.mark.parametrize(
    "words, says",
    [
        (["--sign"], "--sign needs --tls FOLDER"),
        (["--poll-frequency", "0.5"], "--poll-frequency: expected whole seconds"),
        (["--fault", "gremlins", "--port", "0"], "There is no fault 'gremlins'"),
        (["--port", "80000"], "from 0 to 65535"),
    ],
)
def test_wrong_options_are_wrong_usage(
    words: "list[str]", says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vtn", *words]) == 2
    assert says in capsys.readouterr().err
