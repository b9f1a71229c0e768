"""The sequences that records hold: immutable, and equal to lists that say the same."""

from __future__ import annotations

from typing import Any


class Items(tuple[Any, ...]):
    """The sequences in records: tuples that compare equal to lists as well."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)


NONE = Items()
