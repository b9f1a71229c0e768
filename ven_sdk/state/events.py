"""What is remembered of an event: frozen values, one row of the table ``events`` each, and the last
list (volatile).

A row holds what must survive a crash: the event, the opt, the answer owed, the offset drawn, what
has begun, and the handler calls that have not returned. Services make changed copies with
``replacement.replace``; nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Optional

from ..instants import shift
from ..schema.events import Event


@dataclass(frozen=True)
class PendingCall:
    """A handler call that has not returned: made again after a crash.

    ``signal`` and ``interval`` are positions. ``event`` is set when the call is about a version
    that is no longer held.
    """

    number: int
    handler: str
    signal: Optional[int] = None
    interval: Optional[int] = None
    implied: Optional[bool] = None
    event: Optional[Event] = None


@dataclass(frozen=True)
class EventState:
    """One event and how far the VEN is with it.

    ``opt`` is the opt held, also while a decision on a newer version is ``waiting``; ``decision``
    is the number of the call whose return decides. ``code`` other than 200: refused, no handler has
    seen it. ``owed``: the VTN waits for a response about this version. ``cancelled`` is ``vtn``
    (explicit) or ``list`` (implied); ``end_at`` is the random end of rule E31, or of a run that the
    clock was set back out of. ``started``: on_event_start is out and on_event_end is not. ``over``:
    ended because its time was up. ``announced`` has the position of the last announced interval for
    each signal, -1 before the first. ``other_devices`` has the positions of signals for device
    classes that this VEN does not have (E52). ``unread``: the number of a newer version that could
    not be read, while this one goes on.
    """

    event: Event
    request_id: str = ""
    code: str = "200"
    reason: Optional[str] = None
    opt: Optional[str] = None
    waiting: bool = False
    decision: Optional[int] = None
    deadline: Optional[datetime] = None
    owed: bool = False
    delivered: bool = False
    offset: timedelta = timedelta(0)
    cancelled: Optional[str] = None
    end_at: Optional[datetime] = None
    started: bool = False
    over: bool = False
    announced: tuple[int, ...] = ()
    leads: tuple[str, ...] = ()
    pending: tuple[PendingCall, ...] = ()
    other_devices: tuple[int, ...] = ()
    unread: Optional[int] = None

    @cached_property
    def start(self) -> datetime:
        """The real start: dtstart and the random offset (rule E29)."""
        return shift(self.event.active_period.dtstart, self.offset)

    @cached_property
    def end(self) -> Optional[datetime]:
        """The real end, or None for an event without one (rules E29, E33)."""
        duration = self.event.active_period.duration
        return shift(self.start, duration) if duration else None

    @property
    def participates(self) -> bool:
        """Whether the VEN opted in to it."""
        return self.opt == "optIn"
