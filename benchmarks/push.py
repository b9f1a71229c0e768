"""Push: from the VTN's decision to the user's handler, over mutual TLS with signatures on every
message; and what ten thousand pushes leave behind.

    python benchmarks/push.py [--events 200] [--pushes 10000]

Each push is a TLS connection of its own, as VTNs make them. Everything is on loopback, in one
process: VTN, its throw-away certificates, and VEN.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import socket
import ssl
import statistics
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ven_sdk import OpenADRClient
from ven_sdk.objects import DistributeEvent
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
    """Memory and threads of the VEN after ``count`` pushes of an unchanged list, each a connection
    with mutual TLS; the first tenth is not counted.
    """
    with LocalVTN(tls=True, check=False) as vtn:
        own, port = vtn.client_cert("localhost"), free_port()
        ven = OpenADRClient(
            "pushed",
            vtn.url,
            cert=own.cert,
            key=own.key,
            ca_file=vtn.ca_file,
            disable_signature=True,
            push=f"https://localhost:{port}",
            listen=f"127.0.0.1:{port}",
        )
        ven.add_handler("on_event", lambda event: "optIn")
        caller = vtn.client_cert("caller")
        body = vtn.message(DistributeEvent(request_id="r", vtn_id="localvtn"))
        with ven, ProcessPoolExecutor(1, get_context("spawn")) as pusher:
            vtn.wait_for_registration()
            words = (port, str(vtn.ca_file), str(caller.cert), str(caller.key), body)
            pusher.submit(push, count // 10, *words).result()
            before, threads = rss(), threading.active_count()
            begun = time.perf_counter()
            pusher.submit(push, count - count // 10, *words).result()
            seconds = time.perf_counter() - begun
            grown, more = rss() - before, threading.active_count() - threads
    print(
        f"{count} pushes through the listener, each with a TLS handshake: {grown / 1024:+.1f} MiB, "
        f"{more:+d} threads, {1000 * seconds / (count - count // 10):.1f} ms each; load {os.getloadavg()[0]:.1f}"
    )


def push(count: int, port: int, ca_file: str, cert: str, key: str, body: bytes) -> None:
    """A VTN, in a process of its own: as many pushes, one after the other."""
    context = ssl.create_default_context(cafile=ca_file)
    context.load_cert_chain(cert, key)
    head = (
        f"POST /OpenADR2/Simple/2.0b/EiEvent HTTP/1.1\r\nHost: ven\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for _ in range(count):
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(head.encode() + body)
            assert secure.recv(4096).startswith(b"HTTP/1.1 200")


def rss() -> float:
    """Resident memory in KiB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--pushes", type=int, default=10_000)
    options = parser.parse_args()
    measure_latency(options.events)
    measure_growth(options.pushes)


if __name__ == "__main__":
    main()
