"""A listener of ``doctor``'s own at the place where the VEN would listen, so that a call from
outside can be followed to its end. It answers every POST with a word that nobody else knows.
"""

from __future__ import annotations

import secrets
import ssl
import sys
import threading
from typing import Optional

from ...config import listen_address
from ...errors import ConfigurationError
from ...oadr20b.identity import SigningIdentity
from ...oadr20b.kind import OpenADR20b
from ...push import Limits, Listener, Peer, Response
from ...push.peer import plain_response
from ...security.tls import server_context

PARTIAL_CHAIN = 0x80000  # ssl.VERIFY_X509_PARTIAL_CHAIN, which Python 3.9 does not name


class PushListener:
    """Listens on ``listen``; a caller needs a certificate that ``ca_file`` vouches for, or the
    VEN's own, with which ``doctor`` calls. With ``identity`` None it speaks plain HTTP.
    ConfigurationError where the port cannot be had.
    """

    def __init__(self, listen: str, identity: Optional[SigningIdentity]) -> None:
        self.word: str = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._paths: list[str] = []
        context = None if identity is None else _context(identity)
        self._listener = Listener(
            *listen_address(listen),
            self._receive,
            context=None if context is None else lambda: context,
            limits=Limits(media_types=OpenADR20b.media_types),
        )
        self._listener.start()

    @property
    def paths(self) -> list[str]:
        """The paths of the requests that arrived, in order."""
        with self._lock:
            return list(self._paths)

    @property
    def host_and_port(self) -> str:
        """Host and port for people."""
        host, port = self._listener.address
        return f"{host}:{port}"

    def close(self) -> None:
        """Free the port."""
        self._listener.stop(1.0)

    def _receive(self, path: str, body: bytes, peer: Peer) -> Response:
        with self._lock:
            self._paths.append(path)
        return plain_response(200, self.word)


def _context(identity: SigningIdentity) -> ssl.SSLContext:
    credentials = identity.credentials
    if credentials is None:
        raise ConfigurationError("push with https:// needs cert and key.")
    context = server_context(credentials, identity.ca_file)
    trust(context, credentials.chain[0])
    return context


def trust(context: ssl.SSLContext, *certificates: bytes) -> None:
    """Let ``context`` believe these very certificates (DER), whoever issued them."""
    pem = "".join(ssl.DER_cert_to_PEM_cert(der) for der in certificates)
    context.load_verify_locations(cadata=pem)
    if sys.version_info >= (3, 10):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    else:
        context.verify_flags |= PARTIAL_CHAIN
