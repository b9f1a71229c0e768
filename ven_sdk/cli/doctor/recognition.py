"""Recognising what answered in the place of a VTN of OpenADR 2.0b: a web server's page, a log-in,
an API of another kind. Pure functions of an answer.
"""

from __future__ import annotations

import json
from typing import NamedTuple, Optional

from ...transport.answers import Answer


class Recognition(NamedTuple):
    """What answered, in a sentence, and what to do about it."""

    text: str
    advice: str


_PLAIN_TO_TLS = (
    b"plain http request was sent to https",
    b"plain http to an ssl-enabled",
    b"sent an http request to an https server",
    b"combination of host and port requires tls",
)
_NO_CERTIFICATE = (b"no required ssl certificate was sent",)
_BAD_CERTIFICATE = (b"the ssl certificate error",)
_FIREWALLS = (
    b"zscaler",
    b"fortiguard",
    b"fortigate",
    b"blue coat",
    b"bluecoat",
    b"squid",
    b"palo alto networks",
    b"sophos",
    b"forcepoint",
    b"your organization",
    b"web filter",
    b"blocked by",
    b"just a moment...",
    b"attention required! | cloudflare",
)
"""What the pages of proxies and firewalls say of themselves."""
_NAMESPACES = (
    (b"openadr.org/oadr-2.0a/", "OpenADR 2.0a"),
    (b"openadr.org/DRAS/", "OpenADR 1.0"),
    (b"urn:ieee:std:2030.5:ns", "IEEE 2030.5"),
)
_ENVELOPES = (
    b"http://schemas.xmlsoap.org/soap/envelope/",
    b"http://www.w3.org/2003/05/soap-envelope",
    b"http://schemas.xmlsoap.org/wsdl/",
)
_CHALLENGES = {
    "ntlm": "NTLM",
    "negotiate": "Negotiate (Kerberos or NTLM)",
    "basic": "Basic",
    "digest": "Digest",
}
"""How log-ins over HTTP are called, whatever case a server writes them in."""
_WRONG_NAME = (b"invalid hostname", b"misdirected request")


def recognise(answer: Answer) -> Optional[Recognition]:
    """What answered, where it can be told; None where it may be a VTN."""
    content = answer.content[:20_000]
    return (
        _web_server(content.lower())
        or _proxy(answer, content.lower())
        or _challenge(answer)
        or _by_status(answer)
        or _portal(answer)
        or _json(answer, content)
        or _other_profile(content)
        or _page(answer, content)
    )


def _web_server(page: bytes) -> Optional[Recognition]:
    """The pages of nginx, Apache, Go and Tomcat about TLS."""
    if any(words in page for words in _PLAIN_TO_TLS):
        return Recognition(
            "This port speaks TLS, and got plain HTTP: the web server in front of the VTN says so.",
            "Use https:// in URL (vtn_url).",
        )
    if any(words in page for words in _NO_CERTIFICATE):
        return Recognition(
            "The web server in front of the VTN wants a client certificate and got none.",
            "With this command: --cert FILE --key FILE (cert, key).",
        )
    if any(words in page for words in _BAD_CERTIFICATE):
        return Recognition(
            "The web server in front of the VTN refuses the client certificate.",
            "Check --cert (cert) with the VTN's operator: its CA, its dates, and that the file "
            "holds the intermediate certificates too.",
        )
    return None


def _proxy(answer: Answer, page: bytes) -> Optional[Recognition]:
    """The page of a proxy or firewall between here and the VTN that lets nothing through."""
    is_squid = answer.headers.get("X-Squid-Error") is not None
    if answer.status_code < 400 or not (is_squid or any(words in page for words in _FIREWALLS)):
        return None
    return Recognition(
        f"A proxy or firewall on the way refuses (HTTP status {answer.status_code}): the VTN has "
        "not seen the message.",
        "Ask who runs this network to let this machine reach the VTN's host and port in URL. A "
        "proxy that is needed is proxies of the client: HTTPS_PROXY is not looked at.",
    )


