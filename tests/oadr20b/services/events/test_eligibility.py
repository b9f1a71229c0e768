"""Is an event for this VEN: targets, market context, signals (rules E42 to E48 and the table in
rules G).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Optional

import hypothesis.strategies as st
import pytest
from hypothesis import given as drawn

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import HOUR, MINUTE, NOON, Harness, opted_in
from ven_sdk.events import queries
from ven_sdk.oadr20b.services.events.eligibility import find_refusal, is_supported
from ven_sdk.oadr20b.services.market_context import is_same, normalize
from ven_sdk.schema.common import EndDeviceAsset, PNode, Target, TransportInterface
from ven_sdk.schema.events import EventBaseline, Interval
from ven_sdk.schema.units import Measurement

ZERO = timedelta(0)
OURS = {"resource_id": ["r1", "r2"], "group_id": ["g1"]}


def code(given: Any, **settings: Any) -> Optional[str]:
    """What the event is refused with."""
    found = find_refusal(Harness(**settings).book, given)
    return None if found is None else found.code


@pytest.mark.parametrize(
    "configured, targets, expected",
    [
        (None, [{"resource_id": "r9"}], None),
        (OURS, [], None),
        (OURS, [{"resource_id": "r1"}], None),
        (OURS, [{"resource_id": "r9"}], "462"),
        (OURS, [{"resource_id": "R1"}], "462"),
        (OURS, [{"resource_id": "r9"}, {"resource_id": "r2"}], None),
        (OURS, [{"resource_id": "r9"}, {"group_id": "g1"}], None),
        (OURS, [{"resource_id": "r9"}, {"group_id": "g9"}], "462"),
        (OURS, [{"party_id": "p9"}], None),
        (OURS, [{"ven_id": "ven"}, {"resource_id": "r9"}], None),
        ({"ven_id": ["ven", "twin"]}, [{"ven_id": "twin"}], None),
        ({"ven_id": ["twin"]}, [{"ven_id": "other"}], "462"),
        (
            {"end_device_asset": ["Thermostat"]},
            [Target(end_device_asset=EndDeviceAsset("Thermostat"))],
            None,
        ),
        (
            {"end_device_asset": ["Thermostat"]},
            [Target(end_device_asset=EndDeviceAsset("EVSE"))],
            "462",
        ),
        ({"p_node": ["n1"]}, [Target(p_node=PNode("n2"))], "462"),
        (
            {"transport_interface": ["n1"]},
            [Target(transport_interface=TransportInterface("n1", "n2"))],
            "462",
        ),
    ],
    ids=[
        "E47-none configured",
        "E45-empty",
        "E47-match",
        "E47-other",
        "E47-exact",
        "E46-same kind",
        "E46-other kind",
        "E46-none of both",
        "E47-kind not checked",
        "E46-venID",
        "E47-venID listed",
        "E47-venID other",
        "E47-device",
        "E47-device other",
        "E47-node other",
        "E47-two values",
    ],
)
def test_an_event_is_refused_where_no_target_is_this_ven(
    configured: Any, targets: Any, expected: Optional[str]
) -> None:
    assert code(event(targets=targets), targets=configured) == expected


FOREIGN = [{"ven_id": "other"}]


@pytest.mark.parametrize("configured", [None, OURS, {"end_device_asset": ["Thermostat"]}])
@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (FOREIGN, "462"),
        ([{"ven_id": "ven"}], None),
        ([*FOREIGN, {"party_id": "p9"}], None),
        ([], None),
    ],
    ids=["foreign", "own", "foreign or unknown", "none"],
)
def test_e47_a_strict_ven_refuses_what_names_other_vens_alone_whatever_else_is_configured(
    configured: Any, targets: Any, expected: Optional[str]
) -> None:
    assert code(event(targets=targets), targets=configured, strict=True) == expected
    assert code(event(targets=targets), targets=configured) is None


@pytest.mark.parametrize(
    "configured, context, expected",
    [
        (None, "http://any", None),
        (["http://a"], "http://a", None),
        (["http://a"], "HTTP://A", None),
        (["http://a"], "http://a/", None),
        (["http://a", "http://b"], "http://b", None),
        (["http://a/x"], "http://a/X", "462"),
        (["http://a"], None, "462"),
        (["peak"], "peak", None),
        (["peak"], "Peak", "462"),
    ],
    ids=[
        "E48-none configured",
        "E48-same",
        "E48-case",
        "E48-slash",
        "E48-second",
        "E48-case of the path",
        "E48-event without context",
        "E48-no URI",
        "E48-no URI, case",
    ],
)
def test_an_event_of_another_market_context_is_refused(
    configured: Any, context: Any, expected: Optional[str]
) -> None:
    assert code(event(context=context), market_contexts=configured) == expected


EUR = Measurement(name="currencyPerKWh", unit="EUR")
PLAIN_NAME = Measurement(name="currency", description="currencyPerKWh", unit="EUR")
KILOWATT = Measurement.named("powerReal", unit="W", scale="k")


@pytest.mark.parametrize(
    "configured, strict, signals, expected",
    [
        (None, False, [signal(1, name="x-own", kind="delta")], None),
        (None, False, [signal(1, name="SIMPLE", kind="price")], None),
        (["SIMPLE"], False, [signal(1)], None),
        (["SIMPLE"], False, [signal(1, name="simple")], None),
        (
            ["SIMPLE"],
            False,
            [signal(1, name="ELECTRICITY_PRICE", kind="price", measurement=EUR)],
            "460",
        ),
        (["SIMPLE"], False, [signal(1, name="x-own"), signal(1)], None),
        (["SIMPLE"], False, [signal(1, kind="delta")], "460"),
        (["SIMPLE"], False, [signal(1, measurement=KILOWATT)], "460"),
        (
            ["ELECTRICITY_PRICE"],
            False,
            [signal(1, name="ELECTRICITY_PRICE", kind="price", measurement=EUR)],
            None,
        ),
        (
            ["ELECTRICITY_PRICE"],
            False,
            [signal(1, name="ELECTRICITY_PRICE", kind="price", measurement=PLAIN_NAME)],
            None,
        ),
        (["ELECTRICITY_PRICE"], False, [signal(1, name="ELECTRICITY_PRICE", kind="price")], "460"),
        (["LOAD_DISPATCH"], False, [signal(1, name="LOAD_DISPATCH", kind="level")], None),
        (
            ["LOAD_DISPATCH"],
            False,
            [signal(1, name="LOAD_DISPATCH", kind="level", measurement=KILOWATT)],
            None,
        ),
        (["LOAD_DISPATCH"], False, [signal(1, name="LOAD_DISPATCH", kind="price")], "460"),
        (["x-own"], False, [signal(1, name="x-own", kind="setpoint")], None),
        (None, True, [signal(1)], None),
        (None, True, [signal(1, kind="price")], "460"),
        (None, True, [signal(1, name="x-own")], "460"),
        (["SIMPLE"], True, [signal(1, name="x-own"), signal(1, id="s1")], "460"),
        (["SIMPLE", "x-own"], True, [signal(1, name="x-own"), signal(1, id="s1")], None),
        (None, True, [signal(1), signal(1, name="LOAD_DISPATCH", kind="price", id="s1")], "460"),
    ],
    ids=[
        "E44-none configured",
        "E42-none configured",
        "E44-name",
        "E42-old spelling",
        "E44-other name",
        "E44-one is enough",
        "E42-type",
        "E42-unit",
        "E44-price",
        "E44-description decides",
        "E44-no unit",
        "E43-level without unit",
        "E43-level with unit",
        "E43-type",
        "E44-private configured",
        "E42-strict",
        "E42-strict type",
        "E44-strict private",
        "E44-strict one of two",
        "E44-strict both",
        "E44-strict type of one",
    ],
)
def test_an_event_without_a_signal_that_is_supported_is_refused(
    configured: Any, strict: bool, signals: Any, expected: Optional[str]
) -> None:
    assert code(event(signals=signals), signals=configured, strict=strict) == expected


@pytest.mark.parametrize(
    "name, kind, unit",
    [
        ("ENERGY_PRICE", "priceRelative", EUR),
        ("ENERGY_PRICE", "priceMultiplier", None),
        ("DEMAND_CHARGE", "price", Measurement(name="currencyPerKW", unit="EUR")),
        ("BID_PRICE", "price", Measurement(name="currency", unit="EUR")),
        ("BID_LOAD", "setpoint", KILOWATT),
        ("BID_ENERGY", "setpoint", Measurement.named("energyReal")),
        ("CHARGE_STATE", "delta", Measurement.named("energyReal")),
        ("CHARGE_STATE", "multiplier", None),
        ("LOAD_DISPATCH", "delta", KILOWATT),
        ("LOAD_DISPATCH", "multiplier", None),
        ("LOAD_CONTROL", "x-loadControlCapacity", None),
        ("LOAD_CONTROL", "x-loadControlSetpoint", None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_e43_the_table_of_signals_knows(name: str, kind: str, unit: Any) -> None:
    assert is_supported(frozenset({name}), signal(1, name=name, kind=kind, measurement=unit))
    wrong = None if unit is not None else KILOWATT
    assert not is_supported(frozenset({name}), signal(1, name=name, kind=kind, measurement=wrong))


def test_a_refused_event_reaches_no_handler_and_is_not_carried_out() -> None:
    ven = Harness(opted_in(), targets=OURS)

    ven.send(distribute(event(targets=[{"resource_id": "r9"}])))
    ven.advance(ven.now.replace(hour=20))

    assert ven.calls == []
    assert ven.responses(ven.answer()) == [("e", "462", 0, "optOut")]
    assert ven.answer() is None


# --- device classes -------------------------------------------------------------------------------


def limited_to(*classes: str, id: str = "s0", **more: Any) -> Any:
    assets = [Target(end_device_asset=EndDeviceAsset(one)) for one in classes]
    return signal(1, 2, each=30 * MINUTE, id=id, targets=assets, **more)


@pytest.mark.parametrize(
    "signals, expected, ruling",
    [
        ([limited_to("Thermostat")], None, 1),
        ([limited_to("EVSE")], "462", None),
        ([limited_to("EVSE", "Thermostat")], None, 1),
        ([limited_to("EVSE"), limited_to(id="s1")], None, 1),
        ([limited_to("EVSE"), limited_to("Pool_Pump", id="s1")], "462", None),
        ([limited_to()], None, 1),
    ],
    ids=["ours", "other", "union", "one for all", "two others", "no class"],
)
def test_e52_a_signal_for_other_device_classes_is_not_for_this_ven(
    signals: Any, expected: Optional[str], ruling: Optional[int]
) -> None:
    ven = Harness(opted_in(), targets={"end_device_asset": ["Thermostat"]})

    ven.send(distribute(event(signals=signals)))
    record = ven.answer()
    ven.advance(NOON + 70 * MINUTE)

    opt = "optIn" if expected is None else "optOut"
    assert ven.responses(record) == [("e", expected or "200", 0, opt)]
    assert queries.signal_now(tuple(ven.book.events.values()), "SIMPLE", ven.now) == ruling


def test_e52_what_rules_comes_from_the_signal_for_ones_own_devices() -> None:
    ven = Harness(opted_in(), targets={"end_device_asset": ["Thermostat"]})
    evse = [Target(end_device_asset=EndDeviceAsset("EVSE"))]
    signals = [signal(3, each=HOUR, targets=evse), limited_to("Thermostat", id="s1")]

    ven.send(distribute(event(signals=signals)))
    ven.advance(NOON + 70 * MINUTE)

    assert queries.current_level(tuple(ven.book.events.values()), ven.now) == 1


def test_e52_only_the_signals_for_ones_own_devices_are_announced() -> None:
    ven = Harness(opted_in(), targets={"end_device_asset": ["Thermostat"]})
    charger = limited_to("EVSE", name="LOAD_DISPATCH", kind="setpoint", measurement=KILOWATT)

    ven.send(distribute(event(signals=[charger, limited_to("Thermostat", id="s1")])))
    ven.advance(NOON + 3 * HOUR)

    announced = [call.arguments[1] for call in ven.calls if call.handler == "on_interval_start"]
    assert [one.signal_id for one in announced] == ["s1", "s1"]


def test_e52_without_configured_device_classes_every_signal_is_announced() -> None:
    ven = Harness(opted_in(), targets=OURS)

    ven.send(distribute(event(signals=[limited_to("EVSE"), limited_to("Thermostat", id="s1")])))
    ven.advance(NOON + 61 * MINUTE)

    assert len(ven.times("on_interval_start")) == 2


# --- what contradicts itself (strict) -------------------------------------------------------------

BASELINE = EventBaseline(
    dtstart=NOON,
    duration=HOUR,
    intervals=[Interval(dtstart=NOON, duration=HOUR, uid="0", signal_payload=3.0)],
    baseline_id="b",
    baseline_name="b",
)


def with_baseline(length: timedelta) -> Any:
    return event().replace(event_baseline=BASELINE.replace(duration=length))


@pytest.mark.parametrize(
    "given, expected",
    [
        (event(), None),
        (event(signals=[signal(1, 2, each=30 * MINUTE)]), None),
        (event(signals=[signal(1, 2, each=HOUR)]), "454"),
        (event(signals=[signal(1, each=MINUTE)]), "454"),
        (event(length=ZERO, signals=[signal(1, each=ZERO)]), None),
        (event(length=ZERO, signals=[signal(1, 2, durations=[HOUR, ZERO])]), None),
        (event(length=ZERO, signals=[signal(1, each=HOUR)]), "454"),
        (event(signals=[signal(4)]), "454"),
        (event(signals=[signal(1.5)]), "454"),
        (event(signals=[signal(-1)]), "454"),
        (event(signals=[signal(3)]), None),
        (event(signals=[signal(1.1, name="CHARGE_STATE", kind="multiplier")]), "454"),
        (event(signals=[signal(1.0, name="CHARGE_STATE", kind="multiplier")]), None),
        (event(signals=[signal(-10, name="LOAD_DISPATCH", kind="level")]), None),
        (event(signals=[signal(11, name="LOAD_DISPATCH", kind="level")]), "454"),
        (event(signals=[signal(2, name="LOAD_CONTROL", kind="x-loadControlCapacity")]), "454"),
        (event(signals=[signal(1), signal(1)]), "454"),
        (event(signals=[signal(1), signal(1, id="s1")]), None),
        (with_baseline(HOUR), None),
        (with_baseline(2 * HOUR), "454"),
        (event(start=NOON - 9 * HOUR), "454"),
        (event(status="completed"), "454"),
        (event(start=NOON - 30 * MINUTE), None),
        (event(start=NOON - 9 * HOUR, required="never"), "none"),
    ],
    ids=[
        "E34-plain",
        "E34-two intervals",
        "E34-longer than the event",
        "E34-shorter than the event",
        "E33-open-ended",
        "E33-open-ended with steps",
        "E33-open-ended with an end",
        "E42-level 4",
        "E42-level 1.5",
        "E42-level -1",
        "E42-level 3",
        "E57-charge beyond full",
        "E57-full charge",
        "E43-level -10",
        "E43-level 11",
        "E57-capacity",
        "E55-same signalID",
        "E55-other signalID",
        "E34-baseline",
        "E34-baseline too short",
        "E26-hours ago",
        "E26-completed",
        "E37-late but running",
        "E16-no response wanted",
    ],
)
def test_in_strict_mode_what_cannot_be_meant_is_454(given: Any, expected: Optional[str]) -> None:
    strict, tolerant = Harness(opted_in(), strict=True), Harness(opted_in())

    for ven in (strict, tolerant):
        ven.send(distribute(given, event("good", signals=[signal(2)])))

    answers = {one[0]: one[1] for one in strict.responses(strict.answer())}
    assert answers == {
        **({} if expected == "none" else {"e": expected or "200"}),
        "good": "200",
    }
    assert {one[1] for one in tolerant.responses(tolerant.answer())} == {"200"}


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("http://a.example/cpp", "HTTP://A.Example/cpp", True),
        ("http://a.example:80/cpp", "http://a.example/cpp", True),
        ("https://a.example:443", "https://a.example/", True),
        ("http://a.example:8080/cpp", "http://a.example/cpp", False),
        ("http://a.example/%7ecpp", "http://a.example/~cpp", True),
        ("http://a.example/a%2fb", "http://a.example/a%2Fb", True),
        ("http://a.example/a%2fb", "http://a.example/a/b", False),
        ("http://a.example/x/../cpp", "http://a.example/cpp", True),
        ("http://a.example/./cpp/.", "http://a.example/cpp/", True),
        ("http://a.example/../../cpp", "http://a.example/cpp", True),
        ("http://a.example/cpp", "http://a.example/CPP", False),
        ("http://a.example/cpp/", "http://a.example/cpp", False),
        ("http://a.example/cpp?A", "http://a.example/cpp?a", False),
        ("URN:programs:Peak", "urn:programs:Peak", True),
        ("urn:programs:Peak", "urn:programs:peak", False),
        ("http://me@A.example/", "http://me@a.example", True),
        ("http://[::1]:80/", "http://[::1]/", True),
        (" http://a.example ", "http://a.example", True),
        ("cpp", "cpp", True),
        ("cpp", "CPP", False),
        ("", "", True),
        ("http://a.example/%zz", "http://a.example/%zz", True),
    ],
)
def test_e48_contexts_are_compared_in_their_normal_form(one: str, other: str, same: bool) -> None:
    assert is_same(one, other) is same
    assert is_same(other, one) is same
    assert normalize(normalize(one)) == normalize(one)


@drawn(st.text(max_size=60) | st.from_regex(r"[hH]ttps?://[a-zA-Z%.:@\[\]0-9/?#-]{0,40}"))
def test_every_text_has_a_normal_form(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)
