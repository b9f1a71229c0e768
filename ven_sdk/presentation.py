"""How values show themselves to people: the seam between values, which know nothing of HTML or
pictures, and :mod:`ven_sdk.display`, which registers here what it can show. Any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Optional

Row = Mapping[str, object]


@singledispatch
def html_of(value: object) -> Optional[str]:
    """A small HTML table of ``value``; None where nothing is registered for its type."""
    return None


@singledispatch
def plot_of(value: object, axes: object = None, tz: object = None) -> object:
    """A picture of ``value`` in matplotlib's ``axes`` (new ones if left out), its times in ``tz``;
    the axes come back. ``TypeError`` for a value that has no picture.
    """
    raise TypeError(f"There is no picture of {type(value).__name__}.")


@singledispatch
def row_of(value: object) -> Row:
    """One line about ``value`` in a table of many."""
    return {"value": value}


class Presentable:
    """What a notebook may show as a table: asked by Jupyter and others, None is plain text."""

    __slots__ = ()

    def _repr_html_(self) -> Optional[str]:
        return html_of(self)
