"""Rows on carrying out events (rules E). They see when the VEN's handlers are called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from .rows import declare, demand, not_shown, row, skip
from .trial import Trial
from .trial_parts import CallRecord

CLOSE = 1.0
"""Seconds within which a handler is to be called."""
SPREAD = 10
EVENTS = 20
MODIFICATIONS: Sequence[dict[str, object]] = (
    {"intervals": [2], "duration": 600},
    {"duration": 900},
    {"duration": 60},
)
MOVED = 4
"""Seconds by which a running event is moved."""
FIRST = 200
"""Seconds to the first start: time for decisions that are deferred."""


def _near(what: str, seconds: float, wanted: float) -> None:
    demand(
        abs(seconds - wanted) <= CLOSE,
        f"{what} came after {seconds:.1f} s, expected were {wanted:g} s",
    )


def _seconds_after(began: datetime, call: CallRecord) -> float:
    return (call.at - began) / timedelta(seconds=1)


def _modify(trial: Trial, *event_ids: str, **changes: object) -> None:
    """Modify events that are carried out. Raises ``Skip`` where the VEN opts out of that."""
    numbers = {
        event_id: trial.vtn.modify_event(event_id, announce=False, **changes)
        for event_id in event_ids
    }
    trial.vtn.announce()
    for event_id, number in numbers.items():
        if trial.answer_to(event_id, number).opt_type != "optIn":
            skip("the VEN's own code opts out of a modified event")


def _runs(trial: Trial, **settings: object) -> str:
    """An event that runs from now on; its ID."""
    event_id = trial.add_event(**settings)
    trial.expect_opt_in(event_id)
    trial.expect_call(event_id, "start", 40)
    return event_id


@row(31, "begins, changes and ends at the moments of the event", "E", "CR 31, 32")
def moments(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    began = trial.now()
    event_id = trial.add_event(dtstart=10, intervals=[(5, 1), (5, 2)])
    trial.expect_opt_in(event_id)
    trial.pass_until(lambda: bool(trial.calls(event_id, "end")), 40)
    calls = trial.calls(event_id)
    for what, wanted in (("start", 10), ("end", 20)):
        found = [each for each in calls if each.what == what]
        demand(len(found) == 1, f"{len(found)} calls of on_event_{what}, expected was one")
        _near(f"on_event_{what}", _seconds_after(began, found[0]), wanted)
    steps = [
        (each.payload, _seconds_after(began, each)) for each in calls if each.what == "interval"
    ]
    demand([payload for payload, _ in steps] == [1, 2], f"intervals were called with {steps}")
    for (_, seconds), wanted in zip(steps, (10, 15)):
        _near("an interval", seconds, wanted)
    return "start, second interval and end within 1 s of their moments"


@row(32, "begins at random within startafter", "E", "CR 30", pics="E")
def random_start(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    began = trial.now()
    made = [
        trial.add_event(dtstart=FIRST, duration=60, tolerance=SPREAD, announce=False)
        for _ in range(EVENTS)
    ]
    trial.vtn.announce()
    for event_id in made:
        trial.expect_opt_in(event_id)
    _modify(trial, made[0], priority=1)
    trial.pass_until(lambda: all(trial.calls(event_id, "start") for event_id in made), FIRST + 60)
    _modify(trial, *made[1:10], priority=1)  # while they run: their ends are not drawn anew
    trial.pass_until(lambda: all(trial.calls(event_id, "end") for event_id in made), FIRST + 120)
    starts = [
        _seconds_after(began, trial.expect_call(event_id, "start", 0)) - FIRST for event_id in made
    ]
    ends = [
        _seconds_after(began, trial.expect_call(event_id, "end", 0)) - FIRST for event_id in made
    ]
    shown = f"{min(starts):.1f} to {max(starts):.1f} s after their time"
    demand(
        min(starts) >= -CLOSE and max(starts) <= SPREAD + CLOSE,
        f"{EVENTS} events with startafter {SPREAD} s began {shown}",
    )
    demand(
        max(starts) - min(starts) > SPREAD / 4,
        f"{EVENTS} events with startafter {SPREAD} s began {shown}: they are not spread",
        "Draw the start anew for each event.",
    )
    lengths = [end - start for start, end in zip(starts, ends)]
    demand(
        all(abs(length - 60) <= CLOSE for length in lengths),
        f"events of 60 s took {min(lengths):.1f} to {max(lengths):.1f} s",
        "The whole event moves, also when it is modified meanwhile.",
    )
    return f"{EVENTS} events began {shown}; each kept its length"


@row(33, "ends cancelled events at random within startafter", "E", "CR 65", pics="E")
def random_end(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    made = [trial.add_event(duration=3600, tolerance=SPREAD, announce=False) for _ in range(12)]
    trial.vtn.announce()
    for event_id in made:
        trial.expect_opt_in(event_id)
    trial.pass_until(lambda: all(trial.calls(event_id, "start") for event_id in made), 60)
    cancelled, dropped = made[:6], made[6:]
    began = trial.now()
    counts = {event_id: len(trial.answers(event_id)) for event_id in cancelled}
    for event_id in cancelled:
        trial.vtn.cancel_event(event_id, announce=False)
    for event_id in dropped:
        trial.vtn.drop_event(event_id, announce=False)
    trial.vtn.announce()
    for event_id in cancelled:
        trial.answer(event_id, number=counts[event_id] + 1, seconds=5)
    trial.pass_until(lambda: all(trial.calls(event_id, "end") for event_id in made), 60)
    delays = [_seconds_after(began, trial.expect_call(event_id, "end", 0)) for event_id in made]
    shown = f"{min(delays):.1f} to {max(delays):.1f} s after it"
    demand(
        max(delays) <= SPREAD + 5 and max(delays) - min(delays) > SPREAD / 4,
        f"12 running events with startafter {SPREAD} s were cancelled or left out; they ended "
        f"{shown}",
        "Acknowledge at once, and end at random within startafter, also without a word.",
    )
    return f"acknowledged at once, ended {shown}"


def _is_called(trial: Trial, event_id: str, when: str) -> bool:
    return bool(trial.calls(event_id, when))


@row(34, "ends events that are not on the list any more", "E", "CR 61")
def implied_cancellation(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    first, second = _runs(trial, duration=3600), _runs(trial, duration=3600)
    for event_id in (first, second):
        before = len(trial.answers(event_id))
        trial.vtn.drop_event(event_id)
        trial.pass_until(partial(_is_called, trial, event_id, "end"), 10)
        demand(
            trial.calls(event_id, "end"),
            "an event that is not on the list any more runs on",
            "A list is complete: what is missing is cancelled (implied_cancel).",
        )
        trial.await_polls(2)
        demand(len(trial.answers(event_id)) == before, "an implied cancellation was answered")
    return "ended, without an answer; the empty list too"


@row(35, "ends and acknowledges a cancelled event", "E", "CR 36, 52, 59", pics="E", repeat_events=1)
def cancellation(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = _runs(trial, duration=3600)
    began = trial.now()
    number = trial.vtn.cancel_event(event_id)
    trial.pass_until(
        lambda: any(each.modification_number == number for each in trial.answers(event_id)), 10
    )
    found = [each for each in trial.answers(event_id) if each.modification_number == number]
    demand(found, "the cancellation was not acknowledged", "Answer it: optIn confirms it.")
    end = trial.expect_call(event_id, "end", 10)
    took = _seconds_after(began, end)
    demand(took <= 5, f"the cancelled event ended {took:.1f} s later")
    if found[-1].opt_type == "optOut":
        return "acknowledged with optOut: it cannot be cancelled"
    return "ended at once, acknowledged with optIn"


@row(36, "runs an event without end until it is cancelled", "E", "CR 47")
def open_ended(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = _runs(trial, duration=0, intervals=[1])
    trial.pass_time(100 if trial.clock is not None else 15)
    demand(not trial.calls(event_id, "end"), "an event of duration 0 ended by itself")
    trial.vtn.cancel_event(event_id)
    trial.expect_call(event_id, "end", 10)
    return "ran until it was cancelled"


@row(37, "runs on where the list calls its event completed", "E", "CR 66")
def completed_event(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = _runs(trial, duration=3600)
    count = len(trial.answers(event_id))
    trial.send_list(trial.event(event_id, event_status="completed"))
    trial.answer(event_id, number=count + 1)
    trial.pass_time(10)
    demand(
        not trial.calls(event_id, "end"),
        "a running event ended because the list called it completed",
        "Go by the event's own times.",
    )
    return "it runs on"


@row(38, "replaces a running event by its modification", "E", "CR 57")
def modified_event(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    began = trial.now()
    event_id = _runs(trial, dtstart=5, duration=600, intervals=[1])
    for changes in MODIFICATIONS:
        _modify(trial, event_id, **changes)
    moved = trial.event(event_id).active_period.dtstart - timedelta(seconds=MOVED)
    _modify(trial, event_id, dtstart=moved)
    trial.pass_until(lambda: bool(trial.calls(event_id, "end")), 120)
    starts, ends = len(trial.calls(event_id, "start")), trial.calls(event_id, "end")
    demand(
        (starts, len(ends)) == (1, 1),
        f"four modifications led to {starts} starts and {len(ends)} ends",
        "A running event that is modified goes on; start and end come once.",
    )
    _near("the end of the event", _seconds_after(began, ends[0]), 65 - MOVED)
    payloads = [each.payload for each in trial.calls(event_id, "interval")]
    demand(payloads[-1] == 2, f"the new value 2 did not reach the handler; it saw {payloads}")
    return "new value, longer, shorter, moved: one start, one end at the last word"


@row(39, "lets the second of two adjacent events rule at the seam", "E", "CR 18", pics="E")
def adjacent_events(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    began = trial.now()
    first = trial.add_event(dtstart=10, duration=10, intervals=[1])
    second = trial.add_event(dtstart=20, duration=10, intervals=[2])
    for event_id in (first, second):
        trial.expect_opt_in(event_id)
    level = trial.pass_until(lambda: trial.client.current_level() == 2 or None, 40)
    moment = (trial.now() - began).total_seconds()
    demand(level, "the second of two adjacent events never ruled")
    _near("the second event's level", moment, 20)
    _near(
        "the end of the first",
        _seconds_after(began, trial.expect_call(first, "end", 5)),
        20,
    )
    return (
        f"at the seam the second rules; overlap: {trial.run.declared.get('overlap', 'declare it')}"
    )


@row(40, "knows test events", "E", "CR 6", pics="E")
def test_events(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    test = trial.add_event(dtstart=3600, test_event="yes, a test")
    real = trial.add_event(dtstart=7200, test_event="false")
    trial.answer(test), trial.answer(real)
    found = {event.event_id: event.test_event for event in trial.client.events}
    demand(
        found.get(test) is True and found.get(real) is False,
        f"testEvent 'yes, a test' is {found.get(test)}, 'false' is {found.get(real)}",
        "Anything but false is a test: do everything but switch.",
    )
    return "any text but false is a test"


@row(41, "goes by its own clock from far to near to active", "E", "CR 13, 114", pics="E")
def own_status(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    event_id = trial.add_event(dtstart=40, ramp_up=20, duration=60, event_status="far")
    trial.expect_opt_in(event_id)

    def status() -> str:
        return {each.event_id: each.event_status for each in trial.client.events}[event_id]

    seen = [status()]
    for seconds in (25, 20):
        trial.pass_time(seconds)
        seen.append(status())
    demand(
        seen == ["far", "near", "active"],
        f"before the ramp-up, in it, and after the start the event was {', '.join(seen)}",
    )
    return "far, near, active, whatever the list says"


@row(42, "shows ramp-up, recovery and notification", "E", "CR 31", pics="E")
def surroundings(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    for number, sign in enumerate((1, -1), 1):
        given = {"ramp_up": sign * 60, "recovery": sign * 120, "notification": 300}
        event_id = trial.add_event(dtstart=number * 3600, **given)
        trial.answer(event_id)
        period = {each.event_id: each for each in trial.client.events}[event_id].active_period
        seen = {name: getattr(period, name) for name in given}
        wanted = {name: timedelta(seconds=seconds) for name, seconds in given.items()}
        if seen != wanted:
            shown = ", ".join(f"{name} {value}" for name, value in seen.items())
            expected = ", ".join(f"{name} {value} s" for name, value in given.items())
            not_shown(f"{expected} reached the handler as {shown}")
    word = trial.run.declared.get("ramp_up")
    declare(
        "the handler sees all three, with either sign; that the device follows them: "
        f"{word or 'declare it as ramp_up under [certify]'}"
    )


@row(43, "executes by the VTN's time", "E", "CR 114", pics="B", ahead=90)
def other_clock(trial: Trial) -> str:
    trial.need_ours()
    trial.begin()
    trial.await_polls(3)
    began = trial.now()
    event_id = trial.add_event(dtstart=20, duration=60)
    trial.expect_opt_in(event_id)
    call = trial.expect_call(event_id, "start", 150)
    seconds = _seconds_after(began, call)
    word = trial.run.declared.get("clock_skew")
    if abs(seconds - 20) > 3 and word:
        declare(f"clocks may be apart by {word}: declared")
    demand(
        abs(seconds - 20) <= 3,
        f"with the VTN's clock 90 s ahead, an event in 20 s began after {seconds:.1f} s",
        "Follow the VTN's Date, or declare clock_skew under [certify].",
    )
    return f"with clocks 90 s apart it began {seconds - 20:+.1f} s from the VTN's moment"
