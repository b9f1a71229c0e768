"""What is remembered of an opt that the VEN sent by EiOpt: one row of the table ``opts`` each.
Frozen values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Optional

from ...argument_names import checked_value
from ..schema.opt import CreateOpt

OWED, CONFIRMED, REFUSED = "owed", "confirmed", "refused"
CANCELLING, CANCELLED = "cancelling", "cancelled"
REPLACED = "replaced"


@checked_value
@dataclass(frozen=True)
class OptState:
    """One opt, and what came of it.

    Attributes:
        record: what was sent: type, reason, targets, times.
        state: owed, confirmed, refused, cancelling, cancelled, or replaced (by a later schedule of
            the same ID).
        order: sorts by what is to be sent first.
        since: when it was made, aware UTC.
        cancel_request_id: the ID of the message that withdraws it.
        code: the VTN's code, where it refused the opt (state ``refused``) or its cancellation
            (state ``confirmed``: it still holds; or ``refused``: the VTN does not know it).
        description: the VTN's text with it.
        previous: the confirmed opt of the same ID that this one is to replace.
    """

    record: CreateOpt
    state: str = OWED
    order: str = ""
    since: Optional[datetime] = None
    cancel_request_id: Optional[str] = None
    code: Optional[str] = None
    description: Optional[str] = None
    previous: Optional[CreateOpt] = None

    @property
    def opt_id(self) -> str:
        """The opt's ID."""
        return self.record.opt_id

    @property
    def opt_type(self) -> str:
        """``optIn`` or ``optOut``."""
        return self.record.opt_type

    @property
    def standing(self) -> "OptState":
        """What stands of this row: where its opt was refused, the one that it was to replace."""
        if self.state != REFUSED or self.previous is None:
            return self
        return OptState(self.previous, CONFIRMED, self.order, self.since)

    @property
    def in_force(self) -> bool:
        """Whether it holds as far as the VEN is concerned: said, and not withdrawn or refused."""
        return self.state in (OWED, CONFIRMED)
