"""The head of an HTTP request, read strictly: what two servers could understand in two ways is
refused.

Pure functions of bytes. A VTN's message is a POST with one Content-Length, lines that end in CRLF,
and a path; nothing else is needed, so nothing else is admitted (RFC 9112, rules H1 and H12).
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from .peer import Response, plain_response, refuse_type

MAX_HEAD = 8192
"""Bytes of the request line and all headers together."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/(\d)\.(\d)")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,11}")  # 010 is eight to some
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_ONCE = (b"content-length", b"host", b"content-type", b"transfer-encoding", b"expect")


class Refusal(Exception):
    """The request is answered by ``response`` and not read further."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.response: Response = plain_response(
            status, text + "\n", {name.replace("_", "-"): value for name, value in headers.items()}
        )


class RequestHead(NamedTuple):
    """What the head of a request says. ``length`` is that of its body in bytes."""

    path: str
    length: int
    keeps_alive: bool
    expects_continue: bool
    media_type: str = ""


def read_head(
    head: bytes, max_body: int, media_types: Optional[frozenset[str]] = None
) -> RequestHead:
    """The request that ``head`` (up to and with the empty line) begins; :class:`Refusal` says which
    status answers it. ``max_body`` is in bytes; ``media_types`` are the content types that are
    taken, in lower case, None for all.
    """
    lines = head[:-4].split(b"\r\n")
    if any(b"\n" in line or b"\r" in line or b"\0" in line for line in lines):
        raise Refusal(400, "Lines of a request end in CRLF, and hold no CR, LF or NUL.")
    method, target, version = _request_line(lines[0])
    headers = _headers(lines[1:])
    if version == (1, 1) and b"host" not in headers:
        raise Refusal(400, "A request of HTTP/1.1 has a Host header.")
    if method != b"POST":
        raise Refusal(501, "Only POST is known here.", Allow="POST")
    length = _length(headers, max_body)
    media_type = _check_type(headers, media_types)
    expects = headers.get(b"expect", b"").lower()
    if expects not in (b"", b"100-continue"):
        raise Refusal(417, "Only 100-continue can be expected here.")
    return RequestHead(
        _path(target),
        length,
        _keeps_alive(headers, version),
        bool(expects) and version == (1, 1),
        media_type,
    )


def _request_line(line: bytes) -> tuple[bytes, bytes, tuple[int, int]]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise Refusal(400, "This is no request line of HTTP/1.1.")
    version = int(found[3]), int(found[4])
    if version not in ((1, 0), (1, 1)):
        raise Refusal(505, "HTTP/1.1 is spoken here.")
    return found[1], found[2], version


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise Refusal(400, "A header line is malformed.")
        key, value = name.lower(), value.strip(b" \t")
        if key in headers and key in _ONCE:
            raise Refusal(400, f"The header {key.decode()} may stand once.")
        headers[key] = value if key not in headers else headers[key] + b", " + value
    return headers


def _length(headers: dict[bytes, bytes], max_body: int) -> int:
    given = headers.get(b"content-length")
    if b"transfer-encoding" in headers:
        status = 411 if given is None else 400
        raise Refusal(status, "A body has a Content-Length and no Transfer-Encoding here.")
    if given is None:
        raise Refusal(411, "A request has a Content-Length here.")
    if _LENGTH.fullmatch(given) is None:
        raise Refusal(400, "Content-Length is a number.")
    if int(given) > max_body:
        raise Refusal(413, f"A message has {max_body} bytes at most here.")
    return int(given)


def _check_type(headers: dict[bytes, bytes], media_types: Optional[frozenset[str]]) -> str:
    """Rules H3 and H12: the media type, which is one of the profile's."""
    media, _, parameters = headers.get(b"content-type", b"").partition(b";")
    charset = re.search(rb"charset\s*=\s*\"?([^\";\s]+)", parameters, re.IGNORECASE)
    media_type = media.strip().lower().decode("latin-1")
    refused = media_types is not None and refuse_type(media_type, media_types)
    if refused:
        raise Refusal(refused.status, refused.body.decode().strip())
    if charset and charset[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise Refusal(406, "Messages are UTF-8 here.")
    return media_type


def _keeps_alive(headers: dict[bytes, bytes], version: tuple[int, int]) -> bool:
    options = {each.strip().lower() for each in headers.get(b"connection", b"").split(b",")}
    return b"close" not in options and (version == (1, 1) or b"keep-alive" in options)


def _path(target: bytes) -> str:
    """The path of the request, with doubled slashes made one; a query or a whole URL is refused."""
    if not target.startswith(b"/") or b"?" in target or b"#" in target or not target.isascii():
        raise Refusal(400, "The request's target is a plain path here.")
    return re.sub("/{2,}", "/", target.decode())
