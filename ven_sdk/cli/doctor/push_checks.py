"""The steps of ``doctor --push``: from the address that a VTN is told, from outside in, to the
place where the VEN listens.

It calls as a VTN would, with the VEN's own certificate, since it has no other. At the end stands a
listener of its own (:mod:`.push_listener`), or, where its port is taken, the VEN that runs there.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
from typing import NamedTuple, Optional
from urllib.parse import urlsplit

from ...config import push_settings
from ...errors import ConfigurationError
from ...oadr20b.addresses import DEFAULT_PATH
from ...oadr20b.kind import OpenADR20b
from ...profiles import trim_push
from ...security.ssl_seam import shown_chain
from ...transport import handshakes
from ...transport.route import Route
from ..certificates import describe_certificate, describe_der, now_utc
from .examination import SOON, BrokenLink, Examination, Step
from .network_checks import own_identity
from .probes import hear_refusal, speaks_http, speaks_tls
from .push_listener import PushListener, trust

EVENTS = f"{DEFAULT_PATH}/EiEvent"
BODY = b"<doctor/>"
"""No message: a VEN answers it with 406, whatever else it thinks of the caller."""
GATEWAY = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
UNADMITTED = frozenset({400, 401, 403, 495, 496})
"""What web servers and VENs say to a caller without the right certificate (495, 496: nginx)."""
EXPIRED, NOT_YET, HOST_NAME, ADDRESS = 10, 9, 62, 64
"""OpenSSL's codes of what is wrong with a certificate."""
FULL_PAGE = 65536


class Answer(NamedTuple):
    """What came back over HTTP."""

    status: int
    server: str
    body: bytes


# --- the address and what is behind it here -------------------------------------------------------


def _address(exam: Examination) -> str:
    found = push_settings(exam.url, "response", None)
    assert found is not None
    found = trim_push(OpenADR20b(), found)
    given, exam.url = exam.url, found.address
    place = urlsplit(found.address)
    secure = place.scheme == "https"
    host, port = place.hostname or "", place.port or (443 if secure else 80)
    exam.route = Route(secure, host, port, None)
    exam.facts.update(address=found.address, host=host, port=port)
    if not secure:
        exam.notes.append("Plain http:// is for tests only: anybody may send messages (rule L9).")
    if given.strip().rstrip("/") != found.address:
        exam.details.append(f"from {given!r}; VTNs add {EVENTS} and the like")
    return found.address


def _own_files(exam: Examination) -> str:
    if not exam.route.secure:
        return "none needed"
    exam.identity = own_identity(exam)
    if exam.identity.credentials is None:
        raise BrokenLink(
            "A listener with https:// has to show a certificate, and none is given.",
            advice="With this command: --cert FILE --key FILE.",
        )
    exam.own = own = describe_certificate(exam.identity.credentials.certificate)
    exam.details.append(f"issued by {own.issuer}, {own.key}, {own.dates(now_utc())}")
    if own.ends - now_utc() < SOON:
        exam.notes.append(f"The certificate ends on {own.ends:%Y-%m-%d}: renew it soon.")
    return f"{own.subject}; callers need a certificate of {exam.ca_file or 'the system store'}"


def _listener(exam: Examination) -> str:
    listen = exam.listen or f"0.0.0.0:{exam.route.port}"
    try:
        exam.listener = PushListener(listen, None if exam.proxied else exam.identity)
    except ConfigurationError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        exam.notes.append(
            f"{listen} cannot be listened on here ({error.__cause__.strerror}): if the VEN runs, "
            "what it answers is examined; otherwise give --listen as the VEN has it."
        )
        return "none of this command's own"
    spoken = "plain HTTP, behind a proxy" if exam.proxied else exam.url.partition(":")[0]
    return f"this command listens on {exam.listener.host_and_port} ({spoken})"


# --- the way from outside -------------------------------------------------------------------------


def _name(exam: Examination) -> str:
    host, port = exam.route.host, exam.route.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as cause:
        raise BrokenLink(
            f"The name {host!r} in the push address is not known to the name server of this "
            "machine.",
            advice="Have it entered into the public DNS, or put an IP address into push.",
        ) from cause
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    exam.facts["addresses"] = addresses
    if all(ipaddress.ip_address(each.partition("%")[0]).is_loopback for each in addresses):
        exam.notes.append("That is this machine's loopback: no other machine reaches it.")
    elif not any(ipaddress.ip_address(each.partition("%")[0]).is_global for each in addresses):
        exam.notes.append("That is a private address: a VTN on the Internet does not reach it.")
    return f"{host} is {', '.join(addresses)}"


