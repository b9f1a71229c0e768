"""The HTTP server under ``LocalVTN``: loopback, HTTP/1.1 with keep-alive, a daemon thread for each
connection.

It reads requests and puts replies on the wire, broken ones too; what they say is the handler's. The
standard library's handler spends more time on a poll's headers than the VTN on the poll, so that
these are read here. The port stays reserved by a socket that does not listen, from
:meth:`Server.open` to :meth:`Server.close`: while the server is down, connections are refused and
nobody else takes the port.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from email.utils import formatdate
from typing import Callable, Optional

from ...errors import ConfigurationError, StateError
from ...threads import daemon_thread
from .http_requests import Incoming, Request, Unreadable
from .reply import CLOSE, KEEP, RESET, Reply

NAME = "ven_sdk-vtn"


def free_port() -> int:
    """A port of loopback that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Server:
    """Listens on 127.0.0.1. ``handle(request)`` gives the reply and runs on the connection's
    thread.

    ``connected()`` is asked when a connection was accepted: a number of seconds to leave it unread
    for (stalled), or 0.
    """

    def __init__(
        self,
        handle: Callable[[Request], Reply],
        *,
        now: Callable[[], float] = time.time,
        connected: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.context: Optional[ssl.SSLContext] = None
        self.connections: int = 0
        self._handle, self._now, self._connected = handle, now, connected
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._reserve: Optional[socket.socket] = None
        self._listener: Optional[socket.socket] = None
        self._sockets: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._date: tuple[int, str] = (-1, "")

    # --- lifecycle --------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port; it stays the same from open to close. ``StateError`` while it is closed."""
        if self._reserve is None:
            raise StateError(
                "The VTN does not listen, so that it has no port and no url: it does inside "
                "'with LocalVTN() as vtn:', or after start()."
            )
        return int(self._reserve.getsockname()[1])

    def open(self, port: int = 0) -> None:
        """Take the port and listen; ConfigurationError where another process has it."""
        try:
            self._reserve = _bind(port)
        except (OSError, OverflowError) as cause:  # the latter: no such number
            why = getattr(cause, "strerror", None) or cause
            raise ConfigurationError(
                f"Port {port} of 127.0.0.1 cannot be taken: {why}. Give another one, or 0 for "
                f"any that is free."
            ) from cause
        self.listen()

    def listen(self) -> None:
        """Accept connections (again). Nothing happens where it does."""
        with self._lock:
            if self._listener is not None or self._reserve is None:
                return
            self._over = threading.Event()
            self._listener = _bind(self.port)
            self._listener.listen(4096)
            self._start(f"{NAME}-accept", self._accept, self._listener, self._over)

    def hang_up(self, *, reset: bool = True, timeout: float = 5.0) -> None:
        """Refuse connections from now on and end those that stand, as the kernel does for a process
        that was killed. ``timeout`` in seconds.
        """
        with self._lock:
            listener, self._listener = self._listener, None
            sockets, threads = list(self._sockets), list(self._threads)
            self._over.set()
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in sockets:
            _end(sock, reset)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout)

    def close(self) -> None:
        """Everything is over; the port is free again."""
        self.hang_up(reset=False)
        reserve, self._reserve = self._reserve, None
        if reserve is not None:
            reserve.close()

    def _start(self, name: str, job: Callable[..., None], *arguments: object) -> None:
        thread = daemon_thread(name, self._run, job, *arguments)
        self._threads.add(thread)
        thread.start()

    def _run(self, job: Callable[..., None], *arguments: object) -> None:
        try:
            job(*arguments)
        finally:
            self._threads.discard(threading.current_thread())

    # --- connections ------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if over.is_set():
                    sock.close()
                    return
                self.connections += 1
                self._sockets.add(sock)
                self._start(f"{NAME}-connection-{self.connections}", self._serve, sock, over)

    def _serve(self, sock: socket.socket, over: threading.Event) -> None:
        """The life of one connection."""
        try:
            with contextlib.suppress(OSError, EOFError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                seconds = self._connected()
                if _wait_for_end(over, seconds):
                    return
                self._secure(sock, over)
        finally:
            with self._lock:
                self._sockets.discard(sock)
            sock.close()

    def _secure(self, sock: socket.socket, over: threading.Event) -> None:
        if self.context is None:
            self._talk(sock, over, None)
            return
        # The handshake comes when hang_up knows the socket: a client that never ends it must not
        # hold up the end.
        with self.context.wrap_socket(
            sock, server_side=True, do_handshake_on_connect=False
        ) as secured:
            with self._lock:
                self._sockets.add(secured)
                if over.is_set():
                    return
            try:
                secured.do_handshake()
                self._talk(secured, over, secured.getpeercert(binary_form=True))
            finally:
                with self._lock:
                    self._sockets.discard(secured)

    def _talk(self, sock: socket.socket, over: threading.Event, peer: Optional[bytes]) -> None:
        incoming = Incoming(sock)
        while not over.is_set():
            try:
                request = incoming.request(peer)
            except Unreadable as refused:
                self._send(sock, Reply(status=int(refused.args[0]), ending=CLOSE), over)
                return
            reply = self._handle(request)
            if (
                not self._send(sock, reply, over)
                or request.headers.get("connection", "").lower() == "close"
            ):
                return

    def _send(self, sock: socket.socket, reply: Reply, over: threading.Event) -> bool:
        """Put a reply on the wire; whether the connection stays."""
        if _wait_for_end(over, reply.delay):
            return False
        try:
            if reply.plain:
                sock.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nDate: "
                    b"%s\r\nContent-Length: %d\r\n\r\n%s"
                    % (self.date().encode(), len(reply.body), reply.body)  # type: ignore[arg-type]
                )
                return True
            if not reply.silent:
                self._send_pieces(sock, reply, over)
        except OSError:
            if reply.lost is not None:
                reply.lost()
            return False
        if reply.ending == RESET:
            _end(sock, reset=True)
        return reply.ending == KEEP

    def _send_pieces(self, sock: socket.socket, reply: Reply, over: threading.Event) -> None:
        for piece in reply.pieces(self.date()):
            if over.is_set():
                return
            sock.sendall(piece)
            if _wait_for_end(over, reply.pace):
                return

    def date(self) -> str:
        """The Date header of now."""
        second = int(self._now())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]


def _wait_for_end(over: threading.Event, seconds: float) -> bool:
    """Wait so long, infinity included; whether the server hung up meanwhile."""
    return seconds > 0 and over.wait(min(seconds, threading.TIMEOUT_MAX))


def _bind(port: int) -> socket.socket:
    """A bound socket that does not listen yet. SO_REUSEADDR lets a second one be bound beside it as
    long as none does.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    return sock


def _end(sock: socket.socket, reset: bool) -> None:
    """End a connection, whatever its thread is doing with it."""
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # SSLSocket.shutdown would forget the TLS object under the thread that reads from it.
        socket.socket.shutdown(sock, socket.SHUT_RD if reset else socket.SHUT_RDWR)
