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
)
"""What the pages of proxies and firewalls say of themselves."""
_NAMESPACES = (
    (b"openadr.org/oadr-2.0a/", "OpenADR 2.0a"),
    (b"openadr.org/DRAS/", "OpenADR 1.0"),
)
_ENVELOPES = (
    b"http://schemas.xmlsoap.org/soap/envelope/",
    b"http://www.w3.org/2003/05/soap-envelope",
)


def recognise(answer: Answer) -> Optional[Recognition]:
    """What answered, where it can be told; None where it may be a VTN."""
    content = answer.content[:20_000]
    return (
        _web_server(content.lower())
        or _proxy(answer, content.lower())
        or _challenge(answer)
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
        "proxy that is needed is proxies of the client, or HTTPS_PROXY.",
    )


def _challenge(answer: Answer) -> Optional[Recognition]:
    """A WWW-Authenticate header: OpenADR 2.0b knows no log-in over HTTP."""
    scheme = (answer.headers.get("WWW-Authenticate") or "").partition(" ")[0].strip(",").lower()
    if answer.status_code != 401 or not scheme:
        return None
    if scheme == "bearer":
        return Recognition(
            "What answers wants an OAuth2 token (a Bearer challenge). OpenADR 3 works so; a VTN of "
            "OpenADR 2.0b knows a VEN by its certificate.",
            "Ask its operator for the address of the OpenADR 2.0b service: this SDK speaks 2.0b.",
        )
    return Recognition(
        f"What answers wants a user name and a password (a {scheme.capitalize()} challenge). A VTN "
        "of OpenADR 2.0b knows a VEN by its certificate, not by a password.",
        "Check host, port and path in URL: a proxy, a gateway or an administrator's page may be "
        "answering. If it is the VTN, ask its operator to admit this VEN by its certificate.",
    )


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
