"""Is an event for this VEN: targets, market context, signals (rules E42 to E48 and the table in
rules G).
"""

from __future__ import annotations

from typing import Any, Optional

import pytest

from tests.oadr20b.services.builders import distribute, event, signal
from tests.oadr20b.services.harness import Harness, opted_in
from ven_sdk.oadr20b.services.events.eligibility import is_supported, refusal
from ven_sdk.schema.common import EndDeviceAsset, PNode, Target, TransportInterface
from ven_sdk.schema.units import Measurement

OURS = {"resource_id": ["r1", "r2"], "group_id": ["g1"]}


def code(given: Any, **settings: Any) -> Optional[str]:
    """What the event is refused with."""
    found = refusal(Harness(**settings).book, given)
    return None if found is None else found.code


@pytest.mark.parametrize(
    "configured, targets, expected",
    [
        (None, [{"resource_id": "r9"}], None),
        (OURS, [], None),
        (OURS, [{"resource_id": "r1"}], None),
        (OURS, [{"resource_id": "r9"}], "452"),
        (OURS, [{"resource_id": "R1"}], "452"),
        (OURS, [{"resource_id": "r9"}, {"resource_id": "r2"}], None),
        (OURS, [{"resource_id": "r9"}, {"group_id": "g1"}], None),
        (OURS, [{"resource_id": "r9"}, {"group_id": "g9"}], "452"),
        (OURS, [{"party_id": "p9"}], None),
        (OURS, [{"ven_id": "ven"}, {"resource_id": "r9"}], None),
        ({"ven_id": ["ven", "twin"]}, [{"ven_id": "twin"}], None),
        ({"ven_id": []}, [{"ven_id": "other"}], "452"),
        (
            {"end_device_asset": ["Thermostat"]},
            [Target(end_device_asset=EndDeviceAsset("Thermostat"))],
            None,
        ),
        (
            {"end_device_asset": ["Thermostat"]},
            [Target(end_device_asset=EndDeviceAsset("EVSE"))],
            "452",
        ),
        ({"p_node": ["n1"]}, [Target(p_node=PNode("n2"))], "452"),
        (
            {"transport_interface": ["n1"]},
            [Target(transport_interface=TransportInterface("n1", "n2"))],
            "452",
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
def test_targets(configured: Any, targets: Any, expected: Optional[str]) -> None:
    assert code(event(targets=targets), targets=configured) == expected


@pytest.mark.parametrize(
    "configured, context, expected",
    [
        (None, "http://any", None),
        (["http://a"], "http://a", None),
        (["http://a"], "http://A", "453"),
        (["http://a"], "http://a/", "453"),
        (["http://a", "http://b"], "http://b", None),
        ([], "http://a", "453"),
    ],
    ids=[
        "E48-none configured",
        "E48-same",
        "E48-case",
        "E48-slash",
        "E48-second",
        "E48-no context at all",
    ],
)
def test_market_context(configured: Any, context: str, expected: Optional[str]) -> None:
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
    ],
)
def test_signals(configured: Any, strict: bool, signals: Any, expected: Optional[str]) -> None:
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
    assert ven.responses(ven.answer()) == [("e", "452", 0, "optOut")]
    assert ven.answer() is None
