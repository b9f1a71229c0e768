"""Answers that the VTN refuses together are sent one by one, so that only the wrong one is lost."""

from __future__ import annotations

from tests.oadr20b.services.builders import distribute, event
from tests.oadr20b.services.harness import Harness


def answered(harness: Harness) -> list[list[str]]:
    return [[response.event_id for response in record.event_responses] for record in harness.sent]


def test_of_several_refused_answers_each_is_sent_again_by_itself() -> None:
    harness = Harness({"on_event": lambda event: "optIn"})
    harness.send(distribute(*(event(name) for name in "abc")))
    harness.answer(error="452")
    harness.answer()
    harness.answer(error="452")
    harness.answer()

    assert answered(harness) == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert harness.answer_task() is None
    assert [str(error) for error in harness.errors()] == ["refused with 452"], (
        "one event's trouble is told once"
    )


def test_what_comes_after_them_goes_out_together_again() -> None:
    harness = Harness({"on_event": lambda event: "optIn"})
    harness.send(distribute(event("a"), event("b")))
    harness.answer(error="500")
    harness.answer()
    harness.answer()
    harness.send(distribute(event("a"), event("b"), event("c"), request_id="list-2"))
    harness.answer()

    assert sorted(answered(harness)[-1]) == ["a", "b", "c"]


def test_a_vtn_that_fails_over_an_answer_is_not_asked_for_ever() -> None:
    harness = Harness({"on_event": lambda event: "optIn"})
    harness.send(distribute(event("a")))
    task = harness.answer_task()
    assert task is not None
    assert task.give_up
