"""A hundred and more inputs that new users mistype: none is accepted silently, none is a bare
``TypeError`` or ``AttributeError``, and the text names what would be right. And what is only
written another way just works.
"""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import pytest

import ven_sdk
from tests.mistypes import answered_in_the_call, client, fleet
from tests.shared import library
from ven_sdk import (
    DEFER,
    FleetMember,
    Site,
    certificate_fingerprint,
    enable_default_logging,
    enums,
    objects,
    slot_of,
    testing,
)
from ven_sdk.members.sites import check_site

POSTGRES = "postgresql://fleet@localhost/fleet"
NAIVE = datetime(2031, 1, 1)


def report(**arguments: Any) -> objects.Measurement:
    one = client()
    one.add_report(**{"callback": int, "resource_id": "r", "measurement": "voltage", **arguments})
    measured = one.reports[0].report_descriptions[0].measurement
    assert measured is not None
    return measured


def push(value: Any, **more: Any) -> None:
    one = client()
    one.add_report(None, "r", more.pop("measurement", "voltage"), **more)
    one.report_value("r", value)


def status(**fields: Any) -> None:
    one = client()
    one.add_report(None, "r", report_name="TELEMETRY_STATUS")
    one.report_value("r", objects.ResourceStatus(**fields))


def member(**arguments: Any) -> FleetMember:
    return FleetMember(**{"store": POSTGRES, **arguments})


def power(unit: str, **more: Any) -> objects.Measurement:
    return report(measurement="powerReal", unit=unit, **more)


def plain(**arguments: Any) -> testing.LocalVTN:
    return testing.LocalVTN(**arguments)


