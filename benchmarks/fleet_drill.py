"""Members of a fleet killed, suspended, cut off from their database, for as long as is wanted.

    python benchmarks/fleet_drill.py --kills 200            # kill -9 of members and of the database
    python benchmarks/fleet_drill.py --suspensions 50       # SIGSTOP 60 s, SIGCONT (--stop-seconds)
    python benchmarks/fleet_drill.py --away 300             # the database away for so many seconds
    python benchmarks/fleet_drill.py --takeovers 2 --vens 2000 --lease 15 --poll 20   # members killed, each VEN timed

Prints the figures as JSON; every list in it should be empty. What counts is in tests/members/drill.py.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.members.drill import Drill


def kills(drill, times, figures):
    latest, killed = 0.0, {"members": 0, "database": 0}
    for _ in range(times):
        time.sleep(drill.chance.random() * 1.5)
        if drill.chance.random() < 0.2:
            drill.database.kill()
            time.sleep(drill.chance.random() * 2)
            drill.database.start()
            killed["database"] += 1
            continue
        name = drill.chance.choice(drill.names)
        began = time.time()
        drill.kill(name)
        killed["members"] += 1
        if drill.chance.random() < 0.3:
            latest = max(latest, *drill.all_poll(began, drill.lease + 60).values())
        drill.start(name)
    figures.update({"killed": killed, "latest poll after a kill (s)": latest})


def takeovers(drill, times, figures):
    """One member after another is killed; when each of its VENs polls elsewhere, and the CPU of those who take them."""
    rows = figures["takeovers"] = []
    for _ in range(times):
        name = drill.chance.choice(drill.names)
        lost, others = drill.heard_from(name), [drill.workers[each].pid for each in drill.names if each != name]
        before, began = sum(map(cpu, others)), time.time()
        drill.kill(name)
        times_of = drill.all_poll(began, drill.lease + 300, lost).values()
        rows.append(
            {
                "VENs": len(lost),
                "polled within lease + 10 s": sum(at <= drill.lease + 10 for at in times_of),
                "last polled (s)": max(times_of),
                "CPU of the others until then (s)": sum(map(cpu, others)) - before,
                "load": os.getloadavg()[0],
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        drill.start(name)
        end = time.monotonic() + 90
        while len(drill.heard_from(name)) < len(lost) / 2 and time.monotonic() < end:
            time.sleep(1)


def cpu(pid):
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def suspensions(drill, times, seconds):
    for _ in range(times):
        time.sleep(drill.chance.random() * 2)
        drill.suspend(drill.chance.choice(drill.names), seconds)


def away(drill, seconds, figures):
    drill.database.kill()
    time.sleep(seconds)
    drill.database.start()
    figures["all polled after it came back (s)"] = max(drill.all_poll(time.time(), 120).values())


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("kills", 0), ("takeovers", 0), ("suspensions", 0), ("away", 0), ("vens", 40), ("workers", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lease", type=float, default=5.0)
    parser.add_argument("--poll", type=float, default=1.0)
    parser.add_argument("--stop-seconds", type=float, default=60.0)
    options = parser.parse_args()
    folder, figures, began = Path(tempfile.mkdtemp(prefix="ven-drill-")), {"options": vars(options)}, time.time()
    members = {"workers": options.workers, "lease": options.lease, "poll": options.poll}
    with Drill(folder, vens=options.vens, seed=options.seed, **members) as drill:
        drill.all_poll(0, 60 + options.vens / 10)
        kills(drill, options.kills, figures)
        takeovers(drill, options.takeovers, figures)
        suspensions(drill, options.suspensions, options.stop_seconds)
        if options.away:
            away(drill, options.away, figures)
        figures.update(drill.finish(90))
    figures["seconds"] = time.time() - began
    print(json.dumps(figures, indent=1))


main()
