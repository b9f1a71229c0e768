"""Back-off is capped, jittered, and never ignores what the VTN asked for (rule H6)."""

from __future__ import annotations

import random

import pytest

from ven_sdk.transport import Backoff


def test_ceilings_double_up_to_the_cap() -> None:
    backoff = Backoff(base=1, cap=60, random=lambda: 1.0)

    assert [backoff.next() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_wait_is_at_least_half_its_ceiling_and_the_thousandth_at_most_the_cap() -> None:
    backoff = Backoff(random=lambda: 0.0)

    waits = [backoff.next() for _ in range(1000)]

    assert waits[:3] == [0.5, 1.0, 2.0]
    assert max(waits) == 30


@pytest.mark.parametrize("failures", [7, 8, 1000])
def test_under_a_higher_cap_the_ceilings_go_on_from_where_they_were(failures: int) -> None:
    backoff = Backoff(base=1, cap=60, random=lambda: 1.0)
    for _ in range(failures):
        backoff.next()

    backoff.cap = 3600

    assert [backoff.next() for _ in range(8)] == [64, 128, 256, 512, 1024, 2048, 3600, 3600]


def test_under_a_lower_cap_and_the_first_one_again_nothing_begins_anew() -> None:
    backoff = Backoff(base=1, cap=3600, random=lambda: 1.0)
    for _ in range(13):
        backoff.next()

    backoff.cap = 60
    assert backoff.next() == 60

    backoff.cap = 3600
    assert backoff.next() == 3600


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
def test_strict_waits_are_the_doubling_within_a_tenth(chance: float, factor: float) -> None:
    backoff = Backoff(random=lambda: chance, strict=True)

    assert [backoff.next() for _ in range(3)] == pytest.approx([factor, 2 * factor, 4 * factor])


def test_a_success_starts_again_from_the_base() -> None:
    backoff = Backoff(random=lambda: 1.0)
    backoff.next(), backoff.next()

    backoff.reset()

    assert (backoff.attempts, backoff.next()) == (0, 1.0)


@pytest.mark.parametrize(
    ("asked", "lowest", "highest"),
    [(0, 0, 1), (0.5, 0.5, 1.5), (30, 30, 60), (120, 120, 180), (10**9, 3600, 3660), (-5, 0, 1)],
)
def test_retry_after_is_a_lower_bound_with_jitter_above_it(
    asked: float, lowest: float, highest: float
) -> None:
    assert Backoff(random=lambda: 0.0).next(asked) == lowest
    assert Backoff(random=lambda: 1.0).next(asked) == highest


def test_a_thousand_vens_that_were_told_the_same_come_back_spread_out() -> None:
    source = random.Random(1)

    waits = sorted(Backoff(random=source.random).next(30) for _ in range(1000))

    busiest = max(sum(1 for wait in waits if begin <= wait < begin + 1) for begin in range(30, 60))
    assert waits[0] >= 30
    assert busiest < 60


def test_what_only_a_person_can_mend_is_not_repeated_at_once() -> None:
    assert Backoff(random=lambda: 0.0).next(patient=True) == 30
    assert Backoff(random=lambda: 1.0).next(patient=True) == 60
