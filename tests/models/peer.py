"""A VTN of text that answers whatever it is told to, at the place of the network.

Nothing here is the SDK's codec: messages are read by their element names and written as text. Each
exchange is answered right, or by one of :data:`REPLIES`; what the VTN took in is remembered in
``record`` as a real VTN would, also when its answer was lost.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Callable, Optional

from ven_sdk.errors import TransportError
from ven_sdk.transport.failures import rejection
from ven_sdk.transport.sessions import Reply

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "oadr": "http://openadr.org/oadr-2.0b/2012/07",
        "ei": "http://docs.oasis-open.org/ns/energyinterop/201110",
        "pyld": "http://docs.oasis-open.org/ns/energyinterop/201110/payloads",
        "xcal": "urn:ietf:params:xml:ns:icalendar-2.0",
        "strm": "urn:ietf:params:xml:ns:icalendar-2.0:stream",
        "emix": "http://docs.oasis-open.org/ns/emix/2011/06",
    }.items()
)

SERVICES = ("EiRegisterParty", "EiEvent", "EiReport", "EiOpt", "OadrPoll")
STATUSES = (
    *(201, 204, 301, 302, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 418, 429),
    *(500, 501, 502, 503, 504),
)
CODES = ("450", "451", "452", "453", "454", "459", "460", "461", "462", "463", "469", "500")

TAKES = 0.02
"""Seconds that an exchange takes."""
REPLIES = (
    "right",
    "right, but lost",
    "no answer",
    "refused connection",
    "empty",
    "blank",
    "unreadable",
    "no payload",
    "wrong type",
    "plain response",
    "without IDs",
    *(f"code {code}" for code in CODES),
    *(f"status {status}" for status in STATUSES),
    "status 503 after 5",
    "status 503 after 600",
    "status 429 after 30",
    "status 503 after 100000",
)


def payload(name: str, inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><oadr:oadrPayload {NAMESPACES}>'
        f'<oadr:oadrSignedObject><oadr:{name} ei:schemaVersion="2.0b">{inside}</oadr:{name}>'
        "</oadr:oadrSignedObject></oadr:oadrPayload>"
    ).encode()


def ei_response(request_id: str = "", code: str = "200") -> str:
    return (
        f"<ei:eiResponse><ei:responseCode>{code}</ei:responseCode>"
        f"<pyld:requestID>{request_id}</pyld:requestID></ei:eiResponse>"
    )


def plain_response(request_id: str = "", code: str = "200") -> bytes:
    return payload("oadrResponse", ei_response(request_id, code))


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def texts(name: str, body: str) -> list[str]:
    """The texts of all elements of that local name."""
    return re.findall(rf"<(?:\w+:)?{name}(?: [^<>]*)?>([^<]*)</", body)


def first(name: str, body: str) -> str:
    found = texts(name, body)
    return found[0] if found else ""


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


@dataclass
class Record:
    """What the VTN knows of its VEN."""

    registration: int = 0
    registered: bool = False
    opts: set[str] = field(default_factory=set)
    answers: dict[tuple[str, int], str] = field(default_factory=dict)
    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    catalogue: list[str] = field(default_factory=list)


class PeerVTN:
    """Answers by ``behaviour``: for a message's name (or a service, or '') which reply, and for how
    many messages. ``wish`` is (granularity, report back duration) in seconds of the reports that it
    asks for, or None.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        pass_time: Callable[[float], object],
    ) -> None:
        self._now, self._monotonic, self._pass_time = now, monotonic, pass_time
        self.behaviour: dict[str, tuple[str, float]] = {}
        self.record = Record()
        self.events: dict[str, VTNEvent] = {}
        self.queue: deque[str] = deque()
        self.sent: list[tuple[float, str, str]] = []
        self.wish: Optional[tuple[int, int]] = None
        self.serial = 0
        self.vtn_id = "vtn"

    # --- the network ------------------------------------------------------------------------------

    def post(self, url: str, body: bytes) -> Reply:
        """What the transport does for one message: a reply, or its error."""
        text, service = body.decode(), url.rpartition("/")[2]
        name = re.findall(r"<(?:\w+:)?(oadr(?!Payload|SignedObject)\w+)", text)[0]
        how = self._how(name, service)
        self.sent.append((self._monotonic(), name, how))
        self._pass_time(TAKES)
        if how == "no answer":
            raise TransportError(f"POST {url} failed: nothing came back (timeout).")
        if how == "refused connection":
            raise TransportError(f"POST {url} failed: no connection.", delivered=False)
        if how.startswith("status "):
            status, _, after = how[7:].partition(" after ")
            headers = {"Retry-After": after} if after else {}
            if status == "204":
                return Reply(204, b"", None, 0.01)
            raise rejection(int(status), "", headers, url)
        reply = self._deviant(how, name, text)
        if reply is not None:
            return Reply(200, reply, None, 0.01)
        right = self.answer(name, text)
        if how == "right, but lost":
            raise TransportError(f"POST {url} failed: the connection broke.")
        return Reply(200, right, None, 0.01)

    def _how(self, name: str, service: str) -> str:
        for key in (name, service, ""):
            how, left = self.behaviour.get(key, ("", 0.0))
            if how:
                self.behaviour[key] = (how, left - 1)
                if left <= 1:
                    del self.behaviour[key]
                return how
        return "right"

    def _deviant(self, how: str, name: str, text: str) -> Optional[bytes]:
        request_id = first("requestID", text)
        if how.startswith("code "):
            return self._coded(how[5:], name, text)
        return {
            "empty": b"",
            "blank": b" \n",
            "unreadable": b"<html><body>It works!</body></html>",
            "no payload": b"<oadr:oadrPayload " + NAMESPACES.encode() + b"/>",
            "wrong type": payload(
                "oadrCanceledOpt", ei_response(request_id) + "<ei:optID>x</ei:optID>"
            ),
            "plain response": plain_response(request_id),
            "without IDs": payload(
                "oadrCreatedPartyRegistration", ei_response(request_id) + _profiles()
            ),
        }.get(how)

    def _coded(self, code: str, name: str, text: str) -> bytes:
        """A refusal, in the payload that belongs to the message."""
        if code == "463":
            self.record.registered = False
        kind = {
            "oadrQueryRegistration": "oadrCreatedPartyRegistration",
            "oadrCreatePartyRegistration": "oadrCreatedPartyRegistration",
            "oadrCancelPartyRegistration": "oadrCanceledPartyRegistration",
            "oadrRegisterReport": "oadrRegisteredReport",
            "oadrUpdateReport": "oadrUpdatedReport",
        }.get(name, "oadrResponse")
        more = _profiles() if kind == "oadrCreatedPartyRegistration" else ""
        return payload(kind, ei_response(first("requestID", text), code) + more)

    # --- right answers ----------------------------------------------------------------------------

    def answer(self, name: str, text: str) -> bytes:
        """The right answer, after the message was taken in."""
        method = getattr(self, f"_{name}", None)
        if method is not None:
            return bytes(method(text))
        return plain_response(first("requestID", text))

    def _needs_registration(self, text: str) -> Optional[bytes]:
        if self.record.registered:
            return None
        return plain_response(first("requestID", text), "463")

    def _oadrQueryRegistration(self, text: str) -> bytes:
        return payload(
            "oadrCreatedPartyRegistration",
            ei_response(first("requestID", text))
            + f"<ei:vtnID>{self.vtn_id}</ei:vtnID>"
            + _profiles(),
        )

    def _oadrCreatePartyRegistration(self, text: str) -> bytes:
        if not self.record.registered or not first("registrationID", text):
            self.record.registration += 1
            self.record.opts.clear()
        self.record.registered = True
        inside = (
            ei_response(first("requestID", text))
            + f"<ei:registrationID>reg-{self.record.registration}</ei:registrationID>"
            + f"<ei:venID>ven-1</ei:venID><ei:vtnID>{self.vtn_id}</ei:vtnID>"
            + _profiles()
        )
        return payload("oadrCreatedPartyRegistration", inside)

    def _oadrCancelPartyRegistration(self, text: str) -> bytes:
        self.record.registered = False
        return payload(
            "oadrCanceledPartyRegistration",
            ei_response(first("requestID", text))
            + f"<ei:registrationID>{first('registrationID', text)}</ei:registrationID>",
        )

    def _oadrRegisterReport(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused:
            return refused
        self.record.catalogue = texts("reportSpecifierID", text)
        asked = ""
        if self.wish is not None and not first("reportName", text).startswith("METADATA_HISTORY"):
            granularity, back = self.wish
            points = dict(zip(texts("reportSpecifierID", text), texts("rID", text)))
            asked = "".join(
                f"<oadr:oadrReportRequest><ei:reportRequestID>rq-{specifier}</ei:reportRequestID>"
                f"<ei:reportSpecifier><ei:reportSpecifierID>{specifier}</ei:reportSpecifierID>"
                f"<xcal:granularity><xcal:duration>PT{granularity}S</xcal:duration>"
                "</xcal:granularity><ei:reportBackDuration>"
                f"<xcal:duration>PT{back}S</xcal:duration></ei:reportBackDuration>"
                f"<ei:specifierPayload><ei:rID>{r_id}</ei:rID>"
                "<ei:readingType>x-notApplicable</ei:readingType></ei:specifierPayload>"
                "</ei:reportSpecifier></oadr:oadrReportRequest>"
                for specifier, r_id in points.items()
            )
        return payload("oadrRegisteredReport", ei_response(first("requestID", text)) + asked)

    def _oadrRequestEvent(self, text: str) -> bytes:
        return self._needs_registration(text) or self.listed()

    def listed(self) -> bytes:
        self.serial += 1
        now = self._now()
        events = "".join(event.xml(now) for event in self.events.values())
        inside = (
            ei_response()
            + f"<pyld:requestID>list-{self.serial}</pyld:requestID>"
            + f"<ei:vtnID>{self.vtn_id}</ei:vtnID>{events}"
        )
        return payload("oadrDistributeEvent", inside)

    def _oadrPoll(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused or not self.queue:
            return refused or plain_response()
        what = self.queue.popleft()
        self.serial += 1
        request = f"<pyld:requestID>q-{self.serial}</pyld:requestID><ei:venID>ven-1</ei:venID>"
        if what == "list":
            return self.listed()
        if what == "reregister":
            return payload("oadrRequestReregistration", "<ei:venID>ven-1</ei:venID>")
        if what == "cancel registration":
            self.record.registered = False
            return payload(
                "oadrCancelPartyRegistration",
                f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
                f"<ei:registrationID>reg-{self.record.registration}</ei:registrationID>"
                "<ei:venID>ven-1</ei:venID>",
            )
        if what == "register report":
            return payload("oadrRegisterReport", request)
        return payload(
            "oadrCancelReport",
            f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
            "<ei:reportRequestID>rq-nobody</ei:reportRequestID>"
            "<pyld:reportToFollow>false</pyld:reportToFollow><ei:venID>ven-1</ei:venID>",
        )

    def _oadrCreatedEvent(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused:
            return refused
        for part in text.split("eventResponse>")[1::2]:
            key = (first("eventID", part), int(first("modificationNumber", part) or 0))
            self.record.answers[key] = first("optType", part)
        return plain_response(first("requestID", text))

    def _oadrUpdateReport(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused:
            return refused
        for interval in re.findall(r"<(?:\w+:)?interval>(.*?)</(?:\w+:)?interval>", text, re.S):
            key = (first("rID", interval), first("date-time", interval), first("value", interval))
            self.record.samples[key] += 1
        return payload("oadrUpdatedReport", ei_response(first("requestID", text)))

    def _oadrCreateOpt(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused:
            return refused
        opt_id = first("optID", text)
        self.record.opts.add(opt_id)
        return payload(
            "oadrCreatedOpt",
            ei_response(first("requestID", text)) + f"<ei:optID>{opt_id}</ei:optID>",
        )

    def _oadrCancelOpt(self, text: str) -> bytes:
        refused = self._needs_registration(text)
        if refused:
            return refused
        opt_id = first("optID", text)
        self.record.opts.discard(opt_id)
        return payload(
            "oadrCanceledOpt",
            ei_response(first("requestID", text)) + f"<ei:optID>{opt_id}</ei:optID>",
        )


def _profiles() -> str:
    return (
        "<oadr:oadrProfiles><oadr:oadrProfile><oadr:oadrProfileName>2.0b</oadr:oadrProfileName>"
        "<oadr:oadrTransports><oadr:oadrTransport><oadr:oadrTransportName>simpleHttp"
        "</oadr:oadrTransportName></oadr:oadrTransport></oadr:oadrTransports></oadr:oadrProfile>"
        "</oadr:oadrProfiles>"
    )
