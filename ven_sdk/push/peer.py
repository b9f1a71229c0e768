"""Who calls, and what it gets: the values that pass between a server and ``receive``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

XML_TYPES: frozenset[bytes] = frozenset({b"application/xml", b"text/xml"})
"""The content types of OpenADR 2.0b (rule H3)."""


@dataclass(frozen=True)
class Peer:
    """Who sent a request. ``certificate`` (DER) was verified by TLS, here or at the proxy in front;
    None where the connection had none.
    """

    address: str
    certificate: Optional[bytes] = field(default=None, repr=False)


class Response(NamedTuple):
    """What goes back: HTTP status, further headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Receive = Callable[[str, bytes, Peer], Response]
"""``receive(path, body, peer)`` takes one message in. It may block; it does not raise."""


def plain_response(status: int, text: str, headers: Optional[Mapping[str, str]] = None) -> Response:
    """A response for a person who reads the log of the other side."""
    return Response(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, text.encode()
    )
