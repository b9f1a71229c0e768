"""The listener of one identity: its certificate is shown, its authority vouches for callers, and
its pin is asked for. Renewed files count from the next connection on.
"""

from __future__ import annotations

import logging
import ssl
from time import monotonic
from typing import Callable, Optional, Protocol

from ..errors import ConfigurationError
from ..security.credentials import Credentials, Source
from ..security.tls import server_context
from .acceptor import Limits
from .listener import Listener
from .peer import Receive

logger: logging.Logger = logging.getLogger(__name__)

LOOK_AFTER = 10.0
"""Seconds between two looks at certificate files."""


class ServerIdentity(Protocol):
    """What a listener needs to know of who it is."""

    @property
    def credentials(self) -> Optional[Credentials]:
        """The certificate and key to show."""

    @property
    def ca_file(self) -> Optional[Source]:
        """Who vouches for callers."""

    def refresh(self) -> bool:
        """Take over files that were renewed on disk; whether there were any."""

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
    """The TLS settings for the next connection, made again when the certificate was renewed. An
    idle VEN sends nothing that would notice: connections look at the files, now and then.
    """

    def __init__(self, identity: ServerIdentity) -> None:
        self._identity = identity
        self._current: Optional[tuple[Credentials, ssl.SSLContext]] = None
        self._look_at = monotonic() + LOOK_AFTER

    def __call__(self) -> ssl.SSLContext:
        if monotonic() >= self._look_at:
            self._look_at = monotonic() + LOOK_AFTER
            self._identity.refresh()
        credentials = self._identity.credentials
        if credentials is None:
            raise ConfigurationError(
                "push with https:// needs cert and key: the VTN wants to see the VEN's certificate."
            )
        if self._current is None or self._current[0] is not credentials:
            self._current = credentials, self._make(credentials)
        return self._current[1]

    def _make(self, credentials: Credentials) -> ssl.SSLContext:
        """Where ``ca_file`` cannot be used just now, what was trusted before is."""
        try:
            return server_context(credentials, self._identity.ca_file)
        except ConfigurationError as error:
            if self._current is None:
                raise
            logger.error(
                "The renewed certificate files cannot be used for pushed messages; the listener "
                "goes on with those it has. %s",
                error,
            )
            return self._current[1]
