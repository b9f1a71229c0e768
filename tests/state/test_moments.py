"""The set of moments and the index of sample rows, against plain sets and lists."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ven_sdk.instants import FIRST, LAST
from ven_sdk.points.tables import row_key
from ven_sdk.state import moments
from ven_sdk.state.moments import Moments
from ven_sdk.state.recent import RecentValues
from ven_sdk.state.reports import LastValue, SampleRow
from ven_sdk.state.sample_index import SampleIndex

NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
SECONDS = st.integers(0, 60)


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def seconds_in(found: Moments) -> set[int]:
    return {second for second in range(61) if at(second) in found}


@given(st.lists(st.lists(SECONDS, max_size=12), max_size=8))
def test_what_was_added_is_in_it_and_nothing_else(batches: list[list[int]]) -> None:
    found = Moments()
    for batch in batches:
        found = found.with_all(map(at, batch))

    assert seconds_in(found) == {second for batch in batches for second in batch}
    assert list(found.stretches) == sorted(found.stretches)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=20))
def test_the_ends_of_the_calendar_are_moments_as_all_others(added: list[tuple[bool, int]]) -> None:
    chosen = {
        LAST - timedelta(seconds=number) if late else FIRST + timedelta(seconds=number)
        for late, number in added
    }
    found = Moments()
    for moment in sorted(chosen, key=str):
        found = found.with_all([moment])
    assert all(moment in found for moment in chosen)
    kept = found.cut_after(NOON)
    assert all((moment in kept) is (moment < NOON) for moment in chosen)


@given(st.lists(SECONDS, max_size=20), SECONDS)
def test_what_lies_behind_a_moment_can_be_forgotten(added: list[int], last: int) -> None:
    found = Moments().with_all(map(at, added)).cut_after(at(last))

    assert seconds_in(found) == {second for second in added if second <= last}


def test_regular_moments_are_one_stretch() -> None:
    found = Moments().with_all(at(10 * number) for number in range(100_000))

    assert len(found.stretches) == 1
    assert at(500_000) in found
    assert at(500_001) not in found


def test_what_is_older_than_the_newest_stretches_counts_as_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(moments, "MOST", 3)
    found = Moments().with_all(at(second) for second in (1, 5, 6, 20, 27, 50))

    assert len(found.stretches) <= 3
    assert seconds_in(found) >= {1, 5, 6, 20, 27, 50}
    assert at(51) not in found


@given(st.lists(st.tuples(st.sampled_from("ab"), SECONDS, st.booleans()), max_size=60))
def test_the_index_holds_the_keys_of_each_request_by_time(
    edits: list[tuple[str, int, bool]],
) -> None:
    index, rows = SampleIndex(), dict[str, SampleRow]()
    for request, second, is_set in edits:
        key = row_key(request, at(second))
        row = SampleRow(request, at(second), "1") if is_set else None
        index.set(key, rows.get(key), row)
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row

    for request in "ab":
        kept = sorted(key for key, row in rows.items() if row.request == request)
        assert list(index.keys(request)) == kept
        assert index.newest(request) == (kept[-1] if kept else None)
        assert (request in index) == bool(kept)


@given(
    st.lists(
        st.lists(st.tuples(SECONDS, st.sampled_from(["1", "2.50", '{"online":true}']))), max_size=9
    ),
    st.integers(1, 9),
    SECONDS,
)
def test_the_newest_values_come_back_as_they_were_kept(
    batches: list[list[tuple[int, str]]], most: int, last: int
) -> None:
    found = RecentValues()
    expected: list[LastValue] = []
    for batch in batches:
        values = [LastValue(at(second), entry) for second, entry in batch]
        found = found.with_values(values, most)
        expected = [*expected, *values][-most:]

    assert list(found) == expected
    assert len(found) == len(expected)
    assert not expected or found.newest == expected[-1]
    assert list(found.cut_after(at(last))) == [one for one in expected if one.at <= at(last)]
