"""When the certificates end that a VEN and its VTN use, and which of that was logged already.

Facts and a memory of what was logged; who asks, and how often, is the owner's matter. Any thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..text import shorten
from .credentials import Source, content, is_path
from .fingerprint import fingerprint_of

OWN, CA, VTN_TLS, VTN_SIGNING = "own", "ca_file", "vtn_tls", "vtn_signing"
STEPS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""How long before its end a certificate is warned of, once for each."""
SOON = STEPS[-1]
MOST_ANCHORS = 10
"""Certificates of a ``ca_file`` that are watched; one with more is a collection of public ones."""
MOST_LINKS = 5
"""Certificates of a chain that are followed."""
_WORDS = {
    OWN: "The VEN's own certificate",
    CA: "A certificate in ca_file",
    VTN_TLS: "The VTN's TLS certificate",
    VTN_SIGNING: "The VTN's signing certificate",
}
_ADVICE = {
    OWN: "Renew it: new files are taken over without a restart.",
    CA: "Ask the VTN's operator for the one that follows it, and add that to ca_file.",
    VTN_TLS: "Its operator has to renew it; tls_fingerprint, where given, changes with it.",
    VTN_SIGNING: "Its operator has to renew it; vtn_fingerprint, where given, changes with it.",
}


class CertificateEnd(NamedTuple):
    """When a certificate ends (aware UTC). ``role`` is ``own``, ``ca_file``, ``vtn_tls`` or
    ``vtn_signing``.
    """

    role: str
    subject: str
    fingerprint: str
    ends: datetime

    def describe(self, now: datetime) -> str:
        """A sentence with what to do."""
        left = self.ends - now
        when = f"{self.ends:%Y-%m-%d %H:%M} UTC"
        if left <= timedelta(0):
            said = f"has ended on {when}"
        else:
            days = left // timedelta(days=1)
            said = f"ends in {days} days, on {when}" if days else f"ends within a day, on {when}"
        return f"{_WORDS[self.role]} ({self.subject}) {said}. {_ADVICE[self.role]}"


def end_of(role: str, certificate: x509.Certificate, der: Optional[bytes] = None) -> CertificateEnd:
    """The facts of a certificate."""
    der = der or certificate.public_bytes(Encoding.DER)
    subject = shorten(certificate.subject.rfc4514_string() or "without a name")
    return CertificateEnd(role, subject, fingerprint_of(der), certificate.not_valid_after_utc)


def end_of_der(role: str, der: bytes) -> Optional[CertificateEnd]:
    """The facts of what a peer showed; None where it cannot be read."""
    try:
        return end_of(role, x509.load_der_x509_certificate(der), der)
    except ValueError:
        return None


class Warnings:
    """Which ends were logged: each certificate once for each step that it comes nearer."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._told: set[tuple[str, Optional[timedelta]]] = set()

    def take(self, ends: Iterable[CertificateEnd], now: datetime) -> list[CertificateEnd]:
        """Those that have to be logged now, and count as logged from here on."""
        found = []
        for end in ends:
            left = end.ends - now
            if left > SOON:
                continue
            step = next(step for step in STEPS if left <= step) if left > timedelta(0) else None
            with self._lock:
                if (end.fingerprint, step) not in self._told:
                    self._told.add((end.fingerprint, step))
                    found.append(end)
        return found


# --- who vouches for whom -------------------------------------------------------------------------


def anchors_in(ca_file: Source) -> tuple[x509.Certificate, ...]:
    """The certificates of a ``ca_file`` (file, folder, bytes). What cannot be read is passed over:
    TLS has judged the file already.
    """
    found: list[x509.Certificate] = []
    for source in _sources(ca_file):
        data = content(source, "ca_file")[0]
        try:
            if b"-----BEGIN" in data:
                found += x509.load_pem_x509_certificates(data)
            else:
                found.append(x509.load_der_x509_certificate(data))
        except ValueError:
            continue
    return tuple(found)


def _sources(ca_file: Source) -> list[Source]:
    if not is_path(ca_file) or not os.path.isdir(ca_file):
        return [ca_file]
    names = sorted(os.fsdecode(name) for name in os.listdir(ca_file))
    paths = [os.path.join(os.fsdecode(ca_file), name) for name in names]
    return [path for path in paths if os.path.isfile(path)]


def is_vouched_for(
    certificate: x509.Certificate,
    others: Iterable[x509.Certificate],
    anchors: Iterable[x509.Certificate],
    now: datetime,
) -> bool:
    """Whether a chain of signatures leads from ``certificate``, over some of ``others``, to one of
    ``anchors``, with every certificate valid at ``now``. An anchor vouches for itself.
    """
    anchors, pool = tuple(anchors), list(others)
    current = certificate
    for _ in range(MOST_LINKS):
        if not _is_valid(current, now):
            return False
        if any(current == anchor for anchor in anchors):
            return True
        if any(_is_valid(anchor, now) and _has_issued(anchor, current) for anchor in anchors):
            return True
        issuer = next((other for other in pool if _has_issued(other, current)), None)
        if issuer is None:
            return False
        pool.remove(issuer)
        current = issuer
    return False


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether ``issuer`` is an authority and signed ``certificate``."""
    try:
        found = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        if not found.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # no such extension, another name, a wrong signature, odd ASN.1: not issued
        return False
    return True
