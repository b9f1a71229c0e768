"""Throw-away certificates for tests and for ``LocalVTN``: an authority, and the identities that it
issues.

Everything is made by ``cryptography`` when it is first asked for, and kept for the life of the
process: keys are slow to make, and no key belongs in a repository. Never use these for anything
real. Any thread.
"""

from __future__ import annotations

import ipaddress
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..argument_names import named_arguments
from ..arguments import text
from ..near_names import missing_name
from ..security.fingerprint import fingerprint_of

Key = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
AUTHORITY = "throw-away authority"


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, in every form that a client or a server can be given."""

    certificate: x509.Certificate
    key: Key
    authority_pem: bytes

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def cert_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, not encrypted."""
        return self.encrypted_key_pem(None)

    @property
    def fingerprint(self) -> str:
        """The certificate's OpenADR fingerprint (rule L5)."""
        return fingerprint_of(self.der)

    def encrypted_key_pem(self, passphrase: Optional[str]) -> bytes:
        """The key as PKCS#8 PEM under a passphrase; plain when it is None."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(passphrase)
        )

    def pkcs12(self, passphrase: Optional[str] = None) -> bytes:
        """Certificate, key and the authority's certificate in one PKCS#12 file."""
        authority = x509.load_pem_x509_certificate(self.authority_pem)
        return pkcs12.serialize_key_and_certificates(
            b"throw-away", self.key, self.certificate, [authority], _encryption(passphrase)
        )

    def write(
        self, folder: Union[str, Path], stem: str = "identity", passphrase: Optional[str] = None
    ) -> tuple[str, str]:
        """Write ``stem.crt`` and ``stem.key`` into the folder; the paths of both."""
        cert, key = Path(folder) / f"{stem}.crt", Path(folder) / f"{stem}.key"
        cert.write_bytes(self.cert_pem)
        key.write_bytes(self.encrypted_key_pem(passphrase))
        return str(cert), str(key)


def authority(name: str = AUTHORITY) -> Identity:
    """The authority of that name; another name gives one that does not trust the first."""
    with _making:
        return _authority(name)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        known = ("authority", "identity", "expired", "not_yet_valid", "wrong_host", "self_signed")
        raise missing_name(__name__, name, known)


@named_arguments
def identity(
    name: str = "ven",
    kind: str = "ec",
    *,
    hosts: tuple[str, ...] = LOCAL_HOSTS,
    issuer: str = AUTHORITY,
    begin_days: float = -1,
    end_days: float = 365,
) -> Identity:
    """A certificate for client and server, valid for ``hosts``, from ``begin_days`` to ``end_days``
    from now.

    ``kind`` is ``'ec'`` (P-256, quick to make), ``'ec384'``, or ``'rsa'`` (2048 bits). Equal
    arguments give the same. ``ConfigurationError`` for a name that is no text.
    """
    text("name", name)
    with _making:
        return _identity(name, kind, hosts, issuer, begin_days, end_days)


def expired(name: str = "expired", kind: str = "ec") -> Identity:
    """An identity whose certificate ended yesterday."""
    return identity(name, kind, begin_days=-30, end_days=-1)


def not_yet_valid(name: str = "early", kind: str = "ec") -> Identity:
    """An identity whose certificate begins tomorrow."""
    return identity(name, kind, begin_days=1, end_days=30)


def wrong_host(name: str = "elsewhere", kind: str = "ec") -> Identity:
    """A server identity for a host that no test runs on."""
    return identity(name, kind, hosts=("elsewhere.invalid",))


def self_signed(name: str = "alone", kind: str = "ec") -> Identity:
    """An identity that no authority vouches for."""
    with _making:
        return _identity(name, kind, LOCAL_HOSTS, None, -1, 365)


_making = threading.Lock()
"""Who asks second waits for the first: two authorities of one name would not trust each other's
certificates.
"""


# The caches stand on functions that take every argument by position: left out or given, a default
# is the same key.
@cache
def _authority(name: str) -> Identity:
    return _make(name, _key("ec"), issuer=None, hosts=(), begin=_days(-3650), end=_days(3650))


@cache
def _identity(
    name: str,
    kind: str,
    hosts: tuple[str, ...],
    issuer: Optional[str],
    begin_days: float,
    end_days: float,
) -> Identity:
    return _make(
        name,
        _key(kind),
        issuer=_authority(issuer) if issuer else None,
        hosts=hosts,
        begin=_days(begin_days),
        end=_days(end_days),
        leaf=True,
    )


def _key(kind: str) -> Key:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP384R1() if kind == "ec384" else ec.SECP256R1())


def _days(days: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(days=days)


def _make(
    name: str,
    key: Key,
    *,
    issuer: Optional[Identity],
    hosts: tuple[str, ...],
    begin: datetime,
    end: datetime,
    leaf: bool = False,
) -> Identity:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    is_ca = issuer is None and not leaf
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        purposes = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        builder = builder.add_extension(names, critical=False).add_extension(
            purposes, critical=False
        )
    certificate = builder.sign(signer, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return Identity(certificate, key, issuer.cert_pem if issuer else pem)


def _usage(is_ca: bool) -> x509.KeyUsage:
    # keyEncipherment: the mandatory suite AES128-SHA256 (rule L1) sends the secret under the
    # server's RSA key.
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=not is_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _encryption(passphrase: Optional[str]) -> serialization.KeySerializationEncryption:
    if passphrase is None:
        return serialization.NoEncryption()
    return serialization.BestAvailableEncryption(passphrase.encode())
