"""The TLS steps of ``doctor``: version, chain link by link, host name, client certificate,
fingerprints.

The first handshake trusts everybody, to see what the VTN shows; the ones after it are the VEN's
own. A VTN of TLS 1.2 refuses a client certificate within the handshake: that is kept for the step
that it belongs to.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Optional

from cryptography import x509

from ...errors import ConfigurationError
from ...security.credentials import content
from ...security.keyfiles import read_certificates
from ...security.ssl_seam import call_on_certificate_request, shown_chain
from ...security.tls import check_peer
from ...transport import handshakes
from ...transport.wire import Wire
from ..certificates import CertificateFacts, describe_der, now_utc
from .examination import SOON, BrokenLink, Examination, wrong_clock
from .probes import date_of, hear_refusal, speaks_http

_SILENT = (
    "What listens there may not speak TLS: check the port in URL, or use http:// if that is meant."
)
_NO_CERTIFICATE = frozenset({"SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_NO_CERTIFICATE"})


# --- steps ----------------------------------------------------------------------------------------


def _version(exam: Examination) -> str:
    context = exam.context(check_hostname=False)
    context.verify_mode = ssl.CERT_NONE
    asked = _watch_for_request(context)
    with _connect(exam, context) as sock:
        cause = _handshake(sock)
        exam.chain = _chain(sock)
        exam.asked_for_certificate = None if asked is None else bool(asked)
        if cause is not None and not exam.chain and speaks_http(exam.route, exam.timeout):
            raise BrokenLink(
                f"Port {exam.route.port} of {exam.route.host} does not speak TLS but plain HTTP.",
                advice="Use the VTN's TLS port in URL (vtn_url), or http:// if that is meant.",
            ) from cause
        if isinstance(cause, socket.timeout):
            raise BrokenLink(
                f"The TLS handshake was not finished within {exam.timeout:g} s.", advice=_SILENT
            ) from cause
        if cause is not None and not _is_about_client(cause, exam):
            raise BrokenLink(_explain(cause, exam)) from cause
        exam.refusal = cause
        version, cipher = sock.version() or "TLS", sock.cipher()
    exam.facts.update(version=version, cipher=cipher[0] if cipher else None)
    return f"{version}{f', {cipher[0]}' if cipher else ''}"


def _chain_step(exam: Examination) -> str:
    now = now_utc()
    for number, link in enumerate(exam.chain):
        exam.details.append(
            f"{number + 1}. {link.subject}, issued by {_issuer(link)}, {link.dates(now)}"
        )
    exam.facts["chain"] = [link.to_dict() for link in exam.chain]
    cause = _verify(exam, check_hostname=False)
    if isinstance(cause, ssl.SSLCertVerificationError):
        if any(link.validity(now) for link in exam.chain):
            there = date_of(exam.route, exam.timeout)
            if there is not None and not any(link.validity(there) for link in exam.chain):
                raise wrong_clock(there, _explain(cause, exam)) from cause
        raise BrokenLink(_explain(cause, exam), advice=_chain_advice(exam)) from cause
    for link in exam.chain:
        if link.ends - now < SOON:
            exam.notes.append(
                f"{link.subject} ends on {link.ends:%Y-%m-%d}: its owner should renew it."
            )
    count = len(exam.chain)
    shown = f"{count} certificate{'s' if count != 1 else ''}, " if count else ""
    return f"{shown}trusted by {exam.ca_file or 'the system'}"


def _host_name(exam: Examination) -> str:
    names = ", ".join(exam.chain[0].names) if exam.chain else ""
    if not exam.check_hostname:
        exam.notes.append(
            "check_hostname is off: whoever holds a certificate of this CA may answer as the VTN."
        )
        return f"not checked; the certificate is for {names or 'no name at all'}"
    cause = _verify(exam, check_hostname=True)
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise BrokenLink(
            _explain(cause, exam),
            advice="With this command: the host in URL, or --no-check-hostname.",
        ) from cause
    return f"the certificate is for {exam.route.host}"


def _client_certificate(exam: Examination) -> str:
    """A VTN of TLS 1.3 judges the client after the handshake: only an exchange shows it."""
    from .message_checks import first_exchange

    if exam.refusal is not None:
        raise BrokenLink(
            _explain_refusal(exam.refusal, exam), advice=_client_advice(exam)
        ) from exam.refusal
    cause = _refusal_after(exam) or first_exchange(exam)
    if cause is not None and (_is_about_client(cause, exam) or _hung_up(cause)):
        raise BrokenLink(_explain_refusal(cause, exam), advice=_client_advice(exam)) from cause
    return _client_facts(exam)


def _fingerprints(exam: Examination) -> str:
    own = exam.own.fingerprint if exam.own else "none"
    leaf = exam.chain[0].fingerprint if exam.chain else "unknown"
    exam.facts.update(ven=None if exam.own is None else own, vtn_tls=leaf)
    if exam.own:
        exam.details.append(
            "The VTN's operator needs the VEN's; vtn_fingerprint is that of the certificate which "
            "signs messages, often but not always this one."
        )
    if exam.tls_fingerprint:
        der = _leaf_der(exam)
        check_peer(der, exam.tls_fingerprint)  # SecurityError says what differs
    return f"VEN {own}, VTN's TLS {leaf}"


TLS_STEPS = [
    ("TLS", _version),
    ("chain", _chain_step),
    ("host name", _host_name),
    ("client certificate", _client_certificate),
    ("fingerprints", _fingerprints),
]


# --- handshakes -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _connect(exam: Examination, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """A connection with TLS, before the handshake."""
    name = exam.route.host.rstrip(".")
    with (
        exam.connect() as raw,
        context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False) as sock,
    ):
        yield sock


def _handshake(sock: ssl.SSLSocket) -> Optional[BaseException]:
    try:
        sock.do_handshake()
    except OSError as cause:
        return cause
    return None


def _verify(exam: Examination, *, check_hostname: bool) -> Optional[BaseException]:
    """What a handshake ended with that checks the VTN as the VEN does."""
    with _connect(exam, exam.context(check_hostname=check_hostname)) as sock:
        return _handshake(sock)


def _refusal_after(exam: Examination) -> Optional[BaseException]:
    """What a VTN of TLS 1.3 says right after the handshake. Whoever sends a message at once may
    lose it: the VTN closes on unread bytes, and the reset overtakes its reason.
    """
    with _connect(exam, exam.context()) as sock:
        cause = _handshake(sock)
        if cause is not None or exam.asked_for_certificate is False:
            return cause
        return hear_refusal(sock, exam.timeout)


def _watch_for_request(context: ssl.SSLContext) -> Optional[list[bool]]:
    """A list that is not empty once the VTN asked for a client certificate; None where this Python
    cannot tell.
    """
    asked: list[bool] = []
    can_tell = call_on_certificate_request(context, lambda: asked.append(True))
    return asked if can_tell else None


def _chain(sock: ssl.SSLSocket) -> tuple[CertificateFacts, ...]:
    """What the VTN showed, its own certificate first; that one alone on Python 3.9."""
    found = shown_chain(sock)
    if not found:
        with contextlib.suppress(ssl.SSLError, ValueError):
            leaf = sock.getpeercert(binary_form=True)
            found = [leaf] if leaf else []
    return tuple(each for each in map(describe_der, found) if each is not None)


def _leaf_der(exam: Examination) -> Optional[bytes]:
    with _connect(exam, exam.context()) as sock:
        sock.do_handshake()
        return sock.getpeercert(binary_form=True)


# --- words ----------------------------------------------------------------------------------------


def _explain(cause: BaseException, exam: Examination) -> str:
    wire = Wire(exam.route)
    wire.certificate_names = exam.chain[0].names if exam.chain else ()
    text = handshakes.explanation(cause, wire)
    return f"{text[:1].upper()}{text[1:]}"


def _is_about_client(cause: BaseException, exam: Examination) -> bool:
    if handshakes.is_refusal(cause):
        return True
    # A VTN of TLS 1.2 that wants a certificate and got none may say no more than "handshake
    # failure", after its own part.
    asked = bool(exam.chain) if exam.asked_for_certificate is None else exam.asked_for_certificate
    return asked and getattr(cause, "reason", "") in _NO_CERTIFICATE


def _hung_up(cause: BaseException) -> bool:
    return isinstance(cause, (ssl.SSLEOFError, ConnectionError))


def _explain_refusal(cause: BaseException, exam: Examination) -> str:
    if handshakes.is_refusal(cause):
        return _explain(cause, exam)
    given = f"got {exam.own.subject}" if exam.own else "got none"
    if exam.asked_for_certificate is False:
        return (
            f"The VTN asked for no client certificate, but hung up after the handshake. "
            f"{_explain(cause, exam)}"
        )
    return f"The VTN asked for a client certificate, {given}, and hung up. {_explain(cause, exam)}"


def _client_facts(exam: Examination) -> str:
    exam.facts["asked_for"] = exam.asked_for_certificate
    if exam.own is not None:
        taken = (
            "the VTN took" if exam.asked_for_certificate is not False else "the VTN did not ask for"
        )
        return f"{taken} {exam.own.subject}"
    if exam.asked_for_certificate:
        exam.notes.append(
            "The VTN asks for a client certificate but goes on without one. OpenADR wants one "
            "(rule L3)."
        )
    return "none given, and the VTN goes on without"


def _client_advice(exam: Examination) -> str:
    if exam.own is None:
        return "With this command: --cert FILE --key FILE."
    return (
        f"Tell the VTN's operator: certificate {exam.own.subject}, issued by "
        f"{_issuer(exam.own)}, fingerprint {exam.own.fingerprint}."
    )


def _issuer(link: CertificateFacts) -> str:
    return "itself" if link.is_self_signed else link.issuer


def _chain_advice(exam: Examination) -> str:
    now = now_utc()
    for link in exam.chain:
        if link.validity(now):
            return f"{link.subject} {link.validity(now)}."
    if not exam.chain:
        return ""
    trusted = f" {exam.ca_file} holds: {_describe_trust(exam.ca_file)}." if exam.ca_file else ""
    last = exam.chain[-1]
    missing = last.subject if last.is_self_signed else last.issuer
    sent = (
        ""
        if last.is_self_signed
        else f" The VTN does not send the certificate of {missing}: if that is an intermediate, "
        "its operator must install the full chain; until then put it into your ca_file as well."
    )
    return f"Not trusted here is {missing}. With this command: --ca-file FILE.{trusted}{sent}"


def _describe_trust(ca_file: str) -> str:
    try:
        found: tuple[x509.Certificate, ...] = read_certificates(*content(ca_file, "ca_file"))
    except ConfigurationError:
        return "a folder"
    return "; ".join(each.subject.rfc4514_string() for each in found[:5])