def _challenge(answer: Answer) -> Optional[Recognition]:
    """A WWW-Authenticate header: OpenADR 2.0b knows no log-in over HTTP."""
    challenge = (answer.headers.get("WWW-Authenticate") or "").replace(",", " ").split()
    if answer.status_code != 401 or not challenge:
        return None
    scheme = challenge[0]
    if scheme.lower() == "bearer":
        return Recognition(
            "What answers wants an OAuth2 token (a Bearer challenge). OpenADR 3 works so; a VTN of "
            "OpenADR 2.0b knows a VEN by its certificate.",
            "Ask its operator for the address of the OpenADR 2.0b service: this SDK speaks 2.0b.",
        )
    return Recognition(
        "What answers wants a user name and a password (challenge "
        f"{_CHALLENGES.get(scheme.lower(), scheme)}). A VTN of OpenADR 2.0b knows a VEN by its "
        "certificate, not by a password.",
        "Check host, port and path in URL: a proxy, a gateway or an administrator's page may be "
        "answering. If it is the VTN, ask its operator to admit this VEN by its certificate.",
    )


def _by_status(answer: Answer) -> Optional[Recognition]:
    """Statuses that web servers and networks have for what is no matter of the VTN's."""
    if answer.status_code == 407:
        return Recognition(
            "A proxy on the way wants a user name and a password (HTTP status 407): the VTN has "
            "not seen the message.",
            "Put them into the address of proxies of the client: http://user:password@proxy. URL "
            "may be right.",
        )
    if answer.status_code == 495:
        return Recognition(
            "The web server in front of the VTN refuses the client certificate (HTTP status 495).",
            "Check --cert (cert) with the VTN's operator: its CA, and its dates.",
        )
    if answer.status_code == 496:
        return Recognition(
            "The web server in front of the VTN wants a client certificate and got none (HTTP "
            "status 496).",
            "With this command: --cert FILE --key FILE (cert, key).",
        )
    if answer.status_code == 421 or any(
        words in answer.content[:2000].lower() for words in _WRONG_NAME
    ):
        return Recognition(
            f"The web server that answers has no site of the name in URL (HTTP status "
            f"{answer.status_code}).",
            "Use the VTN's own name in URL, as its operator gave it, not an IP address or another "
            "name of the same machine.",
        )
    return None


def _portal(answer: Answer) -> Optional[Recognition]:
    """A log-in page of the network, or of another program, that takes over whatever is asked."""
    place = (answer.headers.get("Location") or "").lower()
    is_login = any(word in place for word in ("login", "log-in", "signin", "portal", "/auth"))
    if answer.status_code == 511 or (300 <= answer.status_code < 400 and is_login):
        return Recognition(
            f"A log-in page answers in the place of the VTN (HTTP status {answer.status_code}): "
            "the network's own, or that of another program.",
            "Log this machine in to its network, or ask who runs that to let it through. Else "
            "check host, port and path in URL.",
        )
    return None


def _json(answer: Answer, content: bytes) -> Optional[Recognition]:
    kind = (answer.headers.get("Content-Type") or "").lower()
    if "json" not in kind and content.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        value = json.loads(content)
    except ValueError:
        return None
    is_openadr_3 = isinstance(value, dict) and (
        "objectType" in value or {"title", "status"} <= set(value)
    )
    what = "an OpenADR 3 VTN" if is_openadr_3 else "a web API, perhaps OpenADR 3"
    return Recognition(
        f"What answers speaks JSON: {what}. This SDK speaks OpenADR 2.0b, which is XML.",
        "Ask its operator for the address of the OpenADR 2.0b service.",
    )


def _other_profile(content: bytes) -> Optional[Recognition]:
    for namespace, name in _NAMESPACES:
        if namespace in content:
            return Recognition(
                f"What answers speaks {name}, not OpenADR 2.0b, which this SDK speaks.",
                "Ask its operator for the address of the OpenADR 2.0b service.",
            )
    if any(namespace in content for namespace in _ENVELOPES):
        return Recognition(
            "What answers speaks SOAP; OpenADR 2.0b over simple HTTP has no SOAP envelope.",
            "Ask its operator for the address of the OpenADR 2.0b service.",
        )
    return None


def _page(answer: Answer, content: bytes) -> Optional[Recognition]:
    """A web page with status 200: a log-in, a portal, the wrong port."""
    start = content.lstrip()[:200].lower()
    if answer.status_code != 200 or not start.startswith((b"<!doctype html", b"<html")):
        return None
    what = "a log-in page" if b'type="password"' in content.lower() else "a web page"
    return Recognition(
        f"What answered is no VTN: it sent {what}.",
        "Check host, port and path in URL: a web server, proxy or log-in page may be answering.",
    )
