"""The ``responses`` library can stand in for the network, in users' tests too."""

from __future__ import annotations

import gzip
from typing import Any, Callable

import pytest
import requests
import responses

from ven_sdk.errors import TransportError

URL = "https://vtn.example.com/OpenADR2/Simple/2.0b/OadrPoll"
Connect = Callable[..., Any]


@responses.activate
def test_a_registered_answer_comes_back_and_each_call_is_seen_as_it_was(connect: Connect) -> None:
    responses.post(URL, body=b"<a/>", headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
    connections = connect()

    replies = [connections.post(URL, body) for body in (b"one", b"three")]

    assert [reply.body for reply in replies] == [b"<a/>", b"<a/>"]
    assert replies[0].date is not None
    assert replies[0].date.year == 1994
    assert [call.request.body for call in responses.calls] == [b"one", b"three"]
    assert [call.request.headers["Content-Length"] for call in responses.calls] == ["3", "5"]
    assert responses.calls[0].request.headers["content-type"] == "application/xml"
    assert responses.calls[0].response.text == "<a/>"


@responses.activate
def test_a_registered_status_is_the_error_of_that_status(connect: Connect) -> None:
    responses.post(URL, status=503, headers={"Retry-After": "7"})

    with pytest.raises(TransportError) as caught:
        connect().post(URL, b"x")

    assert (caught.value.status, caught.value.retry_after, caught.value.retryable) == (503, 7, True)


@responses.activate
@pytest.mark.parametrize(
    ("fault", "delivered"),
    [
        (requests.ConnectTimeout("no"), False),
        (requests.ConnectionError("no"), None),
        (ConnectionResetError("no"), None),
    ],
)
def test_a_registered_exception_is_the_cause_of_our_error(
    connect: Connect, fault: Any, delivered: Any
) -> None:
    responses.post(URL, body=fault)

    with pytest.raises(TransportError) as caught:
        connect().post(URL, b"x")

    assert caught.value.delivered is delivered
    assert caught.value.__cause__ is fault


@responses.activate
def test_nothing_registered_is_an_error_that_names_the_url(connect: Connect) -> None:
    with pytest.raises(TransportError, match="Connection refused by Responses"):
        connect().post(URL, b"x")


@responses.activate
def test_size_and_encoding_are_judged_as_on_the_wire(connect: Connect) -> None:
    responses.post(URL, body=gzip.compress(b"x"), headers={"Content-Encoding": "gzip"})
    responses.post(URL + "2", body=b"x" * 11)

    with pytest.raises(TransportError, match="encoded with 'gzip'"):
        connect().post(URL, b"x")
    with pytest.raises(TransportError, match="larger than 10 bytes"):
        connect(max_response_size=10).post(URL + "2", b"x")


def test_a_call_that_is_passed_through_reaches_the_network(connect: Connect, serve: Any) -> None:
    from tests.transport.raw_server import OK, answers

    server = serve(answers(OK))
    with responses.RequestsMock() as mock:
        mock.add_passthru(server.url())

        assert connect().post(server.url(), b"x").body == b"ok"
