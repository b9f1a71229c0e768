"""add_report: what it takes, what it refuses and how it says so, and the catalogue that comes of it
(T3 to T7).
"""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ven_sdk import enums
from ven_sdk.errors import ConfigurationError
from ven_sdk.oadr20b.services.reports.metadata import metadata_of
from ven_sdk.points.catalogue import Catalogue, lane_of
from ven_sdk.points.data_points import subject_of
from ven_sdk.schema.points import SamplingRate
from ven_sdk.schema.units import UNITS, Measurement, PowerAttributes

HOUR = timedelta(hours=1)


def read() -> float:
    return 1.0


def history(date_from: Any, date_to: Any, sampling_interval: Any) -> Any:
    return []


def catalogue(**more: Any) -> Catalogue:
    made = Catalogue()
    made.add(read, "device001", **{"measurement": "voltage", **more})
    return made


def description(**more: Any) -> Any:
    return metadata_of(catalogue(**more).reports())[0].report_descriptions[0]


# --- IDs ------------------------------------------------------------------------------------------


def test_ids_left_out_are_derived_from_the_names() -> None:
    assert Catalogue().add(read, "device001", "voltage") == ("TELEMETRY_USAGE", "device001-voltage")
    assert Catalogue().add(read, "site", report_name="TELEMETRY_STATUS") == (
        "TELEMETRY_STATUS",
        "site-status",
    )
    assert Catalogue().add(read, "m1", "energyReal", report_type="usage", reading_type="Net") == (
        "TELEMETRY_USAGE",
        "m1-energyReal-usage-Net",
    )


def test_derived_ids_and_the_digest_are_the_same_in_another_process() -> None:
    program = (
        "from ven_sdk.points.catalogue import Catalogue\nc = Catalogue()\n"
        "print(c.add(lambda: 1, 'device001', 'voltage'), c.digest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(runs) == 1


def test_the_digest_does_not_depend_on_the_order_but_on_the_content() -> None:
    one, other = Catalogue(), Catalogue()
    one.add(read, "a", "voltage")
    one.add(read, "b", "voltage")
    other.add(read, "b", "voltage")
    before = other.digest()
    other.add(read, "a", "voltage")

    assert one.digest() == other.digest() != before


def test_t7_a_second_data_point_of_the_same_ids_is_refused_and_the_error_says_so() -> None:
    with pytest.raises(
        ConfigurationError, match="'device001-voltage' in report 'TELEMETRY_USAGE' already"
    ):
        catalogue().add(read, "device001", "voltage")


def test_t7_the_data_points_of_one_report_share_its_id_and_name() -> None:
    made = catalogue()
    made.add(read, "device002", "voltage")

    assert [(report.specifier, len(report.points)) for report in made.reports()] == [
        ("TELEMETRY_USAGE", 2)
    ]
    with pytest.raises(ConfigurationError, match="is a TELEMETRY_USAGE"):
        made.add(read, "site", report_name="x-SITE", report_specifier_id="TELEMETRY_USAGE")


def test_points_are_found_by_r_id_also_while_another_thread_adds() -> None:
    made = Catalogue()
    threads = [
        threading.Thread(
            target=lambda part=part: [made.add(read, f"{part}-{n}", "voltage") for n in range(50)]
        )
        for part in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made.points) == len(made.by_key) == 200
    assert len(metadata_of(made.reports())[0].report_descriptions) == 200


# --- what a catalogue says ------------------------------------------------------------------------


def test_t3_t4_metadata_reports_have_request_id_0_and_neither_start_nor_intervals() -> None:
    (report,) = metadata_of(catalogue().reports(), datetime(2026, 7, 1, tzinfo=timezone.utc))

    assert (report.report_request_id, report.dtstart, report.intervals, report.report_id) == (
        "0",
        None,
        (),
        None,
    )
    assert report.created_date_time == datetime(2026, 7, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "declared, slowest, said",
    [
        (None, HOUR, HOUR),
        (timedelta(minutes=5), HOUR, HOUR),
        (timedelta(days=2), HOUR, timedelta(seconds=4096)),
        (HOUR, timedelta(hours=3), timedelta(hours=3)),
    ],
)
def test_t4_the_duration_covers_every_sampling_period(
    declared: Any, slowest: Any, said: Any
) -> None:
    made = catalogue(
        report_duration=declared, sampling_rate=SamplingRate(timedelta(seconds=1), slowest)
    )

    assert metadata_of(made.reports())[0].duration == said


@pytest.mark.parametrize(
    "name, metadata",
    [
        ("TELEMETRY_USAGE", "METADATA_TELEMETRY_USAGE"),
        ("TELEMETRY_STATUS", "METADATA_TELEMETRY_STATUS"),
        ("HISTORY_USAGE", "METADATA_HISTORY_USAGE"),
        ("HISTORY_GREENBUTTON", "METADATA_HISTORY_GREENBUTTON"),
        ("x-SITE_DETAIL", "x-METADATA_SITE_DETAIL"),
    ],
)
def test_t5_the_catalogue_has_a_name_of_its_own_for_every_report(name: str, metadata: str) -> None:
    made = Catalogue()
    made.add(history if name.startswith("HISTORY") else read, "r", report_name=name)

    assert metadata_of(made.reports())[0].report_name == metadata


def test_t5_a_status_has_its_own_types_and_no_unit() -> None:
    made = description(report_name="TELEMETRY_STATUS", measurement=None)

    assert (made.report_type, made.reading_type, made.measurement) == (
        "x-resourceStatus",
        "x-notApplicable",
        None,
    )


def test_what_add_report_was_told_stands_in_the_description() -> None:
    made = description(
        measurement="POWER_REAL",
        scale="k",
        power_hertz=60,
        power_voltage=400,
        power_ac=False,
        r_id="r",
        reading_type="Mean",
        report_type="usage",
        market_context="http://m",
        sampling_rate=10,
        end_device_asset_mrid="Thermostat",
    )

    assert made == {
        "r_id": "r",
        "report_type": "usage",
        "reading_type": "Mean",
        "market_context": "http://m",
        "report_subject": [{"end_device_asset": {"mrid": "Thermostat"}}],
        "report_data_source": [{"resource_id": "device001"}],
        "sampling_rate": SamplingRate(timedelta(seconds=10), timedelta(seconds=10), False),
        "measurement": Measurement(
            "powerReal", unit="W", scale="k", power_attributes=PowerAttributes(60, 400, False)
        ),
    }


@pytest.mark.parametrize("argument", ["report_data_source", "data_source"])
def test_the_data_source_can_be_a_target_a_dict_or_several(argument: str) -> None:
    made = Catalogue()
    made.add(read, **{argument: [{"meter_asset": {"mrid": "EAN-1"}}, "feeder"]})

    assert metadata_of(made.reports())[0].report_descriptions[0].report_data_source == [
        {"meter_asset": {"mrid": "EAN-1"}},
        {"resource_id": "feeder"},
    ]


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [name for name in UNITS if name not in ("customUnit", "oadrGBDataDescription", "pulseCount")],
)
def test_every_measurement_of_the_standard_can_be_named_in_any_case(name: str) -> None:
    unit = "EUR" if name.startswith("currency") else None
    made = description(measurement=name.upper(), unit=unit).measurement

    assert (made.name, made.flaw()) == (name, "")


