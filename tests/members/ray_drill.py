"""Ray as the runner: members as actors; one is killed -9, then the node that it is on. Run in a
network namespace with only loopback; prints its figures as JSON on the last line.
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
from ray.cluster_utils import Cluster

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
    cluster = Cluster(initialize_head=True, head_node_args=node(cpus=0))
    nodes = [cluster.add_node(**node()) for _ in range(3)]  # one more than there are members
    with LocalVTN() as vtn:
        with SiteTable(server.url()) as table:
            arguments = {"poll_frequency": 0.5}
            table.put(Site(f"ven-{n}", vtn.url, arguments=arguments) for n in range(VENS))
        environment = {"VEN_STORE": server.url(), "MEMBER_LEASE": str(LEASE)}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        ray.init(
            address=cluster.address,
            namespace="fleet",
            runtime_env={"env_vars": {**environment, "PYTHONPATH": path}},
        )
        import ray_members

        members = ray_members.start_members(2)
        until(lambda: len(vtn.vens) == VENS, "all VENs registered")

        def well():
            return all(s and s["ok"] and s["facts"]["vens"] for s in map(status, members))

        def follow(kill):
            """What becomes of the first member when ``kill()`` has ended it."""
            until(well, "both run some")
            before = status(members[0])["pid"]
            kill()
            killed, mark = time.monotonic(), vtn.mark()
            until(lambda: len(polled(vtn, mark)) == VENS, "every VEN polls again")
            seconds = time.monotonic() - killed
            again = until(lambda: status(members[0]), "the actor is there again")["pid"]
            return {
                "polled after the kill": len(polled(vtn, mark)),
                "seconds until all polled": round(seconds, 2),
                "killed pid": before,
                "new pid": again,
            }

        figures = {"vens": VENS}
        figures["actor"] = follow(lambda: os.kill(status(members[0])["pid"], signal.SIGKILL))
        home = where(members[0])
        victim = next(each for each in nodes if each.node_id == home)
        figures["node"] = follow(lambda: cluster.remove_node(victim, allow_graceful=False))
        figures["node"]["other node"] = where(members[0]) != home
        for member in members:
            ray.get(member.stop.remote(), timeout=60)
        ray.shutdown()
    cluster.shutdown()
    server.stop()
    print(json.dumps(figures))


def node(cpus=1):
    """A node on loopback, with a small store for objects."""
    return {"num_cpus": cpus, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}


def where(member):
    """The node on which an actor runs."""
    return ray._private.state.actors(member._actor_id.hex())["Address"]["NodeID"]


def status(member):
    try:
        return ray.get(member.status.remote(), timeout=30)
    except ray.exceptions.RayError:  # being made anew
        return None


if __name__ == "__main__":
    main()
