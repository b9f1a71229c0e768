"""A set of moments that stays small: regular ones are stretches, and what is older than the newest
``MOST`` stretches counts as in it. Frozen values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from ..instants import LAST, ZERO

MOST = 4096


class Stretch(NamedTuple):
    """Moments from ``first`` to ``last``, ``step`` apart; zero: one moment."""

    first: datetime
    last: datetime
    step: timedelta

    def holds(self, moment: datetime) -> bool:
        if not self.first <= moment <= self.last:
            return False
        return not self.step or not (moment - self.first) % self.step

    def cut_after(self, moment: datetime) -> "Stretch":
        """Without what is later than ``moment``, which is not before ``first``."""
        if moment >= self.last or not self.step:
            return self
        return Stretch(
            self.first, self.first + (moment - self.first) // self.step * self.step, self.step
        )


@dataclass(frozen=True)
class Moments:
    """Moments, by stretches that do not overlap, oldest first. All until ``before`` are in it."""

    stretches: tuple[Stretch, ...] = ()
    before: Optional[datetime] = None

    def __contains__(self, moment: datetime) -> bool:
        if self.before is not None and moment <= self.before:
            return True
        place = bisect_right(self.stretches, (moment, LAST, timedelta.max))
        return bool(place) and self.stretches[place - 1].holds(moment)

    def with_all(self, moments: Iterable[datetime]) -> "Moments":
        """These and ``moments``."""
        stretches, before = list(self.stretches), self.before
        for moment in moments:
            if before is None or moment > before:
                _add(stretches, moment)
        if len(stretches) > MOST:
            before = stretches[-MOST - 1].last
            del stretches[:-MOST]
        return Moments(tuple(stretches), before)

    def cut_after(self, moment: datetime) -> "Moments":
        """These without what is later than ``moment``."""
        kept = tuple(one.cut_after(moment) for one in self.stretches if one.first <= moment)
        before = None if self.before is None else min(self.before, moment)
        return Moments(kept, before)


def _add(stretches: list[Stretch], moment: datetime) -> None:
    place = bisect_right(stretches, (moment, LAST, timedelta.max))
    last = stretches[place - 1] if place else None
    if last is not None and moment <= last.last:
        if not last.holds(moment):
            _split(stretches, place - 1, moment)
    elif last is None or (last.step and moment - last.last != last.step):
        stretches.insert(place, Stretch(moment, moment, ZERO))
    else:
        stretches[place - 1] = Stretch(last.first, moment, moment - last.last)


def _split(stretches: list[Stretch], place: int, moment: datetime) -> None:
    """``moment`` lies inside a stretch, between two of its moments."""
    first, last, step = stretches[place]
    middle = first + (moment - first) // step * step
    stretches[place : place + 1] = [
        Stretch(first, middle, step if middle > first else ZERO),
        Stretch(moment, moment, ZERO),
        Stretch(middle + step, last, step if last > middle + step else ZERO),
    ]
