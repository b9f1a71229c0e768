"""Carrying events out: what is due by the clock, what becomes of handler calls, and the row's next
timer.

``advance`` is the one place that begins and ends runs. It looks at a row and at the time only, so
that a modification, an opt, a clock step, a suspended machine and a restart are the same case.
``carry_out`` makes an Outcome of a row: whoever changes a row of the table ``events`` returns what
``carry_out`` gives. Pure functions; they run as steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Callable, Optional

from ..instants import shift_back
from ..state.change import Change
from ..state.events import EventState, PendingCall
from ..state.outcome import NOTHING, Call, Note, Outcome, Step, Timer
from ..state.replacement import replace
from ..usercode.decisions import DEFER
from . import timing
from .calls import KEPT_FOR, arguments_of
from .clock_steps import heed_clock_set_back
from .runs import announce_intervals, begin_run, call_leads, end_run, run_ends

if TYPE_CHECKING:
    from ..state.book import Book


# --- what a handler's return means ----------------------------------------------------------------


def accept_return(key: str, call: PendingCall) -> Callable[[object], Step]:
    """What a handler's return does: it decides if its row still waits for it.

    A late return about a version that was replaced, or after the user gave the opt himself, decides
    nothing. Whatever is neither a decision nor DEFER (a HandlerError above all) is an optOut.
    """

    def finish(result: object) -> Step:
        def step(book: "Book", now: datetime) -> Outcome:
            held = book.events.get(key)
            if held is None or call.number not in {other.number for other in held.pending}:
                return NOTHING
            left = tuple(other for other in held.pending if other.number != call.number)
            if call.number != held.decision:
                return carry_out(book, key, held, replace(held, pending=left), now)
            state = replace(held, pending=left, decision=None)
            if result is not DEFER:
                state = decide(state, "optIn" if result == "optIn" else "optOut")
            return carry_out(book, key, held, state, now)

        return step

    return finish


def decide(state: EventState, opt: str, reason: Optional[str] = None) -> EventState:
    """The row with the VEN's decision about this version, which is now owed to the VTN unless that
    wants none (E16).
    """
    if not state.waiting and state.opt == opt:
        return state
    return replace(
        state,
        opt=opt,
        reason=reason,
        waiting=False,
        deadline=None,
        owed=state.event.response_required != "never",
    )


# --- what is due ----------------------------------------------------------------------------------


def is_overdue(state: EventState, now: datetime) -> bool:
    """Whether the opt-timeout has passed without a decision (E18)."""
    return state.waiting and state.deadline is not None and state.deadline <= now


def advance(book: "Book", state: EventState, now: datetime) -> EventState:
    """Everything that is due at ``now``: the opt-timeout, leads, begin, intervals, end. Doing it
    twice changes nothing.
    """
    state = heed_clock_set_back(book, state, now)
    if is_overdue(state, now):
        state = decide(state, book.settings.default_opt)  # E18
    if state.started and run_ends(state, now):
        over = state.end is not None and state.end <= now
        return replace(end_run(book, state), over=over)
    if not state.participates or state.waiting or state.cancelled is not None or state.over:
        # nothing begins before the decision about it; what began under the last one goes on
        return state
    if state.started:
        return announce_intervals(book, state, now)
    if now < state.start:
        return call_leads(book, state, now)
    if state.end is None or now < state.end:  # a late event runs for what is left of it: E37
        return announce_intervals(book, begin_run(book, state), now)
    return state


# --- next -----------------------------------------------------------------------------------------


def next_moment(book: "Book", state: EventState, now: datetime) -> Optional[datetime]:
    """When the row has to be looked at again, or None."""
    moments: list[Optional[datetime]] = [
        state.deadline if state.waiting else None,
        timing.listed_until(state),
    ]
    if state.started:
        moments += [timing.end_of_run(state), timing.next_interval_start(state, now)]
    elif state.participates and not state.waiting and state.cancelled is None and not state.over:
        ahead = [lead for name, lead in book.leads() if name not in state.leads]
        moments += [state.start, *(shift_back(state.start, lead) for lead in ahead)]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def is_finished(state: EventState, now: datetime) -> bool:
    """Whether the row may be forgotten: nothing runs, nothing is owed, and it is acknowledged (E8),
    gone (E6) or past (E32).
    """
    if state.started or state.owed or any(call.handler in KEPT_FOR for call in state.pending):
        return False
    if state.cancelled is not None:
        return not any(call.implied is not None for call in state.pending)
    last = timing.listed_until(state)
    return last is not None and last <= now


def carry_out(
    book: "Book", key: str, held: Optional[EventState], state: EventState, now: datetime
) -> Outcome:
    """What follows from a row that became ``state``: what is due, calls not yet made, the timer, or
    that it is forgotten. ``held`` is the row as it stands in the book, or None.
    """
    notes = _note_default_opt(book, key, state, now)
    state = advance(book, state, now)
    known = {call.number for call in held.pending} if held is not None else set()
    calls = tuple(
        _build_call(key, state, call) for call in state.pending if call.number not in known
    )
    if is_finished(state, now):
        return forget(book, key, held) + Outcome(calls=calls, notes=notes)
    changes = () if state == held else (Change("events", key, state),)
    timers = (_build_timer(book, key, state, now),)
    return Outcome(changes=changes, calls=calls, timers=timers, notes=notes)


def _build_call(key: str, state: EventState, call: PendingCall) -> Call:
    arguments = arguments_of(state, call)
    return Call(f"event:{key}", call.handler, arguments, done=accept_return(key, call))


def _note_default_opt(book: "Book", key: str, state: EventState, now: datetime) -> tuple[Note, ...]:
    """What is logged when the opt-timeout answers in the user's place (E18)."""
    if not is_overdue(state, now):
        return ()
    opt, seconds = book.settings.default_opt, book.settings.opt_timeout.total_seconds()
    call = f"client.opt_{'out' if opt == 'optIn' else 'in'}({key!r})"
    text = (
        f"Event {key!r} was not decided within {seconds:g} s (opt_timeout) and is answered with "
        f"{opt} (default_opt). A handler that returns later, or {call}, changes that."
    )
    return (Note(text, logging.WARNING, once=f"undecided {key}"),)


