"""What the small HTTP servers answer to methods that a page does not take: a table over all of
them.
"""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Callable

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.cli.run.control import ControlPort
from ven_sdk.cli.run.health import HealthPort
from ven_sdk.cli.vtn.page import Page
from ven_sdk.push import Listener
from ven_sdk.testing import LocalVTN

TOKEN = "a token of the test"
Server = Callable[[], AbstractContextManager["tuple[int, str]"]]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@contextlib.contextmanager
def health() -> Iterator[tuple[int, str]]:
    port = HealthPort([OpenADRClient("a", "http://127.0.0.1:9")], 0)
    yield port.port, "/health"
    port.close()


@contextlib.contextmanager
def live() -> Iterator[tuple[int, str]]:
    with health() as (port, _):
        yield port, "/live"


@contextlib.contextmanager
def control() -> Iterator[tuple[int, str]]:
    port = ControlPort([OpenADRClient("a", "http://127.0.0.1:9")], 0, TOKEN)
    yield port.port, "/status"
    port.close()


@contextlib.contextmanager
def list_of_vens() -> Iterator[tuple[int, str]]:
    with control() as (port, _):
        yield port, "/vens"


@contextlib.contextmanager
def order() -> Iterator[tuple[int, str]]:
    with control() as (port, _):
        yield port, "/events/e/opt-in"


@contextlib.contextmanager
def local_vtn() -> Iterator[tuple[int, str]]:
    with LocalVTN() as vtn:
        yield vtn.port, "/OpenADR2/Simple/2.0b/OadrPoll"


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, str]]:
    client = OpenADRClient("a", "http://127.0.0.1:9")
    found = Listener("127.0.0.1", 0, client.receive, knows=lambda path: True)
    found.start()
    yield found.address[1], "/OpenADR2/Simple/2.0b/EiEvent"
    found.stop()


@contextlib.contextmanager
def page() -> Iterator[tuple[int, str]]:
    found = Page(0, dict, dict, dict)
    yield int(found.url.rpartition(":")[2].strip("/")), "/"
    found.close()


def ask(port: int, method: str, path: str, token: str = TOKEN) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        headers = {"Authorization": f"Bearer {token}", "Host": f"127.0.0.1:{port}"}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


@pytest.mark.parametrize(
    "server, taken",
    [
        (health, "GET, HEAD"),
        (live, "GET, HEAD"),
        (control, "GET, HEAD"),
        (list_of_vens, "GET, HEAD"),
        (order, "POST"),
        (local_vtn, "POST"),
        (listener, "POST"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_who_refuses_a_method_says_which_are_taken(server: Server, taken: str, method: str) -> None:
    with server() as (port, path):
        answer = ask(port, method, path)

    refused = answer.status in (405, 501)
    assert refused == (method not in taken.split(", "))
    assert answer.headers["Allow"] == (taken if refused else None)


@pytest.mark.parametrize("server", [health, live, control, page])
def test_where_get_is_answered_head_is_too(server: Server) -> None:
    with server() as (port, path):
        answers = ask(port, "GET", path), ask(port, "HEAD", path)

    assert answers[0].status == answers[1].status
    assert answers[0].headers["Content-Type"] == answers[1].headers["Content-Type"]


@pytest.mark.parametrize("server", [control, order, list_of_vens])
def test_who_has_no_token_is_told_the_scheme(server: Server) -> None:
    with server() as (port, path):
        answer = ask(port, "GET", path, "another token of it")

    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
