"""``ven-sdk certify --command`` on programs that share nothing with the SDK: a VEN that breaks ten
rules, and openleadr's client.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ven_sdk.cli import main

FOLDER = Path(__file__).parent
BROKEN = {3, 4, 12, 14, 18, 19, 22, 27, 29, 71}
"""The rows of the ten rules that foreign.py breaks."""
KEPT = {1, 2, 17, 20}
"""Rows of rules that it keeps."""
pytestmark = [pytest.mark.long, pytest.mark.sends_invalid]


def states_of(
    program: str, rows: "set[int]", capsys: pytest.CaptureFixture[str]
) -> "dict[int, str]":
    """How each row ended for that program."""
    words = [sys.executable, str(FOLDER / program), "{url}"]
    main(["certify", "--command", " ".join(words), "--json", "--only", *map(str, sorted(rows))])
    return {row["row"]: row["state"] for row in json.loads(capsys.readouterr().out)["rows"]}


def test_ten_broken_rules_are_found_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    states = states_of("foreign.py", BROKEN | KEPT, capsys)

    assert {number for number, state in states.items() if state == "not shown"} == BROKEN
    assert {number for number, state in states.items() if state == "shown"} == KEPT


def test_openleadrs_client_is_looked_at_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openleadr")

    assert states_of("openleadr_ven.py", {1, 4, 40}, capsys) == {
        1: "shown",
        4: "shown",
        40: "skipped",
    }
