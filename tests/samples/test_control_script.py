"""The sample in shell: a site behind the control API of ``ven-sdk run``."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.programs import Program
from tests.samples.conftest import SAMPLES
from tests.samples.devices import free_port
from ven_sdk.testing import LocalVTN

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("jq")),
        reason="the script needs curl and jq (Debian: apt-get install curl jq)",
    ),
    pytest.mark.skipif(
        not (importlib.util.find_spec("tomllib") or importlib.util.find_spec("tomli")),
        reason="no TOML reader: the extra 'toml' brings one for Python before 3.11",
    ),
]
TOKEN = "a token of the sample"


def test_the_script_answers_follows_and_reports(vtn: LocalVTN, tmp_path: Path) -> None:
    port, file = str(free_port()), tmp_path / "control.toml"
    text = (SAMPLES / "control.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("http://127.0.0.1:8080", vtn.url).replace("8090", port))
    known = {**os.environ, "VEN_CONTROL_TOKEN": TOKEN, "VEN_CONTROL_PORT": port}
    with Program("run", str(file), VEN_CONTROL_TOKEN=TOKEN) as program:
        program.wait_for("The control API is at")
        vtn.assert_received("oadrCreatedReport", timeout=15)
        script = subprocess.Popen(
            [str(SAMPLES / "control.sh")],
            env={**known, "VEN_PERIOD": "0.2"},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            gentle = vtn.add_event(event_id="gentle peak", intervals=[2])
            vtn.assert_opted(gentle, "optIn", timeout=15)
            vtn.assert_opted(vtn.add_event(event_id="hard", intervals=[3], dtstart=3600), "optOut")
            came = (vtn.wait_for_samples(number, 15)[-1] for number in itertools.count(1))
            # a report that is due before the script's first value says that it has none
            measured = next(sample for sample in came if "Bad" not in str(sample.data_quality))
            assert 4800 <= measured.value < 5200
        finally:
            script.kill()
            said = script.communicate()[0].splitlines()
        assert program.end(signal.SIGTERM) == 0
    assert {"level 2", "opted in to gentle%20peak", "opted out of hard"} <= set(said)
