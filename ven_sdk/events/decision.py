"""What a decision handler may return, and what is made of it. Values and one function; no state, no
thread.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple, Optional

from ..errors import HandlerError

OPTS = ("optIn", "optOut")


class Deferral(enum.Enum):
    """The type of :data:`DEFER`; an enum so that the one member survives pickling."""

    DEFER = "DEFER"

    def __repr__(self) -> str:
        return "DEFER"


DEFER = Deferral.DEFER
"""Returned by ``on_event`` or ``on_update_event``: the answer comes later, by ``client.opt_in`` or
``client.opt_out``.
"""


class Decision(NamedTuple):
    """``opt`` is None for a deferred decision; ``error`` says why a handler's result is an optOut
    of its event.
    """

    opt: Optional[str]
    error: Optional[HandlerError] = None


def judge(result: Any, handler: str, event_id: str) -> Decision:
    """What ``result`` of ``handler`` means: optIn, optOut, deferred, or optOut because it is
    unusable (api.md section 3).
    """
    if result is DEFER:
        return Decision(None)
    if isinstance(result, HandlerError):
        return Decision("optOut", result)
    if isinstance(result, str) and result in OPTS:
        return Decision("optIn" if result == "optIn" else "optOut")
    return Decision(
        "optOut",
        HandlerError(
            f"{handler} returned {result!r} for event {event_id!r}; expected 'optIn', 'optOut' "
            f"or ven_sdk.DEFER. "
            "The event is opted out of.",
            handler=handler,
        ),
    )
