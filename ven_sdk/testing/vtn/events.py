"""The events that the VTN holds: who is told what, how they answered, and when they leave the list
(rules E1 to E25).

Guarded by the VTN's lock; knows nothing of messages in flight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from ...errors import ConfigurationError
from ...schema.events import Event

ZERO = timedelta(0)
_STATUS_ORDER = {"active": 0, "near": 1, "far": 1}


class EventAnswer(NamedTuple):
    """One ``eventResponse`` of a VEN.

    Attributes:
        at: when it came, by the VTN's clock.
        ven_id: whose it is.
        event_id: the event that it answers.
        modification_number: of that event.
        opt_type: ``'optIn'`` or ``'optOut'``.
        response_code: ``'200'``, or what the VEN does not understand.
        response_description: the VEN's text with it, or None.
        request_id: of the list of events that it answers.
    """

    at: datetime
    ven_id: str
    event_id: str
    modification_number: int
    opt_type: str
    response_code: str
    response_description: Optional[str]
    request_id: str


@dataclass
class HeldEvent:
    """An event and who knows it. ``ven_id`` None: it is for every VEN. ``fixed`` keeps its status
    as it was given.
    """

    event: Event
    ven_id: Optional[str] = None
    fixed: bool = False
    delivered: set[str] = field(default_factory=set)
    confirmed: set[str] = field(default_factory=set)

    def concerns(self, ven_id: str) -> bool:
        """Whether it is on this VEN's list: its own, and no cancellation that it has confirmed
        (E25).
        """
        if self.ven_id is not None and self.ven_id != ven_id:
            return False
        return self.event.event_status != "cancelled" or ven_id not in self.confirmed

    def current(self, now: datetime) -> Event:
        """The event with the status and value of now (E27, E39)."""
        if self.fixed or self.event.event_status == "cancelled":
            return self.event
        status = status_of(self.event, now)
        if status != self.event.event_status:
            self.event = self.event.replace(
                event_descriptor=self.event.event_descriptor.replace(event_status=status)
            )
        return self.event


class EventTable:
    """All events by ID, every modification number that was ever given out, and the answers."""

    def __init__(self) -> None:
        self.held: dict[str, HeldEvent] = {}
        self.numbers: dict[str, int] = {}
        self.answers: list[EventAnswer] = []
        self.answers_to: dict[str, list[EventAnswer]] = {}

    def get(self, event_id: str) -> HeldEvent:
        """The event; ConfigurationError lists those that there are."""
        held = self.held.get(event_id)
        if held is None:
            raise ConfigurationError(
                f"There is no event {event_id!r}; there are {sorted(self.held) or 'none'}."
            )
        return held

    def why_unanswered(self, event_id: str, now: datetime) -> str:
        """What keeps a VEN from answering an event, where the VTN can tell: to be added to an
        error.
        """
        if event_id not in self.numbers:
            return f". The VTN never had an event {event_id!r}"
        held = self.held.get(event_id)
        if held is None or status_of(held.event, now) == "completed":
            return f". The event is over, as it is {now:%H:%M:%S} by the VTN's clock"
        return ""

    def put(self, event: Event, ven_id: Optional[str], fixed: bool) -> HeldEvent:
        """Hold a new event, or a new version of one."""
        held = HeldEvent(event, ven_id, fixed)
        self.held[event.event_id] = held
        self.numbers[event.event_id] = event.modification_number
        return held

    def list_for(self, ven_id: str, now: datetime) -> list[Event]:
        """The complete list for a VEN (E1), in the order of E13. Completed events leave here."""
        self._forget_completed(now)
        events = [held.current(now) for held in self.held.values() if held.concerns(ven_id)]
        return sorted(events, key=_order)

    def mark_delivered(self, ven_id: str, events: list[Event]) -> None:
        """The VEN was given these. Nobody answers a cancellation that wants no response: it is done
        with.
        """
        for event in events:
            held = self.held.get(event.event_id)
            if held is not None:
                held.delivered.add(ven_id)
                if event.event_status == "cancelled" and event.response_required == "never":
                    held.confirmed.add(ven_id)

    def note(self, answer: EventAnswer) -> str:
        """Keep an answer; the response code for it: 452 for an unknown event, 450 for a number
        never given out (E22).
        """
        self.answers.append(answer)
        self.answers_to.setdefault(answer.event_id, []).append(answer)
        number = self.numbers.get(answer.event_id)
        if number is None:
            return "452"
        if answer.modification_number > number:
            return "450"
        held = self.held.get(answer.event_id)
        if (
            held is not None
            and held.event.event_status == "cancelled"
            and answer.modification_number == number
        ):
            held.confirmed.add(answer.ven_id)
            if held.ven_id == answer.ven_id:
                del self.held[answer.event_id]
        return "200"

    def owes_answer(self, ven_id: str, now: datetime) -> bool:
        """Whether the VEN owes an answer to an event that it was given."""
        answered = {
            (each.event_id, each.modification_number)
            for each in self.answers
            if each.ven_id == ven_id
        }
        return any(
            (event.event_id, event.modification_number) not in answered
            for event in self.list_for(ven_id, now)
            if event.response_required == "always"
        )

    def _forget_completed(self, now: datetime) -> None:
        for event_id, held in list(self.held.items()):
            if held.current(now).event_status == "completed" and not held.fixed:
                del self.held[event_id]


def status_of(event: Event, now: datetime) -> str:
    """far, near, active or completed by the clock (E27, E32, E33)."""
    period = event.active_period
    if now < period.dtstart - max(period.ramp_up_period or ZERO, ZERO):
        return "far"
    if now < period.dtstart:
        return "near"
    end = period.dtstart + period.duration + (period.tolerance or ZERO)
    return "active" if not period.duration or now < end else "completed"


def _order(event: Event) -> tuple[object, ...]:
    """E13: active by priority, then start; far and near by start, then priority; then the rest."""
    rank = _STATUS_ORDER.get(event.event_status, 2)
    priority = event.priority or 2**32
    start = event.active_period.dtstart
    return (rank, priority, start) if rank == 0 else (rank, start, priority)
