"""Fleets against LocalVTN: many VENs together, their handlers, what they share, coming and
going.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.shared import eventually
from ven_sdk import ConfigurationError, Fleet, StateError
from ven_sdk.testing import LocalVTN

PATIENCE = 20.0


def fleet_of(vtn: LocalVTN, count: int, **arguments: Any) -> Fleet:
    fleet = Fleet(vtn.url, start_rate=2000, **arguments)
    for number in range(count):
        fleet.add(f"ven-{number}", poll_frequency=0.2)
    return fleet


def test_a_hundred_vens_register_poll_and_stop_on_few_threads() -> None:
    with LocalVTN() as vtn, fleet_of(vtn, 100) as fleet:
        assert fleet.wait(100, PATIENCE)
        eventually(lambda: fleet.status.counters["polls"] >= 200, "two hundred polls")
        status = fleet.status
        assert (status.vens, status.states, status.counters["failures"]) == (
            100,
            {"registered": 100},
            0,
        )
        assert {ven.ven_id for ven in fleet} == {ven.ven_id for ven in vtn.vens.values()}
        own = [
            thread.name
            for thread in threading.enumerate()
            if thread.name.startswith("ven_sdk-") and "vtn" not in thread.name
        ]
        assert len(own) < 30
        began = time.monotonic()
        fleet.stop()
        assert time.monotonic() - began < 5
        assert fleet.status.states == {"stopped": 100}


def test_handlers_for_all_get_the_ven_and_a_ven_may_have_its_own() -> None:
    seen: list[tuple[str, str]] = []
    with LocalVTN() as vtn, fleet_of(vtn, 3) as fleet:
        fleet.add_handler(
            "on_event", lambda ven, event: seen.append((ven.settings.ven_name, "all")) or "optIn"
        )
        fleet["ven-2"].add_handler(
            "on_event", lambda event: seen.append(("ven-2", "own")) or "optOut"
        )
        assert fleet.wait(3, PATIENCE)
        vtn.add_event(event_id="e", dtstart=3600)
        opts = {
            name: vtn.wait_for_opt("e", timeout=PATIENCE, ven_id=fleet[name].ven_id).opt_type
            for name in ("ven-0", "ven-1", "ven-2")
        }
    assert opts == {"ven-0": "optIn", "ven-1": "optIn", "ven-2": "optOut"}
    assert sorted(seen) == [("ven-0", "all"), ("ven-1", "all"), ("ven-2", "own")]


def test_handlers_that_may_be_many_are_called_own_ones_first() -> None:
    seen: list[str] = []
    with LocalVTN() as vtn, Fleet(vtn.url) as fleet:
        fleet.add_handler("on_registered", lambda ven: seen.append("fleet's"))
        ven = fleet.add("one")
        ven.add_handler("on_registered", lambda: seen.append("own"))
        eventually(lambda: "fleet's" in seen, "the registration")
    assert seen[-1] == "fleet's" and set(seen) <= {"own", "fleet's"}


def test_hooks_of_one_ven_do_not_see_the_messages_of_others() -> None:
    own: list[str] = []
    everything: list[str] = []
    with LocalVTN() as vtn, Fleet(vtn.url) as fleet:
        fleet.add_hook("before_send_xml", everything.append)
        fleet.add("first", poll_frequency=0.05)
        fleet.add("second", poll_frequency=0.05).add_hook("before_send_xml", own.append)
        assert fleet.wait(2, PATIENCE)
        eventually(lambda: len(own) > 3 and len(everything) > 8, "messages")
        others = [text for text in own if f"{fleet['first'].ven_id}<" in text]
    assert others == []
    assert any("oadrPoll" in text for text in own)


def test_vens_come_and_go_while_the_fleet_runs() -> None:
    with LocalVTN() as vtn, fleet_of(vtn, 2) as fleet:
        assert fleet.wait(2, PATIENCE)
        late = fleet.add("late", poll_frequency=0.05)
        assert fleet.wait(3, PATIENCE) and late.status.state == "registered"
        gone = fleet["ven-0"].ven_id
        fleet.remove("ven-0")
        mark = vtn.mark()
        eventually(lambda: len(vtn.received_of("oadrPoll", after=mark)) > 5, "polls of the others")
        assert gone not in {
            one.record.ven_id for one in vtn.received_of("oadrPoll", after=mark)[2:]
        }
        assert (len(fleet), "ven-0" in fleet) == (2, False)
        with pytest.raises(StateError, match="'ven-0'"):
            fleet.remove("ven-0")


def test_a_ven_that_was_removed_says_so_in_every_call_that_would_have_no_effect() -> None:
    fleet = Fleet("http://vtn.example.com")
    ven = fleet.add("gone")
    ven.add_report(resource_id="r", measurement="voltage", r_id="p")
    fleet.remove("gone")

    for call in (
        lambda: ven.report_value("p", 1),
        lambda: ven.add_report(resource_id="s", measurement="voltage"),
        lambda: ven.opt_in("e"),
        lambda: ven.opt_out("e"),
        lambda: ven.register(),
        lambda: ven.add_handler("on_error", print),
    ):
        with pytest.raises(StateError, match="'gone' was removed from its fleet"):
            call()


def test_a_removed_ven_is_registered_no_more_when_that_is_wanted() -> None:
    with LocalVTN() as vtn, fleet_of(vtn, 2) as fleet:
        assert fleet.wait(2, PATIENCE)
        fleet.remove("ven-1", cancel=True)
        assert len(vtn.received_of("oadrCancelPartyRegistration")) == 1


def test_the_starts_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url, start_rate=40)
        for number in range(20):
            fleet.add(f"ven-{number}")
        began = time.monotonic()
        with fleet:
            assert fleet.wait(20, PATIENCE)
            assert time.monotonic() - began >= 19 / 40
            mark = time.monotonic()
            for number in range(4):
                fleet.add(f"later-{number}")
            assert fleet.wait(24, PATIENCE)
            assert time.monotonic() - mark >= 3 / 40


def test_one_store_serves_all_and_a_restart_goes_on(tmp_path: Path) -> None:
    with LocalVTN() as vtn:
        with fleet_of(vtn, 5, store=tmp_path / "fleet.db") as fleet:
            assert fleet.wait(5, PATIENCE)
            known = {ven.settings.ven_name: (ven.ven_id, ven.registration_id) for ven in fleet}
            fleet.remove("ven-4")
        with fleet_of(vtn, 5, store=tmp_path / "fleet.db") as fleet:
            assert fleet.wait(5, PATIENCE)
            again = {ven.settings.ven_name: (ven.ven_id, ven.registration_id) for ven in fleet}
    assert {name: again[name] for name in again if name != "ven-4"} == {
        name: known[name] for name in known if name != "ven-4"
    }
    asked = [one.record for one in vtn.received_of("oadrCreatePartyRegistration")]
    assert [record.registration_id for record in asked if record.ven_name == "ven-4"] == [
        None,
        None,
    ]


def test_vens_of_one_identity_share_connections_others_do_not() -> None:
    with LocalVTN() as vtn, fleet_of(vtn, 30, exchange_workers=3) as fleet:
        assert fleet.wait(30, PATIENCE)
        eventually(lambda: fleet.status.counters["polls"] >= 60, "sixty polls")
        assert vtn.connections < 30
        assert len({id(ven._engine.profile.identity) for ven in fleet}) == 1
        other = fleet.add("other", max_response_size=2**20)
        assert other._engine.profile.identity is not fleet["ven-0"]._engine.profile.identity


def test_each_ven_with_its_own_certificate() -> None:
    with LocalVTN(tls=True, sign=True, verify=True) as vtn:
        fleet = Fleet(vtn.url, start_rate=1000)
        for number in range(4):
            cert = vtn.client_cert(f"ven-{number}")
            fleet.add(
                f"ven-{number}",
                cert=cert.cert,
                key=cert.key,
                ca_file=vtn.ca_file,
                vtn_fingerprint=vtn.fingerprint,
            )
        with fleet:
            assert fleet.wait(4, PATIENCE)
            assert len({ven.fingerprint for ven in vtn.vens.values()}) == 4


def test_stop_from_a_handler_and_twice_and_start_again() -> None:
    stopped = threading.Event()
    with LocalVTN() as vtn:
        fleet = fleet_of(vtn, 2)

        def stop(ven: Any) -> None:
            fleet.stop()
            stopped.set()

        fleet.add_handler("on_registered", stop)
        fleet.start()
        assert stopped.wait(PATIENCE)
        fleet.stop()
        assert fleet.status.states == {"stopped": 2}
        fleet["ven-0"].add_handler("on_registered", lambda: None)
        fleet._handlers._functions.clear()
        with fleet:
            assert fleet.wait(2, PATIENCE)


def test_a_fleet_that_is_stopped_while_it_starts_comes_back_whole() -> None:
    """Those whose turn had not come ended before they ever began."""
    with LocalVTN() as vtn:
        fleet = Fleet(vtn.url, poll_frequency=1, start_rate=5)
        for number in range(4):
            fleet.add(f"ven-{number}")
        fleet.start()
        assert fleet.wait(1, 10)
        fleet.stop(2)
        fleet.start()
        assert fleet.wait(4, 10), fleet.status
        fleet.stop(2)


def test_what_is_owed_is_sent_before_a_fleet_stops() -> None:
    deciding = threading.Event()
    with LocalVTN() as vtn:
        fleet = fleet_of(vtn, 3)

        def slow(ven: Any, event: Any) -> str:
            deciding.set()
            threading.Event().wait(0.3)
            return "optIn"

        fleet.add_handler("on_event", slow)
        with fleet:
            assert fleet.wait(3, PATIENCE)
            vtn.add_event(event_id="e", dtstart=3600, ven_id=fleet["ven-1"].ven_id)
            assert deciding.wait(PATIENCE)
        assert vtn.opt_of("e") is not None and vtn.opt_of("e").opt_type == "optIn"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "arguments, says",
    [
        ({"callback_workers": 3}, "takes no argument 'callback_workers'"),
        ({"pol_freq": 3}, "takes no argument 'pol_freq'"),
        ({"poll_frequency": -1}, "poll_frequency"),
        ({"vtn_url": "ftp://x"}, "vtn_url"),
        ({"key": "k.pem"}, "cert"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Fleet("http://localhost:1").add("ven", **arguments)


def test_names_differ_and_every_ven_has_an_address() -> None:
    fleet = Fleet()
    with pytest.raises(ConfigurationError, match="no vtn_url"):
        fleet.add("ven")
    fleet.add("ven", "http://localhost:1")
    with pytest.raises(ConfigurationError, match="already"):
        fleet.add("ven", "http://localhost:2")
    assert len(fleet) == 1
    with pytest.raises(ConfigurationError, match="start_rate"):
        Fleet(start_rate=0)


def test_a_fleet_handler_needs_room_for_the_ven() -> None:
    fleet = Fleet()
    with pytest.raises(ConfigurationError, match="ven, event"):
        fleet.add_handler("on_event", lambda event: "optIn")
    with pytest.raises(ConfigurationError, match="before_event"):
        fleet.add_handler("before_event", lambda ven, event: None)


def test_an_error_of_a_fleets_handler_names_the_function(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(ven: Any, event: Any) -> str:
        raise RuntimeError("meter on fire")

    with LocalVTN() as vtn, fleet_of(vtn, 1) as fleet, caplog.at_level(logging.ERROR, "ven_sdk"):
        fleet.add_handler("on_event", breaks)
        assert fleet.wait(1, PATIENCE)
        vtn.add_event(event_id="e", dtstart=3600)
        assert vtn.wait_for_opt("e", timeout=PATIENCE).opt_type == "optOut"
        eventually(lambda: "meter on fire" in caplog.text, "the error")
    assert "breaks raised RuntimeError" in caplog.text
