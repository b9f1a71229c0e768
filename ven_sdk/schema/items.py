"""The sequences in records. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, Union

from ..near_names import missing_in_rows

T = TypeVar("T")


class Items(tuple[T, ...]):
    """The sequences in records: tuples that compare equal to lists as well.

    A field of this type takes any iterable of records, or of dicts that describe them.
    """

    __slots__ = ()

    if TYPE_CHECKING:  # as a field of a record: what reading gives, and what may be given

        def __get__(self, record: object, owner: object = None) -> Items[T]: ...

        def __set__(
            self, record: object, value: Iterable[Union[T, Mapping[str, object]]]
        ) -> None: ...

    if not TYPE_CHECKING:  # type checkers refuse unknown names by themselves

        def __getattr__(self, name: str) -> object:
            raise missing_in_rows(self, name)

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)


NONE: Items[object] = Items()
"""No items."""
