"""A WSGI application (PEP 3333) for those who have a web server: it takes pushed messages in.

The web server does TLS. It hands on the certificate that it verified in a header, which is believed
only when the request comes from one of ``trusted_proxies``: ``Client-Cert`` (RFC 9440) or
``X-SSL-Client-Cert`` (PEM, percent-encoded, as nginx and others write it).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import ssl
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, Protocol, Union

from ..argument_names import named_arguments
from ..arguments import LARGEST_MESSAGE
from ..errors import ConfigurationError
from ..text import repr_of
from .http_request import Refusal
from .peer import Peer, Response

_PHRASES = {200: "OK", 404: "Not Found", 406: "Not Acceptable", 503: "Service Unavailable"}

StartResponse = Callable[[str, "list[tuple[str, str]]"], object]
Application = Callable[[Mapping[str, Any], StartResponse], "list[bytes]"]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Receiver(Protocol):
    """What takes messages in: a client, or a fleet."""

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Take one message in; the answer to send."""


@named_arguments
def wsgi(receiver: Receiver, trusted_proxies: Iterable[str] = ()) -> Application:
    """The application that gives requests to ``receiver`` (an OpenADRClient or a Fleet).

    ``trusted_proxies`` are addresses or networks, such as ``'10.0.0.0/8'``, of the web servers that
    may say which certificate a VTN has shown. ConfigurationError where one is no address.
    """
    networks = _networks(trusted_proxies)
    if isinstance(receiver, type) or not callable(getattr(receiver, "receive", None)):
        raise ConfigurationError(
            f"wsgi() gives requests to an OpenADRClient or a Fleet, not to {repr_of(receiver)}."
        )

    def application(environ: Mapping[str, Any], start_response: StartResponse) -> list[bytes]:
        try:
            response = _receive(environ, receiver, networks)
        except Refusal as refusal:
            response = refusal.response
        status = f"{response.status} {_PHRASES.get(response.status, 'Status')}"
        headers = {**response.headers, "Content-Length": str(len(response.body))}
        start_response(status, list(headers.items()))
        return [response.body]

    return application


def _networks(given: object) -> tuple[Network, ...]:
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"trusted_proxies are addresses and networks, such as ['10.0.0.0/8'], not "
            f"{repr_of(given)}."
        )
    found = []
    for each in (given,) if isinstance(given, str) else given:
        if isinstance(each, (int, bytes)):  # which ipaddress takes for the bits of an address
            raise ConfigurationError(f"trusted_proxies has {repr_of(each)}, which is no text.")
        try:
            found.append(ipaddress.ip_network(each))
        except (ValueError, TypeError) as cause:
            raise ConfigurationError(
                f"trusted_proxies has {repr_of(each)}, which is no address and no network: write "
                "'10.1.2.3' or '10.1.2.0/24'."
            ) from cause
    return tuple(found)


def _receive(
    environ: Mapping[str, Any], receiver: Receiver, networks: tuple[Network, ...]
) -> Response:
    if environ.get("REQUEST_METHOD") != "POST":
        raise Refusal(501, "Only POST is known here.", Allow="POST")
    media = str(environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    given = str(environ.get("CONTENT_LENGTH") or "")
    if not given.isascii() or not given.isdigit():
        raise Refusal(411, "A request has a Content-Length here.")
    if int(given) > LARGEST_MESSAGE:
        raise Refusal(413, f"A message has {LARGEST_MESSAGE} bytes at most here.")
    body = environ["wsgi.input"].read(int(given))
    decoded = str(environ.get("SCRIPT_NAME") or "") + str(environ.get("PATH_INFO") or "")
    path = urllib.parse.quote(decoded, encoding="latin-1")  # PEP 3333 has bytes in such texts
    address = str(environ.get("REMOTE_ADDR") or "")
    certificate = _certificate(environ) if _is_trusted(address, networks) else None
    return receiver.receive(re.sub("/{2,}", "/", path), body, Peer(address, certificate, media))


def _is_trusted(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def _certificate(environ: Mapping[str, Any]) -> Optional[bytes]:
    """The certificate (DER) that the proxy hands on; a Refusal where it cannot be read."""
    binary = environ.get("HTTP_CLIENT_CERT")
    pem = environ.get("HTTP_X_SSL_CLIENT_CERT")
    if not binary and not pem:
        return None
    try:
        if binary:
            found = re.fullmatch(r"\s*:([A-Za-z0-9+/=]*):\s*", str(binary))
            return base64.b64decode(found[1] if found else "!", validate=True)
        return ssl.PEM_cert_to_DER_cert(urllib.parse.unquote(str(pem)).strip())
    except (ValueError, binascii.Error):
        raise Refusal(400, "The proxy's header with the client certificate is malformed.") from None
