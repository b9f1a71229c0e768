"""What serves in a ``LocalVTN``: from a request to a reply, with the faults in between; opening,
killing, closing.

Each request runs on its connection's thread: read (no lock), answer (the state's lock, short),
write (no lock).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Callable, Optional, TypeVar, Union

from ...brackets import is_function
from ...errors import ConfigurationError
from ...oadr20b.addresses import DEFAULT_PATH
from ...oadr20b.schema.registration import Response
from ...schema.common import Payload
from ...security.fingerprint import fingerprint_of
from ...usercode.functions import check_call
from . import answers, letter
from .fault import SERVICES, Fault, FaultTable
from .http import Server
from .http_requests import Request
from .journal import Journal, Received
from .pusher import Pushed, Pusher
from .reply import Reply
from .state import State
from .trust import Trust
from .wire import UNREADABLE, Violation, Wire, refusal_of

logger: logging.Logger = logging.getLogger(__name__)
T = TypeVar("T")
_PATHS = {f"{DEFAULT_PATH}/{service}": service for service in SERVICES}


class Core:
    """What serves requests. The public class adds what tests say to it and ask it."""

    def __init__(
        self, state: State, trust: Trust, wire: Wire, *, tls: bool, client_certificates: bool
    ) -> None:
        self._state, self._trust, self._wire = state, trust, wire
        self._tls, self._client_certificates = tls, client_certificates
        self._journal = Journal(state.lock, state.keep)
        self._fault_table = FaultTable()
        self._server = Server(
            self._serve, now=state.clock.time, connected=self._fault_table.connection_delay
        )
        self._pusher = Pusher(
            state, wire, trust.push_context, self._fault_table, self._finish_push, self._note_push
        )
        self._violations: deque[Violation] = deque(maxlen=1000)
        self._own_violations: deque[str] = deque(maxlen=1000)
        self._sent: dict[tuple[str, str], bytes] = {}
        self.listeners: list[Callable[[Received], None]] = []
        """Called with each message once its reply is made, on the connection's thread; what one
        raises is logged.
        """
        self.push_listeners: list[Callable[[Pushed], None]] = []
        """Called with each push once it was tried, on its own thread; what one raises is logged."""
        self.routes: dict[str, Callable[[Request], Reply]] = {}
        """Other pages of the same server: a function of the request for each path (without the
        query).
        """
        self.errors: list[Exception] = []
        """What went wrong inside the VTN, such as a fault of a test's own that raised. The end of
        ``with`` raises it.
        """
        self.closed: bool = True

    # --- lifecycle --------------------------------------------------------------------------------

    def open(self, port: int = 0) -> None:
        """Listen on ``port``; 0 takes a free one."""
        if self._tls:
            self._server.context = self._trust.context(
                client_certificates=self._client_certificates
            )
        self._server.open(port)
        self.closed = False
        self._pusher.open()

    def close(self) -> None:
        """Switch faults off, hang up, end all threads, free the port, remove files. Twice is
        harmless.
        """
        self.closed = True
        for fault in self._fault_table.faults:
            fault.clear()
        self._pusher.close()
        self._server.close()
        self._trust.close()

    def _check_own(self, *messages: Union[Payload, bytes, Reply]) -> None:
        """Note what is wrong with messages that a user gives the VTN to send, in the call that
        gives them. ``ConfigurationError`` for a record that cannot be written at all.
        """
        for message in messages:
            if isinstance(message, Payload):
                self._wire.check_writable(message)
        found = [what for message in messages for what in self._wire.deviations_of(message)]
        with self._state.lock:
            self._own_violations.extend(found)

    # --- one request ------------------------------------------------------------------------------

    def _serve(self, request: Request) -> Reply:
        service = _PATHS.get(request.path)
        if service is None:
            return self._other_page(request)
        if request.method != "POST":
            return Reply(status=405, headers={"Allow": "POST"})
        received = Received(0, self._state.now(), service, None, request.body, request.headers)
        if request.peer is not None:
            received.fingerprint = fingerprint_of(request.peer)
        try:
            reply = self._reply(request, received)
        # what a test queued, or a fault of its own: the test is told, the VEN gets a 500
        except Exception as error:
            logger.exception("LocalVTN failed on a request to %s.", service)
            self.errors.append(error)
            reply = Reply(status=500)
        self._finish(received, reply)
        return reply

    def _other_page(self, request: Request) -> Reply:
        page = self.routes.get(request.path.partition("?")[0])
        return page(request) if page is not None else Reply(status=404)

    def _reply(self, request: Request, received: Received) -> Reply:
        tls_fingerprint = received.fingerprint
        try:
            self._wire.read(request, received)
        except UNREADABLE as error:
            received.error = error
        faults = self._note(received, tls_fingerprint)
        for fault in faults:
            instead = fault.before(received)
            if instead is not None:
                return self._apply_after(faults, received, instead)
        return self._apply_after(faults, received, self._answer(received))

    def _note(self, received: Received, tls_fingerprint: Optional[str]) -> list[Fault]:
        """Number a message and note what is wrong with it; the faults that strike it."""
        if tls_fingerprint and received.fingerprint != tls_fingerprint:
            received.deviations.append(
                "signed with another certificate than the TLS connection was made with"
            )
        with self._state.lock:
            received.number = self._journal.new_number()
            if received.error is not None:
                self._violations.append(Violation(received, str(received.error)))
            self._violations.extend(Violation(received, what) for what in received.deviations)
            return self._fault_table.find_faults(received)

    def _apply_after(self, faults: list[Fault], received: Received, reply: Reply) -> Reply:
        for fault in faults:
            reply = fault.after(received, reply)
        return reply

    def _answer(self, received: Received) -> Reply:
        if received.record is None:
            return refusal_of(received.error)
        with self._state.lock:
            if self._state.letter:
                self._judge(received)
            given = answers.answer(self._state, received)
            if self._state.letter:
                letter.note(self._state, received, given.answer)
        reply = self._write_reply(received, given.answer)
        if given.lost is None:
            return reply
        return replace(reply, lost=self._under_lock(given.lost))

    def _judge(self, received: Received) -> None:
        """Note what the letter does not allow. The lock is held."""
        found = letter.deviations(self._state, received)
        received.deviations += found
        self._violations.extend(Violation(received, what) for what in found)

    def _under_lock(self, undo: Callable[[], None]) -> Callable[[], None]:
        def undo_loss() -> None:
            with self._state.lock:
                undo()
                self._state.lock.notify_all()

        return undo_loss

    def _write_reply(self, received: Received, answer: Union[Reply, Payload, bytes]) -> Reply:
        """The reply that carries a record, bytes, or a reply that a test queued."""
        if isinstance(answer, Payload):
            reply = Reply(body=self._wire.write(answer), record=answer)
        else:
            reply = Reply(body=answer) if isinstance(answer, bytes) else answer
        if type(answer) is not Response and isinstance(reply.body, bytes):
            self._sent[received.ven_id, received.service] = reply.body
        return reply

    def _finish(self, received: Received, reply: Reply) -> None:
        """The message was handled: whoever waits may look."""
        with self._state.lock:
            received.answer, received.status = reply.record, 0 if reply.silent else reply.status
            if self._state.letter and isinstance(reply.body, bytes):
                received.reply = reply.body
            self._journal.enter(received)
            self._pusher.look()
            self._state.lock.notify_all()
        self._notify(self.listeners, received)

    def _notify(self, listeners: Sequence[Callable[[T], None]], what: T) -> None:
        for listener in list(listeners):
            try:
                listener(what)
            except Exception:
                logger.exception("A listener of LocalVTN failed on %s; the VTN goes on.", what)

    def _note_push(self, pushed: Pushed) -> None:
        self._notify(self.push_listeners, pushed)

    def _finish_push(self, received: Received, reply: Reply) -> None:
        """A VEN answered a push in its HTTP response."""
        with self._state.lock:
            received.number = self._journal.new_number()
            if received.error is not None:
                self._violations.append(Violation(received, str(received.error)))
            self._violations.extend(Violation(received, what) for what in received.deviations)
        self._finish(received, reply)

    # --- for faults -------------------------------------------------------------------------------

    def add_fault(self, fault: Fault) -> None:
        """Switch ``fault`` on."""
        fault.belong_to(self)
        with self._state.lock:
            self._fault_table.add(fault)
        fault.begin(self)

    def drop_fault(self, fault: Fault) -> None:
        """Switch ``fault`` off; it does nothing but forget it."""
        with self._state.lock:
            self._fault_table.remove(fault)
            self._state.lock.notify_all()

    def refusal(
        self, received: Received, code: str, description: str, *, bare: bool = False
    ) -> Reply:
        """The error answer to a message.

        Arguments:
            received: the message.
            code: an OpenADR code of three digits.
            description: a text with it.
            bare (False): in an oadrResponse, not in the answer that belongs to the message.
        """
        if received.record is None:
            return refusal_of(received.error)
        with self._state.lock:
            record = answers.refuse(self._state, received.record, code, description, bare=bare)
        return Reply(body=self._wire.write(record), record=record)

    def last_sent(self, received: Received) -> Optional[bytes]:
        """What was last sent to the VEN and service of ``received``, apart from
        acknowledgements.
        """
        return self._sent.get((received.ven_id, received.service))

    def hang_up(self) -> None:
        """Refuse connections and reset those that stand; call nobody."""
        self._pusher.rest()
        self._server.hang_up()

    def listen(self) -> None:
        """Accept connections again, on the same port."""
        if not self.closed:
            self._server.listen()
            self._pusher.resume()

    def wait_until(
        self,
        found: Callable[[], object],
        timeout: float = 5,
        what: str = "what was waited for",
        *,
        after: int = 0,
    ) -> object:
        """Wait until ``found()`` gives something, which comes back; it is called whenever anything
        happened, with the lock held.

        Arguments:
            found: the question.
            timeout (5): seconds.
            what ('what was waited for'): what is waited for, as the error calls it.
            after (0): the error tells what arrived after this :meth:`mark`.

        Raises:
            NotSeen: it did not happen in time.
            ConfigurationError: ``found`` is no function, or wants arguments.
        """
        if not is_function(found):
            raise ConfigurationError(f"found must be a function without arguments, not {found!r}.")
        check_call(found, "found", ())
        return self._journal.wait_until(
            found,
            timeout,
            lambda: (f"{what} within {timeout:g} s", "it did not happen"),
            after=after,
        )
