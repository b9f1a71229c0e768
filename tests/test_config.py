"""Settings are checked in the call that received them, and an error names the argument and what
would be right.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ven_sdk.config import settings
from ven_sdk.errors import ConfigurationError, VenError
from ven_sdk.profiles import vtn_address

URL = "http://vtn.example.com"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://vtn.example.com", "http://vtn.example.com/OpenADR2/Simple/2.0b"),
        ("http://vtn.example.com/", "http://vtn.example.com/OpenADR2/Simple/2.0b"),
        (
            "https://vtn.example.com:8443/OpenADR2/Simple/2.0b/",
            "https://vtn.example.com:8443/OpenADR2/Simple/2.0b",
        ),
        ("https://vtn.example.com/own/path", "https://vtn.example.com/own/path"),
        ("http://[::1]:8080", "http://[::1]:8080/OpenADR2/Simple/2.0b"),
    ],
)
def test_an_empty_path_becomes_the_standards_own_and_any_other_is_used_as_it_is(
    given: str, used: str
) -> None:
    assert vtn_address(given) == used


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vtn.example.com",
        "ftp://vtn",
        "http://",
        "http://vtn:99999",
        "http://vtn?x=1",
        "http://user:secret@vtn",
        None,
        7,
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vtn_address(url)
    assert "vtn_url" in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"register": False}, "register=False needs ven_id"),
        ({"timeout": -1}, "timeout must be at least"),
        ({"timeout": "30"}, "timeout must be a timedelta, a number of seconds, or a text"),
        ({"poll_frequency": True}, "poll_frequency"),
        ({"poll_frequency": float("nan")}, "poll_frequency"),
        ({"default_opt": "optin"}, "Did you mean 'optIn'"),
        ({"targets": ["r1"]}, "targets must be a mapping"),
        ({"targets": {"resource": ["r1"]}}, "resource_id"),
        ({"market_contexts": 5}, "market_contexts must be a list"),
        ({"ven_id": " "}, "ven_id must be a non-empty text"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings("ven", URL, **arguments)
    assert says in str(caught.value)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, VenError)


def test_durations_may_be_timedeltas_or_seconds() -> None:
    made = settings(
        "ven", URL, poll_frequency=5, opt_timeout=timedelta(minutes=2), timeout=timedelta(seconds=3)
    )
    assert (made.poll_frequency, made.opt_timeout, made.timeout) == (
        timedelta(seconds=5),
        timedelta(minutes=2),
        3.0,
    )


def test_filters_become_sets_and_one_text_is_one_name() -> None:
    made = settings(
        "ven",
        URL,
        market_contexts="http://a",
        targets={"resource_id": ["r1", "r2"]},
        signals=["SIMPLE"],
    )
    assert made.market_contexts == {"http://a"} and made.signals == {"SIMPLE"}
    assert made.targets == {"resource_id": {"r1", "r2"}}
