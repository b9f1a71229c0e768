"""Fixtures of the transport's tests: raw servers that end with the test, and no environment that
could interfere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

from tests.transport.raw_server import Peer, RawServer
from ven_sdk.transport import Connections


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    """``serve(script, context=None)`` starts a raw server; it is closed after the test."""
    servers: list[RawServer] = []

    def start(script: Callable[[Peer], Any], context: Any = None) -> RawServer:
        servers.append(RawServer(script, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Connections]]:
    """``connect(...)`` makes Connections with a deadline of 0.3 s unless told otherwise; closed
    after the test.
    """
    made: list[Connections] = []

    def make(*args: Any, **settings: Any) -> Connections:
        made.append(Connections(*args, **{"timeout": 0.3, **settings}))
        return made[-1]

    yield make
    for connections in made:
        connections.close()
