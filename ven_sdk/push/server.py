"""The listener of one identity: its certificate is shown, its authority vouches for callers, and
its pin is asked for. Renewed files count from the next connection on.
"""

from __future__ import annotations

import ssl
from typing import Callable, Optional, Protocol

from ..errors import ConfigurationError
from ..security.credentials import Credentials, Source
from ..security.tls import server_context
from .listener import Limits, Listener
from .peer import Receive


class ServerIdentity(Protocol):
    """What a listener needs to know of who it is."""

    @property
    def credentials(self) -> Optional[Credentials]:
        """The certificate and key to show."""

    @property
    def ca_file(self) -> Optional[Source]:
        """Who vouches for callers."""

    def check_caller(self, certificate: Optional[bytes]) -> None:
        """SecurityError where the certificate is not the pinned one."""


def listener_of(
    identity: ServerIdentity,
    host: str,
    port: int,
    receive: Receive,
    *,
    encrypted: bool,
    knows: Callable[[str], bool],
    limits: Optional[Limits] = None,
) -> Listener:
    """The listener of ``identity``, not yet started. ConfigurationError where it has no
    certificate to show, or its files are unusable.
    """
    if not encrypted:
        return Listener(host, port, receive, knows=knows, limits=limits)
    contexts = _Contexts(identity)
    contexts()  # mistakes surface here
    return Listener(
        host,
        port,
        receive,
        context=contexts,
        check_peer=identity.check_caller,
        knows=knows,
        limits=limits,
    )


class _Contexts:
    """The TLS settings for the next connection, made again when the certificate was renewed."""

    def __init__(self, identity: ServerIdentity) -> None:
        self._identity = identity
        self._made: Optional[tuple[Credentials, ssl.SSLContext]] = None

    def __call__(self) -> ssl.SSLContext:
        credentials = self._identity.credentials
        if credentials is None:
            raise ConfigurationError(
                "push with https:// needs cert and key: the VTN wants to see the VEN's certificate."
            )
        if self._made is None or self._made[0] is not credentials:
            self._made = credentials, server_context(credentials, self._identity.ca_file)
        return self._made[1]
