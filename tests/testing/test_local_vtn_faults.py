"""What LocalVTN does wrong on demand."""

from __future__ import annotations

import http.client
import itertools
import socket
import struct
import threading
import time
from typing import Any

import pytest
import requests
from lxml import etree

from tests.testing.small_ven import SmallVen
from ven_sdk.errors import ConfigurationError
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.objects import Poll
from ven_sdk.testing import BadXml, Down, InTurn, LocalVTN, Raw, Refuse, Reset, Slow, Stalled

BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


def poll_of(ven: SmallVen) -> Any:
    return ven.send(Poll(ven_id=ven.ven_id))


def test_a_vtn_that_is_down_refuses_connections_and_comes_back_on_its_port(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    port = vtn.port
    with vtn.fault("down"):
        with pytest.raises(requests.ConnectionError):
            poll_of(ven)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)

    assert ven.poll().response.response_code == "200"
    assert vtn.port == port


def test_a_vtn_comes_back_by_itself(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.fault(Down(until=0.05))
    with pytest.raises(requests.ConnectionError):
        poll_of(ven)

    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            assert ven.poll().response.response_code == "200"
            return
        except requests.ConnectionError:
            threading.Event().wait(0.01)
    pytest.fail("the VTN did not come back")


def test_a_vtn_that_was_down_when_it_was_closed_stays_closed() -> None:
    with LocalVTN() as vtn:
        vtn.fault(Down(until=60))

    assert not [
        thread.name for thread in threading.enumerate() if thread.name.startswith("ven_sdk-vtn")
    ]


@pytest.mark.parametrize("memory, code", [(True, "200"), (False, "463")])
def test_a_restart_keeps_its_memory_or_loses_it(
    vtn: LocalVTN, ven: SmallVen, memory: bool, code: str
) -> None:
    vtn.restart(memory=memory)

    ven.session.close()
    assert ven.poll().response.response_code == code


def test_a_killed_vtn_resets_the_connections_that_stand(vtn: LocalVTN) -> None:
    with socket.create_connection(("127.0.0.1", vtn.port), timeout=5) as sock:
        sock.sendall(b"POST /half")
        vtn.kill()
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    vtn.restart()


def test_a_slow_vtn_answers_late(vtn: LocalVTN, ven: SmallVen) -> None:
    with vtn.fault("slow", seconds=0.15):
        before = time.monotonic()
        ven.poll()

    assert time.monotonic() - before >= 0.15


@pytest.mark.parametrize("at", ["connection", "request", "reply", "body"])
def test_a_stalled_vtn_answers_never(vtn: LocalVTN, ven: SmallVen, at: str) -> None:
    ven.timeout = 0.15
    ven.session.close()
    handled = vtn.counts.get("oadrPoll", 0)
    with vtn.fault(Stalled(at)), pytest.raises((requests.Timeout, *BROKEN)):
        poll_of(ven)

    ven.session.close()
    assert ven.poll().response.response_code == "200"
    assert vtn.ven().polls == {"connection": 1, "request": 1}.get(at, 2)
    assert vtn.counts["oadrPoll"] - handled == (1 if at == "connection" else 2)


def test_a_dripping_reply_comes_byte_by_byte_and_whole(vtn: LocalVTN, ven: SmallVen) -> None:
    before = time.monotonic()
    with vtn.fault("drip", seconds=0.005, size=100):
        answer = ven.poll()

    assert answer.wire_name == "oadrResponse"
    assert time.monotonic() - before >= 0.03


@pytest.mark.parametrize(
    "name, complete",
    [("reset before body", False), ("reset in body", False), ("reset after body", True)],
)
def test_a_connection_is_reset_around_the_reply(
    vtn: LocalVTN, ven: SmallVen, name: str, complete: bool
) -> None:
    with vtn.fault(name, times=1):
        if complete:
            assert poll_of(ven).status_code == 200
        else:
            with pytest.raises(BROKEN):
                poll_of(ven)

    assert vtn.ven().polls == 1
    ven.session.close()
    assert ven.poll().wire_name == "oadrResponse"


def test_a_reset_can_come_before_the_message_is_handled(vtn: LocalVTN, ven: SmallVen) -> None:
    with vtn.fault(Reset("before", handled=False)), pytest.raises(BROKEN):
        poll_of(ven)

    assert vtn.ven().polls == 0


def test_http_statuses_come_with_their_headers(vtn: LocalVTN, ven: SmallVen) -> None:
    with vtn.fault("503 with Retry-After", retry_after=7):
        busy = poll_of(ven)
    with vtn.fault("500", body=b"<html>sorry</html>"):
        broken = poll_of(ven)
    with vtn.fault("redirect"):
        moved = ven.session.post(
            f"{vtn.url}/OadrPoll",
            b"x",
            allow_redirects=False,
            headers={"Content-Type": "application/xml"},
        )
    vtn._violations.clear()

    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "7")
    assert (broken.status_code, broken.content) == (500, b"<html>sorry</html>")
    assert (moved.status_code, "Location" in moved.headers) == (302, True)


