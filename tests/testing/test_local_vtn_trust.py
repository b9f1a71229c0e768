"""LocalVTN over mutual TLS and with signatures: whom it lets in and whom it believes."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from lxml import etree

from tests.testing.small_ven import SmallVen
from ven_sdk.errors import SecurityError
from ven_sdk.oadr20b.codec import envelope, parsing
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.signing import Signer
from ven_sdk.oadr20b.security.verification import Verifier
from ven_sdk.objects import CreatePartyRegistration, Poll, QueryRegistration
from ven_sdk.security.credentials import Credentials
from ven_sdk.testing import ClientCert, LocalVTN, pki


@pytest.fixture
def secure() -> Iterator[LocalVTN]:
    with LocalVTN(tls=True, sign=True) as vtn:
        yield vtn


def ven_with(vtn: LocalVTN, xsd: etree.XMLSchema, cert: ClientCert, **options: Any) -> SmallVen:
    ven = SmallVen(vtn, xsd, sign=Signer(Credentials.load(cert.cert, cert.key)), **options)
    ven.session.verify, ven.session.cert = vtn.ca_file, (cert.cert, cert.key)
    return ven


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_ven_with_a_certificate_registers_and_polls_signed(
    secure: LocalVTN, xsd: etree.XMLSchema, kind: str
) -> None:
    with ven_with(secure, xsd, secure.client_cert("ven", kind)) as ven:
        assert secure.url.startswith("https://")
        assert ven.register().response.response_code == "200"
        assert ven.poll().response.response_code == "200"

    assert secure.ven().fingerprint == secure.client_cert("ven", kind).fingerprint
    secure.assert_valid()


def test_replies_are_signed_by_the_vtns_certificate(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        body = ven.send(QueryRegistration(request_id="1")).content

    verifier = Verifier(secure.fingerprint, ReplayGuard(60))
    signed = verifier.verify(parsing.parse(body, verbatim=True), datetime.now(timezone.utc))
    assert envelope.payload_of(signed).tag.endswith("oadrCreatedPartyRegistration")


def test_a_ven_is_known_by_its_certificate_when_it_queries(
    secure: LocalVTN, xsd: etree.XMLSchema
) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        ven.register()
        answer = ven.post(QueryRegistration(request_id="1"))

    assert (answer.ven_id, answer.registration_id) == (ven.ven_id, ven.registration_id)


def test_nobody_comes_in_without_a_certificate_of_the_authority(
    secure: LocalVTN, xsd: etree.XMLSchema, tmp_path: Any
) -> None:
    alone = ClientCert(*pki.self_signed().write(tmp_path), pki.self_signed().fingerprint)
    with SmallVen(secure, xsd) as ven, ven_with(secure, xsd, alone) as stranger:
        ven.session.verify = secure.ca_file
        for refused in (ven, stranger):
            with pytest.raises(requests.ConnectionError):
                refused.raw(b"x", "OadrPoll")


def test_the_vtn_is_not_trusted_without_its_authority(
    secure: LocalVTN, xsd: etree.XMLSchema
) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        ven.session.verify = True
        with pytest.raises(requests.exceptions.SSLError):
            ven.raw(b"x", "OadrPoll")


def test_a_message_that_is_not_signed_gets_403(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        ven.sign = None
        assert ven.send(Poll(ven_id="x")).status_code == 403

    assert "signed by nobody" in secure.violations[0].what


def test_a_signature_of_a_stranger_gets_403(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        other = pki.identity("stranger")
        ven.sign = Signer(Credentials.load(other.cert_pem, other.key_pem))
        assert ven.send(Poll(ven_id="x")).status_code == 403
        secure.trust(other.fingerprint)
        assert ven.send(Poll(ven_id="x")).status_code == 200

    assert "another certificate than the TLS" in secure.violations[-1].what


def test_a_message_that_comes_twice_is_a_replay(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        body = ven.sign.sign(envelope.wrap(Poll(ven_id="x")))
        statuses = [ven.raw(body, "OadrPoll").status_code for _ in range(2)]

    assert statuses == [200, 403]


def test_one_ven_may_not_speak_for_another(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    with (
        ven_with(secure, xsd, secure.client_cert("one")) as one,
        ven_with(secure, xsd, secure.client_cert("two"), ven_name="two") as two,
    ):
        one.register()
        two.register()
        two.ven_id = one.ven_id
        assert two.poll().response.response_code == "463"


def test_signatures_may_be_sent_but_not_demanded(xsd: etree.XMLSchema) -> None:
    with LocalVTN(sign=True, verify=False) as vtn, SmallVen(vtn, xsd) as ven:
        body = ven.send(CreatePartyRegistration(request_id="1", ven_name="x")).content

    assert b"SignatureValue" in body


def test_certificates_of_clients_may_be_left_out(xsd: etree.XMLSchema) -> None:
    with LocalVTN(tls=True, client_certificates=False) as vtn, SmallVen(vtn, xsd) as ven:
        ven.session.verify = vtn.ca_file
        assert ven.register().response.response_code == "200"


def test_the_vtns_certificate_is_renewed_while_it_runs(
    secure: LocalVTN, xsd: etree.XMLSchema
) -> None:
    before = secure.fingerprint
    secure.renew_certificate(pki.identity("localvtn renewed"))
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        ven.register()
        body = ven.send(Poll(ven_id=ven.ven_id)).content

    assert secure.fingerprint != before
    Verifier(secure.fingerprint, ReplayGuard(60)).verify(
        parsing.parse(body, verbatim=True), datetime.now(timezone.utc)
    )


def test_a_client_that_never_ends_its_handshake_does_not_hold_up_the_end() -> None:
    with LocalVTN(tls=True) as vtn:
        with socket.create_connection(("127.0.0.1", vtn.port), timeout=5):
            while not vtn.connections:
                threading.Event().wait(0.001)
            before = time.monotonic()
            vtn.stop()
            assert time.monotonic() - before < 2


def test_a_message_can_be_made_tampered_with_and_queued(
    secure: LocalVTN, xsd: etree.XMLSchema
) -> None:
    with ven_with(secure, xsd, secure.client_cert()) as ven:
        ven.register()
        secure.queue(secure.message(Poll(ven_id="a")).replace(b">a<", b">b<"))
        body = ven.send(Poll(ven_id=ven.ven_id)).content

    with pytest.raises(SecurityError, match="signature is not valid"):
        Verifier(secure.fingerprint, ReplayGuard(60)).verify(
            parsing.parse(body, verbatim=True), datetime.now(timezone.utc)
        )


def test_the_tls_settings_can_be_changed(secure: LocalVTN, xsd: etree.XMLSchema) -> None:
    assert secure.tls_context is not None
    secure.tls_context.maximum_version = ssl.TLSVersion.TLSv1_2
    context = ssl.create_default_context(cafile=secure.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as sock:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(sock, server_hostname="127.0.0.1")


def test_an_expired_certificate_can_be_shown(xsd: etree.XMLSchema) -> None:
    with (
        LocalVTN(tls=True, identity=pki.expired()) as vtn,
        ven_with(vtn, xsd, vtn.client_cert()) as ven,
    ):
        with pytest.raises(requests.exceptions.SSLError, match="expired"):
            ven.raw(b"x", "OadrPoll")


def test_the_files_are_gone_with_the_vtn() -> None:
    with LocalVTN(tls=True) as vtn:
        paths = [vtn.ca_file, *vtn.client_cert()[:2]]
        assert all(map(os.path.exists, paths))

    assert not any(map(os.path.exists, paths))


def test_a_stopped_clock_signs_with_its_own_time(xsd: etree.XMLSchema) -> None:
    from ven_sdk.testing import ManualClock

    clock = ManualClock()
    clock.advance(timedelta(days=3))
    identity = pki.identity("localvtn")
    with (
        LocalVTN(sign=True, verify=False, clock=clock, identity=identity) as vtn,
        SmallVen(vtn, xsd) as ven,
    ):
        body = ven.send(QueryRegistration(request_id="1")).content

    assert clock.now().strftime("%Y-%m-%dT%H:%M").encode() in body


def test_two_threads_that_ask_for_certificates_get_them_from_one_authority() -> None:
    start, made = threading.Barrier(8), []

    def ask(number: int) -> None:
        start.wait()
        made.append(pki.identity(f"asked-{number}", issuer="one-of-many").authority_pem)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
