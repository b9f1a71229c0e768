"""The web server of the test VTN's page: on loopback only, one page without outside resources,
state as JSON, orders by POST.

Other web sites open in the same browser must not give orders: the Host has to be this machine, and
a POST has to be JSON from our own page (which a foreign page cannot send without being asked
first). A thread for each request.
"""

from __future__ import annotations

import json
import logging
import secrets
from http.server import BaseHTTPRequestHandler
from importlib import resources
from typing import Callable, Optional

from ...errors import ConfigurationError, VenError
from ...threads import daemon_thread
from ..page_server import PageServer, length_of_body, split_address

logger: logging.Logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
MAX_ORDER = 100_000
_HOSTS = (LOOPBACK, "localhost", "::1")
State = Callable[[], dict[str, object]]
Order = Callable[[object], object]
Message = Callable[[int], Optional[dict[str, object]]]


class Page:
    """The page's server, from construction to :meth:`close`. ``ConfigurationError`` for what it
    cannot use.
    """

    def __init__(self, port: int, state: State, order: Order, message: Message) -> None:
        try:
            self._server = PageServer((LOOPBACK, port), _handler(state, order, message))
        except OSError as cause:
            raise ConfigurationError(
                f"The page's port {port} cannot be opened: {cause.strerror or cause}. Give another "
                "--page-port; 0 takes a free one."
            ) from cause
        self._thread = daemon_thread("ven_sdk-page", self._server.serve_forever, 0.2)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(state: State, order: Order, message: Message) -> type[BaseHTTPRequestHandler]:
    class Handler(_Answers):
        """The page's requests."""

        def do_GET(self) -> None:
            """The page, or its data."""
            path, _, query = self.path.partition("?")
            if not self.is_ours():
                self.refuse(403, "This page answers to this machine's own names only.")
            elif path == "/":
                self.page()
            elif path == "/state":
                self.data(200, state())
            elif path == "/message" and query.isascii() and query.isdigit() and len(query) < 16:
                found = message(int(query))
                self.data(200 if found else 404, found or {"error": "It is not kept any more."})
            else:
                self.refuse(404, "There is nothing here.")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            """An order."""
            if self.path != "/order" or not self.is_ours(order=True):
                self.refuse(403, "Orders come from the page itself, as JSON to /order.")
                return
            try:
                self.data(200, {"result": order(json.loads(self.body()))})
            except RecursionError:
                self.refuse(400, "The order is nested too deeply.")
            except ValueError as error:  # ConfigurationError is one: it says what is wrong
                self.refuse(400, str(error), getattr(error, "field", None))
            except VenError as error:
                self.refuse(409, str(error))
            except Exception:
                logger.exception("An order failed; the page goes on.")
                self.refuse(500, "The VTN failed on this order; its log says how.")

    return Handler


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


class _Answers(BaseHTTPRequestHandler):
    """Reading and writing of requests."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def is_ours(self, order: bool = False) -> bool:
        """Whether a browser was led here by our own page, not by another site or a name that points
        here.
        """
        host = split_address(f"//{self.headers.get('Host', '')}")
        if host is None or host.hostname not in _HOSTS:
            return False
        origin = split_address(self.headers.get("Origin", f"//{host.netloc}"))
        if origin is None or origin.netloc != host.netloc:
            return False
        return (
            not order
            or (self.headers.get("Content-Type") or "").partition(";")[0] == "application/json"
        )

    def body(self) -> bytes:
        """The request's body, as far as it is bearable."""
        length = length_of_body(self.headers, MAX_ORDER)
        if length is None:
            raise ValueError("The order is too long.")
        return self.rfile.read(length)

    def page(self) -> None:
        """The page; nothing but its own script and style may run in it."""
        nonce = secrets.token_urlsafe(16)
        text = _file("page.html").replace("{{style}}", _file("page.css"))
        text = text.replace("{{script}}", _file("page.js"))
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
            f"connect-src 'self'; img-src data:"
        )
        self.answer(
            200,
            "text/html; charset=utf-8",
            text.replace("{{nonce}}", nonce).encode(),
            ("Content-Security-Policy", policy),
        )

    def data(self, status: int, value: object) -> None:
        """JSON."""
        self.answer(status, "application/json", json.dumps(value, default=str).encode())

    def refuse(self, status: int, text: str, field: Optional[str] = None) -> None:
        """An error, as JSON, with the field that it is about. What is left of the request is not
        read, so the connection ends.
        """
        self.close_connection = True
        self.data(status, {"error": text, "field": field})

    def answer(self, status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> None:
        """Put it on the wire."""
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Not on standard error."""
        logger.debug(format, *arguments)
