"""What the last list of events left behind: one frozen value, the only row of a volatile table."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..schema.events import EventResponse


@dataclass(frozen=True)
class EventList:
    """What the last list left behind; gone after a crash, for then the list is asked for anew (rule
    R1).

    E23 wants the ID of the last list that held an event: that is ``request_id`` for the events
    ``present`` in this one, and what ``older`` says for others, so that a short list costs nothing
    of what is known besides. ``due``: unchanged events whose response that list asks for (E15).
    ``fresh``: events whose handler was called because of it. ``others``: responses about events, or
    versions of events, that are not remembered (E5, E9, E26, faulty ones).
    """

    request_id: str = ""
    present: frozenset[str] = frozenset()
    older: dict[str, str] = field(default_factory=dict)
    due: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()
    others: tuple[EventResponse, ...] = ()

    def request_id_of(self, key: str, otherwise: str) -> str:
        """The requestID of the last list that held the event, or ``otherwise`` where no list of
        this process held it.
        """
        return self.request_id if key in self.present else self.older.get(key, otherwise)
