"""Fingerprints of certificates in OpenADR's form (rule L5): computing, normalising and comparing
them.

Pure functions on bytes and text; no files and no network. Any thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from typing import Union

from ..argument_names import named_arguments
from ..errors import ConfigurationError
from ..text import repr_of

_SHORT, _FULL, _SHA1 = 20, 64, 40
"""Hexadecimal digits of the forms."""
_SEPARATORS = re.compile(r"[\s:-]+")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


@named_arguments
def certificate_fingerprint(certificate: Union[str, bytes, os.PathLike[str]]) -> str:
    """The last ten bytes of the SHA-256 of ``certificate`` (PEM or DER, or a ``Path``), as
    ``'AA:BB:...'``: what OpenADR calls its fingerprint.

    Of a PEM chain the first certificate counts. Raises :class:`ConfigurationError` where there is
    none.
    """
    return fingerprint_of(_der(certificate))


def fingerprint_of(der: bytes, *, full: bool = False) -> str:
    """The fingerprint of a DER certificate: ten bytes, or all 32 with ``full``."""
    digest = hashlib.sha256(der).digest()
    return _with_colons(digest if full else digest[-_SHORT // 2 :])


def normalise(fingerprint: str, name: str = "") -> str:
    """``'AA:BB:...'`` of a fingerprint in any case, with or without colons: ten bytes or the full
    SHA-256 (32). ``ConfigurationError`` for anything else.
    """
    digits = _SEPARATORS.sub("", fingerprint).upper() if isinstance(fingerprint, str) else ""
    if len(digits) in (_SHORT, _FULL) and re.fullmatch("[0-9A-F]+", digits):
        return _with_colons(bytes.fromhex(digits))
    hint = (
        " This is as long as a SHA-1 fingerprint, which OpenADR 2.0b does not use."
        if len(digits) == _SHA1
        else ""
    )
    raise ConfigurationError(
        f"{name}{': ' if name else ''}{repr_of(fingerprint)} is no fingerprint: expected 20 "
        "hexadecimal digits (OpenADR's form, the last ten bytes of the certificate's SHA-256) or "
        f"64 (all of it), colons optional.{hint}"
    )


def matches(expected: str, der: bytes) -> bool:
    """True where ``expected`` (as :func:`normalise` takes it) is the fingerprint of this DER
    certificate.
    """
    wanted = normalise(expected)
    return fingerprint_of(der, full=is_full(wanted)) == wanted


def is_full(normalised: str) -> bool:
    """True for the form with all 32 bytes."""
    return len(normalised) > 2 * _SHORT


def _with_colons(digest: bytes) -> str:
    return digest.hex(":").upper()


def _der(certificate: Union[str, bytes, os.PathLike[str]]) -> bytes:
    data = _content(certificate)
    if data[:1] == b"\x30":  # an ASN.1 sequence: DER
        return data
    pem = _PEM.search(data)
    try:
        if pem:
            return base64.b64decode(pem.group(1))
    except binascii.Error as cause:
        raise ConfigurationError(
            "The PEM certificate is damaged: its content is not base64."
        ) from cause
    hint = (
        " A path is given as pathlib.Path(...)."
        if isinstance(certificate, str) and 0 < len(data) < 500
        else ""
    )
    raise ConfigurationError(
        "Expected a certificate, as PEM (with a BEGIN CERTIFICATE line) or DER; found neither."
        f"{hint}"
    )


def _content(certificate: Union[str, bytes, os.PathLike[str]]) -> bytes:
    """The bytes of a certificate: given, or those of the file that a ``Path`` names."""
    if isinstance(certificate, str):
        return certificate.encode(errors="replace")
    if isinstance(certificate, (bytes, bytearray, memoryview)):
        return bytes(certificate)
    if not isinstance(certificate, os.PathLike):
        raise ConfigurationError(
            f"A certificate is text, bytes or a Path, not {repr_of(certificate)}."
        )
    try:
        with open(certificate, "rb") as file:
            return file.read()
    except OSError as cause:
        raise ConfigurationError(
            f"The certificate {os.fspath(certificate)!r} cannot be read: {cause.strerror}."
        ) from cause
