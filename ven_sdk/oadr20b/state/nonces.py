"""The nonces of accepted messages, as rows: the memory against replays outlives the process by them
(rule S7). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from ...state.change import Change

TABLE = "nonces"
FLOOR = ""
"""The key under which the time of the latest nonce that was forgotten is kept."""


def keep_nonce(
    rows: Mapping[str, str], nonce: str, moment: datetime, forgotten: tuple[str, ...]
) -> tuple[Change, ...]:
    """The changes that add ``nonce``, of a message signed at ``moment``, and drop those that are
    ``forgotten``.
    """
    floor = max(filter(None, map(rows.get, (FLOOR, *forgotten))), default=None)
    return (
        Change(TABLE, nonce, moment.astimezone(timezone.utc).isoformat()),
        *(Change(TABLE, old, None) for old in forgotten),
        *((Change(TABLE, FLOOR, floor),) if floor and forgotten else ()),
    )
