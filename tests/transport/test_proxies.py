"""Proxies are used when they are asked for, and only then."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.transport.raw_server import OK, Peer, RawServer, answers, reply
from ven_sdk.errors import ConfigurationError, TransportError
from ven_sdk.testing import pki

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]


@pytest.fixture
def contexts(tmp_path: Path) -> Any:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*pki.identity("vtn").write(tmp_path))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=pki.authority().cert_pem.decode())
    return server, client


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def tunnel(seen: list[Any]) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        line, headers, _ = peer.request()
        seen.append((line, headers.get("proxy-authorization")))
        port = int(line.split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as far:
            peer.send(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, peer.sock), name="raw-server")
            back.start()
            pump(peer.sock, far)
            back.join(5)

    return script


def test_https_goes_through_a_tunnel(serve: Serve, connect: Connect, contexts: Any) -> None:
    seen: list[Any] = []
    vtn, proxy = serve(answers(OK), contexts[0]), serve(tunnel(seen))
    proxies = {"https": f"http://user:p%40ss@127.0.0.1:{proxy.port}"}
    connections = connect(contexts[1], proxies=proxies, timeout=5)

    bodies = [connections.post(vtn.url("localhost"), b"x").body for _ in range(2)]

    assert bodies == [b"ok", b"ok"]
    assert seen == [(f"CONNECT localhost:{vtn.port} HTTP/1.1".encode(), "Basic dXNlcjpwQHNz")]
    connections.close()


def test_http_is_asked_for_by_its_whole_address(serve: Serve, connect: Connect) -> None:
    seen: list[Any] = []

    def script(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(OK)

    proxy = serve(script)

    connect(proxies={"http": f"user:secret@127.0.0.1:{proxy.port}"}).post(
        "http://vtn.invalid:8080/x?y", b"x"
    )

    line, headers, _ = seen[0]
    assert line == b"POST http://vtn.invalid:8080/x?y HTTP/1.1"
    assert headers["host"] == "vtn.invalid:8080"
    assert headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="


@pytest.mark.parametrize(
    ("status", "word"),
    [(b"407 Who are you", "credentials"), (b"403 No", "proxies"), (b"502 Bad Gateway", "proxies")],
)
def test_a_proxy_that_refuses_is_named_and_nothing_was_delivered(
    serve: Serve, connect: Connect, contexts: Any, status: bytes, word: str
) -> None:
    proxy = serve(answers(reply(b"", status=status)))

    with pytest.raises(TransportError) as caught:
        connect(contexts[1], proxies={"https": f"http://127.0.0.1:{proxy.port}"}).post(
            "https://vtn.invalid/x", b"x"
        )

    assert (caught.value.status, caught.value.delivered) == (int(status[:3]), False)
    assert f"proxy refused a tunnel to the VTN with status {status.decode()}" in str(caught.value)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (lambda peer: peer.stall(), "did not open a tunnel within 0.3 s"),
        (lambda peer: peer.request(), "hung up before it opened a tunnel"),
        (lambda peer: peer.drip(b"HTTP/1.1 200 OK\r\n", 0.05), "within 0.3 s"),
    ],
)
def test_a_proxy_that_stalls_or_hangs_up_was_not_the_vtn(
    serve: Serve, connect: Connect, contexts: Any, script: Any, word: str
) -> None:
    proxy = serve(script)

    with pytest.raises(TransportError) as caught:
        connect(contexts[1], proxies={"https": f"http://127.0.0.1:{proxy.port}"}).post(
            "https://vtn.invalid/x", b"x"
        )

    assert caught.value.delivered is False
    assert word in str(caught.value)


def test_a_proxy_that_is_not_there_is_named(connect: Connect) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(TransportError, match="Check that the proxy is running") as caught:
            connect(proxies={"all": f"http://127.0.0.1:{sock.getsockname()[1]}"}).post(
                "http://vtn.invalid/x", b"x"
            )

    assert caught.value.delivered is False


def test_a_proxy_for_another_scheme_is_not_used(serve: Serve, connect: Connect) -> None:
    vtn = serve(answers(OK))

    assert connect(proxies={"https": "http://127.0.0.1:9"}).post(vtn.url(), b"x").body == b"ok"


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:1080", "https://user:secret@proxy:443", "http://", "http://a:x"]
)
def test_a_proxy_that_cannot_be_used_is_refused_at_once(connect: Connect, address: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        connect(proxies={"https": address})

    assert "secret" not in str(caught.value)
