"""The throw-away certificates are what they claim to be, whichever way they are asked for."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ven_sdk.testing import pki


def test_equal_arguments_give_the_same_identity() -> None:
    assert pki.identity() is pki.identity("ven", "ec", hosts=pki.LOCAL_HOSTS, issuer=pki.AUTHORITY)
    assert pki.authority() is pki.authority(name=pki.AUTHORITY)
    assert pki.self_signed() is pki.self_signed("alone", kind="ec")


def test_different_names_give_different_keys() -> None:
    assert pki.identity("one").key_pem != pki.identity("two").key_pem


@pytest.mark.parametrize(
    "identity", [pki.identity(), pki.expired(), pki.not_yet_valid(), pki.wrong_host()]
)
def test_the_authority_issued_it(identity: pki.Identity) -> None:
    identity.certificate.verify_directly_issued_by(pki.authority().certificate)


def test_kinds_are_kinds_of_keys() -> None:
    assert isinstance(pki.identity("kind", "rsa").key, rsa.RSAPrivateKey)
    assert isinstance(pki.identity("kind", "ec").key, ec.EllipticCurvePrivateKey)
    assert pki.identity("kind", "ec384").key.key_size == 384
