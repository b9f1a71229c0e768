"""Reading certificates and private keys out of PEM, DER and PKCS#12: every way it can fail becomes
a clear sentence.

Works on bytes; the files are opened by ``credentials``. Any thread.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from ..errors import ConfigurationError


class Material(NamedTuple):
    """What the files held, and how to name them."""

    key: Any
    certificates: tuple[x509.Certificate, ...]
    cert_name: str
    key_name: str


def read_pem(
    cert: bytes, cert_name: str, key: bytes, key_name: str, passphrase: Optional[bytes]
) -> Material:
    """Certificates and key from PEM; DER is understood too. Raises :class:`ConfigurationError`."""
    return Material(
        _read_key(key, key_name, passphrase),
        read_certificates(cert, cert_name),
        cert_name,
        key_name,
    )


def read_certificates(data: bytes, name: str) -> tuple[x509.Certificate, ...]:
    """All certificates of a PEM file, or the one of a DER file. Raises
    :class:`ConfigurationError`.
    """
    try:
        if data[:1] == b"\x30":
            return (x509.load_der_x509_certificate(data),)
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError as cause:
        what = (
            "is damaged" if b"BEGIN CERTIFICATE" in data else "holds no certificate (expected PEM)"
        )
        raise ConfigurationError(f"The certificate file {name} {what}: {cause}.") from cause


def _read_key(data: bytes, name: str, passphrase: Optional[bytes]) -> Any:
    if data[:1] != b"\x30" and b"PRIVATE KEY-----" not in data:
        raise ConfigurationError(
            f"{name} holds no private key (a PEM block BEGIN PRIVATE KEY). Give its file as key."
        )
    try:
        try:
            return _load(data, passphrase)
        except TypeError:
            if passphrase is None:
                raise
            return _load(data, None)  # the key needs no passphrase: one too many does no harm
    except TypeError as cause:
        raise ConfigurationError(f"The key in {name} is encrypted: give its passphrase.") from cause
    except (ValueError, UnsupportedAlgorithm) as cause:
        encrypted = b"ENCRYPTED" in data
        why = "the passphrase is wrong" if encrypted else "it is damaged or of an unknown kind"
        raise ConfigurationError(f"The key in {name} cannot be loaded: {why}.") from cause


def _load(data: bytes, passphrase: Optional[bytes]) -> Any:
    """Without the test of its primes, which takes 50 ms an RSA key: ``credentials`` tries the key
    out instead.
    """
    load = load_der_private_key if data[:1] == b"\x30" else load_pem_private_key
    return load(data, passphrase, unsafe_skip_rsa_key_validation=True)


def read_pkcs12(data: bytes, name: str, passphrase: Optional[bytes]) -> Material:
    """Certificates and key from PKCS#12. Raises :class:`ConfigurationError`."""
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(data, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as cause:
        given = "the passphrase is wrong" if passphrase else "it needs a passphrase"
        raise ConfigurationError(
            f"The PKCS#12 file {name} cannot be opened: {given}, or it is damaged."
        ) from cause
    if key is None or certificate is None:
        missing = "private key" if key is None else "certificate"
        raise ConfigurationError(f"The PKCS#12 file {name} holds no {missing}.")
    return Material(key, (certificate, *others), name, name)
