"""What is taken for granted of the private side of ``ssl``: fails where a new Python has it
otherwise.
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

from ven_sdk.security.ssl_seam import call_on_certificate_request, shown_chain, shown_names
from ven_sdk.testing import pki


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    """A server that asks for a client certificate, and does not insist on it."""
    vtn = pki.identity("vtn")
    file = tmp_path / "vtn.pem"
    file.write_bytes(vtn.cert_pem + vtn.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """A client that got as far as it comes with the first flight of the server, in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(back, there, server_hostname="localhost")
    far = server.wrap_bio(there, back, server_side=True)
    for side in (near, far, near):
        try:
            side.do_handshake()
        except ssl.SSLError:
            continue
    return near


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_request_for_a_certificate_is_seen(server: ssl.SSLContext) -> None:
    client, seen = trusting(), []

    assert call_on_certificate_request(client, lambda: seen.append("asked"))
    shake_hands(client, server)

    assert seen == ["asked"]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python does not show the chain")
def test_the_chain_that_was_shown_is_found(server: ssl.SSLContext) -> None:
    found = shown_chain(shake_hands(trusting(), server))

    assert found[:1] == [ssl.PEM_cert_to_DER_cert(pki.identity("vtn").cert_pem.decode())]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python does not show the chain")
def test_the_names_of_a_refused_certificate_are_found(server: ssl.SSLContext) -> None:
    refusing = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    assert "localhost" in shown_names(shake_hands(refusing, server))
