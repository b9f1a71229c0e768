"""Mistyped inputs near more than one name, and values of another kind: none is accepted silently,
none is a bare error of Python's, none is told a wrong name.
"""

from __future__ import annotations

import argparse
from typing import Any, Callable

import pytest

import ven_sdk
from tests.mistypes import URL, answered_in_the_call, client
from ven_sdk import (
    Fleet,
    FleetMember,
    OpenADRClient,
    SiteTable,
    certificate_fingerprint,
    enums,
    metrics,
    objects,
    testing,
)
from ven_sdk.display.tables import Rows
from ven_sdk.near_names import nearest

POSTGRES = "postgresql://fleet@localhost/fleet"


def report(measurement: str, unit: Any = None) -> None:
    client().add_report(int, "r", measurement, unit=unit)


def fleet() -> Fleet:
    return Fleet(URL)


def vtn() -> testing.LocalVTN:
    return testing.LocalVTN()


class Decision:
    """Like a handler, with the wrong parenthesis: a call of it decides nothing."""

    def __init__(self, event: Any) -> None:
        self.event = event


def event() -> Any:
    started = vtn()
    event_id = started.add_event()
    return started.events[event_id]


def rows(count: int = 1) -> Any:
    return Rows([event()][:count])


def status(**arguments: Any) -> None:
    client().add_report(int, "r", report_name="TELEMETRY_STATUS", **arguments)


def push(value: Any) -> None:
    one = client()
    one.add_report(None, "r", "voltage")
    one.report_value("r", value)


def set_strict(value: Any) -> None:
    vtn().strict = value


