"""What the transport takes for granted of ``requests`` and ``http.client`` beyond what they
document: fails where a new version has it otherwise.
"""

from __future__ import annotations

import inspect
import io
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from ven_sdk.errors import TransportError
from ven_sdk.transport.answers import Answer
from ven_sdk.transport.incoming import Source
from ven_sdk.transport.requests_seam import Adapter
from ven_sdk.transport.route import Deadline, Stage

URL = "https://vtn.example.com/OadrPoll"


def request() -> requests.PreparedRequest:
    return requests.Request("POST", URL, data=b"x").prepare()


def no_exchange() -> Answer:
    raise AssertionError("the network was asked")


def test_the_adapter_of_requests_asks_our_adapter_for_the_exchange() -> None:
    wanted = request()
    answer = Answer(200, "OK", {}, b"found")

    found = Adapter().pass_on(wanted, lambda: answer)

    assert found is answer
    assert (found.request, found.url) == (wanted, URL)


def test_errors_of_the_exchange_come_through_the_adapter_of_requests() -> None:
    def fail() -> Answer:
        raise TransportError("no way", delivered=False)

    with pytest.raises(TransportError, match="no way"):
        Adapter().pass_on(request(), fail)


@responses.activate
def test_what_stands_in_for_the_network_answers_instead() -> None:
    responses.add(responses.POST, URL, body=b"stand-in")

    assert Adapter().pass_on(request(), no_exchange).content == b"stand-in"


def test_the_adapter_overrides_what_requests_has() -> None:
    own = {name for name, value in vars(Adapter).items() if inspect.isfunction(value)}
    pool = {"get_connection", "get_connection_with_tls_context"}  # requests before 2.32, and since

    assert own - set(dir(HTTPAdapter)) - pool == {"pass_on", "urlopen"}
    assert pool & set(dir(HTTPAdapter))


class Bytes:
    """A connection that has received all."""

    stage = Stage.WAIT

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def receive_into(self, buffer: Any, deadline: Deadline) -> int:
        return self._file.readinto(buffer)

    def has_surplus(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("head", "facts"),
    [
        (b"Content-Length: 3\r\n", (3, False, False)),
        (b"Content-Length: 3\r\nConnection: close\r\n", (3, False, True)),
        (b"Transfer-Encoding: chunked\r\n", (None, True, False)),
        (b"", (None, False, True)),
    ],
)
def test_the_head_of_an_answer_says_how_its_body_ends(head: bytes, facts: tuple[Any, ...]) -> None:
    data = Bytes(b"HTTP/1.1 200 Fine\r\n" + head + b"\r\nabc")

    response = Source(data, Deadline(5)).response("POST")

    assert (response.length, response.is_chunked, response.ends) == facts
    assert (response.status, response.reason) == (200, "Fine")
    assert response.file.read(3) == b"abc"
