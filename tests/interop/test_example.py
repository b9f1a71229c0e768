"""The contract's own example, word for word, against openleadr's VTN: two programs that share no
line of code.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.peers.openleadr_peer import OpenleadrVTN

INTERVAL = timedelta(seconds=1)

pytestmark = pytest.mark.long


def example(root: Path, port: int) -> str:
    """The README's example (which is the contract's), for a VTN on another port."""
    text = (root / "README.rst").read_text(encoding="utf-8")
    found = re.search(
        r"( +)from datetime import timedelta\n +from ven_sdk import OpenADRClient"
        r".*?client\.run\(\)[^\n]*\n",
        text,
        re.DOTALL,
    )
    assert found, "README.rst has lost the example"
    indent = len(found.group(1))
    code = "\n".join(line[indent:] for line in found.group().splitlines())
    return code.replace("localhost:8080", f"localhost:{port}")


def intervals(values: list[float], start: datetime) -> list[dict[str, Any]]:
    return [
        {"dtstart": start + place * INTERVAL, "duration": INTERVAL, "signal_payload": value}
        for place, value in enumerate(values)
    ]


@pytest.fixture
def vtn() -> Iterator[OpenleadrVTN]:
    with OpenleadrVTN(
        poll_frequency=timedelta(seconds=1),
        report_requests=[{"sampling_interval": timedelta(seconds=10)}],
    ) as vtn:
        yield vtn


@pytest.fixture
def ven(
    vtn: OpenleadrVTN, root: Path, clean_env: dict[str, str], tmp_path: Path
) -> Iterator["subprocess.Popen[str]"]:
    script = tmp_path / "example.py"
    script.write_text(example(root, vtn.port), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-u", "-X", "dev", str(script)],
        env={**clean_env, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_the_example_registers_reports_answers_events_and_ends_on_ctrl_c(
    vtn: OpenleadrVTN, ven: "subprocess.Popen[str]"
) -> None:
    ven_id = vtn.wait_for("registration", 15)["ven_id"]
    vtn.wait_for("report_request", 10)
    soon = datetime.now(timezone.utc) + timedelta(seconds=30)

    for name, kind, values in (
        ("SIMPLE", "level", [1, 2, 1]),
        ("ELECTRICITY_PRICE", "price", [0.21, 0.48, 0.93]),
    ):
        begun = time.monotonic()
        event_id = vtn.add_event(ven_id, name, kind, intervals(values, soon))
        answer = vtn.wait_for(
            "event_response", 5, lambda seen, event_id=event_id: seen["event_id"] == event_id
        )
        assert answer["opt_type"] == "optIn"
        assert time.monotonic() - begun < 2.5

    after = vtn.mark()
    vtn.cancel_event(ven_id, event_id)
    cancelled = vtn.wait_for(
        "event_response", 5, lambda seen: seen["event_id"] == event_id, after=after
    )
    assert (cancelled["opt_type"], cancelled["response_code"]) == ("optIn", "200")

    vtn.wait_for("report_data", 45, count=2)
    data = vtn.seen("report_data")
    values = [pair for seen in data for pair in seen["values"]]
    assert [value for _, value in values] == [1.23] * len(values)
    moments = [moment for moment, _ in values]
    assert all(moment.timestamp() % 10 == 0 for moment in moments), (
        "samples belong to synchronised moments"
    )
    assert moments == sorted(set(moments))

    begun = time.monotonic()
    ven.send_signal(signal.SIGINT)
    _, errors = ven.communicate(timeout=10)
    assert time.monotonic() - begun < 3
    assert ven.returncode == 0 and "Traceback" not in errors and "ResourceWarning" not in errors, (
        errors
    )
