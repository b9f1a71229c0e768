"""The VTN double of ``fleet_members.py``: canned answers, and how late each VEN's polls come.

``fleet_double.py PERIOD`` prints its port. ``/N/...`` is VEN N. GET /stats is JSON: polls, VENs that
polled since the last /reset, lateness (s) of polls in 1/100 s steps, and this process's CPU seconds.
"""

import array
import asyncio
import json
import sys
import time

import fixtures as fx


def http(body, ctype="application/xml"):
    return (f"HTTP/1.1 200 OK\r\nContent-Type: {ctype}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


PERIOD = float(sys.argv[1])
RESPONSE, REGISTRATION = http(fx.message("response")), http(fx.message("registration"))
LAST = array.array("d", [0.0]) * 2_000_000
STEPS = [0] * 6001
SEEN = set()
COUNTS = {"polls": 0, "requests": 0, "registrations": 0}


def polled(number):
    now = time.monotonic()
    before, LAST[number] = LAST[number], now
    COUNTS["polls"] += 1
    SEEN.add(number)
    if before:
        late = now - before - PERIOD
        STEPS[min(6000, max(0, int(late * 100)))] += 1


def reset():
    SEEN.clear()
    for step in range(len(STEPS)):
        STEPS[step] = 0
    for name in COUNTS:
        COUNTS[name] = 0


def answer(path):
    if path.startswith("/stats"):
        facts = {**COUNTS, "vens": len(SEEN), "cpu": time.process_time(), "steps": STEPS}
        return http(json.dumps(facts).encode(), "application/json")
    if path.startswith("/reset"):
        reset()
        return http(b"{}", "application/json")
    COUNTS["requests"] += 1
    _, number, *_, service = path.split("/")
    if service == "OadrPoll":
        polled(int(number))
    elif service == "EiRegisterParty":
        COUNTS["registrations"] += 1
        return REGISTRATION
    return RESPONSE


class Http(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = 0
            for line in head.split(b"\r\n")[1:]:
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            self.transport.write(answer(head.split(b" ", 2)[1].decode()))


async def main():
    server = await asyncio.get_running_loop().create_server(Http, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
