"""Members of a fleet as Ray actors: one for each core of the cluster, started again when they die.

``ray start`` the cluster, then run this once. Ray decides where and how often; the store decides
who owns what, since Ray does not fence: an actor that it declared dead may still be running.
"""

import os
import sys
import threading

import ray


@ray.remote(num_cpus=1, max_restarts=-1)
class MemberActor:
    """A FleetMember in a process of its own. Ray makes it anew on another node when it dies."""

    def __init__(self, name):
        os.environ["MEMBER_NAME"] = name
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        from member import make_member

        self._member = make_member()
        self._starting = threading.Thread(target=self._start, daemon=True)
        self._starting.start()

    def _start(self):
        try:
            self._member.start()
        except Exception as error:  # a store that is away: Ray begins again
            print(error, flush=True)
            os._exit(1)

    def status(self):
        """What ``health()`` says, and the process that says it."""
        return {**self._member.health().to_dict(), "pid": os.getpid()}

    def stop(self):
        """Leave the fleet in order."""
        self._member.stop()


def start_members(count):
    """Detached actors ``member-0`` and so on; those that are there already stay."""
    return [
        MemberActor.options(name=f"member-{n}", lifetime="detached", get_if_exists=True).remote(
            f"member-{n}"
        )
        for n in range(count)
    ]


if __name__ == "__main__":
    environment = {"env_vars": {"VEN_STORE": os.environ["VEN_STORE"]}}
    ray.init(address="auto", namespace="fleet", runtime_env=environment)
    members = start_members(int(ray.cluster_resources().get("CPU", 1)))
    print(f"{len(members)} members run.", flush=True)
