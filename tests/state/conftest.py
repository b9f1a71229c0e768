"""A PostgreSQL for the tests of this folder, one for each worker of pytest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests import postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A running server; the test is skipped where there is none to be had."""
    if postgresql.binaries() is None:
        pytest.skip(postgresql.MISSING)
    server = postgresql.make_server()
    yield server
    server.stop()
    shutil.rmtree(server.data.parent, ignore_errors=True)
