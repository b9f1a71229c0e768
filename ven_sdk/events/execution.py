"""Carrying events out: what is due by the clock, handler calls and what becomes of them, and the
row's next timer.

``run`` is the one place that begins and ends events. It looks at a row and at the time only, so
that a modification, an opt, a clock step, a suspended machine and a restart are the same case. Pure
functions; they run as steps of the engine.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..errors import HandlerError
from ..oadr20b.services import opts
from ..state.events import EventState, PendingCall
from ..state.outcome import NOTHING, Call, Change, Note, Outcome, Step, Timer
from . import timing as times
from .decision import judge

if TYPE_CHECKING:
    from ..state.book import Book

KEPT_FOR = frozenset({"on_event_start", "on_event_end", "on_cancel_event"})
"""Calls that a row is kept for until they returned. An event that is over needs no decision any
more.
"""


# --- calls ----------------------------------------------------------------------------------------


def called(book: "Book", state: EventState, handler: str, **about: Any) -> EventState:
    """The row with one more call to make, if the user set that handler."""
    if not book.has_handler(handler) and handler not in {name for name, _ in book.leads()}:
        return state
    call = PendingCall(int(book.next_key()), handler, **about)
    return replace(state, pending=(*state.pending, call))


def pinned(state: EventState) -> tuple[PendingCall, ...]:
    """The pending calls, each with the version it is about, for a row whose event is about to be
    replaced.
    """
    return tuple(
        call if call.event is not None else replace(call, event=state.event)
        for call in state.pending
    )


def made(key: str, state: EventState, call: PendingCall) -> Call:
    """The call for the engine."""
    event = call.event or state.event
    arguments: tuple[Any, ...] = (event,)
    if call.signal is not None and call.interval is not None:
        signal = event.event_signals[call.signal]
        arguments = (event, signal, signal.intervals[call.interval])
    elif call.implied is not None and call.handler == "on_cancel_event":
        arguments = (event, call.implied)
    return Call(f"event:{key}", call.handler, arguments, done=returned(key, call))


def returned(key: str, call: PendingCall) -> Callable[[Any], Step]:
    """What a handler's return does: it decides if its row still waits for it.

    A late return about a version that was replaced, or after the user gave the opt himself, decides
    nothing.
    """

    def done(result: Any) -> Step:
        def step(book: "Book", now: datetime) -> Outcome:
            held = book.events.get(key)
            if held is None or call.number not in {other.number for other in held.pending}:
                return NOTHING
            state = replace(
                held, pending=tuple(other for other in held.pending if other.number != call.number)
            )
            if call.number != state.decision:
                return settle(book, key, held, state, now)
            opt, error = judge(result, call.handler, key)
            state = replace(state, decision=None)
            decided = state if opt is None else opted(state, opt)
            return settle(book, key, held, decided, now) + _complaint(
                None if error is result else error
            )

        return step

    return done


def _complaint(error: Optional[HandlerError]) -> Outcome:
    """An error found here: a handler that raised was reported by the engine, which made the
    call.
    """
    if error is None:
        return NOTHING
    return Outcome(
        notes=(Note(str(error), logging.ERROR, once=f"handler {error.handler}", error=error),)
    )


def opted(state: EventState, opt: str, reason: Optional[str] = None) -> EventState:
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


def run(book: "Book", state: EventState, now: datetime) -> EventState:
    """Everything that is due at ``now``: the opt-timeout, leads, begin, intervals, end. Doing it
    twice changes nothing.
    """
    state = _not_prolonged(book, state, now)
    if is_overdue(state, now):
        state = opted(state, book.settings.default_opt)  # E18
    if state.started and _stops(state, now):
        return _ended(book, state, now)
    if not state.participates or state.waiting or state.cancelled is not None or state.over:
        # nothing begins before the decision about it; what began under the last one goes on
        return state
    if state.started:
        return _announced(book, state, now)
    if now < state.start:
        return _led(book, state, now)
    if state.end is None or now < state.end:  # a late event runs for what is left of it: E37
        begun = called(
            book, replace(state, started=True, announced=_none_yet(state)), "on_event_start"
        )
        return _announced(book, begun, now)
    return state


def _not_prolonged(book: "Book", state: EventState, now: datetime) -> EventState:
    """Delays counted from now on stay as short as they were meant, also after the clock was set
    back.
    """
    limit = now + book.settings.opt_timeout
    if state.waiting and state.deadline is not None and state.deadline > limit:
        state = replace(state, deadline=limit)
    tolerance = state.event.active_period.tolerance
    if state.end_at is not None and tolerance is not None and state.end_at > now + tolerance:
        state = replace(state, end_at=now + tolerance)  # E31
    return state


def _stops(state: EventState, now: datetime) -> bool:
    """Whether a running event ends: opted out, its time is up, or cancelled and its random delay is
    over (E31).
    """
    last = times.last_moment(state)
    at_once = state.cancelled is not None and state.end_at is None
    return at_once or not state.participates or (last is not None and last <= now)


def _ended(book: "Book", state: EventState, now: datetime) -> EventState:
    over = state.end is not None and state.end <= now
    return called(book, replace(state, started=False, over=over, end_at=None), "on_event_end")


def ended(book: "Book", state: EventState) -> EventState:
    """The row with its run ended, whatever the time."""
    return (
        called(book, replace(state, started=False, end_at=None), "on_event_end")
        if state.started
        else state
    )


def _none_yet(state: EventState) -> tuple[int, ...]:
    return (-1,) * len(state.event.event_signals)


def _announced(book: "Book", state: EventState, now: datetime) -> EventState:
    """Announce the interval that runs now, of each signal, once; those missed meanwhile are skipped
    (E36).
    """
    for position, signal in enumerate(state.event.event_signals):
        piece = times.running(state, signal, now)
        if piece is None or piece.position <= state.announced[position]:
            continue
        marks = (*state.announced[:position], piece.position, *state.announced[position + 1 :])
        state = called(
            book,
            replace(state, announced=marks),
            "on_interval_start",
            signal=position,
            interval=piece.position,
        )
    return state


def _led(book: "Book", state: EventState, now: datetime) -> EventState:
    """Call the ``before_event`` handlers whose lead has come; late rather than never, but not after
    the start.
    """
    for name, lead in book.leads():
        if name not in state.leads and state.start - lead <= now:
            state = called(book, replace(state, leads=(*state.leads, name)), name)
    return state


# --- next -----------------------------------------------------------------------------------------


def next_moment(book: "Book", state: EventState, now: datetime) -> Optional[datetime]:
    """When the row has to be looked at again, or None."""
    moments: list[Optional[datetime]] = [
        state.deadline if state.waiting else None,
        times.leaves(state),
    ]
    if state.started:
        moments += [times.last_moment(state), times.next_boundary(state, now)]
    elif state.participates and not state.waiting and state.cancelled is None and not state.over:
        moments += [
            state.start,
            *(state.start - lead for name, lead in book.leads() if name not in state.leads),
        ]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def is_finished(state: EventState, now: datetime) -> bool:
    """Whether the row may be forgotten: nothing runs, nothing is owed, and it is acknowledged (E8),
    gone (E6) or past (E32).
    """
    if state.started or state.owed or any(call.handler in KEPT_FOR for call in state.pending):
        return False
    if state.cancelled is not None:
        return not any(call.implied is not None for call in state.pending)
    leaves = times.leaves(state)
    return leaves is not None and leaves <= now


def settle(
    book: "Book", key: str, held: Optional[EventState], state: EventState, now: datetime
) -> Outcome:
    """What follows from a row that became ``state``: what is due, calls not yet made, the timer, or
    that it is forgotten.
    """
    late = _undecided(book, key, state, now)
    state = run(book, state, now)
    known = {call.number for call in held.pending} if held is not None else set()
    calls = tuple(made(key, state, call) for call in state.pending if call.number not in known)
    if is_finished(state, now):
        return forgotten(book, key, held) + Outcome(calls=calls, notes=late)
    changes = () if state == held else (Change("events", key, state),)
    return Outcome(changes=changes, calls=calls, timers=(timer(book, key, state, now),), notes=late)


def _undecided(book: "Book", key: str, state: EventState, now: datetime) -> tuple[Note, ...]:
    """What to say when the opt-timeout answers in the user's place (E18)."""
    if not is_overdue(state, now):
        return ()
    opt, seconds = book.settings.default_opt, book.settings.opt_timeout.total_seconds()
    call = f"client.opt_{'out' if opt == 'optIn' else 'in'}({key!r})"
    return (
        Note(
            f"Event {key!r} was not decided within {seconds:g} s (opt_timeout) and is answered "
            f"with {opt} (default_opt). "
            f"A handler that returns later, or {call}, changes that.",
            logging.WARNING,
            once=f"undecided {key}",
        ),
    )


