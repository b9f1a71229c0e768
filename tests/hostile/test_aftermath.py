"""What a refused message leads to: a courtesy to the VTN, nonces that outlive a restart, and bounds
that hold.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.stage import PATIENCE, POLL, Stage, eventually
from tests.oadr20b.security.forge import Forge
from tests.oadr20b.security.test_verification import VTN
from ven_sdk import Fleet, OpenADRClient
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.services import poll
from ven_sdk.testing import Answer, LocalVTN, Raw, pki


def signing(**options: Any) -> LocalVTN:
    return LocalVTN(sign=True, verify=False, identity=VTN, **options)


def courtesies(stage: Stage) -> list[Any]:
    return [received for received in stage.vtn.received if received.kind == "oadrResponse"]


def test_a_message_that_is_not_rightly_signed_is_answered_459_and_quotes_nothing() -> None:
    with Stage(signing(), vtn_fingerprint=VTN.fingerprint) as stage:
        stage.deliver(Forge(pki.identity("mallory")).bytes())
        stage.deliver(Forge(pki.identity("mallory")).bytes())
        stage.answers_a_good_event()

        (told,) = courtesies(stage)
    assert (told.record.response.response_code, told.record.response.request_id) == ("459", "")
    assert told.record.ven_id == stage.client.ven_id
    assert b"fingerprint" not in told.raw and b"mallory" not in told.raw


def test_an_unreadable_message_is_answered_454_at_most_once_a_minute() -> None:
    with Stage() as stage:
        for number in range(5):
            stage.deliver(b"<html/>" if number % 2 else b"\xff")
        stage.answers_a_good_event()

        codes = [told.record.response.response_code for told in courtesies(stage)]
    assert codes == ["454"]


def test_a_courtesy_that_is_refused_is_not_repeated_for_long_and_holds_nothing_up() -> None:
    with Stage() as stage:
        before = time.monotonic()
        with stage.vtn.fault("500", message="oadrResponse") as refusal:
            stage.deliver(b"<html/>")
            stage.answers_a_good_event()
        assert refusal.hits == 1 and time.monotonic() - before < 2


def test_the_reason_reaches_the_log_once_then_a_count() -> None:
    with Stage() as stage:
        for _ in range(12):
            stage.deliver(b"<html/>")
        said = [line for line in stage.warnings() if "is no OpenADR 2.0b message" in line]
    assert len(said) == 2 and said[1].endswith("(10 times so far)")


def test_on_error_hears_the_reason() -> None:
    with Stage() as stage:
        heard: list[Any] = []
        stage.client.add_handler("on_error", heard.append)
        stage.deliver(b"<html/>")
        eventually(lambda: heard, "on_error to be called")
    assert "is no OpenADR 2.0b message" in str(heard[0])


def test_a_kept_error_does_not_keep_the_message_that_it_is_about() -> None:
    with Stage() as stage:
        seen = stage.deliver(b"<a>" + b"x" * 2**20)
    error: Any = seen.error
    while error is not None:
        assert error.__traceback__ is None
        error = error.__cause__


def test_without_vtn_fingerprint_it_is_said_once_at_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Stage() as stage:
        stage.answers_a_good_event()
        said = [line for line in stage.warnings() if "not authenticated" in line]
        assert len(said) == 1 and stage.vtn.url in said[0]
    with Stage(signing(), vtn_fingerprint=VTN.fingerprint) as stage:
        assert not [line for line in stage.warnings() if "not authenticated" in line]


def test_a_fleet_says_that_it_authenticates_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with LocalVTN() as vtn, caplog.at_level(logging.WARNING, "ven_sdk"), Fleet(vtn.url) as fleet:
        fleet.add("later")
    assert "not authenticated" not in caplog.text
    fleet = Fleet("http://127.0.0.1:9")
    fleet.add("a")
    fleet.add("b", vtn_fingerprint=VTN.fingerprint)
    with caplog.at_level(logging.WARNING, "ven_sdk"), fleet:
        pass
    assert caplog.text.count("not authenticated for 1 VEN:") == 1


def replayed_after_restart(vtn: LocalVTN, run: Any) -> str:
    """The text of the error that a replay meets in a second run. ``run(first)`` gives a started VEN
    and its owner.
    """
    ven, owner = run()
    vtn.add_event(dtstart=3600)
    vtn.wait_for("oadrCreatedEvent")
    old = next(body for (_, service), body in vtn._sent.items() if service == "OadrPoll")
    owner.stop()
    ven, owner = run()
    try:
        vtn.fault(Answer(Raw(old), service="OadrPoll", ven_id=ven.ven_id, times=1))
        eventually(
            lambda: "seen before" in str(ven.status.last_error),
            f"a refusal instead of {ven.status.last_error}",
        )
        return str(ven.status.last_error)
    finally:
        owner.stop()


def test_a_replay_after_a_restart_is_refused_with_a_store(tmp_path: Path) -> None:
    with signing() as vtn:

        def run() -> Any:
            client = OpenADRClient(
                "ven",
                vtn.url,
                vtn_fingerprint=VTN.fingerprint,
                store=tmp_path / "ven.db",
                poll_frequency=POLL,
            )
            client.add_handler("on_event", lambda event: "optIn")
            client.start(wait=PATIENCE)
            return client, client

        assert "replay" in replayed_after_restart(vtn, run)


def test_a_replay_after_a_restart_of_a_fleet_is_refused_with_a_store(tmp_path: Path) -> None:
    with signing() as vtn:

        def run() -> Any:
            fleet = Fleet(vtn.url, store=tmp_path / "fleet.db")
            fleet.add_handler("on_event", lambda ven, event: "optIn")
            for name in ("one", "two"):
                fleet.add(name, vtn_fingerprint=VTN.fingerprint, poll_frequency=POLL)
            fleet.start()
            assert fleet.wait(2, PATIENCE)
            return fleet["one"], fleet

        assert "replay" in replayed_after_restart(vtn, run)


def test_nonces_do_not_pile_up_in_the_store(tmp_path: Path) -> None:
    with Stage(
        signing(), vtn_fingerprint=VTN.fingerprint, replay_window=0.2, store=tmp_path / "ven.db"
    ) as stage:
        eventually(lambda: stage.client.status.counters["polls"] > 40, "forty polls")
        kept = len(stage.client._engine.book.nonces)
    assert 1 <= kept < 40


@pytest.mark.long
def test_a_large_max_response_size_reaches_the_gate() -> None:
    comment = b"<!--" + b"x" * 1000 + b"-->"
    with Stage(max_response_size=40 * 2**20) as stage:
        data = stage.evil_list().replace(
            b"</oadr:oadrPayload>", comment * 20_000 + b"</oadr:oadrPayload>"
        )
        assert len(data) > 17 * 2**20
        stage.vtn.reply_once(data)
        eventually(lambda: stage.told, "a large message to be read")


def test_what_a_message_makes_us_do_wrong_stops_neither_polls_nor_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A fault of our own, as yet unknown: here it is put in on purpose, behind the parser and the
    reader.
    """
    with Stage() as stage:
        stage.answers_a_good_event()
        stage.settle()
        real = poll.receive

        def stumble(book: Any, message: Any, now: Any) -> Any:
            if getattr(message, "request_id", "") == "list-1":
                raise ZeroDivisionError
            return real(book, message, now)

        monkeypatch.setattr(poll, "receive", stumble)

        stage.vtn.reply_once(stage.evil_list())
        eventually(
            lambda: [line for line in stage.warnings() if "fault of ven_sdk" in line],
            "the fault to be said",
        )

        stage.answers_a_good_event()


