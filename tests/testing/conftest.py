"""What the tests of the test kit share: a VTN whose clock stands still, and a small VEN that is
registered with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from tests.testing.small_ven import SmallVen
from ven_sdk.testing import LocalVTN, ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def vtn(clock: ManualClock) -> Iterator[LocalVTN]:
    with LocalVTN(clock=clock, strict=True) as vtn:
        yield vtn


@pytest.fixture
def ven(vtn: LocalVTN, xsd: etree.XMLSchema) -> Iterator[SmallVen]:
    with SmallVen(vtn, xsd) as ven:
        ven.register()
        yield ven
