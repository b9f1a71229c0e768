"""What is remembered about the registration and about answers owed: frozen values, one row of a
table each.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Optional

from ..values import dataclass


@dataclass(frozen=True)
class Registration:
    """Where the VEN stands with its VTN (rules R). ``phase`` is one of
    ``services.registration.PHASES``.

    ``known`` is False after the VTN said that it does not know us (R13) until a registration
    succeeded. ``fresh`` asks for a registration without the old IDs (R6). ``catalogue`` is the
    digest of the catalogue that the VTN acknowledged, ``catalogue_created`` its createdDateTime
    (R8). ``resync`` asks for the event list (H6). ``catalogue_again`` and ``list_again`` say when
    those are tried again that the VTN failed over.
    """

    phase: str = "new"
    since: Optional[datetime] = None
    ven_id: Optional[str] = None
    registration_id: Optional[str] = None
    vtn_id: Optional[str] = None
    poll_frequency: Optional[timedelta] = None
    fresh: bool = False
    known: bool = True
    resync: bool = False
    catalogue: Optional[str] = None
    catalogue_created: Optional[datetime] = None
    catalogue_request: Optional[str] = None
    catalogue_again: Optional[datetime] = None
    list_again: Optional[datetime] = None
    reason: Optional[str] = None


@dataclass(frozen=True)
class Answer:
    """A protocol answer that the VTN waits for (P4): the payload's record as data, and the service
    it goes to.

    ``courtesy`` answers may fail without a word (the 459 for a message that did not verify).
    """

    payload: str
    record: dict[str, Any]
    created: datetime
    courtesy: bool = False
    service: str = "EiEvent"
