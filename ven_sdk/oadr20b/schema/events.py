"""EiEvent: the payloads that carry events and answer them. An event itself is what all profiles
share: :mod:`ven_sdk.schema.events`. Declarations only.
"""

from __future__ import annotations

from typing import Optional

from ...enums import OPT
from ...errors import PayloadError
from ...schema import declarations as wire
from ...schema.common import Payload
from ...schema.element import element
from ...schema.events import Event
from ...schema.items import Items
from ...schema.record import Record
from .responses import RESPONSE_CODE, EiResponse, schema_version


@element
class FaultyEvent(Record):
    """An event that could not be read: what is known of it, as far as it could be, and why."""

    event_id: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    modification_number: Optional[int] = wire.unwired_field(
        hidden=False, compare=True, default=None
    )
    event_status: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    market_context: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    test_event: Optional[bool] = wire.unwired_field(hidden=False, compare=True, default=None)
    response_required: Optional[str] = wire.unwired_field(hidden=False, compare=True, default=None)
    error: PayloadError = wire.unwired_value(PayloadError)

    @property
    def is_cancellation(self) -> bool:
        """Whether it says which event is cancelled, which is all that a cancellation needs (E8)."""
        return (
            self.event_status == "cancelled"
            and self.event_id is not None
            and self.modification_number is not None
        )


@element
class RequestEvent(Payload):
    """VEN asks for its events. With a ``reply_limit`` the answer is not the complete list."""

    wire_name = "oadrRequestEvent"
    service = "EiEvent"
    schema_version: Optional[str] = schema_version()
    request_id: str = wire.text("pyld:eiRequestEvent/pyld:requestID", otherwise="")
    ven_id: str = wire.text("pyld:eiRequestEvent/ei:venID", otherwise="")
    reply_limit: Optional[int] = wire.integer(
        "pyld:eiRequestEvent/pyld:replyLimit", optional=True, default=None
    )


@element
class DistributeEvent(Payload):
    """The VTN's complete list of events (rule E1). ``faulty`` tells of those that could not be
    read.
    """

    wire_name = "oadrDistributeEvent"
    service = "EiEvent"
    schema_version: Optional[str] = schema_version()
    response: Optional[EiResponse] = wire.child(
        "ei:eiResponse", EiResponse, optional=True, default=None
    )
    request_id: str = wire.text("pyld:requestID", otherwise="")
    vtn_id: str = wire.text("ei:vtnID", otherwise="")
    events: Items[Event] = wire.children("oadr:oadrEvent", Event, faulty="faulty", default=())
    faulty: Items[FaultyEvent] = wire.unwired_items(FaultyEvent, default=())


@element
class EventResponse(Record):
    """The answer to one event; ``request_id`` is the top-level one of the list that it came in
    (rule E20).
    """

    response_code: str = wire.text("ei:responseCode", pattern=RESPONSE_CODE, default="200")
    response_description: Optional[str] = wire.text(
        "ei:responseDescription", optional=True, default=None
    )
    request_id: str = wire.text("pyld:requestID", otherwise="")
    event_id: str = wire.text("ei:qualifiedEventID/ei:eventID")
    modification_number: int = wire.integer("ei:qualifiedEventID/ei:modificationNumber")
    opt_type: str = wire.token("ei:optType", OPT.values, refused=True)


@element
class CreatedEvent(Payload):
    """VEN answers events. Its ``response.request_id`` is empty when there are ``event_responses``
    (rule E20).
    """

    wire_name = "oadrCreatedEvent"
    service = "EiEvent"
    schema_version: Optional[str] = schema_version()
    response: EiResponse = wire.child("pyld:eiCreatedEvent/ei:eiResponse", EiResponse)
    event_responses: Items[EventResponse] = wire.children(
        "pyld:eiCreatedEvent/ei:eventResponses?/ei:eventResponse",
        EventResponse,
        vital=False,
        default=(),
    )
    ven_id: str = wire.text("pyld:eiCreatedEvent/ei:venID", otherwise="")
