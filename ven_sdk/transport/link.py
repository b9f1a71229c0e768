"""One kept-alive connection: sends one prepared message and brings the answer, through an adapter
of ``requests``.

Used by one thread at a time (the one that posts), except :meth:`Link.cut`. Who gets which link is
the concern of ``sessions``; what a failure means is that of ``failures``.
"""

from __future__ import annotations

import http.client
import logging
import socket
from typing import Callable, NamedTuple, Optional

import requests
from urllib3.exceptions import HTTPError

from ..errors import StateError, TransportError
from .answers import Answer, read_stand_in, receive
from .failures import failure, rejection, stand_in_failure
from .handshakes import is_refusal
from .requests_seam import Adapter
from .route import Deadline, Stage, Unacceptable
from .service import Service
from .wire import Wire

logger: logging.Logger = logging.getLogger(__name__)

# seconds to wait for the sign that a message on an old connection was not read: one round trip
_PATIENCE = 0.5
_BROKEN = (OSError, http.client.HTTPException, Unacceptable, UnicodeError)


class Sending(NamedTuple):
    """One message on its way to ``target``, by ``deadline``.

    ``sending_time()`` is asked when all is ready to be sent: for how many seconds it may be under
    way. ``again()`` gives what goes out in the place of ``body`` where the VTN had closed the
    connection; without it that is the same.
    """

    target: Service
    body: bytes
    deadline: Deadline
    cookie: Optional[str] = None
    sending_time: Optional[Callable[[], float]] = None
    again: Optional[Callable[[], bytes]] = None


class Link:
    """At most one connection, used by one thread at a time. ``timeout`` in seconds."""

    def __init__(
        self,
        dial: Callable[[Wire, Deadline], None],
        retire: Callable[[Wire], None],
        limit: int,
        timeout: float,
    ) -> None:
        self._adapter = Adapter()
        self.wire: Optional[Wire] = None
        self.is_wanted = True  # False: not for another exchange
        self._is_cut = False
        self._dial = dial
        self._retire = retire
        self._limit = limit
        self._timeout = timeout

    def exchange(self, sending: Sending) -> Answer:
        """One POST; what comes back has status 200. After any error the connection is gone.
        StateError where ``sending_time`` says 0.
        """
        target, done = sending.target, False
        try:
            response = self._adapter.pass_on(
                target.request(sending.body, sending.cookie), lambda: self._post(sending)
            )
            answer = (
                response if isinstance(response, Answer) else read_stand_in(response, self._limit)
            )
            done = True
        # of a stand-in: ours are raised by _post
        except (requests.RequestException, HTTPError, *_BROKEN) as cause:
            raise stand_in_failure(cause, target.where) from cause
        finally:
            if not done:
                self.drop()
        if answer.status_code != 200:
            raise rejection(answer.status_code, answer.reason, answer.headers, target.where)
        return answer

    def drop(self) -> None:
        """End the connection, if there is one."""
        wire, self.wire = self.wire, None
        if wire is not None:
            self._retire(wire)

    def cut(self) -> None:
        """Make the exchange that another thread has here fail at once."""
        self._is_cut = True
        wire = self.wire
        if wire is not None:
            wire.cut()

    # --- the exchange -----------------------------------------------------------------------------
    def _post(self, sending: Sending) -> Answer:
        """The exchange itself, on the connection that is there, or on a new one."""
        if self.wire is None:
            return self._on_new_wire(sending)
        answer = self._on_old_wire(sending)
        if answer is not None:
            return answer
        if sending.again is not None:
            sending = sending._replace(body=sending.again())
        return self._on_new_wire(sending)

    def _on_old_wire(self, sending: Sending) -> Optional[Answer]:
        """The answer, or None where a new connection is needed and the message surely was not
        read.
        """
        wire = self.wire
        if wire is None or wire.is_stale():
            self.drop()
            return None
        try:
            return self._converse(wire, sending)
        except _BROKEN as cause:
            if not _is_surely_unread(cause, wire, sending.deadline):
                raise self._failure(cause, wire, sending) from cause
            logger.debug(
                "%s: the VTN had closed the idle connection; sending again on a new one",
                sending.target.where,
            )
        self.drop()
        return None

    def _on_new_wire(self, sending: Sending) -> Answer:
        self.wire = wire = Wire(sending.target.route)
        if self._is_cut:
            wire.cut()
        try:
            self._dial(wire, sending.deadline)
            return self._converse(wire, sending)
        except _BROKEN as cause:
            raise self._failure(cause, wire, sending) from cause

    def _failure(self, cause: BaseException, wire: Wire, sending: Sending) -> TransportError:
        return failure(cause, wire, sending.target.where, sending.deadline, self._timeout)

    def _converse(self, wire: Wire, sending: Sending) -> Answer:
        deadline = sending.deadline
        if sending.sending_time is not None:
            seconds = sending.sending_time()
            if not seconds:
                raise StateError("Another owner of the store may run this VEN: nothing was sent.")
            wire.limit_transit(seconds)
        wire.stage = Stage.SEND
        try:
            for piece in sending.target.message(sending.body, sending.cookie):
                wire.send(piece, deadline)
        except OSError as cause:
            return self._early_answer(wire, cause, deadline)
        wire.stage = Stage.WAIT
        answer, can_go_on = receive(wire, deadline, self._limit)
        wire.was_used = True
        if not can_go_on:
            self.drop()
        return answer

    def _early_answer(self, wire: Wire, cause: OSError, deadline: Deadline) -> Answer:
        """A VTN that takes no more of a message may have said why (413, or a TLS alert) before it
        hung up.
        """
        if isinstance(cause, socket.timeout):
            raise cause
        try:
            answer, _ = receive(wire, deadline, self._limit)
        except _BROKEN as later:
            wire.stage = Stage.SEND
            raise (later if is_refusal(later) else cause) from None
        self.drop()
        return answer


def _is_surely_unread(cause: BaseException, wire: Wire, deadline: Deadline) -> bool:
    if wire.is_cut or deadline.is_over:
        return False
    if wire.stage is Stage.SEND:
        return not isinstance(cause, socket.timeout)
    return (
        wire.stage is Stage.WAIT
        and isinstance(cause, http.client.RemoteDisconnected)
        and wire.was_closed_before(_PATIENCE)
    )
