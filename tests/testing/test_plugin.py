"""The pytest plugin as a user has it, in a test run of its own; and what importing the test kit
costs.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ven_sdk.testing

USERS_TEST = """
def test_a_ven_can_be_told_of_events(local_vtn):
    event_id = local_vtn.add_event(intervals=[1, 2])
    assert local_vtn.events[event_id].event_signals[0].intervals[1].signal_payload == 2
    assert local_vtn.ask_for_reports is True
"""


def run(code: "list[str]", env: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *code], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )


def test_a_users_test_gets_a_vtn_by_naming_it(tmp_path: Path, clean_env: dict[str, str]) -> None:
    (tmp_path / "test_users.py").write_text(USERS_TEST, encoding="utf-8")

    done = run(
        [
            "-m",
            "pytest",
            "-q",
            "-p",
            "ven_sdk.testing.plugin",
            "-p",
            "no:cacheprovider",
            "test_users.py",
        ],
        {**clean_env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        tmp_path,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.long
def test_an_installed_package_brings_the_fixture_by_itself(
    tmp_path: Path, clean_env: dict[str, str], root: Path
) -> None:
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    installed = tmp_path / "ven_sdk-0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: ven-sdk\nVersion: 0\n", encoding="utf-8"
    )
    (installed / "entry_points.txt").write_text(
        "[pytest11]\n" + config["options.entry_points"]["pytest11"].strip() + "\n", encoding="utf-8"
    )
    (tmp_path / "test_users.py").write_text(USERS_TEST, encoding="utf-8")

    done = run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_users.py"],
        {**clean_env, "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"},
        tmp_path,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_imports_nothing_heavy(tmp_path: Path, clean_env: dict[str, str]) -> None:
    code = (
        "import sys, ven_sdk.testing.plugin; "
        "print(sorted({'lxml', 'requests', 'signxml', 'ven_sdk.testing.vtn.local_vtn'} & "
        "set(sys.modules)))"
    )

    done = run(["-c", code], clean_env, tmp_path)

    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_every_public_name_is_there() -> None:
    assert [name for name in ven_sdk.testing.__all__ if not hasattr(ven_sdk.testing, name)] == []
    assert set(ven_sdk.testing.__all__) <= set(dir(ven_sdk.testing))
