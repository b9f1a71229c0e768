"""The timeout is for the whole exchange, wherever the time goes."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Callable

import pytest

from tests.transport.raw_server import OK, Peer, RawServer
from ven_sdk.errors import TransportError
from ven_sdk.security.tls import client_context

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]
LATEST = 2.5  # seconds until a deadline of 0.3 s has shown, on a very busy machine


def late(connections: Any, url: str, body: bytes = b"x") -> TransportError:
    begin = time.monotonic()
    with pytest.raises(TransportError) as caught:
        connections.post(url, body)
    assert 0.25 < time.monotonic() - begin < LATEST
    assert "within 0.3 s" in str(caught.value)
    assert caught.value.retryable
    return caught.value


def stalls(peer: Peer) -> None:
    peer.request()
    peer.stall()


def drips(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.drip(data, 0.05)

    return script


def says_then_stalls(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(data)
        peer.stall()

    return script


def floods(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        while not peer.over.is_set():
            peer.send(data)
            time.sleep(0.001)

    return script


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (stalls, "did not begin to answer"),
        (drips(b"HTTP/1.1 200 OK\r\nX: y\r\n"), "headers"),
        (drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 9), "headers"),
        (says_then_stalls(OK[:30]), "headers"),
        (says_then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "body"),
        (
            says_then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
            "body",
        ),
        (says_then_stalls(b"HTTP/1.1 200 OK\r\n\r\nno length"), "body"),
        (
            lambda peer: (
                peer.request(),
                peer.send(b"HTTP/1.1 200 OK\r\n\r\n"),
                peer.drip(b"x" * 99, 0.05),
            ),
            "body",
        ),
        (
            lambda peer: (
                peer.request(),
                peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"),
                peer.drip(b"x" * 99, 0.05),
            ),
            "body",
        ),
    ],
    ids=[
        "no answer",
        "header drip",
        "interim drip",
        "half a header",
        "stalled body",
        "stalled chunk",
        "stalled to close",
        "body drip",
        "chunk extension drip",
    ],
)
def test_an_endless_answer_ends_at_the_deadline(
    serve: Serve, connect: Connect, script: Any, words: str
) -> None:
    error = late(connect(), serve(script).url())

    assert words in str(error)
    assert error.delivered is None


def test_interim_answers_without_end_are_cut_short(serve: Serve, connect: Connect) -> None:
    with pytest.raises(
        TransportError,
        match=r"bytes of headers|headers of the answer were not complete|interim responses",
    ):
        connect().post(serve(floods(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)).url(), b"x")


def test_a_message_that_the_vtn_does_not_take_is_surely_not_delivered(
    serve: Serve, connect: Connect
) -> None:
    error = late(connect(), serve(lambda peer: peer.stall()).url(), b"x" * 30_000_000)

    assert error.delivered is False
    assert "did not take the whole message" in str(error)


def test_a_handshake_that_stalls_ends_at_the_deadline(serve: Serve, connect: Connect) -> None:
    server = serve(lambda peer: peer.stall())

    error = late(connect(client_context()), server.url().replace("http:", "https:"))

    assert error.delivered is False
    assert "TLS handshake was not finished" in str(error)


def test_a_handshake_that_drips_ends_at_the_deadline(serve: Serve, connect: Connect) -> None:
    server = serve(lambda peer: peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 90, 0.05))

    assert (
        late(connect(client_context()), server.url().replace("http:", "https:")).delivered is False
    )


def test_a_host_that_accepts_no_connection_ends_at_the_deadline(connect: Connect) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = fill_the_backlog(listener.getsockname())
        try:
            error = late(connect(), f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        finally:
            for filler in fillers:
                filler.close()

    assert error.delivered is False
    assert "did not accept a connection" in str(error)


def fill_the_backlog(address: Any) -> list[socket.socket]:
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(address)
        fillers.append(filler)
    time.sleep(0.02)
    return fillers


def test_a_dead_address_leaves_time_for_the_others(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)

    server = serve(script)
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    dead.listen(0)
    fillers = fill_the_backlog(dead.getsockname())
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", address)
        for address in (dead.getsockname(), ("127.0.0.1", server.port))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    assert connect().post("http://two-addresses.invalid/x", b"x").body == b"ok"
    for sock in (dead, *fillers):
        sock.close()


def test_a_slow_name_server_counts_against_the_deadline(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        time.sleep(0.35)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    assert late(connect(), "http://slow.invalid/x").delivered is False


def test_an_exchange_needs_no_thread_of_its_own(serve: Serve, connect: Connect) -> None:
    seen: list[int] = []

    def script(peer: Peer) -> None:
        peer.request()
        seen.append(sum(1 for thread in threading.enumerate() if thread.name != "raw-server"))
        peer.send(OK)

    server = serve(script)
    before = sum(1 for thread in threading.enumerate() if thread.name != "raw-server")
    connect().post(server.url(), b"x")

    assert seen == [before]
