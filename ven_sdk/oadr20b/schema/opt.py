"""EiOpt: availability schedules and opts of resources. Declarations only."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ...enums import OPT, OPT_REASON
from ...schema import declarations as wire
from ...schema.common import URI, Payload, Period, Target, by_type
from ...schema.element import element
from ...schema.items import Items
from ...schema.record import Record, view
from .responses import EiResponse, schema_version


@element
class VavailabilityComponent(Period):
    """One window of a schedule."""


@element
class Vavailability(Record):
    """A schedule: the windows that an opt is for."""

    components: Items[VavailabilityComponent] = wire.children(
        "xcal:components/xcal:available", VavailabilityComponent, default=()
    )


@element
class CreateOpt(Payload):
    """An opt for a schedule (``vavailability``) or for one event (``event_id`` and
    ``modification_number``).
    """

    wire_name = "oadrCreateOpt"
    service = "EiOpt"
    schema_version: Optional[str] = schema_version()
    opt_id: str = wire.text("ei:optID", otherwise="")
    opt_type: str = wire.token("ei:optType", OPT.values, refused=True)
    opt_reason: str = wire.token("ei:optReason", OPT_REASON.values, extensible=True)
    market_context: Optional[str] = wire.text(
        "emix:marketContext", optional=True, pattern=URI, default=None
    )
    ven_id: str = wire.text("ei:venID", otherwise="")
    vavailability: Optional[Vavailability] = wire.child(
        "xcal:vavailability", Vavailability, optional=True, default=None
    )
    created_date_time: Optional[datetime] = wire.date_time("ei:createdDateTime", otherwise=None)
    request_id: str = wire.text("pyld:requestID", otherwise="")
    event_id: Optional[str] = wire.text("ei:qualifiedEventID?/ei:eventID", default=None)
    modification_number: Optional[int] = wire.integer(
        "ei:qualifiedEventID?/ei:modificationNumber", default=None
    )
    targets: Items[Target] = wire.targets("ei:eiTarget", Target, default=())
    device_class: Items[Target] = wire.targets("oadr:oadrDeviceClass?", Target, default=())

    @view
    def targets_by_type(self) -> dict[str, list[object]]:
        """The targets grouped by kind."""
        return by_type(self.targets)

    @view
    def signal_target_mrid(self) -> Optional[str]:
        """The device class that the opt is limited to, or None."""
        for target in self.device_class:
            if target.end_device_asset is not None:
                return target.end_device_asset.mrid
        return None


@element
class CreatedOpt(Payload):
    """The VTN took note of an opt."""

    wire_name = "oadrCreatedOpt"
    service = "EiOpt"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    opt_id: str = wire.text("ei:optID", otherwise="")


@element
class CancelOpt(Payload):
    """VEN withdraws an opt."""

    wire_name = "oadrCancelOpt"
    service = "EiOpt"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    opt_id: str = wire.text("ei:optID", otherwise="")
    ven_id: str = wire.text("ei:venID", otherwise="")


@element
class CanceledOpt(Payload):
    """The VTN's answer to that."""

    wire_name = "oadrCanceledOpt"
    service = "EiOpt"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    opt_id: Optional[str] = wire.text("ei:optID", optional=True, default=None)
