"""TLS: who is trusted, what is said when it fails, sessions that are resumed, contexts that are
renewed.
"""

from __future__ import annotations

import gc
import socket
import ssl
import warnings
from pathlib import Path
from typing import Any, Callable, Optional

import pytest

from tests.transport.raw_server import OK, Peer, RawServer, answers
from ven_sdk.errors import SecurityError, TransportError
from ven_sdk.testing import pki

Serve = Callable[..., RawServer]
Connect = Callable[..., Any]
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture
def server_context(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """A server's context for an identity; ``client_ca`` makes it want client certificates of that
    authority.
    """

    def make(
        identity: pki.Identity, client_ca: Optional[pki.Identity] = None, **settings: Any
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity.write(tmp_path, "server"))
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=client_ca.cert_pem.decode())
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    return make


@pytest.fixture
def client_context(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """A client's context that trusts our authority, with an identity where one is given."""

    def make(
        identity: Optional[pki.Identity] = None, ca: str = "throw-away authority"
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = V12
        context.load_verify_locations(cadata=pki.authority(ca).cert_pem.decode())
        if identity is not None:
            context.load_cert_chain(*identity.write(tmp_path, "client"))
        return context

    return make


def failed(connections: Any, url: str) -> TransportError:
    with pytest.raises(TransportError) as caught:
        connections.post(url, b"x")
    return caught.value


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (pki.expired, ["has expired", "clock"]),
        (pki.not_yet_valid, ["not valid yet", "clock"]),
        (pki.self_signed, ["not issued by a CA that is trusted", "self", "ca_file"]),
        (pki.wrong_host, ["not for 'localhost'", "check_hostname"]),
    ],
    ids=["expired", "not yet valid", "self-signed", "other host"],
)
def test_a_vtn_that_is_not_trusted_gets_nothing(
    serve: Serve,
    connect: Connect,
    server_context: Any,
    client_context: Any,
    identity: Any,
    words: list[str],
) -> None:
    server = serve(answers(OK), server_context(identity()))

    error = failed(connect(client_context(), timeout=5), server.url("localhost"))

    assert (error.delivered, error.retryable, error.status) == (False, True, None)
    assert all(
        word in str(error) for word in ["POST https://localhost", "the VTN's certificate", *words]
    ), str(error)


