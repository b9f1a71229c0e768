"""What LocalVTN says about what arrived: waiting, assertions, violations, other pages of its
server.
"""

from __future__ import annotations

import http.client
import socket
import threading

import pytest
import requests
from lxml import etree

from tests.testing.small_ven import SmallVen
from ven_sdk.oadr20b.codec import envelope
from ven_sdk.objects import Poll, UpdateReport
from ven_sdk.testing import LocalVTN, NotSeen, Raw, Received

PATH = "/OpenADR2/Simple/2.0b/OadrPoll"


def test_messages_are_kept_with_all_that_is_known_about_them(vtn: LocalVTN, ven: SmallVen) -> None:
    ven.poll()

    registration, poll = vtn.received
    assert (registration.service, registration.record.ven_name) == ("EiRegisterParty", "small")
    assert (poll.kind, poll.ven_id, poll.status, poll.at) == (
        "oadrPoll",
        ven.ven_id,
        200,
        vtn._state.now(),
    )
    assert poll.raw == envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id)))
    assert poll.headers["content-type"] == "application/xml"
    assert poll.answer.wire_name == "oadrResponse"
    assert vtn.counts == {"oadrCreatePartyRegistration": 1, "oadrPoll": 1}


def test_a_message_that_comes_later_is_waited_for(vtn: LocalVTN, ven: SmallVen) -> None:
    thread = threading.Thread(target=ven.poll)
    with vtn.fault("slow", seconds=0.05):
        thread.start()
        record = vtn.wait_for(Poll, where=lambda poll: poll.ven_id == ven.ven_id)
        thread.join()

    assert record == Poll(ven_id=ven.ven_id)


def test_what_came_before_a_mark_does_not_count(vtn: LocalVTN, ven: SmallVen) -> None:
    ven.poll()
    mark = vtn.mark()
    with pytest.raises(NotSeen):
        vtn.wait_for("Poll", timeout=0.01, after=mark)
    ven.poll()

    assert vtn.wait_for("oadrPoll", after=mark, timeout=0.01).ven_id == ven.ven_id
    assert len(vtn.received_of(Poll, after=mark)) == 1


def test_what_does_not_come_is_an_error_that_shows_what_did(vtn: LocalVTN, ven: SmallVen) -> None:
    for _ in range(3):
        ven.poll()

    with pytest.raises(
        NotSeen,
        match=r"(?s)Expected 2 UpdateReport within 0.01 s; 0 did. What arrived:.*"
        r"oadrPoll from ven-1 -> oadrResponse 200 \(3 in a row\)",
    ):
        vtn.wait_for(UpdateReport, 2, 0.01)
    with pytest.raises(AssertionError, match="Nothing arrived"):
        vtn.wait_for(Poll, timeout=0.01, after=vtn.mark())


def test_assertions_show_what_did_not_hold(vtn: LocalVTN, ven: SmallVen) -> None:
    assert vtn.assert_registered("small").ven_id == ven.ven_id
    assert vtn.assert_received("CreatePartyRegistration")[0].status == 200
    vtn.assert_not_received(Poll)
    ven.poll()
    with pytest.raises(NotSeen, match="Expected no Poll, but 1 came"):
        vtn.assert_not_received(Poll)
    with pytest.raises(
        NotSeen, match=r"VEN 'other' to be registered within 0.01 s; registered are 'small'"
    ):
        vtn.assert_registered("other", timeout=0.01)
    with pytest.raises(NotSeen, match=r"optIn for event 'e' within 0.01 s; answered was nothing"):
        vtn.assert_opted("e", "optIn", timeout=0.01)
    with pytest.raises(NotSeen, match=r"1 values of 'a' within 0.01 s; 0 arrived, of 0 in all"):
        vtn.assert_delivered("a", [1], timeout=0.01)


@pytest.mark.parametrize(
    "change, what",
    [
        (lambda body: body.replace(b' ei:schemaVersion="2.0b"', b""), "schemaVersion is missing"),
        (
            lambda body: body.replace(b"</ei:venID>", b"</ei:venID><ei:venID>b</ei:venID>"),
            "stands there twice",
        ),
        (
            lambda body: body.replace(
                b"</oadr:oadrPoll>", b"<ei:eventID>x</ei:eventID></oadr:oadrPoll>"
            ),
            "not known here",
        ),
        (lambda body: b"rubbish", "not well-formed"),
    ],
)
def test_what_the_schema_does_not_allow_is_a_violation(
    xsd: etree.XMLSchema, change: object, what: str
) -> None:
    with LocalVTN() as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        ven.raw(change(envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id)))), "OadrPoll")  # type: ignore[operator]
        with pytest.raises(NotSeen, match=f"(?s)Expected no violations, but there are 1.*{what}"):
            vtn.assert_valid()


