"""What a user asks of a VEN about opts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..argument_names import named_arguments
from ..display.tables import Rows
from .base import VenBase

if TYPE_CHECKING:
    from ..profiles import OptState


class OptCalls(VenBase):
    """The opts of a VEN: made, withdrawn, and those that stand."""

    @named_arguments
    def create_opt(
        self,
        opt_type: str,
        opt_reason: str,
        targets: object = None,
        vavailability: object = None,
        event_id: Optional[str] = None,
        modification_number: Optional[int] = None,
        opt_id: Optional[str] = None,
        request_id: Optional[str] = None,
        market_context: Optional[str] = None,
        signal_target_mrid: Optional[str] = None,
    ) -> str:
        """Opt in or out of an event, of resources of it, or for a schedule; returns the opt's ID.
        Blocks until the VTN answered.

        Arguments:
            opt_type: ``'optIn'`` or ``'optOut'``.
            opt_reason: one of ``enums.OPT_REASON``, or a token that begins with ``x-``.
            targets (None): what it is about: ``{'resource_id': ['r1']}``, a list of such dicts or
                of ``objects.Target``. None: the whole VEN, or what the event names.
            vavailability (None): times of a schedule, needed without ``event_id``: a list of
                ``(dtstart, duration)``, an aware datetime and a duration each; 0 has no end.
            event_id (None): the event. None: the opt is a schedule.
            modification_number (None): of the event; None: as the client knows it.
            opt_id (None): an ID of your own; that of a schedule that stands replaces it.
            request_id (None): an ID of your own for the message.
            market_context (None): for a schedule alone: the programme, a URI.
            signal_target_mrid (None): class of devices, such as one of
                ``enums.SIGNAL_TARGET_MRID``.

        Raises:
            ConfigurationError: an argument cannot be used, or two of them together.
            ProtocolError: the VTN refused, with its code.
            TransportError: no answer within the client's ``timeout``. It has ``opt_id``: the opt
                stays owed and is sent again under the same ID.
            StateError: the client does not run, the event is not known, or wants no response.
        """
        self._require_running("create_opt()")
        request = self._profile.create_opt(
            opt_type=opt_type,
            opt_reason=opt_reason,
            targets=targets,
            vavailability=vavailability,
            event_id=event_id,
            modification_number=modification_number,
            opt_id=opt_id,
            request_id=request_id,
            market_context=market_context,
            signal_target_mrid=signal_target_mrid,
        )
        self._wait_for_answer("create_opt()", request, opt_id=request.result)
        self._check_registration("create_opt()")
        return request.result

    def cancel_opt(self, opt_id: str) -> None:
        """Withdraw the opt ``opt_id``. Blocks until the VTN answered, and raises as ``create_opt``
        does.
        """
        self._require_running("cancel_opt()")
        self._wait_for_answer("cancel_opt()", self._profile.cancel_opt(opt_id), opt_id=opt_id)

    @property
    def opts(self) -> tuple[OptState, ...]:
        """The opts that stand: sent or still owed."""
        return Rows(self._engine.look(lambda: self._profile.standing_opts(self._engine.book)))
