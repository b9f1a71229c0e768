"""What the page says of behaviour that differs, where no other test does."""

from __future__ import annotations

import threading

from ven_sdk.testing import LocalVTN


def test_a_handler_that_fails_opts_out_of_its_own_event_alone() -> None:
    def decide(event: object) -> str:
        if event["event_id"] == "bad":  # type: ignore[index]
            raise ValueError("no")
        return "optIn"

    with LocalVTN() as vtn, vtn.client("ven", on_event=decide, poll_frequency=0.05):
        for event_id in ("bad", "good"):
            vtn.add_event(event_id=event_id, announce=False)
        vtn.announce()
        vtn.assert_opted("bad", "optOut")
        vtn.assert_opted("good", "optIn")


def test_one_handler_may_run_for_two_events_at_the_same_time() -> None:
    both = threading.Barrier(2)

    def decide(event: object) -> str:
        both.wait(20)
        return "optIn"

    with LocalVTN() as vtn, vtn.client("ven", on_event=decide, poll_frequency=0.05):
        for event_id in ("first", "second"):
            vtn.add_event(event_id=event_id, announce=False)
        vtn.announce()
        vtn.assert_opted("first", "optIn", timeout=30)
        vtn.assert_opted("second", "optIn", timeout=30)
