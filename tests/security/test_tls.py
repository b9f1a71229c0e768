"""TLS contexts, tried by real handshakes in memory: what they let through, and what they refuse."""

from __future__ import annotations

import os
import ssl
import warnings
from pathlib import Path
from typing import Optional

import pytest

from ven_sdk.errors import ConfigurationError, SecurityError
from ven_sdk.security import tls
from ven_sdk.security.credentials import Credentials
from ven_sdk.security.fingerprint import fingerprint_of
from ven_sdk.security.tls import check_peer, client_context
from ven_sdk.testing import pki

CA = pki.authority().cert_pem
VTN = pki.identity("tls-vtn")
VTN_RSA = pki.identity("tls-vtn-rsa", "rsa")


def credentials(identity: pki.Identity) -> Credentials:
    return Credentials.load(identity.cert_pem, identity.key_pem)


def server_context(
    tmp_path: Path, identity: pki.Identity = VTN, *, client_ca: Optional[bytes] = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path, "server"))
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.decode())
    return context


def shake(
    client: ssl.SSLContext, server: ssl.SSLContext, host: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a handshake without a socket."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, True),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not waiting
    return ends[0], ends[1]


def test_a_trusted_vtn_is_accepted_without_a_client_certificate(tmp_path: Path) -> None:
    ours, _ = shake(client_context(ca_file=CA), server_context(tmp_path))

    assert ours.version() == "TLSv1.3"


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_client_certificate_is_shown(tmp_path: Path, kind: str) -> None:
    ven = pki.identity(f"ven-{kind}", kind)

    _, theirs = shake(client_context(credentials(ven), CA), server_context(tmp_path, client_ca=CA))

    assert theirs.getpeercert(True) == ven.der


def test_the_key_lies_in_no_file_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls.tempfile, "tempdir", str(tmp_path))

    client_context(credentials(VTN), CA)

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "suite, identity",
    [
        ("ECDHE-ECDSA-AES128-SHA256", VTN),
        ("AES128-SHA256", VTN_RSA),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", VTN),
        ("ECDHE-RSA-AES128-GCM-SHA256", VTN_RSA),
    ],
)
def test_the_suites_of_the_standard_are_reachable(
    tmp_path: Path, suite: str, identity: pki.Identity
) -> None:
    server = server_context(tmp_path, identity)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers(suite)

    ours, _ = shake(client_context(ca_file=CA), server)

    cipher = ours.cipher()
    assert cipher is not None
    assert cipher[0] == suite


def refuses(
    client: ssl.SSLContext, server: ssl.SSLContext, host: str = "localhost"
) -> ssl.SSLError:
    with pytest.raises(ssl.SSLError) as caught:
        shake(client, server, host)
    return caught.value


def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    server = server_context(tmp_path)
    server.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        server.minimum_version = ssl.TLSVersion.TLSv1
        server.maximum_version = ssl.TLSVersion.TLSv1_1

    refuses(client_context(ca_file=CA), server)


@pytest.mark.parametrize(
    "identity",
    [
        pki.identity("elsewhere", issuer="another authority"),
        pki.self_signed(),
        pki.expired("vtn-old"),
        pki.wrong_host(),
    ],
    ids=["another authority", "self-signed", "expired", "another host"],
)
def test_a_certificate_that_does_not_fit_is_refused(tmp_path: Path, identity: pki.Identity) -> None:
    error = refuses(client_context(ca_file=CA), server_context(tmp_path, identity))

    assert isinstance(error, ssl.SSLCertVerificationError)


def test_the_host_is_not_looked_at_when_told_so_but_the_chain_is(tmp_path: Path) -> None:
    context = client_context(ca_file=CA, check_hostname=False)

    shake(context, server_context(tmp_path, pki.wrong_host()))
    refuses(context, server_context(tmp_path, pki.self_signed()))


def test_a_self_signed_certificate_may_be_its_own_authority(tmp_path: Path) -> None:
    shake(
        client_context(ca_file=pki.self_signed().cert_pem),
        server_context(tmp_path, pki.self_signed()),
    )


@pytest.mark.parametrize("form", ["file", "folder", "text", "DER"])
def test_ca_file_is_a_file_a_folder_or_the_certificates_themselves(
    tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(CA)
    source = {
        "file": folder / "ca.crt",
        "folder": str(folder),
        "text": CA.decode(),
        "DER": pki.authority().der,
    }[form]

    shake(client_context(ca_file=source), server_context(tmp_path))


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    (tmp_path / "empty").mkdir()

    for source, message in (
        (tmp_path / "nobody", "No such file"),
        (tmp_path / "x.pem", "holds no certificate"),
        (tmp_path / "empty", "without certificates"),
        (b"nothing", "holds no certificate"),
        ("é-----BEGIN".encode(), "holds no certificate"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            client_context(ca_file=source)


def test_no_environment_variable_adds_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(CA)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))

    refuses(client_context(), server_context(tmp_path))
    refuses(
        client_context(ca_file=pki.authority("another authority").cert_pem),
        server_context(tmp_path),
    )


def test_a_folder_of_certificates_is_read_but_for_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "good.pem").write_bytes(pki.authority().cert_pem)
    (tmp_path / "gone.pem").symlink_to(tmp_path / "nothing.pem")

    client_context(ca_file=tmp_path)
    (tmp_path / "key.pem").write_bytes(b"no certificate")
    with pytest.raises(
        ConfigurationError, match=r"key\.pem' cannot be used: it holds no certificate"
    ):
        client_context(ca_file=tmp_path)


def test_a_file_that_cannot_be_read_is_told_without_a_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        client_context(ca_file=tmp_path / "nothing.pem")

    assert "No such file" in str(raised.value) and "Errno" not in str(raised.value)


def test_a_pinned_peer_passes_and_another_does_not() -> None:
    check_peer(VTN.der, VTN.fingerprint.lower())
    check_peer(VTN.der, fingerprint_of(VTN.der, full=True))

    with pytest.raises(SecurityError, match="update tls_fingerprint") as caught:
        check_peer(VTN_RSA.der, VTN.fingerprint)
    assert (caught.value.expected, caught.value.received) == (VTN.fingerprint, VTN_RSA.fingerprint)
    with pytest.raises(SecurityError, match="fingerprint none"):
        check_peer(None, VTN.fingerprint)
