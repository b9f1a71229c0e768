"""What ``doctor`` looks at, one step after the other, and the order of the steps. The main thread
runs them.

A step is a function of the :class:`Patient`: it returns what it found in a sentence, or raises
:class:`Wrong`, which ends the checkup: nothing behind a broken link can be judged. Explanations of
TLS and HTTP failures are those of ``transport``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Callable
from urllib.parse import urlsplit

from ...config import base_url
from ...errors import VenError
from ...identity import Identity
from ...transport.route import Deadline, Route
from ...transport.service import service
from ...transport.wire import Wire
from ..certificates import CertificateFacts, facts, now_utc
from .message_checks import MESSAGE_STEPS
from .target import FAILED, NOTE, OK, SKIPPED, Finding, Patient, Wrong, explained
from .tls_checks import TLS_STEPS

Step = Callable[[Patient], str]


def steps_for(url: str) -> list[tuple[str, Step]]:
    """The steps on the way to ``url``, in their order; a plain http:// address has no TLS ones."""
    tls = [] if url.strip().lower().startswith("http:") else TLS_STEPS
    return [
        ("address", _address),
        ("own files", _own_files),
        ("name", _name),
        ("port", _port),
        *tls,
        *MESSAGE_STEPS,
    ]


def examine(patient: Patient) -> Iterator[Finding]:
    """The findings, each as soon as it is made; after the first failure the rest is not reached."""
    steps, broken = steps_for(patient.url), ""
    names = [name for name, _ in steps]
    for name, step in steps:
        if broken and names.index(name) > names.index(broken):
            yield Finding(name, SKIPPED, f"not looked at: {broken!r} comes first")
        elif not broken:
            finding = _finding(name, step, patient)
            broken = finding.step if finding.state == FAILED else ""
            yield finding


def _finding(name: str, step: Step, patient: Patient) -> Finding:
    patient.notes, patient.details, patient.facts = [], [], {}
    try:
        text = step(patient)
    except Wrong as wrong:
        return Finding(
            wrong.step or name,
            FAILED,
            str(wrong),
            tuple(patient.details),
            wrong.advice,
            patient.facts,
        )
    except VenError as error:
        return Finding(name, FAILED, str(error), tuple(patient.details), "", patient.facts)
    except OSError as error:
        return Finding(
            name,
            FAILED,
            f"The VTN was there a moment ago, but now: {error.strerror or error}. Try again.",
            tuple(patient.details),
            "",
            patient.facts,
        )
    return Finding(
        name,
        NOTE if patient.notes else OK,
        text,
        (*patient.details, *patient.notes),
        "",
        patient.facts,
    )


# --- before TLS -----------------------------------------------------------------------------------


def _address(patient: Patient) -> str:
    given, patient.url = patient.url, base_url(patient.url)
    parts = urlsplit(patient.url)
    secure = parts.scheme == "https"
    patient.route = service(f"{patient.url}/EiRegisterParty", "ven-sdk doctor", None).route
    patient.facts.update(url=patient.url, host=patient.route.host, port=patient.route.port)
    if not secure:
        patient.notes.append(
            "Plain http:// is for tests only: anybody on the way can read and change messages "
            "(rule L9)."
        )
    proxies = [
        name
        for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
        if os.environ.get(name)
    ]
    if proxies:
        patient.details.append(
            f"{proxies[0]} is set; neither the VEN nor this command uses it without proxies=."
        )
    return (
        patient.url
        if given.strip().rstrip("/") == patient.url
        else f"{patient.url} (from {given!r})"
    )


def _own_files(patient: Patient) -> str:
    patient.identity = identity = Identity(
        cert=patient.cert,
        key=patient.key,
        passphrase=patient.passphrase,
        ca_file=patient.ca_file,
        check_hostname=patient.check_hostname,
        tls_fingerprint=patient.tls_fingerprint,
        vtn_fingerprint=patient.vtn_fingerprint,
        disable_signature=patient.disable_signature,
        timeout=patient.timeout,
        secure=patient.route.secure,
    )
    trust = patient.ca_file or "the system's store"
    if identity.credentials is None:
        return (
            f"no client certificate given; the VTN is checked against {trust}"
            if patient.route.secure
            else "none needed"
        )
    patient.own = own = facts(identity.credentials.certificate)
    patient.facts["certificate"] = own.to_dict()
    patient.details.append(f"issued by {own.issuer}, {own.key}, {own.dates(now_utc())}")
    _warn_of_end(patient, own)
    return (
        f"certificate {own.subject}, and the key that belongs to it; the VTN is checked against "
        f"{trust}"
    )


def _warn_of_end(patient: Patient, own: CertificateFacts) -> None:
    if own.ends - now_utc() < timedelta(days=30):
        patient.notes.append(f"The client certificate ends on {own.ends:%Y-%m-%d}: renew it soon.")


def _name(patient: Patient) -> str:
    host, port = patient.route.host, patient.route.port
    wire = Wire(patient.route)
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as cause:
        raise Wrong(
            explained(cause, wire, patient), advice=f"On this machine: getent hosts {host}"
        ) from cause
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    patient.facts["addresses"] = addresses
    taken = time.monotonic() - started
    if taken > 2:
        patient.notes.append(f"The look-up took {taken:.1f} s: the name server is slow.")
    return f"{host} is {', '.join(addresses)}"


def _port(patient: Patient) -> str:
    wire, started = Wire(patient.route), time.monotonic()
    try:
        wire.open(Deadline(patient.timeout))
    except OSError as cause:
        raise Wrong(
            explained(cause, wire, patient), advice=_port_advice(cause, patient.route)
        ) from cause
    finally:
        wire.close()
    milliseconds = (time.monotonic() - started) * 1000
    patient.facts["milliseconds"] = round(milliseconds, 1)
    return f"{patient.route.port} is open ({milliseconds:.0f} ms)"


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
