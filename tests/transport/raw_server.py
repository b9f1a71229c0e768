"""A server of raw sockets for the transport's tests: each connection runs a script, which may do
anything.

Scripts run on threads that end when the server is closed. A ``Peer`` is the server's end of one
connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import Any, Callable, Optional

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """The server's end of a connection: reads requests, writes what it likes."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over
        self._buffer = b""

    def request(self) -> tuple[bytes, dict[str, str], bytes]:
        """The next request: first line, headers by lower-case name, body. Raises ``EOFError`` at
        the end.
        """
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = {
            name.lower(): value for name, value in (line.decode().split(": ", 1) for line in lines)
        }
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return first, headers, body

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, seconds: float) -> None:
        """One byte every so many seconds, until the server is closed."""
        for byte in data:
            if self.over.wait(seconds):
                return
            self.send(bytes([byte]))

    def stall(self) -> None:
        self.over.wait(20)

    def reset(self) -> None:
        """End the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        self._buffer += data


class RawServer:
    """Listens on loopback. ``connections`` counts those accepted, ``resumed`` tells of each whether
    TLS was resumed.
    """

    def __init__(
        self, script: Callable[[Peer], Any], context: Optional[ssl.SSLContext] = None
    ) -> None:
        self.connections = 0
        self.resumed: list[bool] = []
        self.requests: list[tuple[bytes, dict[str, str], bytes]] = []
        self._script = script
        self._context = context
        self._over = threading.Event()
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def url(self, host: str = "127.0.0.1", path: str = "/OpenADR2/Simple/2.0b/OadrPoll") -> str:
        return f"{'https' if self._context else 'http'}://{host}:{self.port}{path}"

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for sock in self._socks:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _start(self, job: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=job, args=args, name="raw-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._socks.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), contextlib.closing(sock):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                sock.settimeout(5)
                with self._context.wrap_socket(sock, server_side=True) as secure:
                    self._socks.append(secure)
                    self.resumed.append(secure.session_reused or False)
                    self._script(Peer(secure, self._over))
            else:
                self._script(Peer(sock, self._over))


def answers(*replies: bytes) -> Callable[[Peer], None]:
    """A script that answers the requests of a connection with these, the last one for all that
    follow.
    """

    def script(peer: Peer) -> None:
        for number in range(10_000):
            peer.request()
            peer.send(replies[min(number, len(replies) - 1)])

    return script


def reply(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with its right length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)
