"""Who a VEN is to its VTN, and whom it believes, as far as TLS goes: certificates, loaded once, and
the connections made with them. What a protocol does with keys beside TLS stands in its profile.

Made by the constructor, so that mistakes surface there. ``refresh`` is called now and then by an
exchange thread. What reads certificates is imported when it is first needed: a VEN without them
starts in half the time.
"""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..arguments import file_or_bytes, flag
from ..errors import ConfigurationError, VenError
from .sessions import Connections

if TYPE_CHECKING:
    from ..security.credentials import Credentials

log: logging.Logger = logging.getLogger(__name__)


def check_files(
    cert: Any = None, key: Any = None, passphrase: Any = None, ca_file: Any = None
) -> None:
    """Refuse what is neither a path nor the bytes of a file, and a passphrase that is no text, by a
    ``ConfigurationError``.
    """
    for name, value in (("cert", cert), ("key", key), ("ca_file", ca_file)):
        file_or_bytes(name, value)
    if passphrase is not None and not isinstance(passphrase, str):
        raise ConfigurationError("passphrase must be a text.")
    if passphrase is not None and cert is None:
        raise ConfigurationError(
            "passphrase was given without cert: give the certificate, and the key that it opens."
        )


class Identity:
    """Certificate and trust of one VEN, and the connections made with them. VENs for which these
    are the same may share one.

    ``ConfigurationError`` for what it cannot use. ``timeout`` in seconds.
    """

    verifies_messages: bool = False
    """Whether messages are authenticated by more than TLS."""

    def __init__(
        self,
        *,
        cert: Any = None,
        key: Any = None,
        passphrase: Optional[str] = None,
        ca_file: Any = None,
        check_hostname: bool = True,
        tls_fingerprint: Optional[str] = None,
        timeout: float = 30.0,
        proxies: Optional[Mapping[str, str]] = None,
        max_response_size: int = 16 * 2**20,
        secure: bool = True,
        max_idle: int = 2,
    ) -> None:
        check_files(cert, key, passphrase, ca_file)
        check_hostname = flag("check_hostname", check_hostname)
        if key is not None and cert is None:
            raise ConfigurationError(
                "key was given without cert: give the certificate that belongs to it as well."
            )
        self.credentials = None if cert is None else _credentials(cert, key, passphrase)
        self._ca_file, self._check_hostname = ca_file, check_hostname
        self._pin = None if tls_fingerprint is None else _pin(tls_fingerprint)
        self.max_response_size = max_response_size
        self._refused = ""
        self._refreshing = threading.Lock()
        self._secure, self._ca_seen = secure, self._ca_stamp() if ca_file is not None else None
        used = secure or ca_file is not None  # a mistake in ca_file is told with http:// as well
        context = self._context(self.credentials) if used else None
        self.connections: Connections = Connections(
            context if secure else lambda: self._context(self.credentials),
            timeout=timeout,
            proxies=proxies,
            max_response_size=max_response_size,
            max_idle=max_idle,
            tls_check=self._pin,
        )

    def _context(self, credentials: Optional[Credentials]) -> ssl.SSLContext:
        from ..security.tls import client_context

        return client_context(credentials, self._ca_file, check_hostname=self._check_hostname)

    @property
    def ca_file(self) -> Any:
        """What vouches for the VTN's TLS certificates; None is the system's store."""
        return self._ca_file

    def check_caller(self, certificate: Optional[bytes]) -> None:
        """SecurityError where ``tls_fingerprint`` is given and a pushing VTN shows another."""
        if self._pin is not None:
            self._pin(certificate or b"")

    @property
    def fingerprint(self) -> Optional[str]:
        """The own certificate's fingerprint (L5), or None without one."""
        return self.credentials.fingerprint if self.credentials else None

    def refresh(self) -> bool:
        """Take over certificate files (``ca_file`` too) that were renewed on disk; True when they
        were. Where they cannot be used, that is logged once for each reason, and everything stays
        as it was. One thread at a time looks; the others go on."""
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            return self._refresh()
        finally:
            self._refreshing.release()

    def _refresh(self) -> bool:
        stamp = self._ca_stamp() if self._ca_file is not None else None
        own = self.credentials is not None and self.credentials.renewed()
        if not own and stamp in (None, self._ca_seen):
            return False
        try:
            renewed = self.credentials.reload() if self.credentials is not None else None
            context = self._context(renewed) if self._secure else None
        except VenError as error:
            if str(error) != self._refused:
                log.error(
                    "The certificate files changed but cannot be used; the VEN goes on with "
                    "those it has. %s",
                    error,
                )
            self._refused = str(error)
            return False
        self._refused, self._ca_seen, self.credentials = "", stamp, renewed
        if context is not None:
            self.connections.renew(context)
        log.info(
            "The certificate files were renewed on disk and are used from now on.%s",
            f" The own fingerprint is {renewed.fingerprint}." if renewed else "",
        )
        return True

    def _ca_stamp(self) -> Any:
        from ..security.credentials import is_path, stamp_of

        return stamp_of(os.fspath(self._ca_file)) if is_path(self._ca_file) else None


def _credentials(cert: Any, key: Any, passphrase: Optional[str]) -> Credentials:
    from ..security.credentials import Credentials

    return Credentials.load(cert, key, passphrase)


def _pin(fingerprint: str) -> Callable[[bytes], None]:
    """The check of a TLS peer's certificate against ``fingerprint`` (L7)."""
    from ..security.fingerprint import normalise
    from ..security.tls import check_peer

    pinned = normalise(fingerprint)
    return lambda der: check_peer(der, pinned)
