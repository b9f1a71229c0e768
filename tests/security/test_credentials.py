"""Loading certificates and keys: every form, and a sentence that names the file for everything that
can be wrong.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ven_sdk.errors import ConfigurationError
from ven_sdk.security.credentials import Credentials
from ven_sdk.testing import pki

VEN = pki.identity()
SECRET = "a passphrase: ü"


@pytest.mark.parametrize("kind", ["ec", "ec384", "rsa"])
def test_pem_files_are_loaded(tmp_path: Path, kind: str) -> None:
    identity = pki.identity(f"ven-{kind}", kind)

    found = Credentials.load(*identity.write(tmp_path))

    assert found.fingerprint == identity.fingerprint
    assert found.chain == (identity.der,)
    assert found.key.private_numbers() == identity.key.private_numbers()


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    cert, key = VEN.write(tmp_path)

    assert Credentials.load(Path(cert), Path(key)).fingerprint == VEN.fingerprint


def test_bytes_and_text_are_loaded() -> None:
    assert Credentials.load(VEN.cert_pem, VEN.key_pem).fingerprint == VEN.fingerprint
    assert (
        Credentials.load(VEN.cert_pem.decode(), VEN.key_pem.decode()).fingerprint == VEN.fingerprint
    )


def test_der_is_loaded() -> None:
    key = VEN.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    assert Credentials.load(VEN.der, key).fingerprint == VEN.fingerprint


@pytest.mark.parametrize("passphrase", [SECRET, SECRET.encode()])
def test_a_key_with_a_passphrase_is_loaded(tmp_path: Path, passphrase: object) -> None:
    cert, key = VEN.write(tmp_path, passphrase=SECRET)

    assert Credentials.load(cert, key, passphrase).fingerprint == VEN.fingerprint  # type: ignore[arg-type]


def test_a_passphrase_too_many_does_no_harm() -> None:
    assert Credentials.load(VEN.cert_pem, VEN.key_pem, SECRET).fingerprint == VEN.fingerprint


@pytest.mark.parametrize("suffix", [".p12", ".PFX"])
@pytest.mark.parametrize("passphrase", [SECRET, None])
def test_pkcs12_is_loaded_with_its_chain(
    tmp_path: Path, suffix: str, passphrase: "str | None"
) -> None:
    path = tmp_path / f"ven{suffix}"
    path.write_bytes(VEN.pkcs12(passphrase))

    found = Credentials.load(path, None, passphrase)

    assert found.chain == (VEN.der, pki.authority().der)
    assert found.fingerprint == VEN.fingerprint


def test_key_and_certificate_may_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    path.write_bytes(VEN.key_pem + VEN.cert_pem)

    assert Credentials.load(str(path)).fingerprint == VEN.fingerprint


def test_the_own_certificate_is_found_behind_others() -> None:
    found = Credentials.load(pki.authority().cert_pem + VEN.cert_pem, VEN.key_pem)

    assert found.chain == (VEN.der, pki.authority().der)


def refused(*arguments: object, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match) as caught:
        Credentials.load(*arguments)  # type: ignore[arg-type]
    assert SECRET not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refused(
        str(tmp_path / "nobody.crt"),
        VEN.key_pem,
        match=r"cert '.*nobody.crt' cannot be read: No such file",
    )
    refused(
        VEN.cert_pem,
        str(tmp_path / "nobody.key"),
        match=r"key '.*nobody.key' cannot be read: No such file",
    )
    refused(tmp_path, VEN.key_pem, match="cannot be read")


def test_a_file_without_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.crt").write_text("nothing")

    refused(str(tmp_path / "x.crt"), VEN.key_pem, match=r"x.crt holds no certificate")


def test_a_damaged_certificate_is_said_to_be_damaged() -> None:
    refused(VEN.cert_pem.replace(b"M", b"-"), VEN.key_pem, match="bytes given as cert is damaged")


def test_a_certificate_in_the_place_of_the_key_is_recognised() -> None:
    refused(VEN.cert_pem, VEN.cert_pem, match="bytes given as key holds no private key")
    refused(VEN.cert_pem, match="bytes given as cert holds no private key")


def test_a_damaged_key_is_refused() -> None:
    refused(VEN.cert_pem, VEN.key_pem[:60] + b"\n-----END PRIVATE KEY-----\n", match="damaged")


def test_an_rsa_key_whose_numbers_do_not_fit_together_is_refused() -> None:
    identity = pki.identity("ven-rsa", "rsa")
    good = identity.key.private_numbers()
    bad = rsa.RSAPrivateNumbers(
        good.p, good.q, good.d + 2, good.dmp1 + 2, good.dmq1, good.iqmp, good.public_numbers
    )
    pem = bad.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    refused(identity.cert_pem, pem, match="damaged")


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    cert, _ = VEN.write(tmp_path, "one")
    _, key = pki.identity("mallory").write(tmp_path, "two")

    refused(cert, key, match=r"key in .*two.key does not belong to the certificate in .*one.crt")


def test_a_missing_and_a_wrong_passphrase_are_told_apart(tmp_path: Path) -> None:
    cert, key = VEN.write(tmp_path, passphrase=SECRET)

    refused(cert, key, match=r"identity.key is encrypted: give its passphrase")
    refused(cert, key, "wrong", match=r"identity.key cannot be loaded: the passphrase is wrong")


def test_pkcs12_problems_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ven.p12"
    path.write_bytes(VEN.pkcs12(SECRET))

    refused(path, None, "wrong", match=r"ven.p12 cannot be opened: the passphrase is wrong")
    refused(path, path, SECRET, match=r"ven.p12' is PKCS#12, which has the key too: leave key out")
    refused(path, match=r"ven.p12 cannot be opened: it needs a passphrase")
    path.write_bytes(b"rubbish")
    refused(path, match=r"ven.p12 cannot be opened")


@pytest.mark.parametrize(
    "identity, match", [(pki.expired(), "expired on"), (pki.not_yet_valid(), "is valid only")]
)
def test_a_certificate_outside_its_validity_is_refused(
    tmp_path: Path, identity: pki.Identity, match: str
) -> None:
    refused(*identity.write(tmp_path), match=f"identity.crt {match}")


def test_validity_is_judged_at_the_given_time() -> None:
    with pytest.raises(ConfigurationError, match="expired"):
        Credentials.load(
            VEN.cert_pem, VEN.key_pem, now=datetime.now(timezone.utc) + timedelta(days=4000)
        )


def test_a_kind_of_key_that_openadr_does_not_know_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    refused(VEN.cert_pem, key, match="does not belong|RSA or EC")


@pytest.mark.parametrize(
    ("key", "bits"),
    [
        (rsa.generate_private_key(65537, 1024), 1024),
        (ec.generate_private_key(ec.SECP192R1()), 192),
    ],
)
def test_l3_a_key_that_is_too_short_is_refused(key: Any, bits: int) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "short")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    refused(
        certificate.public_bytes(serialization.Encoding.PEM), pem, match=f"has {bits} bits.*rule L3"
    )


def test_nothing_secret_shows() -> None:
    found = Credentials.load(VEN.cert_pem, VEN.encrypted_key_pem(SECRET), SECRET)

    assert repr(found) == f"Credentials(fingerprint='{VEN.fingerprint}')"


def test_renewed_files_are_noticed_and_loaded(tmp_path: Path) -> None:
    first = Credentials.load(*VEN.write(tmp_path))
    assert not first.has_changed()

    renewal = pki.identity("renewal")
    renewal.write(tmp_path)
    os.utime(tmp_path / "identity.crt", ns=(1, 1))

    assert first.has_changed()
    second = first.reload()
    assert second.fingerprint == renewal.fingerprint
    assert not second.has_changed()


def test_a_renewal_under_way_is_refused_and_can_be_tried_again(tmp_path: Path) -> None:
    first = Credentials.load(*VEN.write(tmp_path))
    renewal = pki.identity("renewal")
    (tmp_path / "identity.crt").write_bytes(renewal.cert_pem)

    assert first.has_changed()
    with pytest.raises(ConfigurationError, match="does not belong"):
        first.reload()
    assert first.has_changed()
    renewal.write(tmp_path)
    assert first.reload().fingerprint == renewal.fingerprint


def test_a_vanished_file_is_no_renewal(tmp_path: Path) -> None:
    found = Credentials.load(*VEN.write(tmp_path))
    (tmp_path / "identity.key").unlink()

    assert not found.has_changed()


def test_bytes_are_never_renewed() -> None:
    assert not Credentials.load(VEN.cert_pem, VEN.key_pem).has_changed()
