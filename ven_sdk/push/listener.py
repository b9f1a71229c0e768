"""A small HTTPS server for pushed messages: one thread accepts, and each connection whose peer has
said something has a thread of its own.

**What a stranger can do to us.** What a connection costs before its first byte is in ``acceptor``.
The TLS handshake runs in the connection's thread. Handshake, head and body have one total deadline
each, from the first byte waited for to the last, so that a peer that drips bytes is cut like one
that is silent. With mutual TLS nobody reaches the HTTP parser without a certificate that the
context verified and, where one is pinned, with that fingerprint. Nothing is read beyond what the
head announced; a peer that sends more is cut.
"""

from __future__ import annotations

import contextlib
import email.utils
import http
import logging
import socket
import ssl
from dataclasses import replace
from time import monotonic
from typing import Callable, Optional

from ..errors import ConfigurationError, SecurityError, StateError
from .acceptor import Acceptor, Connection, Limits
from .http_request import MAX_HEAD, Refusal, RequestHead, read_head
from .peer import Peer, Receive, Response, plain_response

logger: logging.Logger = logging.getLogger(__name__)

CHUNK = 65536
LINGER = 0.25
"""Seconds in which a peer may read why it was refused, before its connection is gone."""

Check = Callable[[Optional[bytes]], None]


