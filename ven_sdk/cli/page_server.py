"""What the small HTTP servers of the commands share: a server that no client can hold or make
print, and reading of what a client sent. A thread for each request.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import time
from email.message import Message
from http.server import ThreadingHTTPServer
from typing import Optional, Union
from urllib.parse import SplitResult, urlsplit

logger: logging.Logger = logging.getLogger(__name__)

Connection = Union[socket.socket, tuple[bytes, socket.socket]]
"""What the server of the standard library calls a request; here it is the first."""
MOST_CONNECTIONS = 100
"""At a time; who comes beyond is sent away."""


class PageServer(ThreadingHTTPServer):
    """A server of pages that ends a connection after ``longest`` seconds (None: never), however
    slowly it talks, and all connections when it closes. It logs nothing about clients that went
    away.
    """

    daemon_threads = True
    longest: Optional[float] = None
    most: int = MOST_CONNECTIONS

    def server_bind(self) -> None:
        """Take the port."""
        self._open: dict[Connection, float] = {}
        super().server_bind()

    def process_request(self, request: Connection, client_address: object) -> None:
        """Answer in a thread of its own, unless there are too many."""
        if len(self._open) >= self.most:
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        """The connection is over."""
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what has lasted too long; called several times a second."""
        if self.longest is not None:
            self._cut(time.monotonic() - self.longest)

    def server_close(self) -> None:
        """Nobody is answered any more."""
        super().server_close()
        self._cut(time.monotonic())

    def _cut(self, begun_before: float) -> None:
        for request, begun in tuple(self._open.items()):
            if begun <= begun_before:
                assert isinstance(request, socket.socket)
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Log it quietly: a client that went away is no trouble."""
        logger.debug("A request of %s ended early.", client_address, exc_info=sys.exc_info())


def length_of_body(headers: Message, most: int) -> Optional[int]:
    """How long the body is, or None where that is not said, or more than ``most``."""
    given = headers.get("Content-Length") or "0"
    is_number = given.isascii() and given.isdigit() and len(given) < 16
    return int(given) if is_number and int(given) <= most else None


def split_address(text: str) -> Optional[SplitResult]:
    """An address taken apart; None where it is none."""
    try:
        parts = urlsplit(text)
        parts.hostname, parts.port  # noqa: B018  what cannot be taken apart is found out when asked
    except ValueError:
        return None
    return parts
