"""The steps of ``doctor`` before TLS: the address, the VEN's own files, the name, the port."""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from urllib.parse import urlsplit

from ...config import base_url
from ...identity import Identity
from ...transport.route import Deadline, Route
from ...transport.service import service
from ...transport.wire import Wire
from ..certificates import CertificateFacts, describe_certificate, now_utc
from .examination import BrokenLink, Examination, Step, explain_failure


def _address(exam: Examination) -> str:
    given, exam.url = exam.url, base_url(exam.url)
    parts = urlsplit(exam.url)
    secure = parts.scheme == "https"
    exam.route = service(f"{exam.url}/EiRegisterParty", "ven-sdk doctor", None).route
    exam.facts.update(url=exam.url, host=exam.route.host, port=exam.route.port)
    if not secure:
        exam.notes.append(
            "Plain http:// is for tests only: anybody on the way can read and change messages "
            "(rule L9)."
        )
    proxies = [
        name
        for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
        if os.environ.get(name)
    ]
    if proxies:
        exam.details.append(
            f"{proxies[0]} is set; neither the VEN nor this command uses it without proxies=."
        )
    return exam.url if given.strip().rstrip("/") == exam.url else f"{exam.url} (from {given!r})"


def _own_files(exam: Examination) -> str:
    exam.identity = identity = Identity(
        cert=exam.cert,
        key=exam.key,
        passphrase=exam.passphrase,
        ca_file=exam.ca_file,
        check_hostname=exam.check_hostname,
        tls_fingerprint=exam.tls_fingerprint,
        vtn_fingerprint=exam.vtn_fingerprint,
        disable_signature=exam.disable_signature,
        timeout=exam.timeout,
        secure=exam.route.secure,
    )
    trust = exam.ca_file or "the system's store"
    if identity.credentials is None:
        return (
            f"no client certificate given; the VTN is checked against {trust}"
            if exam.route.secure
            else "none needed"
        )
    exam.own = own = describe_certificate(identity.credentials.certificate)
    exam.facts["certificate"] = own.to_dict()
    exam.details.append(f"issued by {own.issuer}, {own.key}, {own.dates(now_utc())}")
    _warn_of_end(exam, own)
    return (
        f"certificate {own.subject}, and the key that belongs to it; the VTN is checked against "
        f"{trust}"
    )


def _warn_of_end(exam: Examination, own: CertificateFacts) -> None:
    if own.ends - now_utc() < timedelta(days=30):
        exam.notes.append(f"The client certificate ends on {own.ends:%Y-%m-%d}: renew it soon.")


def _name(exam: Examination) -> str:
    host, port = exam.route.host, exam.route.port
    wire = Wire(exam.route)
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as cause:
        raise BrokenLink(
            explain_failure(cause, wire, exam), advice=f"On this machine: getent hosts {host}"
        ) from cause
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    exam.facts["addresses"] = addresses
    taken = time.monotonic() - started
    if taken > 2:
        exam.notes.append(f"The look-up took {taken:.1f} s: the name server is slow.")
    return f"{host} is {', '.join(addresses)}"


def _port(exam: Examination) -> str:
    wire, started = Wire(exam.route), time.monotonic()
    try:
        wire.open(Deadline(exam.timeout))
    except OSError as cause:
        raise BrokenLink(
            explain_failure(cause, wire, exam), advice=_port_advice(cause, exam.route)
        ) from cause
    finally:
        wire.close()
    milliseconds = (time.monotonic() - started) * 1000
    exam.facts["milliseconds"] = round(milliseconds, 1)
    return f"{exam.route.port} is open ({milliseconds:.0f} ms)"


def _port_advice(cause: OSError, route: Route) -> str:
    if isinstance(cause, ConnectionRefusedError):
        return (
            f"Something at {route.host} refused: nothing listens on port {route.port}, or a "
            f"firewall rejects it."
        )
    return (
        "Nothing came back: a firewall may drop the packets, or the machine is off. Ask the "
        "VTN's operator which "
        "addresses he lets in."
    )


NETWORK_STEPS: list[tuple[str, Step]] = [
    ("address", _address),
    ("own files", _own_files),
    ("name", _name),
    ("port", _port),
]
