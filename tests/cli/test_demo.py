"""``ven-sdk demo`` as a new user sees it: everything happens, live and readable, and it ends by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from tests.cli.programs import ESCAPE, call, in_terminal

PATIENCE = 90
"""Seconds after which it hangs, on however slow a machine."""


class Shown(NamedTuple):
    code: int
    out: str
    err: str


def plain_run() -> Shown:
    done = call("demo", timeout=PATIENCE)
    return Shown(done.returncode, done.stdout, done.stderr)


def terminal_run() -> Shown:
    code, out = in_terminal("demo", timeout=PATIENCE)
    return Shown(code, out, "")


@pytest.fixture(scope="module")
def both() -> Iterator[list[Shown]]:
    with ThreadPoolExecutor(2) as pool:
        yield [job.result() for job in (pool.submit(plain_run), pool.submit(terminal_run))]


@pytest.fixture
def plain(both: list[Shown]) -> Shown:
    return both[0]


@pytest.fixture
def terminal(both: list[Shown]) -> Shown:
    return both[1]


def test_it_ends_well_by_itself_and_without_noise(plain: Shown) -> None:
    assert (plain.code, plain.err) == (0, "")


STORY = [
    "QueryRegistration",
    "registered with",
    "RegisterReport",
    "wants 'report-1'",
    "agreed: 'report-1'",
    "UpdateReport",
    "the operator adds",
    "event 'peak-1'",
    "on_event ",
    "CreatedEvent",
    "on_event_start",
    "on_interval_start",
    "on_event_end",
    "CancelPartyRegistration",
    "✓ Registered",
]


def test_everything_is_told_in_its_order(plain: Shown) -> None:
    places = [plain.out.find(what) for what in STORY]

    assert -1 not in places, [what for what, place in zip(STORY, places) if place < 0]
    assert places == sorted(places)


def test_samples_go_on_arriving_and_follow_the_event(plain: Shown) -> None:
    watts = [int(text) for text in re.findall(r"(\d+) W at", plain.out)]

    assert len(watts) >= 7
    assert {
        min(range(3), key=lambda level: abs((5000, 3200, 1500)[level] - value)) for value in watts
    } == {0, 1, 2}


def test_intervals_start_at_their_moment(plain: Shown) -> None:
    late = [int(text) for text in re.findall(r", (-?\d+) ms after its moment", plain.out)]

    assert len(late) == 4
    assert all(0 <= milliseconds < 1000 for milliseconds in late)


def test_what_is_no_terminal_gets_plain_lines(plain: Shown) -> None:
    assert "\x1b" not in plain.out
    assert "\r" not in plain.out
    assert "waiting for" not in plain.out


def test_a_terminal_gets_colours_and_a_progress_line(terminal: Shown) -> None:
    assert terminal.code == 0
    assert "\x1b[36m" in terminal.out
    assert "the event runs" in terminal.out


def test_a_terminal_shows_the_same_story(terminal: Shown) -> None:
    text = ESCAPE.sub("", terminal.out)

    assert [what for what in STORY if what not in text] == []
