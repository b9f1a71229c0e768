"""The memory against replays: freshness both ways, no nonce twice, bounded, and restored after a
restart.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Optional

import pytest

from ven_sdk.errors import ConfigurationError, SecurityError
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.timestamps import parse_timestamp
from ven_sdk.oadr20b.state.nonces import FLOOR, keep_nonce

T0 = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def accepts(
    guard: ReplayGuard, stamp: Optional[datetime], nonce: Optional[str], now: datetime
) -> bool:
    try:
        guard.check(stamp, nonce, now)
    except SecurityError:
        return False
    return True


@pytest.mark.parametrize(
    "age, fresh", [(0, True), (60, True), (61, False), (-60, True), (-61, False)]
)
def test_the_window_reaches_into_the_past_and_into_the_future(age: float, fresh: bool) -> None:
    assert accepts(ReplayGuard(60), at(0), "n", at(age)) is fresh


def test_a_stale_message_says_how_old_it_is() -> None:
    with pytest.raises(SecurityError, match=r"90 s old, but replay_window is 60 s") as caught:
        ReplayGuard(60).check(at(0), "n", at(90))

    assert (caught.value.expected, caught.value.received) == (at(90), at(0))


@pytest.mark.parametrize("stamp, nonce", [(None, "n"), (T0, None), (T0, ""), (T0, "n" * 2000)])
def test_a_timestamp_and_a_nonce_are_needed(
    stamp: Optional[datetime], nonce: Optional[str]
) -> None:
    with pytest.raises(SecurityError, match="needs a timestamp and a nonce"):
        ReplayGuard().check(stamp, nonce, T0)


def test_a_nonce_counts_once_whatever_its_timestamp() -> None:
    guard = ReplayGuard(60)
    guard.check(at(0), "n", at(0))

    with pytest.raises(SecurityError, match="seen before"):
        guard.check(at(1), "n", at(1))
    assert accepts(guard, at(0), "other", at(1))


def test_a_refused_message_leaves_no_nonce() -> None:
    guard = ReplayGuard(60)

    assert not accepts(guard, at(0), "n", at(100))
    assert accepts(guard, at(100), "n", at(100))


def test_a_nonce_is_kept_as_long_as_its_message_is_fresh() -> None:
    guard = ReplayGuard(60)
    guard.check(at(60), "from the future", at(0))

    assert not any(accepts(guard, at(60), "from the future", at(now)) for now in range(0, 200, 5))


def test_memory_is_bounded_by_time() -> None:
    guard = ReplayGuard(60)

    for second in range(0, 10_000, 10):
        guard.check(at(second), f"n{second}", at(second))

    assert len(guard) <= 13


def test_a_clock_set_back_revives_no_message() -> None:
    guard = ReplayGuard(60)
    guard.check(at(0), "old", at(0))
    guard.check(at(500), "new", at(500))

    with pytest.raises(SecurityError, match="could be a replay"):
        guard.check(at(0), "old", at(0))


def test_a_full_memory_forgets_the_oldest_and_refuses_what_is_as_old() -> None:
    guard = ReplayGuard(60, limit=3)
    for second in range(4):
        guard.check(at(second), f"n{second}", at(10))

    assert len(guard) == 3
    assert not accepts(guard, at(0), "n0", at(10))
    assert not accepts(guard, at(0), "never seen, but as old", at(10))
    assert accepts(guard, at(5), "newer", at(10))


def test_the_memory_survives_a_restart_by_the_rows_that_it_asks_for() -> None:
    rows: dict[str, str] = {}

    def keep(nonce: str, moment: datetime, forgotten: tuple[str, ...]) -> None:
        for _, key, value in keep_nonce(rows, nonce, moment, forgotten):
            if value is None:
                del rows[key]
            else:
                rows[key] = str(value)

    before, after = ReplayGuard(60, limit=3, on_seen=keep), ReplayGuard(60, limit=3)
    for second in range(5):
        before.check(at(second), f"n{second}", at(5))

    floor = rows.pop(FLOOR)
    after.restore(rows, floor)

    assert not any(accepts(after, at(second), f"n{second}", at(5)) for second in range(5))
    assert accepts(after, at(6), "new", at(6))


def test_restoring_keeps_what_was_seen_meanwhile() -> None:
    guard = ReplayGuard(60)
    guard.check(at(1), "mine", at(1))

    guard.restore({"theirs": at(0).isoformat()})

    assert not accepts(guard, at(1), "mine", at(1))
    assert not accepts(guard, at(0), "theirs", at(1))


def test_the_store_hears_what_to_keep_and_what_to_drop() -> None:
    heard: list[tuple[str, datetime, tuple[str, ...]]] = []
    guard = ReplayGuard(60, on_seen=lambda *what: heard.append(what))

    guard.check(at(0), "a", at(0))
    assert not accepts(guard, at(0), "a", at(0))
    guard.check(at(300), "b", at(300))

    assert heard == [("a", at(0), ()), ("b", at(300), ("a",))]


def test_of_many_threads_one_gets_a_message_through() -> None:
    guard = ReplayGuard(60)
    passed: list[int] = []

    def work() -> None:
        for number in range(300):
            if accepts(guard, at(0), f"n{number}", at(0)):
                passed.append(number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(passed) == list(range(300))


@pytest.mark.parametrize("window", [0, -1, float("inf"), float("nan")])
def test_a_window_that_is_none_is_refused(window: float) -> None:
    with pytest.raises(ConfigurationError, match="replay_window"):
        ReplayGuard(window)


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-05-01T12:00:00Z", T0),
        (" 2026-05-01T12:00:00 \n", T0),
        ("2026-05-01T14:00:00+02:00", T0),
        ("2026-05-01T06:30:00-05:30", T0),
        ("2026-05-01T12:00:00.25Z", at(0.25)),
        ("2026-05-01T12:00:00.123456789Z", at(0.123456)),
        (None, None),
        ("", None),
        ("soon", None),
        ("2026-13-01T12:00:00Z", None),
        ("2026-05-01", None),
        ("2026-05-01T12:00:61Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("2026-05-01T12:00:00.Z", None),
    ],
)
def test_timestamps_are_read_with_any_offset(
    text: Optional[str], moment: Optional[datetime]
) -> None:
    assert parse_timestamp(text) == moment
