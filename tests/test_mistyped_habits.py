"""Inputs as users of other libraries write them: none is accepted silently, none is a bare error of
Python's.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import ven_sdk
from tests.mistypes import URL, answered_in_the_call, client, fleet
from ven_sdk import (
    Fleet,
    FleetMember,
    OpenADRClient,
    Site,
    certificate_fingerprint,
    enable_default_logging,
    enums,
    objects,
    testing,
)
from ven_sdk.testing import ManualClock

NAIVE = datetime(2031, 1, 1)
AWARE = datetime(2031, 1, 1, tzinfo=timezone.utc)


def report(**arguments: Any) -> None:
    client().add_report(
        **{"callback": int, "resource_id": "r", "measurement": "voltage", **arguments}
    )


def member(**arguments: Any) -> FleetMember:
    return FleetMember(**{"store": "postgresql://fleet@localhost/fleet", **arguments})


def vtn(**arguments: Any) -> testing.LocalVTN:
    return testing.LocalVTN(**arguments)


WRONG: "list[tuple[Callable[[], Any], str]]" = [
    # the constructor
    (lambda: client(vtn_url=("localhost", 8080)), "must be a non-empty text"),
    (lambda: client(vtn_url="ftp://localhost"), "must look like"),
    (lambda: client(vtn_url="https://<vtn>/OpenADR2"), "has no usable host, port and path"),
    (
        lambda: client(vtn_url="https://user:pw@vtn.example.com"),
        "must not hold a user name or password",
    ),
    (
        lambda: client(vtn_url="https://vtn.example.com/?a=1"),
        "must not have a query or a fragment.",
    ),
    (lambda: client(ven_name="a\nb"), "must be one line of text"),
    (lambda: client(poll_frequency=0), "must be at least 0.001 s"),
    (lambda: client(poll_frequency="-5 s"), "must be a timedelta"),
    (lambda: client(timeout=float("inf")), "is no usable duration"),
    (lambda: client(strict=None), "must be True or False"),
    (lambda: client(cert=["a", "b"]), "must be the path of a file"),
    (lambda: client(key="a.pem"), "key was given without cert: give the certific"),
    (lambda: client(vtn_fingerprint="AB:CD"), "is no fingerprint"),
    (lambda: client(store=5), "must be a path"),
    (lambda: client(on_event=True), "must be a function"),
    (lambda: client(on_event="defer"), "must be one of"),
    (lambda: client(signals="SIMPEL"), "Did you mean '"),
    (lambda: client(signals={"SIMPLE": 1}), "must be a list of texts"),
    (lambda: client(targets=objects.Target), "must be a mapping of target kind to IDs"),
    (lambda: client(proxies=3128), "must be a dict of the VTN"),
    (lambda: client(listen="0.0.0.0:8443"), "listen needs push: the address that the VTN r"),
    (lambda: client(callback_workers=0), "must be a whole number of at least 1 and at most 1"),
    (lambda: OpenADRClient(), "argument: 'ven_name'"),
    (lambda: OpenADRClient("v"), "argument: 'vtn_url'"),
    (lambda: OpenADRClient("v", URL, "cert.pem"), "Give by name: ven_id, "),
    # data points
    (lambda: report(callback=0), "must be a function"),
    (lambda: report(callback=lambda a, b: 1), "not be called so: missing a required argumen"),
    (lambda: report(measurement=5), "A measurement is a name, a Measurement or a d"),
    (lambda: report(measurement="kW"), "not a measurement"),
    (lambda: report(measurement=enums.MEASUREMENTS), "not <enum 'MEASUREMENTS'>"),
    (lambda: report(resource_id=""), "must be a non-empty text"),
    (lambda: report(sampling_rate=0), "must be at least 1 s"),
    (lambda: report(sampling_rate="1 Hz"), "must be a timedelta"),
    (lambda: report(unit="W"), "unit of 'voltage' is 'W', expected 'V', with"),
    (lambda: report(unit="V", scale="kilo"), "Did you mean 'k'?"),
    (lambda: report(report_name="TELEMETRY_USGE"), "must be one of"),
    (
        lambda: (lambda c: (c.add_report(int, "r", "voltage"), c.add_report(int, "r", "voltage")))(
            client()
        ),
        "There is a data point 'r-voltage' in report '",
    ),
    (lambda: report(r_id="a\nb"), "must be one line of text"),
    (lambda: client().report_value("voltage", 5), "There is no data point 'voltage'"),
    (lambda: client().report_value(), "argument: 'r_id'"),
    (
        lambda: (lambda c: (c.add_report(None, "r", "voltage"), c.report_value("r", "230")))(
            client()
        ),
        "report_value('r-voltage'): the value is '230'",
    ),
    (
        lambda: (lambda c: (c.add_report(None, "r", "voltage"), c.report_value("r", float("nan"))))(
            client()
        ),
        "not nan",
    ),
    (
        lambda: (lambda c: (c.add_report(None, "r", "voltage"), c.report_value("r", [1, 2])))(
            client()
        ),
        "not [1, 2]",
    ),
    (
        lambda: (lambda c: (c.add_report(None, "r", "voltage"), c.report_value("r", 5, "now")))(
            client()
        ),
        "must be a datetime",
    ),
    # handlers
    (
        lambda: client().add_handler(),
        "OpenADRClient.add_handler(): missing a required argument: 'name'",
    ),
    (lambda: client().add_handler(print), "argument: 'function'"),
    (lambda: client().add_handler(print, "on_event"), "The name comes first, then the function"),
    (lambda: client().add_handler("event", print), "Did you mean 'on_event'?"),
    (lambda: client().add_handler("on_connect", print), "Did you mean 'on_registered'?"),
    (lambda: client().add_handler("on_disconnect", print), "Did you mean 'on_registration_lost'?"),
    (lambda: client().add_handler("on_event", None), "must be a function"),
    (
        lambda: client().add_handler("before_event", lambda e: None),
        "before_event needs lead: how long before the",
    ),
    (
        lambda: client().add_handler("before_event", lambda e: None, lead="-5 min"),
        "must be a timedelta",
    ),
    (lambda: client().add_handler("on_event", lambda e: None, lead="5 min"), "not to on_event"),
    # opts
    (lambda: client().create_opt(), "argument: 'opt_type'"),
    (lambda: client().create_opt("in"), "argument: 'opt_reason'"),
    (lambda: client().create_opt("optOut", "because"), "needs a running client"),
    (lambda: client().create_opt("optOut", reason="Economic"), "no argument 'reason'"),
    (
        lambda: client().create_opt("optOut", "economic", availability=[(NAIVE, 3600)]),
        "no argument 'availability'",
    ),
    (
        lambda: client().create_opt("optOut", "economic", dtstart=AWARE, duration=-1),
        "no argument 'dtstart'",
    ),
    (lambda: client().opt_in("nope"), "There is no event 'nope'"),
    (lambda: client().opt_in(5), "must be a text"),
    # other calls
    (lambda: client().schedule(-1), "schedule() takes a number of hours or a timed"),
    (lambda: client().schedule("tomorrow"), "not 'tomorrow'"),
    (lambda: client().signal_now("simpel"), "Did you mean '"),
    (lambda: client().signal_now(), "argument: 'signal_name'"),
    (lambda: client().request_report(), "argument: 'report_specifier_id'"),
    (lambda: client().stop(timeout="x"), "must be a timedelta"),
    (lambda: client().register(), "needs a running client"),
    (lambda: client().wait_registered(), "has no attribute 'wait_registered'"),
    # a fleet
    (lambda: fleet().add(), "argument: 'ven_name'"),
    (lambda: fleet().add(5), "must be a non-empty text"),
    (
        lambda: (lambda f: (f.add("a"), f.add("a")))(fleet()),
        "The fleet has a VEN named 'a' already; names",
    ),
    (lambda: Fleet().add("a"), "has no vtn_url: give it to add() or to Fleet()"),
    (lambda: fleet(ven_name="a"), "no argument 'ven_name'"),
    (lambda: fleet().remove("a"), "has no VEN named 'a'"),
    (lambda: fleet(start_rate=0), "must be a number of more than 0"),
    (lambda: fleet(exchange_workers="x"), "must be a whole number of at least 1 and at most 1"),
    (lambda: fleet().start(wait=-1), "must be at least 0 s"),
    (lambda: fleet().add("a", on_event="opt in"), "Write @fleet"),
    (
        lambda: fleet().add_handler("on_event", lambda e: "optIn"),
        "not be called as on_event(ven, event): too m",
    ),
    (lambda: fleet().add("a").add_report(int, "r", "voltge"), "There is no measurement 'voltge'"),
    (lambda: fleet().size, "has no attribute 'size'"),
    # a member of a fleet
    (lambda: FleetMember(), "argument: 'store'"),
    (lambda: member(store="fleet.db"), "need a store that they share"),
    (lambda: member(slots=0), "must be a number from 2 to 65536"),
    (lambda: member(name=5), "must be a non-empty text"),
    (lambda: member(weight=0), "must be a number of more than 0"),
    (lambda: member(functions=[print]), "not [<built-in function print>]"),
    (lambda: member(sites="sites.csv"), "not 'sites"),
    (lambda: member(lease=0), "must be at least 1 s"),
    # the test VTN
    (lambda: vtn(port="80a"), "must be a whole number of at least 0 and at most 6"),
    (lambda: vtn(vtn_id=5), "must be a non-empty text"),
    (lambda: vtn(poll_frequency="often"), "must be a timedelta"),
    (lambda: vtn().add_event(intervals=["a"]), "intervals: number 0 is 'a', expected a payloa"),
    (
        lambda: vtn().add_event(signal_name="SIMPEL", intervals=[1]),
        "DistributeEvent.events[0].event_signals[0].si",
    ),
    (lambda: vtn().add_event(dtstart=NAIVE), "dtstart: the time datetime.datetime(2031, 1,"),
    (lambda: vtn().add_event(intervals=[]), "needs at least one, such as intervals=[1] of l"),
    (lambda: vtn().add_event(ven="a"), "has no 'ven'"),
    (lambda: vtn().add_event(targets=["a"]), "not 'a'"),
    (lambda: vtn().add_event(priority="high"), "priority of an EventDescriptor must be a whole n"),
    (lambda: vtn().modify_event("nope", priority=1), "There is no event 'nope'"),
    (lambda: vtn().fault("404x"), "There is no fault '404x'"),
    (lambda: vtn().fault(testing.Slow), "belong into its own call"),
    (lambda: vtn().assert_opted("nope", "optin"), "Did you mean 'optIn'?"),
    (lambda: vtn().wait_for_polls("x"), "must be a whole number of at least 1 and at most 2"),
    (lambda: vtn().assert_delivered(), "argument: 'r_id'"),
    (lambda: vtn().ven("nope"), "There is no VEN 'nope'"),
    (lambda: vtn().client("a"), "not listen, so that it has no port and no ur"),
    (lambda: testing.Slow(-1), "must be at least 0 s"),
    (lambda: testing.Status(99), "must be a whole number of at least 100 and at most"),
    # its clock
    (lambda: ManualClock(NAIVE), "start is datetime.datetime(2031, 1, 1, 0, 0):"),
    (lambda: ManualClock("2031-01-01"), "start is '2031-01-01': give an aware datetime"),
    (lambda: ManualClock().advance(-5), "not pass backwards (-5)"),
    (lambda: ManualClock().advance("soon"), "must be a timedelta"),
    (lambda: ManualClock().advance_to(AWARE - timedelta(20000)), "not pass backwards (datetime"),
    (lambda: ManualClock().sleep("x"), "Did you mean 'advance'?"),
    (lambda: ManualClock().tick(), "Did you mean 'advance'?"),
    (lambda: ManualClock().set(AWARE), "Did you mean 'advance_to'?"),
    (lambda: client(clock=ManualClock), "must be a ven_sdk.testing.ManualClock or None"),
    # records
    (lambda: objects.Sample(), "needs value"),
    (lambda: objects.Sample(5, quality="good"), "no argument 'quality'"),
    (lambda: objects.Sample(5, dtstart=NAIVE), "no argument 'dtstart'"),
    (lambda: objects.Target(), "A Target has exactly one of aggregated_p_node"),
    (lambda: objects.Target(resource_id="a", resourceid="b"), "no argument 'resourceid'"),
    (lambda: objects.Report(), "needs report_specifier_id, created_date_time"),
    (lambda: objects.Measurement.named("voltge"), "There is no measurement 'voltge'"),
    (lambda: objects.Target.from_dict({"resource": "x"}), "has no field 'resource'"),
    (lambda: objects.Target.from_dict([1]), "not of [1]"),
    (lambda: objects.Smaple, "has no attribute 'Smaple'"),
    # vocabularies
    (lambda: enums.OPT.In, "has no attribute 'In'"),
    (lambda: enums.OPT(1), "not in OPT"),
    (lambda: enums.OPTS, "has no attribute 'OPTS'"),
    (lambda: enums.SIGNAL_NAME.PRICE, "Did you mean 'BID_PRICE'?"),
    (lambda: enums.SI_SCALE_CODE("kilo"), "not in SI_SCALE_CODE"),
    (lambda: setattr(enums.OPT, "OPT_IN", "x"), "OPT is fixed"),
    (lambda: delattr(enums.OPT, "OPT_IN"), "OPT is fixed"),
    (lambda: enums.MEASUREMENTS.VOLTS, "Did you mean 'VOLTAGE'?"),
    # the package
    (lambda: ven_sdk.OpenADRCLient, "has no attribute 'OpenADRCLient'"),
    (lambda: ven_sdk.Client, "has no attribute 'Client'"),
    (lambda: ven_sdk.VEN, "has no attribute 'VEN'"),
    (lambda: testing.LocalVtn, "has no attribute 'LocalVtn'"),
    (lambda: enable_default_logging(level="loud"), "There is no log level 'loud'"),
    (
        lambda: enable_default_logging("ven_sdk", "INFO"),
        "enable_default_logging(): too many positional",
    ),
    (lambda: certificate_fingerprint(b"abc"), "Expected a certificate, as PEM (with a BEGIN"),
    (lambda: Site("a", reports={"x": 1}), "not {'x': 1}"),
    (lambda: Site("a", handlers=[1]), "not [1]"),
    (lambda: Site(""), "must be a non-empty text"),
]


test_a_mistype_is_answered_in_the_call_with_what_would_be_right = answered_in_the_call(WRONG)
