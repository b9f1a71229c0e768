"""The records that users read and write, under the names that users of openleadr know, and
``Sample``. Values only.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from .oadr20b.schema.events import (
    CreatedEvent,
    DistributeEvent,
    EventResponse,
    FaultyEvent,
    RequestEvent,
)
from .oadr20b.schema.opt import (
    CanceledOpt,
    CancelOpt,
    CreatedOpt,
    CreateOpt,
    Vavailability,
    VavailabilityComponent,
)
from .oadr20b.schema.registration import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    CreatedPartyRegistration,
    CreatePartyRegistration,
    Extension,
    Info,
    Poll,
    Profile,
    QueryRegistration,
    RequestReregistration,
    Response,
    ServiceInfo,
    Transport,
)
from .oadr20b.schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    FaultyReport,
    FaultyRequest,
    RegisteredReport,
    RegisterReport,
    Report,
    ReportInterval,
    ReportPeriod,
    ReportRequest,
    ReportSpecifier,
    SpecifierPayload,
    UpdatedReport,
    UpdateReport,
)
from .oadr20b.schema.responses import EiResponse
from .points.entries import check_sample
from .schema import declarations as wire
from .schema.common import (
    AggregatedPNode,
    EndDeviceAsset,
    FeatureCollection,
    Location,
    MeterAsset,
    Period,
    PNode,
    Polygon,
    ServiceArea,
    ServiceDeliveryPoint,
    ServiceLocation,
    Target,
    TransportInterface,
)
from .schema.element import element
from .schema.events import (
    ActivePeriod,
    Event,
    EventBaseline,
    EventDescriptor,
    EventSignal,
    Interval,
)
from .schema.points import (
    LoadControlState,
    ReportDescription,
    ReportPayload,
    ResourceStatus,
    SamplingRate,
)
from .schema.record import Record
from .schema.units import Measurement, PowerAttributes

Opt = CreateOpt
"""openleadr's name of what :meth:`~ven_sdk.OpenADRClient.create_opt` sends and ``client.opts``
lists as ``record``.
"""

__all__ = [
    "ActivePeriod",
    "AggregatedPNode",
    "CancelOpt",
    "CancelPartyRegistration",
    "CancelReport",
    "CanceledOpt",
    "CanceledPartyRegistration",
    "CanceledReport",
    "CreateOpt",
    "CreatePartyRegistration",
    "CreateReport",
    "CreatedEvent",
    "CreatedOpt",
    "CreatedPartyRegistration",
    "CreatedReport",
    "DistributeEvent",
    "EiResponse",
    "EndDeviceAsset",
    "Event",
    "EventBaseline",
    "EventDescriptor",
    "EventResponse",
    "EventSignal",
    "Extension",
    "FaultyEvent",
    "FaultyReport",
    "FaultyRequest",
    "FeatureCollection",
    "Info",
    "Interval",
    "LoadControlState",
    "Location",
    "Measurement",
    "MeterAsset",
    "Opt",
    "PNode",
    "Period",
    "Poll",
    "Polygon",
    "PowerAttributes",
    "Profile",
    "QueryRegistration",
    "Record",
    "RegisterReport",
    "RegisteredReport",
    "Report",
    "ReportDescription",
    "ReportInterval",
    "ReportPayload",
    "ReportPeriod",
    "ReportRequest",
    "ReportSpecifier",
    "RequestEvent",
    "RequestReregistration",
    "ResourceStatus",
    "Response",
    "Sample",
    "SamplingRate",
    "ServiceArea",
    "ServiceDeliveryPoint",
    "ServiceInfo",
    "ServiceLocation",
    "SpecifierPayload",
    "Target",
    "Transport",
    "TransportInterface",
    "UpdateReport",
    "UpdatedReport",
    "Vavailability",
    "VavailabilityComponent",
]


@element
class Sample(Record):
    """One value that a report callback returns: what was measured, when (default: the synchronised
    moment), how well.

    ``confidence`` is a percentage, ``accuracy`` has the unit of the value, ``data_quality`` is one
    of ``enums.DATA_QUALITY`` or an ``x-`` token.
    """

    value: Any = wire.unwired_value(object, compare=True, kw_only=False)
    at: Optional[datetime] = wire.unwired_field(
        hidden=False, compare=True, default=None, kw_only=False
    )
    confidence: Optional[int] = wire.unwired_field(
        hidden=False, compare=True, default=None, kw_only=False
    )
    accuracy: Optional[float] = wire.unwired_field(
        hidden=False, compare=True, default=None, kw_only=False
    )
    data_quality: Optional[str] = wire.unwired_field(
        hidden=False, compare=True, default=None, kw_only=False
    )

    def after_init(self) -> None:
        """Refuse what no report can hold. ``ConfigurationError`` says which, and why."""
        check_sample(self)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from .near_names import missing_name

        raise missing_name(__name__, name, __all__)
