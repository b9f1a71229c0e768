"""Structures that several services share: payloads, targets, periods. Declarations only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Optional, Union

from ..enums import SIGNAL_TARGET_MRID
from ..errors import ConfigurationError
from . import declarations as wire
from .element import element
from .items import Items
from .record import Record, alias

_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_P = r"(?:[^\x00-\x20%\x7f\[\]?#/:@]|%[0-9A-Fa-f]{2})"
_PATH = rf"(?:{_P}|[/:@])*"
URI = (
    rf"(?:[A-Za-z][A-Za-z0-9+.-]*:(?://(?:(?:(?:{_P}|:)*@)?{_P}+(?::[0-9]{{1,5}})?)?(?:/{_PATH})?|(?!//){_PATH})"
    rf"|(?!//){_P}*(?:/{_PATH})?)(?:\?(?:{_P}|[/:@?])*)?(?:#(?:{_P}|[/:@?])*)?"
)
"""What validators take for an xs:anyURI (RFC 3986, other characters escaped), without IP
literals.
"""


class Payload(Record):
    """Base of the messages of a protocol."""

    __slots__ = ()
    wire_name: ClassVar[str] = ""
    """What the protocol calls it, such as ``oadrPoll``."""
    service: ClassVar[str] = ""
    """The service that the payload is sent to; empty for one that goes to any."""


@element
class AggregatedPNode(Record):
    """An aggregated pricing node."""

    node: str = wire.text("power:node", kw_only=False)


@element
class EndDeviceAsset(Record):
    """A device class, see ``enums.SIGNAL_TARGET_MRID``."""

    mrid: str = wire.text("power:mrid", kw_only=False)


@element
class MeterAsset(Record):
    """A meter."""

    mrid: str = wire.text("power:mrid", kw_only=False)


@element
class PNode(Record):
    """A pricing node."""

    node: str = wire.text("power:node", kw_only=False)


@element
class Polygon(Record):
    """A closed line of latitude and longitude pairs, one number after the other in ``positions``
    (gml:posList).
    """

    id: Optional[str] = wire.attribute("gml:id", default=None, pattern=_NAME)
    positions: Items[float] = wire.numbers("gml:exterior/gml:LinearRing/gml:posList", default=())


@element
class Location(Record):
    """Where an area lies."""

    polygon: Polygon = wire.child("gml:Polygon", Polygon)


@element
class FeatureCollection(Record):
    """An area on the map."""

    id: Optional[str] = wire.attribute("gml:id", default=None, pattern=_NAME)
    location: Location = wire.child("gml:location", Location)


@element
class ServiceArea(Record):
    """An area that is served."""

    feature_collection: FeatureCollection = wire.child(
        "gml:FeatureCollection", FeatureCollection, kw_only=False
    )


@element
class ServiceDeliveryPoint(Record):
    """Where the service is delivered."""

    node: str = wire.text("power:node", kw_only=False)


@element
class ServiceLocation(Record):
    """The place of a customer."""

    feature_collection: FeatureCollection = wire.child(
        "gml:FeatureCollection", FeatureCollection, kw_only=False
    )


@element
class TransportInterface(Record):
    """Where a transmission begins and ends."""

    point_of_receipt: str = wire.text("power:pointOfReceipt", kw_only=False)
    point_of_delivery: str = wire.text("power:pointOfDelivery", kw_only=False)


@element
class Target(Record):
    """One target: exactly one of the fields is given. On the wire targets are grouped by kind, in
    this order.
    """

    aggregated_p_node: Optional[AggregatedPNode] = wire.child(
        "power:aggregatedPnode", AggregatedPNode, optional=True, default=None
    )
    end_device_asset: Optional[EndDeviceAsset] = wire.child(
        "power:endDeviceAsset", EndDeviceAsset, optional=True, default=None
    )
    meter_asset: Optional[MeterAsset] = wire.child(
        "power:meterAsset", MeterAsset, optional=True, default=None
    )
    p_node: Optional[PNode] = wire.child("power:pnode", PNode, optional=True, default=None)
    service_area: Optional[ServiceArea] = wire.child(
        "emix:serviceArea", ServiceArea, optional=True, default=None
    )
    service_delivery_point: Optional[ServiceDeliveryPoint] = wire.child(
        "power:serviceDeliveryPoint",
        ServiceDeliveryPoint,
        optional=True,
        default=None,
    )
    service_location: Optional[ServiceLocation] = wire.child(
        "power:serviceLocation", ServiceLocation, optional=True, default=None
    )
    transport_interface: Optional[TransportInterface] = wire.child(
        "power:transportInterface", TransportInterface, optional=True, default=None
    )
    group_id: Optional[str] = wire.text("ei:groupID", optional=True, default=None)
    group_name: Optional[str] = wire.text("ei:groupName", optional=True, default=None)
    resource_id: Optional[str] = wire.text("ei:resourceID", optional=True, default=None)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
    party_id: Optional[str] = wire.text("ei:partyID", optional=True, default=None)

    if TYPE_CHECKING:  # for callers; the constructor is compiled from the fields

        def __init__(
            self,
            *,
            aggregated_p_node: Union[AggregatedPNode, Mapping[str, object], None] = None,
            end_device_asset: Union[EndDeviceAsset, Mapping[str, object], None] = None,
            meter_asset: Union[MeterAsset, Mapping[str, object], None] = None,
            p_node: Union[PNode, Mapping[str, object], None] = None,
            service_area: Union[ServiceArea, Mapping[str, object], None] = None,
            service_delivery_point: Union[ServiceDeliveryPoint, Mapping[str, object], None] = None,
            service_location: Union[ServiceLocation, Mapping[str, object], None] = None,
            transport_interface: Union[TransportInterface, Mapping[str, object], None] = None,
            group_id: Optional[str] = None,
            group_name: Optional[str] = None,
            resource_id: Optional[str] = None,
            ven_id: Optional[str] = None,
            party_id: Optional[str] = None,
        ) -> None: ...

    def after_init(self) -> None:
        """Refuse a target of no kind or of several. ``ConfigurationError`` for anything else."""
        given = list(self)
        if len(given) != 1:
            raise ConfigurationError(
                f"A Target has exactly one of {', '.join(self.fields)}; this one has "
                f"{', '.join(given) or 'none'}. Make one Target for each."
            )


DEVICE_CLASSES = tuple(map(str, SIGNAL_TARGET_MRID.values))


def device_class(name: str, mrid: str) -> Target:
    """The target for a device class: a well-known one, or one of one's own that begins with ``x-``.
    ``ConfigurationError``, which names the argument ``name``, for anything else.
    """
    if mrid not in DEVICE_CLASSES and not (mrid.startswith("x-") and mrid != "x-"):
        known = ", ".join(map(repr, DEVICE_CLASSES))
        raise ConfigurationError(
            f"{name} must be a name of your own that begins with 'x-', or one of {known}; not "
            f"{mrid!r}."
        )
    return Target(end_device_asset=EndDeviceAsset(mrid=mrid))


def by_type(targets: tuple[Target, ...]) -> dict[str, list[object]]:
    """Targets grouped by kind: ``{'resource_id': ['a', 'b'], ...}``."""
    grouped: dict[str, list[object]] = {}
    for target in targets:
        for kind, value in target.items():
            grouped.setdefault(kind, []).append(value)
    return grouped


@element
class Period(Record):
    """A stretch of time with its surroundings (xcal:properties). A ``duration`` of zero means that
    it has no end.

    ``tolerance`` is the startafter (rule E29). A negative ramp-up or recovery lies inside the
    period.
    """

    dtstart: datetime = wire.date_time("xcal:properties/xcal:dtstart/xcal:date-time")
    duration: timedelta = wire.duration("xcal:properties/xcal:duration/xcal:duration")
    tolerance: Optional[timedelta] = wire.duration(
        "xcal:properties/xcal:tolerance?/xcal:tolerate/xcal:startafter", optional=True, default=None
    )
    notification_period: Optional[timedelta] = wire.duration(
        "xcal:properties/ei:x-eiNotification?/xcal:duration", default=None
    )
    ramp_up_period: Optional[timedelta] = wire.duration(
        "xcal:properties/ei:x-eiRampUp?/xcal:duration", negative=True, default=None
    )
    recovery_period: Optional[timedelta] = wire.duration(
        "xcal:properties/ei:x-eiRecovery?/xcal:duration", negative=True, default=None
    )

    notification: ClassVar[alias[Optional[timedelta]]] = alias("notification_period")
    ramp_up: ClassVar[alias[Optional[timedelta]]] = alias("ramp_up_period")
    recovery: ClassVar[alias[Optional[timedelta]]] = alias("recovery_period")
