"""ven_sdk: a blocking, threaded OpenADR 2.0b client (VEN).

The public names; each is imported when it is first used, so that ``import ven_sdk`` costs what is
needed and no more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import enums, objects
    from .client import OpenADRClient
    from .errors import (
        ConfigurationError,
        HandlerError,
        LeaseLostError,
        PayloadError,
        ProtocolError,
        SecurityError,
        StateError,
        StoreError,
        TransportError,
        VenError,
    )
    from .events.queries import ScheduleRow
    from .fleet import Fleet, FleetStatus
    from .log import enable_default_logging
    from .members import FleetMember
    from .members.sites import Site, SiteTable
    from .oadr20b.state.opts import OptState
    from .runtime.status import Health, Status
    from .security.fingerprint import certificate_fingerprint
    from .state.leases import slot_of
    from .state.store import Store
    from .usercode.decisions import DEFER
    from .ven import Ven

logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "OpenADRClient": "client",
    "Fleet": "fleet",
    "FleetStatus": "fleet",
    "Ven": "ven",
    "Status": "runtime.status",
    "Health": "runtime.status",
    "ScheduleRow": "events.queries",
    "OptState": "oadr20b.state.opts",
    "Store": "state.store",
    "FleetMember": "members",
    "Site": "members.sites",
    "SiteTable": "members.sites",
    "slot_of": "state.leases",
    "DEFER": "usercode.decisions",
    "enable_default_logging": "log",
    "certificate_fingerprint": "security.fingerprint",
    "enums": "",
    "objects": "",
    **dict.fromkeys(
        (
            "VenError",
            "ConfigurationError",
            "TransportError",
            "SecurityError",
            "PayloadError",
            "ProtocolError",
            "HandlerError",
            "StateError",
            "StoreError",
            "LeaseLostError",
        ),
        "errors",
    ),
}

__all__ = [
    "DEFER",
    "ConfigurationError",
    "Fleet",
    "FleetStatus",
    "Health",
    "OptState",
    "ScheduleRow",
    "Status",
    "Store",
    "Ven",
    "FleetMember",
    "Site",
    "SiteTable",
    "slot_of",
    "HandlerError",
    "LeaseLostError",
    "OpenADRClient",
    "PayloadError",
    "ProtocolError",
    "SecurityError",
    "StateError",
    "StoreError",
    "TransportError",
    "VenError",
    "__version__",
    "certificate_fingerprint",
    "enable_default_logging",
    "enums",
    "objects",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from .near_names import missing_name

        raise missing_name(__name__, name, __all__)
    from importlib import import_module

    home = _HOMES[name]
    if home == "errors":  # whose constructors are to answer mistyped arguments, too
        import_module(".argument_names", __name__)
    value = (
        getattr(import_module(f".{home}", __name__), name)
        if home
        else import_module(f".{name}", __name__)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
