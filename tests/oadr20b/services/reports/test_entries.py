"""What callbacks may return, how it is kept with all its digits, and what it becomes in a
message.
"""

from __future__ import annotations

import itertools
import random
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from ven_sdk import ConfigurationError
from ven_sdk.oadr20b.codec.envelope import message
from ven_sdk.oadr20b.schema.reports import Report, ReportInterval, UpdateReport
from ven_sdk.objects import LoadControlState, ResourceStatus, Sample
from ven_sdk.points.entries import (
    number_entry,
    payload,
    read_feed,
    read_numbers,
    read_statuses,
    with_quality,
)
from ven_sdk.schema.points import ReportPayload

NOON = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)


class Scalar:
    """What numpy's scalars do."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


class Float64(float):
    """numpy.float64: a float whose repr is no number."""

    def __repr__(self) -> str:
        return f"np.float64({float(self)})"


@pytest.mark.parametrize(
    "value, text",
    [
        (1, "1"),
        (-3, "-3"),
        (True, "1"),
        (1.23, "1.23"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e+300"),
        (Decimal("12.3400"), "12.3400"),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Scalar(7), "7"),
        (Scalar(2.5), "2.5"),
        (Float64(2.5), "2.5"),
        (Fraction(1, 4), "0.25"),
        (None, ""),
        (float("nan"), ""),
        (Decimal("nan"), ""),
    ],
)
def test_numbers_keep_the_precision_that_they_came_with(value: Any, text: str) -> None:
    assert number_entry(value) == text


@pytest.mark.parametrize("value", ["1.23", b"1", object(), {"value": 1}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="expected a number"):
        number_entry(value)


@pytest.mark.parametrize(
    "value", [float("inf"), Decimal("-inf"), Decimal("1e400"), 10**400, Fraction(10**400)]
)
def test_what_a_report_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        number_entry(value)


def test_any_number_survives_being_stored_and_sent() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        value = chance.choice(
            (
                chance.uniform(-1e6, 1e6),
                chance.random() * 10 ** chance.randrange(-300, 300),
                chance.randrange(-(10**12), 10**12),
            )
        )
        assert payload("r", number_entry(value)).value == value  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "result, expected",
    [
        (None, []),
        (3, [(None, "3")]),
        (float("nan"), []),
        ((NOON, 4), [(NOON, "4")]),
        ([(NOON, 4), (NOON, 5)], [(NOON, "4"), (NOON, "5")]),
        (((NOON + timedelta(1), 2), (NOON, 1)), [(NOON, "1"), (NOON + timedelta(1), "2")]),
        (Sample(7), [(None, "7")]),
        (Sample(7, NOON), [(NOON, "7")]),
        ([Sample(7, NOON), None, (NOON, None)], [(NOON, "7")]),
        (
            Sample(7, NOON, 95, 0.5, "Quality Good - Non Specific"),
            [(NOON, '["7",95,"0.5","Quality Good - Non Specific"]')],
        ),
        ((row for row in [(NOON, 1)]), [(NOON, "1")]),
        ([], []),
        (Scalar(2), [(None, "2")]),
    ],
)
def test_every_return_type_is_understood(result: Any, expected: Any) -> None:
    assert list(read_numbers(result).samples) == expected


def test_a_datetime_without_a_zone_counts_as_utc_and_is_noticed() -> None:
    read = read_numbers((NOON.replace(tzinfo=None), 1))

    assert (read.samples, read.naive) == (((NOON, "1"),), True)


def test_other_zones_become_utc() -> None:
    zone = timezone(timedelta(hours=2))

    assert read_numbers((NOON.astimezone(zone), 1)).samples == ((NOON, "1"),)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"confidence": 101}, "0 to 100"),
        ({"data_quality": "great"}, "enums.DATA_QUALITY"),
        ({"at": "now"}, "expected a datetime"),
        ({"accuracy": "x"}, "expected a number"),
        ({"value": "5"}, "expected a number"),
        ({"value": float("inf")}, "a report cannot hold"),
        ({"value": {"onlin": True}}, "Did you mean 'online'?"),
    ],
)
def test_a_sample_that_could_not_be_sent_is_refused_when_it_is_made(
    wrong: "dict[str, Any]", said: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Sample(**{"value": 1, **wrong})

    fields = dict.fromkeys(("at", "confidence", "accuracy", "data_quality"))
    shaped_like_one = SimpleNamespace(**{**fields, "value": 1, **wrong})
    with pytest.raises((TypeError, ValueError)):
        read_numbers(shaped_like_one)


STATUS = ResourceStatus(
    True,
    False,
    capacity=LoadControlState(410, min=0, max=520, normal=430.5),
    level_offset=1,
    set_point=LoadControlState(Decimal("-21.50")),
)


@pytest.mark.parametrize("given", [STATUS, STATUS.to_dict()])
def test_a_full_resource_status_survives_being_stored_and_sent(given: Any) -> None:
    ((_, entry),) = read_statuses(given).samples

    assert payload("s", entry) == ReportPayload(r_id="s", value=None, resource_status=STATUS)


@pytest.mark.parametrize("given", [1, "online", True])
def test_a_status_callback_must_return_a_status(given: Any) -> None:
    with pytest.raises(TypeError, match="expected a ResourceStatus"):
        read_statuses(given)


@pytest.mark.parametrize(
    "quality",
    ["x-", "x-a\0", "x-\ud800", "x-a\nb", "x-a ", f"x-{'y' * 5000}", "X-a", 5, ["x-a"], {"x-": 1}],
    ids=lambda quality: f"{quality!r:.12}",
)
def test_a_quality_that_no_report_can_carry_is_refused_and_spoils_no_other_value(
    quality: Any,
) -> None:
    with pytest.raises(ConfigurationError):
        Sample(1.0, data_quality=quality)
    fields = {"at": None, "value": 1.0, "confidence": None, "accuracy": None}
    with pytest.raises((TypeError, ValueError)):
        read_numbers(SimpleNamespace(**fields, data_quality=quality))


ODD = [float("nan"), Decimal("sNaN"), float("inf"), 10**400, 5e-324, -0.0, Decimal("1e-9"), True]


@pytest.mark.parametrize("number", ODD, ids=repr)
@pytest.mark.parametrize("part", ["current", "min", "max", "normal"])
@pytest.mark.parametrize("name", ["capacity", "level_offset", "percent_offset", "set_point"])
def test_a_status_with_any_number_is_refused_or_can_be_stored_and_sent(
    name: str, part: str, number: Any
) -> None:
    given = ResourceStatus(True, **{name: LoadControlState(**{"current": 1, part: number})})
    try:
        ((_, entry),) = read_statuses(given).samples
    except (TypeError, ValueError):
        return
    record = payload("s", entry)

    assert record is not None and format_payload(record)


def test_a_status_that_an_earlier_version_stored_with_nan_is_sent_without_it() -> None:
    entry = '{"online":true,"capacity":{"current":""},"set_point":{"min":"","current":"2"}}'

    assert payload("s", entry) == ReportPayload(
        r_id="s", value=None, resource_status=ResourceStatus(True, set_point=2)
    )


def format_payload(record: ReportPayload) -> bytes:
    """The message with it, as it is sent: raises where it cannot be."""
    interval = ReportInterval(report_payloads=(record,))
    part = Report(
        report_request_id="r",
        report_specifier_id="s",
        created_date_time=NOON,
        intervals=(interval,),
    )
    return message(UpdateReport(request_id="u", reports=(part,), ven_id="v"))


@pytest.mark.parametrize("given", ["<feed/>", b"<feed/>", bytearray(b"<feed/>")])
def test_a_green_button_feed_is_text_or_bytes(given: Any) -> None:
    assert read_feed(given).samples == ((None, '"<feed/>"'),)


@pytest.mark.parametrize(
    "entry, expected",
    [
        ("1.5", ReportPayload(r_id="r", value=1.5)),
        ("~1.5", ReportPayload(r_id="r", value=1.5, data_quality="Quality Bad - Last Known Value")),
        ("~", ReportPayload(r_id="r", value=0, data_quality="Quality Bad - Non Specific")),
        (
            "~" + with_quality("2", 90, 0.5, "x-mine"),
            ReportPayload(
                r_id="r", value=2, accuracy=0.5, data_quality="Quality Bad - Last Known Value"
            ),
        ),
        (
            with_quality("2", 90, Decimal("0.50"), "x-mine"),
            ReportPayload(r_id="r", value=2, confidence=90, accuracy=0.5, data_quality="x-mine"),
        ),
        ("", None),
    ],
)
def test_t19_entries_become_payloads_and_gaps_carry_their_quality(
    entry: str, expected: Any
) -> None:
    assert payload("r", entry) == expected


def test_what_never_ends_is_a_failure_and_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ven_sdk.points.entries.MOST_SAMPLES", 100)

    with pytest.raises(ValueError, match="more than 100 values"):
        read_numbers(itertools.count())
    assert len(read_numbers(range(100)).samples) == 100
