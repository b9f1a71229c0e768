"""What several VENs commit together, as the values of one statement. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Optional

from ..store import ChangeRow

LONGEST_KEY = 1000
"""Bytes of a key that stands in the index as it is; a longer one is represented by its digest."""
_DELETED = "del_slots", "del_vens", "del_tabs", "del_keys"
_SET = (
    "set_slots",
    "set_vens",
    "set_tabs",
    "set_keys",
    "set_long_keys",
    "set_values",
    "set_numbers",
)


class Work(NamedTuple):
    """The changes of one commit of one VEN; ``rows`` is None where all its rows shall go."""

    slot: int
    ven: str
    rows: Optional[tuple[ChangeRow, ...]]


def as_values(works: Sequence[Work]) -> dict[str, object]:
    """One array for each column: no row stands in it twice, and the last change of a row counts.

    The numbers keep the order in which rows were set; an odd one says that the row was deleted
    before, and so is the last of its table.
    """
    deleted: dict[tuple[int, str, str, str], None] = {}
    written: dict[tuple[int, str, str, str], tuple[ChangeRow, int]] = {}
    for number, (place, row) in enumerate(_places(works)):
        if row.value is None:
            written.pop(place, None)
            deleted[place] = None
        elif place in written:
            written[place] = row, written[place][1]
        else:
            written[place] = row, 2 * number + (place in deleted)
    gone = [place for place in deleted if place not in written]
    rows = [
        (*place, row.key if place[3] != row.key else None, row.value, number)
        for place, (row, number) in written.items()
    ]
    return {**_columns(_DELETED, gone), **_columns(_SET, rows)}


def _places(works: Sequence[Work]) -> list[tuple[tuple[int, str, str, str], ChangeRow]]:
    return [
        ((work.slot, work.ven, row.table, index_key(row.key)), row)
        for work in works
        for row in work.rows or ()
    ]


def index_key(key: str) -> str:
    """``key`` as it stands in the index: an index takes no more than 2,700 bytes."""
    data = key.encode()
    if len(data) <= LONGEST_KEY:
        return key
    return f"\x01sha256 {hashlib.sha256(data).hexdigest()}"


def _columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    columns = zip(*rows) if rows else ((),) * len(names)
    return {name: list(column) for name, column in zip(names, columns)}
