"""LocalVTN calls VENs that registered for push: what a poll would have got goes to their address.

One thread for each such VEN waits on the VTN's condition until there is something for its VEN. A
push that fails is tried again, first after ``retry`` seconds, then with doubling pauses of at most
two minutes, as VTNs in the field do; the queue keeps its order. A VEN that registers again is
called at once. What it answers in the HTTP response is taken in as if it had been posted. While the
VTN is down, nobody is called.
"""

from __future__ import annotations

import logging
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Callable, Optional

from ...oadr20b.schema.registration import CreatePartyRegistration, Response
from ...schema.common import Payload
from ...threads import daemon_thread
from . import answers
from .fault import FaultTable
from .journal import Received
from .push_faults import PushFault
from .push_http import TIMEOUT, Caller, NotTaken, PushRequest
from .reply import Reply
from .state import State
from .vens import Ven
from .wire import UNREADABLE, Wire

logger: logging.Logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 120.0
"""Seconds between tries."""
MOST_KEPT = 10_000
Enter = Callable[[Received, Reply], None]


@dataclass(frozen=True)
class Pushed:
    """One push, and what came of it.

    Attributes:
        at: when, by the VTN's clock.
        ven_id: to whom.
        service: to which of the VEN's services, such as ``'EiEvent'``.
        record: what was pushed; None for bytes that a test queued.
        status: HTTP status of the VEN's answer; 0 where there was none.
        trouble: why there was none, or an empty text.
    """

    at: datetime
    ven_id: str
    service: str
    record: Optional[Payload]
    status: int = 0
    trouble: str = ""

    def __str__(self) -> str:
        what = self.record.wire_name if self.record is not None else "bytes"
        came = self.trouble or f"HTTP {self.status}"
        return f"{self.at:%H:%M:%S.%f} {what} pushed to {self.ven_id}: {came}"

    @property
    def taken(self) -> bool:
        """Whether the VTN knows that the VEN took it."""
        return self.status == 200


class Pusher:
    """Pushes to every VEN whose registration says so. ``context`` gives the TLS settings of the VTN
    as a client; ``enter`` notes what the VEN answered; ``noted`` is called with each push.
    """

    def __init__(
        self,
        state: State,
        wire: Wire,
        context: Callable[[], ssl.SSLContext],
        fault_table: FaultTable,
        enter: Enter,
        noted: Callable[[Pushed], None],
    ) -> None:
        self._state, self._wire, self._fault_table = state, wire, fault_table
        self._enter, self._noted = enter, noted
        self._caller = Caller(context)
        self._threads: dict[str, threading.Thread] = {}
        self._last: dict[str, bytes] = {}
        self.pushes: deque[Pushed] = deque(maxlen=MOST_KEPT)
        self.retry: float = FIRST_PAUSE
        self.enabled: bool = True
        self.closed: bool = False
        self._resting = False

    def look(self) -> None:
        """A VEN registered: see that it is called. The VTN's lock is held."""
        if self.closed or not self.enabled:
            return
        for ven in self._state.vens:
            if address_of(ven) and ven.ven_id not in self._threads:
                thread = daemon_thread(f"push-{ven.ven_id}", self._run, ven.ven_id)
                self._threads[ven.ven_id] = thread
                thread.start()

    def open(self) -> None:
        """VENs are called, from now on."""
        with self._state.lock:
            self.closed = False
        self.resume()

    def rest(self) -> None:
        """The VTN is down: what is under way breaks, and nobody is called."""
        with self._state.lock:
            self._resting = True
        self._caller.close()

    def resume(self) -> None:
        """The VTN is there again."""
        self._caller.open()
        with self._state.lock:
            self._resting = False
            self.look()
            self._state.lock.notify_all()

    def close(self) -> None:
        """Push no more, and end all threads."""
        with self._state.lock:
            self.closed = True
            self._state.lock.notify_all()
            threads = list(self._threads.values())
        self._caller.close()
        for thread in threads:
            thread.join(TIMEOUT)

    # --- one VEN, in its own thread ---------------------------------------------------------------

    def _run(self, ven_id: str) -> None:
        pause = self.retry
        while True:
            given = self._next(ven_id)
            if given is None:
                return
            if self._deliver(ven_id, *given):
                pause = self.retry
                continue
            with self._state.lock:
                if given[0].lost is not None:
                    given[0].lost()
                registered_again = self._wait_out(pause, ven_id)
            pause = self.retry if registered_again else min(2 * pause, LONGEST_PAUSE)

    def _wait_out(self, pause: float, ven_id: str) -> bool:
        """Wait until the next try; whether it comes early, since the VEN has registered again."""
        deadline = self._state.clock.monotonic() + pause
        before = self._registration_of(ven_id)
        while not self.closed:
            if self._state.clock.monotonic() >= deadline:
                return False
            if self._registration_of(ven_id) is not before:
                return True
            self._state.clock.wait(self._state.lock, deadline)
        return False

    def _registration_of(self, ven_id: str) -> Optional[CreatePartyRegistration]:
        ven = self._state.vens.by_id.get(ven_id)
        return None if ven is None else ven.registration

    def _next(self, ven_id: str) -> Optional[tuple[answers.GivenAnswer, str]]:
        """What is to be pushed, and where to; None when the VEN is not called any more."""
        with self._state.lock:
            while not self.closed:
                ven = self._state.vens.by_id.get(ven_id)
                if ven is None or not address_of(ven):
                    break
                if not self._resting and answers.is_anything_due(self._state, ven):
                    return answers.take_for_push(self._state, ven), address_of(ven)
                now = self._state.clock.monotonic()
                seconds = answers.seconds_to_repeat(self._state, ven)
                self._state.clock.wait(self._state.lock, None if seconds is None else now + seconds)
            self._threads.pop(ven_id, None)
            return None

    def _deliver(self, ven_id: str, given: answers.GivenAnswer, address: str) -> bool:
        """Whether the VEN took it."""
        record = given.answer if isinstance(given.answer, Payload) else None
        raw = bytes(given.answer) if record is None else self._wire.write(record)
        service = (record.service if record is not None else None) or "EiEvent"
        request = self._strike(PushRequest(address, service, raw), ven_id, record)
        body, status, trouble = b"", 0, ""
        try:
            if request.before:
                self._push_old(request)
            status, body = self._caller.send(request)
        except NotTaken as cause:
            trouble = str(cause)
        self._last[ven_id] = raw
        if status != 200:
            logger.warning(
                "Push to %s at %s failed: %s", ven_id, address, trouble or f"HTTP status {status}"
            )
        self._note(Pushed(self._state.now(), ven_id, service, record, status, trouble))
        if status == 200:
            self._take_in(ven_id, service, body)
        return status == 200

    def _note(self, pushed: Pushed) -> None:
        with self._state.lock:
            self.pushes.append(pushed)
            self._state.lock.notify_all()
        self._noted(pushed)

    def _strike(self, request: PushRequest, ven_id: str, record: Optional[Payload]) -> PushRequest:
        """The request as the faults that strike it leave it."""
        pushed = Received(
            0, self._state.now(), request.service, record, request.body, {}, ven_id, pushed=True
        )
        with self._state.lock:
            faults = self._fault_table.find_faults(pushed)
        for fault in faults:
            if isinstance(fault, PushFault):
                request = fault.change(request, self._last.get(ven_id))
        return request

    def _push_old(self, request: PushRequest) -> None:
        try:
            self._caller.send(PushRequest(request.address, request.service, request.before))
        except NotTaken as cause:
            logger.info("The old message that a fault pushed was not taken: %s", cause)

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
