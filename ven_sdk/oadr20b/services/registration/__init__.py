"""EiRegisterParty: the lifecycle of a registration (rules R), as one machine whose phases stand in
``PHASES``.

::

    new -> query -> register -> reports -> events -> registered   (R1: the bootstrap)
    registered, a registration in between, registered             (R10: the VTN asks for it)
    any -> query                                                  (R13: the VTN does not know us)
    registered -> cancelling -> cancelled                         (R12; by the VTN at once, R11)

    phases       the values
    creation     the query and the registration
    bootstrap    what follows it
    cancellation its end, by either side, and its renewal
    takeover     it goes on in another process
    other_vtn    whether the VTN is the same
    standing     the registration of before, while the VEN registers again

A phase is what is to be sent next, so a failure at any place is mended by sending the same again.
What the VTN does not offer, or fails over, does not hold up the rest: without the catalogue or the
list of events the bootstrap goes on. A pre-provisioned VEN (``register=False``) has neither query
nor register and begins at ``reports``. Pure functions of the book.
"""

from .bootstrap import (
    is_catalogue_due,
    is_list_due,
    is_step_due,
    next_task,
    owe_event_request,
    register_reports,
    request_events,
    resync,
)
from .cancellation import (
    cancel_registration,
    end_registration,
    lose_cancellation,
    owe_cancellation,
    receive_cancellation,
    reregister,
)
from .creation import QUERY, REGISTRATION, begin, lose, register, resume
from .other_vtn import is_unexpected
from .phases import BOOTSTRAP, PHASES, change_phase, frequency, poll_period
from .standing import problems
from .takeover import go_on, part

__all__ = [
    "BOOTSTRAP",
    "PHASES",
    "QUERY",
    "REGISTRATION",
    "begin",
    "cancel_registration",
    "change_phase",
    "end_registration",
    "frequency",
    "go_on",
    "is_catalogue_due",
    "is_list_due",
    "is_step_due",
    "is_unexpected",
    "lose",
    "lose_cancellation",
    "next_task",
    "owe_cancellation",
    "owe_event_request",
    "part",
    "poll_period",
    "problems",
    "receive_cancellation",
    "register",
    "register_reports",
    "request_events",
    "reregister",
    "resume",
    "resync",
]
