"""Strangers at the listener of a VEN, shortly. The full figures: ``benchmarks/push_hostile.py``."""

from __future__ import annotations

import gc
import os
import ssl
import statistics
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable, Optional

import pytest

from tests.push.trust import Trust, honest
from tests.push.wire import connect, encrypted, exchange, request, wait_for
from ven_sdk.errors import SecurityError
from ven_sdk.push import Limits, Listener, Peer, Response
from ven_sdk.security.tls import check_peer

Make = Callable[..., Listener]


@pytest.fixture
def listen(trust: Trust) -> Iterator[Make]:
    """Makes listeners with mutual TLS; all that they received is in ``received``."""
    made: list[Listener] = []

    def make(received: list[bytes], **options: object) -> Listener:
        def take(path: str, body: bytes, peer: Peer) -> Response:
            received.append(body)
            return Response(200, {}, b"<ok/>")

        listener = Listener("127.0.0.1", 0, take, context=lambda: trust.server, **options)  # type: ignore[arg-type]
        made.append(listener)
        listener.start()
        return listener

    yield make
    for each in made:
        assert each.stop(5) == ()


# --- who never sees HTTP --------------------------------------------------------------------------


def expired(trust: Trust) -> tuple[str, str]:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    return trust.files("expired", trust.ca.issue_cert("vtn.example", not_after=yesterday))


STRANGERS: dict[str, Callable[[Trust], tuple[str, ...]]] = {
    "no certificate": lambda trust: (),
    "another authority's": lambda trust: trust.stranger,
    "expired": expired,
    "not the pinned one": lambda trust: trust.files("other", trust.ca.issue_cert("vtn.example")),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_never_gets_a_byte_of_http(
    who: str, version: ssl.TLSVersion, listen: Make, trust: Trust
) -> None:
    received: list[bytes] = []
    pinned = trust.vtn_der

    def check(certificate: Optional[bytes]) -> None:
        if certificate != pinned:
            check_peer(certificate, "00" * 32)

    listener = listen(received, check_peer=check)
    context = ssl.create_default_context(cafile=trust.ca_file)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    own = STRANGERS[who](trust)
    if own:
        context.load_cert_chain(*own)
    seen = b""
    with suppress(OSError), context.wrap_socket(connect(listener.address)) as stranger:
        stranger.sendall(request())
        seen = stranger.recv(4096)
    assert (seen, received) == (b"", [])
    with encrypted(listener.address, trust.ca_file, *trust.vtn) as vtn:
        assert exchange(vtn, request())[0] == 200


def test_the_check_of_the_pin_is_an_error_of_ours(trust: Trust) -> None:
    with pytest.raises(SecurityError):
        check_peer(trust.vtn_der, "00" * 32)


# --- many -----------------------------------------------------------------------------------------


def test_a_flood_of_connects_delays_an_honest_push_by_little_and_leaves_nothing(
    listen: Make, trust: Trust
) -> None:
    received: list[bytes] = []
    listener = listen(received, limits=Limits(handshake=2))
    alone = statistics.median(honest(listener, trust) for _ in range(7))
    over = threading.Event()

    def flood() -> None:
        for number in range(600):
            if over.wait(0.001):
                return
            with suppress(OSError):
                connect(listener.address, f"127.0.2.{number % 200 + 1}").close()

    flooding = threading.Thread(target=flood)
    flooding.start()
    beside = statistics.median(honest(listener, trust) for _ in range(7))
    over.set()
    flooding.join()
    assert beside < alone + 0.1
    wait_for(lambda: listener.connections == 0)


@pytest.mark.long
def test_pushes_leave_no_thread_and_no_socket(listen: Make, trust: Trust) -> None:
    received: list[bytes] = []
    listener = listen(received)
    for _ in range(5):
        honest(listener, trust)
    wait_for(lambda: listener.connections == 0)
    before = held()
    for _ in range(60):
        honest(listener, trust)
    wait_for(lambda: listener.connections == 0)
    wait_for(lambda: held() <= before)
    assert len(received) == 65


def held() -> tuple[int, int]:
    """Threads and sockets of this process."""
    gc.collect()
    count = 0
    for each in Path("/proc/self/fd").iterdir() if os.path.isdir("/proc/self/fd") else ():
        with suppress(OSError):
            count += os.readlink(each).startswith("socket:")
    return threading.active_count(), count
