"""A small VTN of literal XML on the standard library's HTTP server, without any of the SDK: what it
logs is evidence.

It registers VENs, asks for every report it is offered, hands out events once each (a VEN that loses
the reply has to ask for the list), and writes every body as it came, one JSON line an exchange,
before it answers and after. It can be told to misbehave. A test drives it in its own process;
``crash_vtn.py`` runs it in a second one.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional

PREFIX = "/OpenADR2/Simple/2.0b/"
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

Fault = Callable[["Conversation", bytes], None]
RESPONSES = {"EiEvent": "Response", "OadrPoll": "Response"}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def payload(name: str, inside: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<oadr:oadrPayload '
        f"{NAMESPACES}><oadr:oadrSignedObject>"
        f"<oadr:{name} "
        f'ei:schemaVersion="2.0b">{inside}</oadr:{name}></oadr:oadrSignedObject></oadr:oadrPayload>'
    ).encode()


def response(request_id: str = "", code: str = "200") -> str:
    return (
        f"<ei:eiResponse><ei:responseCode>{code}</ei:responseCode>"
        f"<pyld:requestID>{request_id}</pyld:requestID></ei:eiResponse>"
    )


def text_of(name: str, body: bytes) -> str:
    """The text of the first element of that local name, without parsing XML."""
    found = re.search(rf"<(?:\w+:)?{name}(?: [^<>]*)?>([^<]*)</".encode(), body)
    return found.group(1).decode() if found else ""


class Event:
    """One event of the VTN's; ``modification`` and ``cancelled`` are changed in place."""

    def __init__(self, event_id: str, start: datetime, seconds: int) -> None:
        self.event_id, self.start, self.seconds = event_id, start, seconds
        self.modification = 0
        self.cancelled = False

    def xml(self, now: datetime) -> str:
        end = self.start + timedelta(seconds=self.seconds)
        status = (
            "cancelled"
            if self.cancelled
            else "far"
            if now < self.start
            else "active"
            if now < end
            else "completed"
        )
        span = f"<xcal:duration><xcal:duration>PT{self.seconds}S</xcal:duration></xcal:duration>"
        return (
            "<oadr:oadrEvent><ei:eiEvent><ei:eventDescriptor>"
            f"<ei:eventID>{self.event_id}</ei:eventID><ei:modificationNumber>{self.modification}</ei:modificationNumber>"
            "<ei:eiMarketContext><emix:marketContext>http://market</emix:marketContext></ei:eiMarketContext>"
            f"<ei:createdDateTime>{stamp(now)}</ei:createdDateTime><ei:eventStatus>{status}</ei:eventStatus>"
            "</ei:eventDescriptor><ei:eiActivePeriod><xcal:properties>"
            f"<xcal:dtstart><xcal:date-time>{stamp(self.start)}</xcal:date-time></xcal:dtstart>{span}"
            "</xcal:properties><xcal:components/></ei:eiActivePeriod>"
            f"<ei:eiEventSignals><ei:eiEventSignal><strm:intervals><ei:interval>{span}<xcal:uid><xcal:text>0</xcal:text>"
            "</xcal:uid><ei:signalPayload><ei:payloadFloat><ei:value>1</ei:value></ei:payloadFloat></ei:signalPayload>"
            "</ei:interval></strm:intervals><ei:signalName>SIMPLE</ei:signalName><ei:signalType>level</ei:signalType>"
            "<ei:signalID>s</ei:signalID></ei:eiEventSignal></ei:eiEventSignals><ei:eiTarget/></ei:eiEvent>"
            "<oadr:oadrResponseRequired>always</oadr:oadrResponseRequired></oadr:oadrEvent>"
        )


class Memory:
    """What the VTN knows. A VTN restarted without memory gets a new one."""

    def __init__(self, serial: int = 0) -> None:
        self.lock = threading.RLock()
        self.serial = serial
        self.vens: dict[str, tuple[str, str]] = {}
        self.events: dict[str, Event] = {}
        self.unsaid = False
        self.queue: list[bytes] = []
        self.answered: dict[str, int] = {}

    def known(self, ven_id: str) -> bool:
        return ven_id in {known for known, _ in self.vens.values()}


