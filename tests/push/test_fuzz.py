"""Anything at all as an HTTP request: it is read as another library reads it, or refused; nothing
but our own refusal is raised, and a connection always comes to its end.

``VEN_SDK_PARSER_SECONDS`` says for how long each is tried.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
from time import monotonic
from typing import Callable, Optional, Union

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.push.wire import request
from ven_sdk.push import Limits, Listener, Peer, Response
from ven_sdk.push.acceptor import Connection
from ven_sdk.push.http_request import Refusal, RequestHead, read_head

SECONDS = float(os.environ.get("VEN_SDK_PARSER_SECONDS") or 0)
MOST = 1000
"""Bytes of a body that are taken."""
NAMES = [
    b"Host",
    b"Content-Length",
    b"content-length",
    b"Content-Type",
    b"Transfer-Encoding",
    b"Connection",
    b"Expect",
    b"X-\x00",
    b"X ",
    b"",
    b"\xc3\xa9",
]
VALUES = [
    b"ven",
    b"4",
    b"04",
    b"+4",
    b"-4",
    b"4,4",
    b"4 4",
    b"0x4",
    b"1e3",
    b"99999999999999999999",
    b"\xd9\xa4",
    b"application/xml",
    b"application/xml; charset=utf-8",
    b"text/xml;charset=\xff",
    b"application/xml;charset=",
    b"chunked",
    b"gzip, chunked",
    b"close",
    b"100-continue",
    b"a\x0bb",
    b"a\rb",
    b"a\nb",
    b"",
]
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\n\t", b"\r\r\n"]
LINES = [
    b"POST /OpenADR2/Simple/2.0b/EiEvent HTTP/1.1",
    b"POST //a/../b HTTP/1.1",
    b"POST / HTTP/1.0",
    b"POST  / HTTP/1.1",
    b"POST /\t HTTP/1.1",
    b"POST /%zz%00 HTTP/1.1",
    b"POST http://ven/ HTTP/1.1",
    b"GET / HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"POST / HTTP/01.1",
    b"",
]

header = st.tuples(
    st.sampled_from(NAMES) | st.binary(max_size=8),
    st.sampled_from([b":", b": ", b" :", b":\t", b""]),
    st.sampled_from(VALUES) | st.binary(max_size=12),
    st.sampled_from(ENDS),
).map(b"".join)
heads = st.tuples(
    st.sampled_from(LINES) | st.binary(max_size=30),
    st.sampled_from(ENDS),
    st.lists(header, max_size=6).map(b"".join),
    st.just(b"\r\n"),
).map(b"".join)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A right request with a few bytes changed."""
    whole = bytearray(request(b"<x/>", head="Connection: keep-alive\r\nX-More: 1\r\n"))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(whole)))
        piece = draw(st.sampled_from([*ENDS, *VALUES, *NAMES, b":", b" ", b"\0"]))
        whole[place : place + draw(st.integers(0, 3))] = piece
    return bytes(whole)


requests = (
    changed() | heads | st.binary(max_size=200) | st.lists(changed(), max_size=3).map(b"".join)
)


def try_long(test: Callable[[], None]) -> None:
    """Run a property once, and anew until its time is over."""
    end, number = monotonic() + SECONDS, 0
    while number == 0 or monotonic() < end:
        seed(number)(test)()
        number += 1


few = settings(
    max_examples=50 if not SECONDS else 1000,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_head_is_refused_or_read_as_another_library_reads_it() -> None:
    @few
    @given(requests)
    def agrees(data: bytes) -> None:
        head = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        found = reading(head)
        if isinstance(found, RequestHead):
            assert found.path.startswith("/")
            assert 0 <= found.length <= MOST
            check_agreement(head, found)
        else:
            assert 400 <= found < 600

    try_long(agrees)


def reading(head: bytes) -> Union[RequestHead, int]:
    """What was read, or the status that refuses it."""
    try:
        return read_head(head, MOST)
    except Refusal as refusal:
        return refusal.response.status


def check_agreement(head: bytes, found: RequestHead) -> None:
    """The standard library finds one length in the same head, the same one, and no coding."""
    line, _, rest = head.partition(b"\r\n")
    headers = http.client.parse_headers(io.BytesIO(rest))
    assert [int(each) for each in headers.get_all("Content-Length") or ()] == [found.length]
    assert headers.get_all("Transfer-Encoding") is None
    assert line.split()[0] == b"POST" and len(line.split()) == 3


def test_a_connection_comes_to_its_end_whatever_is_sent() -> None:
    received: list[bytes] = []

    def take(path: str, body: bytes, peer: Peer) -> Response:
        received.append(body)
        return Response(200, {}, b"ok")

    limits = Limits(head=5, body=5, idle=5, body_bytes=MOST)
    with socket.create_server(("127.0.0.1", 0)) as door:
        listener = Listener("127.0.0.1", 0, take, limits=limits)

        @few
        @given(requests, st.none() | st.integers(1, 60))
        def ends(data: bytes, cut: Optional[int]) -> None:
            received.clear()
            answers = answered(door, listener, data, cut)
            assert answers == b"" or answers.startswith((b"HTTP/1.1 ",))
            assert all(len(body) <= MOST for body in received)
            assert answers.count(b"HTTP/1.1 200 ") == len(received)

        try_long(ends)


def answered(door: socket.socket, listener: Listener, data: bytes, cut: Optional[int]) -> bytes:
    """What comes back for ``data`` on a connection of its own, sent in one or two pieces."""
    with socket.create_connection(door.getsockname(), timeout=10) as peer:
        connected, _ = door.accept()
        peer.sendall(data[:cut])
        if cut is not None:
            peer.sendall(data[cut:])
        peer.shutdown(socket.SHUT_WR)
        connection = Connection(connected, "127.0.0.1", monotonic() + 5)
        listener._serve(connection)
        connection.close()
        answer = b""
        while more := peer.recv(65536):
            answer += more
        return answer
