"""A VEN of literal XML that shares nothing with the SDK and breaks ten rules at once:
``python foreign.py URL``. It ends when it is killed.

The ten: no catalogue and no request for events before the first poll (CR 309), oadrHttpPullModel
left out (CR 402), polls without schemaVersion (CR 509), polls sooner than asked (CR 500), answers
to events that want none (CR 12), a requestID in eiResponse (CR 42), and optIn with 200 for foreign
targets (CR 48), for what cannot be meant (CR 33) and for older versions (CR 58); text/xml as
content type (CR 53).
"""

from __future__ import annotations

import http.client
import re
import sys
import time
import urllib.parse

NAMESPACES = (
    'xmlns:oadr="http://openadr.org/oadr-2.0b/2012/07" '
    'xmlns:ei="http://docs.oasis-open.org/ns/energyinterop/201110" '
    'xmlns:pyld="http://docs.oasis-open.org/ns/energyinterop/201110/payloads"'
)
PERIOD = 0.5


def text(name: str, xml: str) -> str:
    """The text of the first element of that local name."""
    found = re.search(rf"<(?:\w+:)?{name}(?:\s[^>]*)?>([^<]*)<", xml)
    return found[1] if found else ""


def response(code: str, request_id: str = "") -> str:
    return (
        f"<ei:eiResponse><ei:responseCode>{code}</ei:responseCode>"
        f"<pyld:requestID>{request_id}</pyld:requestID></ei:eiResponse>"
    )


class ForeignVen:
    """Polls, and answers whatever comes."""

    def __init__(self, url: str) -> None:
        self._place = urllib.parse.urlsplit(url)
        self._link = http.client.HTTPConnection(self._place.netloc, timeout=10)
        self._ids = self._ven_id = self._vtn_id = ""

    def send(self, service: str, name: str, content: str, version: str = "2.0b") -> str:
        """One message; the reply, empty where there is none."""
        stamp = f' ei:schemaVersion="{version}"' if version else ""
        body = (
            f"<oadr:oadrPayload {NAMESPACES}><oadr:oadrSignedObject><oadr:{name}{stamp}>{content}"
            f"</oadr:{name}></oadr:oadrSignedObject></oadr:oadrPayload>"
        )
        try:
            self._link.request(
                "POST", f"{self._place.path}/{service}", body, {"Content-Type": "text/xml"}
            )
            return self._link.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            self._link.close()
            return ""

    def register(self) -> bool:
        reply = self.send(
            "EiRegisterParty",
            "oadrCreatePartyRegistration",
            f"<pyld:requestID>c</pyld:requestID>{self._ids}"
            "<oadr:oadrProfileName>2.0b</oadr:oadrProfileName>"
            "<oadr:oadrTransportName>simpleHttp</oadr:oadrTransportName>"
            "<oadr:oadrReportOnly>false</oadr:oadrReportOnly>"
            "<oadr:oadrXmlSignature>false</oadr:oadrXmlSignature>"
            "<oadr:oadrVenName>foreign</oadr:oadrVenName>",
        )
        registration, self._ven_id = text("registrationID", reply), text("venID", reply)
        self._vtn_id = text("vtnID", reply)
        ven = f"<ei:venID>{self._ven_id}</ei:venID>"
        self._ids = f"<ei:registrationID>{registration}</ei:registrationID>{ven}"
        return bool(registration)

    def run(self) -> None:
        while not self.register():
            self._ids = ""
            time.sleep(PERIOD)
        while True:
            reply = self.send("OadrPoll", "oadrPoll", self._me, version="")
            found = re.search(r"oadrSignedObject[^>]*>\s*<(?:\w+:)?(oadr\w+)", reply)
            take = getattr(self, found[1], None) if found else None
            if take is not None:
                take(reply)
            else:
                time.sleep(PERIOD)

    @property
    def _me(self) -> str:
        return f"<ei:venID>{self._ven_id}</ei:venID>"

    # --- what comes -------------------------------------------------------------------------------

    def oadrDistributeEvent(self, message: str) -> None:
        request_id = text(
            "requestID", re.sub(r"(?s)<(\w+:)?eiResponse>.*?eiResponse>", "", message)
        )
        events = re.findall(r"(?s)<(?:\w+:)?oadrEvent>.*?oadrEvent>", message)
        if text("vtnID", message) != self._vtn_id:
            self._answer(response("452", request_id))
        elif events:
            answers = "".join(self._opt_in(each, request_id) for each in events)
            wrapped = f"<ei:eventResponses>{answers}</ei:eventResponses>"
            self._answer(response("200", request_id) + wrapped)

    def _answer(self, content: str) -> None:
        inside = f"<pyld:eiCreatedEvent>{content}{self._me}</pyld:eiCreatedEvent>"
        self.send("EiEvent", "oadrCreatedEvent", inside)

    def _opt_in(self, event: str, request_id: str) -> str:
        return (
            "<ei:eventResponse><ei:responseCode>200</ei:responseCode>"
            f"<pyld:requestID>{request_id}</pyld:requestID><ei:qualifiedEventID>"
            f"<ei:eventID>{text('eventID', event)}</ei:eventID><ei:modificationNumber>"
            f"{text('modificationNumber', event)}</ei:modificationNumber></ei:qualifiedEventID>"
            "<ei:optType>optIn</ei:optType></ei:eventResponse>"
        )

    def oadrRequestReregistration(self, message: str) -> None:
        self.send("EiRegisterParty", "oadrResponse", response("200") + self._me)
        self.register()

    def oadrRegisterReport(self, message: str) -> None:
        answer = response("200", text("requestID", message)) + self._me
        self.send("EiReport", "oadrRegisteredReport", answer)

    def oadrCreateReport(self, message: str) -> None:
        nothing = "<oadr:oadrPendingReports/>"
        answer = response("200", text("requestID", message)) + nothing + self._me
        self.send("EiReport", "oadrCreatedReport", answer)
        wanted = f"<ei:reportRequestID>{text('reportRequestID', message)}</ei:reportRequestID>"
        content = f"<pyld:requestID>r</pyld:requestID>{self._me}{wanted}"
        self.send("EiReport", "oadrRegisterReport", content)


if __name__ == "__main__":
    ForeignVen(sys.argv[1]).run()