WRONG: list[tuple[Callable[[], Any], str]] = [
    # what was accepted when it was tried, or was a bare error
    (lambda: objects.ResourceStatus("yes"), "True or False"),
    (
        lambda: objects.ResourceStatus(True, capacity="5"),
        "current of a LoadControlState must",
    ),
    (lambda: objects.LoadControlState("x"), "must be a number, not 'x'"),
    (lambda: delattr(client(), "on_event"), "client.on_event cannot be deleted"),
    (lambda: delattr(fleet(), "on_event"), "fleet.on_event cannot be deleted"),
    (lambda: setattr(vtn(), "url", "x"), "LocalVTN.url can be read, not set"),
    (lambda: setattr(vtn(), "vens", "x"), "LocalVTN.vens can be read, not set"),
    # what other libraries call it
    (lambda: client(ca_cert="x"), "Did you mean 'ca_file'?"),
    (lambda: client(verify=False), "Did you mean 'ca_file'?"),
    (lambda: client(certificate="x"), "Did you mean 'cert'?"),
    (lambda: client(private_key="x"), "Did you mean 'key'?"),
    (lambda: client(password="x"), "Did you mean 'passphrase'?"),
    (lambda: client(poll_interval=10), "Did you mean 'poll_frequency'?"),
    (lambda: client(database="x.db"), "Did you mean 'store'?"),
    (lambda: client().close(), "Did you mean 'stop'?"),
    (lambda: client().loop_forever(), "Did you mean 'run'?"),
    (lambda: client().connected, "Did you mean 'status'?"),
    (lambda: client().add_report(int, "r", "voltage", rate=10), "Did you mean 'sampling_rate'?"),
    (lambda: client().add_report(int, "r", "voltage", mode="full"), "'data_collection_mode'"),
    (lambda: client().add_handler("on_event", callback=print), "Did you mean 'function'?"),
    # in the wrong place
    (lambda: OpenADRClient(URL, "ven"), "the name comes first, then the address"),
    (lambda: client(proxies=""), "'http://proxy:3128'"),
    (lambda: client(store="mysql://db/ven"), "postgresql://user@host/database, not 'mysql://"),
    (lambda: client(store="sqlite:///ven.db"), "postgresql://user@host/database"),
    (lambda: ven_sdk.LocalVTN, "It is ven_sdk.testing.LocalVTN"),
    (lambda: ven_sdk.Target, "It is ven_sdk.objects.Target"),
    (lambda: ven_sdk.OPT, "It is ven_sdk.enums.OPT"),
    # handlers
    (lambda: client().on_event(print), "by @client.on('on_event') before it"),
    (lambda: client().before_event, "@client.on('before_event', lead='5 min')"),
    (lambda: setattr(client(), "before_event", print), "add_handler('before_event', function"),
    (lambda: client().on("on_event")(), "missing a required argument: 'function'"),
    (lambda: fleet().on_event, "by @fleet.on('on_event') before it"),
    (lambda: Fleet(URL, on_event="optIn"), "Write @fleet.on('on_event')"),
    (lambda: fleet().add("a", vtn_ulr=URL), "Did you mean 'vtn_url'?"),
    (lambda: FleetMember(store=POSTGRES, nam="m"), "FleetMember() takes no argument 'nam'"),
    (lambda: SiteTable(), "missing a required argument: 'store'"),
    # units
    (lambda: report("powerReal", "Mw"), "Did you mean 'MW'?"),
    (lambda: report("powerReal", "kwh"), "'kWh' is a unit of 'energyReal'"),
    (lambda: report("energyReal", "MWH"), "Did you mean 'MWh'?"),
    (lambda: report("temperature", "degC"), "Did you mean 'celsius'?"),
    (lambda: report("°C"), "Write measurement='temperature', unit='celsius'"),
    (lambda: report("volts"), "Write measurement='voltage', unit='V'"),
    # records
    (lambda: objects.Target(resource_id=5), "resource_id of a Target must be a text, not 5"),
    (lambda: objects.Target("meter"), "Give the others by name"),
    (lambda: certificate_fingerprint(), "missing a required argument"),
    # the test kit
    (lambda: testing.ManualClock().advnce(5), "Did you mean 'advance'?"),
    (lambda: testing.ManualClock(strat=5), "Did you mean 'start'?"),
    (lambda: testing.ManualClock().advance(), "missing a required argument"),
    (lambda: testing.ManualClock().advance(1e20), "no usable duration"),
    (lambda: vtn().url, "inside 'with LocalVTN() as vtn:'"),
    (lambda: vtn().restart(memry=True), "Did you mean 'memory'?"),
    (lambda: vtn().cancel_event(), "missing a required argument: 'event_id'"),
    (lambda: vtn().add_event(interval=[1]), "Did you mean 'intervals'?"),
    (lambda: vtn().announce(5), "must be a non-empty text"),
    (lambda: vtn().assert_delivered("r", 5), "values are a list"),
    (lambda: vtn().wait_until(5, 1, "it"), "a function without arguments"),
    (lambda: vtn().fault("slw"), "Did you mean 'slow'?"),
    (lambda: testing.Slow(1, service="OadrPol"), "Did you mean 'OadrPoll'?"),
    (lambda: testing.LocalVTN(strict="x"), "strict must be True or False"),
    (lambda: set_strict("x"), "strict must be True or False"),
    # rows, and what is in an event
    (lambda: rows().tabel(), "Did you mean 'table'?"),
    (lambda: rows().event_id, "Each item has it: write [0].event_id"),
    (lambda: rows().first(), "Its items stand by number: [0]."),
    (lambda: rows().table(timezone="UTC"), "Did you mean 'tz'?"),
    (lambda: rows(0).plot(), "write client.plot_schedule()"),
    (lambda: rows().to_frame(), "write client.events_frame()"),
    (lambda: event().event_signals.signal_name, "write [0].signal_name"),
    (lambda: event().event_signals[0].intervals.last(), "Its items stand by number"),
    (lambda: event().id, "Did you mean 'event_id'?"),
    (lambda: event().start, "Did you mean 'active_period'?"),
    (lambda: event().dtstart, "Did you mean 'active_period'?"),
    (lambda: event().level, "Did you mean 'event_signals'?"),
    (lambda: event().event_signals[0].payload, "Did you mean 'intervals'?"),
    (lambda: event().event_signals[0].intervals[0].value, "Did you mean 'signal_payload'?"),
    (lambda: client().level, "Did you mean 'current_level'?"),
    # records and vocabularies
    (lambda: objects.Sample(1).to_json(indnt=2), "Did you mean 'indent'?"),
    (lambda: objects.Sample(1).to_json(default=str), "takes no argument 'default'"),
    (lambda: objects.Sample(1).to_json(indent=[2]), "cannot use {'indent': [2]}"),
    (lambda: objects.Sample(1, accuracy="x"), "accuracy is 'x'; expected a number"),
    (lambda: push(objects.Sample), "the value is <class"),
    (lambda: objects.OPT, "It is ven_sdk.enums.OPT"),
    (lambda: objects.LocalVTN, "It is ven_sdk.testing.LocalVTN"),
    (lambda: enums.Target, "It is ven_sdk.objects.Target"),
    (lambda: testing.OpenADRClient, "It is ven_sdk.OpenADRClient"),
    # handlers, reports, life
    (lambda: client().run(timeout=5), "takes no argument 'timeout'. It takes none."),
    (lambda: client().add_handler("on_event", Decision), "must be a function, not <class"),
    (lambda: client(on_event=Decision), "must be a function, not <class"),
    (lambda: setattr(client(), "on_event", "optIn"), "OpenADRClient(..., on_event='optIn')"),
    (lambda: client().add_handler("on_event", "optin"), "A word is for the constructor"),
    (lambda: status(measurement="voltage"), "has no measurement and no unit: leave measurement"),
    (lambda: status(unit="W"), "leave unit out"),
    # what is somewhere else
    (lambda: client().opt_timeout, "It is settings.opt_timeout"),
    (lambda: client().timeout, "It is settings.timeout"),
    (lambda: client().settings.pol_frequency, "Did you mean 'poll_frequency'?"),
    (lambda: setattr(client().settings, "timeout", 5), "Settings is fixed: timeout cannot be set"),
    (lambda: fleet().add("a").start(), "It is of its fleet: fleet.start()"),
    (lambda: fleet().add("a").stop(), "fleet.remove(name) for this one alone"),
    (lambda: fleet().current_level(), "fleet['NAME'].current_level"),
    (lambda: fleet().vens, "for ven in fleet"),
    (lambda: ven_sdk.ProtocolError("x").retryabel, "Did you mean 'retryable'?"),
    (lambda: metrics.expositon(client()), "Did you mean 'exposition'?"),
    (lambda: metrics.member_exposition(client()), "are of a FleetMember"),
    (lambda: testing.pki.identiy("a"), "Did you mean 'identity'?"),
    (lambda: testing.pki.identity("a", enddays=5), "Did you mean 'end_days'?"),
    (lambda: testing.pki.identity(5), "name must be a non-empty text"),
]


