"""A VTN of text that answers whatever it is told to, at the place of the network.

Nothing here is the SDK's codec: messages are read by their element names and written as text. Each
exchange is answered right, or by one of :data:`REPLIES`; what the VTN took in is remembered in
``record`` as a real VTN would, also when its answer was lost.
"""

from __future__ import annotations

import random
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Callable, NamedTuple, Optional

from tests.models.texts import (
    NAMESPACES,
    VTNEvent,
    ei_response,
    first,
    payload,
    plain_response,
    profiles,
    report_request,
    texts,
)
from ven_sdk.errors import TransportError
from ven_sdk.transport.failures import rejection
from ven_sdk.transport.sessions import Reply

SERVICES = ("EiRegisterParty", "EiEvent", "EiReport", "EiOpt", "OadrPoll")
STATUSES = (
    *(201, 204, 301, 302, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 415, 418, 429),
    *(500, 501, 502, 503, 504),
)
CODES = ("450", "451", "452", "453", "454", "459", "460", "461", "462", "463", "469", "500")

MESSAGE = re.compile(r"<(?:\w+:)?(oadr(?!Payload|SignedObject)\w+)")
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
    "not allowed",
    *(f"code {code}" for code in CODES),
    *(f"status {status}" for status in STATUSES),
    "status 503 after 5",
    "status 503 after 600",
    "status 429 after 30",
    "status 503 after 100000",
)
ANY = "any of them"
"""Another one of ``REPLIES`` each time."""

NAMING = ("oadrQueryRegistration", "oadrCreatePartyRegistration", "oadrRequestEvent")
"""The messages whose right answers say which VTN it is."""


class Exchange(NamedTuple):
    """One message of the VEN, and how it was answered; ``how`` is ``code 463`` too where the VTN
    did not know the VEN.
    """

    at: float
    name: str
    how: str


class Killed(BaseException):
    """The VEN's process dies here."""


