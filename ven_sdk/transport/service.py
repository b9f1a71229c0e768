"""What never changes about the requests to one URL, prepared once: address, route, headers, head of
the message.

Pure, and shared by all connections of the process.
"""

from __future__ import annotations

import functools
from base64 import b64encode
from collections.abc import Mapping
from typing import Optional
from urllib.parse import unquote, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy

from ..config import has_usable_host
from ..errors import ConfigurationError
from ..text import without_secrets
from .route import Proxy, Route

_LARGE = 1 << 16
_PORTS = {"http": 80, "https": 443}


class Service:
    """One URL to post to. ``where`` names it in logs and errors, without credentials or query."""

    __slots__ = ("_head", "_headers", "_last", "_url", "path", "route", "where")

    def __init__(self, url: str, agent: str, proxy: Optional[str], content_type: str) -> None:
        prepared = _prepare(url, agent, content_type)
        parts = urlsplit(prepared.url or "")
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        port = parts.port or _PORTS[parts.scheme]
        place = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
        self.where: str = f"{parts.scheme}://{place}{parts.path}"
        self.route: Route = Route(parts.scheme == "https", host, port, _proxy(proxy))
        self.path: str = parts.path or "/"
        self._url = prepared.url
        self._headers = _headers(prepared.headers, place, self.route)
        self._last: tuple[object, CaseInsensitiveDict[str]] = (None, CaseInsensitiveDict())
        target = prepared.path_url
        if self.route.proxy and not self.route.secure:
            target = f"{parts.scheme}://{place}{target}"
        lines = [
            f"POST {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in self._headers.items()),
        ]
        self._head = (
            "\r\n".join([*lines, "Content-Length: %d", "", ""])
            .encode("latin-1")
            .replace(b"%", b"%%")
            .replace(b"%%d", b"%d")
        )

    def message(self, body: bytes, cookie: Optional[str] = None) -> tuple[bytes, ...]:
        """The request as it goes over the wire: one piece where it is small, so that it leaves in
        one packet.
        """
        head = self._head % len(body)
        if cookie is not None:
            head = head[:-2] + f"Cookie: {cookie}\r\n\r\n".encode("latin-1")
        return (head + body,) if len(body) < _LARGE else (head, body)

    def request(self, body: bytes, cookie: Optional[str] = None) -> requests.PreparedRequest:
        """The same request as ``requests`` knows it, for its adapter and for what stands in for
        that in tests.
        """
        request = requests.PreparedRequest()
        request.method = "POST"
        request.url = self._url
        request.headers = self._headers_for(len(body), cookie)
        request.body = body
        return request

    def _headers_for(self, length: int, cookie: Optional[str]) -> CaseInsensitiveDict[str]:
        """The headers, which nobody changes: those of the last request, where they are the same."""
        facts, (known, headers) = (length, cookie), self._last
        if known != facts:
            headers = CaseInsensitiveDict(self._headers)
            headers["Content-Length"] = str(length)
            if cookie is not None:
                headers["Cookie"] = cookie
            self._last = (facts, headers)
        return headers


def service(url: str, agent: str, proxy: Optional[str], content_type: str) -> Service:
    """The prepared service, whose messages are of ``content_type``; ``ConfigurationError`` for an
    address that no request can be made of.
    """
    return _known_service(url, agent, proxy, content_type)


# hides from type checkers what it takes
_known_service = functools.lru_cache(maxsize=1024)(Service)


def proxy_of(url: str, proxies: Optional[Mapping[str, str]]) -> Optional[str]:
    """The proxy for ``url``, with the keys that ``requests`` knows: ``https``, ``all``,
    ``https://host`` …
    """
    return select_proxy(url, dict(proxies)) if proxies else None


def check_proxies(proxies: Optional[Mapping[str, str]]) -> None:
    """Raise ``ConfigurationError`` for a proxy that cannot be used."""
    for address in (proxies or {}).values():
        _proxy(address)


def _prepare(url: str, agent: str, content_type: str) -> requests.PreparedRequest:
    # Not Session.prepare_request: that looks into .netrc and cookies. A body comes with a message.
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_method("POST")
        prepared.prepare_url(url, None)
        prepared.prepare_headers({"User-Agent": agent, "Content-Type": content_type})
        prepared.prepare_auth(None)
    except (requests.RequestException, ValueError) as cause:
        raise ConfigurationError(
            f"{_show_url(url)} is no URL to post to: {cause}. Expected something like "
            "https://vtn.example.com."
        ) from cause
    if urlsplit(prepared.url or "").scheme not in _PORTS:
        raise ConfigurationError(
            f"{_show_url(url)} is no URL to post to: it must begin with https:// "
            "(or http:// in tests)."
        )
    return prepared


def _headers(prepared: Mapping[str, str], place: str, route: Route) -> CaseInsensitiveDict[str]:
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    headers["Host"] = place
    headers["User-Agent"] = prepared["User-Agent"]
    headers["Accept-Encoding"] = "identity"  # nothing that comes is ever inflated
    headers["Connection"] = "keep-alive"
    headers["Content-Type"] = prepared["Content-Type"]
    if "Authorization" in prepared:  # user:password in the URL
        headers["Authorization"] = prepared["Authorization"]
    if route.proxy and route.proxy.authorization and not route.secure:
        headers["Proxy-Authorization"] = route.proxy.authorization
    return headers


def _proxy(address: Optional[str]) -> Optional[Proxy]:
    if not address:
        return None
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:  # whose text may show a password
        raise ConfigurationError(
            f"The proxy {_show_url(address)} cannot be used: it has no usable host and port."
        ) from None
    if parts.scheme == "http" and (parts.port == 0 or not has_usable_host(parts)):
        raise ConfigurationError(
            f"The proxy {_show_url(address)} cannot be used: it has no usable host and port."
        )
    if parts.scheme != "http" or not host:
        raise ConfigurationError(
            f"The proxy {_show_url(address)} cannot be used: only proxies at http:// addresses are "
            "supported (https:// VTNs are reached through them by CONNECT)."
        )
    authorization = None
    if parts.username:
        authorization = _basic(unquote(parts.username), unquote(parts.password or ""))
    return Proxy(host, port, authorization)


def _basic(user: str, password: str) -> str:
    """The credentials as RFC 7617 has them."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _show_url(url: object) -> str:
    _, at, rest = str(url).rpartition("@")
    return repr(f"…@{without_secrets(rest)}" if at else without_secrets(rest))
