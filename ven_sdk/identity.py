"""Who a VEN is to its VTN, and whom it believes: certificates, TLS, signing and verification, loaded once.

Made by the constructor, so that mistakes surface there. ``renewed`` is asked now and then by an exchange thread.
"""
from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Optional, Union

from .errors import ConfigurationError, VenError
from .security.credentials import Credentials
from .security.fingerprint import normalise
from .security.replay import OnSeen, ReplayGuard
from .security.signing import Signer
from .security.tls import check_peer, client_context
from .security.verification import Verifier
from .transport.sessions import Connections

log = logging.getLogger(__name__)

Source = Union[str, bytes, "object"]


class Identity:
    """Certificate and trust of one VEN, and the connections made with them.

    ``signer`` is None where messages go out unsigned, ``verifier`` None where whoever answers is believed.
    """

    def __init__(self, *, cert: Optional[Source] = None, key: Optional[Source] = None, passphrase: Optional[str] = None,
                 ca_file: Optional[Source] = None, check_hostname: bool = True, tls_fingerprint: Optional[str] = None,
                 vtn_fingerprint: Optional[str] = None, replay_window: timedelta = timedelta(seconds=60),
                 disable_signature: bool = False, timeout: float = 30.0, proxies: Optional[Mapping[str, str]] = None,
                 max_response_size: int = 16 * 2**20, secure: bool = True, max_idle: int = 2) -> None:
        if key is not None and cert is None:
            raise ConfigurationError("key was given without cert: give the certificate that belongs to it as well.")
        self.credentials = None if cert is None else Credentials.load(cert, key, passphrase)  # type: ignore[arg-type]
        self._ca_file, self._check_hostname = ca_file, check_hostname
        self.signer = Signer(self.credentials) if self.credentials and not disable_signature else None
        self.replay: Optional[ReplayGuard] = None
        self.verifier: Optional[Verifier] = None
        self._on_seen: Optional[OnSeen] = None
        if vtn_fingerprint is not None:
            self.replay = ReplayGuard(replay_window.total_seconds(), on_seen=lambda *seen: self._seen(*seen))
            self.verifier = Verifier(vtn_fingerprint, self.replay)
        pinned = None if tls_fingerprint is None else normalise(tls_fingerprint)
        context = self._context() if secure else None
        self.connections = Connections(
            context if secure else self._context, timeout=timeout, proxies=proxies, max_response_size=max_response_size,
            max_idle=max_idle, tls_check=None if pinned is None else lambda der: check_peer(der, str(pinned)))

    def _context(self) -> ssl.SSLContext:
        return client_context(self.credentials, self._ca_file, check_hostname=self._check_hostname)  # type: ignore[arg-type]

    def _seen(self, *seen: object) -> None:
        if self._on_seen is not None:
            self._on_seen(*seen)  # type: ignore[arg-type]

    def remember_nonces(self, on_seen: OnSeen) -> None:
        """Tell ``on_seen`` of every nonce accepted, so that it survives a restart (S7)."""
        self._on_seen = on_seen

    @property
    def fingerprint(self) -> Optional[str]:
        """The own certificate's fingerprint (L5), or None without one."""
        return self.credentials.fingerprint if self.credentials else None

    def refresh(self) -> bool:
        """Take over certificate files that were renewed on disk; True when they were. What is unusable is left alone."""
        if self.credentials is None or not self.credentials.renewed():
            return False
        try:
            renewed = self.credentials.reload()
            self.credentials = renewed
            self.connections.renew(self._context())
        except VenError as error:
            log.error("The certificate files changed but cannot be used; the VEN goes on with those it has. %s", error)
            return False
        self.signer = Signer(renewed) if self.signer else None
        log.info("The certificate was renewed on disk and is used from now on; its fingerprint is %s.", renewed.fingerprint)
        return True
