"""What each HTTP status means for the VEN: rule H5."""

from __future__ import annotations

from typing import Any, Callable, Optional

import pytest

from tests.transport.raw_server import OK, Peer, RawServer, answers, reply
from ven_sdk.errors import TransportError

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]


def rejected(serve: Serve, connect: Connect, answer: bytes) -> TransportError:
    with pytest.raises(TransportError) as caught:
        connect(timeout=10).post(serve(answers(answer)).url(), b"x")
    return caught.value


@pytest.mark.parametrize(
    ("status", "retryable", "word"),
    [
        (400, False, "unacceptable"),
        (406, False, "unacceptable"),
        (401, True, "authorisation"),
        (403, True, "fingerprint"),
        (404, True, "vtn_url"),
        (405, False, "unacceptable"),
        (407, True, "proxies"),
        (408, True, "tried again"),
        (411, False, "length"),
        (413, False, "too large"),
        (418, False, "unacceptable"),
        (429, True, "too often"),
        (500, True, "its side"),
        (502, True, "its side"),
        (503, True, "overloaded"),
        (599, True, "its side"),
        (101, False, "Expected 200"),
        (206, True, "Expected 200"),
    ],
)
def test_every_status_but_200_is_an_error_that_says_what_to_do(
    serve: Serve, connect: Connect, status: int, retryable: bool, word: str
) -> None:
    error = rejected(serve, connect, reply(b"<html/>", status=b"%d Some Reason" % status))

    assert (error.status, error.retryable, error.delivered) == (status, retryable, None)
    assert word in str(error)
    assert f"HTTP status {status} ('Some Reason')" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_its_target_is_named(
    serve: Serve, connect: Connect, status: int
) -> None:
    other = serve(answers(OK))
    location = f"Location: {other.url()}".encode()

    error = rejected(serve, connect, reply(b"", location, status=b"%d Moved" % status))

    assert (error.status, error.retryable) == (status, False)
    assert other.url() in str(error)
    assert other.connections == 0


@pytest.mark.parametrize(
    "target",
    [b"http://joe:S3cret@h/x", b"http://h/x?token=S3cret", b"http://[x", b"http://[S3cret@"],
)
def test_a_redirect_shows_no_secret_of_its_target_and_may_be_no_address(
    serve: Serve, connect: Connect, target: bytes
) -> None:
    error = rejected(serve, connect, reply(b"", b"Location: " + target, status=b"302 Moved"))

    assert error.status == 302 and "S3cret" not in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((), None),
        ((b"Retry-After: 17",), 17.0),
        ((b"Retry-After: 86400",), 3600.0),
        ((b"Retry-After: -1",), None),
        ((b"Retry-After: \xff\xfe",), None),
        (
            (b"Date: Sun, 06 Nov 1994 08:49:37 GMT", b"Retry-After: Sun, 06 Nov 1994 08:49:47 GMT"),
            10.0,
        ),
    ],
)
def test_retry_after_is_understood_and_bounded(
    serve: Serve, connect: Connect, headers: Any, seconds: Optional[float]
) -> None:
    error = rejected(serve, connect, reply(b"", *headers, status=b"429 Slow Down"))

    assert error.retry_after == seconds


def test_the_body_of_an_error_is_not_waited_for(serve: Serve, connect: Connect) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n")
        peer.stall()

    with pytest.raises(TransportError) as caught:
        connect(timeout=10).post(serve(script).url(), b"x")

    assert caught.value.status == 500


def test_a_vtn_that_refuses_a_large_message_before_it_is_sent_is_understood(
    serve: Serve, connect: Connect
) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(100)
        peer.send(reply(b"", status=b"413 Too Large"))
        peer.sock.shutdown(1)
        while peer.sock.recv(1 << 20):
            pass

    with pytest.raises(TransportError) as caught:
        connect(timeout=5).post(serve(script).url(), b"x" * 20_000_000)

    assert (caught.value.status, caught.value.retryable) == (413, False)
