"""A PostgreSQL for the tests of this folder, one for each worker of pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """A running server; the test is skipped where there is none to be had."""
    with postgresql.running_server() as server:
        yield server
