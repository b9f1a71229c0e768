"""EiOpt: schedules and opts of resources that the VEN sends (rules O1).

::

    calls       create_opt, cancel_opt        tasks       what is sent, what a reply means
    arguments   what users may pass           rows        how long a row stands
    schedules   what standing opts mean for events

An opt stands in the table ``opts`` from the call that made it until it is withdrawn or expires, and
is sent again under the same IDs until the VTN has answered. The blocking wait of
``client.create_opt`` is the runtime's: it looks at the row. Pure functions of the book, run as
steps.
"""

from .calls import cancel, create, read_facts
from .rows import forget_all, forget_confirmed, forget_event, resume
from .schedules import find_opt_of, is_opted_out, list_standing
from .tasks import (
    CANCELLATION,
    CREATION,
    is_cancelling,
    is_owed,
    list_tasks,
    lose_cancellation,
)

__all__ = [
    "CANCELLATION",
    "CREATION",
    "cancel",
    "create",
    "find_opt_of",
    "forget_all",
    "forget_confirmed",
    "forget_event",
    "is_opted_out",
    "is_cancelling",
    "is_owed",
    "list_standing",
    "list_tasks",
    "lose_cancellation",
    "read_facts",
    "resume",
]
