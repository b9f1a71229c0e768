"""For each row of ``ven-sdk certify`` a VEN that breaks just this rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Callable, Optional

from tests.certify.breaking import BrokenVen, alter, change, drop, keeping, told
from ven_sdk import OpenADRClient, objects
from ven_sdk.oadr20b.schema.registration import Poll, Response
from ven_sdk.testing import pki

CREATE = "oadrCreatePartyRegistration"
LIST = "oadrDistributeEvent"
MINUTE = timedelta(minutes=1)
FOUR = ["SIMPLE", "ELECTRICITY_PRICE", "LOAD_DISPATCH", "CHARGE_STATE"]


def polls_meanwhile(kind: str) -> Any:
    return alter(kind, lambda record: [Poll(ven_id="x"), record])


def polls_after_cancellation() -> Any:
    """It acknowledges, and sends one more message."""

    def sends(record: Any) -> Any:
        if record.wire_name == "oadrCanceledPartyRegistration":
            code = record.response.response_code
            return [record, record] if code == "200" else record
        return record

    return sends


def polls_once_a_period(seconds: float) -> Any:
    """Polls that follow sooner are left out: the queue is not drained."""
    clock: list[Any] = []
    last: list[float] = []

    def make(**arguments: Any) -> OpenADRClient:
        client = keeping(**arguments)
        clock[:] = [client._engine.clock]
        return client

    def sends(record: Any) -> Any:
        if record.wire_name != "oadrPoll":
            return record
        now = clock[0].monotonic()
        if last and now - last[0] < seconds - 1:
            return None
        last[:] = [now]
        return record

    return BrokenVen(sends, make=make)


def not_told(code: str) -> Any:
    """The client takes refusals of polls for acknowledgements."""

    def gets(sent: Any, reply: Any) -> Any:
        if sent.wire_name == "oadrPoll" and isinstance(reply, Response):
            return reply.replace(response=reply.response.replace(response_code="200"))
        return reply

    return gets


def events(**changes: Any) -> Any:
    """The client is told of every event with these fields, wherever they stand."""
    return told(
        LIST, lambda listed: listed.replace(events=[with_fields(e, changes) for e in listed.events])
    )


def with_fields(event: Any, changes: Any) -> Any:
    for name, value in changes.items():
        if name in event.event_descriptor.keys() | {"market_context", "test_event_text"}:
            event = event.replace(event_descriptor=event.event_descriptor.replace(**{name: value}))
        elif name in type(event.active_period).fields:
            event = event.replace(active_period=event.active_period.replace(**{name: value}))
        else:
            event = event.replace(**{name: value})
    return event


def each_event(how: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda listed: listed.replace(events=[how(event) for event in listed.events])


only_the_first_signal = each_event(
    lambda event: event.replace(
        event_signals=[
            event.event_signals[0].replace(
                signal_name="SIMPLE", signal_type="level", measurement=None
            )
        ]
    )
)
for_all_devices = each_event(
    lambda event: event.replace(
        event_signals=[signal.replace(targets=()) for signal in event.event_signals]
    )
)
completed_is_cancelled = each_event(
    lambda event: (
        with_fields(event, {"event_status": "cancelled"})
        if event.event_status == "completed"
        else event
    )
)
always_its_first_value = each_event(
    lambda event: event.replace(
        event_signals=[
            signal.replace(intervals=[each.replace(signal_payload=1) for each in signal.intervals])
            for signal in event.event_signals
        ]
    )
)


def later(seconds: float) -> Callable[[Any], Any]:
    return each_event(
        lambda event: with_fields(
            event, {"dtstart": event.active_period.dtstart + timedelta(seconds=seconds)}
        )
    )


def ends_after(seconds: float) -> Callable[[Any], Any]:
    def how(event: Any) -> Any:
        length = timedelta(seconds=seconds)
        signal = event.event_signals[0]
        step = signal.intervals[0].replace(duration=length)
        event = event.replace(event_signals=[signal.replace(intervals=[step])])
        return with_fields(event, {"duration": length})

    return each_event(how)


def accepts_all(record: Any) -> Any:
    """An answer in which nothing is refused."""
    return record.replace(
        event_responses=[
            each.replace(response_code="200", opt_type="optIn") for each in record.event_responses
        ]
    )


def with_request_id(record: Any) -> Any:
    return record.replace(response=record.response.replace(request_id="of-the-list"))


def refuses_the_list(record: Any) -> Any:
    return record.replace(response=record.response.replace(response_code="454"))


def own(identity: pki.Identity) -> dict[str, Any]:
    """The arguments of a VEN with that certificate."""
    return {"cert": identity.cert_pem, "key": identity.key_pem}


def with_voltage() -> OpenADRClient:
    """It offers a voltage under a well-known name."""
    client = keeping()
    client.add_report(lambda: 230.0, resource_id="v", measurement="voltage", r_id="v")
    return client


def without_reports(**arguments: Any) -> OpenADRClient:
    return OpenADRClient("bare", "http://vtn.example", on_event="optIn", **arguments)


def offered(**changes: Any) -> Any:
    """A catalogue whose reports have these fields."""
    return alter(
        "oadrRegisterReport",
        lambda record: record.replace(reports=[each.replace(**changes) for each in record.reports]),
    )


def asked_otherwise(how: Callable[[Any], Any]) -> Any:
    """The client is told of other requests: ``how`` changes what each asks for."""

    def change_all(record: Any) -> Any:
        return record.replace(
            report_requests=[
                each.replace(report_specifier=how(each.report_specifier))
                for each in record.report_requests
            ]
        )

    return told("oadrCreateReport", change_all)


def starts_later(seconds: float) -> Callable[[Any], Any]:
    def how(wanted: Any) -> Any:
        span = wanted.report_interval
        moved = span.replace(dtstart=span.dtstart + timedelta(seconds=seconds))
        return wanted.replace(report_interval=moved)

    return how


def collected_first(wanted: Any) -> Any:
    """What is asked for once is collected before it is sent."""
    step, length = timedelta(seconds=2), timedelta(seconds=20)
    return wanted.replace(granularity=step, report_back_duration=length, report_interval=None)


def never_ends(wanted: Any) -> Any:
    span = wanted.report_interval
    return wanted.replace(report_interval=span.replace(duration=timedelta(0)))


def reported(how: Callable[[Any], Any]) -> Any:
    """Data in which ``how`` changed each report."""
    return alter(
        "oadrUpdateReport",
        lambda record: record.replace(reports=[how(each) for each in record.reports]),
    )


def intervals_as(how: Callable[[Any], Any]) -> Any:
    return reported(
        lambda report: report.replace(intervals=[how(each) for each in report.intervals])
    )


def payloads_with(**changes: Any) -> Any:
    return intervals_as(
        lambda interval: interval.replace(
            report_payloads=[each.replace(**changes) for each in interval.report_payloads]
        )
    )


def code(kind: str, value: str) -> Any:
    """Answers of a kind carry that code, whatever happened."""
    return alter(
        kind, lambda record: record.replace(response=record.response.replace(response_code=value))
    )


def with_tolerance(record: Any) -> Any:
    """A schedule whose windows have more than start and duration."""
    windows = [
        each.replace(tolerance=timedelta(minutes=1)) for each in record.vavailability.components
    ]
    return record.replace(vavailability=record.vavailability.replace(components=windows))


def other_parts() -> Any:
    """Every second status has a capacity."""
    count = [0]

    def how(interval: Any) -> Any:
        count[0] += 1
        if count[0] % 2:
            return interval
        status = objects.ResourceStatus(True, False, capacity=5)
        payloads = [each.replace(resource_status=status) for each in interval.report_payloads]
        return interval.replace(report_payloads=payloads)

    return intervals_as(how)


def takes_all_reports(sent: Any, reply: Any) -> Any:
    """The client takes a refused report for taken."""
    if reply is not None and reply.wire_name == "oadrUpdatedReport":
        return reply.replace(response=reply.response.replace(response_code="200"))
    return reply


class NeverAgain(BrokenVen):
    """It starts once."""

    def __init__(self) -> None:
        super().__init__()
        self._starts = 0

    def begin(self, lead: Any, found: Any, ready: Any) -> Optional[OpenADRClient]:
        self._starts += 1
        return super().begin(lead, found, ready) if self._starts == 1 else None


KEEPING: dict[int, Callable[[], BrokenVen]] = {
    25: lambda: BrokenVen(signals=FOUR),
    52: lambda: BrokenVen(report_only=True),
    77: lambda: BrokenVen(**own(pki.identity("certified"))),
}
"""VENs that keep a rule which needs a setting."""
BROKEN: dict[int, Callable[[], BrokenVen]] = {
    1: lambda: BrokenVen(change(CREATE, registration_id="made-up")),
    2: lambda: BrokenVen(drop(CREATE)),
    3: lambda: BrokenVen(drop("oadrRequestEvent")),
    4: lambda: BrokenVen(change(CREATE, http_pull_model=None)),
    5: lambda: BrokenVen(polls_meanwhile(CREATE)),
    6: lambda: BrokenVen(drop("oadrResponse")),
    7: lambda: BrokenVen(drop("oadrRegisterReport", skip=1)),
    8: lambda: BrokenVen(polls_after_cancellation()),
    9: NeverAgain,
    10: lambda: BrokenVen(change("oadrCancelPartyRegistration", registration_id="made-up")),
    11: lambda: BrokenVen(gets=not_told("463")),
    12: lambda: BrokenVen(change("oadrPoll", ven_id="")),
    13: lambda: polls_once_a_period(30),
    14: lambda: BrokenVen(poll_frequency=1),
    15: lambda: BrokenVen(drop("oadrCreatedEvent", skip=1)),
    16: lambda: BrokenVen(poll_frequency=600),
    17: lambda: BrokenVen(drop("oadrCreatedEvent", skip=1)),
    18: lambda: BrokenVen(gets=events(response_required="always")),
    19: lambda: BrokenVen(alter("oadrCreatedEvent", with_request_id)),
    20: lambda: BrokenVen(gets=told(LIST, lambda listed: listed.replace(vtn_id="localvtn"))),
    21: lambda: BrokenVen(gets=events(market_context="http://utility.example/certify")),
    22: lambda: BrokenVen(gets=events(targets=())),
    23: lambda: BrokenVen(gets=told(LIST, only_the_first_signal)),
    24: lambda: BrokenVen(signals=["SIMPLE"]),
    25: lambda: BrokenVen(alter("oadrCreatedEvent", accepts_all), signals=FOUR),
    26: lambda: BrokenVen(gets=told(LIST, for_all_devices)),
    27: lambda: BrokenVen(alter("oadrCreatedEvent", accepts_all)),
    28: lambda: BrokenVen(alter("oadrCreatedEvent", refuses_the_list)),
    29: lambda: BrokenVen(alter("oadrCreatedEvent", accepts_all)),
    30: lambda: BrokenVen(drop("oadrCreatedEvent", skip=2)),
    31: lambda: BrokenVen(gets=told(LIST, later(5))),
    32: lambda: BrokenVen(gets=events(tolerance=None)),
    33: lambda: BrokenVen(gets=events(tolerance=None)),
    34: lambda: BrokenVen(implied_cancel=False),
    35: lambda: BrokenVen(gets=events(event_status="active")),
    36: lambda: BrokenVen(gets=told(LIST, ends_after(60))),
    37: lambda: BrokenVen(gets=told(LIST, completed_is_cancelled)),
    38: lambda: BrokenVen(gets=told(LIST, always_its_first_value)),
    39: lambda: BrokenVen(gets=told(LIST, later(3))),
    40: lambda: BrokenVen(gets=events(test_event=False, test_event_text="false")),
    41: lambda: BrokenVen(gets=events(ramp_up_period=None)),
    42: lambda: BrokenVen(gets=events(recovery_period=None)),
    44: lambda: BrokenVen(change("oadrCreateOpt", market_context="http://programme.example/")),
    45: lambda: BrokenVen(gets=events(response_required="always")),
    46: lambda: BrokenVen(alter("oadrCreateOpt", with_tolerance)),
    47: lambda: BrokenVen(drop("oadrCancelOpt")),
    48: lambda: BrokenVen(change("oadrCreateOpt", device_class=())),
    49: lambda: BrokenVen(offered(duration=None)),
    50: lambda: BrokenVen(make=with_voltage),
    51: lambda: BrokenVen(make=without_reports),
    52: lambda: BrokenVen(make=without_reports, report_only=True),
    53: lambda: BrokenVen(drop("oadrRegisterReport", skip=1)),
    54: lambda: BrokenVen(change("oadrRegisterReport", report_request_id=None)),
    55: lambda: BrokenVen(drop("oadrRegisterReport", skip=2)),
    56: lambda: BrokenVen(code("oadrRegisteredReport", "452")),
    57: lambda: BrokenVen(gets=asked_otherwise(collected_first)),
    58: lambda: BrokenVen(gets=asked_otherwise(starts_later(15))),
    59: lambda: BrokenVen(gets=asked_otherwise(never_ends)),
    60: lambda: BrokenVen(payloads_with(data_quality=None)),
    61: lambda: BrokenVen(code("oadrCreatedReport", "461")),
    62: lambda: BrokenVen(code("oadrCreatedReport", "200")),
    63: lambda: BrokenVen(reported(lambda r: r.replace(report_name="METADATA_HISTORY_USAGE"))),
    64: lambda: BrokenVen(payloads_with(data_quality="No Quality - No Value")),
    65: lambda: BrokenVen(intervals_as(lambda interval: interval.replace(duration=None))),
    66: lambda: BrokenVen(code("oadrCreatedReport", "200")),
    67: lambda: BrokenVen(reported(lambda r: r.replace(intervals=r.intervals[:10]))),
    68: lambda: BrokenVen(change("oadrCanceledReport", pending_reports=())),
    69: lambda: BrokenVen(gets=takes_all_reports),
    70: lambda: BrokenVen(other_parts()),
    71: lambda: BrokenVen(flaws=["odd heads"]),
    72: lambda: BrokenVen(flaws=["stubborn"]),
    73: lambda: BrokenVen(flaws=["stubborn"]),
    74: lambda: BrokenVen(timeout=1),
    75: lambda: BrokenVen(flaws=["only GCM"]),
    76: lambda: BrokenVen(flaws=["trusting"]),
    77: lambda: BrokenVen(**own(pki.identity("soon", end_days=20))),
    78: lambda: BrokenVen(flaws=["credulous"]),
    79: lambda: BrokenVen(lambda record: record.replace()),
    80: BrokenVen,
    43: lambda: BrokenVen(flaws=["undated"]),
}
