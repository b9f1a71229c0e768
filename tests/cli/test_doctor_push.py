"""``doctor --push`` against ways to a VEN that are broken in one place each: its first diagnosis
has to name that place.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.cli import main
from ven_sdk.testing import pki
from ven_sdk.testing.vtn.http import Server, free_port
from ven_sdk.testing.vtn.http_requests import Request
from ven_sdk.testing.vtn.reply import Reply


class Place:
    """Ways to a VEN, each made where it is asked for, and closed at the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.own = pki.identity("ven")
        self.ca_file = str(folder / "ca.pem")
        Path(self.ca_file).write_bytes(self.own.authority_pem)
        self.port = free_port()

    def words(self, push: str, *more: str, own: Optional[pki.Identity] = None) -> list[str]:
        cert, key = (own or self.own).write(self.folder, "own")
        listen = [] if "--listen" in more else ["--listen", f"127.0.0.1:{self.port}"]
        return ["--push", push, "--cert", cert, "--key", key, "--ca-file", self.ca_file,
                "--timeout", "2", *listen, *more]  # fmt: skip

    def server(
        self,
        reply: Callable[[Request], Reply],
        identity: Optional[pki.Identity] = None,
        *,
        demands: bool = True,
        plain: bool = False,
    ) -> int:
        """The port of a web server that is not the VEN's."""
        server = Server(reply)
        if not plain:
            server.context = self.context(identity or pki.identity("proxy"), demands)
        server.open()
        self.stack.callback(server.close)
        return server.port

    def context(self, identity: pki.Identity, demands: bool) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity.write(self.folder, "proxy"))
        if demands:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def forward(self, change: Callable[[str], str]) -> int:
        """The port of a proxy that does TLS and passes requests to the listener, plainly."""

        def passed(request: Request) -> Reply:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
            try:
                headers = {"Content-Type": "application/xml"}
                connection.request("POST", change(request.path), request.body, headers)
                answer = connection.getresponse()
                return Reply(status=answer.status, body=answer.read())
            finally:
                connection.close()

        return self.server(passed)

    def banner(self, text: bytes) -> int:
        """The port of something that speaks first, and not HTTP."""
        listening = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(text)
                    connection.settimeout(1)
                    with suppress(OSError):
                        connection.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.stack.callback(thread.join, 3)
        self.stack.callback(listening.close)
        self.stack.callback(listening.shutdown, socket.SHUT_RDWR)
        return int(listening.getsockname()[1])

    def ven(self, prefix: str = "/site7") -> int:
        """The port where a VEN listens, which runs."""
        port = free_port()
        cert, key = self.own.write(self.folder, "running")
        client = OpenADRClient(
            "ven",
            "http://127.0.0.1:9",
            cert=cert,
            key=key,
            ca_file=self.ca_file,
            push=f"https://localhost:{port}{prefix}",
            listen=f"127.0.0.1:{port}",
            show_fingerprint=False,
        )
        client.start()
        self.stack.callback(client.stop, 1)
        return port


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def examined(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        code = main(["doctor", *words, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (0 if found["ok"] else 1)
    return found


class Case(NamedTuple):
    """A set-up, the link that is broken, and words of the diagnosis."""

    words: Callable[[Place], list[str]]
    step: str
    says: str


def replies(status: int, **headers: str) -> Callable[[Request], Reply]:
    return lambda request: Reply(status=status, headers=headers)


BROKEN = {
    "no address": Case(lambda at: at.words("ven.example.com"), "push address", "such as"),
    "name": Case(
        lambda at: at.words("https://ven.does-not-exist.invalid:1"), "name", "not known to the name"
    ),
    "port closed": Case(
        lambda at: at.words(f"https://localhost:{free_port()}"), "port", "it is closed"
    ),
    "port of something else": Case(
        lambda at: at.words(f"https://localhost:{at.banner(b'SSH-2.0-OpenSSH_9.2' + bytes(2))}"),
        "TLS",
        "something else: it speaks neither TLS nor HTTP",
    ),
    "something else at a plain address": Case(
        lambda at: at.words(f"http://localhost:{at.banner(b'220 mail.example.com ESMTP')}"),
        "path",
        "something else: it answers no HTTP",
    ),
    "plain HTTP on TLS": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(200), plain=True)}"),
        "TLS",
        "speaks plain HTTP, and push says https://",
    ),
    "TLS on plain HTTP": Case(
        lambda at: at.words(f"http://localhost:{at.server(replies(200))}"),
        "path",
        "speaks TLS, and push says http://",
    ),
    "wrong name": Case(
        lambda at: at.words(f"https://localhost:{at.port}", own=pki.wrong_host()),
        "certificate",
        "is for elsewhere.invalid, not for localhost",
    ),
    "wrong name at a proxy": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(200), pki.wrong_host())}"),
        "certificate",
        "is for elsewhere.invalid, not for localhost",
    ),
    "own certificate expired": Case(
        lambda at: at.words(f"https://localhost:{at.port}", own=pki.expired()),
        "own files",
        "expired on",
    ),
    "expired at a proxy": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(200), pki.expired())}"),
        "certificate",
        "where TLS ends",
    ),
    "no certificate at all": Case(
        lambda at: ["--push", "https://localhost:1"], "own files", "--cert FILE --key FILE"
    ),
    "no client certificate demanded": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(200), demands=False)}"),
        "client certificate",
        "No client certificate is demanded",
    ),
    "proxy 502": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(502, Server='nginx/1.22.1'))}"),
        "path",
        "HTTP status 502 (Bad Gateway), from nginx/1.22.1",
    ),
    "proxy 404": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(404))}"),
        "path",
        "There is nothing at /OpenADR2/Simple/2.0b/EiEvent",
    ),
    "proxy without the certificate": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(403))}"),
        "path",
        "not admitted (HTTP status 403)",
    ),
    "another page": Case(
        lambda at: at.words(f"https://localhost:{at.server(replies(200))}"),
        "path",
        "Something else answers",
    ),
    "path changed on the way": Case(
        lambda at: at.words(
            f"https://localhost:{at.forward(lambda path: path.replace('/site7', ''))}/site7",
            "--proxied",
        ),
        "path",
        "something on the way changes paths",
    ),
    "path wrong at the VEN": Case(
        lambda at: at.words(
            f"https://localhost:{(port := at.ven())}/site8", "--listen", f"127.0.0.1:{port}"
        ),
        "path",
        "There is nothing at /site8/OpenADR2",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_the_first_diagnosis_is_right(
    what: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    case = BROKEN[what]
    found = examined(case.words(place), capsys)
    assert (found["first_wrong"], found["ok"]) == (case.step, False), found["text"]
    assert case.says in f"{found['text']} {found['advice']}"


RIGHT = {
    "a listener of the command's own": lambda at: at.words(f"https://localhost:{at.port}/site7"),
    "plain HTTP": lambda at: at.words(f"http://localhost:{at.port}/site7/"),
    "behind a proxy": lambda at: at.words(
        f"https://localhost:{at.forward(lambda path: path)}/site7", "--proxied"
    ),
    "a VEN that runs": lambda at: at.words(
        f"https://localhost:{(port := at.ven())}/site7", "--listen", f"127.0.0.1:{port}"
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_a_way_that_holds_is_said_to_hold(
    what: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    found = examined(RIGHT[what](place), capsys)
    assert found["ok"], found["text"]
    assert found["steps"][-1]["step"] == "path"
    assert free(place.port), "the command left its listener behind"


def test_who_demands_another_authoritys_certificate_is_told_apart_from_a_broken_link(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.own = pki.identity("ven", issuer="somebody else's")
    running = place.server(replies(200))
    Path(place.ca_file).write_bytes(place.own.authority_pem)
    found = examined(place.words(f"https://localhost:{running}"), capsys)
    assert found["ok"]
    assert "which may be right" in json.dumps(found["steps"][-1])


def free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    "words",
    [[], ["https://vtn", "--push", "https://ven"], ["https://vtn", "--listen", "0.0.0.0:1"]],
)
def test_what_is_to_be_examined_is_said_once(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *words]) == 2
    assert "--push" in capsys.readouterr().err


def test_the_findings_are_read_by_people_too(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *place.words(f"https://localhost:{place.port}/site7")]) == 0
    out = capsys.readouterr().out
    assert "arrived at this command's listener" in out.replace("\n", " ").replace("  ", " ")
    assert "All links hold." in out