def test_what_makes_the_reader_stumble_is_an_unreadable_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange = OpenADRClient("ven", "http://127.0.0.1:9")._engine.profile.exchange
    monkeypatch.setattr("ven_sdk.oadr20b.exchange.parsing.parse", lambda *_, **__: 1 / 0)
    from ven_sdk.errors import PayloadError

    with pytest.raises(PayloadError, match=r"could not be understood \(ZeroDivisionError\)"):
        exchange.read(b"<a/>")


def test_the_memory_for_nonces_is_bounded_and_forgetting_lets_nothing_through() -> None:
    from datetime import datetime, timedelta, timezone

    now = datetime.now(timezone.utc)
    guard = ReplayGuard(60, limit=100)
    for number in range(1000):
        guard.check(now + timedelta(milliseconds=number), f"n{number}", now)
    assert len(guard) == 100
    begin = time.perf_counter()
    for number in range(1000):
        with pytest.raises(Exception, match="replay"):
            guard.check(now + timedelta(milliseconds=number), f"n{number}", now)
    assert time.perf_counter() - begin < 1


@pytest.mark.long
def test_a_list_of_a_thousand_unreadable_events_is_said_in_a_few_lines() -> None:
    with Stage() as stage:
        stage.answers_a_good_event()
        good = stage.evil_list().replace(b"<ei:value>3<", b"<ei:value>NaN<", 1)
        head, tail = good.split(b"<oadr:oadrEvent>", 1)
        one, rest = tail.split(b"</oadr:oadrEvent>", 1)
        many = b"".join(
            b"<oadr:oadrEvent>" + one.replace(b">evil", b">evil-%d-" % n, 1) + b"</oadr:oadrEvent>"
            for n in range(1000)
        )
        said = len(stage.warnings())

        stage.deliver(head + many + rest)

        assert 1 <= len(stage.warnings()[said:]) < 10
        stage.answers_a_good_event()


