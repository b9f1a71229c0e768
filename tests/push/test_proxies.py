"""The configurations of nginx and Caddy that the documentation shows, run as they stand: only
paths, ports and the name are replaced.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.push.trust import Trust
from tests.push.wire import encrypted, exchange, request
from ven_sdk import ConfigurationError, OpenADRClient
from ven_sdk.push import Peer, Response, wsgi
from ven_sdk.testing.vtn.http import free_port

CONFIGURATIONS = Path(__file__).resolve().parents[2] / "docs" / "push"
PATH = "/site7/OpenADR2/Simple/2.0b/EiEvent"


class Recorder:
    """Takes messages in, and remembers who sent them."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        self.peers.append(peer)
        return Response(200, {"Content-Type": "application/xml"}, b"<ok/>")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[tuple[Recorder, int]]:
    """A WSGI server of the standard library behind the proxy."""
    recorder = Recorder()
    server = make_server(
        "127.0.0.1", 0, wsgi(recorder, trusted_proxies="127.0.0.1"), handler_class=Quiet
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield recorder, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the proxy ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the proxy does not listen")


def start_nginx(folder: Path, trust: Trust, files: tuple[str, str], behind: int, port: int):
    text = (CONFIGURATIONS / "nginx.conf").read_text(encoding="utf-8")
    text = replace(text, trust, files, behind).replace("listen 8443", f"listen 127.0.0.1:{port}")
    whole = (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{text}\n}}\n"
    )
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    return subprocess.Popen(
        [nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
    )


def start_caddy(folder: Path, trust: Trust, files: tuple[str, str], behind: int, port: int):
    text = (CONFIGURATIONS / "Caddyfile").read_text(encoding="utf-8")
    text = replace(text, trust, files, behind).replace("ven.example.com:8443", f"localhost:{port}")
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(options + text, encoding="utf-8")
    caddy = shutil.which("caddy")
    assert caddy is not None
    return subprocess.Popen(
        [caddy, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"],
        stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )


def replace(text: str, trust: Trust, files: tuple[str, str], behind: int) -> str:
    return (
        text.replace("/etc/ven/ven.pem", files[0])
        .replace("/etc/ven/ven.key", files[1])
        .replace("/etc/ven/utility-ca.pem", trust.ca_file)
        .replace("127.0.0.1:8080", f"127.0.0.1:{behind}")
    )


def nginx() -> str:
    return shutil.which("nginx") or "/usr/sbin/nginx"


PROXIES = {"nginx": start_nginx, "caddy": start_caddy}


@pytest.mark.parametrize("name", PROXIES)
def test_the_proxy_hands_the_verified_certificate_on_and_admits_nobody_else(
    name: str, tmp_path: Path, application: tuple[Recorder, int]
) -> None:
    if shutil.which(name) is None and not (name == "nginx" and Path(nginx()).exists()):
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")
    recorder, behind = application
    trust, port = Trust(tmp_path), free_port()
    files = trust.files("ven", trust.ca.issue_cert("localhost", "127.0.0.1"))
    process = PROXIES[name](tmp_path, trust, files, behind, port)
    try:
        wait_for_port(port, process)
        forged = "X-SSL-Client-Cert: forged\r\nClient-Cert: :Zm9yZ2Vk:\r\n"
        whole = request(b"<x/>", PATH, forged).replace(b"Host: ven", b"Host: localhost")
        with encrypted(("127.0.0.1", port), trust.ca_file, *trust.vtn, name="localhost") as vtn:
            status, _, body = exchange(vtn, whole)
        assert (status, body) == (200, b"<ok/>")
        assert recorder.peers[0].certificate == trust.vtn_der
        try:
            with encrypted(("127.0.0.1", port), trust.ca_file, name="localhost") as stranger:
                status, _, _ = exchange(stranger, whole)
        except OSError:
            status = 0
        assert status in (0, 400)  # nginx says in HTTP that it wants a certificate
        assert len(recorder.peers) == 1
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    "given",
    [None, 5, [5], [b"\x7f\0\0\1"], [None], ["10.0.0.1/8"], b"10.0.0.1", {"10.0.0.1": 1}, [True]],
)
def test_what_names_no_proxies_is_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        wsgi(OpenADRClient("v", "http://vtn"), trusted_proxies=given)


def test_what_receives_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="OpenADRClient or a Fleet"):
        wsgi(5)  # type: ignore[arg-type]
