"""Accepts connections, and gives each a thread of its own as soon as its peer has said something.

**What a stranger can do to us.** The accepting thread does nothing that can wait: it counts the
connections (all of them, and those of one address), and hangs up on those that are too many. One
whose peer says nothing costs a socket and no thread: it is watched with all the others until its
first byte, its end, or its deadline. Where there are too many, the one that has been silent for
longest makes room.

**Ending.** ``stop()`` closes the listening socket and silent connections, ends idle ones at once,
and gives those that are answering until its timeout.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from time import monotonic
from typing import Callable, Optional

from ..arguments import LARGEST_MESSAGE
from ..threads import daemon_thread

logger: logging.Logger = logging.getLogger(__name__)

QUEUE = 512
"""Connections that the kernel holds until they are accepted."""
AT_ONCE = 64
"""Connections accepted before those that wait are looked at again."""
PAUSE = 0.1
"""Seconds until the next attempt, where the system has no socket or thread left to give."""


@dataclass(frozen=True)
class Limits:
    """What a peer may take. Times are seconds, each for the whole of what it names.

    ``idle`` is how long a kept-alive connection may be silent between requests; ``body_bytes``
    bounds a message; ``connections`` and ``per_address`` bound how many are open. ``media_types``
    are the content types that are taken, in lower case; None: all.
    """

    handshake: float = 5.0
    head: float = 5.0
    body: float = 5.0
    send: float = 5.0
    idle: float = 60.0
    body_bytes: int = LARGEST_MESSAGE
    connections: int = 256
    per_address: int = 8
    media_types: Optional[frozenset[str]] = None


class Connection:
    """One connection and its thread, when it has one. ``deadline`` (monotonic seconds) is that of
    what the peer has to say first. ``socket`` is replaced by the encrypted one.
    """

    __slots__ = ("address", "deadline", "socket", "thread")

    def __init__(self, connected: socket.socket, address: str, deadline: float) -> None:
        self.socket: socket.socket = connected
        self.address: str = address
        self.deadline: float = deadline
        self.thread: Optional[threading.Thread] = None

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self.socket.close()


class Acceptor:
    """Binds ``host`` and ``port`` (OSError where that cannot be) and calls ``serve(connection)`` on
    a thread of its own for each connection whose peer says something within ``patience`` seconds.
    """

    def __init__(
        self,
        host: str,
        port: int,
        serve: Callable[[Connection], None],
        limits: Limits,
        patience: float,
    ) -> None:
        self._serve, self._limits, self._patience = serve, limits, patience
        self._socket = _bound(host, port)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._selector = selectors.DefaultSelector()
        self._alarm, self._awake = socket.socketpair()
        for each in (self._socket, self._awake):
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._stopping = threading.Event()
        self._silent: dict[Connection, None] = {}  # of the accepting thread: oldest first
        self._number = 0
        self._lock = threading.RLock()  # guards the next two
        self._open: set[Connection] = set()
        self._per_address: Counter[str] = Counter()
        self._thread = daemon_thread("ven_sdk-push-accept", self._run)

    def start(self) -> None:
        """Accept from now on."""
        self._thread.start()

    def stop(self, timeout: float) -> tuple[str, ...]:
        """Accept no more; what is answering gets ``timeout`` seconds. The names of the threads that
        did not end.
        """
        self._stopping.set()
        self._alarm.send(b"x")  # the thread may have ended by now: what wakes it is closed after it
        self._thread.join()
        self._alarm.close()
        self._awake.close()
        return self._end_connections(timeout)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open)

    # --- the accepting thread ---------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._turn()
                except Exception:
                    logger.exception(
                        "Accepting failed. This is a fault of ven_sdk: please report it."
                    )
                    self._stopping.wait(PAUSE)
        finally:
            for connection in tuple(self._silent):
                self._end(connection)
            self._selector.close()
            self._socket.close()

    def _turn(self) -> None:
        """Wait for something to happen, and deal with it."""
        oldest = next(iter(self._silent), None)
        wait = None if oldest is None else max(0.0, oldest.deadline - monotonic())
        for key, _ in self._selector.select(wait):
            if key.data is not None:
                self._hear(key.data)
            elif key.fileobj is self._socket:
                self._accept()
        now = monotonic()
        for connection in tuple(takewhile(lambda each: each.deadline <= now, self._silent)):
            self._forget(connection)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, name = self._socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as cause:
                logger.error("Push: no connection can be accepted now: %s", cause)
                self._stopping.wait(PAUSE)
                return
            accepted.setblocking(False)
            self._take(Connection(accepted, str(name[0]), monotonic() + self._patience))

    def _take(self, connection: Connection) -> None:
        """A thread for one whose peer has said something, and a place among the silent ones for
        another; the end of it where there are too many.
        """
        said = _has_said(connection.socket)
        if said is False or not self._admit(connection):
            connection.close()
        elif said:
            self._begin(connection)
        else:
            self._silent[connection] = None
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _admit(self, connection: Connection) -> bool:
        address = connection.address
        if self._per_address[address] >= self._limits.per_address:
            logger.debug("Push: a connection from %s was one too many.", address)
            return False
        if len(self._open) >= self._limits.connections:
            if not self._silent:
                logger.debug("Push: a connection from %s was one too many.", address)
                return False
            self._forget(next(iter(self._silent)))
        with self._lock:
            self._open.add(connection)
            self._per_address[address] += 1
        return True

    def _hear(self, connection: Connection) -> None:
        """The peer of a silent connection has said something, or is gone."""
        if connection not in self._silent:
            return
        said = _has_said(connection.socket)
        if said is None:
            return
        if said is False:
            self._forget(connection)
            return
        self._watch_no_more(connection)
        self._begin(connection)

    def _watch_no_more(self, connection: Connection) -> None:
        del self._silent[connection]
        self._selector.unregister(connection.socket)

    def _forget(self, connection: Connection) -> None:
        self._watch_no_more(connection)
        self._end(connection)

    def _begin(self, connection: Connection) -> None:
        self._number += 1
        name = f"ven_sdk-push-{self._number}"
        connection.thread = daemon_thread(name, self._serve_one, connection)
        try:
            connection.thread.start()
        except RuntimeError as cause:  # the system has no more threads
            logger.error("Push: no thread for a connection: %s", cause)
            self._end(connection)

    # --- a connection's own thread ----------------------------------------------------------------

    def _serve_one(self, connection: Connection) -> None:
        try:
            self._serve(connection)
        except Exception:
            logger.exception("A connection failed. This is a fault of ven_sdk: please report it.")
        finally:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        connection.close()
        with self._lock:
            self._open.discard(connection)
            self._per_address[connection.address] -= 1
            if self._per_address[connection.address] <= 0:
                del self._per_address[connection.address]

    def _end_connections(self, timeout: float) -> tuple[str, ...]:
        """Let no connection read any more, and wait for those that answer."""
        deadline = monotonic() + timeout
        with self._lock:
            connections = tuple(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):  # the plain one: SSLSocket's ends the encryption
                socket.socket.shutdown(connection.socket, socket.SHUT_RD)
        threads = [each.thread for each in connections if each.thread is not None]
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - monotonic()))
        return tuple(thread.name for thread in threads if thread.is_alive())


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((host, port), family=family, backlog=QUEUE, dualstack_ipv6=both)
    except OSError as cause:
        if cause.errno is None:
            raise
        raise OSError(cause.errno, os.strerror(cause.errno)) from cause


def _has_said(connected: socket.socket) -> Optional[bool]:
    """Whether the peer has said something; None: not yet; False: it never will, for it is gone."""
    try:
        return bool(connected.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return None
    except OSError:
        return False
