"""Who calls, and what it gets: the values that pass between a server and ``receive``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

from ..argument_names import checked_names
from ..errors import ConfigurationError
from ..text import repr_of


@checked_names
@dataclass(frozen=True)
class Peer:
    """Who sent a request, and what its head says of the body. ``certificate`` (DER) was verified by
    TLS, here or at the proxy in front; None where the connection had none. ``media_type`` is that
    of the Content-Type, in lower case and without parameters; None where it was not looked at.
    """

    address: str
    certificate: Optional[bytes] = field(default=None, repr=False)
    media_type: Optional[str] = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.address, str):
            raise ConfigurationError(f"address of a Peer is a text, not {repr_of(self.address)}.")
        if not isinstance(self.certificate, (bytes, type(None))):
            raise ConfigurationError(
                "certificate of a Peer is what TLS gives, bytes (DER); of a PEM text, "
                "ssl.PEM_cert_to_DER_cert(text) makes it."
            )


class Response(NamedTuple):
    """What goes back: HTTP status, further headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_request(path: object, body: object, peer: object) -> None:
    """Refuse what no web server hands on. ``ConfigurationError`` names the argument."""
    for name, given, kind in (("path", path, str), ("body", body, bytes), ("peer", peer, Peer)):
        if not isinstance(given, kind):
            raise ConfigurationError(
                f"{name} must be {'a ven_sdk.push.Peer' if kind is Peer else kind.__name__}, not "
                f"{repr_of(given)}."
            )


Receive = Callable[[str, bytes, Peer], Response]
"""``receive(path, body, peer)`` takes one message in. It may block; it does not raise."""


def refuse_type(media_type: Optional[str], taken: frozenset[str]) -> Optional[Response]:
    """What answers a message whose type is none of those ``taken``: None for one that is, and
    where the type is not known.
    """
    if media_type is None or media_type in taken:
        return None
    return plain_response(406, f"Content-Type is {min(taken)} here.\n")


def plain_response(status: int, text: str, headers: Optional[Mapping[str, str]] = None) -> Response:
    """A response for a person who reads the log of the other side."""
    return Response(
        status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}, text.encode()
    )
