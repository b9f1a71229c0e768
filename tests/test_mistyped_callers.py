"""Mistyped calls: brackets that are missing or too many, and what people type who know openleadr,
paho or pymodbus. None is accepted silently, none is a bare error of Python's.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

import ven_sdk
from tests.mistypes import URL, Row, answered_in_the_call, client, fleet
from ven_sdk import (
    DEFER,
    ConfigurationError,
    HandlerError,
    LeaseLostError,
    OpenADRClient,
    PayloadError,
    ProtocolError,
    SecurityError,
    Site,
    SiteTable,
    StateError,
    StoreError,
    TransportError,
    VenError,
    certificate_fingerprint,
    enums,
    objects,
    slot_of,
    testing,
)
from ven_sdk.push import Peer
from ven_sdk.testing import LocalVTN, ManualClock

AWARE = datetime(2031, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def report(**arguments: Any) -> None:
    given = {"callback": int, "resource_id": "r", "measurement": "voltage", **arguments}
    client().add_report(**given)


def vtn(**arguments: Any) -> Any:
    return LocalVTN(**arguments)


def event(**arguments: Any) -> str:
    return LocalVTN().add_event(**arguments)


def client_of_vtn(*values: Any, **arguments: Any) -> Any:
    with LocalVTN() as started:
        return started.client(*values, **arguments)


def clock() -> Any:
    return ManualClock()


def interval(**fields: Any) -> Any:
    return objects.Interval(**{"signal_payload": 1, **fields})


async def decide(event: object) -> str:
    return "optIn"


async def measure() -> float:
    return 1.0


words: Any = enums.OPT
defer: Any = DEFER
sdk: Any = ven_sdk
error: Any = StateError("")
sample: Any = objects.Sample(5)
faults: Any = testing

BRACKETS: "list[Row]" = [
    # methods without them
    (lambda: client().health.ok, "write health().ok"),
    (lambda: setattr(client().health, "ok", True), "write health().ok"),
    (lambda: client().current_level > 0, "OpenADRClient.current_level is a method"),
    (lambda: client().current_level >= 2, "write current_level()"),
    (lambda: client().current_level == 2, "write current_level() == 2"),
    (lambda: client().current_level > 1, "write current_level()"),
    (lambda: client().current_level + 1, "write current_level()"),
    (lambda: 10 * client().current_level, "write current_level()"),
    (lambda: int(client().current_level), "write current_level()"),
    (lambda: [1, 2, 3, 4][client().current_level], "write current_level()"),
    (lambda: list(client().active_events), "write active_events()"),
    (lambda: len(client().schedule), "write schedule()"),
    (lambda: client().schedule[0], "write schedule()"),
    (lambda: client().next_event.event_id, "write next_event().event_id"),
    (lambda: "e" in client().active_events, "write active_events()"),
    (lambda: fleet().health.problems, "Fleet.health is a method"),
    (lambda: fleet().add("a").health.ok, "Ven.health is a method"),
    (lambda: clock().now.hour, "write now().hour"),
    (lambda: clock().monotonic - 5, "write monotonic()"),
    (lambda: vtn().mark > 1, "LocalVTN.mark is a method"),
    (lambda: client().health().to_dict["ok"], "write to_dict()"),
    # values with them
    (lambda: client().status(), "Status(state='stopped'"),
    (lambda: client().health()(), "Health(ok=False"),
    (lambda: client().events(), "is a value, not a function"),
    (lambda: client().reports(), "is a value, not a function"),
    (lambda: client().opts(), "Leave out the () behind it"),
    (lambda: fleet().status(), "FleetStatus(vens=0"),
    (lambda: vtn().events(), "is a value, not a function"),
    (lambda: vtn().vens(), "is a value, not a function"),
    (lambda: vtn().received(), "is a value, not a function"),
    (lambda: words.OPT_IN(), "'optIn'"),
    (lambda: words.values(), "is a value, not a function"),
    (lambda: words.members(), "is a value, not a function"),
    (lambda: defer(), "DEFER"),
    # where a function is wanted
    (lambda: client(on_event=DEFER), "must be a function, not DEFER"),
    (lambda: client().add_handler("on_event", words.OPT_IN), "must be a function"),
    (lambda: report(callback=client().status), "callback must be a function"),
]

OTHERS: "list[Row]" = [
    # errors, and what is fixed
    (lambda: VenError(messge="x"), "Did you mean 'message'?"),
    (lambda: TransportError("x", statuss=5), "Did you mean 'status'?"),
    (lambda: ProtocolError("x", code="463"), "ProtocolError() takes no argument 'code'"),
    (lambda: SecurityError("x", expectd=1), "Did you mean 'expected'?"),
    (lambda: PayloadError("x", pth=""), "Did you mean 'path'?"),
    (lambda: HandlerError("x", handlr=""), "Did you mean 'handler'?"),
    (lambda: StoreError("x", pth=""), "StoreError() takes no argument 'pth'"),
    (lambda: LeaseLostError("x", retry=True), "LeaseLostError() takes no argument 'retry'"),
    (lambda: ConfigurationError("a", "b"), "ConfigurationError(): too many"),
    (lambda: defer.x, "has no attribute 'x'"),
    (lambda: setattr(defer, "x", 1), "DEFER is fixed"),
    (lambda: words.valus, "Did you mean 'values'?"),
    (lambda: setattr(client().status, "state", "x"), "Status is fixed: state cannot be set"),
    (lambda: setattr(Site("a"), "ven_nme", "b"), "Did you mean 'ven_name'?"),
    (lambda: delattr(Site("a"), "ven_name"), "Site is fixed"),
    (lambda: setattr(clock(), "now", AWARE), "advance(), advance_to() and step()"),
    (lambda: client().status.registered, "Did you mean 'state'?"),
    # records
    (lambda: objects.Measurement(5), "name of a Measurement must be a text, not 5"),
    (lambda: objects.Measurement("voltage", unit=5), "unit of a Measurement must be a text"),
    (lambda: interval(dtstart="2031-01-01"), "dtstart of an Interval must be a datetime"),
    (lambda: interval(dtstart=date(2031, 1, 1)), "dtstart of an Interval must be a datetime"),
    (lambda: interval(signal_payload="high"), "signal_payload of an Interval must be a number"),
    (lambda: interval(duration="an hour"), "such as '10 s'"),
    (lambda: interval(uid=5), "uid of an Interval must be a text, not 5. Write '5'."),
    (lambda: objects.EiResponse(response_code=200), "Write '200'."),
    (lambda: report(sampling_rate=objects.SamplingRate(60, 10)), "sampling_rate"),
    (lambda: objects.ActivePeriod(dtstart=AWARE, duration=DAY, tolerance="x"), "tolerance"),
    (lambda: objects.Vavailability([(AWARE, DAY)]), "components"),
    (lambda: objects.VavailabilityComponent(dtstart="now", duration=DAY), "must be a datetime"),
    (lambda: objects.CancelReport(report_to_follow="no", request_id=""), "True or False"),
    (lambda: objects.CreatedReport(response=None, pending_reports=[5]), "must be a text"),
    (lambda: setattr(sample, "vlue", 6), "record.replace(value=...)"),
    # the client
    (lambda: client(on_event=decide), "async def"),
    (lambda: report(callback=measure), "async def"),
    (lambda: client(client_id="x"), "takes no argument 'client_id'"),
    (lambda: client(keepalive=60), "takes no argument 'keepalive'"),
    (lambda: client(retries=3), "takes no argument 'retries'"),
    (lambda: client(timeout=None), "timeout must be"),
    (lambda: OpenADRClient("ven", "localhost", port=502), "'port'"),  # type: ignore[call-arg]
    (lambda: client().start(wait=True), "wait must be"),
    (lambda: client().stop(None), "timeout must be"),
    (lambda: client().username_pw_set("a", "b"), "has no attribute 'username_pw_set'"),
    (lambda: client().loop_forever(), "Did you mean 'run'?"),
    (lambda: client().current_level("SIMPLE"), "OpenADRClient.current_level()"),
    (lambda: client().opt_out("e", why="x"), "takes no argument 'why'"),
    (lambda: client().receive("/x", "text", None), "body must be bytes, not 'text'"),
    (lambda: client().receive("/x", b"", None), "peer must be a ven_sdk.push.Peer"),
    (lambda: fleet().receive(5, b"", Peer("127.0.0.1")), "path must be str, not 5"),
    # data points
    (lambda: report(data_collection_mode="ful"), "Did you mean 'full'?"),
    (lambda: report(data_collection_mode="full", callback=lambda: 1), "date_from"),
    (lambda: report(resource_id=["a", "b"]), "resource_id must be"),
    (lambda: report(power_hertz="50 Hz", measurement="powerReal"), "power_hertz must be"),
    (lambda: report(gaps="skip"), "gaps must be one of"),
    (lambda: report(interval_duration="10 s"), "interval_duration must be"),
    (lambda: report(report_type="usge"), "Did you mean 'usage'?"),
    (lambda: report(sampling_rate=timedelta(milliseconds=10)), "sampling_rate"),
    # fleets
    (lambda: fleet(vens=["a"]), "takes no argument 'vens'"),
    (lambda: fleet().add(["a", "b"]), "ven_name must be"),
    (lambda: fleet().add(client()), "ven_name must be"),
    (lambda: fleet().add("a", store="x.db"), "store"),
    (lambda: fleet().add("a", clock=clock()), "clock"),
    (lambda: fleet().add_report(int, "r", "voltage"), "has no attribute 'add_report'"),
    (lambda: fleet()[0], "0"),
    (lambda: fleet().get("a"), "has no attribute 'get'"),
    (lambda: SiteTable(5), "store"),
    (lambda: slot_of(), "missing a required argument: 'name'"),  # type: ignore[call-arg]
    # the test VTN
    (lambda: LocalVTN(8080), "Give by name"),  # type: ignore[misc]
    (lambda: vtn(host="0.0.0.0"), "takes no argument 'host'"),
    (lambda: event(intervals=[9]), "9 is no level of SIMPLE"),
    (lambda: event(intervals=[-1]), "-1 is no level of SIMPLE"),
    (lambda: event(intervals=[1.5]), "1.5 is no level of SIMPLE"),
    (lambda: event(intervals=[("1 h", 9)]), "9 is no level of SIMPLE"),
    (lambda: event(intervals=[True]), "True is no level of SIMPLE"),
    (lambda: vtn().modify_event(event(), intervals=[4]), "no event"),
    (lambda: event(start=AWARE), "An event has no 'start'"),
    (lambda: event(dtstart=date(2031, 1, 1)), "dtstart must be"),
    (lambda: event(tolerance="soon"), "tolerance must be"),
    (lambda: event(market_context=5), "market_context of an EventDescriptor must be a text"),
    (lambda: client_of_vtn(vtn_url=URL), "vtn_url"),
    (lambda: client_of_vtn(5), "ven_name must be"),
    (lambda: client_of_vtn(pol_frequency=3), "Did you mean 'poll_frequency'?"),
    (lambda: faults.Reply(body=5), "body is bytes"),
    (lambda: faults.Reply(body="text"), "Write a text as b'...'"),
    (lambda: faults.Reply(status="x"), "status must be a whole number"),
    (lambda: faults.Reply(headers="X: y"), "headers are a dict"),
    (lambda: faults.Reply(ending="bye"), "ending must be one of 'keep', 'close', 'reset'"),
    (lambda: faults.Status(99), "status"),
    (lambda: vtn().fault(503), "503"),
    # the clock
    (lambda: ManualClock(2031), "an aware datetime"),  # type: ignore[arg-type]
    (lambda: clock().tick(5), "Did you mean 'advance'?"),
    (lambda: clock().advance(days=1), "takes no argument 'days'"),
    (lambda: clock().advance(float("nan")), "seconds"),
    (lambda: clock().advance_to("2031-01-01"), "an aware datetime"),
    (lambda: clock().freeze(), "has no attribute 'freeze'"),
    # names
    (lambda: sdk.Client, "Did you mean 'OpenADRClient'?"),
    (lambda: sdk.VEN, "Did you mean 'Ven'?"),
    (lambda: certificate_fingerprint(path="x"), "takes no argument 'path'"),  # type: ignore[call-arg]
]

test_brackets_missing_or_too_many_are_answered = answered_in_the_call(BRACKETS)
test_a_mistype_is_answered_in_the_call = answered_in_the_call(OTHERS)


def test_there_are_more_than_a_hundred() -> None:
    assert len(BRACKETS) + len(OTHERS) > 130


def test_a_level_that_simple_does_not_have_is_refused_in_a_modification_too() -> None:
    with LocalVTN() as started:
        event_id = started.add_event()
        with pytest.raises(ConfigurationError, match="4 is no level of SIMPLE"):
            started.modify_event(event_id, intervals=[4])
        started.modify_event(event_id, signal_name="LOAD_CONTROL", intervals=[4])
        wrong = objects.Interval(uid="0", duration=DAY, signal_payload=9)
        started.modify_event(event_id, signal_name="SIMPLE", signal_type="level", intervals=[wrong])
