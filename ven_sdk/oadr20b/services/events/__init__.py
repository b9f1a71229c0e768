"""EiEvent: the criteria of OpenADR 2.0b for events, on the timeline that ``ven_sdk.events`` carries
out.

::

    incoming_list  a list is taken in          transitions  what it makes of one event
    eligibility    is it for this VEN          consistency  does it make sense in itself
    responses      oadrCreatedEvent            list_memory  what is kept of a list for them
    user_opts      opt_in and opt_out          lifecycle    start, list request, end of registration
    wording        what the log says about a list

Pure functions of the book and the time; they run as steps.
"""

from .incoming_list import answer_foreign_list, receive, receive_none
from .lifecycle import (
    LIST_REQUEST,
    drop_all,
    is_deciding,
    look_again,
    request_task,
    resume,
    shift_deadlines,
)
from .responses import ANSWER, answer_tasks, owes_answer, owes_unheld
from .user_opts import opt

__all__ = [
    "ANSWER",
    "LIST_REQUEST",
    "answer_foreign_list",
    "answer_tasks",
    "drop_all",
    "is_deciding",
    "look_again",
    "opt",
    "owes_answer",
    "owes_unheld",
    "receive",
    "receive_none",
    "request_task",
    "resume",
    "shift_deadlines",
]
