"""A VEN of literal XML and requests, without any of the SDK: shows that a peer works, and what it
answers to anything.

Blocking; used by one test at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import requests
from lxml import etree

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "oadr": "http://openadr.org/oadr-2.0b/2012/07",
        "ei": "http://docs.oasis-open.org/ns/energyinterop/201110",
        "pyld": "http://docs.oasis-open.org/ns/energyinterop/201110/payloads",
        "xcal": "urn:ietf:params:xml:ns:icalendar-2.0",
        "strm": "urn:ietf:params:xml:ns:icalendar-2.0:stream",
        "power": "http://docs.oasis-open.org/ns/emix/2011/06/power",
        "scale": "http://docs.oasis-open.org/ns/emix/2011/06/siscale",
    }.items()
)
OK = (
    "<ei:eiResponse><ei:responseCode>200</ei:responseCode>"
    "<pyld:requestID>{}</pyld:requestID></ei:eiResponse>"
)


class RawVen:
    """Sends one payload after the other; each method returns the payload element of the answer,
    None if there is none.

    ``status`` is the HTTP status of the last answer, ``ven_id`` and ``registration_id`` are kept
    from the registration.
    """

    def __init__(
        self, url: str, *, ven_name: str = "raw-ven", timeout: float = 10, **session: Any
    ) -> None:
        self.url = url
        self.ven_name = ven_name
        self.ven_id = ""
        self.registration_id = ""
        self.status = 0
        self.timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False  # REQUESTS_CA_BUNDLE would go before `verify`
        for name, value in session.items():
            setattr(self._session, name, value)

    def __enter__(self) -> "RawVen":
        return self

    def __exit__(self, *_: Any) -> None:
        self._session.close()

    def post(self, service: str, body: str) -> Any:
        """One literal message; the answer's payload element or None."""
        answer = self._session.post(
            f"{self.url}/{service}",
            body.encode(),
            timeout=self.timeout,
            headers={"Content-Type": "application/xml"},
        )
        self.status = answer.status_code
        if self.status != 200 or not answer.content:
            return None
        return etree.fromstring(answer.content).find("{*}oadrSignedObject/*")

    def send(self, service: str, name: str, content: str) -> Any:
        """One payload in an unsigned envelope."""
        return self.post(
            service,
            f"<oadr:oadrPayload {NAMESPACES}><oadr:oadrSignedObject><oadr:{name} "
            f'ei:schemaVersion="2.0b">{content}</oadr:{name}></oadr:oadrSignedObject>'
            "</oadr:oadrPayload>",
        )

    def query(self) -> Any:
        """oadrQueryRegistration."""
        return self.send(
            "EiRegisterParty", "oadrQueryRegistration", "<pyld:requestID>q-1</pyld:requestID>"
        )

    def register(self, *, keep_ids: bool = False) -> Any:
        """oadrCreatePartyRegistration, with the present IDs if they are to be kept."""
        ids = (
            f"<ei:registrationID>{self.registration_id}</ei:registrationID>{self._id()}"
            if keep_ids
            else ""
        )
        answer = self.send(
            "EiRegisterParty",
            "oadrCreatePartyRegistration",
            (
                f"<pyld:requestID>c-1</pyld:requestID>{ids}<oadr:oadrProfileName>2.0b</oadr:oadrProfileName>"
                "<oadr:oadrTransportName>simpleHttp</oadr:oadrTransportName><oadr:oadrReportOnly>false</oadr:oadrReportOnly>"
                f"<oadr:oadrXmlSignature>false</oadr:oadrXmlSignature><oadr:oadrVenName>{self.ven_name}</oadr:oadrVenName>"
                "<oadr:oadrHttpPullModel>true</oadr:oadrHttpPullModel>"
            ),
        )
        if answer is not None and text(answer, "registrationID"):
            self.ven_id, self.registration_id = (
                text(answer, "venID"),
                text(answer, "registrationID"),
            )
        return answer

    def cancel_registration(self) -> Any:
        """oadrCancelPartyRegistration."""
        return self.send(
            "EiRegisterParty",
            "oadrCancelPartyRegistration",
            "<pyld:requestID>x-1</pyld:requestID>"
            f"<ei:registrationID>{self.registration_id}</ei:registrationID>{self._id()}",
        )

    def offer(self, *r_ids: str, specifier: str = "spec-1") -> Any:
        """oadrRegisterReport with one report of powers in W."""
        points = "".join(
            f"<oadr:oadrReportDescription><ei:rID>{r_id}</ei:rID><ei:reportDataSource><ei:resourceID>{r_id}"
            "</ei:resourceID></ei:reportDataSource><ei:reportType>usage</ei:reportType><power:powerReal>"
            "<power:itemDescription>RealPower</power:itemDescription><power:itemUnits>W</power:itemUnits>"
            "<scale:siScaleCode>none</scale:siScaleCode><power:powerAttributes><power:hertz>50</power:hertz>"
            "<power:voltage>230</power:voltage><power:ac>true</power:ac></power:powerAttributes></power:powerReal>"
            "<ei:readingType>Direct "
            "Read</ei:readingType><oadr:oadrSamplingRate><oadr:oadrMinPeriod>PT1S"
            "</oadr:oadrMinPeriod><oadr:oadrMaxPeriod>PT1H</oadr:oadrMaxPeriod><oadr:oadrOnChange>false"
            "</oadr:oadrOnChange></oadr:oadrSamplingRate></oadr:oadrReportDescription>"
            for r_id in r_ids
        )
        return self.send(
            "EiReport",
            "oadrRegisterReport",
            (
                "<pyld:requestID>rr-1</pyld:requestID><oadr:oadrReport><xcal:duration><xcal:duration>PT2H</xcal:duration>"
                f"</xcal:duration>{points}<ei:reportRequestID>0</ei:reportRequestID><ei:reportSpecifierID>{specifier}"
                "</ei:reportSpecifierID><ei:reportName>METADATA_TELEMETRY_USAGE</ei:reportName><ei:createdDateTime>"
                f"2026-07-01T11:58:00Z</ei:createdDateTime></oadr:oadrReport>{self._id()}"
            ),
        )

    def confirm_reports(self, *report_request_ids: str) -> Any:
        """oadrCreatedReport."""
        pending = "".join(
            f"<ei:reportRequestID>{each}</ei:reportRequestID>" for each in report_request_ids
        )
        return self.send(
            "EiReport",
            "oadrCreatedReport",
            f"{OK.format('rr-1')}<oadr:oadrPendingReports>{pending}"
            f"</oadr:oadrPendingReports>{self._id()}",
        )

    def deliver(
        self,
        report_request_id: str,
        *intervals: Sequence[tuple[str, float]],
        specifier: str = "spec-1",
    ) -> Any:
        """oadrUpdateReport: each interval is a sequence of (rID, value), one second after the one
        before.
        """
        data = "".join(
            f"<ei:interval><xcal:dtstart><xcal:date-time>2026-07-01T12:00:{number:02}Z</xcal:date-time></xcal:dtstart>"
            "<xcal:duration><xcal:duration>PT1S</xcal:duration></xcal:duration>"
            + "".join(
                f"<oadr:oadrReportPayload><ei:rID>{r_id}</ei:rID><ei:payloadFloat><ei:value>{value}</ei:value>"
                "</ei:payloadFloat></oadr:oadrReportPayload>"
                for r_id, value in interval
            )
            + "</ei:interval>"
            for number, interval in enumerate(intervals)
        )
        return self.send(
            "EiReport",
            "oadrUpdateReport",
            (
                "<pyld:requestID>u-1</pyld:requestID><oadr:oadrReport><xcal:dtstart><xcal:date-time>2026-07-01T12:00:00Z"
                f"</xcal:date-time></xcal:dtstart><strm:intervals>{data}</strm:intervals><ei:reportRequestID>"
                f"{report_request_id}</ei:reportRequestID><ei:reportSpecifierID>{specifier}</ei:reportSpecifierID>"
                "<ei:reportName>TELEMETRY_USAGE</ei:reportName><ei:createdDateTime>2026-07-01T12:00:05Z"
                f"</ei:createdDateTime></oadr:oadrReport>{self._id()}"
            ),
        )

    def poll(self) -> Any:
        """oadrPoll."""
        return self.send("OadrPoll", "oadrPoll", self._id())

    def request_events(self) -> Any:
        """oadrRequestEvent."""
        return self.send(
            "EiEvent",
            "oadrRequestEvent",
            "<pyld:eiRequestEvent><pyld:requestID>re-1</pyld:requestID>"
            f"{self._id()}</pyld:eiRequestEvent>",
        )

    def answer_event(
        self,
        event_id: str,
        opt_type: str = "optIn",
        *,
        number: int = 0,
        request_id: str = "de-1",
        code: int = 200,
    ) -> Any:
        """oadrCreatedEvent with one response."""
        return self.answer_events(
            (event_id, number), opt_type=opt_type, request_id=request_id, code=code
        )

    def answer_events(
        self,
        *events: tuple[str, int],
        opt_type: str = "optIn",
        request_id: str = "de-1",
        code: int = 200,
    ) -> Any:
        """oadrCreatedEvent with a response for each (eventID, modificationNumber)."""
        responses = "".join(
            f"<ei:eventResponse><ei:responseCode>{code}</ei:responseCode><pyld:requestID>{request_id}</pyld:requestID>"
            f"<ei:qualifiedEventID><ei:eventID>{event_id}</ei:eventID><ei:modificationNumber>{number}"
            f"</ei:modificationNumber></ei:qualifiedEventID><ei:optType>{opt_type}</ei:optType></ei:eventResponse>"
            for event_id, number in events
        )
        return self.send(
            "EiEvent",
            "oadrCreatedEvent",
            (
                f"<pyld:eiCreatedEvent>{OK.format('')}<ei:eventResponses>{responses}</ei:eventResponses>{self._id()}"
                "</pyld:eiCreatedEvent>"
            ),
        )

    def say_ok(self, service: str) -> Any:
        """oadrResponse."""
        return self.send(service, "oadrResponse", OK.format("") + self._id())

    def _id(self) -> str:
        return f"<ei:venID>{self.ven_id}</ei:venID>"


def text(element: Any, name: str) -> str:
    """The text of the first element of that local name, at any depth; empty where there is none."""
    found: Optional[str] = element.findtext(f".//{{*}}{name}")
    return found or ""


def name(element: Any) -> Optional[str]:
    """The local name of a payload element, None where there is none."""
    return None if element is None else str(etree.QName(element).localname)
