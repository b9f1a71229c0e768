"""The conversation of the demo in words: what each message says, and the lines that people see.

``Story`` is called by threads of the VTN (messages) and of the VEN (handlers); the console keeps
their lines whole.
"""

from __future__ import annotations

import textwrap
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from .console import Console

FORTH, BACK = "VEN → VTN", "VEN ← VTN"
_ACTORS = {FORTH: "cyan", BACK: "magenta", "VEN": "cyan", "VTN": "magenta"}


MARGIN = 47
"""Columns before the text of a line."""


class Story:
    """Tells what happens, and remembers which milestones were reached."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._reached: set[str] = set()
        self._changed = threading.Condition()
        self.samples = self.polls = 0

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    # --- telling ----------------------------------------------------------------------------------

    def tell(self, actor: str, what: str, text: str = "", *styles: str) -> None:
        """One line."""
        console = self._console
        when = console.paint(f"{self.seconds:5.1f} s", "dim")
        first, *more = textwrap.wrap(text, max(30, console.width - MARGIN)) or [""]
        who = console.paint(f"{actor:<9}", _ACTORS[actor])
        console.line(f"{when}  {who}  {what:<26} {console.paint(first, *styles)}".rstrip())
        for line in more:
            console.line(" " * MARGIN + console.paint(line, *styles))

    def heard(self, received: Any) -> None:
        """A message of the VEN and its answer, as the VTN's record has them. Empty polls are only
        counted.
        """
        record, answer = received.record, received.answer
        if received.kind == "oadrPoll":
            self.polls += 1
        for direction, message in ((FORTH, record), (BACK, answer)):
            text = "" if message is None else _words(direction, message)
            if text:
                self.tell(direction, message.wire_name[4:], text)
        if received.kind == "oadrUpdateReport":
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
        """Wait for a milestone behind a progress line; whether it was reached."""
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
            self._console.progress(self._console.paint(text, "dim"))
        self._console.progress()
        return milestone in self._reached


# --- words of messages ----------------------------------------------------------------------------


def _words(direction: str, message: Any) -> str:
    words = _WORDS.get((direction, message.wire_name))
    return words(message) if words is not None else ""


def _offered(message: Any) -> str:
    if message.ven_id:
        return f"registered: venID {message.ven_id!r}, registrationID {message.registration_id!r}"
    rate = message.requested_oadr_poll_freq
    return (
        f"{message.vtn_id!r} speaks "
        f"{' and '.join(profile.profile_name for profile in message.profiles)}"
        f"{f', wants a poll every {_span(rate)}' if rate else ''}"
    )


def _catalogue(message: Any) -> str:
    points = [
        f"{point.measurement.name if point.measurement else report.report_name} every "
        f"{_span(point.sampling_rate.min_period) if point.sampling_rate else '?'}"
        for report in message.reports
        for point in report.report_descriptions
    ]
    return f"I can report {', '.join(points)}" if points else ""


def _requests(message: Any) -> str:
    return "; ".join(
        f"wants {request.report_request_id!r}: a sample every "
        f"{_span(request.report_specifier.granularity)}, "
        f"delivered every {_span(request.report_specifier.report_back_duration)}"
        for request in message.report_requests
    )


def _samples(message: Any) -> str:
    values = [
        f"{payload.value:g} W at {interval.dtstart.astimezone():%H:%M:%S}"
        for report in message.reports
        for interval in report.intervals
        for payload in interval.report_payloads
    ]
    return f"samples: {', '.join(values)}" if values else ""


def _events(message: Any) -> str:
    return "; ".join(event_words(event) for event in message.events)


def event_words(event: Any) -> str:
    """An event in a few words."""
    steps = ", ".join(
        f"level {interval.signal_payload:g} for {_span(interval.duration)}"
        for signal in event.event_signals
        for interval in signal.intervals
    )
    begin = event.active_period.dtstart - datetime.now(timezone.utc)
    when = f"begins in {begin.total_seconds():.1f} s" if begin > timedelta(0) else "has begun"
    return f"event {event.event_id!r}, {event.event_signals[0].signal_name}: {steps}; {when}"


def _answers(message: Any) -> str:
    return "; ".join(
        f"{answer.opt_type} to {answer.event_id!r}" for answer in message.event_responses
    )


def _agreed(message: Any) -> str:
    return (
        f"agreed: {', '.join(map(repr, message.pending_reports))}"
        if message.pending_reports
        else ""
    )


def _span(length: Any) -> str:
    return f"{length.total_seconds():g} s"


_WORDS: dict[tuple[str, str], Callable[[Any], str]] = {
    (FORTH, "oadrQueryRegistration"): lambda _: "what do you offer?",
    (BACK, "oadrCreatedPartyRegistration"): _offered,
    (FORTH, "oadrCreatePartyRegistration"): lambda message: (
        f"I am {message.ven_name!r}, please register me"
    ),
    (FORTH, "oadrRegisterReport"): _catalogue,
    (BACK, "oadrRegisteredReport"): _requests,
    (BACK, "oadrCreateReport"): _requests,
    (FORTH, "oadrCreatedReport"): _agreed,
    (FORTH, "oadrUpdateReport"): _samples,
    (FORTH, "oadrRequestEvent"): lambda _: "which events are there?",
    (BACK, "oadrDistributeEvent"): lambda message: _events(message) or "none yet",
    (FORTH, "oadrCreatedEvent"): _answers,
    (FORTH, "oadrCancelPartyRegistration"): lambda _: "good-bye",
    (BACK, "oadrCanceledPartyRegistration"): lambda _: "registration ended",
}
