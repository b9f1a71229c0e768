"""VENs that break a part of a row of ``ven-sdk certify``, and keep the rest of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable

from tests.certify.breaking import BrokenVen, alter, change, drop, told
from tests.certify.broken import (
    CREATE,
    FOUR,
    LIST,
    MINUTE,
    each_event,
    events,
    offered,
    polls_meanwhile,
    refuses_the_list,
    reported,
    with_fields,
)
from ven_sdk.oadr20b.schema.registration import Response
from ven_sdk.oadr20b.schema.reports import ReportRequest, ReportSpecifier, SpecifierPayload
from ven_sdk.schema.common import Target

Part = Callable[[], BrokenVen]


def takes_refused_reports(sent: Any, reply: Any) -> Any:
    """The client does not hear that the VTN has forgotten it, where it reports."""
    if sent.wire_name == "oadrUpdateReport" and isinstance(reply, Response):
        return None
    return reply


def accepts(event_id: str) -> Any:
    """An answer in which that event is not refused."""

    def how(record: Any) -> Any:
        return record.replace(
            event_responses=[
                each.replace(response_code="200", opt_type="optIn")
                if each.event_id == event_id
                else each
                for each in record.event_responses
            ]
        )

    return alter("oadrCreatedEvent", how)


old_cancellations_are_new = each_event(
    lambda event: (
        with_fields(event, {"modification_number": 99})
        if event.event_status == "cancelled"
        else event
    )
)
only_prices = each_event(
    lambda event: event.replace(
        event_signals=[
            signal.replace(signal_type="level") if signal.signal_type == "multiplier" else signal
            for signal in event.event_signals
        ]
    )
)


def unmoved(seconds: float) -> Callable[[Any], Any]:
    """The fourth version of an event stays where the third was."""

    def stay(event: Any) -> Any:
        if event.modification_number != 4:
            return event
        start = event.active_period.dtstart + timedelta(seconds=seconds)
        return with_fields(event, {"dtstart": start})

    return each_event(stay)


def drawn_anew(event: Any) -> Any:
    """Each version of an event has a tolerance of its own, so that its start is drawn anew."""
    less = timedelta(seconds=event.modification_number)
    return with_fields(event, {"tolerance": event.active_period.tolerance - less})


def asks_by_reading_type(record: Any) -> Any:
    """The catalogue of the VTN is answered with a request that compares the reading type."""
    point = SpecifierPayload(r_id="1", reading_type="Direct Read")
    specifier = ReportSpecifier(
        report_specifier_id="of-the-vtn",
        granularity=MINUTE,
        report_back_duration=MINUTE,
        specifier_payloads=[point],
    )
    wanted = ReportRequest(report_request_id="r", report_specifier=specifier)
    return record.replace(report_requests=[wanted])


def other_code(kind: str, old: str, new: str) -> Any:
    """Answers of a kind carry another code than one of them."""

    def how(record: Any) -> Any:
        response = record.response
        found = new if response.response_code == old else response.response_code
        return record.replace(response=response.replace(response_code=found))

    return alter(kind, how)


def twice(kind: str) -> Any:
    """Messages of that wire name go out twice."""
    return alter(kind, lambda record: [record, record])


def reports_once_more() -> Any:
    """Before a second request for the list of events, the last report goes out again."""
    last: list[Any] = []

    def sends(record: Any) -> Any:
        if record.wire_name == "oadrUpdateReport":
            last[:] = [record]
        return [*last, record] if record.wire_name == "oadrRequestEvent" else record

    return sends


def takes_once(code: str, which: int) -> Any:
    """Of the events that are refused with that code, the one of that number is taken."""
    refused: list[str] = []

    def taken(each: Any) -> Any:
        if each.response_code != code:
            return each
        if each.event_id not in refused:
            refused.append(each.event_id)
        if refused.index(each.event_id) != which:
            return each
        return each.replace(response_code="200", opt_type="optIn")

    return alter(
        "oadrCreatedEvent",
        lambda record: record.replace(
            event_responses=[taken(each) for each in record.event_responses]
        ),
    )


def wants_an_answer(changed: Callable[[Any], object]) -> Any:
    """Events that want none are taken for such that want one, once they have changed."""
    return told(
        LIST,
        each_event(
            lambda event: (
                event.replace(response_required="always")
                if changed(event.event_descriptor)
                else event
            )
        ),
    )


other_spellings_are_others = each_event(
    lambda event: (
        with_fields(event, {"market_context": "http://other.example/"})
        if str(event.market_context).startswith("HTTP:")
        else event
    )
)
two_targets_are_foreign = each_event(
    lambda event: (
        event.replace(targets=[Target(ven_id="else")]) if len(event.targets) == 2 else event
    )
)
the_first_of_two_signals = each_event(
    lambda event: event.replace(event_signals=event.event_signals[:1])
)


def without_resource_ids(record: Any) -> Any:
    """A catalogue in which no data point says what it is about."""
    return record.replace(
        reports=[
            report.replace(
                report_descriptions=[
                    each.replace(report_data_source=()) for each in report.report_descriptions
                ]
            )
            for report in record.reports
        ]
    )


def without_sampling_rates(record: Any) -> Any:
    """A catalogue in which no data point says how often it is sampled."""
    return record.replace(
        reports=[
            report.replace(
                report_descriptions=[
                    each.replace(sampling_rate=None) for each in report.report_descriptions
                ]
            )
            for report in record.reports
        ]
    )


def pending_for_ever() -> Any:
    """What was ever pending is pending."""
    known: list[str] = []

    def how(record: Any) -> Any:
        known[:] = dict.fromkeys([*known, *record.pending_reports])
        return record.replace(pending_reports=tuple(known))

    return alter("oadrCreatedReport", how)


def newest_first(report: Any) -> Any:
    return report.replace(intervals=report.intervals[::-1])


def takes_second_452() -> Any:
    """Of the requests that are refused with 452, the second is taken."""
    refused = [0]

    def how(record: Any) -> Any:
        refused[0] += record.response.response_code == "452"
        if refused[0] != 2 or record.response.response_code != "452":
            return record
        return record.replace(response=record.response.replace(response_code="200"))

    return alter("oadrCreatedReport", how)


PARTS: dict[tuple[int, str], Part] = {
    (4, "the signature flag"): lambda: BrokenVen(change(CREATE, xml_signature=True)),
    (4, "the report-only flag"): lambda: BrokenVen(change(CREATE, report_only=True)),
    (4, "the profile"): lambda: BrokenVen(change(CREATE, profile_name="2.0a")),
    (5, "growing distance"): lambda: BrokenVen(twice(CREATE)),
    (6, "venID in oadrResponse"): lambda: BrokenVen(change("oadrResponse", ven_id=None)),
    (6, "the current IDs"): lambda: BrokenVen(change(CREATE, registration_id=None)),
    (7, "the list of events"): lambda: BrokenVen(drop("oadrRequestEvent", skip=1)),
    (7, "requests of before"): lambda: BrokenVen(reports_once_more()),
    (8, "wrong IDs"): lambda: BrokenVen(other_code("oadrCanceledPartyRegistration", "452", "200")),
    (12, "schemaVersion"): lambda: BrokenVen(flaws=["unversioned"]),
    (11, "a 463 to a report"): lambda: BrokenVen(gets=takes_refused_reports),
    (11, "samples over a registration"): lambda: BrokenVen(
        reported(lambda report: report.replace(intervals=report.intervals[-1:]))
    ),
    (13, "answers before polls"): lambda: BrokenVen(polls_meanwhile("oadrCreatedReport")),
    (17, "eiResponse"): lambda: BrokenVen(alter("oadrCreatedEvent", refuses_the_list)),
    (18, "a modified event"): lambda: BrokenVen(
        gets=wants_an_answer(lambda facts: facts.modification_number > 0)
    ),
    (18, "a cancelled event"): lambda: BrokenVen(
        gets=wants_an_answer(lambda facts: facts.event_status == "cancelled")
    ),
    (21, "another spelling"): lambda: BrokenVen(gets=told(LIST, other_spellings_are_others)),
    (22, "one of two targets"): lambda: BrokenVen(gets=told(LIST, two_targets_are_foreign)),
    (23, "one of two signals"): lambda: BrokenVen(gets=told(LIST, the_first_of_two_signals)),
    (23, "a wrong unit"): lambda: BrokenVen(takes_once("460", 2)),
    (25, "all types of a signal"): lambda: BrokenVen(gets=told(LIST, only_prices), signals=FOUR),
    (27, "durations"): lambda: BrokenVen(takes_once("454", 1)),
    (27, "an old date"): lambda: BrokenVen(takes_once("454", 2)),
    (28, "an unreadable event"): lambda: BrokenVen(accepts("unreadable")),
    (29, "an old cancellation"): lambda: BrokenVen(gets=told(LIST, old_cancellations_are_new)),
    (30, "the way back"): lambda: BrokenVen(drop("oadrCreatedEvent", skip=3)),
    (32, "a start drawn anew"): lambda: BrokenVen(gets=told(LIST, each_event(drawn_anew))),
    (38, "an event that is moved"): lambda: BrokenVen(gets=told(LIST, unmoved(4))),
    (42, "the notification"): lambda: BrokenVen(gets=events(notification_period=None)),
    (44, "its resource"): lambda: BrokenVen(change("oadrCreateOpt", targets=())),
    (49, "sampling rates"): lambda: BrokenVen(alter("oadrRegisterReport", without_sampling_rates)),
    (49, "reportRequestID"): lambda: BrokenVen(offered(report_request_id="1")),
    (51, "resourceID"): lambda: BrokenVen(alter("oadrRegisterReport", without_resource_ids)),
    (56, "its own requests"): lambda: BrokenVen(
        alter("oadrRegisteredReport", asks_by_reading_type)
    ),
    (57, "its end"): lambda: BrokenVen(pending_for_ever()),
    (62, "an unknown rID"): lambda: BrokenVen(takes_second_452()),
    (62, "more history than is kept"): lambda: BrokenVen(
        other_code("oadrCreatedReport", "454", "200")
    ),
    (63, "the order"): lambda: BrokenVen(reported(newest_first)),
    (68, "an unknown ID"): lambda: BrokenVen(other_code("oadrCanceledReport", "452", "200")),
    (72, "a registration"): lambda: BrokenVen(flaws=["stubborn at registration"]),
    (73, "Retry-After"): lambda: BrokenVen(flaws=["impatient"]),
    (73, "no connection"): lambda: BrokenVen(flaws=["gives up"]),
    (76, "no TLS"): lambda: BrokenVen(flaws=["falls back"]),
    (78, "no ReplayProtect"): lambda: BrokenVen(flaws=["unprotected"]),
    (79, "each attempt"): lambda: BrokenVen(flaws=["resends"]),
}
"""VENs that break a part of a row, and keep the rest of it."""