def _port(exam: Examination) -> str:
    route = exam.route
    try:
        exam.connect().close()
    except OSError as cause:
        listens = (
            f"This command listens on {exam.listener.host_and_port}: port {route.port} of "
            f"{route.host} must lead there, through firewall and address translation."
            if exam.listener is not None
            else "Start the VEN, or give --listen, so that somebody listens."
        )
        if isinstance(cause, ConnectionRefusedError):
            text = f"Nothing listens on port {route.port} of {route.host}: it is closed."
        else:
            text = (
                f"Port {route.port} of {route.host} does not answer "
                f"({cause.strerror or 'no answer in time'})."
            )
        raise BrokenLink(text, advice=listens) from cause
    return f"{route.port} is open from here; a firewall may yet keep the VTN out"


def _tls(exam: Examination) -> str:
    context = _caller(exam, certificate=True)
    try:
        with (
            exam.connect() as raw,
            context.wrap_socket(raw, server_hostname=exam.route.host) as sock,
        ):
            version, cipher = sock.version() or "TLS", (sock.cipher() or ("",))[0]
            exam.shown = tuple(_read_chain(sock))
            exam.refusal = hear_refusal(sock, exam.timeout)
    except OSError as cause:
        if isinstance(cause, socket.timeout) or not speaks_tls(exam.route, exam.timeout):
            raise BrokenLink(_no_tls(exam), advice=_port_advice(exam)) from cause
        exam.refusal = cause
        return "spoken; the certificate that this command calls with was refused"
    exam.facts.update(version=version, cipher=cipher)
    return f"{version}, {cipher}"


def _no_tls(exam: Examination) -> str:
    route = exam.route
    if speaks_http(route, exam.timeout):
        return f"Port {route.port} of {route.host} speaks plain HTTP, and push says https://."
    return (
        f"Port {route.port} of {route.host} belongs to something else: it speaks neither TLS nor "
        "HTTP."
    )


def _port_advice(exam: Examination) -> str:
    there = f" This command listens on {exam.listener.host_and_port}." if exam.listener else ""
    return f"Check the port in push, and where it is forwarded to.{there}"


def _certificate(exam: Examination) -> str:
    """What a VTN sees: the dates, and the name where it checks that."""
    shown = [each for each in map(describe_der, exam.shown) if each is not None]
    if not shown:
        return "not seen, as the caller was refused"
    leaf = shown[0]
    cause = _verify(exam)
    if cause is not None and cause.verify_code in (EXPIRED, NOT_YET):
        raise BrokenLink(
            f"The certificate that a VTN sees {leaf.validity(now_utc()) or 'is not valid now'}: "
            f"{leaf.subject}.",
            advice=f"Renew it {_name_owner(exam, leaf.sha256)}.",
        )
    if cause is not None and cause.verify_code in (HOST_NAME, ADDRESS):
        raise BrokenLink(
            f"The certificate that a VTN sees is for {', '.join(leaf.names) or 'no name at all'}, "
            f"not for {exam.route.host}: a VTN that checks the name hangs up.",
            advice="Put a name of the certificate into push, or get one for this name.",
        )
    if cause is not None:
        raise BrokenLink(f"A VTN does not accept the certificate: {cause.verify_message}.")
    if exam.own is not None and leaf.sha256 != exam.own.sha256:
        exam.notes.append("It is not that of --cert: a proxy, or another server, answers here.")
    exam.details.append(f"issued by {leaf.issuer}: whether the VTN trusts it, its operator knows")
    return f"{leaf.subject}, {leaf.dates(now_utc())}"


def _name_owner(exam: Examination, sha256: str) -> str:
    own = exam.own is not None and exam.own.sha256 == sha256
    return "(--cert)" if own else "where TLS ends: it is not that of --cert"


def _demand_certificate(exam: Examination) -> str:
    """Whoever has no certificate gets no further."""
    try:
        answer = _post(exam, certificate=False)
    except (OSError, http.client.HTTPException):
        return "demanded: nobody gets in without one"
    if answer.status in UNADMITTED:
        return f"demanded: who has none gets HTTP status {answer.status}"
    raise BrokenLink(
        f"No client certificate is demanded: a caller without one got HTTP status {answer.status}"
        f"{_name_server(answer)}.",
        advice="Let what ends TLS demand one (nginx: ssl_verify_client on; Caddy: "
        "mode require_and_verify), or forward the connection to the VEN's own listener.",
    )


def _path(exam: Examination) -> str:
    """HTTP to the end: our own listener's word, or the VEN's 406."""
    if exam.refusal is not None:
        return _skip_path(exam)
    try:
        answer = _post(exam, certificate=True)
    except (OSError, http.client.HTTPException) as cause:
        if handshakes.is_refusal(cause):
            return _skip_path(exam)
        if exam.route.secure or speaks_http(exam.route, exam.timeout):
            raise BrokenLink(
                f"The request was not answered: {cause or type(cause).__name__}.",
                advice=_port_advice(exam),
            ) from cause
        raise BrokenLink(_nothing_known(exam), advice=_port_advice(exam)) from cause
    return _judge(answer, exam)


