"""What a VEN is doing, and whether that is well. Any thread; nothing is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..text import write_count
from ..usercode.handlers import NOBODY_DECIDES
from .engine import Engine
from .status import Health, Status

STATES = {"registered": "registered", "cancelled": "unregistered", "cancelling": "registered"}
ENDS_SOON = timedelta(days=30)
"""Before the end of a certificate, from when on it is a problem."""
LATE_POLLS = 3
"""Periods without a good poll after which a VEN is not well."""
LONG_RUNNING = 30.0
"""Seconds after which user code that has not returned is a problem."""


def state_of(engine: Engine) -> str:
    """``stopped``, ``connecting``, ``registered`` or ``unregistered``."""
    if engine.stopped:
        return "stopped"
    return STATES.get(engine.book.registration.phase, "connecting")


def take_status(engine: Engine) -> Status:
    """What the VEN is doing at this moment."""
    counters, book, profile = engine.counters, engine.book, engine.profile
    since, counted, queued = engine.look(
        lambda: (book.registration.since, profile.counters(book), profile.queues(book))
    )
    return Status(
        state=state_of(engine),
        since=since,
        last_poll=counters.last_poll,
        last_error=counters.last_error,
        last_error_at=counters.last_error_at,
        counters={
            "exchanges": counters.exchanges,
            "failures": counters.failures,
            "polls": counters.polls,
            **counted,
        },
        queues={
            **queued,
            "unsaved": engine.persistence.unsaved_rows,
            **engine.runtime.count_waiting(),
        },
        stuck=engine.runtime.stuck(),
        clock_offset=engine.offset.median,
        services={} if engine.runtime.is_inherited else engine.conversation.services(),
        certificates=_certificate_ends(engine),
    )


def _certificate_ends(engine: Engine) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for end in engine.profile.identity.certificates():
        found[end.role] = min(end.ends, found.get(end.role, end.ends))
    return found


def examine(engine: Engine, status: Status) -> Health:
    """Whether all is well with a VEN of this ``status``, and a sentence for everything that is
    not.
    """
    problems = (
        *_registration_problems(engine, status),
        *_thread_problems(engine, status),
        *_handler_problems(engine),
        *_storage_problems(engine, status),
        *engine.snapshot("failing"),
        *engine.profile.problems(engine.book),
        *_certificate_problems(engine),
        *_vtn_problems(engine, status),
    )
    facts = {
        "state": status.state,
        "last_poll": status.last_poll,
        "queues": status.queues,
        "counters": status.counters,
        "clock_offset": status.clock_offset,
    }
    return Health(ok=not problems, problems=problems, facts=facts)


def _registration_problems(engine: Engine, status: Status) -> Iterator[str]:
    settings = engine.book.settings
    if status.state != "registered":
        yield f"The VEN is {status.state}, not registered."
        return
    if settings.push is not None and settings.push.fallback is None:
        return  # it never polls
    period = engine.profile.poll_period(engine.book)
    late = period * LATE_POLLS + timedelta(seconds=settings.timeout)
    heard = [moment for moment in (status.last_poll, status.since) if moment is not None]
    if not heard or engine.clock.now() - max(heard) > late:
        yield f"The last good poll was {status.last_poll or 'never'}; expected one every {period}."


def _thread_problems(engine: Engine, status: Status) -> Iterator[str]:
    for running in status.stuck:
        if running.seconds >= LONG_RUNNING:
            yield f"{running.about} has been running for {running.seconds:.0f} s."
    for name in engine.runtime.full_pools():
        yield f"Every thread of the {name} pool is held by code that does not return; more waits."


def _handler_problems(engine: Engine) -> Iterator[str]:
    if not engine.book.settings.report_only and "on_event" not in engine.handlers:
        yield NOBODY_DECIDES
    yield from engine.handlers.problems()


def _storage_problems(engine: Engine, status: Status) -> Iterator[str]:
    unsaved, dropped = status.queues["unsaved"], status.counters.get("samples_dropped")
    if unsaved:
        changes = write_count(unsaved, "change", "changes")
        yield f"{changes} could not be written to the store {engine.store.name}."
    if dropped:
        yield f"{write_count(dropped, 'sample was', 'samples were')} dropped undelivered."


def _certificate_problems(engine: Engine) -> Iterator[str]:
    now = engine.clock.now()
    for end in engine.profile.identity.certificates():
        if end.ends - now <= ENDS_SOON:
            yield end.describe(now)


def _vtn_problems(engine: Engine, status: Status) -> Iterator[str]:
    for name, service in status.services.items():
        if service.state != "ok":
            yield service.describe(name)
    if abs(status.clock_offset) > engine.book.settings.replay_window:
        yield f"The clocks of VEN and VTN are {status.clock_offset} apart."
