"""The listener for pushed messages, by raw sockets: what is admitted, what is refused, and that
strangers delay nobody.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Callable, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.push.trust import Trust, honest
from tests.push.wire import connect, encrypted, exchange, is_closed, request, response, wait_for
from ven_sdk.errors import ConfigurationError, SecurityError, StateError
from ven_sdk.push import Limits, Listener, Peer, Response
from ven_sdk.push.http_request import MAX_HEAD, Refusal, read_head

PATH = "/OpenADR2/Simple/2.0b/EiEvent"
QUICK = Limits(
    handshake=0.4,
    head=0.4,
    body=0.4,
    send=1.0,
    idle=1.0,
    body_bytes=1000,
    media_types=frozenset({"application/xml", "text/xml"}),
)
Make = Callable[..., Listener]


class Inbox:
    """What was received, and what is answered."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes, Peer]] = []
        self.answer: Callable[[], Response] = lambda: Response(200, {"X": "y"}, b"<ok/>")

    def __call__(self, path: str, body: bytes, peer: Peer) -> Response:
        self.received.append((path, body, peer))
        return self.answer()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def listen(inbox: Inbox) -> Iterator[Make]:
    """Makes listeners on a free port of loopback, and ends them."""
    made: list[Listener] = []

    def make(**options: object) -> Listener:
        options.setdefault("limits", QUICK)
        listener = Listener("127.0.0.1", 0, inbox, **options)  # type: ignore[arg-type]
        made.append(listener)
        listener.start()
        return listener

    yield make
    for listener in made:
        assert listener.stop(5) == ()


# --- what is admitted ---------------------------------------------------------------------------


def test_a_message_reaches_the_receiver_and_its_answer_goes_back(
    listen: Make, inbox: Inbox
) -> None:
    with connect(listen().address) as vtn:
        status, headers, body = exchange(vtn, request(b"<hello/>"))

    assert (status, headers["x"], body) == (200, "y", b"<ok/>")
    assert inbox.received == [(PATH, b"<hello/>", Peer("127.0.0.1"))]
    assert inbox.received[0][2].media_type == "application/xml"


def test_a_connection_serves_one_request_after_the_other(listen: Make, inbox: Inbox) -> None:
    with connect(listen().address) as vtn:
        answers = [exchange(vtn, request(b"<n/>"))[0] for _ in range(20)]

    assert answers == [200] * 20


def test_doubled_slashes_are_one(listen: Make, inbox: Inbox) -> None:
    with connect(listen().address) as vtn:
        exchange(vtn, request(path="//site7//OpenADR2/Simple/2.0b//EiEvent"))

    assert inbox.received[0][0] == "/site7/OpenADR2/Simple/2.0b/EiEvent"


def test_a_message_that_comes_in_small_pieces_is_whole(listen: Make, inbox: Inbox) -> None:
    with connect(listen().address) as vtn:
        for byte in request(b"<piece/>"):
            vtn.sendall(bytes([byte]))
        assert response(vtn)[0] == 200

    assert inbox.received[0][1] == b"<piece/>"


def test_a_peer_that_waits_for_100_continue_gets_it(listen: Make, inbox: Inbox) -> None:
    whole = request(b"<later/>", head="Expect: 100-continue\r\n")
    with connect(listen().address) as vtn:
        vtn.sendall(whole[:-8])
        assert vtn.recv(100).startswith(b"HTTP/1.1 100 ")
        assert exchange(vtn, whole[-8:])[0] == 200