def _skip_path(exam: Examination) -> str:
    exam.notes.append(
        "What answers does not take this VEN's certificate for a VTN's, which may be right. Stop "
        "it while this command listens in its place, to see the rest."
    )
    return "not seen"


def _nothing_known(exam: Examination) -> str:
    what = "TLS" if speaks_tls(exam.route, exam.timeout) else "something else"
    says = ", and push says http://" if what == "TLS" else ": it answers no HTTP"
    return f"Port {exam.route.port} of {exam.route.host} speaks {what}{says}."


def _judge(answer: Answer, exam: Examination) -> str:
    wanted = f"{urlsplit(exam.url).path.rstrip('/')}{EVENTS}"
    arrived = exam.listener.paths[-1:] if exam.listener is not None else []
    if exam.listener is not None and answer.body == exam.listener.word.encode():
        if arrived != [wanted]:
            raise BrokenLink(
                f"What was sent to the path {wanted} arrived at {arrived[0]}: something on the way "
                "changes paths.",
                advice="Let the proxy pass the path as it is (nginx: proxy_pass without a path).",
            )
        return f"a call to {wanted} arrived at this command's listener"
    if answer.status in GATEWAY:
        raise BrokenLink(
            f"A proxy answers with HTTP status {answer.status} ({GATEWAY[answer.status]})"
            f"{_name_server(answer)}: it does not reach what is behind it.",
            advice=_advise_proxy(exam),
        )
    if answer.status == 404:
        raise BrokenLink(
            f"There is nothing at {wanted} (HTTP status 404{_name_server(answer)}).",
            advice="The path in push must be that of the VEN's push argument, and a proxy must "
            "pass it on.",
        )
    if exam.listener is None and answer.status == 406:
        return f"a VEN listens at {wanted}"
    if answer.status in UNADMITTED:
        raise BrokenLink(
            f"This VEN's certificate was not admitted (HTTP status {answer.status}"
            f"{_name_server(answer)}).",
            advice="A proxy must hand the caller's certificate on, and the VEN must name the proxy "
            "in trusted_proxies.",
        )
    raise BrokenLink(
        f"Something else answers at {wanted}: HTTP status {answer.status}{_name_server(answer)}.",
        advice=_port_advice(exam),
    )


def _advise_proxy(exam: Examination) -> str:
    if exam.listener is None:
        return "Start what is behind it, or give --listen (and --proxied where it speaks HTTP)."
    spoken = "plain HTTP" if exam.proxied else "TLS (with --proxied: plain HTTP)"
    place = exam.listener.host_and_port
    return f"Let it pass requests to {place}, where this command speaks {spoken}."


def _name_server(answer: Answer) -> str:
    return f", from {answer.server}" if answer.server else ""


PUSH_STEPS: list[tuple[str, Step]] = [
    ("push address", _address),
    ("own files", _own_files),
    ("listener", _listener),
    ("name", _name),
    ("port", _port),
    ("TLS", _tls),
    ("certificate", _certificate),
    ("client certificate", _demand_certificate),
    ("path", _path),
]
TLS_ONLY = frozenset({"TLS", "certificate", "client certificate"})


# --- calling --------------------------------------------------------------------------------------


def _caller(exam: Examination, *, certificate: bool) -> ssl.SSLContext:
    """A context that believes whatever is shown, with this VEN's certificate where that is
    wanted.
    """
    context = exam.context(check_hostname=False) if certificate else _bare_context()
    context.verify_mode = ssl.CERT_NONE
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return context


def _read_chain(sock: ssl.SSLSocket) -> list[bytes]:
    found = shown_chain(sock)
    leaf = sock.getpeercert(binary_form=True)
    return found or ([leaf] if leaf else [])


def _verify(exam: Examination) -> Optional[ssl.SSLCertVerificationError]:
    """What is wrong with the certificate for somebody who trusts its issuer."""
    context = exam.context(check_hostname=True)
    trust(context, *exam.shown)
    try:
        with exam.connect() as raw, context.wrap_socket(raw, server_hostname=exam.route.host):
            return None
    except ssl.SSLCertVerificationError as cause:
        return cause
    except OSError:
        return None


def _post(exam: Examination, *, certificate: bool) -> Answer:
    """The answer to a request as a VTN makes it."""
    place, host, port, timeout = urlsplit(exam.url), exam.route.host, exam.route.port, exam.timeout
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    if exam.route.secure:
        context = _caller(exam, certificate=certificate)
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            f"{place.path.rstrip('/')}{EVENTS}",
            BODY,
            {"Content-Type": "application/xml", "Connection": "close"},
        )
        response = connection.getresponse()
        server = re.sub(r"[^\w./ ()-]", "", response.headers.get("Server") or "")[:40]
        return Answer(response.status, server, response.read(FULL_PAGE))