WRONG: list[tuple[Callable[[], Any], str]] = [
    # addresses
    (lambda: client(vtn_url="vtn.example.com"), "Write https:// or http:// before it"),
    (lambda: client(vtn_url="127.0.0.1:8080/x"), "'https://127.0.0.1:8080/x'"),
    (lambda: client(vtn_url="https://https://vtn"), "no usable host"),
    (lambda: client(vtn_url="http://http//vtn"), "no usable host"),
    (lambda: client(vtn_url="http://vtn\\path"), "no usable host"),
    (lambda: client(vtn_url="http://256.1.1.1"), "no usable host"),
    (lambda: client(vtn_url="http://a..b"), "no usable host"),
    (lambda: client(vtn_url="http://vtn,http://b"), "no usable host"),
    (lambda: client(vtn_url="http://vtn:0"), "no usable host"),
    (lambda: client(vtn_url="http://vtn/%zz"), "no usable host"),
    (lambda: client(vtn_url="http://vtn/OadrPoll"), "Leave it out: 'http://vtn'"),
    (lambda: client(vtn_url="http://vtn/x/EiEvent/"), "ends in 'EiEvent'"),
    (lambda: client(vtn_url=b"http://vtn"), "must be a non-empty text"),
    (lambda: client(vtn_url=Path("http://vtn")), "must be a non-empty text"),
    (lambda: client(proxies={"https": ""}), "no address for 'https'"),
    (lambda: client(proxies={"http://": "http://p"}), "unknown scheme 'http://'"),
    (lambda: client(push="https://0.0.0.0:8443"), "It may stand in listen"),
    # durations
    (lambda: client(poll_frequency="10"), "A number alone is seconds: 10"),
    (lambda: client(poll_frequency="1h30"), "such as '10 s'"),
    (lambda: client(poll_frequency="1:30"), "such as '10 s'"),
    (lambda: client(poll_frequency="10,5 s"), "such as '10 s'"),
    (lambda: client(poll_frequency=b"10 s"), "such as '10 s'"),
    (lambda: client(timeout=True), "such as '10 s'"),
    (lambda: client(timeout={"seconds": 10}), "such as '10 s'"),
    (lambda: client(opt_timeout=timedelta(-1)), "at least 0.001 s"),
    (lambda: client(max_backlog=NAIVE), "such as '10 s'"),
    (lambda: client(replay_window=Decimal("NaN")), "no usable duration"),
    # numbers and truth
    (lambda: client(strict="true"), "strict must be True or False"),
    (lambda: client(strict=2), "strict must be True or False"),
    (lambda: client(callback_workers=2.0), "a whole number"),
    (lambda: client(callback_workers=True), "a whole number"),
    (lambda: client(max_response_size="16 MiB"), "a whole number"),
    # files and names
    (lambda: client(cert=("c.pem", "k.pem")), "cert must be the path of a file, or its bytes"),
    (lambda: client(cert=True), "not a bool"),
    (lambda: client(passphrase="pw"), "passphrase was given without cert"),
    (lambda: client(ca_file="no-such-file.pem"), "no-such-file.pem"),
    (lambda: client(ven_name=Path("ven")), "ven_name must be a non-empty text"),
    (lambda: client(default_opt=DEFER), "one of 'optIn', 'optOut'"),
    (lambda: client(on_event="opt_in"), "Did you mean 'optIn'?"),
    (lambda: client(signals=[]), "signals is empty"),
    (lambda: client(signals="x-"), "is no signal of OpenADR"),
    (lambda: client(targets={"resource_id": []}), "is empty"),
    (lambda: client(market_contexts=["a b"]), "must be a URI"),
    # attributes, read and set
    (lambda: client().evnts, "Did you mean 'events'?"),
    (lambda: client().current_levl(), "Did you mean 'current_level'?"),
    (lambda: setattr(client(), "timeout", 3), "Give timeout to the constructor"),
    (lambda: setattr(client(), "stop", print), "can be read, not set"),
    (lambda: setattr(client(), "settings", 3), "can be read, not set"),
    (lambda: fleet().vns, "has no attribute 'vns'"),
    (lambda: setattr(fleet(), "on_evnt", print), "Did you mean 'on_event'?"),
    (lambda: setattr(fleet(), "handlers", {}), "A fleet has no attribute"),
    (lambda: plain().recieved, "Did you mean 'received'?"),
    (lambda: getattr(ven_sdk, "OpenADRCLient"), "Did you mean 'OpenADRClient'?"),  # noqa: B009
    (lambda: getattr(testing, "LocalVtn"), "Did you mean 'LocalVTN'?"),  # noqa: B009
    (lambda: getattr(enums, "OPTS"), "Did you mean 'OPT'?"),  # noqa: B009
    (lambda: getattr(objects, "Evnt"), "Did you mean 'Event'?"),  # noqa: B009
    (lambda: enums.OPT.OPTIN, "Did you mean 'OPT_IN'?"),
    (lambda: enums.OPT("optin"), "Did you mean 'optIn'?"),
    # records
    (lambda: objects.Sample(vlue=1), "Did you mean 'value'?"),
    (lambda: objects.Sample(), "needs value"),
    (lambda: objects.Sample(1).vlue, "Did you mean 'value'?"),
    (lambda: objects.Sample(1).replace(vlue=3), "Did you mean 'value'?"),
    (lambda: objects.Target(resource_idd="r"), "Did you mean 'resource_id'?"),
    (lambda: objects.Target.from_dict({"resource": "r"}), "Did you mean 'resource_id'?"),
    (lambda: objects.Sample.from_dict(5), "made of a dict"),
    (lambda: objects.SamplingRate("often", 60), "such as '10 s'"),
    # data points
    (lambda: report(measurement="kWh"), "Write measurement='energyReal', unit='kWh'"),
    (lambda: report(measurement="volatge", unit="V"), "Did you mean 'voltage'?"),
    (lambda: report(measurement=enums.MEASUREMENTS), "a name, a Measurement or a dict"),
    (lambda: report(measurement={"name": "voltage", "scale": "kilo"}), "Did you mean 'k'?"),
    (lambda: power("kw"), "Did you mean 'kW'?"),
    (lambda: power("KW"), "Did you mean 'kW'?"),
    (lambda: power("Watts"), "Did you mean 'W'?"),
    (lambda: power("kWh"), "'kWh' is a unit of 'energyReal'"),
    (lambda: power("k W"), "Did you mean 'kW'?"),
    (lambda: power("kW", scale="M"), "Leave scale out"),
    (lambda: report(measurement="temperature", unit="°C"), "Did you mean 'celsius'?"),
    (lambda: report(measurement="currency", unit="€"), "Did you mean 'EUR'?"),
    (lambda: report(scale="kilo"), "Did you mean 'k'?"),
    (lambda: report(scale=1000), "Did you mean 'k'?"),
    (lambda: report(sampling_rate=(10, 60)), "such as '10 s'"),
    (lambda: report(sampling_rate=objects.SamplingRate(10, 60, "yes")), "True or False"),
    (lambda: report(report_dtstart=date(2031, 1, 1)), "must be a datetime"),
    (lambda: report(reading_type="DIRECT_READ"), "Did you mean 'Direct Read'?"),
    (lambda: report(report_data_source={"resource_id": 5}), "must be a text, not 5"),
    (lambda: objects.Target("r"), "Give the others by name: aggregated_p_node"),
    (lambda: client().add_report(print, "r", "voltage", sampling_rat=3), "'sampling_rate'"),
    # values
    (lambda: push(objects.Sample(1, at="2031-01-01")), "expected a datetime"),
    (lambda: push(objects.Sample(1, confidence=0.95)), "a whole number"),
    (lambda: push(objects.Sample(1, confidence=True)), "a whole number"),
    (lambda: push(objects.Sample(1, data_quality="good")), "one of enums.DATA_QUALITY"),
    (lambda: push("1.5"), "expected a number"),
    (lambda: client().report_value("r", 1, when=NAIVE), "takes no argument 'when'"),
    (lambda: status(online="on"), "True or False"),
    (lambda: status(online=2), "True or False"),
    (lambda: status(online=True, capacity="5"), "must be a number"),
    # asking
    (lambda: client().schedule("24"), "a number of hours"),
    (lambda: client().schedule(-1), "a number of hours"),
    (lambda: client().signal_now("SIMPEL"), "Did you mean 'SIMPLE'?"),
    (lambda: client().signal_now(None), "must be a non-empty text"),
    (lambda: client().on(), "missing a required argument: 'name'"),
    (lambda: client().register(nw=True), "Did you mean 'new'?"),
    # fleets
    (lambda: fleet(timeout="x"), "timeout must be"),
    (lambda: fleet(strict="no"), "strict must be True or False"),
    (lambda: fleet().add(), "missing a required argument: 'ven_name'"),
    (lambda: fleet().add("a", ven_name="b"), "multiple values"),
    (lambda: fleet().on(lambda ven, event: "optIn"), "write @fleet.on('on_event')"),
    (lambda: fleet().wait("all"), "a whole number"),
    (lambda: member(sites=[]), "a function of a slot"),
    (lambda: member(functions={"f": 5}), "names to functions"),
    (lambda: Site(ven_nam="a"), "Did you mean 'ven_name'?"),
    (lambda: check_site(Site("a", arguments={"timeot": 3})), "Did you mean 'timeout'?"),
    (lambda: check_site(Site("a", reports=({"unti": "W"},))), "Did you mean 'unit'?"),
    (lambda: check_site(Site("a", handlers={"on_evnt": "f"})), "Did you mean 'on_event'?"),
    (lambda: Site.from_json(None), "is not JSON"),
    (lambda: slot_of(5), "the name of a VEN"),
    (lambda: slot_of("a", 0), "slots must be"),
    # beside the client
    (lambda: certificate_fingerprint("cert.pem"), "pathlib.Path"),
    (lambda: certificate_fingerprint(None), "text, bytes or a Path"),
    (lambda: enable_default_logging(True), "There is no log level True"),
    # the test kit
    (lambda: plain(tls="yes"), "tls must be True or False"),
    (lambda: plain(vens={"a": {"regstered": True}}), "Did you mean 'registered'?"),
    (lambda: plain(offers=5), "a list of objects.Report"),
    (lambda: plain(clock=5), "clock must be"),
    (lambda: plain(keep=-1), "a whole number"),
    (lambda: plain(identity=5), "ven_sdk.testing.pki"),
    (lambda: plain().wait_for("oadrPoll", timeout="x"), "such as '10 s'"),
    (lambda: plain().wait_for("oadrPoll", where=5), "a function of the record"),
    (lambda: testing.ManualClock("2031"), "an aware datetime"),
    (lambda: testing.ManualClock().advance_to(NAIVE), "an aware datetime"),
    (lambda: testing.Slow(1, times="two"), "a whole number"),
    (lambda: testing.Status(500, body="text"), "b'...'"),
    (lambda: testing.BadXml("text"), "b'...'"),
    (lambda: testing.Raw("text"), "b'...'"),
    (lambda: testing.Raw(headers="X: y"), "a dict such as"),
    (lambda: testing.Reset(handled="no"), "True or False"),
    (lambda: testing.ReportWish(granularty=1), "Did you mean 'granularity'?"),
    (lambda: testing.ReportWish(r_ids="meter"), "Write ['meter']"),
]


