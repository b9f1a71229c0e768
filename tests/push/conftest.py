"""What tests of push share."""

from __future__ import annotations

import pytest

from tests.push.trust import Trust


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))
