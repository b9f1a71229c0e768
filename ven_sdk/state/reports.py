"""What is remembered about reports: requests, samples not yet sent, messages not yet acknowledged.
Frozen values.

Samples of one moment are one row, packed as text (``services.report_readings`` knows how), so that
weeks of an outage stay small in memory and in the store.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from typing import Optional

from ..values import dataclass

Run = tuple[datetime, datetime]

ONCE, BLOCK, PERIODIC, CHANGE, ASKED = "once", "block", "periodic", "change", "asked"


@dataclass(frozen=True)
class RequestState:
    """One report request: the VTN's, or one of ours for a report of the VTN's (``kind`` is
    ``asked``).

    ``origin`` is the moment from which the raster counts; nothing is sampled before ``start`` or
    from ``end`` on (None: no limit). ``due`` is the next delivery, to which ``jitter`` is added;
    None when the last one has been made. ``runs`` are the stretches of moments that were sampled,
    ``last`` the last value sent of each data point, ``covered`` how far a range callback has been
    asked. ``singly`` is how the VTN turned out to want its intervals. A request with ``ended`` no
    longer runs: its samples wait for another that names their points.
    """

    report_request_id: str
    specifier: str
    r_ids: tuple[str, ...]
    kind: str
    granularity: timedelta
    back: timedelta
    created: datetime
    origin: datetime
    start: Optional[datetime] = None
    end: Optional[datetime] = None
    due: Optional[datetime] = None
    jitter: timedelta = timedelta(0)
    ended: Optional[datetime] = None
    runs: tuple[Run, ...] = ()
    last: dict[str, str] = field(default_factory=dict)
    covered: dict[str, datetime] = field(default_factory=dict)
    phase: str = ""
    singly: bool = False


@dataclass(frozen=True)
class SampleRow:
    """The values of one moment for one request: ``entries`` holds one for each of its ``r_ids``, in
    their order.
    """

    request: str
    at: datetime
    entries: str


@dataclass(frozen=True)
class Part:
    """One report of a message: the rows as they will be resent, gaps filled in."""

    request: str
    report_request_id: str
    specifier: str
    report_name: str
    r_ids: tuple[str, ...]
    granularity: timedelta
    rows: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True)
class Delivery:
    """One ``oadrUpdateReport`` that the VTN may have got: resent identically until it is
    acknowledged (T26).

    ``refusals`` counts the errors that the VTN gave it; it is not sent again before ``retry_at``. A
    ``parked`` one was refused so often that others go before it. ``singly`` gives every value an
    interval of its own: some VTNs fail over two in one.
    """

    request_id: str
    created: datetime
    ven_id: Optional[str]
    parts: tuple[Part, ...]
    refusals: int = 0
    retry_at: Optional[datetime] = None
    parked: bool = False
    singly: bool = False
