"""Every sample does what it says, with the devices of its driver's own library."""

from __future__ import annotations

import asyncio
import configparser
import json
import socket
import sqlite3
import threading
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.samples.conftest import SAMPLES, SECONDS, Run
from tests.samples.devices import free_port, modbus_device, mqtt_broker
from tests.shared import library
from ven_sdk.testing import LocalVTN


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_a_sample_is_short_and_is_tested(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100
    assert f'run("{path.name}"' in Path(__file__).read_text(encoding="utf-8")


def test_the_quick_start_answers_and_acts_in_time(vtn: LocalVTN, run: Run) -> None:
    with run("quick_start.py") as program:
        vtn.assert_registered("ven123", timeout=SECONDS)
        vtn.assert_opted(vtn.add_event(intervals=[2]), "optIn")
        program.wait_for_line("now: SIMPLE 2")
        assert (
            vtn.wait_for("oadrRegisterReport").reports[0].report_descriptions[0].r_id
            == "device001-powerReal-usage"
        )


def test_the_modbus_meter_is_reported_and_the_charger_limited(vtn: LocalVTN, run: Run) -> None:
    library("pymodbus")
    port = free_port()
    with (
        modbus_device(port, [4200, *[55] * 15]) as device,
        run("modbus_meter.py", MODBUS=f"127.0.0.1:{port}"),
    ):
        vtn.assert_delivered("meter-power", [4200], timeout=SECONDS)

        event_id = vtn.add_event(intervals=[2])
        device.wait_for(10, 30)
        vtn.cancel_event(event_id)
        device.wait_for(10, 100)


@pytest.mark.long
def test_the_bacnet_point_shows_the_level(vtn: LocalVTN, run: Run) -> None:
    library("bacpypes3")
    port = free_port(socket.SOCK_DGRAM)
    with run("bacnet_bridge.py", BACNET=f"127.0.0.1/24:{port}"):
        vtn.assert_registered("bacnet-ven", timeout=SECONDS)
        assert asyncio.run(_read_until(port, "analog-value,1", 0.0)) == 0.0
        event_id = vtn.add_event(intervals=[3])
        vtn.assert_opted(event_id, "optIn")
        assert asyncio.run(_read_until(port, "analog-value,1", 3.0)) == 3.0
        vtn.add_event(signal_name="ELECTRICITY_PRICE", intervals=[0.25])
        assert asyncio.run(_read_until(port, "analog-value,2", 0.25)) == 0.25


async def _read_until(port: int, point: str, value: float) -> float:
    """What a BACnet client reads of the point: ``value``, or what it was after a while."""
    from bacpypes3.ipv4.app import NormalApplication
    from bacpypes3.local.device import DeviceObject
    from bacpypes3.pdu import Address, IPv4Address
    from bacpypes3.primitivedata import ObjectIdentifier

    reader = NormalApplication(
        DeviceObject(objectIdentifier=("device", 600), objectName="reader"),
        IPv4Address(f"127.0.0.1/24:{free_port(socket.SOCK_DGRAM)}"),
    )
    try:
        found, tries = None, 0
        while found != value and tries < 30:
            if tries:
                await asyncio.sleep(0.2)
            tries += 1
            found = await asyncio.wait_for(
                reader.read_property(
                    Address(f"127.0.0.1:{port}"), ObjectIdentifier(point), "present-value"
                ),
                SECONDS,
            )
        return float(found)
    finally:
        reader.close()


@pytest.mark.long
def test_events_go_to_mqtt_and_readings_come_from_it(vtn: LocalVTN, run: Run) -> None:
    mqtt = library("paho.mqtt.client")
    pytest.importorskip("amqtt", reason="the broker; it wants Python 3.10")
    port = free_port()
    with mqtt_broker(port):
        heard = Heard()
        listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="listener")
        listener.on_message = heard
        listener.connect("127.0.0.1", port)
        listener.subscribe("openadr/#", qos=1)
        listener.loop_start()
        try:
            with run("event_to_mqtt.py", MQTT=f"127.0.0.1:{port}"):
                vtn.assert_registered("mqtt-ven", timeout=SECONDS)
                event_id = vtn.add_event(intervals=[2])
                heard.wait_for("openadr/level", lambda text: text == "2")
                heard.wait_for(
                    f"openadr/event/{event_id}", lambda text: json.loads(text)["now"] == "running"
                )
                vtn.wait_for("oadrRegisterReport", timeout=SECONDS)
                listener.publish("meters/heat-pump/power", "1234.5", qos=1)
                vtn.assert_delivered("heat-pump", [1234.5], timeout=SECONDS)
                vtn.cancel_event(event_id)
                heard.wait_for("openadr/level", lambda text: text == "0")
        finally:
            listener.disconnect()
            listener.loop_stop()


