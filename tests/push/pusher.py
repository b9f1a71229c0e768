"""A VTN that pushes, by plain sockets: it registers one VEN, and calls it at the address that the
VEN told. Nothing of the SDK is used here.

It behaves as VTNs in the field do: one parses the body of every answer and takes an empty one for a
failure, one looks at the status alone, one pushes its whole list again and again, doubling its
pauses, until the VEN's oadrCreatedEvent has come.
"""

from __future__ import annotations

import contextlib
import http.server
import re
import socket
import ssl
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Callable, Optional
from urllib.parse import urlsplit

from tests.models.texts import VTNEvent, ei_response, first, payload, plain_response, texts
from tests.push.wire import exchange

PATH = "/OpenADR2/Simple/2.0b/"


def soon(seconds: float = 3600) -> datetime:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).replace(microsecond=0)


class QuietServer(http.server.ThreadingHTTPServer):
    """Says nothing of VENs that died in the middle of a message."""

    def handle_error(self, *_: object) -> None:
        pass


class PushingVTN:
    """``events`` is its list; ``push(...)`` calls the VEN; ``got`` is what the VEN sent, as text.

    ``context`` (TLS as a client) is used for pushes to an https address, ``server_context`` for
    what it serves.
    """

    def __init__(
        self,
        *,
        context: Optional[ssl.SSLContext] = None,
        server_context: Optional[ssl.SSLContext] = None,
        sign: Callable[[bytes], bytes] = bytes,
        port: int = 0,
    ) -> None:
        self.context, self._sign = context, sign
        self.events: dict[str, VTNEvent] = {}
        self.got: list[tuple[str, str]] = []
        self.address = ""
        self.pull_model = ""
        self.registered = False
        self._changed = threading.Condition()
        self._serial = 0
        self._connections: list[socket.socket] = []
        self._server = QuietServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if server_context is not None:
            scheme = "https"
            self._server.socket = server_context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> PushingVTN:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    # --- what it serves ---------------------------------------------------------------------------

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        vtn = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                vtn._connections.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = vtn._sign(vtn.answer(body.decode()))
                self.send_response(200)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answer(self, text: str) -> bytes:
        name = re.findall(r"<(?:\w+:)?(oadr(?!Payload|SignedObject)\w+)", text)[0]
        with self._changed:
            self.got.append((name, text))
            self._changed.notify_all()
        request_id = first("requestID", text)
        if name == "oadrQueryRegistration":
            return self._registration(request_id, known=False)
        if name == "oadrCreatePartyRegistration":
            self.address = first("oadrTransportAddress", text)
            self.pull_model = first("oadrHttpPullModel", text)
            self.registered = True
            return self._registration(request_id, known=True)
        if name == "oadrRegisterReport":
            return payload("oadrRegisteredReport", ei_response(request_id))
        if name == "oadrCancelPartyRegistration":
            return payload("oadrCanceledPartyRegistration", ei_response(request_id))
        if name == "oadrRequestEvent":
            return self.listed(ei_response(request_id))
        if name == "oadrUpdateReport":
            return payload("oadrUpdatedReport", ei_response(request_id))
        return plain_response(request_id, "200" if self.registered else "463")

    def _registration(self, request_id: str, *, known: bool) -> bytes:
        ids = "<ei:registrationID>reg-1</ei:registrationID><ei:venID>ven-1</ei:venID>"
        return payload(
            "oadrCreatedPartyRegistration",
            ei_response(request_id)
            + (ids if known else "")
            + "<ei:vtnID>vtn</ei:vtnID><oadr:oadrProfiles><oadr:oadrProfile>"
            "<oadr:oadrProfileName>2.0b</oadr:oadrProfileName><oadr:oadrTransports>"
            "<oadr:oadrTransport><oadr:oadrTransportName>simpleHttp</oadr:oadrTransportName>"
            "</oadr:oadrTransport></oadr:oadrTransports></oadr:oadrProfile></oadr:oadrProfiles>",
        )

    def listed(self, response: str = "") -> bytes:
        """The whole list; a pushed one has no eiResponse (CR 40)."""
        self._serial += 1
        now = datetime.now(timezone.utc)
        return payload(
            "oadrDistributeEvent",
            f"{response}<pyld:requestID>list-{self._serial}</pyld:requestID>"
            f"<ei:vtnID>vtn</ei:vtnID>{''.join(e.xml(now) for e in self.events.values())}",
        )

    # --- what it pushes ---------------------------------------------------------------------------

    def connect(self) -> socket.socket:
        """A connection to the address that the VEN told."""
        place = urlsplit(self.address)
        raw = socket.create_connection((place.hostname or "", place.port or 443), timeout=5)
        if place.scheme == "https":
            assert self.context is not None
            return self.context.wrap_socket(raw, server_hostname=place.hostname)
        return raw

    def post(
        self, message: bytes, service: str = "EiEvent", *, path: Optional[str] = None
    ) -> tuple[int, bytes]:
        """Push ``message``; status and body of the VEN's answer."""
        body = self._sign(message)
        prefix = urlsplit(self.address).path.rstrip("/")
        target = path or f"{prefix}{PATH}{service}"
        head = (
            f"POST {target} HTTP/1.1\r\nHost: ven\r\nContent-Type: application/xml\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with self.connect() as connection:
            status, _, answer = exchange(connection, head.encode() + body)
        return status, answer

    def push_list(self) -> tuple[int, bytes]:
        return self.post(self.listed())

    def push_until_answered(self, event_id: str, *, wants_body: bool = False) -> int:
        """Push the whole list with doubling pauses until the VEN has answered the event; how often
        that was.
        """
        pause, times = 0.05, 0
        while not self.answered(event_id):
            status, body = self.push_list()
            times += 1
            assert status in (200, 503), status
            if wants_body and status == 200:
                assert first("responseCode", body.decode()) == "200", body
            self.wait_for(lambda: self.answered(event_id), pause)
            pause = min(pause * 2, 120)
            assert times < 12
        return times

    # --- what it saw ------------------------------------------------------------------------------

    def sent(self, name: str) -> list[str]:
        with self._changed:
            return [text for kind, text in self.got if kind == name]

    def answered(self, event_id: str) -> list[str]:
        """The opts that came for an event."""
        return [
            first("optType", part)
            for text in self.sent("oadrCreatedEvent")
            for part in text.split("eventResponse>")[1::2]
            if event_id in texts("eventID", part)
        ]

    def wait_for(self, condition: Callable[[], object], seconds: float = 5) -> object:
        """Wait until ``condition()``; what it returned at last."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        return condition()
