"""Every row of ``ven-sdk certify`` is shown by a VEN that keeps the rules, and finds out one that
breaks just its own.
"""

from __future__ import annotations

import pytest

from tests.certify.breaking import BrokenVen
from tests.certify.broken import BROKEN, KEEPING
from tests.certify.parts import PARTS
from ven_sdk.cli.certify.examine import examine
from ven_sdk.cli.certify.rows import DECLARED, NOT_SHOWN, SHOWN, Finding
from ven_sdk.cli.certify.table import ROWS, choose_rows
from ven_sdk.cli.certify.trial_parts import Run

NUMBERS = [row.number for row in ROWS]
AFTER_ANOTHER = {12: "3", 63: "58", 71: "3"}
"""Rows that look at the messages of others, and which others."""
NOTES = {16: "note: ", 80: "To be declared"}
"""Rows that only note it, or want the author's word."""
pytestmark = [pytest.mark.sends_invalid, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def finding(number: int, source: BrokenVen) -> Finding:
    words = [str(number), *filter(None, [AFTER_ANOTHER.get(number)])]
    found = list(examine(choose_rows(words), Run(source, by_hand=True, high=True)))
    return next(each for each in found if each.row.number == number)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_ven_that_keeps_the_rule_is_shown(number: int) -> None:
    found = finding(number, KEEPING.get(number, BrokenVen)())
    assert found.state in (SHOWN, DECLARED), (found.text, found.advice)
    assert found.text


@pytest.mark.parametrize("number", NUMBERS)
def test_a_ven_that_breaks_the_rule_is_found_out(number: int) -> None:
    found = finding(number, BROKEN[number]())
    if number in NOTES:
        assert found.text.startswith(NOTES[number])
    else:
        assert found.state == NOT_SHOWN, found.text
        assert found.text


@pytest.mark.long
@pytest.mark.parametrize(("number", "part"), PARTS, ids=str)
def test_a_ven_that_breaks_a_part_of_the_row_is_found_out(number: int, part: str) -> None:
    found = finding(number, PARTS[number, part]())
    assert found.state == NOT_SHOWN, found.text


def test_every_row_has_a_ven_that_breaks_it() -> None:
    assert set(BROKEN) == set(NUMBERS)
