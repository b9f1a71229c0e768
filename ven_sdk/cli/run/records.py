"""What a plan is made of: values with the places that they came from, and the problems found. No
thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Callable, NamedTuple, Optional

from ...errors import LONGEST, ConfigurationError
from ...text import shorten
from .file import Document

_LINE = re.compile(r", line (\d+)(?:, column (\d+))?")


class Handler(NamedTuple):
    """A handler: its name, the function, its ``lead``, and where it was named."""

    name: str
    function: Callable[..., object]
    lead: Optional[timedelta]
    where: str


@dataclass
class Report:
    """The arguments of a data point, and where each stands."""

    arguments: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass
class Site:
    """One VEN: the client's arguments, where each came from, and data points of its own."""

    arguments: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    where: str = ""


@dataclass
class Plan:
    """What is run. ``ven``: the VEN, or what the VENs of a fleet (``sites``) have in common.
    ``table_origins`` say where the values of the tables beside it and the fleet's came from.
    """

    document: Document
    ven: Site = field(default_factory=Site)
    sites: list[Site] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    fleet: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    table_origins: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_fleet: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """The client's arguments."""
        return self.ven.arguments

    @property
    def origins(self) -> dict[str, str]:
        """Where each of the client's and the fleet's values came from."""
        return self.ven.origins

    def complain(self, where: str, text: str) -> None:
        """Note a problem, once."""
        problem = shorten(f"{where}: {text}" if where else text, LONGEST)
        if problem not in self.problems:
            self.problems.append(problem)

    def is_complained_about(self, *keys: str) -> bool:
        """Whether a problem with one of these keys is noted."""
        return any(f", {key}:" in problem for problem in self.problems for key in keys)

    def complain_all(self) -> None:
        """Raise what was noted, if anything was, in the order of the file. It is a
        ``ConfigurationError`` with a line for each.
        """
        if self.problems:
            raise ConfigurationError("\n".join(sorted(self.problems, key=_order)))


def _order(problem: str) -> tuple[int, int]:
    found = _LINE.search(problem.split(": ")[0])
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)