@dataclass
class Record:
    """What the VTN knows of its VEN."""

    registration: int = 0
    registered: bool = False
    opts: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    answers: dict[tuple[str, int], str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    catalogue: list[str] = field(default_factory=list)


class PeerVTN:
    """Answers by ``behaviour``: for a message (its name and ID), messages of a name, a service, or
    everything (''), which reply, and for how many messages.

    463 is said by ``code 463`` of a VEN that is forgotten, and by ``not allowed`` of one that stays
    known. ``wish`` is (granularity, report back duration) in seconds of the reports that it asks
    for, or None. ``endless`` is what every poll brings while nothing else is queued. A VTN that
    ``has_no_empty_list`` answers the request for the list with oadrResponse when there are no
    events. ``foreign`` is what the VEN sent of what never was this VTN's. ``news`` has the moments
    at which a list changed that was sent, ``requests`` those of requests for one report.
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
        self.sent: list[Exchange] = []
        self.about: list[str] = []
        self.foreign: list[str] = []
        self._has_named_itself = True
        self.news: list[float] = []
        self.requests: list[float] = []
        self.owner_of_opt: dict[str, str] = {}
        self.chance = random.Random(0)
        self.endless = ""
        self.has_no_empty_list = False
        self.dies = ""
        self._listed: object = ()
        self.wish: Optional[tuple[int, int]] = None
        self.serial = 0
        self.vtn_id = "vtn"

    def become(self, vtn_id: str) -> None:
        """Another VTN answers at this address, which knows nothing of the VEN."""
        self.vtn_id, self.record, self._listed = vtn_id, Record(), ()
        self._has_named_itself = False
        self.events.clear()
        self.queue.clear()

    # --- the network ------------------------------------------------------------------------------

    def post(self, url: str, body: bytes) -> Reply:
        """What the transport does for one message: a reply, or its error."""
        text, service = body.decode(), url.rpartition("/")[2]
        found = MESSAGE.search(text)
        assert found is not None, f"no message of OpenADR: {text}"
        name = found[1]
        about = first("optID", text)
        how = self._how(name, service, about)
        self.sent.append(Exchange(self._monotonic(), name, how))
        self.about.append(about)
        self._pass_time(TAKES)
        self._die("before")
        if how.startswith("no answer"):
            self._pass_time(float(how[16:] or 0))
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
        self._die("after")
        if how == "right, but lost":  # whatever it was
            self.sent[-1] = self.sent[-1]._replace(how=how)
            raise TransportError(f"POST {url} failed: the connection broke.")
        self._has_named_itself |= name in NAMING
        return Reply(200, right, None, 0.01)

    def _die(self, when: str) -> None:
        """The VEN's process dies ``before`` or ``after`` the message was taken in, if it is to."""
        if self.dies == when:
            self.dies = ""
            raise Killed

    def _how(self, name: str, service: str, about: str) -> str:
        for key in (f"{name} {about}", name, service, ""):
            how, left = self.behaviour.get(key, ("", 0.0))
            if how:
                self.behaviour[key] = (how, left - 1)
                if left <= 1:
                    del self.behaviour[key]
                return self.chance.choice(REPLIES) if how == ANY else how
        return "right"

    def _deviant(self, how: str, name: str, text: str) -> Optional[bytes]:
        if how in ("right", "right, but lost"):
            return None
        request_id = first("requestID", text)
        if how == "not allowed":
            self.record.registered &= name != "oadrCancelPartyRegistration"
            return self._coded("463", name, text)
        if how.startswith("code "):
            self.record.registered &= how != "code 463"
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
            "plain response for another VEN": payload(
                "oadrResponse", ei_response(request_id) + "<ei:venID>another</ei:venID>"
            ),
            "without IDs": payload(
                "oadrCreatedPartyRegistration", ei_response(request_id) + profiles()
            ),
        }.get(how)

    def _coded(self, code: str, name: str, text: str) -> bytes:
        """A refusal, in the payload that belongs to the message."""
        kind = {
            "oadrQueryRegistration": "oadrCreatedPartyRegistration",
            "oadrCreatePartyRegistration": "oadrCreatedPartyRegistration",
            "oadrCancelPartyRegistration": "oadrCanceledPartyRegistration",
            "oadrRegisterReport": "oadrRegisteredReport",
            "oadrUpdateReport": "oadrUpdatedReport",
        }.get(name, "oadrResponse")
        more = profiles() if kind == "oadrCreatedPartyRegistration" else ""
        return payload(kind, ei_response(first("requestID", text), code) + more)

    # --- right answers ----------------------------------------------------------------------------

    def answer(self, name: str, text: str) -> bytes:
        """The right answer, after the message was taken in."""
        method = getattr(self, f"_{name}", None)
        if method is not None:
            return bytes(method(text))
        refused = None if name == "oadrCanceledPartyRegistration" else self._refuse_unknown(text)
        return refused or plain_response(first("requestID", text))

    def _refuse_unknown(self, text: str) -> Optional[bytes]:
        if self.record.registered:
            return None
        self.sent[-1] = self.sent[-1]._replace(how="code 463")
        return plain_response(first("requestID", text), "463")

    def _oadrQueryRegistration(self, text: str) -> bytes:
        return payload(
            "oadrCreatedPartyRegistration",
            ei_response(first("requestID", text))
            + f"<ei:vtnID>{self.vtn_id}</ei:vtnID>"
            + profiles(),
        )

    def _oadrCreatePartyRegistration(self, text: str) -> bytes:
        if not self.record.registered or not first("registrationID", text):
            self.record.registration += 1
            self.record.opts.clear()
            self.record.asked.clear()
        self.record.registered = True
        inside = (
            ei_response(first("requestID", text))
            + f"<ei:registrationID>reg-{self.record.registration}</ei:registrationID>"
            + f"<ei:venID>ven-1</ei:venID><ei:vtnID>{self.vtn_id}</ei:vtnID>"
            + profiles()
        )
        return payload("oadrCreatedPartyRegistration", inside)

    def _oadrCancelPartyRegistration(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        self.record.registered = False
        return payload(
            "oadrCanceledPartyRegistration",
            ei_response(first("requestID", text))
            + f"<ei:registrationID>{first('registrationID', text)}</ei:registrationID>",
        )

    def _oadrRegisterReport(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        self.record.catalogue = texts("reportSpecifierID", text)
        asked = ""
        if self.wish is not None and not first("reportName", text).startswith("METADATA_HISTORY"):
            points = dict(zip(texts("reportSpecifierID", text), texts("rID", text)))
            self.record.asked.update(f"rq-{specifier}" for specifier in points)
            asked = "".join(
                report_request(f"rq-{specifier}", specifier, r_id, *self.wish)
                for specifier, r_id in points.items()
            )
        return payload("oadrRegisteredReport", ei_response(first("requestID", text)) + asked)

    def _oadrRequestEvent(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        if self.has_no_empty_list and not self.events:
            return plain_response(first("requestID", text))
        return self.listed()

    def listed(self) -> bytes:
        self.serial += 1
        self._note_news()
        now = self._now()
        events = "".join(event.xml(now) for event in self.events.values())
        inside = (
            ei_response()
            + f"<pyld:requestID>list-{self.serial}</pyld:requestID>"
            + f"<ei:vtnID>{self.vtn_id}</ei:vtnID>{events}"
        )
        return payload("oadrDistributeEvent", inside)

    def _note_news(self) -> None:
        """What the list says now has been said to the VEN; that is news unless it was before."""
        self.record.told.update(self.events)
        listed = [(one.event_id, one.modification) for one in self.events.values()]
        if listed != self._listed:
            self._listed = listed
            self.news.append(self._monotonic())

    def _next_in_queue(self) -> str:
        what = self.queue.popleft() if self.queue else self.endless
        if what == "new version":
            for event in self.events.values():
                event.modification += 1
        is_list = what in ("list", "new version")
        return "" if is_list and self.has_no_empty_list and not self.events else what

    def _oadrPoll(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        what = "" if refused else self._next_in_queue()
        if not what:
            return refused or plain_response()
        self.serial += 1
        request = f"<pyld:requestID>q-{self.serial}</pyld:requestID><ei:venID>ven-1</ei:venID>"
        if what in ("list", "new version"):
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
        if what == "create report":
            self.record.asked.add("rq-1")
            return payload(
                "oadrCreateReport",
                f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
                + report_request("rq-1", "TELEMETRY_USAGE", "p", 60, 60)
                + "<ei:venID>ven-1</ei:venID>",
            )
        if what == "register report":
            return payload("oadrRegisterReport", request)
        if what == "one report":
            return self._request_one()
        if what.startswith("reports "):
            return self._request_reports(*map(int, what.split()[1:]))
        return payload(
            "oadrCancelReport",
            f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
            "<ei:reportRequestID>rq-nobody</ei:reportRequestID>"
            "<pyld:reportToFollow>false</pyld:reportToFollow><ei:venID>ven-1</ei:venID>",
        )

    def _request_one(self) -> bytes:
        """One report of the point, now."""
        self.requests.append(self._monotonic())
        self.record.asked.add(f"once-{self.serial}")
        specifier = "".join(self.record.catalogue[:1])
        return payload(
            "oadrCreateReport",
            f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
            + report_request(f"once-{self.serial}", specifier, "p", 0, 0)
            + "<ei:venID>ven-1</ei:venID>",
        )

    def _request_reports(self, number: int, granularity: int, back: int) -> bytes:
        """So many new requests for the point."""
        names = [f"series-{self.serial}-{count}" for count in range(number)]
        self.record.asked.update(names)
        specifier = "".join(self.record.catalogue[:1])
        return payload(
            "oadrCreateReport",
            f"<pyld:requestID>q-{self.serial}</pyld:requestID>"
            + "".join(report_request(name, specifier, "p", granularity, back) for name in names)
            + "<ei:venID>ven-1</ei:venID>",
        )

    def _oadrCreatedEvent(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        for part in text.split("eventResponse>")[1::2]:
            key = (first("eventID", part), int(first("modificationNumber", part) or 0))
            if key[0] not in self.record.told:
                self.foreign.append(f"answer about {key[0]}")
            self.record.answers[key] = first("optType", part)
        return plain_response(first("requestID", text))

    def _oadrUpdateReport(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        strange = {*texts("reportRequestID", text)} - self.record.asked
        if self._has_named_itself:  # before that, the registration of the one before stands
            self.foreign += [f"report of {one}" for one in strange]
        for interval in re.findall(r"<(?:\w+:)?interval>(.*?)</(?:\w+:)?interval>", text, re.S):
            key = (first("rID", interval), first("date-time", interval), first("value", interval))
            self.record.samples[key] += 1
        return payload("oadrUpdatedReport", ei_response(first("requestID", text)))

    def _oadrCreateOpt(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        opt_id = first("optID", text)
        if self.owner_of_opt.get(opt_id, self.vtn_id) != self.vtn_id:
            self.foreign.append(f"opt {opt_id}")
        self.record.opts.add(opt_id)
        return payload(
            "oadrCreatedOpt",
            ei_response(first("requestID", text)) + f"<ei:optID>{opt_id}</ei:optID>",
        )

    def _oadrCancelOpt(self, text: str) -> bytes:
        refused = self._refuse_unknown(text)
        if refused:
            return refused
        opt_id = first("optID", text)
        self.record.opts.discard(opt_id)
        return payload(
            "oadrCanceledOpt",
            ei_response(first("requestID", text)) + f"<ei:optID>{opt_id}</ei:optID>",
        )
