"""What is remembered about reports: requests and samples not yet sent (stored); and what is being
collected, asked and counted (volatile). Frozen values, one row of a table each.

Samples of one moment are one row, packed as text (``points/entries.py`` knows how), so that weeks
of an outage stay small in memory and in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Optional

from ..schema.points import Key

Run = tuple[datetime, datetime]

ONCE, BLOCK, PERIODIC, CHANGE, ASKED = "once", "block", "periodic", "change", "asked"
CATALOGUE = "catalogue"


@dataclass(frozen=True)
class RequestState:
    """One report request: the VTN's, or our own for a report of the VTN (``kind`` is
    ``asked``).

    ``kind``: ``once`` (one report of now), ``block`` (one of a span of the past), ``periodic``,
    ``change`` (periodic, with what changed), ``catalogue`` (the catalogue itself, periodically).
    ``origin`` is the moment from which sampling and deliveries are counted; nothing is sampled
    before ``start`` or from ``end`` on (None: no limit). ``due`` is the next delivery, to which
    ``jitter`` is added; None when the last one has been made. ``runs`` are the stretches of moments
    that were sampled, ``last`` the last value sent of each data point, ``covered`` how far a range
    callback has been asked. ``singly`` is how the VTN turned out to want its intervals.
    ``prompt``: each report holds the sample of its own moment. ``first`` is the begin of a series
    that began a moment before the request came: it is sampled all the same. ``spared``: the
    catalogue that is about to go out does not end it (T9). ``final``: its next delivery is the last
    (T29). A request with ``ended`` no longer runs: its samples wait for another that names their
    points.
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
    prompt: bool = False
    first: Optional[datetime] = None
    spared: bool = False
    final: bool = False


@dataclass(frozen=True)
class SampleRow:
    """The values of one moment for one request: ``entries`` holds one for each of its ``r_ids``, in
    their order.
    """

    request: str
    at: datetime
    entries: str


# --- volatile -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sampling:
    """The collection of one moment, for all requests that want it. It lives while callbacks have
    not returned.

    ``is_written``: its values stand in rows, those of ``written`` requests; a later one joins them.
    """

    moment: datetime
    deadline: datetime
    waiting: frozenset[Key]
    values: Mapping[Key, str]
    requests: tuple[str, ...]
    is_written: bool = False
    written: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RangeQuery:
    """A range callback that was asked for ``[start, stop)``. ``samples`` is what it gave, None
    while it runs or failed.
    """

    request: str
    point: Key
    start: datetime
    stop: datetime
    since: datetime
    samples: Optional[tuple[tuple[datetime, str], ...]] = None
    failed: bool = False
    tries: int = 0


class LastValue(NamedTuple):
    """The newest value of a data point: a one-shot in the same second shares it."""

    at: datetime
    entry: str


@dataclass(frozen=True)
class SampleCounts:
    """What happened to samples since the start of the process. ``late``: returned after their
    report had gone out.
    """

    taken: int = 0
    gaps: int = 0
    late: int = 0
    dropped: int = 0
    delivered: int = 0
    messages: int = 0
