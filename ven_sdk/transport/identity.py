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
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional

from ..arguments import LARGEST_MESSAGE, File, file_or_bytes, flag
from ..errors import ConfigurationError, SecurityError, VenError
from ..text import is_unicode
from .sessions import Connections

if TYPE_CHECKING:
    from cryptography import x509

    from ..security.credentials import Credentials
    from ..security.validity import CertificateEnd, Warnings

logger: logging.Logger = logging.getLogger(__name__)


def check_files(
    cert: object = None, key: object = None, passphrase: object = None, ca_file: object = None
) -> None:
    """Refuse what is neither a path nor the bytes of a file, and a passphrase that is no text, by a
    ``ConfigurationError``.
    """
    for name, value in (("cert", cert), ("key", key), ("ca_file", ca_file)):
        file_or_bytes(name, value)
    if passphrase is not None and not isinstance(passphrase, str):
        raise ConfigurationError("passphrase must be a text.")
    if passphrase is not None and not is_unicode(passphrase):
        raise ConfigurationError("passphrase holds a lone surrogate, which no file is locked with.")
    if passphrase is not None and cert is None:
        raise ConfigurationError(
            "passphrase was given without cert: give the certificate, and the key that it opens."
        )


def check_pin(tls_fingerprint: object, encrypted: bool) -> None:
    """ConfigurationError for a ``tls_fingerprint`` where no TLS would compare it."""
    if tls_fingerprint is not None and not encrypted:
        raise ConfigurationError(
            "tls_fingerprint is of the VTN's TLS certificate, and vtn_url is http://: nothing "
            "would be compared. Write https://, or leave tls_fingerprint out."
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
        cert: Optional[File] = None,
        key: Optional[File] = None,
        passphrase: Optional[str] = None,
        ca_file: Optional[File] = None,
        check_hostname: bool = True,
        tls_fingerprint: Optional[str] = None,
        timeout: float = 30.0,
        proxies: Optional[Mapping[str, str]] = None,
        max_response_size: int = LARGEST_MESSAGE,
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
        self._looked: object = None
        self._refreshing = threading.Lock()
        self._warnings: Optional[Warnings] = None
        self._peer: tuple[bytes, Optional[CertificateEnd]] = (b"", None)
        self._anchors: Optional[tuple[x509.Certificate, ...]] = None
        self._files: Optional[tuple[CertificateEnd, ...]] = None
        self._secure, self._ca_seen = secure, self._ca_stamp() if ca_file is not None else None
        used = (
            secure or ca_file is not None
        )  # a mistake in ca_file is reported with http:// as well
        context = self._context(self.credentials) if used else None
        self.connections: Connections = Connections(
            context if secure else lambda: self._context(self.credentials),
            timeout=timeout,
            proxies=proxies,
            max_response_size=max_response_size,
            max_idle=max_idle,
            tls_check=self._check_peer,
        )

    def _context(self, credentials: Optional[Credentials]) -> ssl.SSLContext:
        from ..security.tls import client_context

        return client_context(credentials, self._ca_file, check_hostname=self._check_hostname)

    @property
    def ca_file(self) -> Optional[File]:
        """What vouches for the VTN's TLS certificates; None is the system's store."""
        return self._ca_file

    def check_caller(self, certificate: Optional[bytes]) -> None:
        """SecurityError where ``tls_fingerprint`` is given and a pushing VTN shows another."""
        self._check_peer(certificate or b"")

    def _check_peer(self, certificate: bytes) -> None:
        """The pin, where one is set; and when the peer's certificate ends is kept in mind."""
        if self._pin is not None:
            self._pin(certificate)
        if certificate and certificate != self._peer[0]:
            from ..security.validity import VTN_TLS, end_of_der

            self._peer = certificate, end_of_der(VTN_TLS, certificate)

    # --- certificates that end --------------------------------------------------------------------

    @property
    def has_certificates(self) -> bool:
        """Whether there is any certificate that can end."""
        return self._secure or self.credentials is not None

    @property
    def anchors(self) -> "tuple[x509.Certificate, ...]":
        """The certificates of ``ca_file``; none without one."""
        if self._ca_file is None:
            return ()
        if self._anchors is None:
            from ..security.validity import anchors_in

            self._anchors = anchors_in(self._ca_file)
        return self._anchors

    def certificates(self) -> "tuple[CertificateEnd, ...]":
        """When the certificates end that are in use: the own ones, those of ``ca_file``, and those
        that the VTN has shown.
        """
        if not self.has_certificates:
            return ()
        if self._files is None:
            self._files = self._read_ends()
        return (*self._files, *(end for end in self._ends_seen() if end is not None))

    def _read_ends(self) -> "tuple[CertificateEnd, ...]":
        from ..security.validity import CA, MOST_ANCHORS, OWN, end_of, end_of_der

        own = () if self.credentials is None else self.credentials.chain
        found = [end for end in (end_of_der(OWN, der) for der in own) if end is not None]
        anchors = self.anchors if len(self.anchors) <= MOST_ANCHORS else ()
        return (*found, *(end_of(CA, anchor) for anchor in anchors))

    def _ends_seen(self) -> "tuple[Optional[CertificateEnd], ...]":
        """When the certificate ends that the VTN has shown; None where it has shown none."""
        return (self._peer[1],)

    def due_warnings(self, now: datetime) -> "list[CertificateEnd]":
        """The certificates to warn of: at 30, 7 and 1 days and at the end, once for each step, also
        where many VENs share this identity.
        """
        if not self.has_certificates:
            return []
        if self._warnings is None:
            from ..security.validity import Warnings

            self._warnings = Warnings()
        return self._warnings.take(self.certificates(), now)

    def check_validity(self, now: datetime) -> None:
        """Right before something is sent: nothing goes out with an own certificate that has ended
        (``SecurityError``), and connections to a peer whose certificate has ended are made anew, so
        that the handshake judges what it shows now.
        """
        credentials = self.credentials
        if credentials is not None and now > credentials.ends:
            self.refresh()
            credentials = self.credentials
            if credentials is not None and now > credentials.ends:
                raise SecurityError(
                    f"The VEN's own certificate has ended on {credentials.ends:%Y-%m-%d %H:%M} "
                    "UTC. Nothing was sent. Renew it: new files are taken over without a restart.",
                    expected=credentials.ends,
                    received=now,
                )
        shown = self._peer[1]
        if shown is not None and now > shown.ends:
            self._peer = (b"", None)
            self.connections.forget()

    @property
    def fingerprint(self) -> Optional[str]:
        """The own certificate's fingerprint (L5), or None without one."""
        return self.credentials.fingerprint if self.credentials else None

    def refresh(self) -> bool:
        """Take over certificate files (``ca_file`` too) that were renewed on disk; True when they
        were. Where they cannot be used, everything stays as it was; that is logged once for each
        reason, as soon as the files were the same at two looks: what is replaced file by file does
        not fit together in between. One thread at a time looks; the others go on.
        """
        if not self._refreshing.acquire(blocking=False):
            return False
        try:
            return self._refresh()
        finally:
            self._refreshing.release()

    def _refresh(self) -> bool:
        stamp = self._ca_stamp() if self._ca_file is not None else None
        own = self.credentials is not None and self.credentials.has_changed()
        if not own and stamp in (None, self._ca_seen):
            return False
        try:
            renewed = self.credentials.reload() if self.credentials is not None else None
            context = self._context(renewed) if self._secure else None
        except VenError as error:
            looked = (self.credentials.stamps() if self.credentials is not None else (), stamp)
            if looked != self._looked:
                self._looked = looked
                return False
            if str(error) != self._refused:
                logger.error(
                    "The certificate files changed but cannot be used; the VEN goes on with "
                    "those it has. %s",
                    error,
                )
            self._refused = str(error)
            return False
        self._refused, self._ca_seen, self.credentials = "", stamp, renewed
        self._anchors = self._files = None
        if context is not None:
            self.connections.renew(context)
        logger.info(
            "The certificate files were renewed on disk and are used from now on.%s",
            f" The own fingerprint is {renewed.fingerprint}." if renewed else "",
        )
        return True

    def _ca_stamp(self) -> object:
        from ..security.credentials import is_path, stamp_of

        given = self._ca_file
        if given is None or isinstance(given, bytes) or not is_path(given):
            return None
        return stamp_of(os.fspath(given))


def _credentials(cert: File, key: Optional[File], passphrase: Optional[str]) -> Credentials:
    from ..security.credentials import Credentials

    return Credentials.load(cert, key, passphrase)


def _pin(fingerprint: str) -> Callable[[bytes], None]:
    """The check of a TLS peer's certificate against ``fingerprint`` (L7)."""
    from ..security.fingerprint import normalise
    from ..security.tls import check_peer

    pinned = normalise(fingerprint, "tls_fingerprint")
    return lambda der: check_peer(der, pinned)
