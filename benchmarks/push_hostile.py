"""An honest push beside strangers: 100 silent connections, 100 stuck in the hello, 100 that drip a
header, 100 that hold a body, 1,000 connects a second; and what is left when they are gone.

    python benchmarks/push_hostile.py [--count 100] [--rate 1000] [--seconds 10]

The listener is in this process, strangers are in another one, on loopback addresses of their own.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import resource
import socket
import ssl
import statistics
import struct
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import NamedTuple

from ven_sdk.push import Listener, Peer, Response
from ven_sdk.security.credentials import Credentials
from ven_sdk.security.tls import server_context
from ven_sdk.testing import pki

KINDS = ("silent", "hello", "header", "body")
REQUEST = b"POST /OpenADR2/Simple/2.0b/EiEvent HTTP/1.1\r\nHost: ven\r\nContent-Type: application/xml\r\nContent-Length: 4\r\n\r\n<x/>"
PER_ADDRESS = 8


class Files(NamedTuple):
    """Paths of the authority, and of a certificate and key that it vouches for."""

    ca: str
    cert: str
    key: str


def address_of(number: int) -> str:
    """The loopback address of a stranger: eight share one."""
    number //= PER_ADDRESS
    return f"127.1.{number // 250}.{number % 250 + 1}"


def connect(port: int, source: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def caller(files: Files) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=files.ca)
    context.check_hostname = False
    context.load_cert_chain(files.cert, files.key)
    return context


def stand(kind: str, count: int, port: int, files: Files, there: Event, over: Event) -> None:
    """Strangers of one kind, in a process of their own; those that were cut come again."""
    context = caller(files)
    strangers: dict[int, socket.socket] = {}
    while not over.is_set():
        for number in range(count):
            with suppress(OSError):
                if number not in strangers:
                    strangers[number] = stranger(kind, connect(port, address_of(number)), context)
                elif kind == "header":
                    strangers[number].sendall(b"x")
                if is_cut(strangers[number]):
                    strangers.pop(number).close()
        there.set()
        over.wait(0.3)


def stranger(kind: str, raw: socket.socket, context: ssl.SSLContext) -> socket.socket:
    if kind == "silent":
        return raw
    if kind == "hello":
        raw.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        return raw
    secure = context.wrap_socket(raw)
    secure.sendall(b"POST / HTTP/1.1\r\nX: " if kind == "header" else REQUEST[:-2])
    return secure


def is_cut(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return not connection.recv(4096)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(5)


def flood(rate: int, port: int, there: Event, over: Event, made: "multiprocessing.Queue[float]") -> None:
    """So many connects a second, each reset soon; how many there were a second, and what one costs here."""
    there.set()
    begun, spent, count = time.monotonic(), time.process_time(), 0
    held: deque[socket.socket] = deque()
    while not over.is_set():
        while count < (time.monotonic() - begun) * rate:
            held.append(reset_soon(port, address_of(count % 2000)))
            count += 1
            if len(held) > 20:
                held.popleft().close()
        time.sleep(0.002)
    made.put(count / (time.monotonic() - begun))
    made.put((time.process_time() - spent) / count)


def reset_soon(port: int, source: str) -> socket.socket:
    """A connection that is under way, and is reset when it is closed."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.bind((source, 0))
        connection.connect_ex(("127.0.0.1", port))
    return connection


def honest(port: int, context: ssl.SSLContext) -> float:
    """Milliseconds of a push from connecting to the answer."""
    begun = time.perf_counter()
    with context.wrap_socket(connect(port, "127.0.0.1")) as vtn:
        vtn.sendall(REQUEST)
        assert vtn.recv(4096).startswith(b"HTTP/1.1 200")
    return 1000 * (time.perf_counter() - begun)


def times(port: int, files: Files, seconds: float) -> list[float]:
    context, end, found = caller(files), time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(honest(port, context))
        time.sleep(0.02)
    return sorted(found)


def held() -> tuple[int, int, float]:
    """Threads, sockets, and resident MiB of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return threading.active_count(), sockets(), pages * resource.getpagesize() / 2**20


def sockets() -> int:
    count = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            count += os.readlink(each).startswith("socket:")
    return count


def tell(what: str, found: list[float], alone: float) -> None:
    median = statistics.median(found)
    print(
        f"{what:<26} {len(found):4} pushes: median {median:6.1f} ms ({median - alone:+.1f}), "
        f"p95 {found[int(len(found) * 0.95)]:6.1f} ms, worst {found[-1]:6.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own = pki.identity("localhost")
        ca = Path(folder) / "ca.pem"
        ca.write_bytes(own.authority_pem)
        files = Files(str(ca), *own.write(folder))
        credentials = Credentials.load(files.cert, files.key)
        tls = server_context(credentials, files.ca)
        listener = Listener("127.0.0.1", 0, answer, context=lambda: tls)
        listener.start()
        try:
            measure(listener, files, options)
        finally:
            listener.stop()


def answer(path: str, body: bytes, peer: Peer) -> Response:
    return Response(200, {}, b"<ok/>")


def measure(listener: Listener, files: Files, options: argparse.Namespace) -> None:
    _, port = listener.address
    spawn = multiprocessing.get_context("spawn")
    quiet = times(port, files, options.seconds)
    alone = statistics.median(quiet)
    wait_until_empty(listener)
    before = held()
    tell("alone", quiet, alone)
    for kind in KINDS:
        there, over = spawn.Event(), spawn.Event()
        words = (kind, options.count, port, files, there, over)
        run(f"{options.count} x {kind}", spawn.Process(target=stand, args=words), words[-2:], port,
            files, options, alone)  # fmt: skip
    there, over, made = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=flood, args=(options.rate, port, there, over, made))
    run(f"{options.rate} connects a second", process, (there, over), port, files, options, alone)
    print(f"{'':<26} {made.get():.0f} connects a second in fact, {1e6 * made.get():.0f} us of the strangers' processor each")
    wait_until_empty(listener)
    after = held()
    print(
        f"left behind: {after[0] - before[0]:+d} threads, {after[1] - before[1]:+d} sockets, "
        f"{after[2] - before[2]:+.1f} MiB, {listener.connections} connections"
    )


def run(
    what: str,
    process: multiprocessing.process.BaseProcess,
    events: "tuple[Event, Event]",
    port: int,
    files: Files,
    options: argparse.Namespace,
    alone: float,
) -> None:
    there, over = events
    process.start()
    there.wait(60)
    tell(what, times(port, files, options.seconds), alone)
    over.set()
    process.join()


def wait_until_empty(listener: Listener) -> None:
    """A peer whose reset got lost is gone when its connection has been idle for long enough."""
    end = time.monotonic() + listener.limits.idle + 10
    while listener.connections and time.monotonic() < end:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