def test_codes_refuse_in_the_answer_that_belongs_to_the_message(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    with vtn.fault("463"):
        names = [answer.wire_name for answer in (ven.poll(), ven.request_events(), ven.offer("a"))]
        codes = {ven.poll().response.response_code, ven.offer("a").response.response_code}
    with vtn.fault(Refuse("452", bare=True)):
        bare = ven.offer("a")

    assert names == ["oadrResponse", "oadrDistributeEvent", "oadrRegisteredReport"]
    assert codes == {"463"}
    assert (bare.wire_name, bare.response.response_code) == ("oadrResponse", "452")


@pytest.mark.parametrize(
    "fault, body",
    [
        ("html", b"<!doctype html><html><body>Welcome</body></html>"),
        ("empty", b""),
        (BadXml(b"<a/>"), b"<a/>"),
        (BadXml(lambda body: body[:5]), b"<?xml"),
    ],
)
def test_a_body_is_spoilt(vtn: LocalVTN, ven: SmallVen, fault: Any, body: bytes) -> None:
    with vtn.fault(fault):
        assert poll_of(ven).content == body


def test_half_of_an_answer_is_no_xml(vtn: LocalVTN, ven: SmallVen) -> None:
    with vtn.fault("bad xml"):
        answer = poll_of(ven)

    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)


def test_the_last_message_is_replayed_byte_for_byte(vtn: LocalVTN, ven: SmallVen) -> None:
    assert poll_of(ven).content
    vtn.add_event()
    first = poll_of(ven).content
    with vtn.fault("replay"):
        again = poll_of(ven).content

    assert first == again
    assert ven.poll().wire_name == "oadrResponse"


def test_faults_strike_what_they_are_limited_to(vtn: LocalVTN, ven: SmallVen) -> None:
    with vtn.faults(
        Refuse("451", service="OadrPoll", times=1, skip=1),
        Refuse("454", message="RequestEvent", ven_id="nobody"),
    ):
        codes = [ven.poll().response.response_code for _ in range(3)]
        events = ven.request_events().response.response_code

    assert (codes, events) == (["200", "451", "200"], "200")


def test_faults_end_when_they_are_told_to(vtn: LocalVTN, ven: SmallVen) -> None:
    mended = threading.Event()
    fault = vtn.fault("463", until=mended)
    also = vtn.fault("463", until=lambda: ven.vtn.counts.get("oadrPoll", 0) >= 2)
    first = ven.poll().response.response_code
    mended.set()
    second, third = ven.poll().response.response_code, ven.poll().response.response_code

    assert (first, second, third) == ("463", "463", "200")
    assert (fault.over, also.over, fault.hits) == (True, True, 1)
    vtn.fault("463", until=0.0)
    assert ven.poll().response.response_code == "200"


def test_faults_add_up(vtn: LocalVTN, ven: SmallVen) -> None:
    before = time.monotonic()
    with vtn.faults(Slow(0.1), "463"):
        code = ven.poll().response.response_code

    assert (code, time.monotonic() - before >= 0.1) == ("463", True)


