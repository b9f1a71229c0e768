"""Reads one HTTP answer: status, headers, and the body as long as it may be. Parsing is
``http.client``'s.

Nothing is inflated: the SDK asks for no content encoding, and an answer that has one is refused
unread. A charset in that place is none.
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Optional, Protocol

from .incoming import Response, Source
from .route import Deadline, Stage, Unacceptable
from .wire import Wire

if TYPE_CHECKING:
    import requests

logger: logging.Logger = logging.getLogger(__name__)

_BLOCK = 1 << 16
_LINE = 4096  # of a chunk's size and extensions, and of a trailer
_TRAILERS = 100
_CHARSET = re.compile(
    r"(?:charset=)?\"?(?:utf-?(?:8|16)|(?:us-)?ascii|iso[-_]?8859-?\d{1,2}|latin-?1|windows-125\d)\"?"
)
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")


class Headers(Protocol):
    """Headers of an answer: those of :mod:`http.client`, or of ``requests``."""

    def get(self, name: str, /) -> Optional[str]:
        """The header's value, or None."""

    def __getitem__(self, name: str, /) -> str:
        """The header's value."""

    def __contains__(self, name: str, /) -> bool:
        """Whether there is one."""


class Answer:
    """What came back, named as in a ``requests.Response``. ``content`` is read for status 200
    only.
    """

    __slots__ = ("content", "headers", "reason", "request", "status_code", "url")

    def __init__(self, status_code: int, reason: str, headers: Headers, content: bytes) -> None:
        self.status_code: int = status_code
        self.reason: str = reason
        self.headers: Headers = headers
        self.content: bytes = content
        self.request: object = None
        self.url: Optional[str] = None


def receive(
    wire: Wire, deadline: Deadline, limit: int, *, error_pages: bool = False
) -> tuple[Answer, bool]:
    """The answer on ``wire``, and whether the connection can serve another exchange.

    The body of an error says nothing that the SDK acts on: it is not read, and its connection not
    kept. With ``error_pages`` (for a diagnosis) it is read. ``Unacceptable`` for an answer that is
    not taken.
    """
    source = Source(wire, deadline)
    response = source.response("POST")
    headers = response.headers
    if response.status == 204:  # No Content is an empty answer
        return Answer(200, response.reason, headers, b""), not (
            response.ends or source.has_surplus()
        )
    if response.status != 200:
        page = _body(response, limit) if error_pages else b""
        return Answer(response.status, response.reason, headers, page), False
    wire.stage = Stage.BODY
    _check_encoding(headers)
    if headers.get("Transfer-Encoding", "chunked").strip().lower() != "chunked":
        raise Unacceptable(
            f"has the transfer encoding {headers['Transfer-Encoding'][:40]!r}, which is not "
            f"supported"
        )
    content = _body(response, limit)
    return Answer(200, response.reason, headers, content), not (
        response.ends or source.has_surplus()
    )


def read_stand_in(response: requests.Response, limit: int) -> Answer:
    """The answer in a ``requests.Response`` that stands in for the network in somebody's test."""
    _check_encoding(response.headers)
    content: bytes = response.content or b""
    _check_size(len(content), limit)
    status = 200 if response.status_code == 204 else response.status_code
    return Answer(status, response.reason or "", response.headers, content)


def _check_encoding(headers: Headers) -> None:
    encoding = headers.get("Content-Encoding")
    if not encoding:
        return
    name = encoding.strip().lower()
    if _CHARSET.fullmatch(name):
        _mention_charset(name)
    elif name != "identity":
        raise Unacceptable(
            f"is encoded with {encoding[:40]!r} although the request allows identity only"
        )


@lru_cache(maxsize=16)
def _mention_charset(name: str) -> None:
    """Say once that a charset is no content coding: the answer is read as it is."""
    logger.info(
        "A VTN sends the charset %r as Content-Encoding; its answers are read as plain.", name
    )


def _body(response: Response, limit: int) -> bytes:
    if response.length is not None:
        _check_size(response.length, limit)
        return response.read()
    blocks: list[bytes] = []
    size = 0
    for block in (
        _chunks(response.file) if response.is_chunked else iter(lambda: response.read(_BLOCK), b"")
    ):
        size += len(block)
        _check_size(size, limit)
        blocks.append(block)
    return b"".join(blocks)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The data of a chunked body (RFC 9112 section 7.1). ``http.client`` takes ``-1`` for a size
    and reads for ever.
    """
    while True:
        left = _chunk_size(file)
        if not left:
            return _skip_trailers(file)
        while left:
            block = file.read(min(left, _BLOCK))
            if not block:
                raise http.client.IncompleteRead(b"")
            left -= len(block)
            yield block
        if file.readline(3).rstrip(b"\r\n"):
            raise Unacceptable("has a chunk that is longer than it says")


def _chunk_size(file: IO[bytes]) -> int:
    line = file.readline(_LINE)
    match = _CHUNK.fullmatch(line)
    if match:
        return int(match[1], 16)
    if line.endswith(b"\n") or len(line) == _LINE:
        raise Unacceptable(f"has a chunk without a valid size: {line[:20]!r}")
    raise http.client.IncompleteRead(b"")


def _skip_trailers(file: IO[bytes]) -> None:
    for _ in range(_TRAILERS):
        line = file.readline(_LINE)
        if line in (b"\r\n", b"\n"):
            return
        if not line.endswith(b"\n"):
            break
    raise Unacceptable("has no end after its last chunk")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise Unacceptable(f"is larger than {limit} bytes (max_response_size)")
