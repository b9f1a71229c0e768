"""What runs members: a plain process, systemd's unit, Kubernetes' manifests, Ray."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.members.conftest import Crew, eventually
from tests.samples.devices import free_port
from tests.shared import library
from ven_sdk import Site
from ven_sdk.cli import main

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "fleet"

pytestmark = pytest.mark.long


@contextmanager
def member(
    url: str, name: str, env: dict[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """The sample as a process."""
    process = subprocess.Popen(
        [sys.executable, FOLDER / "member.py"],
        env={
            **env,
            "VEN_STORE": url,
            "MEMBER_NAME": name,
            "MEMBER_LEASE": "2",
            "HEALTH_PORT": str(port),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def page(port: int, path: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, {}


def vens(port: int) -> int:
    """How many VENs the member of that health page runs."""
    return int(page(port, "health")[1].get("facts", {}).get("vens", 0))


def put(crew: Crew, env: dict[str, str], folder: Path, count: int) -> None:
    """So many sites, by the sample that puts them."""
    assert main(["store", "migrate", crew.url]) == 0
    file = folder / "sites.jsonl"
    file.write_text(
        "\n".join(
            Site(
                f"ven-{n}",
                crew.vtn.url,
                arguments={"poll_frequency": 0.5},
                reports=(
                    {
                        "callback": "read_meter",
                        "resource_id": f"m-{n}",
                        "measurement": "RealPower",
                        "unit": "W",
                    },
                ),
            ).to_json()
            for n in range(count)
        )
    )
    command = [sys.executable, FOLDER / "sites.py", file]
    done = subprocess.run(
        command, env={**env, "VEN_STORE": crew.url}, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{count} sites are in the table.\n", done.stderr


def test_the_sample_runs_its_share_tells_its_health_and_hands_over_on_sigterm(
    crew: Crew, clean_env: dict[str, str], tmp_path: Path
) -> None:
    put(crew, clean_env, tmp_path, 8)
    first, second = free_port(), free_port()
    with member(crew.url, "one", clean_env, first) as one:
        eventually(lambda: vens(first) == 8, "all run")
        with member(crew.url, "two", clean_env, second):
            eventually(lambda: vens(second) and vens(first) + vens(second) == 8, "both have some")
            one.send_signal(signal.SIGTERM)
            assert one.wait(30) == 0
            eventually(lambda: vens(second) == 8, "one has all")
            event_id = crew.vtn.add_event(dtstart=3600)
            crew.vtn.assert_opted(event_id, "optIn", timeout=20)


def test_a_member_lives_but_is_not_well_while_its_database_is_away(
    crew: Crew, clean_env: dict[str, str], tmp_path: Path
) -> None:
    put(crew, clean_env, tmp_path, 2)
    port = free_port()
    with member(crew.url, "one", clean_env, port):
        eventually(lambda: page(port, "health")[0] == 200, "it is well")
        crew.database.kill()
        try:
            eventually(lambda: page(port, "health")[0] == 503, "it is not well")
            assert page(port, "live")[0] == 200
            eventually(
                lambda: "not renewed" in str(page(port, "health")[1]["problems"]),
                "it says that its leases run out",  # sites that cannot be asked for are told before
            )
        finally:
            crew.database.start()
        eventually(lambda: page(port, "health")[0] == 200, "it is well again")


def test_the_systemd_unit_is_understood(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    text = (FOLDER / "ven-member@.service").read_text()
    unit = tmp_path / "ven-member@1.service"
    unit.write_text(text.replace("/opt/ven/bin/python", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert "ven-member" not in done.stderr, done.stderr


def test_the_kubernetes_manifests_pass_the_schema() -> None:
    validate, yaml = library("kubernetes_validate"), library("yaml")

    kinds = []
    for document in yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()):
        validate.validate(document, "1.29", strict=True)
        kinds.append(document["kind"])
    assert kinds == ["Secret", "Deployment", "PodDisruptionBudget"]


def test_the_manifests_give_a_member_the_time_to_stop_in_order() -> None:
    yaml = library("yaml")
    from ven_sdk.members import GRACE

    documents = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
    assert documents[1]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > GRACE + 10
    assert f"TimeoutStopSec={GRACE + 15}" in (FOLDER / "ven-member@.service").read_text()


ISOLATED = (
    sys.platform == "linux"
    and os.geteuid() == 0
    and shutil.which("unshare")
    and shutil.which("ip")
    and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
)


@pytest.mark.timeout(240)
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'")
@pytest.mark.skipif(not ISOLATED, reason="Ray binds more than loopback: root and unshare -n")
def test_ray_starts_a_member_again_that_was_killed_alone_or_with_its_node(tmp_path: Path) -> None:
    """In a network namespace of its own, which has loopback and nothing else."""
    script = Path(__file__).with_name("ray_drill.py")
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", f"ip link set lo up && exec {sys.executable} {script}"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    for found in (figures["actor"], figures["node"]):
        assert figures["vens"] == found["polled after the kill"]
        assert found["new pid"] != found["killed pid"]
    assert figures["node"]["other node"]