test_a_mistype_is_answered_in_the_call_with_what_would_be_right = answered_in_the_call(WRONG)


class Name(str, enum.Enum):
    SITE = "site-a"


class Count(enum.IntEnum):
    FIVE = 5


def test_other_ways_of_writing_a_duration_just_work() -> None:
    given = (
        5,
        5.0,
        Decimal(5),
        Fraction(5),
        Count.FIVE,
        "5 s",
        "PT5S",
        "pt5s",
        timedelta(seconds=5),
    )

    assert {client(poll_frequency=each).poll_frequency for each in given} == {timedelta(seconds=5)}
    assert client(timeout="1 min 30 s").settings.timeout == 90
    assert client(max_backlog="2 weeks").settings.max_backlog == timedelta(days=14)


def test_members_of_a_users_own_enums_count_as_their_values() -> None:
    one = client(ven_name=Name.SITE, callback_workers=Count.FIVE, default_opt=enums.OPT.OPT_IN)

    assert (one.settings.ven_name, one.settings.default_opt) == ("site-a", "optIn")
    assert type(one.settings.ven_name) is str


def test_scalars_of_numpy_count_as_numbers() -> None:
    numpy = library("numpy")
    one = client(
        poll_frequency=numpy.timedelta64(5, "s"),
        timeout=numpy.float32(5),
        callback_workers=numpy.int64(2),
        strict=numpy.bool_(True),
    )

    assert (one.poll_frequency, one.settings.timeout) == (timedelta(seconds=5), 5)
    assert one.settings.strict is True
    push(objects.Sample(numpy.float32(1.5), confidence=numpy.int64(90)))
    status(online=numpy.bool_(True), capacity=numpy.float32(5))