def test_a_script_gives_each_request_its_turn(vtn: LocalVTN, ven: SmallVen) -> None:
    script = vtn.fault(InTurn("500", None, Refuse("463"), Raw(b"x"), service="OadrPoll"))

    seen = [poll_of(ven) for _ in range(5)]

    assert [answer.status_code for answer in seen] == [500, 200, 200, 200, 200]
    assert ven.read(seen[2].content).response.response_code == "463"
    assert (seen[3].content, script.over, script.hits) == (b"x", True, 4)
    script.wait_for_hits(4)


def test_any_reply_can_be_given_once(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.reply_once(
        Raw(b"not XML", status=202, headers={"Content-Type": "text/plain", "X-Much": "x" * 50_000})
    )
    odd, usual = poll_of(ven), poll_of(ven)

    assert (odd.status_code, odd.content, len(odd.headers["X-Much"])) == (202, b"not XML", 50_000)
    assert (odd.headers["Content-Type"], usual.status_code) == ("text/plain", 200)


def test_a_body_may_have_no_end(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.reply_once(Raw(itertools.repeat(b" " * 65536)))
    connection = http.client.HTTPConnection("127.0.0.1", vtn.port, timeout=5)
    connection.request(
        "POST",
        "/OpenADR2/Simple/2.0b/OadrPoll",
        envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id))),
        {"Content-Type": "application/xml"},
    )

    assert len(connection.getresponse().read(1 << 20)) == 1 << 20
    connection.close()


def test_a_reply_may_be_no_http_at_all(vtn: LocalVTN, ven: SmallVen) -> None:
    vtn.reply_once(Raw(verbatim=b"SSH-2.0-OpenSSH_9.0\r\n\r\n", ending="close"))

    with pytest.raises(requests.ConnectionError, match="SSH"):
        poll_of(ven)


def test_what_a_fault_swallowed_is_lost_until_the_ven_asks(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event()
    with vtn.fault("reset in body"), pytest.raises(BROKEN):
        poll_of(ven)
    ven.session.close()
    assert ven.poll().wire_name == "oadrResponse"
    assert [event.event_id for event in ven.request_events().events] == [event_id]


def test_what_the_network_lost_is_given_again(vtn: LocalVTN, ven: SmallVen) -> None:
    event_id = vtn.add_event()
    body = envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id)))
    with (
        vtn.fault("slow", seconds=0.1),
        socket.create_connection(("127.0.0.1", vtn.port), timeout=5) as sock,
    ):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.sendall(
            b"POST /OpenADR2/Simple/2.0b/OadrPoll HTTP/1.1\r\nHost: x\r\nContent-Type: "
            b"application/xml\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        vtn.wait_for(Poll)
    vtn.wait_until(lambda: vtn.ven().news, 5, "the list of events to be owed again")

    assert [event.event_id for event in ven.poll().events] == [event_id]


@pytest.mark.parametrize("name", ["gone", "99", "4630"])
def test_an_unknown_fault_is_an_error_that_lists_the_known_ones(vtn: LocalVTN, name: str) -> None:
    with pytest.raises(ConfigurationError, match="There are down, slow"):
        vtn.fault(name)


def test_a_fault_of_the_tests_own_that_fails_is_told_at_the_end(xsd: etree.XMLSchema) -> None:
    def spoil(body: bytes) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with LocalVTN() as vtn, SmallVen(vtn, xsd) as ven:
            ven.register()
            with vtn.fault(BadXml(spoil)):
                assert poll_of(ven).status_code == 500


def test_faults_with_wrong_limits_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no service 'EiPoll'"):
        Slow(service="EiPoll")
    with pytest.raises(ConfigurationError, match="no payload"):
        Slow(message="Polls")
    with pytest.raises(ConfigurationError, match="at is 'never'"):
        Reset("never")
    with pytest.raises(ConfigurationError, match="gets no request to strike"):
        InTurn(Down())
    with pytest.raises(ConfigurationError, match="has no fault to strike with"):
        InTurn()
    with pytest.raises(ConfigurationError, match="belong into its own call"):
        LocalVTN().fault(Slow(), times=2)
    with pytest.raises(ConfigurationError, match="not switched on"):
        Slow().wait_for_hits()