test_a_mistype_is_answered_in_the_call_with_what_would_be_right = answered_in_the_call(WRONG)


def test_of_names_that_differ_in_case_alone_the_one_with_the_same_letters_is_meant() -> None:
    assert nearest("Mw", ["mW", "MW"]) == "MW"
    assert nearest("mw", ["MW", "mW"]) == "mW"


def test_what_other_libraries_say_counts_only_where_it_is_known_here() -> None:
    assert nearest("password", ["passphrase", "port"]) == "passphrase"
    assert nearest("password", ["port", "pass_word"]) == "pass_word"
    assert nearest("connect", ["events"]) == ""


def test_three_letters_are_like_what_begins_as_they_do() -> None:
    assert nearest("ven", ["event_id", "ven_id"]) == "ven_id"
    assert nearest("ven", ["event_id"]) == ""
    assert nearest("rid", ["registration_id", "r_id"]) == "r_id"
    assert nearest("ven_name", ["event_id", "ven_id"]) == "ven_id"


def test_an_option_that_other_libraries_call_otherwise_is_known_with_its_dashes() -> None:
    assert nearest("--password", ["--port", "--passphrase"]) == "--passphrase"
    assert nearest("--ca", ["--cert", "--ca-file"]) == "--ca-file"


def test_a_value_is_in_its_vocabulary_by_every_version_of_python() -> None:
    assert "optIn" in enums.OPT and enums.OPT.OPT_IN in enums.OPT
    assert "optin" not in enums.OPT
    assert not any(given in enums.OPT for given in (5, None, ["optIn"], enums.OPT_REASON.EMERGENCY))


def test_argparse_is_given_numbers_and_durations_with_words_of_ours() -> None:
    from ven_sdk.cli.parser import seconds, whole_number

    assert (seconds("10"), seconds("10 s"), seconds("1 min"), whole_number("7")) == (10, 10, 60, 7)
    for kind, given in (
        (seconds, "soon"),
        (seconds, "-1"),
        (whole_number, "x"),
        (whole_number, "-1"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=f"found '{given}'"):
            kind(given)
