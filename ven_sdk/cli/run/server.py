"""A small HTTP server for the pages of ``ven-sdk run``: each page is a function of the request. A
thread for each request.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Callable, NamedTuple, Optional, Union
from urllib.parse import parse_qsl, unquote

from ...errors import ConfigurationError
from ...text import repr_of, text_of
from ...threads import daemon_thread
from ..page_server import PageServer, length_of_body, split_address

logger: logging.Logger = logging.getLogger(__name__)

LOCAL = "127.0.0.1"
_HOST = re.compile(r"[\w.-]+|\[?[0-9A-Fa-f:.]+(?:%\w+)?\]?")
"""A name or an address, and neither a URL nor a blank."""
ALL = frozenset({"", "0.0.0.0", "::"})
"""Hosts that stand for every address of this machine."""
MAX_BODY = 100_000
LONGEST = 20.0
"""Seconds that one request may take."""
JSON, TEXT = "application/json", "text/plain; charset=utf-8"


class Request(NamedTuple):
    """A request: ``path`` in parts without the query, decoded; ``body`` of a POST."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Message
    body: bytes = b""


class Page(NamedTuple):
    """An answer; ``headers`` beside those that each has."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = {}


Respond = Callable[[Request], Page]
Place = Union[int, str]


def page_of(value: object, status: int = 200) -> Page:
    """``value`` as JSON: times as ISO 8601, durations in seconds."""
    return Page(status, json.dumps(value, indent=2, default=_as_text).encode() + b"\n")


def refusal(status: int, text: str, **headers: str) -> Page:
    """An error with its reason, and ``headers`` with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return page_of({"error": text}, status)._replace(headers=named)


def only_get(request: Request, name: str) -> Page:
    """The answer where a question was sent otherwise than by GET."""
    text = f"{name} is a question: ask by GET, not {request.method}."
    return refusal(405, text, Allow="GET, HEAD")


def _as_text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


class _Server(PageServer):
    longest = LONGEST


class Port:
    """Serves pages on ``[host:]port`` from construction to :meth:`close`; ``name`` is for people
    and for the thread. ``ConfigurationError`` for what it cannot use.
    """

    def __init__(self, name: str, place: Place, respond: Respond) -> None:
        host, port = parse_address(place, name)
        try:
            self._server = _Server((host, port), _handler(respond))
        except OSError as cause:
            raise ConfigurationError(
                f"The {name} port {host}:{port} cannot be opened: {cause.strerror or cause}."
            ) from cause
        self.host: str = host
        self.port: int = int(self._server.server_address[1])
        self._thread = daemon_thread(f"ven_sdk-{name}", self._server.serve_forever, 0.2)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def local_address(place: object, name: str) -> tuple[str, int]:
    """Host and port as :func:`parse_address` gives them, of this machine alone.
    ``ConfigurationError`` for anything else.
    """
    host, port = parse_address(place, name)
    if not _is_loopback(host):
        raise ConfigurationError(
            f"The {name} port answers this machine only: give a number, or 127.0.0.1:PORT, not "
            f"{repr_of(place)}."
        )
    return host, port


def want_one_port(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two servers at these hosts and ports would want the same port of this machine."""
    hosts = {"127.0.0.1" if host == "localhost" else host for host in (one[0], other[0])}
    return 0 != one[1] == other[1] and (len(hosts) == 1 or bool(hosts & ALL))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(place: object, name: str = "health") -> tuple[str, int]:
    """Host and port of ``8080``, ``"8080"`` or ``"0.0.0.0:8080"``; without a host this machine
    alone can ask. ``ConfigurationError`` for anything else.
    """
    host, colon, port = text_of(place).rpartition(":")
    if (
        isinstance(place, bool)
        or not _is_number(port)
        or int(port) > 65535
        or (colon and not _HOST.fullmatch(host))
    ):
        raise ConfigurationError(
            f"The {name} port must be a number from 0 to 65535, or host:port such as "
            f"'0.0.0.0:8080', not {repr_of(place)}."
        )
    return host.strip("[]") or LOCAL, int(port)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request; the connection ends with it."""

        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            """Answer a question."""
            self._respond(b"")

        do_HEAD = do_OPTIONS = do_GET

        def do_POST(self) -> None:
            """Carry out an order."""
            length = length_of_body(self.headers, MAX_BODY)
            if length is None:
                self._answer(refusal(413, f"A body has at most {MAX_BODY} bytes, and its length."))
                return
            self._respond(self.rfile.read(length))

        do_PUT = do_PATCH = do_DELETE = do_POST

        def _respond(self, body: bytes) -> None:
            request = _read(self, body)
            self._answer(refusal(400, "The path is none.") if request is None else respond(request))

        def _answer(self, page: Page) -> None:
            self.close_connection = True
            self.send_response(page.status)
            self.send_header("Content-Type", page.kind)
            self.send_header("Content-Length", str(len(page.body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Connection", "close")
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page.body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on standard error."""
            logger.debug(format, *arguments)

    return Handler


def _read(handler: BaseHTTPRequestHandler, body: bytes) -> Optional[Request]:
    """The request; None for a path that is none."""
    parts = split_address(handler.path)
    if parts is None:
        return None
    path = tuple(unquote(part) for part in parts.path.split("/") if part)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    method = "GET" if handler.command == "HEAD" else handler.command
    return Request(method, path, query, handler.headers, body)
