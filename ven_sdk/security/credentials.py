"""The VEN's certificate and key: loaded and checked once, then shared as parsed objects by TLS and
signing.

Reads the files that the user named, and can tell that they were renewed; whoever holds a
:class:`Credentials` decides when to look and when to change over. Immutable, any thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Optional, Union

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import ConfigurationError
from ..text import repr_of
from .fingerprint import fingerprint_of
from .keyfiles import Material, read_pem, read_pkcs12

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

PrivateKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey]
Source = Union[str, bytes, "os.PathLike[str]"]
Passphrase = Union[str, bytes, None]
_Stamp = tuple[int, int, int]
LEAST_RSA, LEAST_EC = 2048, 224
"""Bits of a key."""


@dataclass(frozen=True)
class _Origin:
    """Where credentials came from, for loading them again. Never shown: it holds the passphrase."""

    cert: Source
    key: Optional[Source]
    passphrase: Passphrase
    stamps: tuple[Optional[_Stamp], ...]

    def files(self) -> tuple[str, ...]:
        return _files(self.cert, self.key)


@dataclass(frozen=True)
class Credentials:
    """A key, its certificate, and the certificates that stand behind it (``chain``: DER, the own
    one first).
    """

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)
    fingerprint: str
    """OpenADR's form (rule L5): what the VTN's operator needs to know."""
    _origin: _Origin = field(repr=False, compare=False)

    @classmethod
    def load(
        cls,
        cert: Source,
        key: Optional[Source] = None,
        passphrase: Passphrase = None,
        *,
        now: Optional[datetime] = None,
    ) -> Credentials:
        """From PEM files or bytes, or from a ``.p12``/``.pfx`` file; without ``key``, it is looked
        for beside the certificate. Raises :class:`ConfigurationError` that names the file and says
        what is wrong with it.
        """
        origin = _Origin(cert, key, passphrase, tuple(map(stamp_of, _files(cert, key))))
        material = _read(origin)
        leaf = _own_certificate(material)
        _check_validity(leaf, material.cert_name, now or datetime.now(timezone.utc))
        own = _usable(material, leaf)
        others = [each for each in material.certificates if each is not leaf]
        chain = tuple(each.public_bytes(Encoding.DER) for each in [leaf, *others])
        return cls(
            key=own,
            certificate=leaf,
            chain=chain,
            fingerprint=fingerprint_of(chain[0]),
            _origin=origin,
        )

    @property
    def ends(self) -> datetime:
        """When the own certificate ends (aware UTC)."""
        return self.certificate.not_valid_after_utc

    def has_changed(self) -> bool:
        """True where a file differs from what was loaded, and all are there. Bytes never do. Costs
        a stat a file.
        """
        stamps = self.stamps()
        return stamps != self._origin.stamps and None not in stamps

    def stamps(self) -> tuple[Optional[_Stamp], ...]:
        """What the files show now, without reading them: it changes when one is replaced."""
        return tuple(map(stamp_of, self._origin.files()))

    def reload(self) -> Credentials:
        """What the files hold now. :class:`ConfigurationError` while they are being replaced: keep
        these, try later.
        """
        return Credentials.load(self._origin.cert, self._origin.key, self._origin.passphrase)


def _files(*sources: Optional[Source]) -> tuple[str, ...]:
    return tuple(os.fspath(source) for source in sources if is_path(source))


def is_path(source: Optional[Source]) -> TypeGuard[Union[str, os.PathLike[str]]]:
    """True for a path, False for bytes, PEM text or None."""
    return (
        source is not None
        and not isinstance(source, bytes)
        and "-----BEGIN" not in os.fspath(source)
    )


def stamp_of(path: str) -> Optional[_Stamp]:
    """What changes when a file is replaced, or a folder gets another file; None where there is
    none.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(origin: _Origin) -> Material:
    passphrase = (
        origin.passphrase.encode() if isinstance(origin.passphrase, str) else origin.passphrase
    )
    data, name = content(origin.cert, "cert")
    if name.lower().endswith((".p12", ".pfx")) or (origin.key is None and data[:1] == b"\x30"):
        if origin.key is not None:
            raise ConfigurationError(
                f"cert {name!r} is PKCS#12, which has the key too: leave key out."
            )
        return read_pkcs12(data, name, passphrase)
    key_data, key_name = (data, name) if origin.key is None else content(origin.key, "key")
    return read_pem(data, name, key_data, key_name, passphrase)


def content(source: Source, argument: str) -> tuple[bytes, str]:
    """The bytes of a source, and the name to give it in messages. ``ConfigurationError`` for
    anything else.
    """
    if not is_path(source):
        data = source if isinstance(source, bytes) else os.fspath(source).encode()
        return data, f"the bytes given as {argument}"
    path = str.__str__(os.fsdecode(source))
    try:
        with open(path, "rb") as file:
            return file.read(), path
    except OSError as cause:
        raise ConfigurationError(
            f"{argument} {repr_of(path)} cannot be read: {cause.strerror or cause}."
        ) from cause


def _own_certificate(material: Material) -> x509.Certificate:
    """The certificate that the key belongs to: the first in a well-kept file."""
    public = material.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for certificate in material.certificates:
        if (
            certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            == public
        ):
            return certificate
    raise ConfigurationError(
        f"The key in {material.key_name} does not belong to the certificate in "
        f"{material.cert_name}. Give the key that the certificate was made for."
    )


def _check_validity(certificate: x509.Certificate, name: str, now: datetime) -> None:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        raise ConfigurationError(
            f"The certificate in {name} expired on {end.isoformat()}. Renew it."
        )
    if now < begin:
        raise ConfigurationError(
            f"The certificate in {name} is valid only from {begin.isoformat()}; here it is "
            f"{now.isoformat()}. Check this machine's clock."
        )


def _check_length(key: object, name: str) -> None:
    """L3: RSA keys have 2048 bits at least, EC keys 224."""
    least = LEAST_RSA if isinstance(key, rsa.RSAPrivateKey) else LEAST_EC
    if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)) and key.key_size < least:
        raise ConfigurationError(
            f"The key in {name} has {key.key_size} bits: OpenADR wants at least {LEAST_RSA} for "
            f"RSA and {LEAST_EC} for EC (rule L3). Ask for a certificate of a longer key."
        )


def _usable(material: Material, certificate: x509.Certificate) -> PrivateKey:
    """The key, when it is of a kind that OpenADR knows and makes signatures that the certificate
    confirms.
    """
    key, public = material.key, certificate.public_key()
    _check_length(key, material.key_name)
    try:
        if isinstance(key, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey):
            public.verify(key.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())
            return key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
    except (InvalidSignature, ValueError) as cause:
        raise ConfigurationError(
            f"The key in {material.key_name} is damaged: its signatures are wrong."
        ) from cause
    raise ConfigurationError(
        f"The key in {material.key_name} is a {type(material.key).__name__}: OpenADR uses RSA or "
        "EC keys (rule L3)."
    )
