"""Dates in headers are believed only where they are dates."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ven_sdk.transport.dates import http_date, retry_after

NOW = datetime(1994, 11, 6, 8, 49, 37, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_the_three_forms_of_rfc_9110_are_the_same_moment(text: str) -> None:
    assert http_date(text) == NOW


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "0",
        "-1",
        "Sun, 31 Feb 2024 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:00:00 GMT",
        "Sun, 06 Nov 0001 08:49:37 GMT",
        "Sun, 06 Nov 9999 23:59:59 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0500",
        "\0" * 20,
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT" + " " * 100,
        "1e999",
        "Sun, 06 Foo 1994 08:49:37 GMT",
    ],
)
def test_rubbish_is_no_date(text: Optional[str]) -> None:
    assert http_date(text) is None


def test_a_leap_second_is_a_moment() -> None:
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=timezone.utc
    )


@given(st.text(max_size=70))
def test_no_text_raises(text: str) -> None:
    moment, wait = http_date(text), retry_after(text, NOW)

    assert moment is None or moment.tzinfo is timezone.utc
    assert wait is None or 0 <= wait <= 3600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("3601", 3600),
        ("9999999999", 3600),
        ("99999999999", 3600),
        ("9" * 400, 3600),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("soon", None),
        ("nan", None),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
        ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 3600),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_an_hour(
    text: Optional[str], seconds: Optional[float]
) -> None:
    assert retry_after(text, NOW) == seconds
