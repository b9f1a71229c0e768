"""Two source trees side by side: ``python benchmarks/compare.py BEFORE [NOW] [--only build/] [--rounds 30]``.

For "how much slower has it become since": a tree is a folder that holds ven_sdk/ and benchmarks/, such as a worktree of an
earlier commit, and is measured by its own worker and adapter. Each case runs in short turns in both, so that both see the
same machine; the figure is the least processor time of all turns, which other load can only raise. The clients' cases have
a VTN of this tree on loopback. A case that one of the trees does not have shows "-".
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from bench import free_port  # noqa: E402
from cases import cases  # noqa: E402
from shape import import_time  # noqa: E402

SKIPPED = ("build/update10000", "parse/events500", "known/")
"""What takes long and says nothing that a smaller case does not."""


class Worker:
    """The worker of a tree, which takes one command at a time."""

    def __init__(self, tree):
        self.tree = tree
        script = os.path.join(tree, "benchmarks", "worker.py")
        self.process = subprocess.Popen(
            [sys.executable, script, "adapter_ven_sdk", "-1"],
            env={**os.environ, "PYTHONPATH": tree},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __call__(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def import_time(self):
        return {"us": 1e6 * import_time(Path(self.tree), times=1)}

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("before", type=os.path.abspath)
    options.add_argument("now", type=os.path.abspath, nargs="?", default=os.path.dirname(HERE))
    options.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "ven-bench"), help="folder for keys")
    options.add_argument("--only", default="", help="comma-separated prefixes of case ids")
    options.add_argument("--rounds", type=int, default=30)
    given = options.parse_args()
    prepare(given.work)
    port, tls_port = free_port(), free_port()
    vtn = subprocess.Popen([sys.executable, os.path.join(HERE, "vtn.py"), str(port), str(tls_port)], stdout=subprocess.PIPE, text=True)
    try:
        assert vtn.stdout.readline().strip() == "ready"
        workers = [Worker(given.before), Worker(given.now)]
        wanted = tuple(given.only.split(","))
        print(f"{'case':40} {'before us':>12} {'now us':>12} {'now/before':>11}")
        for case, field, measure in measured(f"http://localhost:{port}", f"https://localhost:{tls_port}"):
            if case.startswith(wanted) and not case.startswith(SKIPPED):
                show(case, *least(workers, field, measure, given.rounds))
        for worker in workers:
            worker.close()
    finally:
        vtn.terminate()
        vtn.wait(30)


def prepare(work):
    """Keys and certificates, made at the first run."""
    pki = os.path.join(work, "pki")
    if not os.path.exists(os.path.join(pki, "ec256-pass.key")):
        subprocess.run([sys.executable, os.path.join(HERE, "pki.py"), pki], check=True)
    settings = os.path.join(work, "compare.json")
    with open(settings, "w") as file:
        json.dump({"pki": pki}, file)
    os.environ["VEN_BENCH_CONFIG"] = settings


def measured(http, https):
    """Name, field of the answer, and what a worker is asked for each case."""
    yield "import", "us", Worker.import_time
    for case, _, field, command, *_ in cases(http, https, quick=True):
        short = {**command, "budget": 0.03} if "budget" in command else {**command, "k": 20}
        yield case, field if field == "us" else "cpu_us", lambda worker, short=short: worker(dict(short))


def least(workers, field, measure, rounds):
    best = [None] * len(workers)
    for _ in range(rounds):
        for position, worker in enumerate(workers):
            answer = measure(worker)
            if field not in answer:
                return None, None
            best[position] = min(filter(None, (best[position], answer[field])))
    return best


def show(case, before, now):
    if before is None:
        print(f"{case:40} {'-':>12} {'-':>12} {'-':>11}", flush=True)
    else:
        print(f"{case:40} {before:12,.1f} {now:12,.1f} {now / before:11.3f}", flush=True)


if __name__ == "__main__":
    main()
