"""The bytes that come, as ``http.client`` wants to read them, under the exchange's deadline and a
limit for headers: the only place that knows what ``http.client`` does not document.

Runs on the thread that posts.
"""

from __future__ import annotations

import http.client
import io
from typing import IO, TYPE_CHECKING, Optional, Protocol

from .route import Deadline, Stage, Unacceptable

if TYPE_CHECKING:
    from typing_extensions import Buffer

HEAD_LIMIT = 256 * 1024
"""Bytes of status line, headers and interim answers; a real answer has some hundred."""


class Receiver(Protocol):
    """The connection that is read from: a :class:`~.wire.Wire`."""

    stage: Stage

    def receive_into(self, buffer: Buffer, deadline: Deadline) -> int:
        """Put what has come into ``buffer``; the count, 0 at the end of the stream."""

    def has_surplus(self) -> bool:
        """Whether decrypted bytes are waiting after the end of an answer."""


class Incoming(io.RawIOBase):
    """The bytes of one exchange, as a raw stream that keeps its deadline and the limit for what
    comes before the body.

    ``stop()`` ends it: what is buffered by then is all that can be read.
    """

    def __init__(self, wire: Receiver, deadline: Deadline) -> None:
        self._wire = wire
        self._deadline = deadline
        self.ended: bool = False  # before the body, that is
        self._left = HEAD_LIMIT
        self._running = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        """What came, as ``io`` wants it. ``Unacceptable`` for a head beyond its limit."""
        if not self._running:
            return 0
        wire = self._wire
        count = wire.receive_into(buffer, self._deadline)
        if wire.stage is Stage.WAIT and count:
            wire.stage = Stage.HEAD
        if wire.stage is not Stage.BODY:
            self.ended = not count
            self._left -= count
            if self._left < 0:
                raise Unacceptable(f"has more than {HEAD_LIMIT} bytes of headers")
        return count

    def stop(self) -> None:
        self._running = False


class _Reader(io.BufferedReader):
    """``http.client`` closes its file at the end of an answer; the look at what follows comes after
    that.
    """

    def close(self) -> None:
        pass

    def flush(self) -> None:
        # an abandoned response calls this when it is collected, perhaps after the stream below was
        pass


class Response:
    """An answer whose head is read. ``file`` is the stream of its body, as it comes over the wire:
    with chunks, where it ``is_chunked``. ``length`` is None where no header says it. ``ends`` says
    that the connection is at its end with the body.
    """

    __slots__ = ("_response", "ends", "file", "headers", "is_chunked", "length", "reason", "status")

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status: int = response.status
        self.reason: str = response.reason
        self.headers: http.client.HTTPMessage = response.headers
        self.length: Optional[int] = response.length
        self.is_chunked: bool = bool(response.chunked)
        self.ends: bool = response.will_close
        self.file: IO[bytes] = response.fp

    def read(self, size: Optional[int] = None) -> bytes:
        """The body, or at most ``size`` bytes of it. ``IncompleteRead`` where it ended before."""
        return self._response.read(size)


class Source:
    """What ``http.client.HTTPResponse`` takes for a socket: all answers of one exchange from one
    buffer.
    """

    __slots__ = ("_incoming", "_reader", "_wire")

    def __init__(self, wire: Receiver, deadline: Deadline) -> None:
        self._wire = wire
        self._incoming = Incoming(wire, deadline)
        self._reader = _Reader(self._incoming)

    def makefile(self, *_: object) -> io.BufferedReader:
        return self._reader

    def response(self, method: str) -> Response:
        """The final answer, its body not yet read; interim ones (1xx) are passed over. RFC 9110
        section 15.2. ``ConnectionResetError`` where it ended before.
        """
        while True:
            response = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]
            response.begin()
            # http.client takes the end of the stream for the end of the headers
            if self._incoming.ended:
                raise ConnectionResetError("end of stream")
            if not 100 <= response.status < 200 or response.status == 101:
                return Response(response)

    def has_surplus(self) -> bool:
        """Whether more came than the answer: the next one would start in the middle of nowhere.
        Ends the reading.
        """
        self._incoming.stop()
        return bool(self._reader.peek(1)) or self._wire.has_surplus()
