"""One row's trial: what rows do with events and ask about them, beside what :mod:`.trial_base` has,
so that a row reads like what it shows. The main thread.
"""

from __future__ import annotations

from typing import Any, Optional

from ...oadr20b.schema.events import CreatedEvent, DistributeEvent
from ...oadr20b.schema.responses import EiResponse
from ...schema.events import Event
from ...testing.vtn.events import EventAnswer
from .rows import not_shown
from .trial_base import AFTER_A_POLL, DECIDES, MARKET_CONTEXT, SOON, TrialBase
from .trial_parts import CallRecord


class Trial(TrialBase):
    """A VTN and a VEN for one row. ``begin()`` starts the VEN; ``close()`` ends both."""

    def add_event(self, **settings: Any) -> str:
        """A new event for this VEN, which the next poll gets; its ID. ``Skip`` for a report-only
        VEN.
        """
        self.need_events()
        given = {"market_context": self.context, **settings}
        return self.vtn.add_event(**given)

    @property
    def context(self) -> str:
        """A market context that the VEN answers for."""
        own = self._client.settings.market_contexts if self._client is not None else None
        return min(own) if own else MARKET_CONTEXT

    def send_list(self, *events: Event, **changes: Any) -> str:
        """A list of these events by the next poll, whatever the VTN holds; its requestID.
        ``Skip`` for a report-only VEN.
        """
        self.need_events()
        request_id = f"list-{self.mark()}-{len(events)}"
        record = DistributeEvent(
            **{
                "response": EiResponse(response_code="200", request_id=""),
                "request_id": request_id,
                "vtn_id": self.vtn.vtn_id,
                "events": events,
                **changes,
            }
        )
        self.vtn.queue(record)
        return request_id

    def event(self, event_id: str, **descriptor: Any) -> Event:
        """An event as the VTN holds it, with other facts about it."""
        event = self.vtn.events[event_id]
        return event.replace(event_descriptor=event.event_descriptor.replace(**descriptor))

    def is_given(self, event_id: str) -> bool:
        """Whether a list with the event went out."""
        return any(
            isinstance(each.answer, DistributeEvent)
            and any(event.event_id == event_id for event in each.answer.events)
            for each in self.vtn.received
        )

    def answers(self, event_id: str) -> list[EventAnswer]:
        """The VEN's answers to an event."""
        return [each for each in self.vtn.answers if each.event_id == event_id]

    def answer(self, event_id: str, *, number: int = 1, seconds: float = SOON) -> EventAnswer:
        """The ``number``-th answer to an event, which has come or comes in time. Raises
        ``NotShown``.
        """

        def found() -> Optional[EventAnswer]:
            there = self.answers(event_id)
            return there[number - 1] if len(there) >= number else None

        answer = self.pass_until(found, min(seconds, self._decides_within))
        if answer is None:
            self._decide(event_id)
        answer = answer or self.pass_until(found, seconds)
        if answer is None:
            not_shown(
                f"{len(self.answers(event_id))} answers to event {event_id!r} came within "
                f"{seconds:g} s, expected were {number}. {self.vtn.story(0, 6)}",
                "Answer every event of every list that wants a response.",
            )
        return answer

    @property
    def _decides_within(self) -> float:
        """Seconds that the author's code has for a decision; a poll, once it has deferred one."""
        return AFTER_A_POLL if self._defers else DECIDES

    def _decide(self, event_id: str) -> None:
        """Opt in where the author's code has deferred its decision."""
        if self._client is not None and event_id in [each.event_id for each in self._client.events]:
            self._defers = True
            self._client.opt_in(event_id)

    def answer_to(self, event_id: str, number: int) -> EventAnswer:
        """The answer to that modification, which has come or comes in time. Raises ``NotShown``."""

        def found() -> Optional[EventAnswer]:
            there = [each for each in self.answers(event_id) if each.modification_number == number]
            return there[-1] if there else None

        answer = self.pass_until(found, self._decides_within)
        if answer is None:
            self._decide(event_id)
            answer = self.pass_until(found, DECIDES)
        if answer is None:
            not_shown(f"modification {number} of event {event_id!r} was not answered")
        return answer

    def expect_accepted(self, event_id: str, what: str) -> EventAnswer:
        """The event is answered, and not refused. Raises ``NotShown``."""
        answer = self.answer(event_id)
        if not answer.response_code.startswith("2"):
            not_shown(
                f"{what} was refused with {answer.response_code}: {answer.response_description}"
            )
        return answer

    def expect_refused(self, event_id: str, code: str, what: str, advice: str = "") -> EventAnswer:
        """The event is refused with that code (``4`` is any of its class) and optOut. Raises
        ``NotShown``.
        """
        answer = self.answer(event_id)
        if not answer.response_code.startswith(code) or answer.opt_type != "optOut":
            wanted = code if len(code) == 3 else f"{code}xx"
            not_shown(
                f"{what} was answered {answer.response_code} {answer.opt_type}, expected {wanted} "
                "optOut",
                advice,
            )
        return answer

    def expect_opt_in(self, event_id: str) -> None:
        """The event is answered, and carried out: where the author's code did not opt in, it is
        done for it.
        """
        answer = self.answer(event_id)
        if not answer.response_code.startswith("2"):
            not_shown(
                f"event {event_id!r} was refused with {answer.response_code}: "
                f"{answer.response_description}"
            )
        if answer.opt_type != "optIn":
            self.client.opt_in(event_id)
            self.answer(event_id, number=len(self.answers(event_id)) + 1)

    def calls(self, event_id: str, what: str = "") -> list[CallRecord]:
        """The calls of handlers for an event so far."""
        return [
            each for each in self.happened if each.event_id == event_id and what in ("", each.what)
        ]

    def expect_call(self, event_id: str, what: str, seconds: float = SOON) -> CallRecord:
        """The first such call, which was or comes in time. Raises ``NotShown``."""
        call = self.pass_until(lambda: next(iter(self.calls(event_id, what)), None), seconds)
        if call is None:
            not_shown(f"on_event_{what} was not called for event {event_id!r} in {seconds:g} s")
        return call

    def created_events(self) -> list[CreatedEvent]:
        """The answers as messages."""
        return [
            each.record
            for each in self.all_of("oadrCreatedEvent")
            if isinstance(each.record, CreatedEvent)
        ]
