"""What a running client's calls are given is checked, and read, in the call: nothing of it is left
to be sent for ever, and no code of the user's runs under a lock.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

import pytest

from tests.test_arguments import ABSURD, TEXTS
from ven_sdk import OpenADRClient, VenError
from ven_sdk.testing import LocalVTN

pytestmark = pytest.mark.keeps_threads  # the client of all tests
SCHEDULE = [(datetime(2031, 1, 1, tzinfo=timezone.utc), 3600)]
WHOLE: dict[str, dict[str, Any]] = {
    "create_opt": {"opt_type": "optOut", "opt_reason": "economic", "vavailability": SCHEDULE},
    "cancel_opt": {"opt_id": "opt"},
    "opt_in": {"event_id": "event"},
    "opt_out": {"event_id": "event"},
    "request_report": {"report_specifier_id": "METADATA"},
    "report_value": {"r_id": "p", "value": 1},
}
TABLE = [
    (name, argument)
    for name in WHOLE
    for argument in inspect.signature(getattr(OpenADRClient, name)).parameters
    if argument != "self"
]


@pytest.fixture(scope="module")
def running() -> Iterator[OpenADRClient]:
    with LocalVTN(check=False) as vtn:
        client = vtn.client(on_event="optIn", timeout=0.5, poll_frequency=0.1)
        client.add_report(resource_id="d", measurement="voltage", r_id="p")
        client.start(wait=5)
        yield client
        client.stop()


@pytest.mark.parametrize(("name", "argument"), TABLE)
def test_no_argument_of_a_call_poisons_what_is_owed(
    running: OpenADRClient, name: str, argument: str
) -> None:
    call: Callable[..., Any] = getattr(running, name)
    for value in TEXTS:
        with pytest.raises(VenError) as caught:
            call(**{**WHOLE[name], argument: value})
        assert "in time" not in str(caught.value) and "no answer" not in str(caught.value)
    for value in ABSURD:
        with suppress(VenError):
            call(**{**WHOLE[name], argument: value})
    assert running.status.queues["unsaved"] == 0
    assert running.health().ok, running.health()


def test_a_request_may_reach_to_the_end_of_the_calendar(running: OpenADRClient) -> None:
    with suppress(VenError):
        running.request_report(
            "METADATA", dtstart=datetime(9999, 12, 31), report_duration=timedelta(days=36525)
        )
    assert running.health().ok


READING: dict[str, Callable[[OpenADRClient, Any], object]] = {
    "targets of an opt": lambda client, items: client.create_opt(
        "optOut",
        "economic",
        vavailability=SCHEDULE,
        targets=({"resource_id": item} for item in items),
    ),
    "windows of an opt": lambda client, items: client.create_opt(
        "optOut", "economic", vavailability=(window for _ in items for window in SCHEDULE)
    ),
    "rIDs of a request": lambda client, items: client.request_report("METADATA", items),
    "a value": lambda client, items: client.report_value("p", (1.0 for _ in items)),
}


@pytest.mark.parametrize("reading", READING)
def test_an_iterable_of_the_user_is_read_while_others_go_on(
    running: OpenADRClient, reading: str
) -> None:
    done = threading.Event()

    def use() -> None:
        running.report_value("p", 2.0)
        with suppress(VenError):
            running.opt_in("nothing")
        done.set()

    def items() -> Iterator[str]:
        other = threading.Thread(target=use)
        other.start()
        assert done.wait(5), "another call waits for the user's own iterable"
        other.join()
        yield "r1"

    with suppress(VenError):
        READING[reading](running, items())
    assert done.is_set()


def test_a_value_that_is_read_once_is_kept_until_the_first_start(tmp_path: Any) -> None:
    with LocalVTN(check=False) as vtn:
        client = vtn.client(store=tmp_path / "ven.db")
        client.add_report(resource_id="d", measurement="voltage", r_id="p")

        client.report_value("p", iter([(datetime(2030, 1, 1), 42.5)]))

        client.start(wait=5)
        client.stop()
        assert client.status.last_error is None