@pytest.mark.parametrize(
    "reply",
    [
        b"<html/>",
        b"\xff",
        b"",
        Raw(b"", status=500),
        Raw(silent=True, ending="reset"),
        Raw(b"x" * 100, headers={"Content-Encoding": "gzip"}),
    ],
    ids=["HTML", "bytes", "nothing", "500", "reset", "gzip"],
)
def test_every_step_of_the_bootstrap_survives_a_hostile_reply(reply: Any) -> None:
    """Not only polls are answered by whoever wants harm. An empty body is a legal acknowledgement
    (G12), no registration.
    """
    with LocalVTN() as vtn:
        vtn.add_event(dtstart=3600)
        steps = (
            "oadrQueryRegistration",
            "oadrCreatePartyRegistration",
            "oadrRegisterReport",
            "oadrRequestEvent",
            "oadrCreatedEvent",
        )
        if reply == b"":
            steps = steps[:-1]  # an answer to an event that is acknowledged so is not sent again
        faults = [vtn.fault(Answer(reply, message=step, times=1)) for step in steps]
        client = OpenADRClient("ven", vtn.url, poll_frequency=POLL, timeout=2)
        client.add_handler("on_event", lambda event: "optIn")
        with client:
            for fault in faults[:4]:
                fault.wait_for_hits(timeout=20)
            event_id = vtn.add_event(dtstart=3600)
            eventually(lambda: client.status.state == "registered", "the VEN to be registered", 20)
            vtn.assert_opted(event_id, "optIn", timeout=20)


@pytest.mark.parametrize("seconds", [0, 1e-6, 365000 * 86400])
def test_an_absurd_poll_frequency_of_the_vtn_neither_floods_it_nor_ends_the_polls(
    seconds: float,
) -> None:
    with LocalVTN(poll_frequency=timedelta(seconds=round(seconds))) as vtn:
        client = OpenADRClient("ven", vtn.url)
        client.start(wait=PATIENCE)
        with client:
            vtn.wait_for("oadrPoll")
            before = vtn.counts["oadrPoll"]
            threading.Event().wait(0.5)
            assert vtn.counts["oadrPoll"] - before < 20
            assert timedelta(0) < client.poll_frequency
