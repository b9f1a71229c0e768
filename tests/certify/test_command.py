"""``ven-sdk certify`` as it is typed: where VENs come from, what it prints and leaves, exit
codes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ven_sdk.cli import main

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


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Say which VEN"),
        (["ven.toml", "--only", "99"], "names no row"),
        (["nothing"], "is no VEN"),
        (["missing.py"], "there is no script"),
        (["certified_site:nobody"], "there is no 'nobody'"),
    ],
)
def test_wrong_usage(
    words: list[str], text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", *words]) == 2
    assert text in capsys.readouterr().err