@pytest.mark.parametrize(
    "given, name",
    [
        ("Real Power", "powerReal"),
        (enums.MEASUREMENTS.ENERGY_REAL, "energyReal"),
        (Measurement("voltage"), "voltage"),
        ({"name": "pulseCount", "pulse_factor": 0.001}, "pulseCount"),
        ({"name": "voltage", "scale": "k"}, "voltage"),
    ],
)
def test_a_measurement_can_be_a_name_an_enum_member_a_record_or_a_dict(
    given: Any, name: str
) -> None:
    assert description(measurement=given).measurement.name == name


def test_an_unknown_name_with_a_unit_is_a_unit_of_ones_own() -> None:
    made = description(measurement="Door openings", unit="openings").measurement

    assert (made.name, made.description, made.unit) == ("customUnit", "Door openings", "openings")


def test_measurements_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        description().measurement.scale = "k"


# --- refusals -------------------------------------------------------------------------------------


async def awaited() -> float:
    return 1.0


class Awaited:
    async def __call__(self) -> float:
        return 1.0


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"measurement": "voltge"}, "Near names: voltage"),
        ({"measurement": "furlongs"}, "Give a unit as well"),
        ({"measurement": "currency"}, "EUR or USD"),
        ({"measurement": "currency", "unit": "BYN"}, "2010"),
        ({"measurement": "temperature", "unit": "kelvin"}, "'celsius' or 'fahrenheit'"),
        ({"measurement": {"name": "pulseCount"}}, "pulse_factor is missing"),
        ({"measurement": None, "unit": "V"}, "needs a measurement"),
        ({"scale": "hecto"}, "'p', 'n', 'micro'"),
        ({"report_name": "TELEMETRY"}, "Did you mean 'TELEMETRY_USAGE'"),
        ({"report_name": "METADATA_TELEMETRY_USAGE"}, "Give 'TELEMETRY_USAGE'"),
        ({"report_name": "x-METADATA_SITE"}, "Give 'x-SITE'"),
        ({"reading_type": "Direct"}, "Did you mean 'Direct Read'"),
        ({"report_type": "readings"}, "Did you mean 'reading'"),
        ({"data_collection_mode": "bulk"}, "'incremental', 'full'"),
        ({"sampling_rate": 0}, "at least 1 s"),
        ({"sampling_rate": 1.5}, "fraction of a second"),
        ({"sampling_rate": SamplingRate(HOUR, timedelta(seconds=1))}, "below min_period"),
        ({"sampling_rate": "fast"}, "a number of seconds"),
        ({"report_dtstart": "yesterday"}, "must be a datetime"),
        ({"report_data_source": 7}, "resource ID, an objects.Target"),
        ({"resource_id": ""}, "non-empty text"),
        ({"callback": 7}, "must be a function"),
        ({"callback": lambda x: x}, r"calls callback\(\)"),
        ({"callback": awaited}, "change 'async def awaited.*' to 'def awaited"),
        ({"callback": functools.partial(awaited)}, "is an 'async def'"),
        ({"callback": Awaited()}, "is an 'async def'"),
        (
            {"data_collection_mode": "full"},
            r"callback\(date_from=..., date_to=..., sampling_interval=...\)",
        ),
        ({"report_name": "HISTORY_USAGE"}, r"callback\(date_from="),
        ({"report_name": "HISTORY_USAGE", "callback": None}, "needs a callback"),
    ],
)
def test_a_wrong_argument_is_refused_at_once_and_the_error_says_what_would_be_right(
    arguments: Any, said: str
) -> None:
    given = {"callback": read, "resource_id": "device001", "measurement": "voltage", **arguments}

    with pytest.raises(ConfigurationError, match=said):
        Catalogue().add(**given)


