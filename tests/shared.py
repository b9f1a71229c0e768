"""What many tests share: the example messages, one file for each kind of message and more where a
kind has several forms; how many examples a property test looks at, and how much of a long table.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

EXAMPLES = Path(__file__).resolve().parent / "data" / "wire-examples"


def wire_examples() -> list[Path]:
    """The example messages, in order."""
    return sorted(EXAMPLES.glob("*.xml"))


def examples(count: int) -> settings:
    """How many examples a property test looks at: ``count`` in CI, a third of them where a person
    waits for the tests, and as many as the profile has where more were asked for.
    """
    profile = settings.get_current_profile_name()
    if profile == "dev":
        return settings(max_examples=max(4, count // 3))
    return settings() if profile == "thorough" else settings(max_examples=count)


def some_of(*tables: Iterable[object]) -> list[object]:
    """The product of tables of three values and more as parameters. A third of the rows, in which
    each value of each table stands, is always tested; the rest is marked ``long``, for CI.
    """
    listed = [list(table) for table in tables]
    assert len(listed) > 1 and min(map(len, listed)) >= 3
    return [
        row if sum(places) % 3 == 0 else pytest.param(*row, marks=pytest.mark.long)
        for places, row in zip(
            itertools.product(*(range(len(table)) for table in listed)), itertools.product(*listed)
        )
    ]