class RawVTN:
    """The VTN. ``seen`` has (service, body) of everything that came in; ``when`` when, by the
    monotonic clock.

    ``wishes`` is (granularity, reportBackDuration) in seconds of the report requests, None for
    none. ``faults`` maps a service ("" for any) to what to do instead, used up from the front.
    """

    def __init__(
        self,
        *,
        poll: float = 1,
        wishes: Optional[tuple[str, str]] = None,
        log: Optional[str] = None,
        port: int = 0,
        tls: Optional[Callable[[], ssl.SSLContext]] = None,
        accept: bool = True,
    ) -> None:
        self.poll, self.wishes, self.accept = poll, wishes, accept
        self.memory = Memory()
        self.port = port
        self.date: Optional[str] = None
        self.seen: list[tuple[str, bytes]] = []
        self.when: list[float] = []
        self.faults: dict[str, list[Fault]] = {}
        self.changed = threading.Condition()
        self._tls = tls
        self._log = open(log, "ab", buffering=0) if log else None  # noqa: SIM115
        self._server: Optional[_Server] = None
        self._thread: Optional[threading.Thread] = None

    # --- life -------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{PREFIX[:-1]}"

    def reserve(self) -> "RawVTN":
        """Choose a port without listening on it."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        return self

    def start(self) -> "RawVTN":
        self._server = _Server(("127.0.0.1", self.port), self, self._tls() if self._tls else None)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True, name="raw-vtn"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cut every connection, stop listening; ``start()`` goes on at the same port."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.cut()
            server.server_close()
        if self._thread is not None:
            self._thread.join(5)

    def __enter__(self) -> "RawVTN":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._log is not None:
            self._log.close()

    def forget(self) -> None:
        """Lose all memory, as a VTN does that kept nothing; IDs handed out from now on are
        others.
        """
        self.memory = Memory(self.memory.serial + 100)

    # --- what a test asks -------------------------------------------------------------------------

    def count(self, name: str, after: int = 0) -> int:
        """How many messages hold the payload ``name`` (oadrPoll …)."""
        return sum(
            f"{name} ".encode() in body or f"{name}>".encode() in body
            for _, body in list(self.seen)[after:]
        )

    def bodies(self, name: str) -> list[bytes]:
        return [
            body
            for _, body in list(self.seen)
            if f"{name} ".encode() in body or f"{name}>".encode() in body
        ]

    def wait(self, condition: Callable[[], Any], seconds: float = 10) -> bool:
        """Until ``condition()``, looked at after every exchange and every 50 ms."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition():
                if time.monotonic() > deadline:
                    return bool(condition())
                self.changed.wait(0.05)
        return True

    def mark(self) -> int:
        return len(self.seen)

    def add_event(self, event_id: str, in_seconds: float = 3600, seconds: int = 60) -> Event:
        with self.memory.lock:
            event = Event(
                event_id, datetime.now(timezone.utc) + timedelta(seconds=in_seconds), seconds
            )
            self.memory.events[event_id] = event
            self.memory.unsaid = True
        return event

    def announce(self) -> None:
        with self.memory.lock:
            self.memory.unsaid = True

    def fault(self, service: str, *faults: Fault) -> None:
        self.faults.setdefault(service, []).extend(faults)

    # --- what it does -----------------------------------------------------------------------------

    def note(self, **facts: Any) -> None:
        if self._log is not None:
            self._log.write(json.dumps({"at": time.time(), **facts}).encode() + b"\n")

    def take(self, service: str, body: bytes) -> None:
        self.note(dir="in", service=service, body=body.decode())
        with self.changed:
            self.seen.append((service, body))
            self.when.append(time.monotonic())
            self.changed.notify_all()

    def taken_fault(self, service: str) -> Optional[Fault]:
        for key in (service, ""):
            if self.faults.get(key):
                return self.faults[key].pop(0)
        return None

    def answer(self, body: bytes) -> bytes:
        """The reply to ``body``; the payload's name decides."""
        found = re.search(rb"<(?:\w+:)?oadr(?!Payload|SignedObject)(\w+)", body)
        name = found.group(1).decode() if found else ""
        with self.memory.lock:
            return getattr(self, f"_{name}", self._thanks)(body, text_of("requestID", body))

    def _unknown(self, body: bytes) -> bool:
        return not self.memory.known(text_of("venID", body))

    def _QueryRegistration(self, body: bytes, request_id: str) -> bytes:
        return payload("oadrCreatedPartyRegistration", response(request_id) + self._party("", ""))

    def _CreatePartyRegistration(self, body: bytes, request_id: str) -> bytes:
        if not self.accept:
            return payload(
                "oadrCreatedPartyRegistration", response(request_id, "452") + self._party("", "")
            )
        name, memory = text_of("oadrVenName", body), self.memory
        if name not in memory.vens:
            memory.serial += 1
            memory.vens[name] = (f"ven-{memory.serial}", f"reg-{memory.serial}")
        return payload(
            "oadrCreatedPartyRegistration", response(request_id) + self._party(*memory.vens[name])
        )

    def _party(self, ven_id: str, registration_id: str) -> str:
        ids = (
            f"<ei:registrationID>{registration_id}</ei:registrationID><ei:venID>{ven_id}</ei:venID>"
            if ven_id
            else ""
        )
        return (
            f"{ids}<ei:vtnID>vtn-raw</ei:vtnID><oadr:oadrProfiles><oadr:oadrProfile><oadr:oadrProfileName>2.0b"
            "</oadr:oadrProfileName><oadr:oadrTransports><oadr:oadrTransport><oadr:oadrTransportName>simpleHttp"
            "</oadr:oadrTransportName></oadr:oadrTransport></oadr:oadrTransports></oadr:oadrProfile></oadr:oadrProfiles>"
            f"<oadr:oadrRequestedOadrPollFreq><xcal:duration>PT{self.poll:g}S</xcal:duration>"
            "</oadr:oadrRequestedOadrPollFreq>"
        )

    def _RegisterReport(self, body: bytes, request_id: str) -> bytes:
        if self._unknown(body):
            return payload("oadrRegisteredReport", response(request_id, "463"))
        wished = "".join(
            self._wish(found)
            for found in re.findall(rb"<(?:\w+:)?oadrReport>.*?</(?:\w+:)?oadrReport>", body)
        )
        return payload(
            "oadrRegisteredReport", response(request_id) + (wished if self.wishes else "")
        )

    def _wish(self, report: bytes) -> str:
        granularity, back = self.wishes or ("PT1S", "PT1S")
        specifier = text_of("reportSpecifierID", report)
        points = "".join(
            f"<ei:specifierPayload><ei:rID>{r_id.decode()}</ei:rID><ei:readingType>Direct "
            f"Read</ei:readingType>"
            "</ei:specifierPayload>"
            for r_id in re.findall(rb"<(?:\w+:)?rID>([^<]*)<", report)
        )
        return (
            f"<oadr:oadrReportRequest><ei:reportRequestID>rq-{self.memory.serial}-{specifier}</ei:reportRequestID>"
            f"<ei:reportSpecifier><ei:reportSpecifierID>{specifier}</ei:reportSpecifierID>"
            f"<xcal:granularity><xcal:duration>{granularity}</xcal:duration></xcal:granularity>"
            f"<ei:reportBackDuration><xcal:duration>{back}</xcal:duration></ei:reportBackDuration>{points}"
            "</ei:reportSpecifier></oadr:oadrReportRequest>"
        )

    def _RequestEvent(self, body: bytes, request_id: str) -> bytes:
        if self._unknown(body):
            return payload("oadrResponse", response(request_id, "463"))
        return self._events()

    def _events(self) -> bytes:
        memory, now = self.memory, datetime.now(timezone.utc)
        memory.serial += 1
        memory.unsaid = False
        listed = "".join(event.xml(now) for event in memory.events.values())
        return payload(
            "oadrDistributeEvent",
            response() + f"<pyld:requestID>list-{memory.serial}</pyld:requestID>"
            f"<ei:vtnID>vtn-raw</ei:vtnID>{listed}",
        )

    def _Poll(self, body: bytes, request_id: str) -> bytes:
        if self._unknown(body):
            return payload("oadrResponse", response("", "452"))
        if self.memory.queue:
            return self.memory.queue.pop(0)
        return self._events() if self.memory.unsaid else payload("oadrResponse", response())

    def _UpdateReport(self, body: bytes, request_id: str) -> bytes:
        return payload(
            "oadrUpdatedReport", response(request_id, "463" if self._unknown(body) else "200")
        )

    def _CreateOpt(self, body: bytes, request_id: str) -> bytes:
        code = "463" if self._unknown(body) else "200"
        return payload(
            "oadrCreatedOpt",
            f"{response(request_id, code)}<ei:optID>{text_of('optID', body)}</ei:optID>",
        )

    def _CancelPartyRegistration(self, body: bytes, request_id: str) -> bytes:
        return payload(
            "oadrCanceledPartyRegistration",
            f"{response(request_id)}<ei:registrationID>"
            f"{text_of('registrationID', body)}</ei:registrationID>",
        )

    def _CreatedEvent(self, body: bytes, request_id: str) -> bytes:
        for event_id, number in re.findall(
            rb"eventID>([^<]*)</.*?modificationNumber>(\d+)<", body, re.DOTALL
        ):
            self.memory.answered[event_id.decode()] = int(number)
        return self._thanks(body, request_id)

    def _thanks(self, body: bytes, request_id: str) -> bytes:
        unknown = b"CreatedEvent" in body and self._unknown(body)
        return payload("oadrResponse", response(request_id, "463" if unknown else "200"))


