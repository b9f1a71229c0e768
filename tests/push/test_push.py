"""A VEN that is called: registration, events, reports and the end of both, against a VTN of plain
sockets that pushes.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from tests.models.texts import VTNEvent, ei_response, first, payload
from tests.push.pusher import PushingVTN, soon
from tests.push.trust import Trust
from ven_sdk import ConfigurationError, OpenADRClient
from ven_sdk.push import Peer, wsgi

Make = Callable[..., OpenADRClient]


@pytest.fixture
def vtn() -> Iterator[PushingVTN]:
    with PushingVTN() as pushing:
        yield pushing


@pytest.fixture
def client(vtn: PushingVTN) -> Iterator[Make]:
    """Makes and starts clients that listen on a free port of loopback."""
    clients: list[OpenADRClient] = []

    def make(prefix: str = "/site7", **arguments: Any) -> OpenADRClient:
        port = free_port()
        made = OpenADRClient(
            "ven",
            vtn.url,
            push=f"http://localhost:{port}{prefix}",
            listen=f"127.0.0.1:{port}",
            **arguments,
        )
        made.add_handler("on_event", lambda event: "optIn")
        clients.append(made)
        made.start(wait=10)
        return made

    yield make
    for each in clients:
        each.stop(2)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def event(name: str = "e1") -> dict[str, VTNEvent]:
    return {name: VTNEvent(name, soon(), 600)}


# --- registration ---------------------------------------------------------------------------------


def test_the_vtn_is_told_the_address_and_no_poll_is_sent(vtn: PushingVTN, client: Make) -> None:
    made = client()

    assert vtn.address == made.settings.push.address  # type: ignore[union-attr]
    assert vtn.address.endswith("/site7")
    assert vtn.pull_model == "false"
    vtn.events = event()
    vtn.push_list()
    assert vtn.wait_for(lambda: vtn.answered("e1"))
    names = [name for name, _ in vtn.got]
    assert names[:4] == [
        "oadrQueryRegistration",
        "oadrCreatePartyRegistration",
        "oadrRegisterReport",
        "oadrRequestEvent",
    ]
    assert "oadrPoll" not in names
    assert made.health().ok or "poll" not in " ".join(made.health().problems)


def test_the_standards_path_at_the_end_of_the_address_is_cut_off() -> None:
    for given in (
        "https://ven:1/a/OpenADR2/Simple/2.0b",
        "https://ven:1/a/OpenADR2/Simple/2.0b/",
        "https://ven:1//a//OpenADR2/Simple/2.0b/EiEvent",
        "https://ven:1/a/",
    ):
        made = OpenADRClient("ven", "http://localhost:9", push=given)
        assert made.settings.push is not None
        assert made.settings.push.address == "https://ven:1/a"


WRONG = {
    "no address": {"push": "ven.example.com:8443"},
    "a name and a password": {"push": "https://joe:secret@ven:1"},
    "a query": {"push": "https://ven:1/?a=1"},
    "an unknown acknowledgement": {"push": "https://ven:1", "push_ack": "none"},
    "listening without an address": {"listen": "0.0.0.0:8443"},
    "no port to listen on": {"push": "http://ven:1", "listen": "0.0.0.0"},
    "an impossible port": {"push": "http://ven:1", "listen": "0.0.0.0:99999"},
    "https without a certificate": {"push": "https://ven:1", "listen": "127.0.0.1:0"},
    "a fallback without push": {"poll_fallback": 60},
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_work_is_an_error_in_the_constructor(what: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenADRClient("ven", "http://localhost:9", **WRONG[what])  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_polls_come_back_when_nothing_was_pushed_for_so_long(vtn: PushingVTN, client: Make) -> None:
    client(poll_fallback=1.0, poll_frequency=1.0, allow_jitter=False)

    assert not vtn.sent("oadrPoll")
    assert vtn.wait_for(lambda: vtn.sent("oadrPoll"), 6)


# --- events ---------------------------------------------------------------------------------------


def test_a_pushed_event_is_acknowledged_and_answered_by_an_exchange_of_its_own(
    vtn: PushingVTN, client: Make
) -> None:
    client()
    vtn.events = event()

    status, body = vtn.push_list()

    assert status == 200
    assert first("responseCode", body.decode()) == "200"
    assert first("requestID", body.decode()) == f"list-{vtn._serial}"
    assert vtn.wait_for(lambda: vtn.answered("e1")) == ["optIn"]


def test_the_acknowledgement_may_be_empty(vtn: PushingVTN, client: Make) -> None:
    client(push_ack="empty")
    vtn.events = event()

    assert vtn.push_list() == (200, b"")
    assert vtn.wait_for(lambda: vtn.answered("e1"))


@pytest.mark.parametrize("wants_body", [True, False])
def test_a_vtn_that_pushes_its_list_again_and_again_comes_to_rest(
    wants_body: bool, vtn: PushingVTN, client: Make
) -> None:
    called: list[str] = []
    made = client()
    made.add_handler("on_event", lambda event: called.append(event.event_id) or "optIn")
    vtn.events = {**event("e1"), **event("e2")}

    assert vtn.push_until_answered("e1", wants_body=wants_body) <= 6
    assert sorted(called) == ["e1", "e2"]


@pytest.mark.parametrize(
    "path",
    [
        "/site7/OpenADR2/Simple/2.0b/EiEvent",
        "//site7//OpenADR2//Simple/2.0b//EiEvent",
        "/site7/OpenADR2/Simple/2.0b/OpenADR2/Simple/2.0b/EiEvent",
        "/site7/OpenADR2/Simple/2.0b/EiEvent/",
    ],
)
def test_what_vtns_make_of_the_address_is_understood(
    path: str, vtn: PushingVTN, client: Make
) -> None:
    client()

    assert vtn.post(vtn.listed(), path=path)[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/OpenADR2/Simple/2.0b/EiEvent", "/site8/OpenADR2/Simple/2.0b/EiEvent", "/site7/EiEvent"],
)
def test_another_path_is_404(path: str, vtn: PushingVTN, client: Make) -> None:
    client()

    assert vtn.post(vtn.listed(), path=path)[0] == 404


# --- other messages -------------------------------------------------------------------------------


def request(inside: str = "") -> str:
    return f"<pyld:requestID>q-1</pyld:requestID>{inside}<ei:venID>ven-1</ei:venID>"


ASKED = {
    "oadrRegisterReport": ("EiReport", request(), "oadrRegisteredReport", "200"),
    "oadrCancelReport": (
        "EiReport",
        "<pyld:requestID>q-1</pyld:requestID><ei:reportRequestID>nobody</ei:reportRequestID>"
        "<pyld:reportToFollow>false</pyld:reportToFollow><ei:venID>ven-1</ei:venID>",
        "oadrCanceledReport",
        None,
    ),
    "oadrRequestReregistration": (
        "EiRegisterParty",
        "<ei:venID>ven-1</ei:venID>",
        "oadrResponse",
        "200",
    ),
    "oadrCancelPartyRegistration": (
        "EiRegisterParty",
        "<pyld:requestID>q-1</pyld:requestID><ei:registrationID>reg-1</ei:registrationID>"
        "<ei:venID>ven-1</ei:venID>",
        "oadrCanceledPartyRegistration",
        "200",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_the_vtn_asks_is_answered_in_the_response(
    name: str, vtn: PushingVTN, client: Make
) -> None:
    service, inside, answer, code = ASKED[name]
    client()
    mark = len(vtn.got)

    status, body = vtn.post(payload(name, inside), service)

    assert status == 200
    assert f"{answer} " in body.decode().replace(":", " ").replace(">", " ")
    if code is not None:
        assert first("responseCode", body.decode()) == code
    assert not [kind for kind, _ in vtn.got[mark:] if kind == answer], "answered twice"


def test_a_poll_is_never_obeyed(vtn: PushingVTN, client: Make) -> None:
    client()

    status, body = vtn.post(payload("oadrPoll", "<ei:venID>ven-1</ei:venID>"))

    assert (status, first("responseCode", body.decode())) == (200, "459")


def test_what_is_no_message_is_406(vtn: PushingVTN, client: Make) -> None:
    client()

    for body in (b"<html/>", b"not XML", payload("oadrNothing", "")):
        assert vtn.post(body)[0] == 406


def test_after_a_cancellation_only_registration_is_obeyed(vtn: PushingVTN, client: Make) -> None:
    made = client()
    made.cancel_registration()
    vtn.events = event()

    status, body = vtn.push_list()

    assert (status, first("responseCode", body.decode())) == (200, "463")
    assert made.events == ()
    status, body = vtn.post(payload("oadrRegisterReport", request()), "EiReport")
    assert first("responseCode", body.decode()) == "463"


def test_a_stopped_client_asks_to_push_again_later(vtn: PushingVTN, client: Make) -> None:
    made = client()
    made.stop(2)

    answer = made.receive("/site7/OpenADR2/Simple/2.0b/EiEvent", vtn.listed(), Peer("127.0.0.1"))

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_a_restarted_client_listens_again(vtn: PushingVTN, client: Make) -> None:
    made = client()
    made.stop(2)
    made.start(wait=10)
    vtn.events = event()

    assert vtn.push_list()[0] == 200
    assert vtn.wait_for(lambda: vtn.answered("e1"))


# --- mutual TLS -----------------------------------------------------------------------------------


def test_events_arrive_over_mutual_tls(trust: Trust) -> None:
    import ssl

    as_client = ssl.create_default_context(cafile=trust.ca_file)
    as_client.load_cert_chain(*trust.vtn)
    as_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.ca.issue_cert("localhost").configure_cert(as_server)
    own = trust.files("ven", trust.ca.issue_cert("localhost"))
    port = free_port()
    with PushingVTN(context=as_client, server_context=as_server) as vtn:
        made = OpenADRClient(
            "ven",
            vtn.url,
            cert=own[0],
            key=own[1],
            ca_file=trust.ca_file,
            disable_signature=True,
            push=f"https://localhost:{port}",
            listen=f"127.0.0.1:{port}",
        )
        made.add_handler("on_event", lambda event: "optIn")
        with made:
            vtn.wait_for(lambda: vtn.sent("oadrRequestEvent"))
            vtn.events = event()
            assert vtn.push_until_answered("e1") >= 1


# --- a web server of the user's own ---------------------------------------------------------------


def call(application: Any, path: str, body: bytes, **more: str) -> tuple[str, bytes]:
    """One request to a WSGI application."""
    seen: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/xml",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "REMOTE_ADDR": "127.0.0.1",
        **more,
    }
    out = b"".join(application(environ, lambda status, headers: seen.append(status)))
    return seen[0], out


def test_a_wsgi_application_takes_pushed_messages(vtn: PushingVTN, client: Make) -> None:
    made = client()
    vtn.events = event()
    application = wsgi(made)

    status, body = call(application, "/site7/OpenADR2/Simple/2.0b/EiEvent", vtn.listed())

    assert status.startswith("200")
    assert first("responseCode", body.decode()) == "200"
    assert vtn.wait_for(lambda: vtn.answered("e1"))
    assert call(application, "/elsewhere", b"")[0].startswith("404")
    assert call(application, "/", b"", REQUEST_METHOD="GET")[0].startswith("501")
    assert call(application, "/", b"", CONTENT_TYPE="text/plain")[0].startswith("406")


class Recorder:
    """Who called."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    def receive(self, path: str, body: bytes, peer: Peer) -> Any:
        from ven_sdk.push import Response

        self.peers.append(peer)
        return Response(200, {}, b"")


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("header", ["HTTP_CLIENT_CERT", "HTTP_X_SSL_CLIENT_CERT"])
def test_the_certificate_of_the_peer_is_believed_from_trusted_proxies_only(
    trusted: bool, header: str, trust: Trust
) -> None:
    import base64
    import ssl
    import urllib.parse

    der = trust.vtn_der
    pem = ssl.DER_cert_to_PEM_cert(der)
    value = (
        f":{base64.b64encode(der).decode()}:"
        if header == "HTTP_CLIENT_CERT"
        else urllib.parse.quote(pem)
    )
    recorder = Recorder()
    application = wsgi(recorder, trusted_proxies=["127.0.0.0/8" if trusted else "10.0.0.0/8"])

    call(application, "/x", b"", **{header: value})

    assert recorder.peers == [Peer("127.0.0.1", der if trusted else None)]


def test_a_malformed_certificate_header_is_refused_and_a_wrong_proxy_is_an_error() -> None:
    recorder = Recorder()
    application = wsgi(recorder, trusted_proxies="127.0.0.1")

    assert call(application, "/x", b"", HTTP_CLIENT_CERT="nonsense")[0].startswith("400")
    assert recorder.peers == []
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        wsgi(recorder, trusted_proxies=["proxy.example.com"])


# --- troubles -------------------------------------------------------------------------------------


def test_warnings_of_refused_pushes_are_logged_once(
    vtn: PushingVTN, client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    client()
    with caplog.at_level(logging.WARNING, logger="ven_sdk"):
        for _ in range(5):
            vtn.post(b"<html/>")

    assert sum("A pushed message was refused" in each for each in caplog.messages) == 1


def test_an_unknown_request_id_is_echoed(vtn: PushingVTN, client: Make) -> None:
    client()
    message = payload("oadrDistributeEvent", ei_response() + "<pyld:requestID>abc</pyld:requestID>")

    assert first("requestID", vtn.post(message)[1].decode()) in ("abc", "")
