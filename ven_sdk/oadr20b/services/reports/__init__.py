"""EiReport: what this VEN offers and is asked for (rules T).

::

    metadata     the catalogue (T1 to T10)       requests     what the VTN asks for (T8 to T15)
    from_vtn     the VTN's own reports (T32)     endings      how requests end (T25, T28 to T31)
    step         the one step of the one timer   delivery     what is due becomes a message (T20)
    outbox       sending it, and the reply       lifecycle    start
    queries      what users look at
    acknowledgement    what a reply settles of requests that ended meanwhile

    request_meaning    a request as a state     report_part, waiting_rows    parts of a message

Sampling itself is of no protocol: ``ven_sdk.points`` (T17 to T19). All stands in the tables
``requests``, ``samples`` and ``deliveries``; one timer runs the step ``look``, which may be run at
any other time too: after the clock was set back, for one. Steps, tasks and views.
"""

from ....points.tables import TIMER, pending_ids
from .endings import cancel, forget_requests
from .from_vtn import (
    REQUEST,
    ask,
    ask_tasks,
    is_unanswered,
    offers,
    stop_report,
    take_data,
    take_offer,
)
from .lifecycle import resume
from .metadata import REGISTER_REPORT, catalogue_created, registration_task
from .outbox import DELIVERY, delivery_due, delivery_task
from .queries import counters, offered_reports, samples
from .requests import take_registered, take_request
from .step import look

__all__ = [
    "DELIVERY",
    "REGISTER_REPORT",
    "REQUEST",
    "TIMER",
    "ask",
    "ask_tasks",
    "cancel",
    "catalogue_created",
    "counters",
    "delivery_due",
    "delivery_task",
    "forget_requests",
    "is_unanswered",
    "look",
    "offered_reports",
    "offers",
    "pending_ids",
    "registration_task",
    "resume",
    "samples",
    "stop_report",
    "take_data",
    "take_offer",
    "take_registered",
    "take_request",
]