class Conversation(BaseHTTPRequestHandler):
    """One connection of a VEN's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "_Server"

    def do_POST(self) -> None:
        vtn, service = self.server.vtn, self.path.replace(PREFIX, "")
        fault = vtn.taken_fault(service)
        if fault is not None and getattr(fault, "unread", False):
            fault(self, b"")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        vtn.take(service, body)
        if fault is not None:
            fault(self, body)
            return
        self.reply(vtn.answer(body))

    def reply(
        self, body: bytes, status: int = 200, headers: Optional[dict[str, str]] = None
    ) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/xml",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.server.vtn.note(dir="out", status=status, body=body.decode())

    def date_time_string(self, timestamp: Optional[float] = None) -> str:
        return self.server.vtn.date or super().date_time_string(timestamp)

    def reset(self) -> None:
        """End the connection with RST."""
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], vtn: RawVTN, context: Optional[ssl.SSLContext]
    ) -> None:
        self.vtn = vtn
        self._context = context
        self._open: list[socket.socket] = []
        super().__init__(address, Conversation)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.append(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(5)
        with self._context.wrap_socket(request, server_side=True) as wrapped:
            wrapped.settimeout(None)
            self._open.append(wrapped)
            super().finish_request(wrapped, client_address)

    def shutdown_request(self, request: Any) -> None:
        if request in self._open:
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A VEN that was killed ends its connection as it likes."""

    def cut(self) -> None:
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


