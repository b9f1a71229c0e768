#!/usr/bin/env python3
"""How late the start handlers of an idle client are: many events, each at its own moment within
some seconds.

    python benchmarks/punctuality.py --events 500 --seconds 100
"""

import argparse
import random
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import fixtures as fx
from quiet_client import NOTHING, QuietClient

LEAD = 3.0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--events", type=int, default=500)
    ap.add_argument("--seconds", type=float, default=100.0)
    a = ap.parse_args()
    chance, now = random.Random(7), datetime.now(timezone.utc)
    starts = {f"event-{i}": now + timedelta(seconds=LEAD + a.seconds * chance.random()) for i in range(a.events)}
    body = "".join(fx.event(name, start=f"{at:%Y-%m-%dT%H:%M:%S.%fZ}") for name, at in starts.items())
    message = fx.payload(
        fx.signed_object(
            '<oadr:oadrDistributeEvent ei:schemaVersion="2.0b"><pyld:requestID>r</pyld:requestID>'
            f"<ei:vtnID>VTN-1</ei:vtnID>{body}</oadr:oadrDistributeEvent>"
        )
    )
    replies, late, done = [message], [], threading.Event()
    quiet = QuietClient(lambda service: replies.pop() if service == "OadrPoll" and replies else NOTHING)

    def started(event):
        late.append(time.time() - starts[event.event_id].timestamp())
        if len(late) == a.events:
            done.set()

    quiet.client.add_handler("on_event", lambda event: "optIn")
    quiet.client.add_handler("on_event_start", started)
    quiet.start()
    complete = done.wait(LEAD + a.seconds + 30)
    quiet.client.stop()
    late.sort()
    ms = [1e3 * late[min(len(late) - 1, int(len(late) * q))] for q in (0, 0.5, 0.99, 1)]
    print("| starts | earliest ms | median ms | p99 ms | worst ms |\n|---:|---:|---:|---:|---:|")
    print(f"| {len(late)} of {a.events} | {ms[0]:.1f} | {ms[1]:.1f} | {ms[2]:.1f} | {ms[3]:.1f} |")
    return int(not complete or ms[0] < 0)


if __name__ == "__main__":
    sys.exit(main())
