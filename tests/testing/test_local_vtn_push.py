"""LocalVTN as a VTN that pushes: whom it calls, in which order, how it tries again, and what a test
can make go wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

from ven_sdk import ConfigurationError, OpenADRClient
from ven_sdk.testing import InTurn, LocalVTN, ManualClock, NotSeen, PushFault
from ven_sdk.testing.vtn.push_faults import CHANGES

Start = Callable[..., OpenADRClient]


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(push=True, push_retry=0.05) as local:
        yield local


@pytest.fixture
def start(vtn: LocalVTN) -> Start:
    """Starts a client that is called, and counts the calls of its handler."""

    def started(**arguments: Any) -> OpenADRClient:
        called = arguments.pop("called", [])
        made = vtn.client(show_fingerprint=False, **arguments)
        made.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")
        made.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        return made

    return started


# --- whom it calls --------------------------------------------------------------------------------


def test_a_client_of_a_pushing_vtn_is_called_and_does_not_poll(vtn: LocalVTN, start: Start) -> None:
    start()

    assert vtn.wait_for_opt(vtn.add_event(dtstart=3600)).opt_type == "optIn"
    assert [each.service for each in vtn.wait_for_pushes()] == ["EiEvent"]
    vtn.assert_not_received("oadrPoll")


def test_over_tls_too() -> None:
    with LocalVTN(push=True, tls=True, sign=True) as vtn:
        made = vtn.client(vtn_fingerprint=vtn.fingerprint, on_event="optIn")
        made.start(wait=10)
        assert vtn.wait_for_opt(vtn.add_event(dtstart=3600)).opt_type == "optIn"


def test_who_registers_for_polls_is_not_called(vtn: LocalVTN, start: Start) -> None:
    start(push=None, listen=None, poll_frequency=1)

    vtn.wait_for_opt(vtn.add_event(dtstart=3600), timeout=10)
    assert vtn.pushes == []


def test_a_vtn_without_push_calls_nobody() -> None:
    with LocalVTN(push=False) as vtn:
        made = vtn.client(push="http://127.0.0.1:9", on_event="optIn")
        made.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        vtn.add_event(dtstart=3600)
        with pytest.raises(NotSeen, match="0 were, 0 failed"):
            vtn.wait_for_pushes(timeout=0.2)


def test_what_is_queued_arrives_in_order(vtn: LocalVTN, start: Start) -> None:
    start()
    with vtn.fault("push reset", times=2):
        vtn.request_reregistration()
        vtn.add_event(event_id="e", dtstart=3600)
        vtn.wait_for_opt("e")

    taken = [each.record.wire_name for each in vtn.wait_for_pushes(2) if each.record]
    assert taken[:2] == ["oadrRequestReregistration", "oadrDistributeEvent"]
    assert [each.taken for each in vtn.pushes][:3] == [False, False, True]


# --- how it tries again ---------------------------------------------------------------------------


def test_pauses_double_up_to_two_minutes() -> None:
    clock = ManualClock()
    with LocalVTN(push=True, clock=clock) as vtn:
        made = vtn.client(on_event="optIn", clock=None)
        made.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        vtn.fault("push garbage")
        vtn.add_event(dtstart=36000)
        for tried, pause in enumerate((1, 2, 4, 8, 16, 32, 64, 120, 120), 1):
            vtn.wait_until(lambda n=tried: len(vtn.pushes) == n, 5, f"try {tried}")
            clock.advance(pause - 0.5)
            assert len(vtn.pushes) == tried
            clock.advance(0.6)


def test_a_ven_that_registers_again_is_called_without_waiting_for_the_pause() -> None:
    with LocalVTN(push=True, push_retry=100) as vtn:
        made = vtn.client(on_event="optIn")
        made.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        vtn.fault("push reset", times=1)
        event_id = vtn.add_event(dtstart=3600)
        vtn.wait_until(lambda: vtn.pushes, 5, "the push that fails")
        made.register()
        vtn.wait_for_opt(event_id)


def test_an_unanswered_list_is_pushed_again(start: Start) -> None:
    with LocalVTN(push=True, repeat_events=1) as vtn:
        made = vtn.client(default_opt="optIn")
        made.add_handler("on_event", lambda event: "optIn")
        made.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        with vtn.fault("500", message="CreatedEvent"):
            vtn.add_event(dtstart=3600)
            vtn.wait_for_pushes(2)


def test_a_vtn_that_is_down_calls_nobody_and_goes_on_when_it_is_back(
    vtn: LocalVTN, start: Start
) -> None:
    start()
    vtn.kill()
    event_id = vtn.add_event(dtstart=3600)
    with pytest.raises(NotSeen):
        vtn.wait_for_pushes(timeout=0.1)
    vtn.restart()
    assert vtn.wait_for_opt(event_id).opt_type == "optIn"


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [each for each in CHANGES if each not in ("stalled", "silent")])
def test_whatever_goes_wrong_with_a_push_the_event_is_handled_once(
    how: str, vtn: LocalVTN, start: Start
) -> None:
    called: list[str] = []
    start(called=called)
    vtn.wait_for_opt(vtn.add_event(event_id="before", dtstart=3600))
    fault = vtn.fault(f"push {how}", times=2, **({"seconds": 0.01} if how == "slow" else {}))
    vtn.add_event(event_id="e", dtstart=7200)
    vtn.wait_for_opt("e")
    vtn.add_event(event_id="after", dtstart=7200)
    vtn.wait_for_opt("after")
    assert fault.hits == 2
    assert called == ["before", "e", "after"]


@pytest.mark.long
@pytest.mark.parametrize("how", ["stalled", "silent"])
def test_a_push_that_stops_in_the_middle_is_made_again(
    how: str, vtn: LocalVTN, start: Start
) -> None:
    start()
    with vtn.fault(PushFault(how, times=1)):
        vtn.wait_for_opt(vtn.add_event(dtstart=3600), timeout=15)
    vtn.wait_until(lambda: len(vtn.pushes) == 2, 5, "the second push to be answered")
    assert [each.taken for each in vtn.pushes] == [False, True]


def test_a_signed_push_that_is_replayed_is_refused_and_the_new_one_is_taken() -> None:
    called: list[str] = []
    with LocalVTN(push=True, tls=True, sign=True, push_retry=0.05) as vtn:
        made = vtn.client(vtn_fingerprint=vtn.fingerprint)
        made.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")
        made.start(wait=10)
        vtn.wait_for_opt(vtn.add_event(event_id="one", dtstart=3600), timeout=15)
        for how in ("replay", "doubled", "lost"):
            with vtn.fault(PushFault(how, times=1)):
                vtn.wait_for_opt(vtn.add_event(event_id=how, dtstart=3600), timeout=15)
    assert called == ["one", "replay", "doubled", "lost"]


def test_the_end_of_the_vtn_waits_for_no_push_that_is_stuck(vtn: LocalVTN, start: Start) -> None:
    start()
    fault = vtn.fault("push silent")
    vtn.add_event(dtstart=3600)
    fault.wait_for_hits()
    vtn.stop()


def test_faults_of_pushes_strike_no_message_of_a_ven_and_the_other_way_round(
    vtn: LocalVTN, start: Start
) -> None:
    start()
    pushing, polling = vtn.fault("push slow", seconds=0), vtn.fault("slow", seconds=0)
    vtn.wait_for_opt(vtn.add_event(dtstart=3600))
    assert (pushing.hits, polling.hits) == (1, 1)
    with pytest.raises(ConfigurationError, match="beside the script"):
        InTurn("push lost")
    with pytest.raises(ConfigurationError, match="how is 'backwards'"):
        PushFault("backwards")
