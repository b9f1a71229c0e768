"""Hostile bodies in the place of a poll's reply: refused, said, survived; the good event after them is answered."""
from __future__ import annotations

import re
from typing import Iterator

import pytest

from tests.hostile.bodies import BODIES
from tests.hostile.stage import Stage, resident, threads_of

pytestmark = pytest.mark.keeps_threads  # one stage serves all rows; it looks after its threads itself


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.answers_a_good_event()
        stage.deliver(b"<warm/>")
        before, threads = resident(), len(threads_of())
        yield stage
        grown = (resident() - before) / 2**20
        assert grown < 48, f"the process holds {grown:.0f} MiB more than before the hostile messages"
        assert len(threads_of()) <= threads + 2, threads_of()
    assert threads_of() == []


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_moves_nothing_and_the_next_event_is_answered(stage: Stage, kind: str) -> None:
    row = BODIES[kind]
    said = len(stage.warnings())

    seen = stage.deliver(row.make(stage))

    assert seen.moved == {}
    about = [line for line in stage.warnings() if re.search(row.words, line)]
    assert about, f"nothing logged matches {row.words!r}; new is {stage.warnings()[said:]}"
    assert len(stage.warnings()[said:]) <= 3 and all(len(line) < 1200 for line in about)
    stage.answers_a_good_event()
