"""A script for the test VTN: a TOML file of ``[[steps]]``, each an order and when it is due. A
thread of its own.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Callable

from ...errors import ConfigurationError, VenError
from ...threads import daemon_thread
from ..run import keys
from ..run.file import load

Step = tuple[timedelta, dict[str, object], str]


def read(name: str) -> list[Step]:
    """The steps of a file in the order of time; ConfigurationError names the line."""
    document = load(name)
    given = document.values.get("steps")
    others = [key for key in document.values if key != "steps"]
    if others or not isinstance(given, list):
        where = document.position_of(others[0]) if others else name
        raise ConfigurationError(
            f"{where}: a script consists of tables [[steps]], each with at and do."
        )
    steps: list[Step] = []
    for number, step in enumerate(given):
        where = document.position_of("steps", number)
        try:
            steps.append((keys.seconds(step.get("at", 0)), step, where))
        except (ConfigurationError, AttributeError) as error:
            raise ConfigurationError(f"{where}: at: {error}") from error
    return sorted(steps, key=lambda step: step[0])


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
