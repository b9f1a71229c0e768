"""The test kit: ``LocalVTN`` and its faults, ``ManualClock``, throw-away certificates, a suite for
stores.

Names are imported when they are first used, so that the pytest plugin costs a test run nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from .clock import ManualClock
    from .local_vtn import LocalVTN
    from .vtn_events import EventAnswer
    from .vtn_fault import Fault
    from .vtn_faults import (
        Answer,
        BadXml,
        Down,
        Drip,
        InTurn,
        Refuse,
        Replay,
        Reset,
        Slow,
        Stalled,
        Status,
    )
    from .vtn_journal import NotSeen, Received
    from .vtn_reply import Raw, Reply
    from .vtn_reports import Double, ReportSample, ReportWish
    from .vtn_trust import ClientCert
    from .vtn_wire import Violation

_HOMES = {
    "local_vtn": ("LocalVTN",),
    "clock": ("ManualClock",),
    "vtn_fault": ("Fault",),
    "vtn_faults": (
        "Answer",
        "BadXml",
        "Down",
        "Drip",
        "InTurn",
        "Refuse",
        "Replay",
        "Reset",
        "Slow",
        "Stalled",
        "Status",
    ),
    "vtn_journal": ("NotSeen", "Received"),
    "vtn_reply": ("Raw", "Reply"),
    "vtn_reports": ("Double", "ReportSample", "ReportWish"),
    "vtn_events": ("EventAnswer",),
    "vtn_trust": ("ClientCert",),
    "vtn_wire": ("Violation",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "BadXml",
    "ClientCert",
    "Double",
    "Down",
    "Drip",
    "EventAnswer",
    "Fault",
    "InTurn",
    "LocalVTN",
    "ManualClock",
    "NotSeen",
    "Raw",
    "Received",
    "Refuse",
    "Replay",
    "Reply",
    "ReportSample",
    "ReportWish",
    "Reset",
    "Slow",
    "Stalled",
    "Status",
    "Violation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