class Listener:
    """Listens on ``host`` and ``port`` and gives every request to ``receive``.

    ``context`` gives the TLS settings for the next connection (None: plain HTTP, for tests and
    behind a proxy). ``check_peer`` raises :class:`~ven_sdk.SecurityError` for a certificate that is
    not the VTN's. ``knows(path)`` says whether there is anything at a path: an unknown one is
    answered 404 before its body is read.
    """

    def __init__(
        self,
        host: str,
        port: int,
        receive: Receive,
        *,
        context: Optional[Callable[[], ssl.SSLContext]] = None,
        check_peer: Optional[Check] = None,
        knows: Callable[[str], bool] = lambda path: True,
        limits: Optional[Limits] = None,
    ) -> None:
        self._host, self._port = host, port
        self._receive, self._context, self._check_peer = receive, context, check_peer
        self._knows = knows
        self.limits: Limits = limits or Limits()
        self._acceptor: Optional[Acceptor] = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: host and port; StateError while it does not."""
        if self._acceptor is None:
            raise StateError("The listener is not started: call start() first.")
        return self._acceptor.address

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return 0 if self._acceptor is None else self._acceptor.open_connections

    def start(self) -> None:
        """Bind and listen. ConfigurationError where the address cannot be used; harmless while it
        listens.
        """
        if self._acceptor is not None:
            return
        patience = self.limits.head if self._context is None else self.limits.handshake
        try:
            acceptor = Acceptor(self._host, self._port, self._serve, self.limits, patience)
        except (OSError, TypeError, UnicodeError) as cause:  # no name, for the last two
            why = getattr(cause, "strerror", None) or cause
            raise ConfigurationError(
                f"listen: {self._host} port {self._port} cannot be listened on: {why}. Is another "
                "program there, or is the address not one of this machine's?"
            ) from cause
        self._acceptor = acceptor
        acceptor.start()

    def stop(self, timeout: float = 5.0) -> tuple[str, ...]:
        """Listen no more; what is answering gets ``timeout`` seconds. Returns what did not end."""
        acceptor, self._acceptor = self._acceptor, None
        return () if acceptor is None else acceptor.stop(timeout)

    # --- one connection, in its own thread --------------------------------------------------------

    def _serve(self, connection: Connection) -> None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None and not self._shake_hands(connection, self._context()):
            return
        peer = Peer(connection.address, _certificate_of(connection.socket))
        buffered = bytearray()
        wait = self.limits.head
        while self._serve_request(connection.socket, peer, buffered, wait):
            wait = self.limits.idle

    def _shake_hands(self, connection: Connection, context: ssl.SSLContext) -> bool:
        """Encrypt the connection; whether the peer is admitted."""
        try:
            connection.socket.settimeout(max(0.01, connection.deadline - monotonic()))
            secure = context.wrap_socket(
                connection.socket, server_side=True, do_handshake_on_connect=False
            )
            connection.socket = secure  # what it was before is detached
            secure.do_handshake()  # its timeout is for the whole of it
            if self._check_peer is not None:
                self._check_peer(secure.getpeercert(binary_form=True))
        except SecurityError as error:
            logger.warning("Push: a connection from %s was refused. %s", connection.address, error)
            return False
        except (OSError, ValueError) as cause:  # ssl.SSLError is an OSError
            logger.info(
                "Push: a connection from %s ended in the TLS handshake: %s",
                connection.address,
                cause,
            )
            return False
        return True

    def _serve_request(
        self, connection: socket.socket, peer: Peer, buffered: bytearray, wait: float
    ) -> bool:
        """Answer one request; whether the connection serves another."""
        try:
            head = self._read_head(connection, buffered, wait)
            if head is None:
                return False
            body = self._read_body(connection, buffered, head)
        except Refusal as refusal:
            self._send(connection, refusal.response, keeps_alive=False)
            _linger(connection)
            return False
        except OSError:  # a time-out, or the peer hung up
            return False
        caller = replace(peer, media_type=head.media_type)
        response = self._answer(head.path, body, caller)
        return self._send(connection, response, keeps_alive=head.keeps_alive) and head.keeps_alive

    def _answer(self, path: str, body: bytes, peer: Peer) -> Response:
        try:
            return self._receive(path, body, peer)
        except Exception:
            logger.exception(
                "A pushed message failed. This is a fault of ven_sdk: please report it."
            )
            return plain_response(500, "The message could not be taken in.\n")

    def _read_head(
        self, connection: socket.socket, buffered: bytearray, wait: float
    ) -> Optional[RequestHead]:
        """The next request's head; None when the peer went away between requests."""
        deadline = monotonic() + wait
        started = bool(buffered)
        while b"\r\n\r\n" not in buffered:
            if len(buffered) > MAX_HEAD:
                raise Refusal(431, f"A request's head has {MAX_HEAD} bytes at most here.")
            received = _receive_until(connection, deadline)
            if not received:
                return None
            if not started:  # the idle time is over: from now on it is the head's own
                started, deadline = True, monotonic() + self.limits.head
            buffered += received
        end = buffered.index(b"\r\n\r\n") + 4
        if end > MAX_HEAD:
            raise Refusal(431, f"A request's head has {MAX_HEAD} bytes at most here.")
        head = read_head(bytes(buffered[:end]), self.limits.body_bytes, self.limits.media_types)
        del buffered[:end]
        if not self._knows(head.path):
            raise Refusal(404, "There is nothing at this path.")
        return head

    def _read_body(
        self, connection: socket.socket, buffered: bytearray, head: RequestHead
    ) -> bytes:
        deadline = monotonic() + self.limits.body
        if head.expects_continue and len(buffered) < head.length:
            connection.settimeout(self.limits.send)
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(buffered) < head.length:
            received = _receive_until(connection, deadline)
            if not received:
                raise ConnectionError("the peer hung up within a body")
            buffered += received
        if len(buffered) > head.length:
            raise Refusal(400, "A request ends where its Content-Length says.")
        body = bytes(buffered)
        buffered.clear()
        return body

    def _send(self, connection: socket.socket, response: Response, *, keeps_alive: bool) -> bool:
        """Whether the peer got it."""
        try:
            connection.settimeout(self.limits.send)
            connection.sendall(_serialise(response, keeps_alive))
        except OSError:
            return False
        return True


def _receive_until(connection: socket.socket, deadline: float) -> bytes:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    connection.settimeout(left)
    return connection.recv(CHUNK)


def _certificate_of(connection: socket.socket) -> Optional[bytes]:
    return (
        connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    )


def _serialise(response: Response, keeps_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    headers = {
        **response.headers,
        "Content-Length": str(len(response.body)),
        "Date": email.utils.formatdate(usegmt=True),
        "Connection": "keep-alive" if keeps_alive else "close",
    }
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _linger(connection: socket.socket) -> None:
    """Let the peer read its refusal: a socket closed over unread bytes is reset, and what was sent
    may be lost.
    """
    with contextlib.suppress(OSError):
        connection.settimeout(LINGER)
        if not isinstance(connection, ssl.SSLSocket):
            connection.shutdown(socket.SHUT_WR)
        deadline = monotonic() + LINGER
        while monotonic() < deadline and connection.recv(CHUNK):
            pass