def test_a_refused_data_point_leaves_the_catalogue_as_it_was() -> None:
    made = catalogue()
    before = made.digest()
    with pytest.raises(ConfigurationError):
        made.add(read, "device002", "voltge")

    assert made.digest() == before


# --- lanes ----------------------------------------------------------------------------------------


class Bus:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    def one(self) -> int:
        return 1

    def other(self, register: int = 0) -> int:
        return register


BUS, SECOND_BUS = Bus(), Bus()


@pytest.mark.parametrize(
    "one, other, shared",
    [
        (read, read, True),
        (functools.partial(read), functools.partial(functools.partial(read)), True),
        (BUS.one, BUS.other, True),
        (functools.partial(BUS.other, 1), BUS.one, True),
        (BUS.one, SECOND_BUS.one, False),
        (read, history, False),
        (min, max, False),
    ],
)
def test_the_same_function_and_methods_of_one_object_share_a_lane(
    one: Any, other: Any, shared: bool
) -> None:
    assert (lane_of(one) == lane_of(other)) is shared


@pytest.mark.parametrize(
    "measurement, unit, expected",
    [
        ("powerReal", "kW", ("W", "k")),
        ("powerReal", "MW", ("W", "M")),
        ("powerReal", "W", ("W", "none")),
        ("energyReal", "MWh", ("Wh", "M")),
        ("voltage", "mV", ("V", "m")),
    ],
)
def test_a_prefixed_unit_is_unit_and_scale(
    measurement: str, unit: str, expected: tuple[str, str]
) -> None:
    found = description(measurement=measurement, unit=unit).measurement

    assert found is not None
    assert (found.unit, found.scale) == expected


def test_a_unit_that_a_measurement_does_not_have_is_refused_with_those_it_has() -> None:
    for unit in ("kV", "horse", "k"):
        with pytest.raises(ConfigurationError, match="'W' or 'J/s'"):
            description(measurement="powerReal", unit=unit)
    with pytest.raises(ConfigurationError):
        description(measurement="powerReal", unit="kW", scale="M")


@pytest.mark.parametrize("given", [{"gaps": "leave"}, {"gaps": 1}, {"interval_duration": "yes"}])
def test_what_gaps_and_interval_duration_may_be_is_said(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        description(**given)


@pytest.mark.parametrize("mrid", ["Thermostat", "x-heat_pump"])
def test_t44_a_value_is_about_a_device_class_of_the_list_or_of_ones_own(mrid: str) -> None:
    (subject,) = subject_of(mrid)
    assert subject.end_device_asset is not None
    assert subject.end_device_asset.mrid == mrid


@pytest.mark.parametrize("mrid", ["Heat pump", "thermostat", "x-", ""])
def test_t44_another_device_class_is_refused_with_the_list(mrid: str) -> None:
    with pytest.raises(ConfigurationError, match="end_device_asset_mrid"):
        subject_of(mrid)
