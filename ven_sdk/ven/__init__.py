"""One VEN as its user sees it: handlers, reports, answers, opts, and what can be read at any time.

``OpenADRClient`` adds the lifecycle of a program of its own; a ``Fleet`` runs many of these on
shared threads. Everything here may be called from any thread.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Optional

from ..arguments import flag
from ..config import Settings
from ..display.views import NotebookViews
from ..errors import StateError, TransportError
from ..profiles import choose_profile
from ..push.peer import Peer, Response, check_request, refuse_type
from ..runtime.health import examine, take_status
from ..runtime.status import Health, Status
from ..usercode.handler_calls import HandlerCalls
from .events import EventCalls
from .opts import OptCalls
from .reports import ReportCalls


class Ven(HandlerCalls, EventCalls, ReportCalls, OptCalls, NotebookViews):
    """A VEN: what a client and a member of a :class:`~ven_sdk.Fleet` have in common. Made by
    ``OpenADRClient(...)`` and ``Fleet.add(...)``, not by its own constructor.
    """

    _own = ("settings",)
    _elsewhere = {
        **dict.fromkeys(("start", "run"), "of its fleet: fleet.start(), fleet.run()"),
        "stop": "of its fleet: fleet.stop(), or fleet.remove(name) for this one alone",
        **{field.name: f"settings.{field.name}" for field in fields(Settings)},
    }

    # --- push -------------------------------------------------------------------------------------

    def receive(self, path: str, body: bytes, peer: Peer) -> Response:
        """Take in an HTTP request that the VTN pushed: for a web server of your own, see
        :func:`ven_sdk.push.wsgi`. Status, headers and body of the response come back.

        ``path`` is that of the request, ``body`` its bytes, ``peer`` who sent it, by a certificate
        that TLS verified. It may block for a commit to the store, and raises for nothing that a
        peer can send. ``StateError`` in the child of a fork.
        """
        self._engine.runtime.check_process()
        check_request(path, body, peer)
        taken = choose_profile(self.settings.vtn_url).media_types
        refusal = refuse_type(peer.media_type, taken)
        if refusal is not None:
            return refusal
        return self._engine.profile.take_push(path, body, peer, self._engine)

    # --- registration -----------------------------------------------------------------------------

    @property
    def registration_id(self) -> Optional[str]:
        """The registrationID, or None while not registered."""
        return self._engine.book.registration.registration_id

    @property
    def poll_frequency(self) -> timedelta:
        """The period of polling: the own setting, else what the VTN asked for, else 10 s."""
        return self._profile.poll_period(self._engine.book)

    def register(self, new: bool = False) -> None:
        """Register (again); with ``new`` without the old IDs (R6). Blocks until done; errors as
        ``cancel_registration``. ``TransportError`` where no answer comes in time, ``StateError``
        where the VTN ends the registration meanwhile.
        """
        self._require_running("register()")
        new = flag("new", new)
        deadline = self._engine.clock.monotonic() + self.settings.timeout
        request = self._profile.request_registration(new)
        if self.settings.register:
            self._wait_for_answer("register()", request)
        else:  # the VTN knows it beforehand: only the bootstrap is run again
            self._engine.transact(request.step)
            self._engine.conversation.send_at_once(*request.brings)
        rest = deadline - self._engine.clock.monotonic()
        self._engine.wait(lambda: self._is_registered() or self._state() == "unregistered", rest)
        if self._state() == "unregistered":
            raise StateError("register(): the VTN ended the registration right after it was made.")
        if not self._is_registered():
            raise TransportError(
                "register(): the VTN knows this VEN, but did not take its catalogue and list of "
                f"events within {self.settings.timeout:g} s. It is tried again until it succeeds."
            ) from self._engine.counters.last_error
        self._engine.conversation.lanes.end_pause()

    def cancel_registration(self) -> None:
        """End the registration (R12). Blocks; ProtocolError when the VTN refuses, TransportError
        when it does not answer. ``StateError`` while there is no registration.
        """
        self._require_running("cancel_registration()")
        self._wait_for_answer("cancel_registration()", self._profile.request_cancellation())

    # --- state ------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """What the client is doing, at this moment; cheap, from any thread."""
        return take_status(self._engine)

    def health(self) -> Health:
        """Whether all is well, and a sentence for everything that is not: for a supervisor or a
        health page.
        """
        return examine(self._engine, self.status)
