"""Reading HTTP requests off a connection: the little of HTTP/1.1 that VENs use. Runs on the
connection's thread.
"""

from __future__ import annotations

import socket
from typing import NamedTuple, Optional

MAX_HEAD, MAX_BODY = 64 * 1024, 64 * 2**20
"""Bytes of a request."""


class Request(NamedTuple):
    """One HTTP request. Header names are in lower case; ``peer`` is the DER of the client's TLS
    certificate.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: Optional[bytes] = None


class Unreadable(Exception):
    """What came is no HTTP that this server speaks; ``args[0]`` is the status to answer with."""


class Incoming:
    """Reads requests off one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def request(self, peer: Optional[bytes]) -> Request:
        """The next request; EOFError at the end, ``Unreadable`` for what is no HTTP."""
        head = self._read_until(b"\r\n\r\n", MAX_HEAD).decode("latin-1")
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            raise Unreadable(400)
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(words[0], words[1], headers, self._body(headers), peer)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise Unreadable(400)
        if int(length) > MAX_BODY:
            raise Unreadable(413)
        return self._read_exactly(int(length))

    def _chunks(self) -> list[bytes]:
        chunks: list[bytes] = []
        while True:
            line = self._read_until(b"\r\n", MAX_HEAD).partition(b";")[0]
            try:
                size = int(line, 16)
            except ValueError:
                raise Unreadable(400) from None
            if size == 0:
                while self._read_until(b"\r\n", MAX_HEAD):
                    pass
                return chunks
            if size + sum(map(len, chunks)) > MAX_BODY:
                raise Unreadable(413)
            chunks.append(self._read_exactly(size))
            self._read_exactly(2)

    def _read_until(self, end: bytes, limit: int) -> bytes:
        while True:
            found = self._buffer.find(end)
            if found >= 0:
                data, self._buffer = self._buffer[:found], self._buffer[found + len(end) :]
                return data
            if len(self._buffer) > limit:
                raise Unreadable(431)
            self._more()

    def _read_exactly(self, size: int) -> bytes:
        if len(self._buffer) < size:
            pieces, missing = [self._buffer], size - len(self._buffer)
            while missing > 0:
                piece = self._sock.recv(max(65536, min(missing, 1 << 20)))
                if not piece:
                    raise EOFError
                pieces.append(piece)
                missing -= len(piece)
            self._buffer = b"".join(pieces)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _more(self) -> None:
        data = self._sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data
