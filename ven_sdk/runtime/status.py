"""What a client tells about itself: counters that the engine keeps, and the snapshot that
``client.status`` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Optional

from ..argument_names import checked_value
from ..errors import VenError
from ..presentation import Presentable
from .workers import Running


class Counters:
    """Numbers of one VEN since it was made. Written by exchange threads; a reader may be one
    exchange behind.
    """

    __slots__ = ("exchanges", "failures", "last_error", "last_error_at", "last_poll", "polls")

    def __init__(self) -> None:
        self.exchanges: int = 0
        self.failures: int = 0
        self.polls: int = 0
        self.last_poll: Optional[datetime] = None
        self.last_error: Optional[VenError] = None
        self.last_error_at: Optional[datetime] = None

    def count(self, was_poll: bool, error: Optional[VenError], now: datetime) -> None:
        """Count one exchange."""
        self.exchanges += 1
        if error is not None:
            self.failures += 1
        elif was_poll:
            self.polls += 1
            self.last_poll = now


@checked_value
@dataclass(frozen=True)
class ServiceStatus:
    """How one service of the VTN is: ``state`` is ``ok``, ``failing``, or ``missing`` where the VTN
    does not offer it; ``since`` (aware UTC) and ``error`` say since when and with what.
    """

    state: str = "ok"
    since: Optional[datetime] = None
    error: Optional[VenError] = None

    def describe(self, name: str) -> str:
        """A sentence about a service that is not well."""
        if self.state == "missing":
            return f"The VTN does not offer {name}: {self.error}"
        return f"{name} of the VTN fails since {self.since:%Y-%m-%d %H:%M:%S} UTC: {self.error}"


@checked_value
@dataclass(frozen=True)
class Status(Presentable):
    """A client at one moment. Times are aware UTC, durations timedeltas.

    Attributes:
        state: ``stopped``, ``connecting`` (not yet registered), ``registered`` or ``unregistered``
            (cancelled).
        since: since when it is registered, or not.
        last_poll: the last poll that the VTN answered.
        last_error: what went wrong last, or None.
        last_error_at: when that was.
        counters: numbers since the client was made: exchanges, failures, polls, samples ...
        queues: how much waits: answers, samples, calls of handlers ...
        stuck: user code that does not return, and for how long.
        clock_offset: how far the VTN's clock is ahead of this machine's.
        services: for each service of the VTN whether it works (:class:`ServiceStatus`).
        certificates: when the certificates in use end: ``own``, ``ca_file`` (the first of several),
            ``vtn_tls`` and ``vtn_signing``, as far as they are known.
    """

    state: str
    since: Optional[datetime]
    last_poll: Optional[datetime]
    last_error: Optional[VenError]
    last_error_at: Optional[datetime]
    counters: dict[str, int] = field(default_factory=dict)
    queues: dict[str, int] = field(default_factory=dict)
    stuck: tuple[Running, ...] = ()
    clock_offset: timedelta = timedelta(0)
    services: dict[str, ServiceStatus] = field(default_factory=dict)
    certificates: dict[str, datetime] = field(default_factory=dict)


@checked_value
@dataclass(frozen=True)
class Health(Presentable):
    """Whether all is well with a client.

    Attributes:
        ok: True where nothing is wrong.
        problems: a sentence for everything that is wrong.
        facts: state, last poll, counters, queue lengths.
    """

    ok: bool
    problems: tuple[str, ...]
    facts: dict[str, Any]

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold, for a health page: times as ISO 8601 text, durations in
        seconds.
        """
        return {
            "ok": self.ok,
            "problems": list(self.problems),
            "facts": {name: _to_plain(fact) for name, fact in self.facts.items()},
        }


def _to_plain(fact: object) -> object:
    if isinstance(fact, datetime):
        return fact.isoformat()
    return fact.total_seconds() if isinstance(fact, timedelta) else fact
