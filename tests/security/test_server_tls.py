"""The TLS settings of a VEN that is called: which suite is chosen, and who is admitted."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Optional

import pytest
import trustme

from ven_sdk.security.credentials import Credentials
from ven_sdk.security.tls import server_context

KINDS = {"rsa": trustme.KeyType.RSA, "ec": trustme.KeyType.ECDSA}
CHOSEN = {"rsa": "AES128-SHA256", "ec": "ECDHE-ECDSA-AES128-SHA256"}


class Site:
    """A VEN's server context and its authority."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.ca = trustme.CA()
        issued = self.ca.issue_cert("ven.example", key_type=KINDS[kind])
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(ca_file))
        credentials = Credentials.load(chain, issued.private_key_pem.bytes(), None)
        self.server = server_context(credentials, str(ca_file))

    def client(self, ca: Optional[trustme.CA] = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.ca.configure_trust(context)
        context.set_ciphers("ALL")
        if ca is not None:
            ca.issue_cert("vtn.example").configure_cert(context)
        return context


def shake(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """Both ends of a handshake in memory; the client's. SSLError when either end refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="ven.example")
    other = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [one, other]
    for _ in range(20):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    return one


@pytest.mark.parametrize("kind", KINDS)
def test_in_tls_1_2_a_mandatory_suite_is_chosen_whatever_else_is_offered(
    kind: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, kind)
    client = site.client(site.ca)
    client.maximum_version = ssl.TLSVersion.TLSv1_2

    chosen = shake(client, site.server).cipher()

    assert chosen is not None
    assert chosen[0] == CHOSEN[kind]


def test_tls_1_3_is_spoken_where_the_vtn_can(tmp_path: Path) -> None:
    site = Site(tmp_path, "ec")

    assert shake(site.client(site.ca), site.server).version() == "TLSv1.3"


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_the_handshake_ends_without_a_right_client_certificate(who: str, tmp_path: Path) -> None:
    site = Site(tmp_path, "ec")

    with pytest.raises(ssl.SSLError):
        shake(site.client(trustme.CA() if who == "stranger" else None), site.server)


def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, "rsa")

    assert site.server.minimum_version == ssl.TLSVersion.TLSv1_2
