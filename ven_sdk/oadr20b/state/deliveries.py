"""What is remembered of messages with reports that the VTN has not acknowledged: frozen values, one
row of the table ``deliveries`` each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Optional


@dataclass(frozen=True)
class Part:
    """One report of a message: the rows as they will be resent, gaps filled in. ``spans``: its
    intervals have a duration (T21).
    """

    request: str
    report_request_id: str
    specifier: str
    report_name: str
    r_ids: tuple[str, ...]
    granularity: timedelta
    rows: tuple[tuple[datetime, str], ...]
    spans: bool = True


@dataclass(frozen=True)
class Delivery:
    """One ``oadrUpdateReport`` that the VTN may have got: resent identically until it is
    acknowledged (T26).

    ``refusals`` counts the errors that the VTN gave it; it is not sent again before ``retry_at``. A
    ``parked`` one was refused so often that others go before it. ``singly`` gives every value an
    interval of its own: some VTNs fail over two in one.
    """

    request_id: str
    created: datetime
    ven_id: Optional[str]
    parts: tuple[Part, ...]
    refusals: int = 0
    retry_at: Optional[datetime] = None
    parked: bool = False
    singly: bool = False
