"""One connection to a VTN under a deadline: name, TCP, proxy, TLS, sending, receiving, and the
signs of its death.

Used by one thread at a time, except :meth:`Wire.cut`. Third-party exceptions leave here as they
are: ``failures`` says what they mean, from them and the ``stage`` that was reached.

A timeout of ``requests`` or ``socket`` counts for one read, so a peer that drips a byte now and
then never ends. Here every call that can wait is given what is left of the whole exchange. Only the
look-up of a name cannot be interrupted: it ends by the resolver's own limits, and counts against
the deadline when it is over.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
from typing import TYPE_CHECKING, Callable, Optional, Union

from ..security.ssl_seam import shown_names
from .incoming import Source
from .route import Deadline, Proxy, ProxyRefusal, Route, Stage

if TYPE_CHECKING:
    from typing_extensions import Buffer

logger: logging.Logger = logging.getLogger(__name__)

_RECORD = 1 << 16
_HAS_POLL = hasattr(select, "poll")


class Wire:
    """A socket and the stage of its exchange. ``open`` connects it; ``close`` may be called
    twice.
    """

    __slots__ = (
        "_sock",
        "certificate_names",
        "context",
        "idle_since",
        "is_cut",
        "route",
        "stage",
        "was_used",
    )

    def __init__(self, route: Route) -> None:
        self.route: Route = route
        self.stage: Stage = Stage.RESOLVE
        self.was_used: bool = False  # for a whole exchange, at least
        self.is_cut: bool = False
        self.idle_since: float = 0.0
        self.context: Optional[ssl.SSLContext] = None
        self.certificate_names: tuple[str, ...] = ()
        self._sock: Optional[socket.socket] = None

    def open(
        self,
        deadline: Deadline,
        context: Optional[ssl.SSLContext] = None,
        ticket: Callable[[], Optional[ssl.SSLSession]] = lambda: None,
        tls_check: Optional[Callable[[bytes], None]] = None,
    ) -> None:
        """Connect, through the proxy if there is one, and shake hands.

        ``ticket`` gives a session that shortens the handshake. ``tls_check`` gets the peer's
        certificate (DER) and raises to refuse it: nothing has been sent by then.
        """
        route = self.route
        self._connect(route.proxy or route, deadline)
        if route.proxy and route.secure:
            self.stage = Stage.PROXY
            self._tunnel(route.proxy, deadline)
        if context is not None:
            self.stage = Stage.HANDSHAKE
            self._shake_hands(context, ticket(), deadline)
            if tls_check is not None:
                tls_check(self._tls().getpeercert(binary_form=True) or b"")

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Hand over all of ``data``. On an error the peer got less than all of it."""
        sock = self._socket()
        if self.context is None:
            sock.settimeout(deadline.seconds_left())
            sock.sendall(data)  # its timeout is a total one; that of SSLSocket.sendall is not
            return
        view = memoryview(data)
        while view:
            sock.settimeout(deadline.seconds_left())
            view = view[sock.send(view[:_RECORD]) :]

    def receive_into(self, buffer: Buffer, deadline: Deadline) -> int:
        """Put what has come into ``buffer``; the count, 0 at the end of the stream."""
        sock = self._socket()
        sock.settimeout(deadline.seconds_left())
        return sock.recv_into(buffer)

    def is_stale(self) -> bool:
        """Whether an idle connection has ended, or has something to say that nobody asked for."""
        return self._sock is None or _wait_for_change(self._sock, readable=True, seconds=0.0)

    def has_surplus(self) -> bool:
        """Whether decrypted bytes are waiting after the end of an answer."""
        return self.context is not None and self._tls().pending() > 0

    def was_closed_before(self, patience: float) -> bool:
        """After an end of stream in place of an answer: whether the peer had closed before our
        message came.

        Nobody read it then: the peer's system refuses bytes for a closed socket with a reset, which
        follows the end of stream within one round trip. A peer that read the message and then hung
        up sends none. Waits for at most ``patience`` seconds; False means that nobody knows.
        """
        return self._sock is not None and _wait_for_change(
            self._sock, readable=False, seconds=patience
        )

    def session(self) -> Optional[ssl.SSLSession]:
        """The TLS session for the next connection to the same place, or None.

        Asked for when the connection ends: TLS 1.3 sends it after the handshake, and taking it
        copies it.
        """
        if self.context is None or self._sock is None or not self.was_used:
            return None
        return self._tls().session

    def cut(self) -> None:
        """End a running exchange from another thread: what waits on this connection fails at
        once.
        """
        self.is_cut = True
        sock = self._sock
        if sock is not None:
            with contextlib.suppress(OSError):  # not connected yet, or gone already
                # SSLSocket's own would drop TLS under the other's feet
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def limit_transit(self, seconds: float) -> None:
        """What the other side has not acknowledged after so long does not reach it any more, be
        the connection closed or not. Linux only: elsewhere systems go on for minutes.
        """
        sock = self._sock
        if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = max(1, int(seconds * 1000))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def close(self) -> None:
        """Give the socket back."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    # --- opening ----------------------------------------------------------------------------------
    def _connect(self, place: Union[Route, Proxy], deadline: Deadline) -> None:
        addresses = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        self.stage = Stage.CONNECT
        for number, (family, kind, protocol, _, address) in enumerate(addresses, 1):
            # a dead address must not use up the others' time
            left = deadline.seconds_left() / (len(addresses) - number + 1)
            self._sock = socket.socket(family, kind, protocol)
            try:
                if self.is_cut:
                    raise ConnectionAbortedError("stopped")
                self._sock.settimeout(left)
                self._sock.connect(address)
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return
            except OSError:
                self.close()
                if number == len(addresses):
                    raise

    def _tunnel(self, proxy: Proxy, deadline: Deadline) -> None:
        place = f"[{self.route.host}]" if ":" in self.route.host else self.route.host
        lines = [f"CONNECT {place}:{self.route.port} HTTP/1.1", f"Host: {place}:{self.route.port}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        self.send("\r\n".join([*lines, "", ""]).encode("ascii"), deadline)
        source = Source(self, deadline)
        answer = source.response("CONNECT")
        if answer.status != 200:
            raise ProxyRefusal(answer.status, answer.reason)

    def _shake_hands(
        self, context: ssl.SSLContext, session: Optional[ssl.SSLSession], deadline: Deadline
    ) -> None:
        sock = context.wrap_socket(
            self._socket(),
            server_hostname=self.route.host.rstrip("."),
            session=session,
            do_handshake_on_connect=False,
        )
        self._sock = sock
        self.context = context
        sock.settimeout(deadline.seconds_left())  # a total one: OpenSSL's steps share it
        try:
            sock.do_handshake()
        except ssl.SSLCertVerificationError:
            self.certificate_names = shown_names(sock)
            raise
        logger.debug(
            "TLS to %s port %s: %s, session %s",
            self.route.host,
            self.route.port,
            sock.version(),
            "resumed" if sock.session_reused else "new",
        )

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise ConnectionAbortedError("the connection was closed meanwhile")
        return self._sock

    def _tls(self) -> ssl.SSLSocket:
        sock = self._socket()
        assert isinstance(sock, ssl.SSLSocket)
        return sock


def _wait_for_change(sock: socket.socket, *, readable: bool, seconds: float) -> bool:
    """Whether the socket becomes readable, or (otherwise) is reset, within ``seconds``."""
    if _HAS_POLL:
        poll = select.poll()
        poll.register(sock, select.POLLIN if readable else 0)  # errors are always reported
        return bool(poll.poll(seconds * 1000))
    # Windows shows no reset this way: unknown
    return readable and bool(select.select([sock], [], [], seconds)[0])
