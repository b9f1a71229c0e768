"""start() and stop() in every order and from every place; what is left afterwards: nothing."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.durability.raw_vtn import RawVTN
from tests.shared import eventually
from ven_sdk import DEFER, OpenADRClient, StateError, TransportError
from ven_sdk.testing import LocalVTN


@pytest.fixture
def client(vtn: RawVTN) -> Iterator[OpenADRClient]:
    client = OpenADRClient("ven1", vtn.url, poll_frequency=0.1, allow_jitter=False, timeout=5)
    yield client
    client.stop()


def ours() -> list[str]:
    return sorted(
        thread.name for thread in threading.enumerate() if thread.name.startswith("ven_sdk")
    )


def test_constructing_starts_no_thread_and_opens_no_connection(
    vtn: RawVTN, client: OpenADRClient
) -> None:
    assert ours() == []
    assert vtn.seen == []


def test_start_with_wait_returns_when_registered(client: OpenADRClient) -> None:
    client.start(wait=5)
    assert client.status.state == "registered"
    assert client.ven_id == "ven-1"


def test_start_with_wait_raises_the_cause_and_stops_when_the_vtn_is_down() -> None:
    client = OpenADRClient("ven1", RawVTN().reserve().url)
    with pytest.raises(TransportError, match=r"not registered within 0\.3 s") as caught:
        client.start(wait=0.3)
    assert isinstance(caught.value.__cause__, TransportError)
    assert client.status.state == "stopped"
    assert ours() == []


def test_start_twice_and_stop_twice_are_harmless(vtn: RawVTN, client: OpenADRClient) -> None:
    client.start(wait=5)
    threads = len(ours())
    client.start()
    assert len(ours()) <= threads + 1
    client.stop()
    client.stop()
    assert vtn.count("oadrQueryRegistration") == 1
    assert ours() == []


def test_stop_before_start_is_harmless(client: OpenADRClient) -> None:
    client.stop()
    client.start(wait=5)


def test_it_starts_again_with_what_it_knew(vtn: RawVTN, client: OpenADRClient) -> None:
    called: list[Any] = []
    client.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")
    vtn.add_event("e1")
    for _ in range(3):
        client.start(wait=5)
        assert vtn.wait(lambda: vtn.count("oadrCreatedEvent"))
        client.stop()
    assert called == ["e1"]
    assert client.registration_id == "reg-1"
    assert [
        body.count(b"registrationID>reg-1") for body in vtn.bodies("oadrCreatePartyRegistration")
    ] == [0, 1, 1]


@pytest.mark.parametrize("handler", ["on_registered", "on_event"])
def test_stop_from_inside_a_handler(handler: str, vtn: RawVTN, client: OpenADRClient) -> None:
    stopped = threading.Event()

    def stop(*_: Any) -> str:
        client.stop()
        stopped.set()
        return "optIn"

    client.add_handler(handler, stop)
    vtn.add_event("e1")
    client.start()
    assert stopped.wait(5)
    assert client.status.state == "stopped"


def test_stop_from_inside_a_report_callback_ends_run(vtn: RawVTN, client: OpenADRClient) -> None:
    client.add_report(client.stop, resource_id="d", measurement="voltage", sampling_rate=1)
    runner = threading.Thread(target=client.run)
    runner.start()
    runner.join(8)
    assert not runner.is_alive()
    assert client.status.state == "stopped"


def test_many_threads_stop_at_once_and_all_return(client: OpenADRClient) -> None:
    client.start(wait=5)
    threads = [threading.Thread(target=client.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)
    assert ours() == []


def test_stop_while_start_waits_for_a_vtn_that_is_down(vtn: RawVTN) -> None:
    client = OpenADRClient("ven1", RawVTN().reserve().url)
    failed: list[BaseException] = []

    def begin() -> None:
        try:
            client.start(wait=20)
        except BaseException as error:
            failed.append(error)

    starter = threading.Thread(target=begin)
    starter.start()
    time.sleep(0.3)
    client.stop()
    starter.join(5)
    assert not starter.is_alive()
    assert isinstance(failed[0], TransportError)


def test_stop_ends_an_exchange_that_stalls(vtn: RawVTN) -> None:
    vtn.fault("EiRegisterParty", lambda conversation, body: time.sleep(3))
    client = OpenADRClient("ven1", vtn.url, timeout=30)
    client.start()
    assert vtn.wait(lambda: vtn.seen)
    begun = time.monotonic()
    client.stop(timeout=1)
    assert time.monotonic() - begun < 2


def test_calls_that_need_a_running_client_say_so(client: OpenADRClient) -> None:
    for use in (client.register, client.cancel_registration, client.request_events):
        with pytest.raises(StateError, match="start"):
            use()


def test_with_starts_and_stops(client: OpenADRClient) -> None:
    with client as entered:
        assert entered is client
        assert ours()
    assert client.status.state == "stopped"
    assert ours() == []


@pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="counts descriptors as Linux shows them"
)
@pytest.mark.filterwarnings("ignore:The client:ResourceWarning")
def test_who_starts_anew_waits_for_the_one_that_nobody_refers_to(
    vtn: RawVTN, tmp_path: Any
) -> None:
    """A notebook cell that runs again: its variable gets another client."""
    for _ in range(3):
        client = OpenADRClient("ven1", vtn.url, store=tmp_path / "ven.db")
        gc.collect()  # where frames of a test hold the one before
        client.start(wait=5)

    assert client.status.state == "registered"
    client.stop()


def test_no_thread_socket_or_warning_is_left_by_twenty_lives(vtn: RawVTN, tmp_path: Any) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(20):
            client = OpenADRClient("ven1", vtn.url, poll_frequency=0.1, store=tmp_path / "ven.db")
            client.start(wait=5)
            client.stop()
        del client
        gc.collect()
    assert ours() == []
    assert vtn.wait(lambda: len(os.listdir("/proc/self/fd")) <= before, 2)


def test_a_client_that_is_not_started_makes_no_thread_whatever_it_is_told(
    client: OpenADRClient,
) -> None:
    client.add_report(None, resource_id="d", measurement="voltage", r_id="p", sampling_rate=1)
    client.report_value("p", 1)
    assert ours() == []


def test_what_a_handler_returns_after_it_stopped_the_client_is_remembered(
    vtn: RawVTN, tmp_path: Any
) -> None:
    def life() -> list[str]:
        called: list[str] = []
        client = OpenADRClient(
            "ven1", vtn.url, poll_frequency=0.1, allow_jitter=False, store=tmp_path / "ven.db"
        )

        def handle(event: Any) -> str:
            called.append(event.event_id)
            client.stop()
            time.sleep(0.2)
            return "optIn"

        client.add_handler("on_event", handle)
        client.start()
        vtn.wait(lambda: called or vtn.count("oadrCreatedEvent"), 5)
        client.stop()
        return called

    vtn.add_event("e1")
    assert life() == ["e1"]
    assert life() == []
    assert vtn.count("oadrCreatedEvent") == 1


def test_stop_waits_for_no_lane_that_was_at_work_while_a_poll_was_under_way() -> None:
    """An answer that overtook a slow poll leaves its lane awake: closing looks at every lane."""
    with LocalVTN(poll_frequency=1) as vtn:
        client = vtn.client(on_event=lambda event: DEFER)
        client.start(wait=10)
        vtn.wait_for("oadrRequestEvent")
        event_id = vtn.add_event(dtstart=3600)
        vtn.wait_for_polls(2)
        slow = vtn.fault("slow", seconds=0.5, service="OadrPoll", times=1)
        slow.wait_for_hits(timeout=10)
        client.opt_in(event_id)
        vtn.wait_for_opt(event_id)
        mark = vtn.mark()
        vtn.wait_for("oadrPoll", after=mark)
        threading.Event().wait(0.2)  # until that poll is over as well
        begun = time.monotonic()
        client.stop()
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize(("seconds", "is_warned"), [(4.9, True), (5, False)])
def test_h7_a_timeout_of_less_than_5_s_is_taken_with_a_warning(
    seconds: float, is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    client = OpenADRClient("v", "http://127.0.0.1:9/OpenADR2", timeout=seconds)
    client.start()
    client.stop(1)
    assert any("at least 5 s" in line for line in caplog.messages) is is_warned


def test_a_client_may_be_started_where_one_that_nobody_refers_to_ends(vtn: RawVTN) -> None:
    other = OpenADRClient("other", vtn.url, on_event="optIn")
    came: list[object] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if threading.current_thread().name == "ven_sdk stopping" and not came:
                came.append(None)
                try:
                    other.start()
                except Exception as error:
                    came.append(error)
                came.append("started")

    log, handler = logging.getLogger("ven_sdk"), Handler(logging.INFO)
    log.addHandler(handler)
    level, client = log.level, OpenADRClient("v", vtn.url, on_event="optIn")
    log.setLevel(logging.INFO)
    try:
        client.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del client
            gc.collect()
        eventually(lambda: len(came) > 1, "the other one is started")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        other.stop(2)
    assert came == [None, "started"]
