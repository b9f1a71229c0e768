"""Days of reports in short: outages, lost acknowledgements, restarts and new registrations lose and
double nothing.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks.reports_week import Week, check


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_some_hours_of_trouble_lose_and_double_nothing(seed: int) -> None:
    table = Week(
        hours=8,
        points=12,
        outages=5,
        longest_outage=timedelta(hours=1),
        registrations=2,
        restarts=4,
        failing=0.05,
        seed=seed,
    ).run()

    check(table)
    assert table.repeats > 0
    assert table.failed > 100
