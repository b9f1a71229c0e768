"""What people want to know about a certificate, as facts: for ``fingerprint`` and ``doctor``. Pure
functions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..security.fingerprint import fingerprint_of


@dataclass(frozen=True)
class CertificateFacts:
    """A certificate for reading. Moments are aware UTC; ``sha256`` is the whole digest,
    ``fingerprint`` its last 10 bytes.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    key: str
    fingerprint: str
    sha256: str
    serial: str

    @property
    def is_self_signed(self) -> bool:
        """Whether it names itself as its issuer, as roots do."""
        return self.subject == self.issuer

    def validity(self, now: datetime) -> str:
        """``''`` while it is valid, otherwise what is wrong with its dates."""
        if now > self.ends:
            return f"expired {span_text(now - self.ends)} ago, on {self.ends:%Y-%m-%d %H:%M} UTC"
        if now < self.begins:
            return f"is valid only from {self.begins:%Y-%m-%d %H:%M} UTC on"
        return ""

    def dates(self, now: datetime) -> str:
        """From when to when, and how long that is from now."""
        left = self.validity(now) or f"{span_text(self.ends - now)} left"
        return f"{self.begins:%Y-%m-%d} to {self.ends:%Y-%m-%d} ({left})"

    def to_dict(self) -> dict[str, object]:
        """Plain data for ``--json``."""
        return {
            **asdict(self),
            "begins": self.begins.isoformat(),
            "ends": self.ends.isoformat(),
            "names": list(self.names),
        }


def describe_certificate(certificate: x509.Certificate) -> CertificateFacts:
    """The facts of a certificate."""
    der = certificate.public_bytes(Encoding.DER)
    return CertificateFacts(
        subject=_name(certificate.subject),
        issuer=_name(certificate.issuer),
        names=_names(certificate),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        key=_key(certificate),
        fingerprint=fingerprint_of(der),
        sha256=fingerprint_of(der, full=True),
        serial=_serial(certificate.serial_number),
    )


def describe_der(der: bytes) -> Optional[CertificateFacts]:
    """The facts of what a peer sent; None where it cannot be read."""
    try:
        return describe_certificate(x509.load_der_x509_certificate(der))
    except ValueError:
        return None


def now_utc() -> datetime:
    """This machine's idea of now."""
    return datetime.now(timezone.utc)


def _serial(number: int) -> str:
    """A serial number as certificate authorities print it: pairs of hex digits."""
    digits = f"{number:x}"
    padded = digits.zfill(len(digits) + len(digits) % 2).upper()
    return ":".join(padded[at : at + 2] for at in range(0, len(padded), 2))


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(no name)"


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(str(each.value) for each in found)


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    curve = getattr(key, "curve", None)
    if curve is not None:
        return f"EC {curve.name}"
    kind = type(key).__name__.lstrip("_").replace("PublicKey", "")
    return f"{kind} {key.key_size}" if hasattr(key, "key_size") else kind


def span_text(length: timedelta) -> str:
    """A duration for people, in its largest unit."""
    days = length.days
    if days >= 2:
        return f"{days} days"
    hours = int(length.total_seconds() // 3600)
    return f"{hours} hours" if hours >= 2 else f"{int(length.total_seconds() // 60)} minutes"
