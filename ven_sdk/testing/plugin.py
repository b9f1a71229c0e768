"""The pytest plugin: the fixture ``local_vtn``. Nothing of the SDK is imported before a test asks
for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .vtn.local_vtn import LocalVTN


@pytest.fixture
def local_vtn() -> Iterator["LocalVTN"]:
    """A fresh VTN on loopback: ``OpenADRClient('ven', local_vtn.url)``. It asks for every report
    that VENs offer, and tells them to poll once a second; after the test it is gone.
    """
    from datetime import timedelta

    from .vtn.local_vtn import LocalVTN

    with LocalVTN(poll_frequency=timedelta(seconds=1), ask_for_reports=True) as vtn:
        yield vtn
