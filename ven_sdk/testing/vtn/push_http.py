"""One push on the wire: the request that LocalVTN sends to a VEN, as it is meant or as a fault has
changed it, and reading the answer. Plain sockets, so that anything at all can be sent.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Callable, Optional
from urllib.parse import urlsplit

from ...oadr20b.addresses import DEFAULT_PATH
from ...threads import daemon_thread
from .reply import KEEP, RESET

TIMEOUT = 10.0
"""Seconds that a VEN has to take a push in."""
STALL = "stall"


class NotTaken(Exception):
    """The VEN did not take the push, or the VTN did not hear of it."""


@dataclass(frozen=True)
class PushRequest:
    """One push. ``cut``: how much of it goes out, from 0.0 to 1.0; in pieces of ``piece`` bytes,
    ``pace`` seconds apart. ``ending``: whether the answer is read (``'keep'``), or the connection
    reset, or left alone (``'stall'``) when all went out. ``heard``: whether the VTN gets the
    answer. ``copies``: how many go out at the same time. ``before``: an old body that is pushed
    first. ``verbatim``: these bytes in the place of an HTTP request. ``silent``: nothing at all
    goes out, no TLS either.
    """

    address: str
    service: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: float = 1.0
    piece: int = 0
    pace: float = 0.0
    ending: str = KEEP
    heard: bool = True
    copies: int = 1
    before: bytes = b""
    verbatim: Optional[bytes] = None
    silent: bool = False

    def pieces(self) -> Iterator[bytes]:
        """What goes out, piece by piece."""
        place = urlsplit(self.address)
        headers = {
            "Host": place.netloc,
            "Content-Type": "application/xml",
            "Content-Length": str(len(self.body)),
            "Connection": "close",
            **self.headers,
        }
        lines = [f"POST {place.path.rstrip('/')}{DEFAULT_PATH}/{self.service} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        whole = "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body
        whole = whole if self.verbatim is None else self.verbatim
        whole = whole[: round(len(whole) * self.cut)]
        size = self.piece or len(whole) or 1
        yield from (whole[at : at + size] for at in range(0, len(whole), size))


class Caller:
    """Sends pushes. ``context`` gives the VTN's TLS settings as a client. Each VEN's thread calls
    it; ``close`` ends what is under way, from any thread.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()

    def send(self, request: PushRequest) -> tuple[int, bytes]:
        """HTTP status and body of the VEN's answer; NotTaken says why there is none."""
        others = [
            daemon_thread("ven_sdk-vtn-push-copy", self._send_aside, request)
            for _ in range(request.copies - 1)
        ]
        for each in others:
            each.start()
        try:
            return self._send(request)
        except (OSError, http.client.HTTPException, ValueError) as cause:
            raise NotTaken(str(cause) or type(cause).__name__) from cause
        finally:
            for each in others:
                each.join()

    def open(self) -> None:
        """Pushes may go out again."""
        self._closing.clear()

    def close(self) -> None:
        """Break all connections; no push goes out any more."""
        self._closing.set()
        with self._lock:
            connections = tuple(self._open)
        for each in connections:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def _send_aside(self, request: PushRequest) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, NotTaken):
            self._send(request)

    def _send(self, request: PushRequest) -> tuple[int, bytes]:
        with self._connect(request) as connection:
            for number, piece in enumerate(request.pieces() if not request.silent else ()):
                if number and request.pace:
                    self._closing.wait(request.pace)
                connection.sendall(piece)
            if request.ending == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise NotTaken("the connection was reset by a fault")
            if request.ending == STALL:
                self._wait_for_end(connection)
                raise NotTaken("a fault left the request unfinished")
            # closed also where it cannot be read: its file keeps the connection open
            with contextlib.closing(
                http.client.HTTPResponse(connection, method="POST")
            ) as response:
                response.begin()
                answer = response.status, response.read()
            if not request.heard:
                raise NotTaken("a fault lost the VEN's answer")
            return answer

    @staticmethod
    def _wait_for_end(connection: socket.socket) -> None:
        """Say nothing until the VEN hangs up, at most ``TIMEOUT``."""
        deadline = monotonic() + TIMEOUT
        with contextlib.suppress(OSError):
            while monotonic() < deadline and connection.recv(4096):
                pass

    @contextlib.contextmanager
    def _connect(self, request: PushRequest) -> Iterator[socket.socket]:
        place = urlsplit(request.address)
        secure = place.scheme == "https"
        if self._closing.is_set():
            raise NotTaken("the VTN is down")
        raw = socket.create_connection(
            (place.hostname or "", place.port or (443 if secure else 80)), timeout=TIMEOUT
        )
        with self._lock:
            self._open.add(raw)
        connection = raw
        try:
            if self._closing.is_set():
                raise NotTaken("the VTN is down")
            if secure and not request.silent:
                connection = self._encrypt(raw, place.hostname)
            yield connection
        finally:
            with self._lock:
                self._open -= {raw, connection}
            connection.close()

    def _encrypt(self, raw: socket.socket, name: Optional[str]) -> socket.socket:
        """The same connection with TLS; ``raw`` is detached."""
        with self._making:  # it writes the files that it reads
            context = self._context()
        raw.getpeername()  # ssl loses a socket whose peer is gone before it is wrapped
        connection = context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False)
        with self._lock:
            self._open = (self._open - {raw}) | {connection}
        try:
            connection.do_handshake()
        except BaseException:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            raise
        return connection
