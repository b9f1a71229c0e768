"""Texts and values, both ways: the lexical rules and their quirks (docs/protocol/messages.rst)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from ven_sdk.oadr20b.codec import lexical, scalars

UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0S", 0),
        ("P", 0),
        ("PT15M", 900),
        ("P1D", 86400),
        ("PT24H", 86400),
        ("P1DT2H30M5S", 95405),
        ("1W", 604800),
        ("P1W", 604800),
        ("P2W", 1209600),
        ("PT1.5S", 1.5),
        ("PT1,25S", 1.25),
        ("P1Y", 365 * 86400),
        ("P1M", 30 * 86400),
        ("+PT5S", 5),
        (" PT5S\n", 5),
        ("P1H", 3600),
        ("P0D", 0),
        ("P1DT", 86400),
        ("-PT0S", 0),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert lexical.duration(text).value == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PT",
        "-PT5M",
        "5M",
        "PT-5M",
        "P1S2M",
        "PT1H1H",
        "P9999999D",
        "PT1E5S",
        "P99999999999999999999999D",
        "P1Y1001Y",
        "PT5",
        "W",
        "1W2D",
        "PTNaNS",
        "٣W",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # the texts differ, the type is the contract
        lexical.duration(text)


@pytest.mark.parametrize(
    ("text", "deviates", "remarks"),
    [
        ("1W", False, False),
        ("P1W", True, False),
        ("PT1.5S", True, False),
        ("P1M", False, True),
        ("PT1M", False, False),
    ],
)
def test_only_what_breaks_the_schema_deviates(text: str, deviates: bool, remarks: bool) -> None:
    read = lexical.duration(text)
    assert (bool(read.deviation), bool(read.remark)) == (deviates, remarks)


def test_a_negative_duration_needs_a_place_that_allows_it() -> None:
    assert lexical.duration("-PT10M", negative=True).value == timedelta(minutes=-10)
    assert scalars.parse_signed_duration("-PT10M") == timedelta(minutes=-10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(hours=24), "P1D"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(days=8, seconds=1), "P8DT1S"),
        (timedelta(minutes=-10), "-PT10M"),
        (timedelta(seconds=59), "PT59S"),
    ],
)
def test_a_duration_is_written_and_read_back(value: timedelta, text: str) -> None:
    assert scalars.format_duration(value) == text
    assert lexical.duration(text, negative=True).value == value


@pytest.mark.parametrize("value", [timedelta(microseconds=1), timedelta(days=400000)])
def test_a_duration_that_the_schema_cannot_hold_is_not_written(value: timedelta) -> None:
    with pytest.raises(ValueError, match=r"fractions|thousand"):
        scalars.format_duration(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T12:00:00.5Z", datetime(2030, 1, 31, 12, 0, 0, 500000, UTC)),
        ("2030-01-31T12:00:00.123456789Z", datetime(2030, 1, 31, 12, 0, 0, 123456, UTC)),
        ("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, tzinfo=UTC)),
        ("2030-01-31T12:00:00-00:30", datetime(2030, 1, 31, 12, 30, tzinfo=UTC)),
        ("2030-01-31T12:00:00", datetime(2030, 1, 31, 12, tzinfo=UTC)),
        ("2030-01-31T24:00:00Z", datetime(2030, 2, 1, tzinfo=UTC)),
        (" 2030-01-31T12:00:00Z ", datetime(2030, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_utc(text: str, value: datetime) -> None:
    read = lexical.date_time(text).value
    assert read == value
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2030-01-31",
        "2030-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "20300131T120000Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
        "12026-01-01T00:00:00Z",
        "2030-01-31T12:00:60Z",
        "2030-01-31x12:00:00Z",
        "2030-W05-4T12:00:00Z",
        "2030-01-31T12:00:00+25:00",
        "٢030-01-31T12:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused_by_both_readers(text: str) -> None:
    with pytest.raises(ValueError):
        lexical.date_time(text)
    with pytest.raises((ValueError, IndexError)):
        scalars.parse_date_time(text)


def test_a_moment_is_written_in_utc_with_a_z() -> None:
    there = timezone(timedelta(hours=2))
    assert (
        scalars.format_date_time(datetime(2030, 1, 31, 12, tzinfo=there)) == "2030-01-31T10:00:00Z"
    )
    assert (
        scalars.format_date_time(datetime(30, 1, 1, 0, 0, 0, 5, UTC))
        == "0030-01-01T00:00:00.000005Z"
    )


def test_a_naive_moment_is_not_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        scalars.format_date_time(datetime(2030, 1, 31))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("412", 412),
        ("412.0", 412.0),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("+7", 7),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E-400", 0.0),
    ],
)
def test_a_number_is_an_int_when_it_is_written_as_one(text: str, value: Any) -> None:
    read = scalars.parse_number(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text", ["NaN", "INF", "-INF", "1e999", "", "1_000", "0x10", "one", "1,5", "9" * 400, "٣"]
)
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        scalars.parse_number(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (412, "412"),
        (412.0, "412.0"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (True, "1"),
        (Decimal("1.50"), "1.50"),
        (-7, "-7"),
        (2**70, str(2**70)),
    ],
)
def test_a_number_keeps_its_precision_when_written(value: Any, text: str) -> None:
    assert scalars.format_number(value) == text
    assert scalars.parse_number(text) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), 10**400, "1", None])
def test_what_is_no_number_is_not_written(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        scalars.format_number(value)


def test_a_decimal_has_no_exponent() -> None:
    assert scalars.format_decimal(1e-7) == "0.0000001"
    assert scalars.format_decimal(50) == "50"
    with pytest.raises(ValueError, match="24 digits"):
        scalars.format_decimal(1e-30)


def test_every_character_that_xml_has_may_be_written() -> None:
    legal = [9, 10, 13, *range(0x20, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x110000)]
    written = []
    for code in range(0x110000):
        try:
            scalars.check_text(chr(code))
        except ValueError:
            continue
        written.append(code)

    assert written == legal


@pytest.mark.parametrize("text", ["\x00", "a\x1fb", "\ud800", "\ufffe"])
def test_characters_that_xml_lacks_are_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="XML cannot carry"):
        scalars.check_text(text)
