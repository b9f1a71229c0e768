"""LocalVTN calls VENs that registered for push: what a poll would have got goes to their address.

One thread for each such VEN waits on the VTN's condition until there is something for its VEN. A
push that fails is tried again, first after a second, then with doubling pauses of at most two
minutes, as VTNs in the field do; the queue keeps its order. What the VEN answers in the HTTP
response is taken in as if it had been posted.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
from typing import Callable, Optional
from urllib.parse import urlsplit

from ...oadr20b.schema.registration import Response
from ...schema.common import Payload
from . import answers
from .journal import Received
from .reply import Reply
from .state import State
from .vens import Ven
from .wire import UNREADABLE, Wire

logger: logging.Logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
TIMEOUT = 10.0
"""Seconds that a VEN has to take a push in."""
Enter = Callable[[Received, Reply], None]


class Pusher:
    """Pushes to every VEN whose registration says so. ``context`` gives the TLS settings of the VTN
    as a client; ``enter`` notes what was pushed and answered.
    """

    def __init__(
        self, state: State, wire: Wire, context: Callable[[], ssl.SSLContext], enter: Enter
    ) -> None:
        self._state, self._wire, self._context, self._enter = state, wire, context, enter
        self._threads: dict[str, threading.Thread] = {}
        self.closed: bool = False

    def look(self) -> None:
        """A VEN registered: see that it is called. The VTN's lock is held."""
        for ven in self._state.vens:
            if address_of(ven) and ven.ven_id not in self._threads and not self.closed:
                thread = threading.Thread(
                    target=self._run, args=(ven.ven_id,), daemon=True, name=f"push-{ven.ven_id}"
                )
                self._threads[ven.ven_id] = thread
                thread.start()

    def close(self) -> None:
        """Push no more, and end all threads."""
        with self._state.lock:
            self.closed = True
            self._state.lock.notify_all()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(TIMEOUT)

    # --- one VEN, in its own thread ---------------------------------------------------------------

    def _run(self, ven_id: str) -> None:
        pause = FIRST_PAUSE
        while True:
            given = self._next(ven_id)
            if given is None:
                return
            if self._deliver(ven_id, *given):
                pause = FIRST_PAUSE
                continue
            with self._state.lock:
                if given[0].lost is not None:
                    given[0].lost()
                self._wait_out(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _wait_out(self, pause: float) -> None:
        deadline = self._state.clock.monotonic() + pause
        while not self.closed:
            left = deadline - self._state.clock.monotonic()
            if left <= 0:
                return
            self._state.clock.wait(self._state.lock, left)

    def _next(self, ven_id: str) -> Optional[tuple[answers.Given, str]]:
        """What is to be pushed, and where to; None when the VEN is not called any more."""
        with self._state.lock:
            while not self.closed:
                ven = self._state.vens.by_id.get(ven_id)
                if ven is None or not address_of(ven):
                    self._threads.pop(ven_id, None)
                    return None
                if ven.news or ven.queue or self._state.for_anyone:
                    return answers.take_for_push(self._state, ven), address_of(ven)
                self._state.lock.wait()
            return None

    def _deliver(self, ven_id: str, given: answers.Given, address: str) -> bool:
        """Whether the VEN took it."""
        record = given.answer
        raw = self._wire.write(record) if isinstance(record, Payload) else bytes(record)
        service = record.service if isinstance(record, Payload) else "EiEvent"
        try:
            status, body = self._post(address, service or "EiEvent", raw)
        except (OSError, http.client.HTTPException, ValueError) as cause:
            logger.warning("Push to %s at %s failed: %s", ven_id, address, cause)
            return False
        if status != 200:
            logger.warning("Push to %s at %s: HTTP status %d", ven_id, address, status)
            return False
        self._take_in(ven_id, service, body)
        return True

    def _post(self, address: str, service: str, body: bytes) -> tuple[int, bytes]:
        place = urlsplit(address)
        host, port = place.hostname or "", place.port
        connection = (
            http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self._context())
            if place.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        )
        try:
            connection.request(
                "POST",
                f"{place.path.rstrip('/')}/OpenADR2/Simple/2.0b/{service}",
                body,
                {"Content-Type": "application/xml"},
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _take_in(self, ven_id: str, service: str, body: bytes) -> None:
        """The answer in the response, as if the VEN had posted it."""
        if not body.strip():
            return
        received = Received(0, self._state.now(), service, None, body, {}, ven_id)
        try:
            self._wire.read_body(body, received)
        except UNREADABLE as error:
            received.error = error
        reply = Reply()
        if received.record is not None and not isinstance(received.record, Response):
            with self._state.lock:
                answer = answers.answer(self._state, received).answer
            reply = Reply(record=answer) if isinstance(answer, Payload) else reply
        self._enter(received, reply)


def address_of(ven: Ven) -> str:
    """Where a VEN wants to be called; empty where it polls."""
    request = ven.registration
    if request is None or not ven.registered or request.http_pull_model is not False:
        return ""
    return (request.transport_address or "").rstrip("/")