def test_a_receiver_that_fails_is_a_500_and_the_next_request_is_served(
    listen: Make, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> Response:
        raise RuntimeError("no")

    working, inbox.answer = inbox.answer, fail
    with connect(listen().address) as vtn:
        assert exchange(vtn, request())[0] == 500
        inbox.answer = working
        assert exchange(vtn, request())[0] == 200
    assert "fault of ven_sdk" in caplog.text


# --- what is refused ----------------------------------------------------------------------------

REFUSED = {
    "another method": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "a put": (request().replace(b"POST", b"PUT"), 501),
    "no length": (request().replace(b"Content-Length: 4\r\n", b""), 411),
    "chunked": (
        request().replace(b"Content-Length: 4", b"Transfer-Encoding: chunked"),
        411,
    ),
    "length and chunked": (request(head="Transfer-Encoding: chunked\r\n"), 400),
    "chunked and length": (
        request().replace(b"Content-Length", b"Transfer-Encoding: chunked\r\nContent-Length"),
        400,
    ),
    "an odd coding": (request(head="Transfer-Encoding: xchunked\r\n"), 400),
    "two lengths": (request(head="Content-Length: 5\r\n"), 400),
    "the same length twice": (request(head="Content-Length: 4\r\n"), 400),
    "a list of lengths": (request().replace(b": 4\r\n", b": 4, 4\r\n"), 400),
    "a signed length": (request().replace(b": 4\r\n", b": +4\r\n"), 400),
    "a negative length": (request().replace(b": 4\r\n", b": -4\r\n"), 400),
    "a hexadecimal length": (request().replace(b": 4\r\n", b": 0x4\r\n"), 400),
    "a length of other digits": (request().replace(b": 4\r\n", ": ٤\r\n".encode()), 400),
    "too large": (request().replace(b": 4\r\n", b": 1001\r\n"), 413),
    "a huge length": (request().replace(b": 4\r\n", b": 99999999999999999999\r\n"), 400),
    "bare LF after the request line": (request().replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"), 400),
    "bare LF after a header": (request().replace(b"Host: ven\r\n", b"Host: ven\n"), 400),
    "bare CR in a header": (request().replace(b"Host: ven", b"Host: v\ren"), 400),
    "NUL in a header": (request().replace(b"Host: ven", b"Host: v\0en"), 400),
    "a folded header": (request(head="X: a\r\n b\r\n"), 400),
    "a blank before the colon": (request(head="X : a\r\n"), 400),
    "a header without a name": (request(head=": a\r\n"), 400),
    "a line that is no header": (request(head="hello\r\n"), 400),
    "two hosts": (request(head="Host: other\r\n"), 400),
    "no host": (request().replace(b"Host: ven\r\n", b""), 400),
    "a whole URL": (request(path="http://ven/OpenADR2/Simple/2.0b/EiEvent"), 400),
    "a query": (request(path=PATH + "?a=1"), 400),
    "a star": (request(path="*"), 400),
    "a blank in the path": (request(path="/a b"), 400),
    "HTTP/2.0": (request().replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "another content type": (request().replace(b"application/xml", b"application/json"), 406),
    "no content type": (request().replace(b"Content-Type: application/xml\r\n", b""), 406),
    "another charset": (request().replace(b"/xml", b"/xml; charset=utf-16"), 406),
    "another expectation": (request(head="Expect: tea\r\n"), 417),
    "a long header line": (request(head=f"X: {'a' * MAX_HEAD}\r\n"), 431),
    "many headers": (request(head="X: a\r\n" * 2000), 431),
    "a second request at once": (request() + request(), 400),
    "bytes behind the body": (request() + b"x", 400),
    "bytes behind an empty body": (request(b"") + b"GET / HTTP/1.1\r\n\r\n", 400),
    "a length that might be octal": (request(b"12345678").replace(b": 8\r\n", b": 010\r\n"), 400),
    "a length and more": (request().replace(b": 4\r\n", b": 4 4\r\n"), 400),
    "a length behind a vertical tab": (request().replace(b": 4\r\n", b":\v4\r\n"), 400),
    "a folded length": (request().replace(b": 4\r\n", b":\r\n 4\r\n"), 400),
    "a blank before the colon of the length": (request().replace(b"h: 4", b"h : 4"), 400),
    "chunked behind a blank": (request(head="Transfer-Encoding : chunked\r\n"), 400),
    "chunked behind a vertical tab": (request(head="Transfer-Encoding:\vchunked\r\n"), 400),
    "the coding that is none": (request(head="Transfer-Encoding: identity\r\n"), 400),
    "chunked under HTTP/1.0": (
        request(head="Transfer-Encoding: chunked\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
    ),
    "a blank before the first header": (request().replace(b"Host: ven", b" Host: ven"), 400),
    "an empty line before the request": (b"\r\n" + request(), 400),
    "two CRs before the LF": (request().replace(b"Host: ven\r\n", b"Host: ven\r\r\n"), 400),
    "two blanks in the request line": (request().replace(b" HTTP/1.1", b"  HTTP/1.1"), 400),
    "a blank behind the version": (request().replace(b"HTTP/1.1", b"HTTP/1.1 "), 400),
    "a tab in the request line": (request().replace(b"POST ", b"POST\t"), 400),
    "a small http": (request().replace(b"HTTP/1.1", b"http/1.1"), 400),
    "NUL in the path": (request().replace(b"/EiEvent", b"/EiEvent\0"), 400),
    "NUL in a header's name": (request(head="X\0Y: a\r\n"), 400),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "a huge request line": (b"POST /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", 431),
    "an expectation twice": (request(head="Expect: 100-continue\r\n" * 2), 400),
    "a tunnel": (b"CONNECT ven:443 HTTP/1.1\r\nHost: ven\r\n\r\n", 501),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_could_be_understood_in_two_ways_is_refused_and_the_connection_ends(
    what: str, listen: Make, inbox: Inbox
) -> None:
    data, expected = REFUSED[what]
    with connect(listen().address) as vtn:
        status, headers, _ = exchange(vtn, data)
        assert (status, headers["connection"]) == (expected, "close")
        assert is_closed(vtn)
    assert inbox.received == []


def test_an_unknown_path_is_404_before_its_body_is_read(listen: Make, inbox: Inbox) -> None:
    listener = listen(knows=lambda path: path == PATH)
    with connect(listener.address) as vtn:
        assert exchange(vtn, request(path="/elsewhere")[:-4])[0] == 404
    with connect(listener.address) as vtn:
        assert exchange(vtn, request())[0] == 200


@given(st.binary(max_size=300))
def test_any_head_is_read_or_refused(data: bytes) -> None:
    head = data.replace(b"\r\n\r\n", b"") + b"\r\n\r\n"
    assert status_of(head) in {200, *range(400, 506)}


@given(st.data())
def test_any_change_of_a_right_head_is_read_or_refused(data: st.DataObject) -> None:
    head = bytearray(request(b"", head="Connection: keep-alive\r\nX-More: 1\r\n"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(head) - 5))
        piece = data.draw(st.sampled_from([b"", b"\r\n", b"\n", b":", b" ", b"\0", b"9", b"\xff"]))
        head[place : place + data.draw(st.integers(0, 3))] = piece
    whole = bytes(head).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert status_of(whole) in {200, *range(400, 506)}


def status_of(head: bytes) -> int:
    """What answers a head: 200 where it is read."""
    try:
        found = read_head(head, 1000, QUICK.media_types)
    except Refusal as refusal:
        return refusal.response.status
    return 200 if found.path.startswith("/") and 0 <= found.length <= 1000 else 0


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun", [b"", b"POST / HT", request()[:60], request(b"<x>12345</x>")[:-5]]
)
def test_a_peer_that_stops_in_the_middle_is_cut(begun: bytes, listen: Make) -> None:
    with connect(listen().address) as vtn:
        vtn.sendall(begun)
        assert is_closed(vtn)


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_peer_that_drips_has_no_more_time_than_a_silent_one(part: str, listen: Make) -> None:
    whole = request(b"x" * 900)
    at = 0 if part == "head" else whole.index(b"\r\n\r\n") + 4
    begun = time.monotonic()
    with connect(listen().address) as vtn, pytest.raises(OSError):
        vtn.sendall(whole[:at])
        while time.monotonic() < begun + 5:
            vtn.sendall(whole[at : at + 1])
            at += 1
            time.sleep(0.05)
    assert time.monotonic() - begun < 3


def test_an_idle_connection_ends_after_its_time(listen: Make) -> None:
    with connect(listen().address) as vtn:
        assert exchange(vtn, request())[0] == 200
        assert is_closed(vtn)


# --- how many -----------------------------------------------------------------------------------


def test_one_address_has_a_few_connections_and_others_have_theirs(listen: Make) -> None:
    limits = Limits(per_address=3, head=3)
    listener = listen(limits=limits)
    silent = [connect(listener.address, "127.0.0.2") for _ in range(3)]
    wait_for(lambda: listener.connections == 3)
    with connect(listener.address, "127.0.0.2") as fourth:
        assert is_closed(fourth, 1)
    with connect(listener.address) as vtn:
        assert exchange(vtn, request())[0] == 200
    for each in silent:
        each.close()


def test_all_addresses_together_have_so_many_connections(listen: Make) -> None:
    listener = listen(limits=Limits(connections=4, head=60))
    with contextlib.ExitStack() as open_ones:
        for n in range(2, 6):
            stuck = open_ones.enter_context(connect(listener.address, f"127.0.0.{n}"))
            stuck.sendall(b"P")
        wait_for(lambda: listener.connections == 4)
        with connect(listener.address) as late:
            assert is_closed(late, 20)
    wait_for(lambda: listener.connections == 0)


def test_who_says_nothing_makes_room_and_has_no_thread(listen: Make) -> None:
    listener = listen(limits=Limits(connections=4, head=3))
    silent = [connect(listener.address, "127.0.0.2")]
    wait_for(lambda: listener.connections == 1)
    silent += [connect(listener.address, f"127.0.0.{n}") for n in range(3, 6)]
    wait_for(lambda: listener.connections == 4)
    assert not [name for name in threads() if name[-1].isdigit()]
    with connect(listener.address) as vtn:
        assert exchange(vtn, request())[0] == 200
    assert is_closed(silent[0], 1)
    for each in silent:
        each.close()
    wait_for(lambda: listener.connections == 0)


def threads() -> list[str]:
    """The listener's threads, by name."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("ven_sdk-push-")]


def test_nothing_is_left_of_connections_that_came_and_went(listen: Make) -> None:
    listener = listen()
    for number in range(60):
        with connect(listener.address) as vtn:
            vtn.sendall(request()[: random.Random(number).randrange(120)])
    wait_for(lambda: listener.connections == 0)

    assert [name for name in threads() if name[-1].isdigit()] == []


# --- TLS ----------------------------------------------------------------------------------------


def test_a_vtn_with_its_certificate_is_admitted_and_named(
    listen: Make, inbox: Inbox, trust: Trust
) -> None:
    listener = listen(context=lambda: trust.server)
    with encrypted(listener.address, trust.ca_file, *trust.vtn) as vtn:
        assert exchange(vtn, request())[0] == 200

    assert inbox.received[0][2].certificate == trust.vtn_der


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_who_has_no_right_certificate_never_sees_http(
    who: str, listen: Make, inbox: Inbox, trust: Trust
) -> None:
    own = () if who == "nobody" else trust.stranger
    listener = listen(context=lambda: trust.server)
    seen = b""
    try:
        with encrypted(listener.address, trust.ca_file, *own) as vtn:
            vtn.sendall(request())
            seen = vtn.recv(1000)
    except OSError:
        pass
    assert seen == b""
    assert inbox.received == []


def test_a_certificate_that_is_not_the_pinned_one_never_sees_http(
    listen: Make, inbox: Inbox, trust: Trust
) -> None:
    def refuse(certificate: Optional[bytes]) -> None:
        raise SecurityError("another fingerprint")

    listener = listen(context=lambda: trust.server, check_peer=refuse)
    seen = b""
    try:
        with encrypted(listener.address, trust.ca_file, *trust.vtn) as vtn:
            vtn.sendall(request())
            seen = vtn.recv(1000)
    except OSError:
        pass
    assert seen == b""
    assert inbox.received == []


def test_plain_http_at_a_tls_port_gets_no_http_back(listen: Make, trust: Trust) -> None:
    listener = listen(context=lambda: trust.server)
    with connect(listener.address) as vtn:
        vtn.sendall(request())
        assert not response(vtn)[0]


def test_strangers_in_every_stage_delay_an_honest_push_by_little(
    listen: Make, trust: Trust
) -> None:
    """Silent, stuck in the hello, dripping a head, holding a body: each beside an honest VTN."""
    limits = Limits(per_address=30, handshake=5, head=5, body=5)
    listener = listen(context=lambda: trust.server, limits=limits)
    alone = statistics.median(honest(listener, trust) for _ in range(9))
    count = 25
    strangers: list[socket.socket] = []
    try:
        strangers += [connect(listener.address, "127.0.0.11") for _ in range(count)]
        for _ in range(count):
            stuck = connect(listener.address, "127.0.0.12")
            stuck.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
            strangers.append(stuck)
        for begun, source in ((b"POST / H", "127.0.0.13"), (request(b"x" * 50)[:-9], "127.0.0.14")):
            for _ in range(count):
                each = encrypted(listener.address, trust.ca_file, *trust.vtn, source=source)
                each.sendall(begun)
                strangers.append(each)
        beside = statistics.median(honest(listener, trust) for _ in range(9))
    finally:
        for each in strangers:
            each.close()
    assert beside < alone + 0.1
    wait_for(lambda: listener.connections == 0, 8)


# --- life ---------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_a_configuration_error_that_says_so(inbox: Inbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listener = Listener("127.0.0.1", taken.getsockname()[1], inbox)
        with pytest.raises(ConfigurationError, match="listen"):
            listener.start()


def test_the_address_is_known_while_it_listens(inbox: Inbox) -> None:
    listener = Listener("127.0.0.1", 0, inbox)
    with pytest.raises(StateError):
        _ = listener.address
    listener.start()
    assert listener.address[1] > 0
    assert listener.stop() == ()
    assert listener.stop() == ()


def test_stop_ends_idle_connections_and_lets_answers_finish(listen: Make, inbox: Inbox) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def answer() -> Response:
        entered.set()
        go_on.wait(5)
        return Response(200, {}, b"late")

    listener = listen(limits=Limits())
    idle, busy = connect(listener.address), connect(listener.address)
    exchange(idle, request())
    inbox.answer = answer
    busy.sendall(request())
    entered.wait(5)
    stopping = threading.Thread(target=listener.stop)
    stopping.start()
    assert is_closed(idle)
    go_on.set()
    assert response(busy)[2] == b"late"
    stopping.join(5)
    for each in (idle, busy):
        each.close()


@pytest.mark.skipif(not hasattr(socket, "has_dualstack_ipv6"), reason="needs IPv6")
def test_ipv6_is_listened_on(inbox: Inbox) -> None:
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    listener = Listener("::1", 0, inbox)
    try:
        listener.start()
    except ConfigurationError:
        pytest.skip("this machine has no IPv6 loopback")
    with socket.create_connection(listener.address[:2], timeout=5) as vtn:
        assert exchange(vtn, request())[0] == 200
    listener.stop()
