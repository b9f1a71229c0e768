"""The wall clock is set: reports go on within one period, whatever it says."""

from __future__ import annotations

import os
import random
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, SECOND
from tests.oadr20b.services.reports.reports_harness import ReportHarness, ask, push_value
from ven_sdk.oadr20b.services import reports

DAY, YEAR = timedelta(days=1), timedelta(days=365)
MONTH = os.environ.get("VEN_SDK_MODELS") == "1"
BACK = 5 * MINUTE


class Site:
    """A VEN whose clock is set, next to true time. ``reports_at`` and ``samples_at`` are in true
    time.
    """

    def __init__(self, mode: str) -> None:
        self.ven = ReportHarness()
        self.mode, self.true, self.offset = mode, NOON, timedelta(0)
        self.reports_at, self.samples_at = [NOON], [NOON]
        self.unknown_pauses: list[datetime] = []
        MODES[mode](self)

    def push(self) -> None:
        at = self.ven.now.replace(second=0, microsecond=0)
        if self.mode == "pushed":
            self.ven.run(lambda book, now: push_value(book, "pushed", 1.0, at, now))

    def live(self, span: timedelta) -> None:
        """True time passes, and the VTN takes what is due at every step."""
        end = self.true + span
        while self.true < end:
            step = min(30 * SECOND, end - self.true)
            self.true += step
            self.push()
            self.ven.advance(step)
            self.note()

    def note(self) -> None:
        """Count what arrived. Months of it would not be kept in memory."""
        self.ven.deliver()
        self.reports_at += [self.true] * len(self.ven.messages)
        real = any(value[4] is None for value in self.ven.record)
        self.samples_at += [self.true] * real
        for kept in (self.ven.messages, self.ven.record, self.ven.by_request_id):
            kept.clear()

    def set_clock(self, by: timedelta, restart: bool) -> None:
        if restart:
            self.ven.restart(after=by)
            if by < timedelta(0):
                self.unknown_pauses.append(self.true)
        else:
            self.ven.now += by
            self.ven.run(reports.look)  # what the engine does when it notices
        self.note()

    def silence(self) -> timedelta:
        """The longest time without a report. A new process with a clock that was set back meanwhile
        cannot know how long it was away: there it counts from the start.
        """
        begins = sorted([*self.reports_at, *self.unknown_pauses])
        return max(after - begins[bisect_left(begins, after) - 1] for after in self.reports_at[1:])

    def without_samples(self) -> timedelta:
        return max(after - before for before, after in zip(self.samples_at, self.samples_at[1:]))


def _incremental(site: Site) -> None:
    site.ven.point("p")
    site.ven.create(ask("rq"))


def _at_once(site: Site) -> None:
    site.ven.point("p")
    site.ven.create(ask("rq", every=BACK, start=NOON))


def _on_change(site: Site) -> None:
    # A month of looks each second takes most of an hour; the half day has them.
    shortest = 10 * SECOND if MONTH else SECOND
    site.ven.point("p", sampling_rate={"min_period": shortest, "max_period": HOUR})
    site.ven.create(ask("rq", every=timedelta(0)))