def test_arrays_and_moments_of_numpy_are_no_numbers() -> None:
    numpy = library("numpy")
    for value in (numpy.array([1, 2]), numpy.datetime64("2031-01-01"), numpy.timedelta64("NaT")):
        with pytest.raises(ven_sdk.ConfigurationError):
            status(online=True, capacity=value)
    with pytest.raises(ven_sdk.ConfigurationError):
        client(market_contexts=numpy.array(5))


def test_paths_decimals_and_what_numbers_else_there_are_just_work(tmp_path: Path) -> None:
    with testing.LocalVTN(tls=True) as vtn:
        cert = vtn.client_cert("ven")
        paths = (Path(cert.cert), Path(cert.key), Path(vtn.ca_file))
        client(
            vtn_url=vtn.url,
            cert=paths[0],
            key=paths[1],
            ca_file=paths[2],
            store=tmp_path / "ven.db",
        )

        assert certificate_fingerprint(paths[0]) == cert.fingerprint
    assert power("kW", power_hertz=Decimal(50), power_voltage=Decimal("230.5")).scale == "k"
    push(Decimal("1.5"))
    push(Fraction(1, 4))
    push((datetime(2031, 1, 1, tzinfo=timezone.utc), 5))
    assert client().schedule("24 h") == client().schedule(Decimal(24)) == ()
