"""VENs with a store that poll fast and back off in short steps, and a program of a user's around
them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ven_sdk import OpenADRClient
from ven_sdk.testing import ReportWish

EACH_SECOND = ReportWish(granularity=1, report_back_duration=1)


class Hasty(random.Random):
    """Chance that gives small numbers: full jitter then waits a quarter of what it may at most."""

    def random(self) -> float:
        return super().random() / 4


@contextmanager
def hasty_ven(url: str, folder: Path, **arguments: Any) -> Iterator[OpenADRClient]:
    """A client with a handler that opts in and a data point of rising values; not yet started,
    stopped at the end.
    """
    values = itertools.count()
    client = OpenADRClient(
        "ven1",
        url,
        **{
            "poll_frequency": 0.2,
            "allow_jitter": False,
            "timeout": 0.7,
            "store": folder / "ven.db",
            **arguments,
        },
    )
    client._engine.book.chance = Hasty(1)
    client.add_handler("on_event", lambda event: "optIn")
    client.add_report(
        lambda: next(values), resource_id="d", measurement="voltage", r_id="u", sampling_rate=1
    )
    try:
        yield client
    finally:
        client.stop(timeout=2)
