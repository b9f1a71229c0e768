"""A handler of ``logging`` that raises spoils nothing but its line."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from ven_sdk import OpenADRClient
from ven_sdk.testing import LocalVTN


class Raising(logging.Handler):
    """Raises at every line, as a handler does that somebody wrote in a hurry."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.lines, self.error = 0, error

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        if self.error is RuntimeError or threading.current_thread().name.startswith("ven_sdk"):
            raise self.error("the log is not there")


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN() as vtn:
        yield vtn


@pytest.fixture(
    params=[
        ("ven_sdk", RuntimeError),
        ("", RuntimeError),
        ("ven_sdk.runtime.conversation.exchanges", RuntimeError),
        ("", SystemExit),
    ],
    ids=["package", "root", "one module", "root, with SystemExit"],
)
def raising(request: pytest.FixtureRequest) -> Iterator[Raising]:
    name, error = request.param
    logger, handler = logging.getLogger(name), Raising(error)
    package = logging.getLogger("ven_sdk")
    before = package.level
    package.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    package.setLevel(before)


def test_a_log_handler_that_raises_stops_no_thread_and_changes_no_answer(
    raising: Raising,
    vtn: LocalVTN,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ven_sdk.log._shown_at", None)
    client: OpenADRClient = vtn.client("noisy", poll_frequency=1)
    client.add_handler("on_event", lambda event: 1 / 0 if event.event_id == "fails" else "optIn")
    client.add_report(lambda: 5.0, "meter", "voltage", sampling_rate=1)
    with client:
        vtn.wait_for_registration("noisy")
        for event_id, opt in (("first", "optIn"), ("fails", "optOut"), ("last", "optIn")):
            vtn.add_event(event_id=event_id, dtstart=3600, intervals=[(60, 1)])
            vtn.assert_opted(event_id, opt, timeout=20)
        vtn.wait_for_polls(3, timeout=20)

    assert raising.lines > 3
    assert "A logging handler raised" in capsys.readouterr().err
