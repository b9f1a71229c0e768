"""``ven-sdk certify`` as it is typed: where VENs come from, what it prints and leaves, exit
codes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ven_sdk.cli import main
from ven_sdk.testing import pki

VEN = """
from ven_sdk import OpenADRClient

client = OpenADRClient("mine", "http://vtn.example", on_event="optIn")

def make():
    return client

if __name__ == "__main__":
    client.run()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "certified_site.py").write_text(VEN)
    (tmp_path / "ven.toml").write_text(
        '[ven]\nven_name = "mine"\nvtn_url = "http://vtn.example"\n'
        '[handlers]\non_event = "optIn"\n[certify]\noverlap = "the first one rules"\n'
    )
    return tmp_path


@pytest.mark.parametrize("ven", ["ven.toml", "certified_site:client", "certified_site.py"])
def test_a_file_a_module_and_a_script_are_taken_as_they_are(
    ven: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", ven, "--only", "1", "3"]) == 0
    assert "2 shown." in capsys.readouterr().out


def test_what_is_for_run_alone_is_left_out_of_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (folder / "ven.toml").read_text()
    text += '[control]\nport = 8090\n[log]\nlevel = "debug"\n[health]\nfile = "/no/such/folder"\n'
    (folder / "ven.toml").write_text(text)
    assert main(["certify", "ven.toml", "--only", "1"]) == 0
    assert "1 shown." in capsys.readouterr().out


def states(capsys: pytest.CaptureFixture[str]) -> "dict[int, str]":
    return {row["row"]: row["state"] for row in json.loads(capsys.readouterr().out)["rows"]}


def test_a_report_only_ven_has_no_rows_on_events(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["certify", "ven.toml", "--only", "1", "17", "52", "--profile", "report-only", "--json"])
    assert states(capsys) == {1: "shown", 17: "skipped", 52: "not shown"}


def test_sample_data_stands_in_for_reports_that_a_ven_does_not_offer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", "ven.toml", "--only", "50", "51", "65", "--sample-data", "--json"]) == 0
    assert states(capsys) == {50: "shown", 51: "shown", 65: "shown"}


@pytest.mark.parametrize("words", [[], ["--throwaway"]], ids=["own", "throw-away"])
def test_a_certificate_of_whatever_authority_is_shown_to_the_test_vtn(
    words: "list[str]", folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = pki.identity("mine", issuer="an authority that the test VTN does not know")
    cert, key = own.write(folder)
    text = (folder / "ven.toml").read_text().replace("[handlers]", f'cert = "{cert}"\n[handlers]')
    (folder / "ven.toml").write_text(text.replace("[handlers]", f'key = "{key}"\n[handlers]', 1))

    assert main(["certify", "ven.toml", "--only", "75", "77", "--json", *words]) == 0
    assert states(capsys) == {75: "shown", 77: "shown"}


def test_what_a_ven_prints_is_no_part_of_the_result(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "loud.py").write_text(VEN.replace("client.run()", "print('hello')\n    client.run()"))
    main(["certify", "loud.py", "--only", "1", "--json"])
    assert states(capsys) == {1: "shown"}


def test_the_result_for_programs_the_messages_and_the_declarations(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--json", "--evidence", "messages", "--pics", "pics.txt"]
    assert main(["certify", "ven.toml", "--only", "1", "51", "80", *words]) == 1
    told = json.loads(capsys.readouterr().out)
    states = {row["row"]: row["state"] for row in told["rows"]}
    assert states == {1: "shown", 51: "not shown", 80: "declared"} and not told["ok"]
    assert "oadrQueryRegistration" in (folder / "messages/row-01/finding.txt").read_text()
    assert (folder / "messages/row-01/0001-reply.xml").read_bytes().startswith(b"<")
    assert "overlap: the first one rules" in (folder / "pics.txt").read_text()


def test_patience_bounds_what_is_waited_for_in_real_time_and_the_finding_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = f"{sys.executable} -c 'import time; time.sleep(60)'"
    assert (
        main(["certify", "--command", program, "--only", "2", "--patience", "0.2", "--json"]) == 1
    )
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert row["state"] == "not shown"
    assert "A wait of 90 s ended after 0.2 s (--patience)" in row["advice"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Say which VEN"),
        (["ven.toml", "--only", "99"], "names no row"),
        (["nothing"], "is no VEN"),
        (["--command", "true", "--sample-data"], "--sample-data is for a VEN of ven_sdk"),
        (["ven.toml", "--patience", "1"], "--patience is for real time"),
        (["missing.py"], "there is no script"),
        (["certified_site:nobody"], "there is no 'nobody'"),
    ],
)
def test_wrong_words_are_refused_by_name(
    words: list[str], text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", *words]) == 2
    assert text in capsys.readouterr().err
