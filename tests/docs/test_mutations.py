"""The tables of mutations are true: each text to change stands where the table says, and each test
that must notice it exists. That it does notice is seen by ``python -m tests.mutations``.
"""

from __future__ import annotations

import pytest

from tests.mutations import Mutation, find, has_its_test, mutated
from tests.mutations.__main__ import TABLE as MUTATIONS

TABLE = [pytest.param(one, id=f"{one.rule}-{index}") for index, one in enumerate(MUTATIONS)]


@pytest.mark.parametrize("mutation", TABLE)
def test_the_text_to_change_stands_in_the_function_that_the_table_names(mutation: Mutation) -> None:
    assert find(mutation).path.is_file()


@pytest.mark.parametrize("mutation", TABLE)
def test_the_mutated_module_is_still_python(mutation: Mutation) -> None:
    path, text = mutated(mutation)

    compile(text, str(path), "exec")


@pytest.mark.parametrize("mutation", TABLE)
def test_the_test_that_must_turn_red_exists(mutation: Mutation) -> None:
    assert has_its_test(mutation)
