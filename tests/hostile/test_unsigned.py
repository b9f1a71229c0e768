"""Hostile bodies in the place of a poll's reply: refused, said, survived; the good event after them
is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.hostile.bodies import BODIES
from tests.hostile.stage import Stage, eventually, resident, threads_of
from ven_sdk.testing import Answer, InTurn, Raw

pytestmark = (
    pytest.mark.keeps_threads
)  # one stage serves all rows; it looks after its threads itself


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        stage.answers_a_good_event()
        stage.deliver(b"<warm/>")
        before = resident()
        yield stage
        grown = (resident() - before) / 2**20
        # all bodies together are more than ten times as much; the VTN's journal is here as well
        assert grown < 128, (
            f"the process holds {grown:.0f} MiB more than before the hostile messages"
        )
        assert stage.keeps_to_its_threads(), threads_of()
    eventually(lambda: threads_of() == [], "all threads to end")


@pytest.mark.parametrize("kind", BODIES)
def test_a_hostile_body_moves_nothing_and_the_next_event_is_answered(
    stage: Stage, kind: str
) -> None:
    row = BODIES[kind]
    said = len(stage.warnings())

    seen = stage.deliver(row.make(stage))

    assert seen.moved == {}
    about = [line for line in stage.warnings() if re.search(row.words, line)]
    assert about, f"nothing logged matches {row.words!r}; new is {stage.warnings()[said:]}"
    assert len(stage.warnings()[said:]) <= 4 and all(len(line) < 1200 for line in about)
    stage.answers_a_good_event()


@pytest.mark.long
def test_a_message_cut_at_every_tenth_byte_moves_nothing() -> None:
    with Stage(poll_frequency=0.005) as stage:
        stage.answers_a_good_event()
        stage.settle()
        whole, before = stage.evil_list(), stage.facts()
        cut = [Raw(whole[:end]) for end in range(1, len(whole) - 1, 10)]
        failures = stage.client.status.counters["failures"]
        script = stage.vtn.fault(InTurn(*map(Answer, cut), service="OadrPoll"))

        script.wait_for_hits(len(cut), timeout=30)

        script.clear()
        stage.settle()
        assert stage.client.status.counters["failures"] == failures + len(cut) > 200
        assert stage.facts() == before
        assert 1 <= len(stage.warnings()) < 25  # said once for each reason, then counted
        stage.answers_a_good_event()
