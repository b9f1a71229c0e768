"""A script for the test VTN: a TOML file of ``[[steps]]``, each an order and when it is due. A
thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Callable

from ...errors import ConfigurationError, VenError
from ...threads import daemon_thread
from ..run import keys
from ..run.file import load
from .fields import FieldError
from .orders import read_order

Step = tuple[timedelta, dict[str, object], str]


def read(name: str) -> list[Step]:
    """The steps of a file in the order of time; ConfigurationError names the line of each that is
    wrong, as far as that can be told before it is due.
    """
    document = load(name)
    given = document.values.get("steps")
    others = [key for key in document.values if key != "steps"]
    if others or not isinstance(given, list):
        where = document.position_of(others[0]) if others else name
        raise ConfigurationError(
            f"{where}: a script consists of tables [[steps]], each with at and do."
        )
    steps: list[Step] = []
    problems: list[str] = []
    for number, step in enumerate(given):
        where = document.position_of("steps", number)
        try:
            read_order(step)
            steps.append((_due(step), step, where))
        except ConfigurationError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise ConfigurationError("\n".join(problems))
    return sorted(steps, key=lambda step: step[0])


def _due(step: Mapping[str, object]) -> timedelta:
    if "at" not in step:
        raise FieldError("at", 'it is missing: write at = "10 s", counted from the start.')
    try:
        found = keys.seconds(step["at"])
    except ConfigurationError as error:
        raise FieldError("at", str(error)) from error
    if found < timedelta(0):
        raise FieldError("at", f"it is counted from the start, so not {step['at']!r}.")
    return found


class Script:
    """Carries out steps when they are due, counted from :meth:`start`, until :meth:`close`."""

    def __init__(
        self, steps: list[Step], order: Callable[[object], object], tell: Callable[[str], None]
    ) -> None:
        self._steps, self._order, self._tell = steps, order, tell
        self._over = threading.Event()
        self._thread = daemon_thread("ven_sdk-script", self._run)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, in the middle too."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        passed = timedelta(0)
        for at, step, where in self._steps:
            if self._over.wait((at - passed).total_seconds()):
                return
            passed = at
            try:
                self._order(step)
                self._tell(f"script: {step.get('do')}")
            except VenError as error:
                self._tell(f"script, {where}: {error} It goes on with the next step.")
