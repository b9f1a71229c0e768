"""Connections that break and answers that are none: the error, what is known of delivery, and what
is sent again.
"""

from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
from typing import Any, Callable, Optional

import pytest

from tests.transport.raw_server import OK, Peer, RawServer, answers, reply
from ven_sdk.errors import TransportError

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def failed(connections: Any, url: str) -> TransportError:
    with pytest.raises(TransportError) as caught:
        connections.post(url, b"x")
    assert caught.value.__cause__ is not None
    return caught.value


def says(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(data)

    return script


def says_and_resets(data: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.request()
        if data:
            peer.send(data)
        peer.reset()

    return script


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (says(b""), "hung up without an answer"),
        (says_and_resets(b""), "hung up without an answer"),
        (says(b"HTTP/1.1 200 OK\r\nX: y"), "within the headers"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "within the body"),
        (says_and_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "within the body"),
        (says(CHUNKED + b"5\r\nhel"), "within the body"),
        (says(CHUNKED), "within the body"),
        (says(CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n"), "without a valid size: b'-1"),
        (says(CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"), "without a valid size: b'zz"),
        (says(CHUNKED + b"2\r\nhello\r\n0\r\n\r\n"), "longer than it says"),
        (says(CHUNKED + b"2;" + b"x" * 9000), "without a valid size"),
        (says(CHUNKED + b"0\r\n" + b"X: y\r\n" * 200), "no end after its last chunk"),
        (says(CHUNKED + b"0\r\n"), "no end after its last chunk"),
        (
            says(b"<html>HTTP/0.9 is not spoken here</html>\r\n"),
            "does not speak HTTP/1.x: it began with '<html>",
        ),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "does not speak HTTP/1.x: it began with 'SSH-2.0"),
        (says(b"\x15\x03\x01\x00\x02\x02\x46"), "speaks TLS. Use https://"),
        (says(b"HTTP/2.0 200 OK\r\n\r\n"), "no valid HTTP"),
        (says(b"HTTP/1.1 OK\r\n\r\n"), "does not speak HTTP"),
        (says(b"HTTP/1.1 99999 OK\r\n\r\n"), "does not speak HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "no valid HTTP"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "no valid HTTP"),
        (
            says(b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 90 + b"\r\n"),
            "bytes of headers",
        ),
        (
            says(reply(gzip.compress(b"x" * 9, mtime=0), b"Content-Encoding: gzip")),
            "encoded with 'gzip'",
        ),
        (says(reply(b"x", b"Content-Encoding: br, gzip")), "encoded with 'br, gzip'"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            "transfer encoding",
        ),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"), "larger than 1000 bytes"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001), "larger than 1000 bytes"),
        (says(CHUNKED + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"), "larger than 1000 bytes"),
    ],
    ids=range(28),
)
def test_what_is_no_whole_answer_is_an_error_after_which_nobody_knows(
    serve: Serve, connect: Connect, script: Any, words: str
) -> None:
    server = serve(script)
    connections = connect(max_response_size=1000)

    error = failed(connections, server.url())

    assert error.delivered is None
    assert error.retryable
    assert words in str(error)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (reply(gzip.compress(b"x" * 9, mtime=0), b"Content-Encoding: gzip"), 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", 200),
        (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", None),
        (b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 60_000 + b"\r\n") * 90 + b"\r\n", None),
    ],
    ids=["compressed", "packed", "too-long", "bad-chunk", "half", "endless-head"],
)
def test_an_answer_that_came_and_is_not_taken_has_its_status(
    serve: Serve, connect: Connect, answer: bytes, status: Optional[int]
) -> None:
    server = serve(says(answer))

    assert failed(connect(max_response_size=1000), server.url()).status == status


def test_a_refused_connection_was_surely_not_delivered(connect: Connect) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # bound and not listening

        error = failed(connect(), f"http://127.0.0.1:{sock.getsockname()[1]}/x?token=secret")

    assert error.delivered is False
    assert error.status is None
    assert "refused" in str(error)
    assert "vtn_url" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve_was_surely_not_delivered(connect: Connect, host: str) -> None:
    error = failed(connect(timeout=20), f"http://{host}/x")

    assert error.delivered is False
    assert f"the name {host!r} cannot be resolved" in str(error)


def test_a_hundred_megabytes_cost_no_more_memory_than_the_limit(
    serve: Serve, connect: Connect
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(CHUNKED)
        for _ in range(1600):
            peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    server, connections = serve(script), connect(timeout=60, max_response_size=1 << 20)
    tracemalloc.start()
    try:
        error = failed(connections, server.url())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "larger than 1048576 bytes" in str(error)
    assert peak < 5 << 20


def test_an_answer_of_exactly_the_limit_is_taken(serve: Serve, connect: Connect) -> None:
    server = serve(answers(reply(b"x" * 1000)))

    assert len(connect(max_response_size=1000).post(server.url(), b"x").body) == 1000


def test_bytes_after_the_announced_end_do_not_reach_the_next_exchange(
    serve: Serve, connect: Connect
) -> None:
    server = serve(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + reply(b"forged")))
    connections = connect()

    bodies = [connections.post(server.url(), b"x").body for _ in range(3)]

    assert bodies == [b"ok"] * 3
    assert server.connections == 3


def test_after_a_failure_the_next_exchange_starts_afresh(serve: Serve, connect: Connect) -> None:
    server = serve(answers(OK, b"rubbish\r\n"))
    connections = connect()
    connections.post(server.url(), b"x")
    failed(connections, server.url())

    assert connections.post(server.url(), b"x").body == b"ok"
    assert server.connections == 2


# --- what is sent twice ---------------------------------------------------------------------------


class Counting:
    """Serves one exchange; what happens to the second on the same connection is up to ``then``."""

    def __init__(self, then: Callable[[Peer], None]) -> None:
        self.read: list[bytes] = []
        self._then = then
        self._first = True

    def __call__(self, peer: Peer) -> None:
        first, self._first = self._first, False
        self.read.append(peer.request()[2])
        peer.send(OK)
        if first:
            self._then(peer)
        else:
            answers(OK)(peer)


def test_a_message_that_the_vtn_read_before_it_hung_up_is_not_sent_again(
    serve: Serve, connect: Connect
) -> None:
    """A poll takes something off the VTN's queue: only the caller may decide to repeat it."""
    script = Counting(lambda peer: script.read.append(peer.request()[2]))
    server, connections = serve(script), connect(timeout=3)
    connections.post(server.url(), b"first")

    with pytest.raises(TransportError) as caught:
        connections.post(server.url(), b"second")

    assert caught.value.delivered is None
    assert caught.value.retryable
    assert script.read == [b"first", b"second"]
    assert server.connections == 1


def test_a_message_that_was_reset_unanswered_is_not_sent_again(
    serve: Serve, connect: Connect
) -> None:
    def then(peer: Peer) -> None:
        script.read.append(peer.request()[2])
        peer.reset()

    script = Counting(then)
    server, connections = serve(script), connect(timeout=3)
    connections.post(server.url(), b"first")

    with pytest.raises(TransportError) as caught:
        connections.post(server.url(), b"second")

    assert caught.value.delivered is None
    assert script.read == [b"first", b"second"]


def test_a_message_that_crossed_the_end_of_an_idle_connection_is_sent_again(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The VTN hangs up while the message is under way: its system answers the message with a
    reset.
    """
    from ven_sdk.transport.wire import Wire

    closed = threading.Event()

    def then(peer: Peer) -> None:
        peer.sock.close()
        closed.set()

    script = Counting(then)
    server, connections = serve(script), connect(timeout=3)
    connections.post(server.url(), b"first")
    assert closed.wait(5)
    monkeypatch.setattr(
        Wire, "is_stale", lambda wire: False
    )  # as if it had looked a moment earlier

    assert connections.post(server.url(), b"second", again=lambda: b"anew").body == b"ok"
    assert script.read == [b"first", b"anew"], "a signature is of one sending (rule S6)"
    assert server.connections == 2


def test_a_large_message_that_crossed_the_end_of_an_idle_connection_is_sent_again(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ven_sdk.transport.wire import Wire

    def then(peer: Peer) -> None:
        peer.sock.recv(1000)
        peer.reset()

    script = Counting(then)
    server, connections = serve(script), connect(timeout=60)
    connections.post(server.url(), b"first")
    monkeypatch.setattr(Wire, "is_stale", lambda wire: False)
    big = b"x" * 30_000_000

    assert connections.post(server.url(), big).body == b"ok"
    assert script.read == [b"first", big]


def test_a_fresh_connection_that_breaks_is_never_tried_again_here(
    serve: Serve, connect: Connect
) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(1000)
        peer.reset()

    server = serve(script)

    with pytest.raises(TransportError) as caught:
        connect(timeout=60).post(server.url(), b"x" * 30_000_000)

    assert caught.value.delivered is False
    assert server.connections == 1
    assert "before it had the whole message" in str(caught.value)


def test_a_half_open_connection_ends_at_the_deadline(serve: Serve, connect: Connect) -> None:
    script = Counting(lambda peer: peer.stall())
    server, connections = serve(script), connect()
    connections.post(server.url(), b"first")

    error = failed(connections, server.url())

    assert error.delivered is None
    assert "did not begin to answer" in str(error)
