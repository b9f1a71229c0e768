"""Members as processes: killed, suspended, without their database. What the VTN saw is evidence."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests import postgresql
from tests.durability.crash_count import LOSSES
from tests.members.drill import Drill

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX"),
    pytest.mark.skipif(postgresql.binaries() is None, reason=postgresql.MISSING),
    pytest.mark.timeout(180),
]
ZEROS = (*LOSSES, "commits by a stale owner", "messages by a stale owner")


def assert_nothing_lost(figures: dict[str, Any]) -> None:
    assert {name: figures[name] for name in ZEROS} == {name: [] for name in ZEROS}
    assert figures["events"]
    assert figures["handler calls"]
    assert figures["samples committed"]


def test_members_killed_are_followed_and_nothing_is_lost(tmp_path: Path) -> None:
    with Drill(tmp_path, seed=7) as drill:
        drill.all_poll(0, 40)
        for name in ("w1", "w2", "w0"):
            killed = time.time()
            drill.kill(name)
            late = drill.all_poll(killed, drill.lease + 20)
            assert max(late.values()) < drill.lease + 10
            drill.start(name)
            time.sleep(drill.chance.random() * 2)
        figures = drill.finish()
    assert_nothing_lost(figures)
    assert figures["exit codes"] == [0, 0, 0]


def test_a_suspended_member_writes_and_sends_nothing_that_is_another_s(tmp_path: Path) -> None:
    with Drill(tmp_path, seed=8, lease=2.0, poll=0.5) as drill:
        drill.all_poll(0, 40)
        for name in ("w1", "w0", "w2", "w1"):
            drill.suspend(name, drill.lease + 1.5 + drill.chance.random())
            time.sleep(1 + drill.chance.random())
        figures = drill.finish()
    assert_nothing_lost(figures)
    assert figures["changes of owners"] > 64 + 32, "slots passed on each time"


def test_a_database_killed_or_away_for_longer_than_a_lease_loses_nothing(tmp_path: Path) -> None:
    with Drill(tmp_path, seed=9, lease=5.0) as drill:
        drill.all_poll(0, 40)
        drill.database.kill()
        time.sleep(0.5)
        drill.database.start()
        time.sleep(3)
        drill.database.kill()
        time.sleep(drill.lease * 2)
        drill.database.start()
        back = time.time()
        late = drill.all_poll(back, 60)
        assert max(late.values()) < 20
        figures = drill.finish(60)
    assert_nothing_lost(figures)
