"""The small servers of the commands, asked by whoever means them ill: a request is answered with an
error of the client's, or not at all. Nothing is printed, no thread is held.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.cli.page_server import PageServer
from ven_sdk.cli.run.control import ControlPort
from ven_sdk.cli.run.health import HealthPort
from ven_sdk.cli.run.server import parse_address
from ven_sdk.cli.vtn.page import Page
from ven_sdk.errors import ConfigurationError

TOKEN = "0123456789abcdef"
SERVERS = ("health", "control", "page")
SUPERSCRIPT = "\u00b2"


@contextlib.contextmanager
def served(name: str) -> Iterator[int]:
    """The port of a server of that name."""
    client = OpenADRClient("v", "http://127.0.0.1:9", on_event="optIn")
    if name == "page":
        page = Page(0, dict, lambda order: order, lambda number: None)
        port, server = int(page.url.rsplit(":", 1)[1].strip("/")), page
    elif name == "health":
        server = HealthPort([client], 0)
        port = server.port
    else:
        server = ControlPort([client], 0, TOKEN)
        port = server.port
    try:
        yield port
    finally:
        server.close()


def exchange(port: int, request: bytes) -> str:
    """What comes back for it, until the server has said all."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(request)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        parts = []
        with contextlib.suppress(OSError):
            while part := sock.recv(65536):
                parts.append(part)
        return b"".join(parts).decode("latin-1")


def head(line: str, *headers: str) -> bytes:
    lines = (line, f"Authorization: Bearer {TOKEN}", *headers)
    return "".join(f"{one}\r\n" for one in lines).encode("latin-1") + b"\r\n"


HOST = "Host: 127.0.0.1"
PATHS = (
    *("//[bad", "//[::1", "http://[x/health", "/%", "/%zz", "/%00", "/%2e%2e/%2e%2e/etc/passwd"),
    *("/" + "a" * 60_000, "/" + "/" * 5000, "/events/%ff%fe", "/metrics?%", "/schedule?hours=nan"),
    *("/schedule?hours=1e400", "/schedule?hours=" + "9" * 5000, "/message?" + SUPERSCRIPT),
    *("/message?9999999999999999999", "/vens/%00/status", "*", "health", "//x:99999999/", "/\t"),
    "/signals/" + "%F0%9F%92%A9" * 500,
)
REQUESTS = {
    **{f"GET {path:.30}": head(f"GET {path} HTTP/1.1", HOST) for path in PATHS},
    **{f"POST {path:.30}": head(f"POST {path} HTTP/1.1", HOST) for path in PATHS},
    **{
        f"length {length:.20}": head(
            "POST /order HTTP/1.1",
            HOST,
            f"Content-Length: {length}",
            "Content-Type: application/json",
        )
        for length in ("-1", "x", SUPERSCRIPT, "9" * 5000, "0x10", "1e3", " ", "100001", "5, 5")
    },
    **{
        f"host {host:.20}": head("GET / HTTP/1.1", f"Host: {host}")
        for host in ("[", "[::1", "]:80", "x:99999999", "\xff\xfe", "", "127.0.0.1:" + SUPERSCRIPT)
    },
    **{
        f"origin {origin:.20}": head("GET / HTTP/1.1", HOST, f"Origin: {origin}")
        for origin in ("http://[", "null", "http://evil", "\xff", "http://127.0.0.1:x")
    },
    **{
        f"body {name}": head(
            "POST /order HTTP/1.1",
            HOST,
            f"Content-Length: {len(body)}",
            "Content-Type: application/json",
        )
        + body
        for name, body in {
            "deep": b"[" * 90_000,
            "bytes": bytes(range(256)),
            "nan": b'{"value": NaN}',
            "digits": b"9" * 90_000,
            "surrogate": b'"\\ud800"',
        }.items()
    },
    "method": head("BREW / HTTP/1.1", HOST),
    "no version": b"GET /\r\n\r\n",
    "version": head("GET / HTTP/9.9", HOST),
    "no line": b"\r\n\r\n\r\n",
    "binary": bytes(range(256)) * 10,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "long line": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": head("GET / HTTP/1.1", HOST, *(f"X-{number}: y" for number in range(200))),
    "long header": head("GET / HTTP/1.1", HOST, "X: " + "y" * 70_000),
    "expect": head("POST /order HTTP/1.1", HOST, "Expect: nonsense", "Content-Length: 5"),
    "chunked": head("POST /order HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"zz\r\n",
    "half": b"GET / HT",
    "half a body": head("POST /order HTTP/1.1", HOST, "Content-Length: 500") + b"{",
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_hostile_request_is_an_error_of_the_client_s(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    threads = set(threading.enumerate())
    with served(name) as port:
        for about, request in REQUESTS.items():
            status = exchange(port, request).partition(" ")[2][:3]
            assert status in ("", "501", "503", "505") or not status.startswith("5"), about
            assert "Traceback" not in capfd.readouterr().err, about

    assert_ends(threads)
    assert not capfd.readouterr().err


def assert_ends(threads: set[threading.Thread]) -> None:
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
        assert not thread.is_alive(), thread


@pytest.mark.parametrize("name", SERVERS)
def test_a_client_that_says_nothing_outlives_no_server(name: str) -> None:
    threads = set(threading.enumerate())
    with contextlib.ExitStack() as stack:
        with served(name) as port:
            for _ in range(5):
                silent = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                silent.sendall(b"GET / HTTP/1.1\r\nX: ")
            exchange(port, head("GET / HTTP/1.1", HOST, "Connection: close"))
        assert_ends(threads)


@contextlib.contextmanager
def serving(kind: type[PageServer]) -> Iterator[tuple[str, int]]:
    """The address of such a server."""
    server = kind(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield "127.0.0.1", int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_client_that_never_comes_to_an_end_is_cut_off() -> None:
    class Impatient(PageServer):
        longest = 0.3

    with serving(Impatient) as place, socket.create_connection(place, timeout=30) as slow:
        slow.sendall(b"GET / HTTP/1.1")
        assert slow.recv(1) == b""


def test_who_comes_beyond_the_most_is_sent_away() -> None:
    class Small(PageServer):
        most = 2

    with serving(Small) as place, contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(socket.create_connection(place)).sendall(b"GET /")
        with socket.create_connection(place, timeout=30) as late:
            assert late.recv(1) == b""


@pytest.mark.parametrize("place", [SUPERSCRIPT, f"127.0.0.1:{SUPERSCRIPT}", "70000", "x:", ":80"])
def test_a_port_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_address(place)
