"""A sample is kept until the VTN has acknowledged it. Neither what says nothing of the report (a
web page of a proxy, a payload that is no answer) nor a refusal loses one, however long it comes.
"""

from __future__ import annotations

import contextlib
from datetime import datetime

import pytest

from tests.models.simulated import SimulatedVen

pytestmark = pytest.mark.long

NO_ACKNOWLEDGEMENT = (
    "unreadable",
    "no payload",
    "wrong type",
    "not allowed",
    "no answer",
    *(f"code {code}" for code in (450, 453, 454, 459, 461, 500)),
    *(f"status {status}" for status in (201, 302, 400, 403, 404, 410, 413, 429, 500, 503)),
)
HOUR = 3600


@pytest.mark.parametrize("seconds", [120, 1800])
@pytest.mark.parametrize("reply", NO_ACKNOWLEDGEMENT)
def test_no_sample_is_lost_and_none_arrives_twice(reply: str, seconds: float) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.vtn.wish = 10, 20
        world.start()
        world.run(60)
        world.vtn.behaviour["oadrUpdateReport"] = reply, float("inf")
        polls = [one.name for one in world.vtn.sent].count("oadrPoll")
        world.run(seconds)
        assert [one.name for one in world.vtn.sent].count("oadrPoll") - polls >= 0.7 * seconds / 10
        world.vtn.behaviour.clear()
        world.run(HOUR + 120)

        found = world.vtn.record.samples
        moments = sorted(datetime.fromisoformat(at.rstrip("Z")) for _, at, _ in found)
        assert {(b - a).total_seconds() for a, b in zip(moments, moments[1:])} == {10}
        assert set(found.values()) == {1}
        assert world.ven.status.counters["samples_dropped"] == 0


@pytest.mark.parametrize(
    "reply", ["status 503", "status 403", "status 503 after 600", "status 429"]
)
def test_T16_the_data_does_not_wait_for_ever_for_an_answer_that_is_not_taken(reply: str) -> None:
    with contextlib.closing(SimulatedVen(1)) as world:
        world.start()
        world.run(20)
        world.vtn.behaviour["oadrCreatedReport"] = reply, float("inf")
        world.vtn.queue.append("create report")
        world.run(300)

        sent = [one for one in world.vtn.sent if one.name == "oadrUpdateReport"]
        answers = [one for one in world.vtn.sent if one.name == "oadrCreatedReport"]
        assert len(world.vtn.record.samples) >= 2
        assert sent[0].at >= answers[0].at + 60, "it came before the answer had its minute"
