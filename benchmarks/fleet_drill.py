"""Members of a fleet killed, suspended, cut off from their database, for as long as is wanted.

    python benchmarks/fleet_drill.py --kills 200            # kill -9 of members and of the database
    python benchmarks/fleet_drill.py --suspensions 50       # SIGSTOP 60 s, SIGCONT (--stop-seconds)
    python benchmarks/fleet_drill.py --away 300             # the database away for so many seconds

Prints the figures as JSON; every list in it should be empty. What counts is in tests/members/drill.py.
"""

import argparse
import json
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
    for name, default in (("kills", 0), ("suspensions", 0), ("away", 0), ("vens", 40), ("workers", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--lease", type=float, default=5.0)
    parser.add_argument("--stop-seconds", type=float, default=60.0)
    options = parser.parse_args()
    folder, figures, began = Path(tempfile.mkdtemp(prefix="ven-drill-")), {"options": vars(options)}, time.time()
    with Drill(folder, vens=options.vens, workers=options.workers, lease=options.lease, seed=options.seed) as drill:
        drill.all_poll(0, 60)
        kills(drill, options.kills, figures)
        suspensions(drill, options.suspensions, options.stop_seconds)
        if options.away:
            away(drill, options.away, figures)
        figures.update(drill.finish(90))
    figures["seconds"] = time.time() - began
    print(json.dumps(figures, indent=1))


main()
