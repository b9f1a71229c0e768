"""The texts of a VTN, without the SDK's codec: messages are written as text and read by their
element names.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.durability.raw_vtn import NAMESPACES, stamp
from tests.durability.raw_vtn import response as ei_response


def payload(name: str, inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><oadr:oadrPayload {NAMESPACES}>'
        f'<oadr:oadrSignedObject><oadr:{name} ei:schemaVersion="2.0b">{inside}</oadr:{name}>'
        "</oadr:oadrSignedObject></oadr:oadrPayload>"
    ).encode()


def report_request(name: str, specifier: str, r_id: str, granularity: int, back: int) -> str:
    return (
        f"<oadr:oadrReportRequest><ei:reportRequestID>{name}</ei:reportRequestID>"
        f"<ei:reportSpecifier><ei:reportSpecifierID>{specifier}</ei:reportSpecifierID>"
        f"<xcal:granularity><xcal:duration>PT{granularity}S</xcal:duration>"
        "</xcal:granularity><ei:reportBackDuration>"
        f"<xcal:duration>PT{back}S</xcal:duration></ei:reportBackDuration>"
        f"<ei:specifierPayload><ei:rID>{r_id}</ei:rID>"
        "<ei:readingType>x-notApplicable</ei:readingType></ei:specifierPayload>"
        "</ei:reportSpecifier></oadr:oadrReportRequest>"
    )


def plain_response(request_id: str = "", code: str = "200") -> bytes:
    return payload("oadrResponse", ei_response(request_id, code))


@functools.cache
def _element(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(?:\w+:)?{name}(?: [^<>]*)?>([^<]*)</")


def texts(name: str, body: str) -> list[str]:
    """The texts of all elements of that local name."""
    return _element(name).findall(body) if name in body else []


def first(name: str, body: str) -> str:
    found = _element(name).search(body) if name in body else None
    return found[1] if found else ""


@dataclass
class VTNEvent:
    """One event of the VTN's, changed in place."""

    event_id: str
    start: datetime
    seconds: int
    level: int = 1
    modification: int = 0
    cancelled: bool = False

    def xml(self, now: datetime) -> str:
        end = self.start + timedelta(seconds=self.seconds)
        status = "far" if now < self.start else "active" if now < end else "completed"
        length = f"PT{self.seconds}S"
        return (
            "<oadr:oadrEvent><ei:eiEvent><ei:eventDescriptor>"
            f"<ei:eventID>{self.event_id}</ei:eventID>"
            f"<ei:modificationNumber>{self.modification}</ei:modificationNumber>"
            "<ei:eiMarketContext><emix:marketContext>http://m</emix:marketContext>"
            f"</ei:eiMarketContext><ei:createdDateTime>{stamp(self.start)}</ei:createdDateTime>"
            f"<ei:eventStatus>{'cancelled' if self.cancelled else status}</ei:eventStatus>"
            "</ei:eventDescriptor><ei:eiActivePeriod><xcal:properties><xcal:dtstart>"
            f"<xcal:date-time>{stamp(self.start)}</xcal:date-time></xcal:dtstart><xcal:duration>"
            f"<xcal:duration>{length}</xcal:duration></xcal:duration></xcal:properties>"
            "<xcal:components/></ei:eiActivePeriod><ei:eiEventSignals><ei:eiEventSignal>"
            f"<strm:intervals><ei:interval><xcal:duration><xcal:duration>{length}</xcal:duration>"
            "</xcal:duration><xcal:uid><xcal:text>0</xcal:text></xcal:uid><ei:signalPayload>"
            f"<ei:payloadFloat><ei:value>{self.level}</ei:value></ei:payloadFloat>"
            "</ei:signalPayload></ei:interval></strm:intervals>"
            "<ei:signalName>SIMPLE</ei:signalName><ei:signalType>level</ei:signalType>"
            "<ei:signalID>s</ei:signalID></ei:eiEventSignal></ei:eiEventSignals><ei:eiTarget/>"
            "</ei:eiEvent><oadr:oadrResponseRequired>always</oadr:oadrResponseRequired>"
            "</oadr:oadrEvent>"
        )


def profiles() -> str:
    return (
        "<oadr:oadrProfiles><oadr:oadrProfile><oadr:oadrProfileName>2.0b</oadr:oadrProfileName>"
        "<oadr:oadrTransports><oadr:oadrTransport><oadr:oadrTransportName>simpleHttp"
        "</oadr:oadrTransportName></oadr:oadrTransport></oadr:oadrTransports></oadr:oadrProfile>"
        "</oadr:oadrProfiles>"
    )
