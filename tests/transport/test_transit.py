"""What may be under way for so long only: a network that comes back does not deliver it later."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ISOLATED = (
    sys.platform == "linux"
    and os.geteuid() == 0
    and shutil.which("unshare")
    and shutil.which("ip")
    and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
)
PROGRAM = """
import json, socket, subprocess, sys, threading, time
from ven_sdk.transport.sessions import Connections

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"
server, got = socket.create_server(("127.0.0.1", 0)), []

def serve(connection):
    while data := connection.recv(65536):
        got.append(data.partition(b"\\r\\n\\r\\n")[2].decode())
        connection.sendall(ANSWER)

def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

def network(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

threading.Thread(target=accept, daemon=True).start()
url = f"http://127.0.0.1:{server.getsockname()[1]}/"
for seconds in map(float, sys.argv[1:]):
    with Connections(timeout=1.5) as connections:
        connections.post(url, b"before", lambda: seconds)
        network("down")
        began = time.monotonic()
        try:
            connections.post(url, f"{seconds:g}".encode(), lambda: seconds)
        except Exception:
            pass
    time.sleep(max(0.0, began + 2.0 - time.monotonic()))
    network("up")
    time.sleep(4.0)
print(json.dumps(got))
"""


@pytest.mark.long
@pytest.mark.skipif(not ISOLATED, reason="a network is cut: root and unshare -n")
def test_what_was_not_acknowledged_in_time_does_not_arrive_when_the_network_is_back() -> None:
    command = f"ip link set lo up && exec {sys.executable} -c '{PROGRAM}' 1 60"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [body for body in json.loads(done.stdout) if body and body != "before"] == ["60"]
