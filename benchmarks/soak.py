#!/usr/bin/env python3
"""Memory of a whole client over many polls and events that come and go, with nothing on the wire.

  python benchmarks/soak.py --polls 1000000 [--event-every 100]

Prints the resident memory at every tenth of the way. Exit code 1 when it grew by 5 MB or more after
the first 10,000 polls.
"""

import argparse
import gc
import itertools
import sys
import time

import fixtures as fx
from common import rss_kib
from quiet_client import NOTHING, QuietClient

SETTLED, ALLOWED_KIB = 10_000, 5 * 1024


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--polls", type=int, default=200_000)
    ap.add_argument("--event-every", type=int, default=100, help="polls between two events; each new one replaces the last")
    a = ap.parse_args()
    names = itertools.count()
    due = [False]

    def answer(service):
        if service == "OadrPoll" and due[0]:
            due[0] = False
            return fx.payload(fx.distribute_obj([f"event-{next(names)}"]))
        return NOTHING

    quiet = QuietClient(answer)
    quiet.client.add_handler("on_event", lambda event: "optIn")
    quiet.start()
    marks, began, settled = [], time.perf_counter(), min(SETTLED, a.polls // 2)
    for n in range(1, a.polls + 1):
        due[0] = n % a.event_every == 0
        new = due[0]
        quiet.poll()
        if new:
            quiet.settle()
        if n == settled or (n > settled and n % max(1, a.polls // 10) == 0):
            gc.collect()
            marks.append((n, rss_kib()))
    seconds = time.perf_counter() - began
    growth = marks[-1][1] - marks[0][1]
    print("| polls | RSS KiB |\n|---:|---:|")
    for n, rss in marks:
        print(f"| {n:,} | {rss:,} |")
    print(
        f"{a.polls:,} polls, {next(names):,} events, {quiet.answered:,} answers in {seconds:.0f} "
        f"s ({1e6 * seconds / a.polls:.0f} us a "
        f"poll); growth after {settled:,}: {growth:+,} KiB; known at the end: "
        f"{len(quiet.client.events)} event(s)"
    )
    quiet.client.stop()
    return int(growth >= ALLOWED_KIB)


if __name__ == "__main__":
    sys.exit(main())
