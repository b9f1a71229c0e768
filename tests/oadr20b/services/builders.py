"""Valid events and lists for tests: a test states only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Optional

from tests.oadr20b.services.harness import HOUR, NOON
from ven_sdk.oadr20b.schema.events import DistributeEvent
from ven_sdk.oadr20b.schema.responses import EiResponse
from ven_sdk.schema.common import Target
from ven_sdk.schema.events import ActivePeriod, Event, EventDescriptor, EventSignal, Interval

CONTEXT = "http://programs.example.net/peak"


def signal(
    *payloads: float,
    each: timedelta = HOUR,
    name: str = "SIMPLE",
    kind: str = "level",
    id: str = "s0",
    durations: Optional[Sequence[timedelta]] = None,
    measurement: Any = None,
    targets: Any = (),
) -> EventSignal:
    """A signal with an interval for each payload, all of the same length unless ``durations`` are
    given.
    """
    lengths = durations or [each] * len(payloads)
    return EventSignal(
        intervals=[
            Interval(duration=length, uid=str(index), signal_payload=payload, dtstart=None)
            for index, (payload, length) in enumerate(zip(payloads, lengths))
        ],
        signal_name=name,
        signal_type=kind,
        signal_id=id,
        measurement=measurement,
        targets=targets,
    )


def event(
    id: str = "e",
    number: int = 0,
    *,
    start: datetime = NOON + HOUR,
    length: timedelta = HOUR,
    status: str = "far",
    signals: Optional[Iterable[EventSignal]] = None,
    priority: Optional[int] = None,
    context: str = CONTEXT,
    tolerance: Optional[timedelta] = None,
    ramp_up: Optional[timedelta] = None,
    targets: Sequence[Any] = (),
    required: str = "always",
    test: bool = False,
    **descriptor: Any,
) -> Event:
    """An event from one o'clock to two, level 1, that wants to be answered."""
    return Event(
        event_descriptor=EventDescriptor(
            event_id=id,
            modification_number=number,
            market_context=context,
            created_date_time=NOON,
            event_status=status,
            priority=priority,
            test_event=test,
            **descriptor,
        ),
        active_period=ActivePeriod(
            dtstart=start, duration=length, tolerance=tolerance, ramp_up_period=ramp_up
        ),
        event_signals=list(signals) if signals is not None else [signal(1, each=length)],
        targets=[Target(**one) if isinstance(one, dict) else one for one in targets],
        response_required=required,
    )


def distribute(
    *events: Event,
    request_id: str = "list-1",
    vtn_id: str = "vtn",
    code: Optional[str] = "200",
    faulty: tuple[Any, ...] = (),
) -> DistributeEvent:
    """A complete list."""
    response = None if code is None else EiResponse(response_code=code, request_id="ours")
    return DistributeEvent(
        response=response, request_id=request_id, vtn_id=vtn_id, events=events, faulty=faulty
    )
