"""What a message says, in a few words for people: the demo, the logs of the client, of ``run`` and
of the test VTN use the same ones. Pure functions.

Texts of the other side are shown as ``repr`` shows them, so that they cannot forge a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import singledispatch
from typing import Optional

from ..instants import to_local
from ..schema.common import Payload
from ..schema.events import Event, EventSignal
from ..schema.points import ReportPayload
from ..schema.units import prefixed_unit
from .schema.events import CreatedEvent, DistributeEvent, RequestEvent
from .schema.opt import CanceledOpt, CancelOpt, CreatedOpt, CreateOpt
from .schema.registration import (
    CanceledPartyRegistration,
    CancelPartyRegistration,
    CreatedPartyRegistration,
    CreatePartyRegistration,
    Poll,
    QueryRegistration,
    RequestReregistration,
    Response,
)
from .schema.reports import (
    CanceledReport,
    CancelReport,
    CreatedReport,
    CreateReport,
    RegisteredReport,
    RegisterReport,
    Report,
    ReportRequest,
    UpdatedReport,
    UpdateReport,
)

Units = Mapping[str, str]
MOST = 4
"""How many members of a list are named; the others are counted."""
SOON = timedelta(minutes=2)


def describe(message: Payload, units: Optional[Units] = None) -> str:
    """What ``message`` says, without its name; an empty text where the name says it all. ``units``:
    the unit of each data point by rID, see :func:`units_of`.
    """
    response = getattr(message, "response", None)
    if response is not None and not response.ok:
        return refusal(response.response_code, response.response_description)
    if isinstance(message, UpdateReport):
        return _samples(message.reports, units or {})
    return _words(message)


def describe_exchange(sent: Payload, reply: Optional[Payload]) -> str:
    """What was asked and answered, where lines of their own do not say it: of a refusal nothing,
    for that has a warning, and of a list of events their number, for what is new is told apart.
    """
    response = getattr(reply, "response", None)
    if response is not None and not response.ok:
        return ""
    if isinstance(sent, UpdateReport):
        return f"delivered {_count_of_samples(sent.reports)}"
    if isinstance(sent, RequestEvent):
        return _number_of_events(reply)
    if isinstance(sent, (QueryRegistration, CreatePartyRegistration)):
        return "" if reply is None else describe(reply)
    return "" if isinstance(sent, (Poll, CancelPartyRegistration)) else describe(sent)


def _number_of_events(reply: Optional[Payload]) -> str:
    if not isinstance(reply, DistributeEvent):
        return "no events"
    count = len(reply.events) + len(reply.faulty)
    return f"{count} event{'s' if count != 1 else ''}" if count else "no events"


def _count_of_samples(reports: Sequence[Report]) -> str:
    """How many of what, without the values: a report may hold very many."""
    count, points, feeds = 0, dict[str, None](), 0
    for report in reports:
        for interval in report.intervals:
            feeds += bool(interval.feed)
            count += len(interval.report_payloads)
            points.update((payload.r_id, None) for payload in interval.report_payloads)
    if not count:
        return f"{feeds} Green Button feed{'s' if feeds != 1 else ''}" if feeds else "no samples"
    requests = dict.fromkeys(_name(report.report_request_id) for report in reports)
    plural = "s" if count != 1 else ""
    named = _list_members(map(_name, points))
    return f"{count} sample{plural} of {named} for {_list_members(requests)}"


def refusal(code: str, description: Optional[str]) -> str:
    """A refusal with its code and reason."""
    return f"refused with code {code}{f': {description!r}' if description else ''}"


def units_of(catalogue: RegisterReport) -> dict[str, str]:
    """The unit of each data point of a catalogue, by rID, with its prefix: ``kW``."""
    points = (point for report in catalogue.reports for point in report.report_descriptions)
    found = ((point.r_id, prefixed_unit(point.measurement)) for point in points)
    return {r_id: unit for r_id, unit in found if unit is not None}


@singledispatch
def _words(message: Payload) -> str:
    return ""


# --- registration ---------------------------------------------------------------------------------


@_words.register
def _(message: QueryRegistration) -> str:
    return "what do you offer?"


@_words.register
def _(message: CreatePartyRegistration) -> str:
    who = f"I am {message.ven_name!r}" if message.ven_name else "a VEN without a name"
    known = f" (venID {message.ven_id!r})" if message.ven_id else ""
    again = "please renew my registration" if message.registration_id else "please register me"
    return f"{who}{known}, {again}"


@_words.register
def _(message: CreatedPartyRegistration) -> str:
    rate = message.requested_oadr_poll_freq
    if message.ven_id and message.registration_id:
        ids = f"as {message.ven_id!r}, registration {message.registration_id!r}"
        return f"registered with {message.vtn_id!r} {ids}"
    spoken = " and ".join(profile.profile_name for profile in message.profiles) or "nothing"
    return (
        f"{message.vtn_id!r} speaks {spoken}{f', wants a poll every {_span(rate)}' if rate else ''}"
    )


@_words.register
def _(message: CancelPartyRegistration) -> str:
    return "good-bye"


@_words.register
def _(message: CanceledPartyRegistration) -> str:
    return "registration ended"


@_words.register
def _(message: RequestReregistration) -> str:
    return "please register again"


@_words.register
def _(message: Poll) -> str:
    return "anything new?"


@_words.register
def _(message: Response) -> str:
    return ""


# --- reports --------------------------------------------------------------------------------------


@_words.register
def _(message: RegisterReport) -> str:
    points = [
        f"{point.measurement.name if point.measurement else _plain_name(report)} of {point.r_id!r}"
        + (f" every {_span(point.sampling_rate.min_period)}" if point.sampling_rate else "")
        for report in message.reports
        for point in report.report_descriptions
    ]
    return f"I can report {_list_members(points)}" if points else "I have no reports to offer"


@_words.register
def _(message: RegisteredReport) -> str:
    return _requests(message.report_requests)


@_words.register
def _(message: CreateReport) -> str:
    return _requests(message.report_requests)


@_words.register
def _(message: CreatedReport) -> str:
    return _describe_pending("agreed", message.pending_reports)


@_words.register
def _(message: CancelReport) -> str:
    last = ", after a last report" if message.report_to_follow else ""
    return f"no more of {_list_members(map(repr, message.report_request_ids))}{last}"


@_words.register
def _(message: CanceledReport) -> str:
    return _describe_pending("cancelled; still running", message.pending_reports) or "cancelled"


@_words.register
def _(message: UpdatedReport) -> str:
    return (
        "received"
        if message.cancel_report is None
        else f"received; {_words(message.cancel_report)}"
    )


def _requests(requests: Sequence[ReportRequest]) -> str:
    return _list_members([_request(each) for each in requests], "; ")


def _request(request: ReportRequest) -> str:
    asked = request.report_specifier
    what = f"wants {request.report_request_id!r}"
    if asked.report_specifier_id == "METADATA":
        return f"{what}: what is on offer"
    every = f"a sample every {_span(asked.granularity)}" if asked.granularity else "all samples"
    back = asked.report_back_duration
    return f"{what}: {every}, delivered {f'every {_span(back)}' if back else 'once'}"


def _describe_pending(word: str, pending: Sequence[str]) -> str:
    return f"{word}: {_list_members(map(repr, pending))}" if pending else ""


def _samples(reports: Sequence[Report], units: Units) -> str:
    found = [
        (report.report_request_id, payload, interval.dtstart)
        for report in reports
        for interval in report.intervals
        for payload in interval.report_payloads
    ]
    feeds = sum(1 for report in reports for interval in report.intervals if interval.feed)
    if not found:
        return f"{feeds} Green Button feed{'s' if feeds != 1 else ''}" if feeds else "no samples"
    points = dict.fromkeys(_name(payload.r_id) for _, payload, _ in found)
    requests = dict.fromkeys(_name(request) for request, _, _ in found)
    values = [f"{_value(payload, units)}{_at(at)}" for _, payload, at in found]
    count = f"{len(found)} sample{'s' if len(found) != 1 else ''}"
    return (
        f"{count} of {_list_members(points)} for {_list_members(requests)}: {_list_members(values)}"
    )


def _value(payload: ReportPayload, units: Units) -> str:
    if payload.resource_status is not None:
        return "online" if payload.resource_status.online else "offline"
    if payload.value is None:
        return "no value"
    unit = units.get(payload.r_id, "")
    return (
        f"{payload.value:g}{f' {unit}' if unit else ''}"
        if abs(payload.value) < 1e6
        else (f"{payload.value}{f' {unit}' if unit else ''}")
    )


def _name(text: str) -> str:
    """An ID as it is, or as ``repr`` shows it where it is more than a word."""
    return text if text.isprintable() and text.strip() == text != "" else repr(text)


def _plain_name(report: Report) -> str:
    return (report.report_name or "a report").replace("METADATA_", "", 1)


# --- events and opts ------------------------------------------------------------------------------


@_words.register
def _(message: RequestEvent) -> str:
    return "which events are there?"


@_words.register
def _(message: DistributeEvent) -> str:
    events = [describe_event(event) for event in message.events]
    faulty = [f"event {each.event_id!r} that cannot be read" for each in message.faulty]
    return _list_members([*events, *faulty], "; ") or "no events"


@_words.register
def _(message: CreatedEvent) -> str:
    answers = [
        f"{answer.opt_type} to {answer.event_id!r}"
        + (
            ""
            if answer.response_code.startswith("2")
            else f" ({refusal(answer.response_code, answer.response_description)})"
        )
        for answer in message.event_responses
    ]
    return _list_members(answers, "; ")


@_words.register
def _(message: CreateOpt) -> str:
    about = f" to event {message.event_id!r}" if message.event_id else ""
    times = message.vavailability.components if message.vavailability else ()
    when = f" for {len(times)} period{'s' if len(times) != 1 else ''}" if times else ""
    return f"{message.opt_type}{about}{when}, {message.opt_reason} ({message.opt_id!r})"


@_words.register
def _(message: CreatedOpt) -> str:
    return f"noted {message.opt_id!r}"


@_words.register
def _(message: CancelOpt) -> str:
    return f"withdraws {message.opt_id!r}"


@_words.register
def _(message: CanceledOpt) -> str:
    return f"withdrawn {message.opt_id!r}" if message.opt_id else "withdrawn"


def describe_event(event: Event, now: Optional[datetime] = None) -> str:
    """An event in a few words: its signals, and when it begins from ``now`` (the wall clock if left
    out).
    """
    what = f"event {event.event_id!r}"
    if event.event_status == "cancelled":
        return f"{what} is cancelled"
    signals = "; ".join(map(_signal, event.event_signals))
    test = ", a test" if event.test_event else ""
    number = event.modification_number
    change = f" (modification {number})" if number else ""
    return f"{what}{change}, {signals}; {_begin(event, now or datetime.now(timezone.utc))}{test}"


def _signal(signal: EventSignal) -> str:
    level = "level " if signal.signal_name in ("SIMPLE", "simple") else ""
    steps = [
        f"{level}{step.signal_payload if step.signal_payload is not None else 'unknown'}"
        + (f" for {_span(step.duration)}" if step.duration else "")
        for step in signal.intervals
    ]
    return f"{signal.signal_name}: {_list_members(steps)}"


def _begin(event: Event, now: datetime) -> str:
    begin = event.active_period.dtstart
    if begin <= now:
        return "has begun"
    left = begin - now
    if left <= SOON:
        return f"begins in {left.total_seconds():.1f} s"
    return f"begins {to_local(begin):%Y-%m-%d %H:%M:%S}"


# --- small words ----------------------------------------------------------------------------------


def _list_members(members: Iterable[str], between: str = ", ") -> str:
    found = list(members)
    more = len(found) - MOST
    if more <= 1:
        return between.join(found)
    return f"{between.join(found[:MOST])} and {more} more"


def _at(moment: Optional[datetime]) -> str:
    return f" at {moment.astimezone():%H:%M:%S}" if moment is not None else ""


def _span(length: timedelta) -> str:
    """A duration for people: ``90 s``, ``15 min``, ``2 h``, ``1 day``."""
    seconds = length.total_seconds()
    for size, unit in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}{'s' if unit == 'day' else ''}"
    return f"{seconds:g} s"
