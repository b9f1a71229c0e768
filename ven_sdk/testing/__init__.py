"""The test kit: ``LocalVTN`` and its faults, ``ManualClock``, throw-away certificates, a suite for
stores.

Names are imported when they are first used, so that the pytest plugin costs a test run nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import pki as pki
    from .clock import ManualClock
    from .vtn.events import EventAnswer
    from .vtn.fault import Fault
    from .vtn.faults import (
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
    from .vtn.journal import NotSeen, Received
    from .vtn.local_vtn import LocalVTN
    from .vtn.push_faults import PushFault
    from .vtn.pusher import Pushed
    from .vtn.reply import Raw, Reply
    from .vtn.reports import Double, ReportSample, ReportWish
    from .vtn.trust import ClientCert
    from .vtn.wire import Violation

_HOMES = {
    "vtn.local_vtn": ("LocalVTN",),
    "clock": ("ManualClock",),
    "vtn.fault": ("Fault",),
    "vtn.faults": (
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
    "vtn.journal": ("NotSeen", "Received"),
    "vtn.push_faults": ("PushFault",),
    "vtn.pusher": ("Pushed",),
    "vtn.reply": ("Raw", "Reply"),
    "vtn.reports": ("Double", "ReportSample", "ReportWish"),
    "vtn.events": ("EventAnswer",),
    "vtn.trust": ("ClientCert",),
    "vtn.wire": ("Violation",),
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
    "PushFault",
    "Pushed",
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


def __getattr__(name: str) -> object:
    if name == "pki":
        return import_module(f"{__name__}.pki")
    if name not in _HOME:
        from ..near_names import missing_name

        raise missing_name(__name__, name, __all__)
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