@pytest.mark.parametrize(
    "headers, what",
    [
        ({"Content-Type": "text/plain"}, "Content-Type is 'text/plain'"),
        ({"Content-Type": "application/xml", "Expect": "100-continue"}, "Expect"),
    ],
)
def test_what_the_rules_of_http_do_not_allow_is_a_violation(
    xsd: etree.XMLSchema, headers: object, what: str
) -> None:
    with LocalVTN() as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        answer = ven.raw(
            envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id))), "OadrPoll", headers
        )

    assert answer.status_code == 200
    assert what in vtn.violations[0].what


def test_a_chunked_request_is_understood_and_noted(xsd: etree.XMLSchema) -> None:
    with LocalVTN() as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        body = envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id)))
        answer = ven.session.post(
            f"{vtn.url}/OadrPoll",
            iter([body[:100], body[100:]]),
            headers={"Content-Type": "application/xml"},
        )

    assert ven.read(answer.content).response.response_code == "200"
    assert "no Content-Length" in vtn.violations[0].what


def test_a_strict_vtn_fails_the_test_at_its_end(xsd: etree.XMLSchema) -> None:
    with pytest.raises(NotSeen, match="violations"):
        with LocalVTN(strict=True) as vtn, SmallVen(vtn, xsd) as ven:
            assert ven.raw(b"rubbish", "OadrPoll").status_code == 400


def test_a_strict_vtn_does_not_hide_the_tests_own_failure(xsd: etree.XMLSchema) -> None:
    with pytest.raises(ZeroDivisionError):
        with LocalVTN(strict=True) as vtn, SmallVen(vtn, xsd) as ven:
            ven.raw(b"rubbish", "OadrPoll")
            raise ZeroDivisionError


def test_checks_can_be_left_out(xsd: etree.XMLSchema) -> None:
    with LocalVTN(check=False) as vtn, SmallVen(vtn, xsd) as ven:
        ven.register()
        ven.raw(
            envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id))),
            "OadrPoll",
            {"Content-Type": "a/b"},
        )

    assert vtn.violations == []


def test_only_posts_to_services_are_answered(vtn: LocalVTN) -> None:
    assert requests.get(f"{vtn.url}/OadrPoll", timeout=5).status_code == 405
    assert requests.post(f"{vtn.url}/Nothing", b"x", timeout=5).status_code == 404


def test_the_server_shows_other_pages_where_it_was_given_some(vtn: LocalVTN) -> None:
    vtn.routes["/"] = lambda request: Raw(
        request.path.encode(), headers={"Content-Type": "text/html"}
    )

    answer = requests.get(f"http://127.0.0.1:{vtn.port}/?a=1", timeout=5)

    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (
        200,
        "/?a=1",
        "text/html",
    )


def test_listeners_hear_of_each_message_and_their_failure_is_theirs_alone(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    heard: list[Received] = []
    vtn.listeners += [lambda received: 1 / 0, heard.append]

    ven.poll()

    assert [(received.kind, received.status) for received in heard] == [("oadrPoll", 200)]


@pytest.mark.parametrize(
    "sent, status",
    [
        (b"POST\r\n\r\n", 400),
        (b"POST %s HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST %s HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST %s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST %s HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_no_http_is_refused(vtn: LocalVTN, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", vtn.port), timeout=5) as sock:
        sock.sendall(sent.replace(b"%s", PATH.encode()))
        assert sock.recv(65536).split()[1] == str(status).encode()


def test_a_connection_is_kept_for_many_messages_and_closed_when_asked(
    vtn: LocalVTN, ven: SmallVen
) -> None:
    body = envelope.to_bytes(envelope.wrap(Poll(ven_id=ven.ven_id)))
    before = vtn.connections
    connection = http.client.HTTPConnection("127.0.0.1", vtn.port, timeout=5)
    for last in (False, False, True):
        connection.request(
            "POST",
            PATH,
            body,
            {"Content-Type": "application/xml", **({"Connection": "close"} if last else {})},
        )
        assert connection.getresponse().read()
    connection.close()

    assert vtn.connections == before + 1


def test_many_vens_at_a_time_lose_nothing(xsd: etree.XMLSchema) -> None:
    with LocalVTN(keep=50) as vtn:

        def live(number: int) -> None:
            with SmallVen(vtn, xsd, ven_name=f"ven {number}") as ven:
                for _ in range(20):
                    ven.register() if not ven.ven_id else ven.send(Poll(ven_id=ven.ven_id))

        threads = [threading.Thread(target=live, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert vtn.counts == {"oadrCreatePartyRegistration": 8, "oadrPoll": 8 * 19}
        assert sorted(ven.polls for ven in vtn.vens.values()) == [19] * 8
        assert len(vtn.received) == 50
        assert [each.order for each in vtn.received] == list(range(111, 161))
