"""Ray as the runner: members as actors, one killed -9. Run in a network namespace with only
loopback; prints its figures as JSON on the last line.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "samples" / "fleet")]

import ray

from tests import postgresql
from ven_sdk import Site, SiteTable
from ven_sdk.testing import LocalVTN

VENS, LEASE = 12, 3


def until(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def polled(vtn, since):
    """The VENs that polled after the mark ``since``."""
    return {received.ven_id for received in vtn.received_of("oadrPoll", after=since)}


def main():
    server = postgresql.make_server()
    with LocalVTN() as vtn:
        with SiteTable(server.url()) as table:
            arguments = {"poll_frequency": 0.5}
            table.put(Site(f"ven-{n}", vtn.url, arguments=arguments) for n in range(VENS))
        environment = {"VEN_STORE": server.url(), "MEMBER_LEASE": str(LEASE)}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        ray.init(
            num_cpus=2,
            _node_ip_address="127.0.0.1",
            include_dashboard=False,
            namespace="fleet",
            runtime_env={"env_vars": {**environment, "PYTHONPATH": path}},
        )
        import ray_members

        members = ray_members.start_members(2)
        until(lambda: len(vtn.vens) == VENS, "all VENs registered")

        def well():
            return all(s and s["ok"] and s["facts"]["vens"] for s in map(status, members))

        until(well, "both run some")
        victim = status(members[0])["pid"]
        os.kill(victim, signal.SIGKILL)
        killed, mark = time.monotonic(), vtn.mark()
        until(lambda: len(polled(vtn, mark)) == VENS, "every VEN polls again")
        seconds = time.monotonic() - killed
        again = until(lambda: status(members[0]), "the actor is there again")["pid"]
        figures = {
            "vens": VENS,
            "polled after the kill": len(polled(vtn, mark)),
            "seconds until all polled": round(seconds, 2),
            "killed pid": victim,
            "new pid": again,
        }
        for member in members:
            ray.get(member.stop.remote(), timeout=60)
        ray.shutdown()
    server.stop()
    print(json.dumps(figures))


def status(member):
    try:
        return ray.get(member.status.remote(), timeout=30)
    except ray.exceptions.RayError:  # being made anew
        return None


if __name__ == "__main__":
    main()