# --- faults ---------------------------------------------------------------------------------------


def unread(fault: Fault) -> Fault:
    """Marks a fault that happens before the body is read."""
    fault.unread = True  # type: ignore[attr-defined]
    return fault


def status(code: int, handled: bool = False, **headers: str) -> Fault:
    """An HTTP error; ``handled``: the message was worked on all the same."""

    def fault(conversation: Conversation, body: bytes) -> None:
        if handled:
            conversation.server.vtn.answer(body)
        conversation.reply(
            b"", code, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    return fault


@unread
def reset_before(conversation: Conversation, body: bytes) -> None:
    """RST before the body was read."""
    conversation.reset()


def reset_after(conversation: Conversation, body: bytes) -> None:
    """The message is worked on, then RST instead of a reply."""
    conversation.server.vtn.answer(body)
    conversation.reset()


def reset_in(conversation: Conversation, body: bytes) -> None:
    """RST in the middle of the reply."""
    whole = conversation.server.vtn.answer(body)
    conversation.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n"
        % len(whole)
    )
    conversation.wfile.write(whole[: len(whole) // 2])
    conversation.wfile.flush()
    conversation.reset()


def stalled(seconds: float) -> Fault:
    """No byte comes for so long, then the connection ends."""

    def fault(conversation: Conversation, body: bytes) -> None:
        time.sleep(seconds)
        conversation.reset()

    return fault


def code(response_code: str) -> Fault:
    """An application error inside HTTP 200: the same payload as always, with another code."""

    def fault(conversation: Conversation, body: bytes) -> None:
        whole = conversation.server.vtn.answer(body)
        conversation.reply(
            re.sub(
                rb"responseCode>200<", b"responseCode>%s<" % response_code.encode(), whole, count=1
            )
        )

    return fault


def literal(body: bytes, http_status: int = 200) -> Fault:
    """Whatever is given."""
    return lambda conversation, _body: conversation.reply(body, http_status)
