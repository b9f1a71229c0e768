"""What a POST looks like on the wire, what comes back, and who may use which connection."""

from __future__ import annotations

import gc
import threading
from datetime import datetime, timezone
from typing import Any, Callable

import pytest

from tests.transport.raw_server import OK, Peer, RawServer, answers, reply
from ven_sdk._version import __version__
from ven_sdk.errors import ConfigurationError, StateError, TransportError

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]


class Recorder:
    """A script that keeps what was asked, and answers with 200."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def __call__(self, peer: Peer) -> None:
        while True:
            self.requests.append(peer.request())
            peer.send(OK)


def test_the_headers_are_those_of_rules_h(serve: Serve, connect: Connect) -> None:
    script = Recorder()
    server = serve(script)

    connect().post(server.url(path="/OpenADR2/Simple/2.0b/OadrPoll?x=%20y"), b"<oadrPoll/>")

    line, headers, body = script.requests[0]
    assert line == b"POST /OpenADR2/Simple/2.0b/OadrPoll?x=%20y HTTP/1.1"
    assert body == b"<oadrPoll/>"
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": f"ven_sdk/{__version__}",
        "accept-encoding": "identity",
        "connection": "keep-alive",
        "content-type": "application/xml",
        "content-length": "11",
    }


def test_a_reply_has_body_date_and_elapsed_seconds(serve: Serve, connect: Connect) -> None:
    server = serve(answers(reply(b"<a/>", b"date: Sun, 06 Nov 1994 08:49:37 GMT")))

    answer = connect().post(server.url(), b"x")

    assert (answer.status, answer.body) == (200, b"<a/>")
    assert answer.date == datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)
    assert 0 < answer.elapsed < 0.3


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"ok"),
        reply(b"ok", b"Date: whenever"),
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        b"chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    ],
    ids=[
        "length",
        "rubbish date",
        "until closed",
        "HTTP/1.0",
        "no reason",
        "bare LF",
        "chunked",
        "identity",
        "interim",
    ],
)
def test_every_legal_framing_is_read(serve: Serve, connect: Connect, answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)

    received = connect().post(serve(script).url(), b"x")

    assert (received.body, received.date) == (b"ok", None)


def test_an_empty_body_is_an_answer(serve: Serve, connect: Connect) -> None:
    assert connect().post(serve(answers(reply(b""))).url(), b"").body == b""


def test_a_megabyte_goes_both_ways(serve: Serve, connect: Connect) -> None:
    script = Recorder()
    big = bytes(range(256)) * 4096

    connections = connect(timeout=5)
    connections.post(serve(script).url(), big)
    answer = connections.post(serve(answers(reply(big))).url(), b"x")

    assert script.requests[0][2] == big
    assert answer.body == big


def test_a_connection_is_kept_alive_and_serves_all_services(serve: Serve, connect: Connect) -> None:
    server, connections = serve(answers(OK)), connect()

    for path in ("/OadrPoll", "/EiEvent", "/OadrPoll"):
        connections.post(server.url(path=path), b"x")

    assert server.connections == 1


def test_threads_never_share_a_connection_and_a_bounded_number_stays(
    serve: Serve, connect: Connect
) -> None:
    barrier = threading.Barrier(4)

    def script(peer: Peer) -> None:
        while True:
            body = peer.request()[2]
            barrier.wait(5)
            peer.send(reply(body))

    server, connections = serve(script), connect(timeout=5, max_idle=2)
    got: dict[int, bytes] = {}

    def post(number: int) -> None:
        got[number] = connections.post(server.url(), b"%d" % number).body

    def all_at_once() -> None:
        threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)

    all_at_once()
    all_at_once()

    assert got == {number: b"%d" % number for number in range(4)}
    assert server.connections == 4 + 2


def test_environment_variables_and_netrc_have_no_effect(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    script = Recorder()

    connect().post(serve(script).url(), b"x")

    assert "authorization" not in script.requests[0][1]


def test_credentials_in_the_url_are_sent_and_never_shown(serve: Serve, connect: Connect) -> None:
    script = Recorder()
    server = serve(script)
    url = server.url().replace("http://", "http://user:secret@")
    connections = connect()

    connections.post(url, b"x")
    server.close()
    with pytest.raises(TransportError) as caught:
        connections.post(url, b"x")

    assert script.requests[0][1]["authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "vtn.example.com/x", "ftp://vtn/x", "http://", "http://[::1/x", "http://a:99999/x"]
)
def test_an_address_that_is_none_is_a_configuration_error(connect: Connect, url: str) -> None:
    with pytest.raises(ConfigurationError, match="no URL to post to"):
        connect().post(url, b"x")


def test_https_without_a_context_is_a_configuration_error(serve: Serve, connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="SSLContext"):
        connect().post(serve(answers(OK)).url().replace("http:", "https:"), b"x")


def test_an_idle_connection_that_the_vtn_closed_is_replaced_unseen(
    serve: Serve, connect: Connect
) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.sock.close()
        closed.set()

    server, connections = serve(script), connect()
    for _ in range(3):
        closed.clear()
        assert connections.post(server.url(), b"x").body == b"ok"
        assert closed.wait(5)

    assert server.connections == 3


def test_an_idle_connection_on_which_something_came_unasked_is_not_used_again(
    serve: Serve, connect: Connect
) -> None:
    said = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.send(reply(b"forged"))
        said.set()
        peer.stall()

    server, connections = serve(script), connect()
    connections.post(server.url(), b"x")
    assert said.wait(5)

    assert connections.post(server.url(), b"x").body == b"ok"
    assert server.connections == 2


def test_an_idle_connection_is_dropped_when_its_time_is_over(
    serve: Serve, connect: Connect
) -> None:
    first, second = serve(answers(OK)), serve(answers(OK))
    connections = connect(max_idle=5, max_idle_seconds=0.0)

    connections.post(first.url(), b"x")
    connections.post(first.url(), b"x")
    connections.post(second.url(), b"x")

    assert first.connections == 2


def test_close_leaves_nothing_and_refuses_until_reopened(serve: Serve, connect: Connect) -> None:
    ended = threading.Event()

    def script(peer: Peer) -> None:
        try:
            answers(OK)(peer)
        except EOFError:
            ended.set()

    server, connections = serve(script), connect()
    connections.post(server.url(), b"x")

    connections.close()
    connections.close()
    gc.collect()  # an unclosed socket would warn, and a warning is an error

    assert ended.wait(5)
    with pytest.raises(StateError, match="stopped"):
        connections.post(server.url(), b"x")
    connections.reopen()
    assert connections.post(server.url(), b"x").body == b"ok"


def test_close_ends_an_exchange_that_another_thread_waits_for(
    serve: Serve, connect: Connect
) -> None:
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        asked.set()
        peer.stall()

    server, connections = serve(script), connect(timeout=30)
    errors: list[TransportError] = []

    def post() -> None:
        try:
            connections.post(server.url(), b"x")
        except TransportError as error:
            errors.append(error)

    thread = threading.Thread(target=post)
    thread.start()
    assert asked.wait(5)
    connections.close()
    thread.join(5)

    assert "stopped" in str(errors[0])
    assert errors[0].delivered is None
