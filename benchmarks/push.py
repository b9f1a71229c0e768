"""Push: from the VTN's decision to the user's handler, over mutual TLS with signatures on every
message; and what ten thousand pushes leave behind.

    python benchmarks/push.py [--events 200] [--pushes 10000]

Each push is a TLS connection of its own, as VTNs make them. Everything is on loopback, in one
process: VTN, its throw-away certificates, and VEN.
"""

from __future__ import annotations

import argparse
import os
import resource
import socket
import statistics
import threading
import time
from typing import Any

from ven_sdk import OpenADRClient
from ven_sdk.objects import DistributeEvent
from ven_sdk.push import Peer
from ven_sdk.testing import LocalVTN


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def client(vtn: LocalVTN, **arguments: Any) -> OpenADRClient:
    own, port = vtn.client_cert("localhost"), free_port()
    return OpenADRClient(
        "pushed",
        vtn.url,
        cert=own.cert,
        key=own.key,
        ca_file=vtn.ca_file,
        vtn_fingerprint=vtn.fingerprint,
        push=f"https://localhost:{port}",
        listen=f"127.0.0.1:{port}",
        show_fingerprint=False,
        **arguments,
    )


def measure_latency(count: int) -> None:
    """Milliseconds from ``add_event`` to the handler."""
    taken: list[float] = []
    called = threading.Semaphore(0)
    with LocalVTN(tls=True, sign=True) as vtn, client(vtn) as ven:
        ven.add_handler("on_event", lambda event: called.release() or "optIn")
        vtn.wait_for_registration()
        time.sleep(1)
        spent = time.process_time()
        for number in range(count):
            begun = time.perf_counter()
            event_id = vtn.add_event(event_id=f"e{number}")
            called.acquire(timeout=10)
            taken.append(1000 * (time.perf_counter() - begun))
            vtn.wait_for_opt(event_id)
            vtn.drop_event(event_id)
        spent = time.process_time() - spent
    taken.sort()
    print(
        f"pushed event to handler, {count} events: median {statistics.median(taken):.1f} ms, "
        f"p95 {taken[int(count * 0.95)]:.1f} ms, worst {taken[-1]:.1f} ms; processor time of VTN and "
        f"VEN, answer and end of the event included: {1000 * spent / count:.1f} ms; load "
        f"{os.getloadavg()[0]:.1f}"
    )


def measure_growth(count: int) -> None:
    """Memory and threads after ``count`` pushes of an unchanged list, the first tenth not counted."""
    with LocalVTN(check=False) as vtn:
        ven = OpenADRClient("pushed", vtn.url, push="http://localhost:9")
        ven.add_handler("on_event", lambda event: "optIn")
        with ven:
            vtn.wait_for_registration()
            body = vtn.message(DistributeEvent(request_id="r", vtn_id="localvtn"))
            for number in range(count):
                assert ven.receive("/OpenADR2/Simple/2.0b/EiEvent", body, Peer("127.0.0.1")).status == 200
                if number == count // 10:
                    before, threads = rss(), threading.active_count()
            grown, more = rss() - before, threading.active_count() - threads
    print(f"{count} pushes: {grown / 1024:+.1f} MiB, {more:+d} threads")


def rss() -> float:
    """Peak resident memory in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--pushes", type=int, default=10_000)
    options = parser.parse_args()
    measure_latency(options.events)
    measure_growth(options.pushes)


if __name__ == "__main__":
    main()
