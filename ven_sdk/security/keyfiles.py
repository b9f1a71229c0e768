"""Reading certificates and private keys out of PEM, DER and PKCS#12: every way it can fail becomes
a clear sentence.

Works on bytes; the files are opened by ``credentials``. Any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class Material(NamedTuple):
    """What the files held, and how to name them."""

    key: PrivateKeyTypes
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
    _refuse_other_content(data, f"The certificate file {name}", "the certificate")
    try:
        if data[:1] == b"\x30":
            return (x509.load_der_x509_certificate(data),)
        return tuple(x509.load_pem_x509_certificates(data))
    except ValueError as cause:
        what = (
            "is damaged: it is cut off, or was changed. Copy it again"
            if b"BEGIN CERTIFICATE" in data
            else "holds no certificate (expected PEM: a block that begins with -----BEGIN "
            "CERTIFICATE-----)"
        )
        raise ConfigurationError(f"The certificate file {name} {what}.") from cause


_PKCS12 = b"\x02\x01\x03\x30"
"""What a PKCS#12 file begins with, behind its length: its version, and a sequence."""
_OTHER_CONTENT = (
    (
        b"BEGIN CERTIFICATE REQUEST",
        "holds a certificate request (CSR). Give the certificate that the CA made of it",
    ),
    (b"BEGIN NEW CERTIFICATE REQUEST", "holds a certificate request (CSR). Give the certificate"),
    (
        b"BEGIN PKCS7",
        "is PKCS#7 (.p7b). Convert it: openssl pkcs7 -print_certs -in FILE -out ven.pem",
    ),
    (b"BEGIN PUBLIC KEY", "holds a public key. Give the certificate, and the private key as key"),
    (b"BEGIN OPENSSH", "is a key of SSH, not of TLS. Give the one that the certificate is for"),
    (
        b"\xfe\xed\xfe\xed",
        "is a Java keystore. Convert it: keytool -importkeystore -srckeystore FILE -destkeystore "
        "ven.p12 -deststoretype PKCS12",
    ),
    (b"<html", "is a web page. Download the file again"),
)


def _refuse_other_content(data: bytes, file: str, wanted: str) -> None:
    """Raise :class:`ConfigurationError` for what people give by mistake: nothing, UTF-16, a CSR,
    the other one of the two files.
    """
    if not data.strip():
        raise ConfigurationError(f"{file} is empty: it holds no {wanted.split()[-1]}.")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00-\x00-" in data or b"-\x00-\x00" in data:
        raise ConfigurationError(
            f"{file} is UTF-16 text, as PowerShell and Notepad write it. Save it as UTF-8 or ASCII."
        )
    if wanted == "the key" and data[:1] == b"\x30" and _PKCS12 in data[:12]:
        raise ConfigurationError(
            f"{file} is PKCS#12, which has the certificate too. Give it as cert."
        )
    if b"BEGIN CERTIFICATE-----" in data or b"PRIVATE KEY-----" in data:
        _refuse_swapped(data, file, wanted)
    for words, text in _OTHER_CONTENT:
        if words in data[:20_000]:
            raise ConfigurationError(f"{file} {text}.")


def _refuse_swapped(data: bytes, file: str, wanted: str) -> None:
    has_certificate, has_key = b"BEGIN CERTIFICATE-----" in data, b"PRIVATE KEY-----" in data
    if wanted == "the certificate" and has_key and not has_certificate:
        raise ConfigurationError(
            f"{file} holds a private key and no certificate. Are cert and key swapped?"
        )
    if wanted == "the key" and has_certificate and not has_key:
        raise ConfigurationError(
            f"{file} holds no private key but a certificate. Are cert and key swapped, or is the "
            "key in a file of its own? Give it as key."
        )


def _read_key(data: bytes, name: str, passphrase: Optional[bytes]) -> PrivateKeyTypes:
    _refuse_other_content(data, f"The key file {name}", "the key")
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


def _load(data: bytes, passphrase: Optional[bytes]) -> PrivateKeyTypes:
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
