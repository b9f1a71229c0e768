"""How long to wait before the next attempt (rule H6). Pure: the caller waits, and hands in the
random numbers.

One object per thing that is tried again, used by one thread at a time.
"""

from __future__ import annotations

import random as _random
from typing import Callable, Optional

RETRY_AFTER_CAP = 3600.0


class Backoff:
    """Capped exponential waiting: a ceiling of ``base``, 2, 4 ... ``cap`` seconds (rule H6), and a
    wait between half of it and the whole, which spreads a thousand VENs that lost their VTN at the
    same moment.

    ``random`` gives numbers in [0, 1). With ``strict`` every wait is the ceiling ±10 %, as the
    specification has it. ``cap`` in seconds may change from one wait to the next, for what fails in
    another way now: the ceiling goes on to double from where it was.
    """

    __slots__ = ("_attempts", "_base", "_doublings", "_random", "_strict", "cap")

    def __init__(
        self,
        base: float = 1.0,
        cap: float = 60.0,
        random: Callable[[], float] = _random.random,
        *,
        strict: bool = False,
    ) -> None:
        self._base = base
        self.cap: float = cap
        self._random = random
        self._strict = strict
        self._attempts = self._doublings = 0

    @property
    def attempts(self) -> int:
        """How many waits were given out since the last success."""
        return self._attempts

    def next(self, retry_after: Optional[float] = None, *, patient: bool = False) -> float:
        """Seconds to wait now; the ceiling of the next wait is twice as high.

        ``retry_after`` (seconds, as the VTN asked; at most an hour is believed) is a lower bound:
        the wait lies between it and twice it, or the ceiling of now, so that those who were sent
        away together do not come back together. ``patient`` is for what no quick repetition can
        mend (401, 403, 404 of rule H5): the ceiling is the cap at once.
        """
        doubled = self._base * 2.0**self._doublings
        ceiling = self.cap if patient else min(self.cap, doubled)
        self._attempts += 1
        if doubled < self.cap:
            self._doublings += 1
        if retry_after is not None:
            floor = min(max(retry_after, 0.0), RETRY_AFTER_CAP)
            return floor + self._random() * max(ceiling, min(floor, self.cap))
        if self._strict:
            return ceiling * (0.9 + 0.2 * self._random())
        return ceiling * (0.5 + 0.5 * self._random())

    def reset(self) -> None:
        """An attempt succeeded: the next wait starts from ``base``."""
        self._attempts = self._doublings = 0
