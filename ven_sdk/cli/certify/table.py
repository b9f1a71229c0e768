"""All rows, in the order of their numbers, and the choice among them. Importing it imports the
modules of rows, which enter themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from ...errors import ConfigurationError
from .rows import AREAS, TABLE, Row

for _module in (
    "registration",
    "polls",
    "event_answers",
    "event_runs",
    "catalogue",
    "report_data",
    "report_history",
    "opts",
    "transport",
    "security",
    "declarations",
):
    import_module(f"{__package__}.{_module}")

ROWS: tuple[Row, ...] = tuple(TABLE[number] for number in sorted(TABLE))


def choose_rows(words: Iterable[str]) -> list[Row]:
    """The rows of these areas (``R``, ``P`` …) and numbers; all where there are none.
    ``ConfigurationError`` for what names none.
    """
    wanted = [word.upper() for word in words]
    for word in wanted:
        if word not in AREAS and not (word.isdigit() and int(word) in TABLE):
            raise ConfigurationError(
                f"{word!r} names no row: there are the areas {', '.join(AREAS)}, and the numbers "
                f"1 to {max(TABLE)}."
            )
    return [row for row in ROWS if not wanted or {row.area, str(row.number)} & set(wanted)]


def in_order(rows: Iterable[Row]) -> list[Row]:
    """As they are looked at: those that look at the messages of all others come last."""
    return sorted(rows, key=lambda row: (row.at_end, row.number))
