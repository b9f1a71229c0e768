"""``ven-sdk run`` as a service runs it: a process, signals, exit codes, logs, health."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.programs import Program, call
from ven_sdk import OpenADRClient
from ven_sdk.cli import main
from ven_sdk.cli.run.health import HealthFile, HealthPort, health_page
from ven_sdk.cli.run.server import parse_address
from ven_sdk.errors import ConfigurationError, TransportError
from ven_sdk.metrics import collector, exposition
from ven_sdk.runtime.status import Health, Status
from ven_sdk.testing import LocalVTN

needs_toml = pytest.mark.skipif(
    not (importlib.util.find_spec("tomllib") or importlib.util.find_spec("tomli")),
    reason="no TOML reader: the extra 'toml' brings one for Python before 3.11",
)
SITE = """\
import logging

def on_event(event):
    logger = logging.getLogger("site")
    logger.warning("asked about %s", event.event_id, extra={"event": event.event_id})
    return "optIn"

def power():
    return 42
"""
FILE = """\
[ven]
ven_name = "site-a"
vtn_url = "{url}"
allow_jitter = false
[handlers]
on_event = "site_of_test:on_event"
[[reports]]
callback = "site_of_test:power"
resource_id = "meter"
measurement = "powerReal"
sampling_rate = 1
"""


@pytest.fixture
def vtn() -> Iterator[LocalVTN]:
    with LocalVTN(poll_frequency=1, ask_for_reports=True) as vtn:
        yield vtn


@pytest.fixture
def file(vtn: LocalVTN, tmp_path: Path) -> Path:
    (tmp_path / "site_of_test.py").write_text(SITE, encoding="utf-8")
    path = tmp_path / "ven.toml"
    path.write_text(FILE.format(url=vtn.url), encoding="utf-8")
    return path


@needs_toml
def test_a_ven_from_a_file_registers_reports_and_answers_and_sigterm_ends_it_well(
    vtn: LocalVTN, file: Path
) -> None:
    with Program("run", str(file)) as program:
        ven = vtn.assert_registered("site-a", timeout=15)
        event_id = vtn.add_event(ven_id=ven.ven_id)
        vtn.assert_opted(event_id, "optIn")
        vtn.wait_for_samples(1, 10)

        assert program.end(signal.SIGTERM) == 0
        assert "Stopping on SIGTERM" in program.text
        assert "Traceback" not in program.text


def leave_a_cancellation(store: Path) -> None:
    """A VEN whose VTN was away when its registration was to be cancelled, and whose process ended
    then.
    """
    with LocalVTN() as before:
        client = OpenADRClient("site-a", before.url, timeout=0.5, store=str(store))
        client.start(wait=10)
    with pytest.raises(TransportError):
        client.cancel_registration()
    client.stop()


def test_a_client_with_a_cancellation_left_over_registers_at_another_address(
    vtn: LocalVTN, tmp_path: Path
) -> None:
    leave_a_cancellation(tmp_path / "ven.db")

    with OpenADRClient("site-a", vtn.url, store=str(tmp_path / "ven.db")):
        vtn.assert_registered("site-a", timeout=15)


@needs_toml
def test_a_file_with_another_address_registers_there_whatever_was_left_over(
    vtn: LocalVTN, file: Path
) -> None:
    leave_a_cancellation(file.with_name("ven.db"))
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("[handlers]", 'store = "ven.db"\n[handlers]'), encoding="utf-8")

    with Program("run", str(file)) as program:
        vtn.assert_registered("site-a", timeout=15)
        assert "was to be cancelled" in program.text
        assert program.end(signal.SIGTERM) == 0


def test_variables_alone_make_a_ven_and_ctrl_c_ends_it_well(vtn: LocalVTN) -> None:
    with Program("run", VEN_NAME="by-variable", VEN_VTN_URL=vtn.url) as program:
        vtn.assert_registered("by-variable", timeout=15)
        vtn.wait_for_polls(1)

        assert program.end(signal.SIGINT) == 0
        assert "Traceback" not in program.text


@needs_toml
def test_json_logs_hold_one_object_a_line_the_user_s_own_included(
    vtn: LocalVTN, file: Path
) -> None:
    with Program("run", str(file), "--log-format", "json") as program:
        vtn.assert_registered("site-a", timeout=15)
        event_id = vtn.add_event()
        program.wait_for("asked about")
        program.end(signal.SIGTERM)

        lines = [json.loads(line) for line in program.lines]
    own = [line for line in lines if line["logger"] == "site"]
    assert all({"time", "level", "logger", "message", "thread"} <= line.keys() for line in lines)
    said = [(line["message"], line["level"], line["event"]) for line in own]
    assert said == [(f"asked about {event_id}", "WARNING", event_id)]


def test_a_vtn_that_is_down_ends_no_ven_and_health_says_so(vtn: LocalVTN, tmp_path: Path) -> None:
    vtn.kill()
    place = tmp_path / "health.json"
    with Program(
        "run",
        "--health-port",
        "0",
        VEN_HEALTH_FILE=str(place),
        VEN_NAME="patient",
        VEN_VTN_URL=vtn.url,
    ) as program:
        url = program.wait_for("Health is served at").split("served at ")[1].rstrip(".")
        program.wait_for("Check that the VTN is running")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, timeout=5)
        told = json.loads(caught.value.read())
        caught.value.close()

        assert (caught.value.code, told["ok"]) == (503, False)
        assert "The VEN is connecting, not registered." in told["problems"]
        assert json.loads(place.read_text())["ok"] is False
        with urllib.request.urlopen(url.replace("/health", "/live"), timeout=5) as live:
            assert live.status == 200

        vtn.restart()
        vtn.assert_registered("patient", timeout=15)
        vtn.wait_for_polls(1)
        assert program.end(signal.SIGTERM) == 0
    assert not place.exists()


@needs_toml
def test_a_store_that_another_process_holds_is_exit_code_1(vtn: LocalVTN, file: Path) -> None:
    more = {"VEN_STORE": str(file.parent / "ven.db")}
    with Program("run", str(file), **more) as first:
        vtn.assert_registered("site-a", timeout=15)

        second = call("run", str(file), **more)

        assert second.returncode == 1
        assert "ven.db" in second.stderr
        assert "Traceback" not in second.stderr
        first.end(signal.SIGTERM)


@needs_toml
@pytest.mark.parametrize("form", ["check", "run"])
def test_a_wrong_file_is_exit_code_2_and_a_line_for_each_problem(form: str, file: Path) -> None:
    file.write_text(file.read_text() + "resorce_id = 'x'\n")

    done = call("run", str(file), *(["--check"] if form == "check" else []))

    assert done.returncode == 2
    assert f"{file}, line 12, column 1, resorce_id: there is no key" in done.stderr


@needs_toml
def test_check_says_what_would_run_and_starts_nothing(
    vtn: LocalVTN, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = call("run", "--check", str(file))

    assert done.returncode == 0
    assert "all right" in done.stdout
    assert vtn.received == []


def test_nothing_said_about_the_ven_is_wrong_usage() -> None:
    done = call("run")

    assert done.returncode == 2
    assert "ven-sdk init" in done.stderr


@pytest.mark.usefixtures("own_process")
def test_without_a_toml_reader_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    monkeypatch.setitem(sys.modules, "tomli", None)

    code = main(["run", "--check", str(tmp_path / "ven.toml")])

    assert code == 2
    assert "pip install 'ven-sdk[toml]'" in capsys.readouterr().err


# --- health ---------------------------------------------------------------------------------------


class FakeVen:
    """A VEN as far as a supervisor asks."""

    def __init__(self, *problems: str, name: str = "a") -> None:
        self.problems, self.settings, self.asked = problems, SimpleNamespace(ven_name=name), 0
        error = TransportError("POST failed: refused.") if problems else None
        at = datetime(2030, 1, 1, tzinfo=timezone.utc) if problems else None
        self.status = Status("registered", at, at, error, at)

    def health(self) -> Health:
        self.asked += 1
        return Health(not self.problems, self.problems, {"state": "registered"})


def get(url: str) -> "tuple[int, str]":
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_tells_the_cause_and_the_last_error() -> None:
    page = health_page([FakeVen("meter-3 does not answer.", "The clock is off.")])
    told = json.loads(page.body)

    assert page.status == 503
    assert told["cause"] == "meter-3 does not answer."
    assert told["problems"] == ["meter-3 does not answer.", "The clock is off."]
    assert told["last_error"] == "POST failed: refused."
    assert told["last_error_at"] == "2030-01-01T00:00:00Z"


def test_health_of_a_fleet_names_the_vens_that_have_problems() -> None:
    page = health_page([FakeVen(name="a"), FakeVen("gone.", name="b")])
    told = json.loads(page.body)

    assert page.status == 503
    assert told["problems"] == ["b: gone."]
    assert (told["vens"], told["registered"], told["with_problems"]) == (2, 2, 1)
    assert list(told["last_errors"]) == ["b"]


def test_the_health_port_has_three_pages_and_nothing_else(vtn: LocalVTN) -> None:
    with OpenADRClient('a "quoted" name', vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        vtn.assert_registered()
        vtn.wait_for_polls(1)
        port = HealthPort([client], 0)
        try:
            url = f"http://127.0.0.1:{port.port}"
            health, live, metrics = get(f"{url}/health"), get(f"{url}/live"), get(f"{url}/metrics")
            others = [get(f"{url}{path}")[0] for path in ("/", "/healthy", "/health/x", "/Live")]
        finally:
            port.close()

    assert (health[0], json.loads(health[1])["facts"]["state"]) == (200, "registered")
    assert live == (200, '{\n  "live": true\n}\n')
    assert 'ven_sdk_registered{ven="a \\"quoted\\" name"} 1.0' in metrics[1]
    assert "# TYPE ven_sdk_polls_total counter" in metrics[1]
    assert others == [404] * 4


def test_the_text_of_metrics_is_what_prometheus_client_would_write(vtn: LocalVTN) -> None:
    exposition_of = pytest.importorskip("prometheus_client").generate_latest
    registry = pytest.importorskip("prometheus_client").CollectorRegistry()
    client = OpenADRClient('odd "name\\', vtn.url)
    registry.register(collector(client))

    ours, theirs = exposition(client), exposition_of(registry).decode()

    def lines(text: str) -> "list[str]":
        return sorted(text.splitlines())

    assert lines(ours) == lines(theirs)


def test_a_health_file_is_rewritten_and_removed_at_the_end(tmp_path: Path) -> None:
    place = tmp_path / "health.json"
    ven = FakeVen()
    file = HealthFile([ven], str(place), period=0.01)
    while ven.asked < 3:
        pass
    assert json.loads(place.read_text())["ok"] is True
    file.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "given, wanted",
    [
        (8080, ("127.0.0.1", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_a_health_port_is_a_number_or_host_and_number(given: Any, wanted: Any) -> None:
    assert parse_address(given) == wanted


@pytest.mark.parametrize("given", ["http", "localhost", ":80", "99999", True, ""])
def test_other_health_ports_are_refused(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="health port"):
        parse_address(given)
