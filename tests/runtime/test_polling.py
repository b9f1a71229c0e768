"""When the next poll is due."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from ven_sdk.config import Settings, settings
from ven_sdk.runtime.conversation.polling import DRAIN_CAP, DRAIN_PAUSE, Polling


class _Profile:
    """The one thing that polling asks a profile for."""

    def poll_period(self, book: Any) -> timedelta:
        return timedelta(seconds=100)


class _Book:
    """The two things that it asks a book for."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.chance = settings, random.Random(1)


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ({}, 90, 110),
        ({"jitter": "later"}, 100, 110),
        ({"strict": True}, 100, 110),
        ({"strict": True, "jitter": "both"}, 90, 110),
        ({"allow_jitter": False}, 100, 100),
    ],
)
def test_p5_jitter_varies_the_interval_and_only_lengthens_it_where_that_is_wanted(
    options: dict[str, Any], least: float, most: float
) -> None:
    chosen = settings("v", "http://127.0.0.1:9", **options)
    polling = Polling(_Book(chosen), _Profile())  # type: ignore[arg-type]
    waits = []
    for _ in range(200):
        polling.begin(0.0)
        waits.append(polling.seconds_to_next(0.0, False))
    assert least <= min(waits) <= max(waits) <= most
    assert max(waits) - min(waits) > 0.8 * (most - least) - 1e-9


def test_p3_the_poll_after_a_pause_is_none_of_the_period() -> None:
    chosen = settings("v", "http://127.0.0.1:9", allow_jitter=False)
    polling = Polling(_Book(chosen), _Profile())  # type: ignore[arg-type]
    for number in range(DRAIN_CAP):
        assert polling.seconds_to_next(number / 10, False) <= 0
        polling.begin(number / 10)
        polling.end()
        polling.drain(number / 10)

    last = (DRAIN_CAP - 1) / 10
    assert polling.seconds_to_next(last, False) == pytest.approx(DRAIN_PAUSE)
    assert polling.seconds_to_period(last + DRAIN_PAUSE) == pytest.approx(100 - last - DRAIN_PAUSE)
