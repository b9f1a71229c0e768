"""One row to remember, or to forget: what steps ask for, and what the book and the store take."""

from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """One row to remember; ``value`` None forgets it. The table says of what type a row is."""

    table: str
    key: str
    value: object
