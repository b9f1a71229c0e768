"""The files in deploy/: systemd takes the unit, and all of them do what their page says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.programs import ROOT

DEPLOY = ROOT / "deploy"


@pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="no systemd-analyze here (Debian: apt-get install systemd)",
)
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "ven.service"
    text = (DEPLOY / "ven.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/ven/bin/ven-sdk", "/bin/true"), encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_gives_up_on_a_wrong_file_and_reads_its_secrets_as_credentials() -> None:
    text = (DEPLOY / "ven.service").read_text(encoding="utf-8")

    assert "RestartPreventExitStatus=2" in text
    assert "ExecStartPre" not in text, "a failing ExecStartPre is tried again for ever"
    names = set(re.findall(r"LoadCredential=(\w+):", text))
    assert names == {"cert", "key", "passphrase", "control_token"}
    assert names == set(re.findall(r"SetCredential=(\w+):", text)), "each may be missing"


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.alpine"])
def test_a_container_is_judged_by_live(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")

    assert "/live" in text.partition("HEALTHCHECK")[2]
    assert "USER ven" in text
    assert 'CMD ["ven-sdk", "run"]' in text
