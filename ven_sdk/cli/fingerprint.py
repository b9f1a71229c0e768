"""``ven-sdk fingerprint``: a card of what a VTN's operator wants to know of a certificate, from
PEM, DER or PKCS#12.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from typing import Optional

from cryptography import x509

from ..errors import ConfigurationError
from ..security.credentials import content
from ..security.keyfiles import read_certificates, read_pkcs12
from .certificates import CertificateFacts, describe_certificate, now_utc
from .console import Console

EPILOG = """\
The fingerprint is OpenADR 2.0b's: the last ten bytes of the certificate's SHA-256. Give that of
the VEN's certificate to the VTN's operator; that of the VTN's signing certificate belongs into
vtn_fingerprint, which takes the SHA-256 as well. Of a chain each certificate is shown; the
first one counts."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "certificate",
        metavar="CERT",
        nargs="+",
        help="a PEM, DER, .p12 or .pfx file; - is standard input",
    )
    parser.add_argument(
        "--passphrase",
        help="of a .p12 or .pfx file; VEN_PASSPHRASE keeps it out of the shell's history",
    )
    parser.add_argument(
        "--short", action="store_true", help="print the ten-byte fingerprint alone, for scripts"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object for each file")


def execute(options: argparse.Namespace, console: Console) -> int:
    """Print the facts of each file; exit code 0, or an error for a file that cannot be read."""
    files = [(name, _certificates(name, options.passphrase)) for name in options.certificate]
    if options.json:
        console.line(
            json.dumps(
                [
                    {"file": name, "certificates": [each.to_dict() for each in found]}
                    for name, found in files
                ],
                indent=2,
            )
        )
        return 0
    for name, found in files:
        if options.short:
            console.line(found[0].fingerprint)
            continue
        console.line(console.colour(name if name != "-" else "standard input", "bold"))
        for each in found:
            _show(each, console)
    return 0


def _show(each: CertificateFacts, console: Console) -> None:
    now = now_utc()
    rows = [
        ("subject", each.subject),
        ("issuer", "itself" if each.is_self_signed else each.issuer),
        ("serial", each.serial),
        ("names", ", ".join(each.names)),
        ("key", each.key),
        ("valid", console.colour(each.dates(now), *(["red"] if each.validity(now) else []))),
        ("fingerprint", console.colour(each.fingerprint, "bold", "green")),
        ("SHA-256", each.sha256),
    ]
    for label, value in rows:
        if value:
            console.line(f"  {label:<12} {value}")
    console.line()


def _certificates(name: str, passphrase: Optional[str]) -> list[CertificateFacts]:
    data, shown = (
        (sys.stdin.buffer.read(), "standard input") if name == "-" else content(name, "CERT")
    )
    found = (
        _of_pkcs12(data, shown, passphrase)
        if _is_pkcs12(name, data)
        else read_certificates(data, shown)
    )
    if not found:
        raise ConfigurationError(
            f"{shown} holds no certificate. Expected PEM (with a BEGIN CERTIFICATE line), DER or "
            f"PKCS#12."
        )
    return [describe_certificate(each) for each in found]


def _is_pkcs12(name: str, data: bytes) -> bool:
    if name.lower().endswith((".p12", ".pfx")):
        return True
    if data[:1] != b"\x30":
        return False
    try:
        x509.load_der_x509_certificate(data)
    except ValueError:
        # pkcs-7: the wrapper of PKCS#12 (RFC 7292)
        return b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in data[:64]
    return False


def _of_pkcs12(data: bytes, shown: str, passphrase: Optional[str]) -> tuple[x509.Certificate, ...]:
    secret = passphrase if passphrase is not None else os.environ.get("VEN_PASSPHRASE")
    try:
        return read_pkcs12(data, shown, secret.encode() if secret else None).certificates
    except ConfigurationError:
        if secret or not sys.stdin.isatty():
            raise
    return read_pkcs12(
        data, shown, getpass.getpass(f"Passphrase of {shown}: ").encode()
    ).certificates