def forgotten(book: "Book", key: str, held: Optional[EventState]) -> Outcome:
    """The row is gone, with its timer and with the opts that were about it."""
    changes = (Change("events", key, None),) if held is not None else ()
    return Outcome(changes=changes, timers=(Timer(f"event:{key}"),)) + opts.event_gone(book, key)


def timer(book: "Book", key: str, state: EventState, now: datetime) -> Timer:
    """The row's one timer."""
    moment = next_moment(book, state, now)
    return Timer(f"event:{key}", moment, None if moment is None else tick(key))


def tick(key: str) -> Step:
    """Do what is due for one event and set its timer again; it does not matter how late."""

    def step(book: "Book", now: datetime) -> Outcome:
        state = book.events.get(key)
        return NOTHING if state is None else settle(book, key, state, state, now)

    return step


def resumed(book: "Book", key: str, held: EventState, now: datetime) -> Outcome:
    """After a restart: make the calls again that had not returned, except those that time or a
    newer version overtook.
    """
    calls: list[PendingCall] = []
    decision = None
    for call in held.pending:
        if _still_wanted(held, call, now):
            again = replace(call, number=int(book.next_key()))
            decision = again.number if call.number == held.decision else decision
            calls.append(again)
    state = replace(held, pending=tuple(calls), decision=decision)
    return settle(book, key, replace(held, pending=()), state, now)


def _still_wanted(state: EventState, call: PendingCall, now: datetime) -> bool:
    if call.handler in KEPT_FOR or call.implied is not None:
        return True
    if call.signal is not None:
        piece = (
            times.running(state, state.event.event_signals[call.signal], now)
            if call.event is None
            else None
        )
        return piece is not None and piece.position == call.interval
    return call.number == state.decision or (
        not state.started
        and call.event is None
        and now < state.start
        and call.number != state.decision
        and call.handler in state.leads
    )


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """The sum of many outcomes, in linear time."""
    parts = list(outcomes)
    return Outcome(
        tuple(item for part in parts for item in part.changes),
        tuple(item for part in parts for item in part.calls),
        tuple(item for part in parts for item in part.timers),
        tuple(item for part in parts for item in part.notes),
    )
