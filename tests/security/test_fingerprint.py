"""Fingerprints: OpenADR's form of them, and every way in which people write one."""

from __future__ import annotations

import hashlib

import pytest

from ven_sdk.errors import ConfigurationError
from ven_sdk.security.fingerprint import certificate_fingerprint, fingerprint_of, matches, normalise
from ven_sdk.testing import pki

IDENTITY = pki.identity()
FULL = hashlib.sha256(IDENTITY.der).hexdigest()
SHORT = FULL[-20:]


def test_the_fingerprint_is_the_last_ten_bytes_of_the_sha256() -> None:
    found = certificate_fingerprint(IDENTITY.cert_pem)

    assert found == ":".join(SHORT.upper()[i : i + 2] for i in range(0, 20, 2))
    assert len(found) == 29


@pytest.mark.parametrize(
    "form",
    [
        IDENTITY.der,
        IDENTITY.cert_pem,
        IDENTITY.cert_pem.decode(),
        b"Bag attributes: x\n" + IDENTITY.cert_pem + pki.authority().cert_pem,
    ],
    ids=["DER", "PEM bytes", "PEM text", "chain"],
)
def test_pem_and_der_give_the_same(form: object) -> None:
    assert certificate_fingerprint(form) == IDENTITY.fingerprint  # type: ignore[arg-type]


def test_it_agrees_with_openleadr() -> None:
    utils = pytest.importorskip("openleadr.utils")

    assert utils.certificate_fingerprint(IDENTITY.cert_pem.decode()) == IDENTITY.fingerprint


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----", "no certificate"])
def test_what_is_no_certificate_is_a_configuration_error(data: object) -> None:
    with pytest.raises(ConfigurationError, match="Expected a certificate"):
        certificate_fingerprint(data)  # type: ignore[arg-type]


def test_a_damaged_pem_says_so() -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        certificate_fingerprint(b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----")


@pytest.mark.parametrize(
    "written",
    [
        SHORT,
        SHORT.upper(),
        IDENTITY.fingerprint,
        IDENTITY.fingerprint.lower(),
        IDENTITY.fingerprint.replace(":", " "),
        f" {SHORT}\n",
        FULL,
        FULL.upper(),
        fingerprint_of(IDENTITY.der, full=True),
    ],
    ids=range(9),
)
def test_every_way_to_write_it_matches_the_certificate_and_no_other(written: str) -> None:
    assert matches(written, IDENTITY.der)
    assert not matches(written, pki.identity("mallory").der)


def test_normalised_is_upper_case_with_colons() -> None:
    assert normalise(SHORT) == IDENTITY.fingerprint
    assert normalise(FULL) == fingerprint_of(IDENTITY.der, full=True)


@pytest.mark.parametrize(
    "rubbish", ["", "AA:BB", "x" * 20, SHORT[:-1], FULL + "0", None, 5], ids=range(7)
)
def test_rubbish_is_a_configuration_error(rubbish: object) -> None:
    with pytest.raises(
        ConfigurationError, match="is no fingerprint: expected 20 hexadecimal digits"
    ):
        normalise(rubbish)  # type: ignore[arg-type]


def test_a_sha1_fingerprint_is_recognised_as_one() -> None:
    with pytest.raises(ConfigurationError, match="SHA-1"):
        normalise(hashlib.sha1(IDENTITY.der).hexdigest())
