"""What is remembered about answers owed: frozen values, one row of the table ``answers`` each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Answer:
    """A protocol answer that the VTN waits for (P4): the payload's record as data, and the service
    it goes to.

    ``courtesy`` answers may fail without a word (the 459 for a message that did not verify).
    ``requests`` are the keys of report requests whose data it precedes (T16).
    """

    payload: str
    record: dict[str, object]
    created: datetime
    courtesy: bool = False
    service: str = "EiEvent"
    requests: tuple[str, ...] = ()