def forget(book: "Book", key: str, held: Optional[EventState]) -> Outcome:
    """The row is gone, with its timer and with what the profile keeps about the event."""
    changes = (Change("events", key, None),) if held is not None else ()
    return Outcome(
        changes=(*changes, *book.rows_of_event(book, key)), timers=(Timer(f"event:{key}"),)
    )


def _build_timer(book: "Book", key: str, state: EventState, now: datetime) -> Timer:
    """The row's one timer. What fell due before it must have been done: it would not be done by
    this timer, which takes the place of the one that was to do it.
    """
    moment = next_moment(book, state, now)
    return Timer(f"event:{key}", moment, None if moment is None else look_again(key))


def look_again(key: str) -> Step:
    """Do what is due for one event and set its timer again; it does not matter how late."""

    def step(book: "Book", now: datetime) -> Outcome:
        state = book.events.get(key)
        return NOTHING if state is None else carry_out(book, key, state, state, now)

    return step


# --- after a restart ------------------------------------------------------------------------------


def resume_event(book: "Book", key: str, held: EventState, now: datetime) -> Outcome:
    """Make the calls again that had not returned, except those that time or a newer version
    overtook.
    """
    calls: list[PendingCall] = []
    decision = None
    for call in held.pending:
        if _is_still_wanted(held, call, now):
            again = replace(call, number=int(book.next_key()))
            decision = again.number if call.number == held.decision else decision
            calls.append(again)
    state = replace(held, pending=tuple(calls), decision=decision)
    return carry_out(book, key, replace(held, pending=()), state, now)


def _is_still_wanted(state: EventState, call: PendingCall, now: datetime) -> bool:
    if call.handler in KEPT_FOR or call.implied is not None:
        return True
    if call.number == state.decision:
        return True
    if call.event is not None:
        return False
    if call.signal is not None:
        span = timing.current_span(state, state.event.event_signals[call.signal], now)
        return span is not None and span.position == call.interval
    return call.handler in state.leads and not state.started and now < state.start


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """The sum of many outcomes, in linear time."""
    parts = list(outcomes)
    if len(parts) == 1:
        return parts[0]
    return Outcome(
        tuple(item for part in parts for item in part.changes),
        tuple(item for part in parts for item in part.calls),
        tuple(item for part in parts for item in part.timers),
        tuple(item for part in parts for item in part.notes),
    )
