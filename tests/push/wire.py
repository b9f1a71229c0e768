"""Raw sockets at the place of a VTN that pushes: nothing of the SDK is used here."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Callable, Optional

OPEN = "<open>"


def connect(address: tuple[str, int], source: str = "127.0.0.1") -> socket.socket:
    """A connection from the loopback address ``source``."""
    return socket.create_connection(address, timeout=5, source_address=(source, 0))


def request(
    body: bytes = b"<x/>", path: str = "/OpenADR2/Simple/2.0b/EiEvent", head: str = ""
) -> bytes:
    """A whole request; ``head`` has further header lines, each with its CRLF."""
    lines = (
        f"POST {path} HTTP/1.1\r\nHost: ven\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\n{head}\r\n"
    )
    return lines.encode("latin-1") + body


def exchange(connection: socket.socket, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send ``data`` and read one response: status, headers (lower case), body."""
    connection.sendall(data)
    return response(connection)


def response(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one response; status 0 when the peer hung up without one."""
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            more = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            more = b""
        if not more:
            return 0, {}, received
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])
    }
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body


def is_closed(connection: socket.socket, within: float = 3.0) -> bool:
    """Whether the peer hangs up within so many seconds; what it says before is thrown away."""
    end = time.monotonic() + within
    while True:
        connection.settimeout(max(0.01, end - time.monotonic()))
        try:
            if not connection.recv(65536):
                return True
        except socket.timeout:
            return False
        except OSError:
            return True


def encrypted(
    address: tuple[str, int],
    ca: str,
    certificate: Optional[str] = None,
    key: Optional[str] = None,
    source: str = "127.0.0.1",
    name: str = "",
) -> ssl.SSLSocket:
    """A TLS connection, with a client certificate where one is given."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context.wrap_socket(connect(address, source), server_hostname=name or None)


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until ``condition()``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
