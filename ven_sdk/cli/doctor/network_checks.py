"""The steps of ``doctor`` before TLS: the address, the VEN's own files, the name, the port."""

from __future__ import annotations

import os
import re
import socket
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ...oadr20b.addresses import service_at_end
from ...oadr20b.exchange import CONTENT_TYPE
from ...oadr20b.identity import SigningIdentity
from ...profiles import vtn_address
from ...security.validity import CA
from ...transport.identity import check_pin
from ...transport.route import Deadline
from ...transport.service import service
from ...transport.wire import Wire
from ..certificates import CertificateFacts, describe_certificate, now_utc
from .examination import SOON, BrokenLink, Examination, Step, explain_failure, wrong_clock
from .probes import date_of

TOO_FAR = timedelta(days=1)
"""A clock that is off by more makes certificates look expired, or not yet valid."""
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def _address(exam: Examination) -> str:
    given = exam.url
    last = service_at_end(given.strip())
    if last:
        without = given.strip().rstrip("/")[: -len(last)].rstrip("/")
        raise BrokenLink(
            f"URL ends in {last!r}, the name of a service. A VEN adds the services' names itself.",
            advice=f"Leave it out, here and in vtn_url: {without}",
        )
    exam.url = vtn_address(given)
    parts = urlsplit(exam.url)
    secure = parts.scheme == "https"
    place = f"{exam.url}/EiRegisterParty"
    exam.route = service(place, "ven-sdk doctor", None, CONTENT_TYPE).route
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
    try:
        identity = own_identity(exam)
        check_pin(exam.tls_fingerprint, exam.route.secure)
    except ConfigurationError as cause:
        raise _clock_or(cause, exam) from cause
    exam.identity = identity
    warn_of_ends(exam, CA)
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


def own_identity(exam: Examination) -> SigningIdentity:
    """The VEN's files, loaded and checked as the VEN itself does it."""
    return SigningIdentity(
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


def _clock_or(cause: ConfigurationError, exam: Examination) -> BrokenLink:
    """What is wrong with the files, or with this machine's clock where only that makes them wrong:
    dates that the VTN's clock would agree with.
    """
    dates = [datetime.fromisoformat(found) for found in _DATE.findall(str(cause))]
    there = date_of(exam.route, exam.timeout) if dates else None
    if there is not None and abs(there - now_utc()) > TOO_FAR:
        return wrong_clock(there, str(cause))
    return BrokenLink(str(cause))


def _warn_of_end(exam: Examination, own: CertificateFacts) -> None:
    if own.ends - now_utc() < SOON:
        exam.notes.append(f"The client certificate ends on {own.ends:%Y-%m-%d}: renew it soon.")


def warn_of_ends(exam: Examination, role: str) -> None:
    """A note for each certificate of a role that ends soon."""
    now = now_utc()
    for end in exam.identity.certificates() if exam.identity is not None else ():
        if end.role == role and end.ends - now < SOON:
            exam.notes.append(end.describe(now))


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
    exam.addresses = tuple(addresses)
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
            explain_failure(cause, wire, exam), advice=_port_advice(cause, exam)
        ) from cause
    finally:
        wire.close()
    milliseconds = (time.monotonic() - started) * 1000
    exam.facts["milliseconds"] = round(milliseconds, 1)
    return f"{exam.route.port} is open ({milliseconds:.0f} ms)"


def _port_advice(cause: OSError, exam: Examination) -> str:
    route, addresses = exam.route, exam.addresses
    if addresses and all(":" in address for address in addresses) and not _is_refusal(cause):
        return (
            f"{route.host} has IPv6 addresses only ({', '.join(addresses)}), and this machine or "
            "its network may have no IPv6: try it on a machine that has, or ask the VTN's operator "
            "for a name with an IPv4 address."
        )
    if _is_refusal(cause):
        return (
            f"Something at {route.host} refused: nothing listens on port {route.port}, or a "
            "firewall rejects it."
        )
    return (
        "Nothing came back: a firewall may drop the packets, or the machine is off. Ask the "
        "VTN's operator which addresses he lets in."
    )


def _is_refusal(cause: OSError) -> bool:
    return isinstance(cause, ConnectionRefusedError)


NETWORK_STEPS: list[tuple[str, Step]] = [
    ("address", _address),
    ("own files", _own_files),
    ("name", _name),
    ("port", _port),
]
