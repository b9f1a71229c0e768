"""The conversation of the demo as lines that people see.

``Story`` is called by threads of the VTN (messages) and of the VEN (handlers); the console keeps
their lines whole.
"""

from __future__ import annotations

import threading
import time

from ..oadr20b.descriptions import describe, units_of
from ..oadr20b.schema.registration import Poll, Response
from ..oadr20b.schema.reports import RegisterReport, UpdatedReport, UpdateReport
from ..schema.common import Payload
from ..testing import Received
from .console import Console

FORTH, BACK = "VEN → VTN", "VEN ← VTN"
_ACTORS = {FORTH: "cyan", BACK: "magenta", "VEN": "cyan", "VTN": "magenta"}


WIDE = 100
"""Columns from which on the text has a column of its own."""
MARGIN, NARROW_MARGIN = 47, 20
"""Columns before the text of a line, in wide and narrow terminals."""


class Story:
    """Tells what happens, and remembers which milestones were reached."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._reached: set[str] = set()
        self._changed = threading.Condition()
        self._units: dict[str, str] = {}
        self.samples: int = 0
        self.polls: int = 0

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    # --- telling ----------------------------------------------------------------------------------

    def tell(self, actor: str, what: str, text: str = "", *styles: str) -> None:
        """One line."""
        console = self._console
        when = console.colour(f"{self.seconds:5.1f} s", "dim")
        who = console.colour(f"{actor:<9}", _ACTORS[actor])
        if console.width >= WIDE:
            console.paragraph(text, *styles, indent=MARGIN, first=f"{when}  {who}  {what:<26} ")
        else:
            both = f"{what}: {text}" if text else what
            console.paragraph(both, *styles, indent=NARROW_MARGIN, first=f"{when}  {who}  ")

    def note_message(self, received: Received) -> None:
        """A message of the VEN and its answer, as the VTN's record has them. Empty polls are only
        counted.
        """
        record, answer = received.record, received.answer
        if received.kind == "oadrPoll":
            self.polls += 1
        if isinstance(record, RegisterReport):
            self._units.update(units_of(record))
        for direction, message in ((FORTH, record), (BACK, answer)):
            if message is None or _is_empty(message):
                continue
            self.tell(direction, message.wire_name[4:], describe(message, self._units))
        if isinstance(record, UpdateReport):
            self.samples += sum(
                len(interval.report_payloads)
                for report in record.reports
                for interval in report.intervals
            )
        for milestone in (
            f"> {received.kind}",
            f"< {answer.wire_name}" if answer is not None else "",
        ):
            self.reach(milestone)

    # --- waiting ----------------------------------------------------------------------------------

    def reach(self, milestone: str) -> None:
        """Something happened for the first time, or again."""
        with self._changed:
            self._reached.add(milestone)
            self._changed.notify_all()

    def wait(self, milestone: str, what: str, timeout: float) -> bool:
        """Wait for a milestone behind a progress line; whether it was reached. ``timeout`` in
        seconds.
        """
        deadline = time.monotonic() + timeout
        marks = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if self._console.draws else "|/-\\"
        turn = 0
        while True:
            with self._changed:
                left = deadline - time.monotonic()
                if (
                    milestone in self._reached
                    or left <= 0
                    or self._changed.wait_for(lambda: milestone in self._reached, min(left, 0.1))
                ):
                    break
            turn += 1
            text = f"         {marks[turn % len(marks)]} {what} ({self.polls} polls)"
            self._console.progress(text)
        self._console.progress()
        return milestone in self._reached


def _is_empty(message: Payload) -> bool:
    """Whether a message is not worth a line: polls, and what only acknowledges."""
    if isinstance(message, UpdatedReport):
        return message.response.ok and message.cancel_report is None
    return isinstance(message, Poll) or (isinstance(message, Response) and message.response.ok)
