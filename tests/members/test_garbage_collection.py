"""What VENs consist of is out of the collector's sight while they run, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ven_sdk.members.garbage_collection import MANY, GarbageCollection


@pytest.fixture
def garbage() -> Iterator[GarbageCollection]:
    gc.unfreeze()
    yield GarbageCollection()
    gc.unfreeze()


class Ven:
    """Refers to itself, as a VEN does by way of its parts."""

    def __init__(self) -> None:
        self.own = self


def alive() -> int:
    return sum(type(each) is Ven for each in gc.get_objects())


def test_a_process_of_few_vens_is_left_alone(garbage: GarbageCollection) -> None:
    garbage.count_begun(MANY - 1)
    garbage.look()
    assert gc.get_freeze_count() == 0


def test_many_vens_are_set_aside_and_looked_at_again_when_many_have_ended(
    garbage: GarbageCollection,
) -> None:
    vens = [Ven() for _ in range(MANY)]
    garbage.count_begun(MANY)
    garbage.look()
    assert gc.get_freeze_count() > MANY
    assert alive() == 0, "the collector does not see them"
    vens.clear()
    garbage.count_ended(MANY)
    garbage.look()
    assert gc.get_freeze_count() > MANY, "not yet: a few more have to end"
    garbage.count_ended(1)
    garbage.look()
    # before the collection, in which Python 3.12 sets aside what is immortal
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert alive() == 0


def test_nothing_is_set_aside_when_a_member_has_stopped(garbage: GarbageCollection) -> None:
    garbage.count_begun(MANY)
    garbage.look()
    garbage.stop()
    assert gc.get_freeze_count() == 0
