"""A fleet is as pleasant as a client: common arguments, start(wait=), health(), on(), before."""

from __future__ import annotations

import inspect
import threading
from datetime import timedelta
from typing import Any

import pytest

from ven_sdk import ConfigurationError, Fleet, TransportError
from ven_sdk.fleet.arguments import OWN
from ven_sdk.testing import LocalVTN


def test_arguments_of_the_fleet_serve_all_vens_and_a_ven_may_have_its_own() -> None:
    fleet = Fleet("http://vtn.example.com", timeout=7, poll_frequency="30 s")

    usual, own = fleet.add("usual"), fleet.add("own", timeout=9)

    assert (usual.settings.timeout, own.settings.timeout) == (7.0, 9.0)
    assert usual.settings.poll_frequency == timedelta(seconds=30)
    with pytest.raises(ConfigurationError, match="Did you mean 'timeout'"):
        Fleet("http://vtn.example.com", tymeout=7)


def test_start_with_wait_health_and_repr_say_how_many_are_registered() -> None:
    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url)
        fleet.add_handler("on_event", lambda ven, event: "optIn")
        for number in range(3):
            fleet.add(f"ven-{number}")
        assert not fleet.health().ok and "not started" in fleet.health().problems[0]
        fleet.start(wait=10)
        assert repr(fleet) == "<Fleet of 3 VENs, 3 registered>"
        vtn.wait_until(lambda: fleet.health().ok, 5, "health")
        fleet.add("lost", "http://127.0.0.1:9")
        with pytest.raises(TransportError, match=r"Not all VENs were registered within 0\.2 s"):
            fleet.start(wait=0.2)
        assert any(problem.startswith("lost: ") for problem in fleet.health().problems)
        fleet.stop()


def test_before_event_of_the_fleet_gets_the_ven_and_both_it_and_the_vens_own_are_called() -> None:
    seen: list[Any] = []
    both = threading.Event()

    def note(*arguments: Any) -> None:
        seen.append(arguments)
        if len(seen) == 2:
            both.set()

    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url)

        @fleet.on("on_event")
        def decide(ven: Any, event: Any) -> str:
            return "optIn"

        fleet.add_handler("before_event", lambda ven, event: note(ven, event), lead=3600)
        site = fleet.add("site")
        site.add_handler("before_event", lambda event: note(event), lead="1 h")
        with fleet:
            vtn.add_event(dtstart=timedelta(minutes=10))
            assert both.wait(10)

    assert sorted(len(arguments) for arguments in seen) == [1, 2]
    assert [arguments[0] for arguments in seen if len(arguments) == 2] == [site]


def test_the_arguments_of_a_fleet_are_those_that_errors_know() -> None:
    parameters = inspect.signature(Fleet).parameters.values()
    own = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}

    assert own == set(OWN)
