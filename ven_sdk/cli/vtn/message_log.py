"""The log of the test VTN: a line for each message and its answer, in the demo's words. Called on
connection threads.
"""

from __future__ import annotations

from datetime import datetime

from ...oadr20b.descriptions import describe, units_of
from ...oadr20b.schema.registration import Poll, Response
from ...oadr20b.schema.reports import RegisterReport, UpdatedReport
from ...schema.common import Payload
from ...testing import Pushed, Received
from ..console import Console

INDENT = 10


class MessageLog:
    """Writes what VENs and the VTN say to each other; polls that bring nothing get no line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._units: dict[str, str] = {}

    def note_message(self, received: Received) -> None:
        """One message and its answer."""
        record, answer = received.record, received.answer
        if isinstance(record, RegisterReport):
            self._units.update(units_of(record))
        if not _is_routine(received):
            self._line(received, record, received.ven_id or "a VEN", "→")
            if answer is None:
                what = f"HTTP {received.status}" if received.status else "no answer"
                self._write_plain(received.at, f"{received.ven_id or 'a VEN'} ← {what}")
            elif not _only_acknowledges(answer):
                self._line(received, answer, received.ven_id or "a VEN", "←")
        for trouble in [str(received.error)] if received.error else received.deviations:
            self._console.paragraph(trouble, "yellow", indent=INDENT, first=" " * INDENT)

    def note_push(self, pushed: Pushed) -> None:
        """What was pushed to a VEN, and how it went where it failed."""
        record = pushed.record
        words = describe(record, self._units) if record is not None else ""
        what = record.wire_name[4:] if record is not None else "bytes"
        failed = "" if pushed.taken else f", failed: {pushed.trouble or f'HTTP {pushed.status}'}"
        text = f"{pushed.ven_id} ← {what} (pushed{failed}){f': {words}' if words else ''}"
        self._write_plain(pushed.at, text)

    def _line(
        self, received: Received, message: "Payload | None", ven: str, direction: str
    ) -> None:
        name = message.wire_name[4:] if message is not None else received.kind
        words = describe(message, self._units) if message is not None else ""
        self._write_plain(received.at, f"{ven} {direction} {name}{f': {words}' if words else ''}")

    def _write_plain(self, at: datetime, text: str) -> None:
        when = self._console.colour(f"{at.astimezone():%H:%M:%S}", "dim")
        self._console.paragraph(text, indent=INDENT, first=f"{when}  ")


def _is_routine(received: Received) -> bool:
    """Whether a message is a poll that brought nothing, or acknowledges a push."""
    if isinstance(received.record, Response):
        return received.record.response.ok
    return isinstance(received.record, Poll) and (
        received.answer is not None and _only_acknowledges(received.answer)
    )


def _only_acknowledges(answer: Payload) -> bool:
    if isinstance(answer, UpdatedReport):
        return answer.response.ok and answer.cancel_report is None
    return isinstance(answer, Response) and answer.response.ok
