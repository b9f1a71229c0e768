"""HTTP as VTNs in the field speak it: 204, charsets in the wrong header, cookies of load balancers,
slashes, client certificates that are asked for late.
"""

from __future__ import annotations

import logging
import ssl
import time
from typing import Any

import pytest

from tests.transport.raw_server import OK, Peer
from ven_sdk.errors import TransportError
from ven_sdk.security.tls import client_context
from ven_sdk.transport import Connections, answers
from ven_sdk.transport.cookies import MOST, Cookies
from ven_sdk.transport.redirects import is_same_place, only_adds_slash, redirect_target


def _answer(head: bytes) -> Any:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(head)

    return script


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
def test_no_content_is_an_empty_answer_and_the_connection_goes_on(
    serve: Any, length: bytes
) -> None:
    server = serve(_answer(b"HTTP/1.1 204 No Content\r\n" + length + b"\r\n"))
    with Connections() as connections:
        replies = [connections.post(server.url(), b"a") for _ in range(3)]
    assert [(reply.status, reply.body) for reply in replies] == [(200, b"")] * 3
    assert server.connections == 1


@pytest.mark.parametrize("charset", [b"UTF-8", b"utf8", b"ISO-8859-1", b"us-ascii"])
def test_a_charset_is_no_content_coding_and_mentioned_once(
    serve: Any, charset: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answers._mention_charset.cache_clear()
    server = serve(
        _answer(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: " + charset + b"\r\nContent-Length: 2\r\n\r\nok"
        )
    )
    with caplog.at_level(logging.INFO, "ven_sdk"), Connections() as connections:
        assert [connections.post(server.url(), b"a").body for _ in range(2)] == [b"ok"] * 2
    assert len([row for row in caplog.records if "Content-Encoding" in row.getMessage()]) == 1


@pytest.mark.parametrize("kind", [b"text/html", b"application/octet-stream", b"nonsense", b""])
def test_any_content_type_is_taken(serve: Any, kind: bytes) -> None:
    server = serve(
        _answer(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nContent-Length: 2\r\n\r\nok")
    )
    with Connections() as connections:
        assert connections.post(server.url(), b"a").body == b"ok"


def test_cookies_come_back_to_the_vtn_that_set_them_and_to_no_other(serve: Any) -> None:
    seen: list[Any] = []

    def script(peer: Peer) -> None:
        while True:
            _, headers, _ = peer.request()
            seen.append(headers.get("cookie"))
            peer.send(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: SRV=a; Path=/; HttpOnly\r\n\r\n"))

    server = serve(script)
    mine, other = Cookies(), Cookies()
    with Connections() as connections:
        for jar in (mine, mine, other, None):
            connections.post(server.url(), b"a", cookies=jar)
    assert seen == [None, "SRV=a", None, None]


def test_cookies_keep_to_their_path_their_scheme_and_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("ven_sdk.transport.cookies.monotonic", lambda: now)
    jar = Cookies()
    jar.take(
        [
            "a=1",
            "b=2; Path=/x",
            "c=3; Secure; Path=/",
            "d=4; Max-Age=10; Path=/",
            "e=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/",
            "no cookie",
            "f=6\r\nX: y",
            "",
            "g=" + "x" * 5000,
        ],
        "/x/y",
    )
    assert jar.header("/x/y", secure=False) == "a=1; b=2; d=4"
    assert jar.header("/x/y", secure=True) == "a=1; b=2; c=3; d=4"
    assert jar.header("/xy", secure=False) == "d=4"
    now += 11
    assert jar.header("/xy", secure=False) is None
    jar.take(["a=; Max-Age=0"], "/x/y")
    assert jar.header("/x/y", secure=False) == "b=2"


def test_a_vtn_cannot_fill_the_memory_with_cookies() -> None:
    jar = Cookies()
    jar.take((f"n{number}=1; Path=/" for number in range(10_000)), "/")
    assert (jar.header("/", secure=False) or "").count("=") == MOST


def test_a_redirect_that_only_adds_a_slash_is_named(serve: Any) -> None:
    server = serve(
        _answer(b"HTTP/1.1 301 x\r\nLocation: /OpenADR2/EiEvent/\r\nContent-Length: 0\r\n\r\n")
    )
    with Connections() as connections, pytest.raises(TransportError, match="a slash at the end"):
        connections.post(server.url(path="/OpenADR2/EiEvent"), b"a")


@pytest.mark.parametrize("status", [b"301", b"308"])
@pytest.mark.parametrize("host", [b"", b"http://127.0.0.1"])
def test_whatever_redirects_to_a_slash_gets_the_same_advice(
    serve: Any, status: bytes, host: bytes
) -> None:
    head = b"HTTP/1.1 %s x\r\nLocation: %s/OpenADR2/EiEvent/\r\nContent-Length: 0\r\n\r\n"
    server = serve(_answer(head % (status, host)))
    with Connections() as connections, pytest.raises(TransportError, match="a slash at the end"):
        connections.post(server.url(path="/OpenADR2/EiEvent"), b"a")


@pytest.mark.parametrize("whole", [False, True])
def test_a_redirect_to_the_same_address_is_told_as_one_without_end(serve: Any, whole: bool) -> None:
    location = ["/OpenADR2/EiEvent"]

    def answer_around(peer: Peer) -> None:
        head = f"HTTP/1.1 301 x\r\nLocation: {location[-1]}\r\nContent-Length: 0\r\n\r\n"
        _answer(head.encode())(peer)

    server = serve(answer_around)
    if whole:
        location.append(server.url(path="/OpenADR2/EiEvent"))
    with Connections() as connections, pytest.raises(TransportError, match="would never end"):
        connections.post(server.url(path="/OpenADR2/EiEvent"), b"a")


@pytest.mark.parametrize(
    "target, adds, same",
    [
        ("https://h/a/", True, False),
        ("https://h:443/a", False, True),
        ("//h/a", False, True),
        ("a", False, True),
        ("/b", False, False),
        ("http://h/a", False, False),
        ("https://h/a?b", False, False),
        ("https://[x", False, False),
        ("https://h:port/a/", False, False),
        ("", False, False),
    ],
)
def test_what_a_redirect_may_mean(target: str, adds: bool, same: bool) -> None:
    where = "https://h/a"
    found = redirect_target(target or None, where)

    assert (only_adds_slash(found, where), is_same_place(found, where)) == (adds, same)


def test_a_500_names_the_slash_as_what_it_may_be(serve: Any) -> None:
    server = serve(_answer(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"))
    with Connections() as connections, pytest.raises(TransportError, match="may want a slash"):
        connections.post(server.url(path="/OpenADR2/EiEvent"), b"a")


def test_a_server_may_ask_for_the_certificate_after_the_handshake() -> None:
    context = client_context()
    assert isinstance(context, ssl.SSLContext)
    assert context.post_handshake_auth
