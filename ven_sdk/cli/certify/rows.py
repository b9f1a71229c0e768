"""What a row of ``certify`` is, how it ends, and the table that rows enter themselves in. Values
only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, NoReturn

SHOWN, NOT_SHOWN, DECLARED, SKIPPED = "shown", "not shown", "declared", "skipped"
AREAS: Mapping[str, str] = {
    "R": "start and registration",
    "P": "polling",
    "E": "events",
    "O1": "opts",
    "T": "reports",
    "H": "transport",
    "L": "TLS and certificates",
    "S": "signatures",
    "D": "declarations",
}


class NotShown(Exception):
    """The VEN did otherwise; ``advice`` says what to do."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.advice: str = advice


class Skip(Exception):
    """The row cannot be looked at; the text says why."""


class Declaration(Exception):
    """What the author says, or has to say."""


Arguments = Mapping[str, Any]
"""Arguments of a function of the SDK, by name: it checks them itself."""
Show = Callable[[Any], str]
"""Drives a trial and judges what came: what was seen, in a sentence."""


@dataclass(frozen=True)
class Row:
    """One line. ``rules``: the rules that it shows; ``pics``: the areas in which the author makes
    declarations; ``vtn``: arguments of the VTN; ``at_end``: it looks at the messages of all rows.
    """

    number: int
    title: str
    area: str
    rules: str
    show: Show
    pics: str = ""
    vtn: Arguments = field(default_factory=dict)
    at_end: bool = False


@dataclass(frozen=True)
class Finding:
    """How a row ended: what was seen, and what to do. ``messages``: how many the VEN sent."""

    row: Row
    state: str
    text: str
    advice: str = ""
    messages: int = 0


TABLE: dict[int, Row] = {}


def row(
    number: int,
    title: str,
    area: str,
    rules: str,
    *,
    pics: str = "",
    at_end: bool = False,
    **vtn: Any,
) -> Callable[[Show], Show]:
    """Enter a function as the row of that number. ``vtn``: what its VTN is to be."""

    def enter(show: Show) -> Show:
        assert number not in TABLE, number
        TABLE[number] = Row(number, title, area, rules, show, pics, vtn, at_end)
        return show

    return enter


def not_shown(text: str, advice: str = "") -> NoReturn:
    """End the row: the VEN did otherwise. Raises :class:`NotShown`."""
    raise NotShown(text, advice)


def skip(text: str) -> NoReturn:
    """End the row: it cannot be looked at. Raises :class:`Skip`."""
    raise Skip(text)


def declare(text: str) -> NoReturn:
    """End the row: the author's word counts. Raises :class:`Declaration`."""
    raise Declaration(text)


def demand(holds: object, text: str, advice: str = "") -> None:
    """Go on only if it holds. Raises :class:`NotShown`."""
    if not holds:
        raise NotShown(text, advice)
