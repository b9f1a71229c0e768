"""Exceptions of somebody else, whose own attributes may raise: they are asked as the plain
exceptions that they are. Pure functions; any thread.
"""

from __future__ import annotations

from types import TracebackType
from typing import Optional

_FIELDS = vars(BaseException)


def traceback_of(error: BaseException) -> Optional[TracebackType]:
    """The traceback of ``error``, or None."""
    found: Optional[TracebackType] = _FIELDS["__traceback__"].__get__(error)
    return found


def drop_tracebacks(error: Optional[BaseException]) -> None:
    """Drop the tracebacks of an error that is kept, and of its causes: their frames would keep the
    message that it is about, and its tree.
    """
    while error is not None and traceback_of(error) is not None:
        _FIELDS["__traceback__"].__set__(error, None)
        cause: Optional[BaseException] = _FIELDS["__cause__"].__get__(error)
        error = _FIELDS["__context__"].__get__(error) if cause is None else cause
