"""Measurements: names in any case, what the schema fixes, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ven_sdk import enums
from ven_sdk.errors import ConfigurationError
from ven_sdk.objects import Measurement, PowerAttributes


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("voltage", "voltage"),
        ("Voltage", "voltage"),
        ("REAL_POWER", "powerReal"),
        ("powerReal", "powerReal"),
        ("real energy", "energyReal"),
        ("therm", "Therm"),
        (enums.MEASUREMENTS.CURRENT, "current"),
        ("pulse_count", "pulseCount"),
    ],
)
def test_names_are_found_in_any_case(name: str, known: str) -> None:
    assert Measurement.named(name).name == known


def test_what_the_schema_fixes_is_filled_in() -> None:
    made = Measurement.named("voltage")
    assert (made.description, made.unit, made.scale, made.ns) == ("Voltage", "V", "none", "power")
    assert made == Measurement("voltage", "Voltage", "V")
    assert made.acceptable_units == ("V",)


def test_power_has_power_attributes() -> None:
    assert Measurement.named("powerReal", unit="W").power_attributes == PowerAttributes(
        50, 230, True
    )
    assert Measurement.named("powerReal", unit="W").flaw() == ""


def test_an_unknown_name_with_a_unit_is_a_custom_unit() -> None:
    made = Measurement.named("Rotation", unit="1/min", scale="k")
    assert (made.name, made.description, made.unit, made.scale) == (
        "customUnit",
        "Rotation",
        "1/min",
        "k",
    )
    assert made.flaw() == ""


def test_an_unknown_name_without_a_unit_is_refused_with_near_ones() -> None:
    with pytest.raises(
        ConfigurationError, match=r"There is no measurement 'voltige'\. Near names: voltage"
    ):
        Measurement.named("voltige")


def test_a_unit_that_the_schema_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unit is 'kV', expected 'V'"):
        Measurement.named("voltage", unit="kV")


@pytest.mark.parametrize(
    "given", ["voltage", enums.MEASUREMENTS.VOLTAGE, {"name": "voltage"}, Measurement("voltage")]
)
def test_a_measurement_is_made_of_what_users_give(given: Any) -> None:
    assert Measurement.of(given) == Measurement.named("voltage")


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a name, a Measurement or a dict"):
        Measurement.of(7)
