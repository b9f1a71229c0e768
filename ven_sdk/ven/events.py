"""What a user asks of a VEN about events, and tells it."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Optional, Union

from ..arguments import LONGEST, as_float, duration, is_number, scalar, text
from ..config import check_signal
from ..display.tables import Rows
from ..errors import ConfigurationError
from ..events import queries
from ..events.queries import ScheduleRow
from ..schema.events import Event
from ..text import repr_of
from .base import VenBase

if TYPE_CHECKING:
    from ..schema.points import Number
    from ..state.events import EventState


class EventCalls(VenBase):
    """The events of a VEN, what rules now, and the decisions about them."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that the VEN knows, each with the ``event_status`` of now (E27)."""
        return Rows(queries.events(self._states(), self._engine.now()))

    def active_events(self) -> tuple[Event, ...]:
        """The events that are active now."""
        return Rows(queries.active_events(self._states(), self._engine.now()))

    def next_event(self) -> Optional[Event]:
        """The event that starts next, or None."""
        return queries.next_event(self._states(), self._engine.now())

    def current_level(self) -> int:
        """The SIMPLE level that rules now, 0 to 3: of the event of the highest priority (E50).
        Events that are not opted in to, and test events, do not count.
        """
        return queries.current_level(self._states(), self._engine.now())

    def signal_now(self, signal_name: str) -> Optional[Number]:
        """The payload of the signal ``signal_name`` that rules now, or None. Among several events
        the one of the highest priority rules (E50).
        """
        name, states = text("signal_name", signal_name), self._states()
        if not any(
            signal.signal_name == name
            for event in queries.events(states, self._engine.now())
            for signal in event.event_signals
        ):
            check_signal("signal_name", name)
        return queries.signal_now(states, name, self._engine.now())

    def schedule(self, hours: Union[float, timedelta, str] = 24) -> tuple[ScheduleRow, ...]:
        """What is to be done in the next ``hours`` (or timedelta): records of start, end, event,
        signal, interval, payload. ``ConfigurationError`` for a wrong argument.
        """
        span = _hours(hours)
        return Rows(queries.schedule(self._states(), self._engine.now(), span))

    def _states(self) -> tuple[EventState, ...]:
        return self._engine.snapshot("events")

    def opt_in(self, event_id: str) -> None:
        """Take part in the event ``event_id``: the first answer, or a change of it. Never blocks.
        ``StateError`` for an event that is unknown or over.
        """
        self._check_usable("opt_in()")
        self._engine.transact(self._profile.opt_event(_plain(event_id), "optIn", None))

    def opt_out(self, event_id: str, reason: Optional[str] = None) -> None:
        """Do not take part in the event ``event_id``, or no longer. ``reason`` is a text that goes
        with the answer. Never blocks. ``StateError`` for an event that is unknown or over.
        """
        self._check_usable("opt_out()")
        why = None if reason is None else _plain(reason)
        self._engine.transact(self._profile.opt_event(_plain(event_id), "optOut", why))

    def request_events(self) -> tuple[Event, ...]:
        """Ask the VTN for all events; those known then. ``StateError`` while not registered, and
        with ``report_only``. ``ProtocolError`` where the VTN gives no list of its own.
        """
        self._require_running("request_events()")
        self._wait_for_answer("request_events()", self._profile.request_events())
        self._check_registration("request_events()")
        return self.events


def _plain(given: str) -> str:
    """The text itself where ``given`` is of a class that the user wrote; anything else as it is."""
    return str.__str__(given) if isinstance(given, str) else given


def _hours(hours: Union[float, timedelta, str]) -> float:
    """Hours of a number of hours, a timedelta or a text such as ``'24 h'``, at least 0.
    ``ConfigurationError`` for anything else.
    """
    found = scalar(hours)
    if isinstance(found, (timedelta, str)):
        with contextlib.suppress(ConfigurationError):
            return duration("hours", found) / timedelta(hours=1)
    elif is_number(found) and 0 <= as_float(found) <= LONGEST / timedelta(hours=1):
        return as_float(found)
    raise ConfigurationError(
        f"schedule() takes a number of hours or a timedelta, not {repr_of(hours)}. A text such as "
        "'24 h' is taken as well."
    )
