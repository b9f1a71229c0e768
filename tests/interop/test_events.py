"""Modification and cancellation at every moment of an event's life, against openleadr's VTN:
answers and calls, tabled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.peers.openleadr_peer import OpenleadrVTN
from ven_sdk import OpenADRClient

POLL = 0.1
STEP = timedelta(seconds=1)  # openleadr drops fractions
HANDLERS = ("on_event", "on_update_event", "on_cancel_event", "on_event_start", "on_event_end")


class Watched:
    """A client that keeps what was called, per event and in order."""

    def __init__(self, vtn: OpenleadrVTN) -> None:
        self.vtn, self.calls = vtn, []
        self.client = OpenADRClient("watched", vtn.url, poll_frequency=POLL, allow_jitter=False)
        for name in HANDLERS:
            self.client.add_handler(name, self._handler(name))

    def _handler(self, name: str) -> Any:
        def note(event: Any) -> str:
            self.calls.append((event.event_id, name))
            return "optIn"

        def note_cancel(event: Any, implied: bool) -> None:
            self.calls.append((event.event_id, f"{name}({'implied' if implied else 'explicit'})"))

        return note_cancel if name == "on_cancel_event" else note

    def calls_of(self, event_id: str) -> list[str]:
        return [name for event, name in self.calls if event == event_id]

    def wait_for(self, event_id: str, name: str, timeout: float = 5) -> None:
        assert self.client._engine.wait(lambda: name in self.calls_of(event_id), timeout), (
            self.calls_of(event_id)
        )

    def add(self, begins_in: timedelta, *payloads: float, step: timedelta = STEP) -> str:
        return self.vtn.add_event(
            self.client.ven_id or "", intervals=steps(begins_in, payloads, step)
        )

    def answers(self, event_id: str) -> list[tuple[str, str, str]]:
        """(modification number, code, opt) of each answer that the VTN got."""
        return [
            (seen["modification_number"], seen["response_code"], seen["opt_type"])
            for seen in self.vtn.seen("event_response")
            if seen["event_id"] == event_id
        ]


def steps(
    begins_in: timedelta, payloads: tuple[float, ...], step: timedelta = STEP
) -> list[dict[str, Any]]:
    start = datetime.now(timezone.utc) + begins_in
    return [
        {"dtstart": start + place * step, "duration": step, "signal_payload": value}
        for place, value in enumerate(payloads)
    ]


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with OpenleadrVTN(poll_frequency=timedelta(seconds=1)) as vtn:
        watched = Watched(vtn)
        watched.client.start(wait=10)
        with watched.client:
            yield watched


pytestmark = pytest.mark.keeps_threads

LATER = timedelta(hours=1)
SOON = timedelta(seconds=0.5)

# when, what the VTN does, (modification number, code, opt) answered, handlers called
TABLE = [
    (
        "before",
        "modify",
        [("0", "200", "optIn"), ("1", "200", "optIn")],
        ["on_event", "on_update_event"],
    ),
    (
        "before",
        "cancel",
        [("0", "200", "optIn"), ("1", "200", "optIn")],
        ["on_event", "on_cancel_event(explicit)"],
    ),
    (
        "before",
        "modify, cancel",
        [("0", "200", "optIn"), ("1", "200", "optIn"), ("2", "200", "optIn")],
        ["on_event", "on_update_event", "on_cancel_event(explicit)"],
    ),
    (
        "during",
        "modify",
        [("0", "200", "optIn"), ("1", "200", "optIn")],
        ["on_event", "on_event_start", "on_update_event", "on_event_end"],
    ),
    (
        "during",
        "cancel",
        [("0", "200", "optIn"), ("1", "200", "optIn")],
        ["on_event", "on_event_start", "on_cancel_event(explicit)", "on_event_end"],
    ),
    (
        "during",
        "modify, cancel",
        [("0", "200", "optIn"), ("1", "200", "optIn"), ("2", "200", "optIn")],
        [
            "on_event",
            "on_event_start",
            "on_update_event",
            "on_cancel_event(explicit)",
            "on_event_end",
        ],
    ),
    (
        "during",
        "move to later",
        [("0", "200", "optIn"), ("1", "200", "optIn")],
        ["on_event", "on_event_start", "on_update_event", "on_event_end"],
    ),
    ("after", "nothing", [("0", "200", "optIn")], ["on_event", "on_event_start", "on_event_end"]),
]


@pytest.mark.parametrize(
    ("when", "what", "answers", "calls"), TABLE, ids=[f"{when}: {what}" for when, what, *_ in TABLE]
)
def test_what_is_answered_and_called(
    watched: Watched, when: str, what: str, answers: list[Any], calls: list[str]
) -> None:
    step = timedelta(hours=1) if when == "during" and what != "modify" else STEP
    event_id = watched.add(
        LATER if when == "before" else timedelta(0) if when == "during" else SOON, 1, 2, step=step
    )
    watched.vtn.wait_for("event_response", 5, lambda seen: seen["event_id"] == event_id)
    if when == "during":
        watched.wait_for(event_id, "on_event_start")
    if when == "after":
        watched.wait_for(event_id, "on_event_end")
    for number, action in enumerate(what.split(", "), 1):
        act(watched, event_id, action, step)
        if action != "nothing":
            watched.vtn.wait_for(
                "event_response",
                5,
                lambda seen, wanted=str(number): (
                    seen["event_id"] == event_id and seen["modification_number"] == wanted
                ),
            )
    watched.wait_for(event_id, calls[-1])

    assert list(dict.fromkeys(watched.answers(event_id))) == answers
    assert sorted(watched.calls_of(event_id)) == sorted(calls), "each handler is called once"
    assert [
        name for name in watched.calls_of(event_id) if "start" not in name and "end" not in name
    ] == [name for name in calls if "start" not in name and "end" not in name]


def act(watched: Watched, event_id: str, action: str, step: timedelta) -> None:
    ven_id = watched.client.ven_id or ""
    if action == "modify":
        current = next(event for event in watched.client.events if event.event_id == event_id)
        intervals = [
            {"dtstart": each.dtstart, "duration": each.duration, "signal_payload": 3}
            for each in current.event_signals[0].intervals
        ]
        watched.vtn.modify_event(ven_id, event_id, intervals=intervals)
    elif action == "move to later":
        watched.vtn.modify_event(
            ven_id,
            event_id,
            intervals=steps(LATER, (1, 2), step),
            changes={"active_period.dtstart": datetime.now(timezone.utc) + LATER},
        )
    elif action == "cancel":
        watched.vtn.cancel_event(ven_id, event_id)


def test_an_event_dropped_from_the_list_is_cancelled_without_an_answer(watched: Watched) -> None:
    event_id = watched.add(timedelta(0), 1, step=timedelta(hours=1))
    other = watched.add(LATER, 1)
    watched.wait_for(event_id, "on_event_start")
    watched.vtn.wait_for("event_response", 5, lambda seen: seen["event_id"] == other)
    answered = len(watched.answers(event_id))
    watched.vtn.drop_event(watched.client.ven_id or "", event_id)
    watched.wait_for(event_id, "on_event_end")

    assert watched.calls_of(event_id) == [
        "on_event",
        "on_event_start",
        "on_cancel_event(implied)",
        "on_event_end",
    ]
    assert len(watched.answers(event_id)) == answered


def test_a_lost_reply_is_made_good_by_the_list(watched: Watched) -> None:
    """openleadr sends an event to one poll only; a VEN that loses that reply has to ask."""
    before = time.monotonic()
    watched.vtn.queue_raw("", service="OadrPoll", drop=True, handled=True)
    event_id = watched.add(LATER, 1)
    watched.wait_for(event_id, "on_event", 10)
    assert watched.calls_of(event_id) == ["on_event"] and time.monotonic() - before < 10
