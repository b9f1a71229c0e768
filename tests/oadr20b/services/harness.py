"""A VEN without engine: applies what steps ask for to a Book, moves a clock by hand, and keeps what
was called and said.

One thread, no sleeping. Handlers are plain functions; those named in ``slow`` are not run before
``release``. ``restart`` sends every table through JSON, as a store does.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

from ven_sdk.config import settings
from ven_sdk.errors import HandlerError, ProtocolError, VenError
from ven_sdk.oadr20b.profile import Profile20b
from ven_sdk.oadr20b.services import events, opts
from ven_sdk.oadr20b.state.book import Book
from ven_sdk.state.change import Change
from ven_sdk.state.outcome import Call, Note, Outcome, Step, Timer
from ven_sdk.state.registration import Registration
from ven_sdk.state.store import Row
from ven_sdk.tasks import Task
from ven_sdk.usercode.decisions import check_decision
from ven_sdk.usercode.handlers import SINGLE

NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


class Called:
    """One handler call that was made: ``made == ('on_event', event)``-like tuples, and when."""

    def __init__(self, at: datetime, handler: str, arguments: tuple[Any, ...]) -> None:
        self.at, self.handler, self.arguments = at, handler, arguments

    def __repr__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.handler}"


class Harness:
    """``handlers`` maps handler names to functions; ``leads`` names ``before_event`` handlers with
    their lead.
    """

    def __init__(
        self,
        handlers: Optional[dict[str, Callable[..., Any]]] = None,
        *,
        leads: Sequence[tuple[str, timedelta]] = (),
        now: datetime = NOON,
        seed: int = 1,
        catalogue: Any = None,
        vtn_id: Optional[str] = "vtn",
        resumes: Sequence[Callable[[Book, datetime], Outcome]] = (events.resume, opts.resume),
        **overrides: Any,
    ) -> None:
        self.handlers: dict[str, Callable[..., Any]] = dict(handlers or {})
        self.given_leads = tuple(leads)
        self.now = now
        self.seed = seed
        self.resumes = tuple(resumes)
        self.slow: set[str] = set()
        self.waiting: deque[Call] = deque()
        self.timers: dict[str, Timer] = {}
        self.calls: list[Called] = []
        self.notes: list[Note] = []
        self.sent: list[Any] = []
        self.failures: list[HandlerError] = []
        self.changes = 0
        self.settings = settings("ven", "http://localhost/", ven_id="ven", **overrides)
        self.catalogue = catalogue
        self.book = self._new_book()
        self.book.apply(
            [
                Change(
                    "registration",
                    "",
                    Registration(
                        phase="registered", ven_id="ven", registration_id="reg", vtn_id=vtn_id
                    ),
                )
            ]
        )

    def _new_book(self) -> Book:
        book = Book(
            self.settings,
            self.catalogue,
            self,
            chance=random.Random(self.seed),
            rows_of_event=opts.forget_event,
        )
        return book

    def __contains__(self, handler: object) -> bool:
        return handler in self.handlers

    def leads(self) -> tuple[tuple[str, timedelta], ...]:
        return self.given_leads

    # --- steps ------------------------------------------------------------------------------------

    def run(self, step: Step) -> Outcome:
        """What the engine does with a step: apply, arm, queue, then call."""
        outcome = self.apply(step(self.book, self.now))
        self.call()
        return outcome

    def apply(self, outcome: Outcome) -> Outcome:
        """Take in an Outcome without running the calls that it asks for."""
        self.book.apply(outcome.changes)
        self.changes += len(outcome.changes)
        for timer in outcome.timers:
            self.timers.pop(timer.key, None)
            if timer.at is not None:
                self.timers[timer.key] = timer
        self.waiting.extend(outcome.calls)
        self.notes.extend(outcome.notes)
        return outcome

    def call(self) -> None:
        """Run the queued calls, each lane in order; a slow handler blocks its own lane only."""
        while True:
            blocked: set[Hashable] = set()
            for call in tuple(self.waiting):
                if call.lane in blocked or call.handler in self.slow:
                    blocked.add(call.lane)
                    continue
                self.waiting.remove(call)
                self._call(call)
                break
            else:
                return

    def _call(self, call: Call) -> None:
        self.calls.append(Called(self.now, call.handler, call.arguments))
        function = call.function or self.handlers.get(call.handler)
        try:
            result = function(*call.arguments, **call.keywords) if function is not None else None
        except Exception as cause:
            result = HandlerError(f"{call.handler} raised {cause!r}", handler=call.handler)
        if call.handler in SINGLE:
            result = check_decision(result, call.handler, call.arguments[0].event_id)
            self.failures += [result] if isinstance(result, HandlerError) else []
        if call.done is not None:
            self.apply(call.done(result)(self.book, self.now))

    def release(self, *names: str) -> None:
        """Let slow handlers return (all of them without names)."""
        self.slow.difference_update(names or tuple(self.slow))
        self.call()

    # --- time -------------------------------------------------------------------------------------

    def advance(self, to: Any) -> None:
        """Move the clock on by a duration or to a moment, stopping at every timer on the way, in
        order.
        """
        moment = to if isinstance(to, datetime) else self.now + to
        while True:
            due = min(
                (
                    timer
                    for timer in self.timers.values()
                    if timer.at is not None and timer.at <= moment
                ),
                key=lambda timer: timer.at,
                default=None,
            )
            if due is None:
                break
            assert due.at is not None
            self.now = max(self.now, due.at)
            self._fire(due)
        self.now = moment

    def jump(self, to: Any) -> None:
        """Set the clock, forth or back (a clock step, or a machine that was suspended), then run
        what is due.
        """
        before, self.now = self.now, to if isinstance(to, datetime) else self.now + to
        if self.now < before:
            self.run(events.look_again)
        while True:
            due = [
                timer
                for timer in self.timers.values()
                if timer.at is not None and timer.at <= self.now
            ]
            if not due:
                return
            for timer in due:
                self._fire(timer)

    def _fire(self, timer: Timer) -> None:
        if self.timers.get(timer.key) is timer:
            del self.timers[timer.key]
            self.run(timer.step or Profile20b.timer_steps[timer.key])

    # --- the VTN ----------------------------------------------------------------------------------

    def send(self, message: Any, *, complete: bool = True) -> Outcome:
        """An ``oadrDistributeEvent`` arrives."""
        return self.run(lambda book, now: events.receive(book, message, now, complete))

    def answer(self, error: Optional[str] = None) -> Optional[Any]:
        """Deliver the ``oadrCreatedEvent`` that is owed; the VTN acknowledges it, or refuses it
        with code ``error``.
        """
        return self.post(self.answer_task(), error=error)

    def answer_task(self) -> Optional[Task]:
        """The first ``oadrCreatedEvent`` that is owed, or None."""
        return next(events.answer_tasks(self.book), None)

    def post(
        self, task: Optional[Task], reply: Any = None, error: Optional[str] = None
    ) -> Optional[Any]:
        """Deliver a task's record; returns it, or None when there was nothing to send."""
        if task is None:
            return None
        self.sent.append(task.record)
        cause: Optional[VenError] = None
        if error is not None:
            cause = ProtocolError(f"refused with {error}", response_code=error)
        elif task.confirms is not None and reply is not None:
            cause = task.confirms(reply)
        self.run(task.accept(reply) if cause is None else task.refuse(cause))
        return task.record

    def opt(self, event_id: str, opt_type: str, reason: Optional[str] = None) -> Outcome:
        """``client.opt_in`` or ``client.opt_out``."""
        return self.run(lambda book, now: events.opt(book, event_id, opt_type, reason, now))

    # --- a crash ----------------------------------------------------------------------------------

    def restart(self, *, after: timedelta = timedelta(0)) -> None:
        """The process dies and a new one finds what the store kept; calls that had not returned are
        gone.
        """
        kept = [
            Row(row.table, row.key, row.value)
            for table, rows in self.book.tables.items()
            for row in self.book.rows_of(Change(table, key, value) for key, value in rows.items())
            if row.value is not None
        ]
        self.timers.clear()
        self.waiting.clear()
        self.now += after
        self.seed += 1
        self.book = self._new_book()
        bad = self.book.restore(kept)
        assert not bad, bad
        for resume in self.resumes:
            self.run(resume)

    # --- what came of it --------------------------------------------------------------------------

    def names(self, *only: str) -> list[str]:
        """The handlers called so far, in order; only those asked for."""
        return [call.handler for call in self.calls if not only or call.handler in only]

    def times(self, handler: str) -> list[datetime]:
        """When a handler was called."""
        return [call.at for call in self.calls if call.handler == handler]

    def last(self, handler: str) -> tuple[Any, ...]:
        """The arguments of a handler's last call."""
        return next(call.arguments for call in reversed(self.calls) if call.handler == handler)

    def errors(self) -> list[Exception]:
        """What ``on_error`` would have been told."""
        return [note.error for note in self.notes if note.error is not None]

    def responses(self, record: Any) -> list[tuple[str, str, int, str]]:
        """(event, code, number, opt) of the responses in an ``oadrCreatedEvent``, sorted."""
        return sorted(
            (one.event_id, one.response_code, one.modification_number, one.opt_type)
            for one in (record.event_responses if record is not None else ())
        )


def opted_in(**more: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Handlers that opt in to everything and hear of everything."""
    quiet = {
        name: (lambda *_: None)
        for name in ("on_cancel_event", "on_event_start", "on_interval_start", "on_event_end")
    }
    return {
        "on_event": lambda event: "optIn",
        "on_update_event": lambda event: "optIn",
        **quiet,
        **more,
    }


def listed(names: Iterable[str]) -> str:
    """Names on one line, for failures that can be read."""
    return " ".join(names)