def test_a_ca_that_is_not_ours_is_not_trusted(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    server = serve(answers(OK), server_context(pki.identity("vtn")))

    error = failed(
        connect(client_context(ca="another authority"), timeout=5), server.url("localhost")
    )

    assert error.delivered is False
    assert "not issued by a CA that is trusted here" in str(error)


@pytest.mark.skipif(
    not hasattr(ssl._ssl._SSLSocket, "get_unverified_chain"),  # type: ignore[attr-defined]
    reason="this Python does not show a refused certificate",
)
def test_the_names_in_a_wrong_certificate_are_said(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    server = serve(answers(OK), server_context(pki.wrong_host()))

    error = failed(connect(client_context(), timeout=5), server.url("localhost"))

    assert "is for 'elsewhere.invalid', not for 'localhost'" in str(error)


def test_without_host_name_check_the_chain_is_still_checked(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    context, stranger = client_context(), client_context(ca="another authority")
    context.check_hostname = stranger.check_hostname = False
    server = serve(answers(OK), server_context(pki.wrong_host()))

    assert connect(context, timeout=5).post(server.url("localhost"), b"x").body == b"ok"
    assert "not issued by a CA" in str(
        failed(connect(stranger, timeout=5), server.url("localhost"))
    )


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize(
    ("identity", "word"),
    [
        (lambda: None, "wants"),
        (lambda: pki.identity("stranger", issuer="another authority"), "client certificate"),
        (lambda: pki.expired("old"), "expired"),
    ],
    ids=["none", "stranger", "expired"],
)
def test_a_client_certificate_that_is_refused_is_named_as_the_reason(
    serve: Serve,
    connect: Connect,
    server_context: Any,
    client_context: Any,
    version: Any,
    identity: Any,
    word: str,
) -> None:
    server = serve(
        answers(OK),
        server_context(
            pki.identity("vtn"), pki.authority(), minimum_version=version, maximum_version=version
        ),
    )

    error = failed(connect(client_context(identity()), timeout=5), server.url("localhost"))

    assert error.delivered is False
    assert "the VTN refused TLS" in str(error) or "wants a client certificate" in str(error), str(
        error
    )
    assert word in str(error)
    assert "cert" in str(error)


def test_a_vtn_with_old_tls_only_is_named_as_such(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    context = server_context(pki.identity("vtn"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = (
            ssl.TLSVersion.TLSv1,
            ssl.TLSVersion.TLSv1_1,
        )

    error = failed(
        connect(client_context(), timeout=5), serve(answers(OK), context).url("localhost")
    )

    assert error.delivered is False
    assert "TLS 1.2" in str(error)


def test_no_cipher_in_common_is_named_as_such(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    server, client = server_context(pki.identity("vtn"), maximum_version=V12), client_context()
    server.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")

    error = failed(connect(client, timeout=5), serve(answers(OK), server).url("localhost"))

    assert error.delivered is False
    assert "cipher suite" in str(error)


@pytest.mark.parametrize(
    "script",
    [
        lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        lambda peer: (peer.sock.recv(9999), peer.send(b"220 mail.example.com ESMTP\r\n")),
    ],
)
def test_a_port_without_tls_is_named_as_such(
    serve: Serve, connect: Connect, client_context: Any, script: Any
) -> None:
    server = serve(script)

    error = failed(connect(client_context(), timeout=5), server.url().replace("http:", "https:"))

    assert error.delivered is False
    assert "does not speak TLS" in str(error)


@pytest.mark.parametrize(
    "script", [lambda peer: peer.sock.recv(9999), lambda peer: (peer.sock.recv(9), peer.reset())]
)
def test_a_vtn_that_hangs_up_in_the_handshake_is_named_as_such(
    serve: Serve, connect: Connect, client_context: Any, script: Any
) -> None:
    server = serve(script)

    error = failed(connect(client_context(), timeout=5), server.url().replace("http:", "https:"))

    assert error.delivered is False
    assert "hung up during the TLS handshake" in str(error)


def test_plain_http_to_a_tls_port_says_so_or_that_nothing_came(
    serve: Serve, connect: Connect, server_context: Any
) -> None:
    server = serve(answers(OK), server_context(pki.identity("vtn")))

    error = failed(connect(timeout=5), server.url("localhost").replace("https:", "http:"))

    assert "speaks TLS" in str(error) or "hung up" in str(error)


# --- pinning --------------------------------------------------------------------------------------


def test_the_certificate_of_the_peer_is_shown_before_anything_is_sent(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    read: list[bytes] = []

    def script(peer: Peer) -> None:
        read.append(peer.request()[2])
        peer.send(OK)

    def refuse(der: bytes) -> None:
        seen.append(der)
        raise SecurityError("another certificate was expected")

    seen: list[bytes] = []
    server = serve(script, server_context(pki.identity("vtn")))

    with pytest.raises(SecurityError, match="another certificate"):
        connect(client_context(), timeout=5, tls_check=refuse).post(server.url("localhost"), b"x")
    gc.collect()

    assert seen == [pki.identity("vtn").der]
    assert read == []


def test_a_resumed_connection_is_checked_too(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    seen: list[bytes] = []
    server = serve(once, server_context(pki.identity("vtn")))
    connections = connect(client_context(), timeout=5, tls_check=seen.append)

    for _ in range(3):
        connections.post(server.url("localhost"), b"x")

    assert seen == [pki.identity("vtn").der] * 3
    assert server.resumed == [False, True, True]


# --- sessions -------------------------------------------------------------------------------------


def once(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("version", [V12, V13])
@pytest.mark.parametrize("client_ca", [None, pki.authority])
def test_the_vtn_sees_sessions_resumed(
    serve: Serve,
    connect: Connect,
    server_context: Any,
    client_context: Any,
    version: Any,
    client_ca: Any,
) -> None:
    context = server_context(
        pki.identity("vtn"), client_ca() if client_ca else None, maximum_version=version
    )
    server = serve(once, context)
    connections = connect(client_context(pki.identity("ven")), timeout=5)

    for _ in range(4):
        connections.post(server.url("localhost"), b"x")

    assert server.resumed == [False, True, True, True]


def test_a_session_is_resumed_after_the_vtn_hung_up_when_idle(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)

    server = serve(script, server_context(pki.identity("vtn")))
    connections = connect(client_context(), timeout=5)

    for count in (1, 2, 3):
        assert connections.post(server.url("localhost"), b"x").body == b"ok"
        wait_for_end(connections)
        assert server.connections == count

    assert server.resumed == [False, True, True]


def wait_for_end(connections: Any) -> None:
    sock: socket.socket = connections._idle[0].wire._sock
    sock.settimeout(5)
    socket.socket.recv(sock, 1, socket.MSG_PEEK)


def test_a_vtn_that_forgot_the_session_is_reached_all_the_same(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    first = serve(once, server_context(pki.identity("vtn")))
    connections = connect(client_context(), timeout=5)
    connections.post(first.url("localhost"), b"x")
    second = serve(once, server_context(pki.identity("vtn")))
    ((route, ticket),) = connections._tickets.items()
    connections._tickets[route._replace(port=second.port)] = ticket

    assert connections.post(second.url("localhost"), b"x").body == b"ok"
    assert second.resumed == [False]


def test_a_renewed_context_replaces_connections_and_sessions(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    names: list[Any] = []

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            names.append(peer.sock.getpeercert()["subject"][0][0][1])  # type: ignore[attr-defined]
            peer.send(OK)

    server = serve(script, server_context(pki.identity("vtn"), pki.authority()))
    connections = connect(client_context(pki.identity("old ven")), timeout=5)
    connections.post(server.url("localhost"), b"x")

    connections.renew(lambda: client_context(pki.identity("new ven")))
    connections.post(server.url("localhost"), b"x")
    connections.post(server.url("localhost"), b"x")

    assert names == ["old ven", "new ven", "new ven"]
    assert server.resumed == [False, False]


def test_a_context_is_made_when_it_is_first_needed_and_once(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    made: list[ssl.SSLContext] = []

    def make() -> ssl.SSLContext:
        made.append(client_context())
        return made[-1]

    server = serve(once, server_context(pki.identity("vtn")))
    connections = connect(make, timeout=5)
    assert made == []

    connections.post(server.url("localhost"), b"x")
    connections.post(server.url("localhost"), b"x")

    assert len(made) == 1
    assert server.resumed == [False, True]


@pytest.mark.parametrize("version", [V12, V13])
def test_a_megabyte_goes_both_ways_over_tls(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any, version: Any
) -> None:
    big = bytes(range(256)) * 4096

    def script(peer: Peer) -> None:
        body = peer.request()[2]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server = serve(script, server_context(pki.identity("vtn"), maximum_version=version))

    assert connect(client_context(), timeout=5).post(server.url("localhost"), big).body == big


def test_a_slow_reader_over_tls_ends_at_the_deadline(
    serve: Serve, connect: Connect, server_context: Any, client_context: Any
) -> None:
    def script(peer: Peer) -> None:
        while not peer.over.wait(0.02):
            peer.sock.recv(2000)

    server = serve(script, server_context(pki.identity("vtn")))

    with pytest.raises(TransportError, match="did not take the whole message") as caught:
        connect(client_context(), timeout=0.5).post(server.url("localhost"), b"x" * 30_000_000)

    assert caught.value.delivered is False