def _full(site: Site) -> None:
    def read(date_from: datetime, date_to: datetime, sampling_interval: timedelta) -> Any:
        minutes = min((date_to - date_from) // MINUTE, 60) + 1  # what the logger still has
        return [(date_to - SECOND - n * MINUTE, 1.0) for n in range(minutes)]

    site.ven.point("p", read, data_collection_mode="full")
    site.ven.create(ask("rq"))


def _dated(site: Site) -> None:
    def read() -> Any:
        return [(site.ven.now.replace(second=0, microsecond=0), 1.0)]

    site.ven.point("p", read)
    site.ven.create(ask("rq"))


def _pushed(site: Site) -> None:
    site.ven.point("pushed", False)
    site.ven.create(ask("rq", "pushed"))


MODES: dict[str, Callable[[Site], None]] = {
    "incremental": _incremental,
    "granularity and period the same": _at_once,
    "on change": _on_change,
    "full": _full,
    "dated": _dated,
    "pushed": _pushed,
}


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("restart", (False, True), ids=("running", "restart"))
@pytest.mark.parametrize("by", (SECOND, MINUTE, 4 * MINUTE, HOUR, DAY, 2 * YEAR))
def test_set_back_by_whatever_every_report_goes_on_within_a_period(
    mode: str, restart: bool, by: timedelta
) -> None:
    site = Site(mode)
    site.live(HOUR + 100 * SECOND)
    site.set_clock(-by, restart)
    set_at = site.true
    site.live(HOUR)

    first_report = next(at for at in site.reports_at if at > set_at)
    first_sample = next(at for at in site.samples_at if at > set_at)
    assert first_report - set_at <= BACK + MINUTE
    assert first_sample - set_at <= 2 * BACK
    assert site.silence() <= BACK * 1.1 + MINUTE


@pytest.mark.timeout(1800 if MONTH else 400)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "random_steps, days",
    [(6, 0.1), pytest.param(*((200, 30) if MONTH else (20, 0.5)), marks=pytest.mark.long)],
)
def test_a_clock_that_is_set_again_and_again_makes_no_silence_longer_than_a_period(
    mode: str, random_steps: int, days: float
) -> None:
    chance = random.Random(f"clock {mode}")
    site = Site(mode)
    for _ in range(random_steps):
        site.live(chance.random() * 2 * DAY * days / random_steps)
        size = timedelta(seconds=10 ** (chance.random() * 7.8))
        site.set_clock(size * chance.choice((1, -1)), chance.random() < 0.2)
    site.live(HOUR)

    assert site.silence() <= BACK * 1.1 + MINUTE
    assert site.without_samples() <= 2 * BACK + MINUTE


def test_a_request_waits_for_its_start_no_longer_than_when_it_came() -> None:
    ven = ReportHarness()
    ven.point("p")
    ven.create(ask("rq", start=NOON + 10 * MINUTE))
    ven.go(2 * MINUTE)
    ven.now -= YEAR
    ven.run(reports.look)
    ven.go(25 * MINUTE)

    assert ven.messages


def test_a_request_that_has_begun_does_not_begin_again() -> None:
    ven = ReportHarness()
    ven.point("p")
    ven.create(ask("rq", start=NOON + 10 * MINUTE))
    ven.go(21 * MINUTE)
    sent = len(ven.messages)
    ven.now -= YEAR
    ven.run(reports.look)
    ven.go(11 * MINUTE)

    assert len(ven.messages) >= sent + 2


def test_a_refused_report_is_sent_again_within_its_pause() -> None:
    ven = ReportHarness()
    ven.point("p")
    ven.create(ask("rq"))
    ven.go(10 * MINUTE)
    ven.online = False
    ven.go(5 * MINUTE)
    ven.refuse("500")
    ven.now -= YEAR
    ven.run(reports.look)
    ven.online = True
    sent = len(ven.messages)
    ven.go(MINUTE)

    assert len(ven.messages) > sent


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("into_period", [0, 2, 4])
@pytest.mark.parametrize("by", [-10 * YEAR, -HOUR, -SECOND, SECOND, HOUR])
def test_a_cancelled_report_that_is_to_follow_is_the_last_whatever_the_clock_does(
    by: timedelta, into_period: int, restart: bool
) -> None:
    ven = ReportHarness()
    ven.point("p")
    ven.create(ask("rq", back=BACK))
    ven.go(10 * MINUTE + into_period * MINUTE)
    ven.cancel("rq", follow=True)
    ven.deliver()
    sent = len(ven.messages)
    if restart:
        ven.restart(after=by)
    else:
        ven.now += by
        ven.run(reports.look)
    ven.go(2 * HOUR)

    assert len(ven.messages) == sent + 1
    assert not ven.book.samples
