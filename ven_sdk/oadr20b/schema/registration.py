"""EiRegisterParty, and the generic payloads oadrPoll and oadrResponse. Declarations
only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Optional

from ...enums import PROFILE_NAME, SERVICE_NAME, TRANSPORT_NAME
from ...schema import declarations as wire
from ...schema.common import Payload
from ...schema.element import element
from ...schema.items import Items
from ...schema.record import Record
from .responses import EiResponse, schema_version


@element
class Transport(Record):
    """One way to reach the VTN."""

    transport_name: str = wire.token("oadr:oadrTransportName", TRANSPORT_NAME.values)


@element
class Profile(Record):
    """A profile that the VTN speaks, and over which transports."""

    profile_name: str = wire.token("oadr:oadrProfileName", PROFILE_NAME.values)
    transports: Items[Transport] = wire.children(
        "oadr:oadrTransports/oadr:oadrTransport", Transport, at_least=1, default=()
    )


SIMPLE_HTTP_2_0B = Items(
    (Profile(profile_name="2.0b", transports=(Transport(transport_name="simpleHttp"),)),)
)
"""What a VTN offers at the least; the schema wants it in refusals too."""


@element
class Info(Record):
    """A key and a value, agreed out of band."""

    key: str = wire.text("oadr:oadrKey")
    value: str = wire.text("oadr:oadrValue", otherwise="")


@element
class ServiceInfo(Record):
    """What the VTN says about one service."""

    service_name: str = wire.token("oadr:oadrServiceName", SERVICE_NAME.values)
    infos: Items[Info] = wire.children("oadr:oadrInfo", Info, at_least=1, default=())


@element
class Extension(Record):
    """An extension that the VTN offers."""

    extension_name: str = wire.text("oadr:oadrExtensionName")
    infos: Items[Info] = wire.children("oadr:oadrInfo", Info, default=())


@element
class QueryRegistration(Payload):
    """VEN asks what the VTN offers, and for the IDs that it may have already."""

    wire_name = "oadrQueryRegistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")


@element
class CreatePartyRegistration(Payload):
    """VEN registers, or registers again with both IDs (rules R4 to R6)."""

    wire_name = "oadrCreatePartyRegistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    registration_id: Optional[str] = wire.text("ei:registrationID", optional=True, default=None)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
    profile_name: str = wire.token("oadr:oadrProfileName", PROFILE_NAME.values, default="2.0b")
    transport_name: str = wire.token(
        "oadr:oadrTransportName", TRANSPORT_NAME.values, default="simpleHttp"
    )
    transport_address: Optional[str] = wire.text(
        "oadr:oadrTransportAddress", optional=True, default=None
    )
    report_only: bool = wire.boolean("oadr:oadrReportOnly", default=False, otherwise=False)
    xml_signature: bool = wire.boolean("oadr:oadrXmlSignature", default=False, otherwise=False)
    ven_name: Optional[str] = wire.text("oadr:oadrVenName", optional=True, default=None)
    http_pull_model: Optional[bool] = wire.boolean(
        "oadr:oadrHttpPullModel", optional=True, default=True
    )


@element
class CreatedPartyRegistration(Payload):
    """The VTN's answer to a query or a registration. Without IDs the VEN is not registered (rule
    R3).
    """

    wire_name = "oadrCreatedPartyRegistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    registration_id: Optional[str] = wire.text("ei:registrationID", optional=True, default=None)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
    vtn_id: str = wire.text("ei:vtnID", otherwise="")
    profiles: Items[Profile] = wire.children(
        "oadr:oadrProfiles/oadr:oadrProfile",
        Profile,
        at_least=1,
        default=SIMPLE_HTTP_2_0B,
        vital=False,
    )
    requested_oadr_poll_freq: Optional[timedelta] = wire.duration(
        "oadr:oadrRequestedOadrPollFreq?/xcal:duration", default=None
    )
    service_specific_info: Items[ServiceInfo] = wire.children(
        "oadr:oadrServiceSpecificInfo?/oadr:oadrService", ServiceInfo, vital=False, default=()
    )
    extensions: Items[Extension] = wire.children(
        "oadr:oadrExtensions?/oadr:oadrExtension", Extension, vital=False, default=()
    )


@element
class CancelPartyRegistration(Payload):
    """Either side ends the registration."""

    wire_name = "oadrCancelPartyRegistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:requestID", otherwise="")
    registration_id: str = wire.text("ei:registrationID", otherwise="")
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class CanceledPartyRegistration(Payload):
    """Answer to a cancellation."""

    wire_name = "oadrCanceledPartyRegistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    registration_id: Optional[str] = wire.text("ei:registrationID", optional=True, default=None)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)


@element
class RequestReregistration(Payload):
    """The VTN wants the VEN to register again (rule R10)."""

    wire_name = "oadrRequestReregistration"
    service = "EiRegisterParty"
    schema_version: Optional[str] = schema_version()
    ven_id: str = wire.text("ei:venID", otherwise="")


@element
class Poll(Payload):
    """VEN asks for the next message."""

    wire_name = "oadrPoll"
    service = "OadrPoll"
    schema_version: Optional[str] = schema_version()
    ven_id: str = wire.text("ei:venID", otherwise="")


@element
class Response(Payload):
    """The general answer, of either side."""

    wire_name = "oadrResponse"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("ei:eiResponse", EiResponse)
    ven_id: Optional[str] = wire.text("ei:venID", optional=True, default=None)