class Heard:
    """What came from the broker, by topic."""

    def __init__(self) -> None:
        self._by_topic: dict[str, list[str]] = {}
        self._changed = threading.Condition()

    def __call__(self, client: Any, userdata: Any, message: Any) -> None:
        with self._changed:
            self._by_topic.setdefault(message.topic, []).append(message.payload.decode())
            self._changed.notify_all()

    def wait_for(self, topic: str, wanted: Any) -> None:
        """Until a message of the topic is ``wanted``."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(map(wanted, self._by_topic.get(topic, ()))), SECONDS
            ), self._by_topic


@pytest.mark.long
def test_history_comes_from_the_database(vtn: LocalVTN, run: Run, tmp_path: Path) -> None:
    library("pandas")
    start = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - timedelta(
        hours=5
    )
    database = tmp_path / "meter.db"
    with sqlite3.connect(database) as link:
        link.execute("CREATE TABLE readings (time TEXT, watts REAL)")
        link.executemany(
            "INSERT INTO readings VALUES (?, ?)",
            [
                ((start + timedelta(minutes=minute)).isoformat(), 1000 + 1000 * (minute // 30))
                for minute in range(60)
            ],
        )
    link.close()
    with run("history.py", METER_DB=str(database)):
        vtn.wait_for("oadrRegisterReport", timeout=SECONDS)
        asked = vtn.request_report(
            "HISTORY_USAGE",
            granularity=900,
            report_back_duration=0,
            report_interval=(start, timedelta(hours=1)),
        )
        samples = vtn.wait_for_samples(4, SECONDS, r_id="meter-energy", report_request_id=asked)

    assert [sample.value for sample in samples[:4]] == [250, 250, 500, 500]
    assert [sample.at for sample in samples[:4]] == [
        start + timedelta(minutes=15 * n) for n in range(4)
    ]


def test_an_operator_decides_over_http(vtn: LocalVTN, run: Run) -> None:
    port = free_port()
    with run("operator_decides.py", CONSOLE=str(port)) as program:
        vtn.assert_registered("operator-ven", timeout=SECONDS)
        event_id = vtn.add_event(intervals=[1])
        program.wait_for_line(f"Event {event_id} ")

        assert list(json.loads(_http(port, "/"))) == [event_id]
        assert vtn.opt_of(event_id) is None
        assert "in" in _http(port, f"/{event_id}/in", b"")
        vtn.assert_opted(event_id, "optIn")
        assert json.loads(_http(port, "/")) == {}
        with pytest.raises(urllib.error.HTTPError) as refused:
            _http(port, "/no-such-event/out", b"")
        with refused.value as refusal:
            assert b"There is no event 'no-such-event'" in refusal.read()


def _http(port: int, path: str, body: Any = None) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, SECONDS) as reply:
        return str(reply.read().decode())


def test_two_vens_live_in_one_process(vtn: LocalVTN, run: Run, tmp_path: Path) -> None:
    with run("two_vens.py", STORE=str(tmp_path / "two.db")) as program:
        bakery = vtn.assert_registered("bakery", timeout=SECONDS)
        brewery = vtn.assert_registered("brewery", timeout=SECONDS)
        event_id = vtn.add_event(intervals=[3])
        vtn.assert_opted(event_id, "optOut", ven_id=bakery.ven_id)
        vtn.assert_opted(event_id, "optIn", ven_id=brewery.ven_id)
        program.wait_for_line("brewery: SIMPLE 3")
        vtn.assert_delivered("bakery-powerReal-usage", [12.5], timeout=SECONDS)
        vtn.assert_delivered("brewery-powerReal-usage", [31.0], timeout=SECONDS)
    assert (tmp_path / "two.db").exists()


def test_the_extra_brings_every_driver_and_the_tests_have_them_too() -> None:
    config = configparser.ConfigParser()
    config.read(SAMPLES.parent / "setup.cfg", encoding="utf-8")
    extras = {
        name: set(text.split("\n")) - {""}
        for name, text in config["options.extras_require"].items()
    }
    drivers = {line.split(">")[0] for line in extras["samples"]}

    assert drivers >= {"bacpypes3", "matplotlib", "paho-mqtt", "pandas", "pymodbus"}
    assert extras["samples"] <= extras["test-samples"]
