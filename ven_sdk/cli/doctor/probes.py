"""Questions to a port beside the way of the VEN, asked when a link is broken to find out why: does
it speak TLS, or plain HTTP; what time is it there? Nothing about the VEN is sent.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from datetime import datetime
from typing import Optional

from ...transport.dates import http_date
from ...transport.route import Route

PATIENCE = 3.0
"""Seconds for a probe at most."""
REFUSED_WITHIN = 0.5
"""Seconds for a refusal to arrive: a round trip."""


def speaks_tls(route: Route, timeout: float) -> bool:
    """Whether a TLS handshake gets as far as the server's own part; nobody is trusted by it.
    ``timeout`` in seconds.
    """
    try:
        with _connect(route, timeout) as raw, _open_context().wrap_socket(raw):
            return True
    except ssl.SSLError as cause:
        return "ALERT" in str(getattr(cause, "reason", ""))  # it answered in TLS
    except OSError:
        return False


def speaks_http(route: Route, timeout: float) -> bool:
    """Whether plain HTTP is answered by HTTP. ``timeout`` in seconds."""
    try:
        with _connect(route, timeout) as raw:
            raw.sendall(f"HEAD / HTTP/1.0\r\nHost: {route.host}\r\n\r\n".encode("latin-1"))
            return raw.recv(5) == b"HTTP/"
    except (OSError, UnicodeError):
        return False


def hear_refusal(sock: ssl.SSLSocket, timeout: float) -> Optional[OSError]:
    """What a server of TLS 1.3 says of the caller's certificate right after the handshake, which
    ``sock`` has behind it; None where it says nothing. ``timeout`` in seconds.
    """
    sock.settimeout(min(REFUSED_WITHIN, timeout))
    try:
        sock.recv(1)
    except socket.timeout:
        return None
    except OSError as refusal:
        return refusal
    return None


def date_of(route: Route, timeout: float) -> Optional[datetime]:
    """The Date header of whoever answers, which is not to be believed more than a hint may be; None
    where there is none. ``timeout`` in seconds.
    """
    limit = min(timeout, PATIENCE)
    connection = (
        http.client.HTTPSConnection(route.host, route.port, timeout=limit, context=_open_context())
        if route.secure
        else http.client.HTTPConnection(route.host, route.port, timeout=limit)
    )
    with contextlib.closing(connection):
        try:
            connection.request("HEAD", "/")
            return http_date(connection.getresponse().headers.get("Date"))
        except (OSError, http.client.HTTPException, UnicodeError):
            return None


def _connect(route: Route, timeout: float) -> socket.socket:
    return socket.create_connection((route.host, route.port), timeout=min(timeout, PATIENCE))


def _open_context() -> ssl.SSLContext:
    """A context that believes everybody: what it brings is a hint for people, never acted on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
